// SPDX-License-Identifier: Apache-2.0
#include "controller/conditions.h"

#include <algorithm>

#include "base/rfc3339.h"
#include "base/utf8.h"

namespace bulkhead::controller {

namespace {

using Problems = std::vector<state::Problem>;
using Nature = state::Problem::Nature;

constexpr size_t kMostTold = 5;          // problems of one object
constexpr size_t kLongestMessage = 2000; // bytes; the schema allows 32768

Problems those_of(const Problems& problems, Nature nature) {
    Problems some;
    std::ranges::copy_if(problems, std::back_inserter(some),
                         [&](const auto& problem) { return problem.nature == nature; });
    return some;
}

std::string text_of(const Ending& ending) {
    return ending.field + (ending.field.empty() ? "" : ": ") + "ended at " + rfc3339(ending.at);
}

/// Each in a line of its own, a few of them at most: "spec.allowFrom[0]: ended at 2026-12-01T00:00:00Z".
std::string lines_of(const std::vector<Ending>& endings) {
    std::string message;
    for (size_t i = 0; i < std::min(endings.size(), kMostTold); ++i)
        message += "\n" + text_of(endings[i]);
    if (endings.size() > kMostTold)
        message += "\nand " + std::to_string(endings.size() - kMostTold) + " more have ended";
    return message;
}

const Ending* find_end_of_all(const std::vector<Ending>& endings) {
    const auto found = std::ranges::find(endings, std::string(), &Ending::field);
    return found == endings.end() ? nullptr : &*found;
}

/// What is missing may come, and what the object says holds for the rest: it is in force. So it is if some of its
/// grants have ended, as they were meant to.
Condition ready(const Problems& problems, const std::vector<Ending>& endings) {
    const auto has = [&](Nature nature) { return !those_of(problems, nature).empty(); };
    if (has(Nature::kInvalid)) return {"Ready", "False", "Invalid", message_of(those_of(problems, Nature::kInvalid))};
    if (has(Nature::kConflict))
        return {"Ready", "False", "Conflict", message_of(those_of(problems, Nature::kConflict))};
    if (const auto* end = find_end_of_all(endings)) return {"Ready", "False", "Expired", text_of(*end)};
    const auto ended = lines_of(endings);
    if (has(Nature::kMistake)) return {"Ready", "False", "InForceInPart", message_of(problems) + ended};
    if (!problems.empty()) return {"Ready", "True", "InForce", message_of(problems) + ended};
    if (!ended.empty())
        return {"Ready", "True", "InForce", "what this object says is in force, but for grants that ended" + ended};
    return {"Ready", "True", "InForce", "what this object says is in force"};
}

Condition condition(const char* type, const Problems& problems, const char* otherwise) {
    if (problems.empty()) return {type, "False", "None", otherwise};
    return {type, "True", type, message_of(problems)};
}

Json json_of(const Condition& condition, int64_t generation, const Json& before, const std::string& now) {
    Json json{{"type", condition.type},     {"status", condition.status},   {"observedGeneration", generation},
              {"reason", condition.reason}, {"message", condition.message}, {"lastTransitionTime", now}};
    const auto* last = find_condition(before, condition.type);
    const bool is_as_before =
        last != nullptr && last->value("status", Json()) == json["status"] && last->contains("lastTransitionTime");
    if (is_as_before) json["lastTransitionTime"] = (*last)["lastTransitionTime"];
    return json;
}

} // namespace

const Json* find_condition(const Json& status, const std::string& type) {
    const auto conditions = status.find("conditions");
    if (conditions == status.end() || !conditions->is_array()) return nullptr;
    for (const auto& one : *conditions)
        if (one.is_object() && one.value("type", Json()) == type) return &one;
    return nullptr;
}

std::string message_of(const Problems& problems) {
    std::string message;
    for (size_t i = 0; i < std::min(problems.size(), kMostTold); ++i) {
        const auto& problem = problems[i];
        message += (message.empty() ? "" : "\n") + problem.field + (problem.field.empty() ? "" : ": ") + problem.text;
    }
    if (message.size() > kLongestMessage) message = std::string(cut_utf8(message, kLongestMessage)) + "...";
    if (problems.size() > kMostTold) message += "\nand " + std::to_string(problems.size() - kMostTold) + " more";
    return message;
}

Json status_of(const Problems& problems, const std::vector<Ending>& endings, int64_t generation, const Json& before,
               std::chrono::sys_seconds now, const std::vector<Condition>& more) {
    const auto time = rfc3339(now);
    std::vector<Condition> conditions{
        ready(problems, endings),
        condition("Conflict", those_of(problems, Nature::kConflict), "no other object says otherwise"),
        condition("Invalid", those_of(problems, Nature::kInvalid), "it is understood"),
    };
    conditions.insert(conditions.end(), more.begin(), more.end());
    Json status{{"observedGeneration", generation}, {"conditions", Json::array()}};
    for (const auto& one : conditions)
        status["conditions"].push_back(json_of(one, generation, before, time));
    return status;
}

} // namespace bulkhead::controller
