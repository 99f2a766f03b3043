// SPDX-License-Identifier: Apache-2.0
#include "flow/names.h"

#include <algorithm>
#include <cctype>

#include "base/reasons.h"

namespace bulkhead::flow {

namespace {

template <typename All, typename Value>
const char* name_in(const All& names, Value wanted, const char* otherwise) {
    for (const auto& [value, name] : names)
        if (value == wanted) return name;
    return otherwise;
}

} // namespace

const std::vector<std::pair<bh_reason, const char*>>& reason_names() {
    static const auto names = [] {
        std::vector<std::pair<bh_reason, const char*>> all;
        for (int i = 0; i < BH_REASON_COUNT; ++i) {
            const auto reason = static_cast<bh_reason>(i);
            all.emplace_back(reason, bulkhead::label_of(reason));
        }
        return all;
    }();
    return names;
}

const std::vector<std::pair<bh_direction, const char*>>& direction_names() {
    static const std::vector<std::pair<bh_direction, const char*>> names{{BH_INGRESS, bulkhead::label_of(BH_INGRESS)},
                                                                         {BH_EGRESS, bulkhead::label_of(BH_EGRESS)}};
    return names;
}

bool equals_in_any_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b,
                              [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::optional<bh_verdict> verdict_named(std::string_view name) {
    if (equals_in_any_case(name, "allow")) return BH_VERDICT_ALLOW;
    if (equals_in_any_case(name, "deny")) return BH_VERDICT_DENY;
    return value_of(kOutcomes, name);
}

std::string one_of(const std::vector<std::string>& names) {
    std::string text;
    for (size_t i = 0; i < names.size(); ++i)
        text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
    return text;
}

const char* name_field_of(Kind kind) {
    switch (kind) {
    case Kind::kPod:
        return "pod";
    case Kind::kResource:
        return "resource";
    default:
        return "name";
    }
}

const char* label_of(Kind kind) {
    return name_in(kKinds, kind, "unknown");
}

const char* level_of(const End& end) {
    return name_in(kLevels, end.is_protected, "");
}

const char* outcome_of(bh_verdict verdict) {
    return name_in(kOutcomes, verdict, "denied");
}

} // namespace bulkhead::flow
