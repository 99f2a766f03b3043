// SPDX-License-Identifier: Apache-2.0
#include "controller/bindings.h"

#include <algorithm>

#include "source/parts.h"

namespace bulkhead::controller {

namespace {

using source::Field;
using Nature = state::Problem::Nature;

constexpr size_t kMostRules = 16;  // of a binding, each an AccessGrant; the controller there makes one or two
constexpr size_t kMostPeers = 128; // the schema's, as the next two
constexpr size_t kMostPorts = 128;
constexpr size_t kLongestGrantName = 253;

std::string bound_text(const Field& field) {
    return field.string().value_or("");
}

/// A number, or a name.
void read_bound_port(const Field& field, uint16_t& number, std::string& name) {
    if (!field.present()) return;
    if (field.value().string() != nullptr)
        name = *field.value().string();
    else if (const auto said = field.integer().value_or(0); said > 0 && said <= UINT16_MAX)
        number = static_cast<uint16_t>(said);
}

BoundPeer read_bound_peer(const Field& peer) {
    const auto block = peer["ipBlock"];
    const auto group = peer["securityGroup"];
    return {.cidr = bound_text(block["cidr"]), .group = bound_text(group["groupID"])};
}

BoundRule read_rule(const Field& entry) {
    BoundRule rule;
    const auto from = entry["from"];
    // Of each list one more than is granted, so that it shows, and not all that somebody may write.
    from.each([&](const Field& peer) {
        if (rule.from.size() <= kMostPeers) rule.from.push_back(read_bound_peer(peer));
    });
    const auto ports = entry["ports"];
    ports.each([&](const Field& said) {
        if (rule.ports.size() > kMostPorts) return;
        BoundPort port{.protocol = said["protocol"].string().value_or("TCP")};
        read_bound_port(said["port"], port.number, port.name);
        rule.ports.push_back(std::move(port));
    });
    return rule;
}

/// Exactly that group: whatever else it stood for would be granted along with it.
bool stands_for(const state::AwsResource& resource, const std::string& group) {
    return resource.look_ups == state::LookUps{.security_groups = {group}} && resource.cidrs.empty() &&
           !resource.instance_metadata;
}

/// One binding on its way to AccessGrants.
class Granting {
public:
    Granting(const std::string& name, const Binding& binding, const Surroundings& around,
             std::vector<state::Problem>& problems)
        : name_(name), ns_(name.substr(0, name.find('/'))), binding_(binding), around_(around), problems_(problems) {}

    std::map<std::string, Json> grants() {
        std::map<std::string, Json> grants;
        if (binding_.target_type == "alb" || !may_grant() || !find_service() || !find_port()) return grants;
        if (binding_.ingress.empty())
            problem("spec.networking",
                    "names nobody, so nothing is granted: write an AccessGrant for the load balancer");
        for (size_t i = 0; i < binding_.ingress.size() && i < kMostRules; ++i)
            add_grant(i, grants);
        if (binding_.ingress.size() > kMostRules)
            problem("spec.networking.ingress", "only the first " + std::to_string(kMostRules) + " entries are granted");
        return grants;
    }

private:
    /// Of what nobody protects nothing needs to be said: the load balancer gets in.
    void problem(const std::string& field, const std::string& text, Nature nature = Nature::kMistake) {
        const auto* membership = around_.tenancy.find(ns_);
        if (membership == nullptr || !membership->is_protected()) return;
        const auto object = std::string(kBindingKind) + " " + name_;
        problems_.push_back({.origin = object, .object = object, .field = field, .text = text, .nature = nature});
    }

    bool may_grant() {
        const auto* membership = around_.tenancy.find(ns_);
        if (membership == nullptr || membership->allows_access_grants()) return true;
        problem("", "isn't granted: Tenant " + membership->tenant + " does not let its namespaces grant access",
                Nature::kConflict);
        return false;
    }

    bool find_service() {
        service_ = around_.services.find(ns_ + "/" + binding_.service);
        if (service_ == nullptr) {
            problem("spec.serviceRef", "there is no Service " + binding_.service + " in its namespace",
                    Nature::kMissing);
            return false;
        }
        if (service_->selector.empty()) {
            problem("spec.serviceRef", "Service " + binding_.service + " selects no pods, so none can be opened");
            return false;
        }
        return is_seen();
    }

    /// The pods behind it see the load balancer, and not a node.
    bool is_seen() {
        if (binding_.target_type == "ip") return true;
        if (binding_.target_type != "instance") {
            problem("spec.targetType", "isn't ip or instance, so nothing is granted");
            return false;
        }
        if (service_->keeps_source) return true;
        problem(
            "spec.targetType",
            "can't be granted: Service " + binding_.service +
                " has externalTrafficPolicy Cluster, so its pods see a node where the load balancer was. Use targets "
                "of type ip, or the policy Local");
        return false;
    }

    bool find_port() {
        const auto found = std::ranges::find_if(service_->ports, [&](const ServicePort& one) {
            return binding_.port != 0 ? one.port == binding_.port : one.name == binding_.port_name;
        });
        if (found == service_->ports.end()) {
            problem("spec.serviceRef.port", "Service " + binding_.service + " has no such port", Nature::kMissing);
            return false;
        }
        target_ = {.protocol = found->protocol, .number = found->target, .name = found->target_name};
        return true;
    }

    void add_grant(size_t index, std::map<std::string, Json>& grants) {
        const auto field = "spec.networking.ingress[" + std::to_string(index) + "]";
        const auto& rule = binding_.ingress[index];
        const auto name = "tgb-" + std::to_string(index) + "-" + name_.substr(ns_.size() + 1);
        if (name.size() > kLongestGrantName) return problem("metadata.name", "is too long to make an AccessGrant of");
        if (rule.from.size() > kMostPeers || rule.ports.size() > kMostPorts) return too_many(field);
        const auto from = peers_of(rule, field);
        const auto ports = ports_of(rule, field);
        if (from.size() > kMostPeers) return too_many(field); // a group may have several AWSResources
        if (from.empty() || ports.empty()) return;
        grants[ns_ + "/" + name] = {{"podSelector", {{"matchLabels", service_->selector}}},
                                    {"from", from},
                                    {"ports", ports},
                                    {"reason", "made by bulkhead-controller of " + std::string(kBindingKind) + " " +
                                                   name_.substr(ns_.size() + 1)}};
    }

    void too_many(const std::string& field) {
        problem(field, "isn't granted: more than " + std::to_string(kMostPeers) + " sources or ports");
    }

    Json peers_of(const BoundRule& rule, const std::string& field) {
        auto peers = Json::array();
        for (size_t i = 0; i < rule.from.size(); ++i) {
            const auto& peer = rule.from[i];
            const auto place = field + ".from[" + std::to_string(i) + "]";
            if (!peer.group.empty()) {
                add_group(peer.group, place, peers);
            } else if (const auto cidr = Cidr::parse(peer.cidr); cidr) {
                peers.push_back({{"cidr", cidr->text()}});
            } else {
                problem(place, "isn't granted: " + cidr.error().text);
            }
        }
        return peers;
    }

    void add_group(const std::string& group, const std::string& place, Json& peers) {
        const auto before = peers.size();
        for (const auto& [name, resource] : around_.cluster.resources())
            if (stands_for(resource, group)) peers.push_back({{"awsResource", name}});
        if (peers.size() == before)
            problem(place,
                    "isn't granted: no AWSResource stands for " + group +
                        " and nothing else. Write one with spec {level: non-protected, addresses: {securityGroups: [" +
                        group + "]}}, if all that has this group may reach what its load balancers serve",
                    Nature::kMissing);
    }

    /// What isn't said is narrower here than it is to the security groups: of all ports it is there for one.
    Json ports_of(const BoundRule& rule, const std::string& field) {
        auto ports = Json::array();
        const auto add = [&](const BoundPort& port) {
            Json json{{"protocol", port.protocol}};
            if (port.number != 0)
                json["port"] = port.number;
            else
                json["port"] = port.name;
            if (std::ranges::find(ports, json) == ports.end()) ports.push_back(std::move(json));
        };
        if (rule.ports.empty() || binding_.target_type == "instance") add(target_);
        for (size_t i = 0; i < rule.ports.size() && binding_.target_type == "ip"; ++i) {
            const auto& port = rule.ports[i];
            if (port.protocol != "TCP" && port.protocol != "UDP")
                problem(field + ".ports[" + std::to_string(i) + "].protocol", "isn't TCP or UDP: not granted");
            else if (!port.name.empty() && !source::is_port_name(port.name))
                problem(field + ".ports[" + std::to_string(i) + "].port", "is no container port's name: not granted");
            else
                add(port.number == 0 && port.name.empty() ? target_ : port);
        }
        return ports;
    }

    const std::string& name_;
    std::string ns_;
    const Binding& binding_;
    const Surroundings& around_;
    std::vector<state::Problem>& problems_;
    const ServiceFacts* service_ = nullptr;
    BoundPort target_{};
};

} // namespace

Binding read_binding(const Field& object) {
    const auto metadata = object["metadata"];
    const auto spec = object["spec"];
    const auto service = spec["serviceRef"];
    const auto networking = spec["networking"];
    const auto ingress = networking["ingress"];
    Binding binding{.uid = bound_text(metadata["uid"]),
                    .target_type = bound_text(spec["targetType"]),
                    .service = bound_text(service["name"]),
                    .ingress = {}};
    read_bound_port(service["port"], binding.port, binding.port_name);
    ingress.each([&](const Field& entry) {
        if (binding.ingress.size() <= kMostRules) binding.ingress.push_back(read_rule(entry));
    });
    return binding;
}

BoundGrant read_bound_grant(const Field& object) {
    const auto metadata = object["metadata"];
    const auto spec = object["spec"];
    BoundGrant grant{.binding = "",
                     .version = bound_text(metadata["resourceVersion"]),
                     .spec = spec.present() ? text_of(json_of(spec.value())) : ""};
    const auto owners = metadata["ownerReferences"];
    owners.each([&](const Field& owner) {
        if (owner["kind"].string() == kBindingKind) grant.binding = bound_text(owner["uid"]);
    });
    return grant;
}

std::map<std::string, Json> grants_of(const std::string& name, const Binding& binding, const Surroundings& surroundings,
                                      std::vector<state::Problem>& problems) {
    return Granting(name, binding, surroundings, problems).grants();
}

/// Not controller: the binding has one owner already, and nobody is to wait for us before it can go.
Json bound_grant(const std::string& grant, const Json& spec, const std::string& binding, const std::string& uid,
                 const std::string& version) {
    const auto slash = grant.find('/');
    Json metadata{{"name", grant.substr(slash + 1)},
                  {"namespace", grant.substr(0, slash)},
                  {"labels", {{kMadeOf, kMadeOfBinding}}},
                  {"ownerReferences", Json::array({{{"apiVersion", kBindingApi},
                                                    {"kind", kBindingKind},
                                                    {"name", binding.substr(binding.find('/') + 1)},
                                                    {"uid", uid}}})}};
    if (!version.empty()) metadata["resourceVersion"] = version;
    return {{"apiVersion", "bulkhead.dev/v1alpha1"}, {"kind", "AccessGrant"}, {"metadata", metadata}, {"spec", spec}};
}

} // namespace bulkhead::controller
