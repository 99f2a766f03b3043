// SPDX-License-Identifier: Apache-2.0
#include "controller/observed.h"

#include <algorithm>

#include "base/rfc3339.h"
#include "source/kube/query.h"
#include "source/parts.h"
#include "state/labels.h"

namespace bulkhead::controller {

namespace {

using source::Field;
using source::kube::Resource;

std::string text_in(const Field& field) {
    return field.string().value_or("");
}

bool is_ready(const Field& status, std::string_view what) {
    bool holds = false;
    const auto conditions = status["conditions"];
    conditions.each([&](const Field& condition) {
        if (condition["type"].string() == "Ready") holds = condition["status"].string() == what;
    });
    return holds;
}

/// The container `agent`; any of them where an overlay has given it another name, since to take a running agent for an
/// absent one would be to write over what it says.
void read_containers(const Field& status, AgentPod& pod) {
    AgentPod agent, any;
    bool agent_is_there = false;
    const auto containers = status["containerStatuses"];
    containers.each([&](const Field& container) {
        const auto state = container["state"];
        const auto running = state["running"];
        const bool is_agent = container["name"].string() == "agent";
        agent_is_there |= is_agent;
        if (!running.present()) return;
        auto& of = is_agent ? agent : any;
        of.running = true;
        of.started = std::max(of.started, source::read_time(running["startedAt"]));
    });
    const auto& found = agent_is_there ? agent : any;
    pod.running = found.running;
    pod.started = found.started;
}

/// One that is being deleted counts for as long as it runs.
AgentPod read_agent(const Field& pod) {
    const auto spec = pod["spec"];
    const auto status = pod["status"];
    AgentPod agent{.node = text_in(spec["nodeName"]), .ready = is_ready(status, "True")};
    read_containers(status, agent);
    return agent;
}

/// Of "aws:///eu-central-1a/i-0123456789abcdef0" (Kubernetes' AWS cloud provider).
std::string instance_of(const std::string& provider_id) {
    const auto slash = provider_id.rfind('/');
    if (!provider_id.starts_with("aws://") || provider_id.compare(slash + 1, 2, "i-") != 0) return "";
    return provider_id.substr(slash + 1);
}

/// Who says that a node isn't ready is its kubelet; Unknown is what others say when they haven't heard of it for long.
NodeFacts read_node(const Field& node) {
    const auto spec = node["spec"];
    NodeFacts facts{.instance = instance_of(text_in(spec["providerID"])),
                    .silent = is_ready(node["status"], "Unknown")};
    const auto taints = spec["taints"];
    taints.each([&](const Field& taint) {
        if (taint["key"].string() == kStartTaint)
            facts.tainted = true;
        else
            facts.other_taints.push_back(json_of(taint.value()));
    });
    if (!facts.tainted) return {.instance = facts.instance, .silent = facts.silent}; // the rest changes all the time
    const auto metadata = node["metadata"];
    facts.version = text_in(metadata["resourceVersion"]);
    facts.created = source::read_time(metadata["creationTimestamp"]);
    return facts;
}

Reported read_reported(const Field& object) {
    const auto metadata = object["metadata"];
    const auto status = object["status"];
    return {.uid = text_in(metadata["uid"]),
            .generation = metadata["generation"].integer().value_or(0),
            .status = status.present() ? json_of(status.value()) : Json::object()};
}

SliceFacts read_slice(const Field& slice) {
    const auto spec = slice["spec"];
    const auto metadata = slice["metadata"];
    SliceFacts facts{.node = text_in(spec["node"]),
                     .spec = spec.present() ? text_of(json_of(spec.value())) : "",
                     .version = text_in(metadata["resourceVersion"])};
    if (facts.node.empty()) facts.resource = text_in(spec["awsResource"]);
    if (!facts.resource.empty()) {
        facts.addresses = source::read_cidrs(spec["addresses"]);
        facts.owner = {.tenant = text_in(spec["tenant"]), .level = text_in(spec["level"])};
        const auto annotations = metadata["annotations"];
        facts.found = source::read_time(annotations[std::string(state::kSeenAt)]);
    }
    const auto not_guarded = spec["notGuarded"];
    not_guarded.each([&](const Field& entry) {
        if (const auto why = state::not_guarded_by_name(text_in(entry["why"])))
            facts.not_guarded.push_back({.ns = text_in(entry["namespace"]), .pod = text_in(entry["pod"]), .why = *why});
    });
    const auto overrides = spec["overrides"];
    overrides.each([&](const Field& entry) {
        if (const auto until = source::read_time(entry["until"]))
            facts.overrides.push_back(
                {.tenant = text_in(entry["tenant"]), .until = *until, .reason = text_in(entry["reason"])});
    });
    return facts;
}

uint16_t port_in(const Field& field, uint16_t unless_said) {
    const auto number = field.integer().value_or(unless_said);
    return number > 0 && number <= UINT16_MAX ? static_cast<uint16_t>(number) : unless_said;
}

ServiceFacts read_service(const Field& service) {
    const auto spec = service["spec"];
    ServiceFacts facts{};
    // Kubernetes keeps a selector beside an external name and never looks at it.
    if (text_in(spec["type"]) != "ExternalName") facts.selector = source::read_labels(spec["selector"]);
    facts.keeps_source = spec["externalTrafficPolicy"].string() == "Local";
    const auto ports = spec["ports"];
    ports.each([&](const Field& entry) {
        ServicePort port{.name = text_in(entry["name"]),
                         .port = port_in(entry["port"], 0),
                         .protocol = entry["protocol"].string().value_or("TCP")};
        const auto target = entry["targetPort"];
        if (target.present() && target.value().string() != nullptr)
            port.target_name = *target.value().string();
        else
            port.target = port_in(target, port.port);
        facts.ports.push_back(std::move(port));
    });
    return facts;
}

void add_callee(const Field& service, Callees& callees) {
    if (service.present())
        callees.push_back({.ns = text_in(service["namespace"]),
                           .service = text_in(service["name"]),
                           .port = port_in(service["port"], 443)});
}

Callees read_webhooks(const Field& configuration) {
    Callees callees;
    const auto webhooks = configuration["webhooks"];
    webhooks.each([&](const Field& webhook) {
        const auto client = webhook["clientConfig"];
        add_callee(client["service"], callees);
    });
    return callees;
}

Callees read_api_service(const Field& api_service) {
    Callees callees;
    const auto spec = api_service["spec"];
    add_callee(spec["service"], callees);
    return callees;
}

Callees read_conversion(const Field& definition) {
    Callees callees;
    const auto spec = definition["spec"];
    const auto conversion = spec["conversion"];
    const auto webhook = conversion["webhook"];
    const auto client = webhook["clientConfig"];
    add_callee(client["service"], callees);
    return callees;
}

Resource resource(const std::string& root, const std::string& plural, const std::string& group,
                  const std::string& kind) {
    return {.name = group.empty() ? plural : plural + "." + group,
            .kind = kind,
            .roots = {root},
            .path = plural,
            .selector = ""};
}

Resource core(const std::string& plural, const std::string& kind) {
    return resource("/api/v1", plural, "", kind);
}

Resource ours(const std::string& plural, const std::string& kind) {
    return resource("/apis/bulkhead.dev/v1alpha1", plural, "bulkhead.dev", kind);
}

Resource webhooks(const std::string& plural, const std::string& kind) {
    const std::string group = "admissionregistration.k8s.io";
    return resource("/apis/" + group + "/v1", plural, group, kind);
}

Resource api_services_of_all() {
    const std::string group = "apiregistration.k8s.io";
    return resource("/apis/" + group + "/v1", "apiservices", group, "APIService");
}

Resource definitions() {
    const std::string group = "apiextensions.k8s.io";
    return resource("/apis/" + group + "/v1", "customresourcedefinitions", group, "CustomResourceDefinition");
}

Resource agents_in(const std::string& ns) {
    auto pods = core("pods", "Pod");
    pods.path = "namespaces/" + ns + "/pods";
    pods.selector = "labelSelector=" + source::kube::escaped("app.kubernetes.io/name=bulkhead-agent");
    return pods;
}

} // namespace

std::string name_in(const source::Value& object) {
    source::Complaints ignored;
    const Field root(object, ignored);
    const auto metadata = root["metadata"];
    const auto ns = text_in(metadata["namespace"]);
    return (ns.empty() ? "" : ns + "/") + text_in(metadata["name"]);
}

Observed::Observed()
    : agents(read_agent), nodes(read_node), tenants(read_reported), access_grants(read_reported),
      resources(read_reported), overrides(read_reported), slices(read_slice), services(read_service),
      validating_webhooks(read_webhooks), mutating_webhooks(read_webhooks), api_services(read_api_service),
      conversions(read_conversion) {}

std::vector<source::kube::Tap> Observed::taps(const std::string& ns) {
    return {
        {agents_in(ns), agents},
        {core("nodes", "Node"), nodes},
        {core("services", "Service"), services},
        {ours("tenants", "Tenant"), tenants},
        {ours("accessgrants", "AccessGrant"), access_grants},
        {ours("awsresources", "AWSResource"), resources},
        {ours("overrides", "Override"), overrides},
        {ours("identityslices", "IdentitySlice"), slices},
        {webhooks("validatingwebhookconfigurations", "ValidatingWebhookConfiguration"), validating_webhooks},
        {webhooks("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"), mutating_webhooks},
        {api_services_of_all(), api_services},
        {definitions(), conversions},
    };
}

bool Observed::take_changed() {
    bool any = agents.take_changed();
    any |= nodes.take_changed();
    for (auto* kept : {&tenants, &access_grants, &resources, &overrides})
        any |= kept->take_changed();
    any |= slices.take_changed();
    any |= services.take_changed();
    for (auto* kept : {&validating_webhooks, &mutating_webhooks, &api_services, &conversions})
        any |= kept->take_changed();
    return any;
}

void Observed::add_not_guarded(const state::Cluster& cluster, std::vector<state::Problem>& problems) const {
    for (const auto& [name, slice] : slices.all())
        for (const auto& entry : slice.not_guarded) {
            const auto pod = cluster.pods().find(entry.ns + "/" + entry.pod);
            if (pod == cluster.pods().end() || pod->second.node != slice.node) continue;
            problems.push_back({.origin = "IdentitySlice " + name,
                                .object = "Pod " + pod->first,
                                .field = "",
                                .text = std::string(state::text_of(entry.why)),
                                .nature = state::Problem::Nature::kNotGuarded});
        }
}

void Observed::add_overrides(const state::Cluster& cluster, state::Time now,
                             std::vector<state::Problem>& problems) const {
    for (const auto& [name, slice] : slices.all())
        for (const auto& override : slice.overrides) {
            if (override.until <= now || !cluster.nodes().contains(slice.node)) continue;
            const auto what = override.tenant.empty() ? "anything" : "what tenant " + override.tenant + " refuses";
            problems.push_back({.origin = "IdentitySlice " + name,
                                .object = "Node " + slice.node,
                                .field = "",
                                .text = "until " + rfc3339(override.until) + " " + what +
                                        " passes on this node, which was told so there: " + override.reason,
                                .nature = state::Problem::Nature::kOverride});
        }
}

const Reported* Observed::reported(const state::ObjectKey& key) const {
    if (key.kind == "Tenant") return tenants.find(key.name);
    if (key.kind == "AccessGrant") return access_grants.find(key.ns + "/" + key.name);
    if (key.kind == "AWSResource") return resources.find(key.name);
    if (key.kind == "Override") return overrides.find(key.name);
    return nullptr;
}

} // namespace bulkhead::controller
