// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/advise.h"

#include <unistd.h>

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
#include "flow/names.h"
#include "flow/time.h"
#include "source/check.h"

namespace bulkhead::ctl {

namespace {

using advise::Refusal;
using nlohmann::ordered_json;

constexpr const char* kUntold = "passed so far, and nobody can tell whether it would be refused, since one side has no "
                                "pods now; look again when it has";

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

Result<Planned> refusals_of_plan(const ordered_json& plan) {
    const auto found = plan.find("losses");
    if (found == plan.end() || !found->is_array()) return fail("the answer has no list \"losses\"");
    Planned planned;
    for (size_t i = 0; i < found->size(); ++i) {
        const auto& loss = found->at(i);
        const auto place = "losses[" + std::to_string(i) + "]";
        auto refusal = edge_in(loss);
        if (!refusal) return within(place, refusal.error());
        const auto would = text_at(loss, "would");
        const auto reason = flow::value_of(flow::reason_names(), would);
        if (!would.empty() && !reason) return fail(place + ".would: is no reason");
        if (!reason) {
            planned.untold.push_back({.edge = refusal->edge, .seen = refusal->seen, .text = kUntold});
        } else if (*reason != BH_REASON_CONFINED_AUDIT) { // which its destination lets in
            refusal->seen.reason = *reason;
            planned.refusals.push_back(std::move(*refusal));
        }
    }
    return planned;
}

std::vector<Refusal> refusals_of(const std::vector<flow::Record>& records, const AdviceQuestion& question) {
    std::vector<Refusal> refusals;
    for (const auto& seen : seen_of(records))
        std::ranges::move(asked_about(seen, question), std::back_inserter(refusals));
    return refusals;
}

namespace {

/// What was refused that is asked about, and whose anything is that was seen.
struct Found {
    std::vector<Refusal> refusals{};
    std::vector<advise::Remark> untold{};
    std::set<std::string> tenants{};

    void add(const Seen& seen, const AdviceQuestion& question) {
        std::ranges::move(asked_about(seen, question), std::back_inserter(refusals));
        for (const auto& edge : seen.edges)
            for (const auto& tenant : {edge.seen.source_tenant, edge.seen.destination_tenant})
                if (!tenant.empty()) tenants.insert(tenant);
    }
};

/// A stream that is saved says what it lacks.
void tell_what_lacks(const Told& told) {
    for (const auto& notice : told.notices)
        complain(Error{notice}, kDone);
    for (const auto& why : told.broken)
        complain(Error{"the stream that was kept here ended early: " + why}, kDone);
}

Result<Found> found_in(const std::vector<std::string>& paths, const AdviceQuestion& question) {
    const auto all = read_seen(paths);
    if (!all) return tl::unexpected(all.error());
    tell_what_lacks(*all);
    Found found;
    for (const auto& seen : all->nodes)
        found.add(seen, question);
    return found;
}

Result<Found> found_by_plan(const std::string& protect, const Whom& whom) {
    const auto answer = ask(whom, "/v1/plan", {{"protect", protect}});
    if (!answer) return tl::unexpected(answer.error());
    auto planned = refusals_of_plan(*answer);
    if (!planned) return tl::unexpected(planned.error());
    return Found{.refusals = std::move(planned->refusals), .untold = std::move(planned->untold)};
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

/// What becomes of what was seen, as far as it is known what was.
struct Outcome {
    std::vector<advise::Loss> losses{};
    uint64_t lost = 0;
    bool is_cut_off = false;
};

Result<Outcome> check_by_agent(const AdviseOptions& options, const Whom& whom) {
    const auto change = manifests_of(options.check);
    if (!change) return tl::unexpected(change.error());
    const auto answer = ask(whom, "/v1/check", {}, "POST", *change);
    if (!answer) return tl::unexpected(answer.error());
    auto losses = losses_in(*answer);
    if (!losses) return tl::unexpected(losses.error());
    return Outcome{.losses = std::move(*losses), .lost = answer->value("refused", uint64_t{0})};
}

Result<Outcome> check_by_files(const AdviseOptions& options, const std::vector<state::Object>& cluster,
                               const std::vector<state::Object>& change) {
    const auto told = read_seen(options.input_files);
    if (!told) return tl::unexpected(told.error());
    tell_what_lacks(*told);
    return Outcome{.losses = check_offline(told->nodes, cluster, change, state::Cluster::machine_time()),
                   .lost = told->lost,
                   .is_cut_off = !told->broken.empty()};
}

/// Those that leave something of the files out. What is in force as it says itself, by the stricter reading, is told by
/// whoever enforces it.
std::vector<state::Problem> losing(std::vector<state::Problem> problems, const std::vector<state::Object>& objects) {
    std::set<std::string> kept;
    for (const auto& object : objects)
        kept.insert(state::key_of(object).text());
    std::erase_if(problems, [&](const state::Problem& problem) {
        return problem.nature != state::Problem::Nature::kConflict && kept.contains(problem.object);
    });
    return problems;
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

Result<> can_be_opened(const AdviseOptions& options) {
    auto paths = options.input_files;
    std::erase(paths, "-");
    for (const auto* more : {&options.check, &options.manifests})
        paths.insert(paths.end(), more->begin(), more->end());
    for (const auto& path : paths)
        if (access(path.c_str(), R_OK) != 0) return fail("open " + path, errno);
    return {};
}

int show_check(const AdviseOptions& options, const Whom& whom, const AdviceQuestion& question) {
    if (whom.nodes && options.input_files.empty())
        return complain(Error{"advise --check asks one agent; for all nodes save what they have seen, by bulkheadctl "
                              "--all-nodes edges -o json, and give it with --input-file and --manifests"},
                        kUsage);
    std::vector<state::Problem> problems;
    const auto change = source::read_all(options.check, problems);
    if (!problems.empty()) return complain_of(problems);
    const auto cluster = source::read_all(options.manifests, problems);
    if (problems = losing(std::move(problems), cluster); !problems.empty()) return complain_of(problems);
    auto outcome =
        options.input_files.empty() ? check_by_agent(options, whom) : check_by_files(options, cluster, change);
    if (!outcome) return complain(outcome.error(), exit_of(options, outcome.error()));
    auto& losses = outcome->losses;
    const auto known = options.tenant.empty() ? Result<std::set<std::string>>() : known_tenants(options, whom);
    if (!known) return complain(known.error(), exit_of(options, known.error()));
    if (const auto why = reason_for_nothing(losses, options.tenant, *known); !why.empty())
        return complain(Error{why}, kProblems);
    std::erase_if(losses, [&](const auto& loss) { return !concerns(loss, question); });
    auto checked = sorted(losses);
    checked.lost = outcome->lost;
    checked.is_cut_off = outcome->is_cut_off;
    std::cout << checked_text(checked, terminal_width());
    return checked.is_good() ? kDone : kProblems;
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
                    "FILE|DIR, with --check and --input-file: namespaces and objects of the cluster as they are now; "
                    "judged as by an agent with the defaults of its options")
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
    if (const auto there = can_be_opened(options); !there) return complain(there.error(), kUsage);
    if (!options.check.empty()) return show_check(options, whom, question);
    const auto all = found(options, whom, question);
    if (!all) return complain(all.error(), exit_of(options, all.error()));
    if (all->refusals.empty() && !options.tenant.empty() && !all->tenants.contains(options.tenant)) {
        const auto known = known_tenants(options, whom);
        if (!known) return complain(known.error(), exit_of(options, known.error()));
        if (const auto why = reason_for_nobody(options.tenant, all->tenants, *known); !why.empty())
            return complain(Error{why}, kProblems);
    }
    auto advice = advise::advise(all->refusals);
    advice.remarks.insert(advice.remarks.end(), all->untold.begin(), all->untold.end());
    if (advice.entries.empty() && advice.remarks.empty())
        std::cout << "# Nothing to propose: nothing was refused, or audited, that was asked about.\n";
    else
        std::cout << advise::yaml_of(advice);
    return kDone;
}

} // namespace bulkhead::ctl
