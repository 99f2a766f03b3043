// SPDX-License-Identifier: Apache-2.0
//
// What an API server with our CRDs says to the table of wrong objects (support/crd_objects.h), and to the near misses.
#pragma once

#include <map>
#include <sstream>

#include "cluster_fixture.h"
#include "support/crd_objects.h"

namespace bulkhead::test {

constexpr ApiServer::Version kFirstWithRules{1, 25};

/// What the API server says to objects, by their names; nothing of those that it takes. Without kubectl's own opinion.
inline std::map<std::string, std::string> refusals(const ApiServer& server, const std::string& documents) {
    const auto answer = server.kubectl({"create", "--dry-run=server", "--validate=false", "-f", "-"}, documents);
    std::map<std::string, std::string> found;
    const std::string before = "\"row-", after = "\" is invalid:";
    std::string name; // messages may have several lines
    std::istringstream lines(answer.output);
    for (std::string line; std::getline(lines, line);) {
        const auto from = line.find(before), to = line.find(after);
        if (from != std::string::npos && to != std::string::npos) {
            name = line.substr(from + 1, to - from - 1);
        } else if (line.find(" created (") != std::string::npos || line.starts_with("Warning: ")) {
            name.clear();
        }
        found[name] += line + "\n";
    }
    return found;
}

struct Judged {
    WrongObject row;
    std::string wrong; // what the server says to it; empty: it takes it
    std::string right;
};

inline std::vector<Judged> judged(const ApiServer& server) {
    const auto rows = wrong_objects();
    std::string wrong, right;
    for (size_t i = 0; i < rows.size(); ++i) {
        const auto name = "row-" + std::to_string(i);
        wrong += "---\n" + document_of(rows[i].kind, name, rows[i].wrong);
        right += "---\n" + document_of(rows[i].kind, name, rows[i].right);
    }
    auto to_wrong = refusals(server, wrong), to_right = refusals(server, right);
    std::vector<Judged> all;
    for (size_t i = 0; i < rows.size(); ++i) {
        const auto name = "row-" + std::to_string(i);
        all.push_back({rows[i], to_wrong[name], to_right[name]});
    }
    for (const auto& others : {to_wrong[""], to_right[""]}) { // those that were taken; else the table is no YAML
        INFO(others);
        CHECK(others.find("rror") == std::string::npos);
    }
    return all;
}

inline void check_refused(const ApiServer& server, Refuses by) {
    const bool knows_rules = require(server.version()) >= kFirstWithRules;
    size_t seen = 0;
    for (const auto& [row, wrong, right] : judged(server)) {
        INFO(row.kind << " with " << row.what << "\n" << row.wrong << "\n" << wrong << row.right << "\n" << right);
        CHECK(right.empty());
        if (row.refuses != by) continue;
        ++seen;
        CHECK_FALSE(wrong.empty());
        CHECK(wrong.find(row.server_says) != std::string::npos);
        if (knows_rules) CHECK(wrong.find(row.rules_say) != std::string::npos);
    }
    CHECK(seen > 5);
}

} // namespace bulkhead::test
