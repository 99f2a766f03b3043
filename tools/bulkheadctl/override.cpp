// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/override.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "base/printable.h"
#include "base/rfc3339.h"

namespace bulkhead::ctl {

namespace {

/// Of the moment, so that each is an object of its own, and the tenant, so that people find it. Whatever a name of a
/// Kubernetes object can't have is left out.
std::string name_for(const OverrideOrder& order, std::chrono::sys_seconds now) {
    std::string name = order.tenant.empty() ? "everybody" : order.tenant;
    std::ranges::transform(name, name.begin(), [](unsigned char c) {
        return std::isalnum(c) != 0 ? static_cast<char>(std::tolower(c)) : '-';
    });
    return name + "-" + std::to_string(now.time_since_epoch().count());
}

} // namespace

Result<std::chrono::seconds> parse_length(const std::string& text) {
    static const std::map<std::string, int64_t> kUnits{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto unit = kUnits.find(std::string(end, text.data() + text.size()));
    if (error != std::errc{} || unit == kUnits.end() || number < 1 ||
        number > std::numeric_limits<int32_t>::max() / unit->second)
        return fail("\"" + text + "\" is no length of time: write 90s, 30m, 1h or 2d");
    return std::chrono::seconds(number * unit->second);
}

Query query_of(const OverrideOrder& order) {
    Query query{{"seconds", std::to_string(order.length.count())}, {"reason", order.reason}};
    query.push_back(order.tenant.empty() ? std::pair{"all", "true"} : std::pair{"tenant", order.tenant.c_str()});
    return query;
}

std::string manifest_of(const OverrideOrder& order, std::chrono::sys_seconds now) {
    Json spec;
    if (order.tenant.empty())
        spec["all"] = true;
    else
        spec["tenant"] = order.tenant;
    spec["mode"] = "audit";
    spec["until"] = rfc3339(now + order.length);
    spec["reason"] = order.reason;
    const Json object{{"apiVersion", "bulkhead.dev/v1alpha1"},
                      {"kind", "Override"},
                      {"metadata", {{"name", name_for(order, now)}}},
                      {"spec", std::move(spec)}};
    return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string override_text(const Json& answer, Width) {
    if (answer.contains("ended")) return "ended: what the rule refuses is refused again\n";
    const bool all = !answer.contains("tenant") || answer["tenant"].is_null();
    const auto text = "on this node, until " + answer.value("until", "?") + ", " +
                      (all ? "anything" : "what tenant " + answer.value("tenant", "?") + " refuses") +
                      " passes and is reported; end it earlier with --end";
    return printable(text) + "\n";
}

} // namespace bulkhead::ctl
