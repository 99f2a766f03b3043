// SPDX-License-Identifier: Apache-2.0
#include "flow/filter.h"

#include <algorithm>

#include "flow/filter_tests.h"

namespace bulkhead::flow {

namespace {

enum class Side : uint8_t { kEither, kSource, kDestination };

struct Named {
    const FilterKind* kind = nullptr;
    Side side = Side::kEither;
    bool is_negated = false;
};

constexpr std::string_view kFrom = "from-";
constexpr std::string_view kTo = "to-";

bool take(std::string_view& name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    return true;
}

/// `kind` is null where nothing has that name.
Named take_apart(std::string_view name) {
    Named named;
    named.is_negated = take(name, kNot);
    if (take(name, kFrom))
        named.side = Side::kSource;
    else if (take(name, kTo))
        named.side = Side::kDestination;
    for (const auto& kind : filter_kinds())
        if (kind.name == name && (kind.of_an_end || named.side == Side::kEither)) named.kind = &kind;
    return named;
}

std::function<bool(const Record&)> test_of(EndTest test, Side side) {
    switch (side) {
    case Side::kSource:
        return [test](const Record& record) { return test(record, record.source); };
    case Side::kDestination:
        return [test](const Record& record) { return test(record, record.destination); };
    default:
        return [test](const Record& record) { return test(record, record.source) || test(record, record.destination); };
    }
}

} // namespace

std::span<const std::string_view> sides_of(const FilterKind& kind) {
    static constexpr std::string_view kSides[] = {"", kFrom, kTo};
    return std::span(kSides).first(kind.of_an_end ? 3 : 1);
}

bool Filter::knows(std::string_view name) {
    return take_apart(name).kind != nullptr;
}

Result<> Filter::add(std::string_view name, std::string_view value) {
    const auto named = take_apart(name);
    if (named.kind == nullptr) return fail(std::string(name) + ": there is no such filter");
    const auto test = parse_test(*named.kind, std::string(value));
    if (!test) return within(std::string(name), test.error());
    auto group = std::ranges::find(groups_, name, &Group::name);
    if (group == groups_.end()) group = groups_.insert(groups_.end(), {std::string(name), named.is_negated, {}});
    group->tests.push_back(test_of(*test, named.side));
    parameters_.emplace_back(name, value);
    return {};
}

bool Filter::matches(const Record& record) const {
    return std::ranges::all_of(groups_, [&](const Group& group) {
        const bool any = std::ranges::any_of(group.tests, [&](const Test& test) { return test(record); });
        return any != group.is_negated;
    });
}

} // namespace bulkhead::flow
