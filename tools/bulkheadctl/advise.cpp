// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/advise.h"

#include <fstream>
#include <iostream>
#include <map>

#include <CLI/CLI.hpp>

#include "bulkheadctl/client.h"
#include "bulkheadctl/exits.h"
#include "flow/edge_json.h"
#include "flow/stream.h"
#include "flow/time.h"

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

/// Labels that aren't as they should be name nobody.
state::Labels labels_of(const ordered_json& edge, const char* side) {
    state::Labels labels;
    const auto party = edge.find(side);
    if (party == edge.end() || !party->is_object() || !party->contains("labels")) return labels;
    for (const auto& [key, value] : party->at("labels").items())
        if (value.is_string()) labels[key] = value.get<std::string>();
    return labels;
}

Result<Refusal> refusal_in(const ordered_json& json) {
    const auto edge = flow::parse_edge(json);
    if (!edge) return tl::unexpected(edge.error());
    return Refusal{.edge = edge->first,
                   .seen = edge->second,
                   .source_labels = labels_of(json, "source"),
                   .destination_labels = labels_of(json, "destination")};
}

template <typename Take>
Result<> each_of(const ordered_json& json, const char* list, Take take) {
    const auto found = json.find(list);
    if (found == json.end() || !found->is_array()) return fail(std::string("the answer has no list \"") + list + "\"");
    for (size_t i = 0; i < found->size(); ++i) {
        auto refusal = refusal_in(found->at(i));
        if (!refusal) return within(std::string(list) + "[" + std::to_string(i) + "]", refusal.error());
        take(std::move(*refusal), found->at(i));
    }
    return {};
}

} // namespace

Result<std::vector<Refusal>> refusals_in(const ordered_json& edges, const AdviceQuestion& question) {
    std::vector<Refusal> refusals;
    const auto read = each_of(edges, "edges", [&](Refusal refusal, const ordered_json&) {
        if (is_asked_about(refusal.edge, refusal.seen, question)) refusals.push_back(std::move(refusal));
    });
    if (!read) return tl::unexpected(read.error());
    return refusals;
}

Result<std::vector<Refusal>> refusals_of_plan(const ordered_json& plan) {
    std::vector<Refusal> refusals;
    const auto read = each_of(plan, "losses", [&](Refusal refusal, const ordered_json& loss) {
        refusal.seen.reason =
            loss.contains("would") && loss["would"] == "confined" ? BH_REASON_CONFINED : BH_REASON_NOT_GRANTED;
        refusals.push_back(std::move(refusal));
    });
    if (!read) return tl::unexpected(read.error());
    return refusals;
}

std::vector<Refusal> refusals_of(const std::vector<flow::Record>& records, const AdviceQuestion& question) {
    flow::Edges edges;
    std::map<flow::Party, state::Labels> labels;
    for (const auto& record : records) {
        const auto added = edges.add(record);
        if (added.edge == nullptr) continue;
        for (const auto& [party, end] : {std::pair{added.edge->first.source, &record.source},
                                         std::pair{added.edge->first.destination, &record.destination}}) {
            const auto [known, is_first] = labels.try_emplace(party, end->labels);
            if (!is_first) advise::keep_common(known->second, end->labels);
        }
    }
    std::vector<Refusal> refusals;
    for (const auto& [edge, seen] : edges.rows())
        if (is_asked_about(edge, seen, question))
            refusals.push_back({.edge = edge,
                                .seen = seen,
                                .source_labels = labels[edge.source],
                                .destination_labels = labels[edge.destination]});
    return refusals;
}

namespace {

Result<std::vector<flow::Record>> records_in(std::istream& input, const std::string& name) {
    std::vector<flow::Record> records;
    size_t number = 0;
    for (std::string text; std::getline(input, text);) {
        ++number;
        if (text.empty()) continue;
        const auto line = flow::parse_line(ordered_json::parse(text, nullptr, false));
        if (!line) return within(name + ":" + std::to_string(number), line.error());
        if (const auto* record = std::get_if<flow::Record>(&*line)) records.push_back(*record);
    }
    if (input.bad()) return fail("read " + name, errno);
    return records;
}

Result<std::vector<Refusal>> from_file(const std::string& path, const AdviceQuestion& question) {
    std::ifstream file;
    if (path != "-") file.open(path);
    if (path != "-" && !file) return fail("open " + path, errno);
    const auto records = records_in(path == "-" ? std::cin : file, path == "-" ? "stdin" : path);
    if (!records) return tl::unexpected(records.error());
    return refusals_of(*records, question);
}

Result<std::vector<Refusal>> from_agent(const AdviseOptions& options, const Whom& whom,
                                        const AdviceQuestion& question) {
    const bool plans = !options.protect.empty();
    const auto answer = plans ? ask(whom, "/v1/plan", {{"protect", options.protect}}) : ask(whom, "/v1/edges", {});
    if (!answer) return tl::unexpected(answer.error());
    return plans ? refusals_of_plan(*answer) : refusals_in(*answer, question);
}

int exit_of(const AdviseOptions& options, const Error& error) {
    if (!options.input_file.empty()) return kProblems;
    return error.code == kRefused ? kRefusal : kNoAgent;
}

} // namespace

void add_advise_options(CLI::App& command, AdviseOptions& options) {
    auto* tenant =
        command.add_option("--tenant", options.tenant, "what it refused, or audited, and its own confinement");
    auto* protect =
        command.add_option("--protect", options.protect, "a namespace or tenant: what plan says would be refused");
    auto* since = command.add_option("--since", options.since, "only what was seen since: 7d, 12h, or RFC 3339");
    auto* file = command.add_option("--input-file", options.input_file,
                                    "flows as bulkheadctl flows -o json writes them, - for stdin; asks no agent");
    protect->excludes(tenant)->excludes(since)->excludes(file);
    command.footer(kExitCodes);
}

int show_advice(const AdviseOptions& options, const Whom& whom) {
    AdviceQuestion question{.tenant = options.tenant, .since = {}};
    if (!options.since.empty()) {
        const auto since = flow::parse_time(options.since, flow::now());
        if (!since) return complain(Error{"--since: " + since.error().text}, kUsage);
        question.since = *since;
    }
    const auto refusals =
        options.input_file.empty() ? from_agent(options, whom, question) : from_file(options.input_file, question);
    if (!refusals) return complain(refusals.error(), exit_of(options, refusals.error()));
    if (refusals->empty())
        std::cout << "# Nothing to propose: nothing was refused, or audited, that was asked about.\n";
    else
        std::cout << advise::yaml_of(advise::advise(*refusals));
    return kDone;
}

} // namespace bulkhead::ctl
