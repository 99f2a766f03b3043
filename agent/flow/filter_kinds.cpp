// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "flow/filter_tests.h"
#include "flow/names.h"

namespace bulkhead::flow {

namespace {

using Parser = Result<EndTest> (*)(const std::string&);

struct KindAndParser {
    FilterKind kind;
    Parser parse;
};

/// "a/b" as {"a", "b"}, "b" as {nothing, "b"}.
std::pair<std::optional<std::string>, std::string> split(const std::string& text) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) return {std::nullopt, text};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

/// Names of pods end in what nobody remembers, so their beginning is enough; a namespace is meant whole.
Result<EndTest> of_pod(const std::string& text) {
    const auto [ns, name] = split(text);
    if (ns ? ns->empty() : name.empty()) return fail("\"" + text + "\" is no [NAMESPACE/]NAME");
    return [ns, name](const Record&, const End& end) {
        return end.kind == Kind::kPod && (!ns || end.ns == *ns) && end.name.starts_with(name);
    };
}

Result<EndTest> of_namespace(const std::string& text) {
    return [text](const Record&, const End& end) { return end.ns == text; };
}

Result<EndTest> of_tenant(const std::string& text) {
    return [text](const Record&, const End& end) { return end.tenant == text; };
}

Result<EndTest> of_level(const std::string& text) {
    const auto level = value_of(kLevels, text);
    if (!level) return fail("\"" + text + "\" is not " + one_of(list_of(kLevels)));
    return [is_protected = *level](const Record&, const End& end) { return end.is_protected == is_protected; };
}

Result<EndTest> of_ip(const std::string& text) {
    const auto cidr = Cidr::parse(text);
    if (!cidr) return tl::unexpected(cidr.error());
    return [cidr = *cidr](const Record&, const End& end) { return end.has_address() && cidr.contains(end.address); };
}

std::optional<uint16_t> port_in(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

Result<EndTest> of_port(const std::string& text) {
    const auto dash = text.find('-');
    const auto first = port_in(text.substr(0, dash));
    const auto last = dash == std::string::npos ? first : port_in(text.substr(dash + 1));
    if (!first || !last || *first > *last)
        return fail("\"" + text + "\" is neither a port from 1 to 65535 nor FIRST-LAST");
    return
        [first = *first, last = *last](const Record&, const End& end) { return end.port >= first && end.port <= last; };
}

/// "ICMP" is what people say for both.
Result<EndTest> of_protocol(const std::string& text) {
    const auto number = parse_protocol(text);
    if (!number) return tl::unexpected(number.error());
    const bool both = equals_in_any_case(text, "icmp");
    return [number = *number, both](const Record& record, const End& end) {
        return end.has_address() && (both ? is_icmp(record.protocol) : record.protocol == number);
    };
}

Result<EndTest> of_workload(const std::string& text) {
    const auto [kind, name] = split(text);
    if (name.empty() || (kind && kind->empty())) return fail("\"" + text + "\" is no [KIND/]NAME");
    return [kind, name](const Record&, const End& end) {
        return end.workload.name == name && (!kind || equals_in_any_case(end.workload.kind, *kind));
    };
}

Result<EndTest> of_resource(const std::string& text) {
    return [text](const Record&, const End& end) { return end.kind == Kind::kResource && end.name == text; };
}

Result<EndTest> of_label(const std::string& text) {
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    if (key.empty()) return fail("\"" + text + "\" is neither KEY nor KEY=VALUE");
    std::optional<std::string> value;
    if (equals != std::string::npos) value = text.substr(equals + 1);
    return [key, value](const Record&, const End& end) {
        const auto found = end.labels.find(key);
        return found != end.labels.end() && (!value || found->second == *value);
    };
}

Result<EndTest> of_kind(const std::string& text) {
    const auto kind = value_of(kKinds, text);
    if (!kind) return fail("\"" + text + "\" is not " + one_of(list_of(kKinds)));
    return [kind = *kind](const Record&, const End& end) { return end.kind == kind; };
}

Result<EndTest> of_verdict(const std::string& text) {
    const auto verdict = verdict_named(text);
    if (!verdict) return fail("\"" + text + "\" is not " + one_of(list_of(kOutcomes)));
    return [verdict = *verdict](const Record& record, const End&) { return record.verdict == verdict; };
}

Result<EndTest> of_reason(const std::string& text) {
    const auto reason = value_of(reason_names(), text);
    if (!reason) return fail("\"" + text + "\" is no reason: bulkheadctl reasons lists them");
    return [reason = *reason](const Record& record, const End&) { return record.reason == reason; };
}

Result<EndTest> of_direction(const std::string& text) {
    const auto direction = value_of(direction_names(), text);
    if (!direction) return fail("\"" + text + "\" is not " + one_of(list_of(direction_names())));
    return [direction = *direction](const Record& record, const End&) { return record.direction == direction; };
}

Result<EndTest> of_node(const std::string& text) {
    return [text](const Record& record, const End&) { return record.node == text; };
}

Result<EndTest> of_family(const std::string& text) {
    if (text != "4" && text != "6") return fail("\"" + text + "\" is neither 4 nor 6");
    const uint8_t family = text == "4" ? BH_IPV4 : BH_IPV6;
    return [family](const Record&, const End& end) { return end.address.family == family; };
}

const std::vector<KindAndParser>& all_kinds() {
    static const std::vector<KindAndParser> kinds{
        {{"pod", "[NAMESPACE/]NAME",
          "a pod whose name begins so; in any namespace if none is given, NAMESPACE/ for all of one", true},
         of_pod},
        {{"namespace", "NAME", "what is in this namespace", true, {}, "n"}, of_namespace},
        {{"tenant", "NAME", "what belongs to this tenant, as `bulkheadctl tenants` names it", true}, of_tenant},
        {{"level", "LEVEL", "protected or non-protected", true, list_of(kLevels)}, of_level},
        {{"ip", "ADDRESS|CIDR", "an address, or all of a CIDR", true}, of_ip},
        {{"port", "PORT[-LAST]", "a port, or all from one to another", true}, of_port},
        {{"protocol", "PROTOCOL", "TCP, UDP, SCTP, ICMP (IPv4's and IPv6's), ICMPv6, or a number", true,
          list_of(kProtocols)},
         of_protocol},
        {{"workload", "[KIND/]NAME", "pods of this workload: web, Deployment/web", true}, of_workload},
        {{"resource", "NAME", "this AWSResource", true}, of_resource},
        {{"label", "KEY[=VALUE]", "pods with this label, as far as this node knows it", true, {}, "l"}, of_label},
        {{"kind", "KIND", "what it is: a pod, a host, the world, ...", true, list_of(kKinds)}, of_kind},
        {{"verdict", "VERDICT", "allowed, denied or audit", false, list_of(kOutcomes)}, of_verdict},
        {{"reason", "REASON", "why, as `bulkheadctl reasons` names it", false, list_of(reason_names())}, of_reason},
        {{"direction", "DIRECTION", "ingress or egress, as the pod sees it at which it was judged", false,
          list_of(direction_names())},
         of_direction},
        {{"node", "NAME", "judged on this node", false}, of_node},
        {{"family", "FAMILY", "4 or 6", false, {"4", "6"}}, of_family},
    };
    return kinds;
}

} // namespace

const std::vector<FilterKind>& filter_kinds() {
    static const auto kinds = [] {
        std::vector<FilterKind> only;
        for (const auto& one : all_kinds())
            only.push_back(one.kind);
        return only;
    }();
    return kinds;
}

Result<EndTest> parse_test(const FilterKind& kind, const std::string& value) {
    const auto& kinds = all_kinds();
    const auto found = std::ranges::find(kinds, kind.name, [](const KindAndParser& one) { return one.kind.name; });
    if (value.empty()) return fail("is empty");
    return found->parse(value);
}

} // namespace bulkhead::flow
