// SPDX-License-Identifier: Apache-2.0
#include "state/objects.h"

#include <algorithm>

namespace bulkhead::state {

namespace {

bool holds(const Selector::Term& term, const Labels& labels) {
    using Op = Selector::Term::Op;
    const auto label = labels.find(term.key);
    const bool present = label != labels.end();
    const auto listed = [&] {
        return std::find(term.values.begin(), term.values.end(), label->second) != term.values.end();
    };
    switch (term.op) {
    case Op::kIn:
        return present && listed();
    case Op::kNotIn: // as in Kubernetes, an absent label is not in any list
        return !present || !listed();
    case Op::kExists:
        return present;
    case Op::kDoesNotExist:
        return !present;
    }
    return false;
}

struct KeyOf {
    static ObjectKey named(const char* kind, const Meta& meta) { return {kind, meta.ns, meta.name}; }
    ObjectKey operator()(const Namespace& object) const { return named("Namespace", object.meta); }
    ObjectKey operator()(const Pod& object) const { return {"Pod", object.ns, object.name}; }
    ObjectKey operator()(const Node& object) const { return named("Node", object.meta); }
    ObjectKey operator()(const EndpointSlice& object) const { return named("EndpointSlice", object.meta); }
    ObjectKey operator()(const Service& object) const { return named("Service", object.meta); }
    ObjectKey operator()(const Tenant& object) const { return named("Tenant", object.meta); }
    ObjectKey operator()(const AccessGrant& object) const { return named("AccessGrant", object.meta); }
    ObjectKey operator()(const AwsResource& object) const { return named("AWSResource", object.meta); }
    ObjectKey operator()(const Override& object) const { return named("Override", object.meta); }
    ObjectKey operator()(const IdentitySlice& object) const { return named("IdentitySlice", object.meta); }
};

struct OriginOf {
    std::string operator()(const Pod& pod) const { return pod.origin.text(); }
    std::string operator()(const auto& object) const { return object.meta.origin; }
};

} // namespace

bool Selector::matches(const Labels& labels) const {
    return std::all_of(terms.begin(), terms.end(), [&](const Term& term) { return holds(term, labels); });
}

bool Selector::asks_only(const std::set<std::string>& keys) const {
    return std::all_of(terms.begin(), terms.end(), [&](const Term& term) { return keys.contains(term.key); });
}

std::vector<Cidr> all_cidrs(const AwsResource& resource) {
    auto all = resource.cidrs;
    all.insert(all.end(), resource.found.begin(), resource.found.end());
    if (!resource.instance_metadata) return all;
    for (const auto* text : {"169.254.169.254/32", "fd00:ec2::254/128"})
        all.push_back(*Cidr::parse(text));
    return all;
}

bool has_network(const AwsResource& resource) {
    return !std::ranges::all_of(all_cidrs(resource), &Cidr::is_single);
}

std::string ObjectKey::text() const {
    return ns.empty() ? kind + " " + name : kind + " " + ns + "/" + name;
}

ObjectKey key_of(const Object& object) {
    return std::visit(KeyOf{}, object);
}

std::string origin_of(const Object& object) {
    return std::visit(OriginOf{}, object);
}

} // namespace bulkhead::state
