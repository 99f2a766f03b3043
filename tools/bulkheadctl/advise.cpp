// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/advise.h"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <set>

#include <CLI/CLI.hpp>

#include "bulkheadctl/check.h"
#include "bulkheadctl/client.h"
#include "bulkheadctl/exits.h"
#include "bulkheadctl/parse_json.h"
#include "bulkheadctl/table.h"
#include "flow/time.h"
#include "source/check.h"

namespace bulkhead::ctl {

namespace {

using advise::Refusal;
using nlohmann::ordered_json;

bool is_confinement(bh_reason reason) {
    return reason == BH_REASON_CONFINED || reason == BH_REASON_CONFINED_AUDIT;
}

/// Whose word refused it: the source's own confinement, or the destination's protection.
bool is_asked_about(const flow::EdgeKey& edge, const flow::Sighting& seen, const AdviceQuestion& question) {
    if (edge.verdict == BH_VERDICT_ALLOW) return false;
    if (question.since && seen.last < *question.since) return false;
    const auto& whose = is_confinement(seen.reason) ? seen.source_tenant : seen.destination_tenant;
    return question.tenant.empty() || whose == question.tenant;
}

std::vector<Refusal> asked_about(const Seen& seen, const AdviceQuestion& question) {
    std::vector<Refusal> refusals;
    std::ranges::copy_if(seen.edges, std::back_inserter(refusals),
                         [&](const Refusal& one) { return is_asked_about(one.edge, one.seen, question); });
    return refusals;
}

} // namespace

Result<std::vector<Refusal>> refusals_in(const ordered_json& edges, const AdviceQuestion& question) {
    const auto seen = seen_in(edges);
    if (!seen) return tl::unexpected(seen.error());
    return asked_about(*seen, question);
}

Result<std::vector<Refusal>> refusals_of_plan(const ordered_json& plan) {
    const auto found = plan.find("losses");
    if (found == plan.end() || !found->is_array()) return fail("the answer has no list \"losses\"");
    std::vector<Refusal> refusals;
    for (size_t i = 0; i < found->size(); ++i) {
        const auto& loss = found->at(i);
        auto refusal = edge_in(loss);
        if (!refusal) return within("losses[" + std::to_string(i) + "]", refusal.error());
        refusal->seen.reason = loss.value("would", "") == "confined" ? BH_REASON_CONFINED : BH_REASON_NOT_GRANTED;
        refusals.push_back(std::move(*refusal));
    }
    return refusals;
}

std::vector<Refusal> refusals_of(const std::vector<flow::Record>& records, const AdviceQuestion& question) {
    return asked_about(seen_of(records), question);
}

namespace {

/// What was refused that is asked about, and whose anything is that was seen.
struct Found {
    std::vector<Refusal> refusals;
    std::set<std::string> tenants{};

    void add(const Seen& seen, const AdviceQuestion& question) {
        std::ranges::move(asked_about(seen, question), std::back_inserter(refusals));
        for (const auto& edge : seen.edges)
            for (const auto& tenant : {edge.seen.source_tenant, edge.seen.destination_tenant})
                if (!tenant.empty()) tenants.insert(tenant);
    }
};

Result<Found> found_in(const std::vector<std::string>& paths, const AdviceQuestion& question) {
    const auto all = read_seen(paths);
    if (!all) return tl::unexpected(all.error());
    Found found;
    for (const auto& seen : *all)
        found.add(seen, question);
    return found;
}

Result<Found> found_by_plan(const std::string& protect, const Whom& whom) {
    const auto answer = ask(whom, "/v1/plan", {{"protect", protect}});
    if (!answer) return tl::unexpected(answer.error());
    auto refusals = refusals_of_plan(*answer);
    if (!refusals) return tl::unexpected(refusals.error());
    return Found{.refusals = std::move(*refusals)};
}

Result<Found> found(const AdviseOptions& options, const Whom& whom, const AdviceQuestion& question) {
    if (!options.input_files.empty()) return found_in(options.input_files, question);
    if (!options.protect.empty()) return found_by_plan(options.protect, whom);
    const auto answer = ask(whom, "/v1/edges", {});
    if (!answer) return tl::unexpected(answer.error());
    const auto seen = seen_in(*answer);
    if (!seen) return tl::unexpected(seen.error());
    Found found;
    found.add(*seen, question);
    return found;
}

int exit_of(const AdviseOptions& options, const Error& error) {
    if (!options.input_files.empty()) return kProblems;
    return error.code == kRefused ? kRefusal : kNoAgent;
}

Result<std::vector<advise::Loss>> check_by_agent(const AdviseOptions& options, const Whom& whom) {
    const auto change = manifests_of(options.check);
    if (!change) return tl::unexpected(change.error());
    const auto answer = ask(whom, "/v1/check", {}, "POST", *change);
    if (!answer) return tl::unexpected(answer.error());
    return losses_in(*answer);
}

Result<std::vector<advise::Loss>> check_by_files(const AdviseOptions& options,
                                                 const std::vector<state::Object>& change) {
    std::vector<state::Problem> problems; // of what is in force already: nobody asked
    const auto cluster = source::read_all(options.manifests, problems);
    const auto seen = read_seen(options.input_files);
    if (!seen) return tl::unexpected(seen.error());
    return check_offline(*seen, cluster, change, state::Cluster::machine_time());
}

/// An object that isn't understood would change nothing, and so hide what it would do.
int complain_of(const std::vector<state::Problem>& problems) {
    for (const auto& problem : problems) {
        std::string text = problem.origin;
        for (const auto* part : {&problem.object, &problem.field})
            if (!part->empty()) text += ", " + *part;
        complain(Error{text + ": " + problem.text}, kProblems);
    }
    return kProblems;
}

/// Those of which an agent that was asked knows; without an agent, those that the files declare.
Result<std::set<std::string>> known_tenants(const AdviseOptions& options, const Whom& whom) {
    if (!options.input_files.empty()) {
        auto paths = options.manifests;
        paths.insert(paths.end(), options.check.begin(), options.check.end());
        std::vector<state::Problem> problems; // are told elsewhere
        return declared_tenants(source::read_all(paths, problems));
    }
    const auto answer = ask(whom, "/v1/tenants", {{"known", "true"}});
    if (!answer) return tl::unexpected(answer.error());
    std::set<std::string> names;
    const auto add = [&](const ordered_json& one) {
        if (!one.is_object()) return; // a node may say anything
        for (const auto& tenant : one.value("tenants", ordered_json()))
            names.insert(text_at(tenant, "name"));
        for (const auto& name : one.value("known", ordered_json()))
            if (name.is_string()) names.insert(name.get<std::string>());
    };
    add(*answer);
    if (!answer->is_object()) return names;
    for (const auto& one : answer->value("nodes", ordered_json()))
        add(one);
    return names;
}

/// Of either side.
bool concerns(const advise::Loss& loss, const AdviceQuestion& question) {
    if (question.since && loss.seen.last < *question.since) return false;
    return question.tenant.empty() || loss.seen.source_tenant == question.tenant ||
           loss.seen.destination_tenant == question.tenant;
}

int show_check(const AdviseOptions& options, const Whom& whom, const AdviceQuestion& question) {
    if (whom.nodes && options.input_files.empty())
        return complain(Error{"advise --check asks one agent; for all nodes save what they have seen, by bulkheadctl "
                              "--all-nodes edges -o json, and give it with --input-file and --manifests"},
                        kUsage);
    std::vector<state::Problem> problems;
    const auto change = source::read_all(options.check, problems);
    if (!problems.empty()) return complain_of(problems);
    auto losses = options.input_files.empty() ? check_by_agent(options, whom) : check_by_files(options, change);
    if (!losses) return complain(losses.error(), exit_of(options, losses.error()));
    const auto known = options.tenant.empty() ? Result<std::set<std::string>>() : known_tenants(options, whom);
    if (!known) return complain(known.error(), exit_of(options, known.error()));
    if (const auto why = reason_for_nothing(*losses, options.tenant, *known); !why.empty())
        return complain(Error{why}, kProblems);
    std::erase_if(*losses, [&](const auto& loss) { return !concerns(loss, question); });
    const auto checked = sorted(*losses);
    std::cout << checked_text(checked, terminal_width());
    return checked.refused.empty() ? kDone : kProblems;
}

} // namespace

void add_advise_options(CLI::App& command, AdviseOptions& options) {
    auto* tenant =
        command.add_option("--tenant", options.tenant, "what it refused, or audited, and its own confinement");
    auto* protect =
        command.add_option("--protect", options.protect, "a namespace or tenant: what plan says would be refused");
    auto* since = command
                      .add_option("--since", options.since,
                                  "only what was seen last since then: 7d, 12h (so long ago), or RFC 3339, "
                                  "2026-11-29T03:00:00Z")
                      ->option_text("TIME");
    auto* file = command
                     .add_option("--input-file", options.input_files,
                                 "what bulkheadctl edges -o json or flows -o json wrote, - for stdin; asks no agent")
                     ->option_text("FILE ...");
    auto* check = command
                      .add_option("--check", options.check,
                                  "FILE|DIR, a change that isn't applied: of all that was seen, what would be refused; "
                                  "exit code 1 if anything")
                      ->option_text("FILE ...");
    command
        .add_option("--manifests", options.manifests,
                    "FILE|DIR, with --check and --input-file: namespaces and objects of the cluster as they are now")
        ->option_text("FILE ...")
        ->needs(check)
        ->needs(file);
    protect->excludes(tenant)->excludes(since)->excludes(file)->excludes(check);
    command.footer(kExitCodes);
}

int show_advice(const AdviseOptions& options, const Whom& whom) {
    AdviceQuestion question{.tenant = options.tenant, .since = {}};
    if (!options.since.empty()) {
        const auto since = flow::parse_time(options.since, flow::now());
        if (!since) return complain(Error{"--since: " + since.error().text}, kUsage);
        question.since = *since;
    }
    if (!options.check.empty()) return show_check(options, whom, question);
    const auto all = found(options, whom, question);
    if (!all) return complain(all.error(), exit_of(options, all.error()));
    if (all->refusals.empty() && !options.tenant.empty() && !all->tenants.contains(options.tenant)) {
        const auto known = known_tenants(options, whom);
        if (!known) return complain(known.error(), exit_of(options, known.error()));
        if (const auto why = reason_for_nobody(options.tenant, all->tenants, *known); !why.empty())
            return complain(Error{why}, kProblems);
    }
    if (all->refusals.empty())
        std::cout << "# Nothing to propose: nothing was refused, or audited, that was asked about.\n";
    else
        std::cout << advise::yaml_of(advise::advise(all->refusals));
    return kDone;
}

} // namespace bulkhead::ctl
