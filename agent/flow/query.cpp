// SPDX-License-Identifier: Apache-2.0
#include "flow/query.h"

#include <charconv>

#include "flow/names.h"
#include "flow/time.h"

namespace bulkhead::flow {

namespace {

Result<size_t> parse_count(const std::string& text) {
    size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return fail("\"" + text + "\" is not a whole number");
    return number;
}

Result<bool> parse_flag(const std::string& text) {
    if (text == "true" || text.empty()) return true;
    if (text == "false") return false;
    return fail("\"" + text + "\" is neither true nor false");
}

template <typename Value, typename Into>
Result<> keep(Result<Value> value, Into& into) {
    if (!value) return tl::unexpected(value.error());
    into = std::move(*value);
    return {};
}

/// False where the name isn't one of the query's own.
Result<bool> read_own(Query& query, const std::string& name, const std::string& value, Time now) {
    Result<> done;
    if (name == "last")
        done = keep(parse_count(value), query.last);
    else if (name == "since")
        done = keep(parse_time(value, now), query.since);
    else if (name == "until")
        done = keep(parse_time(value, now), query.until);
    else if (name == "follow")
        done = keep(parse_flag(value), query.follow);
    else
        return false;
    if (!done) return within(name, done.error());
    return true;
}

} // namespace

bool Query::matches(const Record& record) const {
    if (since && record.time < *since) return false;
    if (until && record.time > *until) return false;
    return filter.matches(record);
}

bool Query::may_want(bh_verdict verdict) const {
    bool any_is_named = false;
    bool this_is_named = false;
    for (const auto& [name, value] : filter.parameters()) {
        const bool is_this = verdict_named(value) == verdict;
        if (name == "not-verdict" && is_this) return false;
        if (name != "verdict") continue;
        any_is_named = true;
        this_is_named |= is_this;
    }
    return this_is_named || !any_is_named;
}

Result<Query> parse_query(const std::multimap<std::string, std::string>& parameters, Time now) {
    Query query;
    for (const auto& [name, value] : parameters) {
        const auto own = read_own(query, name, value, now);
        if (!own) return tl::unexpected(own.error());
        if (*own && parameters.count(name) > 1) return fail(name + ": stands more than once");
        if (*own) continue;
        if (const auto added = query.filter.add(name, value); !added) return tl::unexpected(added.error());
    }
    if (query.follow && query.until) return fail("until: what is followed has no end");
    return query;
}

std::vector<Parameter> parameters_of(const Query& query) {
    auto parameters = query.filter.parameters();
    if (query.last) parameters.emplace_back("last", std::to_string(*query.last));
    if (query.since) parameters.emplace_back("since", rfc3339_nano(*query.since));
    if (query.until) parameters.emplace_back("until", rfc3339_nano(*query.until));
    if (query.follow) parameters.emplace_back("follow", "true");
    return parameters;
}

} // namespace bulkhead::flow
