// SPDX-License-Identifier: Apache-2.0
#include "source/parts.h"

namespace bulkhead::source {

namespace {

std::vector<state::Opening> read_openings(const Field& field) {
    std::vector<state::Opening> openings;
    field.each([&](const Field& entry) {
        entry.only({"namespaceSelector", "podSelector", "ports"});
        openings.push_back({.target = read_target(entry), .ports = read_ports(entry["ports"], PortNames::kAllowed)});
    });
    return openings;
}

std::vector<state::Grant> read_tenant_grants(const Field& field) {
    std::vector<state::Grant> grants;
    field.each([&](const Field& entry) {
        entry.only({"from", "to", "ports", "until", "reason"});
        auto grant = read_grant(entry, PortNames::kAllowed);
        const auto to = entry["to"];
        to.only({"namespaceSelector", "podSelector"});
        grant.to = read_target(to);
        grants.push_back(std::move(grant));
    });
    return grants;
}

std::vector<state::AllowTo> read_allow_to(const Field& field) {
    std::vector<state::AllowTo> entries;
    field.each([&](const Field& entry) {
        entry.only({"to", "ports"});
        entries.push_back({.to = read_peers(entry["to"]), .ports = read_ports(entry["ports"], PortNames::kAllowed)});
    });
    return entries;
}

std::vector<std::string> read_names(const Field& field) {
    std::vector<std::string> names;
    field.each([&](const Field& item) {
        if (auto name = read_name(item)) names.push_back(std::move(*name));
    });
    return names;
}

} // namespace

state::Tenant decode_tenant(const Field& document, const DecodeContext& context) {
    check_frame(document);
    check_cluster_scoped(document);
    const auto spec = document["spec"];
    spec.only({"namespaces", "namespaceSelector", "level", "mode", "sealed", "confined", "podExpose", "accessGrants",
               "sourceCheck", "expose", "trusted", "allowFrom", "allowTo", "aws"});
    return {.meta = read_meta(document, context),
            .namespaces = read_names(spec["namespaces"]),
            .namespace_selector = read_selector(spec["namespaceSelector"]),
            .level = read_level(spec["level"]),
            .mode = read_mode(spec["mode"]),
            .sealed = spec["sealed"].boolean().value_or(false),
            .confined = spec["confined"].boolean().value_or(false),
            .pod_expose = spec["podExpose"].boolean().value_or(true),
            .access_grants = spec["accessGrants"].boolean().value_or(true),
            .source_check = spec["sourceCheck"].boolean().value_or(true),
            .expose = read_openings(spec["expose"]),
            .trusted = read_openings(spec["trusted"]),
            .allow_from = read_tenant_grants(spec["allowFrom"]),
            .allow_to = read_allow_to(spec["allowTo"]),
            .place = read_aws_place(spec["aws"])};
}

state::AccessGrant decode_access_grant(const Field& document, const DecodeContext& context) {
    check_frame(document);
    const auto spec = document["spec"];
    spec.only({"podSelector", "from", "ports", "until", "reason"});
    state::AccessGrant read{.meta = read_meta(document, context), .grant = read_grant(spec, PortNames::kAllowed)};
    read.grant.to.pods = read_selector(spec["podSelector"]);
    return read;
}

/// What opens must say for how long and why, or it says nothing.
state::Override decode_override(const Field& document, const DecodeContext& context) {
    check_frame(document);
    check_cluster_scoped(document);
    const auto spec = document["spec"];
    spec.only({"tenant", "all", "mode", "until", "reason"});
    const bool all = spec["all"].boolean().value_or(false);
    if (all == spec["tenant"].present()) spec.complain("must be either of one tenant, or \"all: true\"");
    if (read_mode(spec["mode"]).value_or(state::Mode::kAudit) != state::Mode::kAudit)
        spec["mode"].complain("is audit: an override can't make anything stricter");
    const auto until = read_end(spec["until"]);
    if (!spec["until"].present()) spec["until"].complain("is missing: an override has an end");
    const auto reason = spec["reason"].string().value_or("");
    if (reason.empty()) spec["reason"].complain("is missing: say why, for whoever finds it");
    return {.meta = read_meta(document, context),
            .tenant = read_tenant(spec["tenant"]),
            .until = until.value_or(state::Time{}),
            .reason = reason};
}

} // namespace bulkhead::source
