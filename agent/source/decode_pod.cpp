// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "source/parts.h"
#include "state/labels.h"

namespace bulkhead::source {

namespace {

void read_container_ports(const Field& containers, std::vector<state::ContainerPort>& ports) {
    containers.each([&](const Field& container) {
        const auto list = container["ports"];
        list.each([&](const Field& entry) {
            if (auto port = read_container_port(entry, "containerPort")) ports.push_back(std::move(*port));
        });
    });
}

/// A ReplicaSet of a Deployment, and a CronJob's Job, are one rollout or run of what people know; only the name of
/// their owner stands in the pod, with a suffix that says so.
state::Workload maker_behind(const std::string& kind, const std::string& name, const state::Labels& labels) {
    const auto dash = name.rfind('-');
    if (dash == std::string::npos || dash == 0) return {kind, name};
    const auto suffix = name.substr(dash + 1);
    if (kind == "ReplicaSet") {
        const auto hash = labels.find("pod-template-hash");
        if (hash != labels.end() && hash->second == suffix) return {"Deployment", name.substr(0, dash)};
    }
    const bool is_minute =
        suffix.size() >= 8 && std::ranges::all_of(suffix, [](char c) { return c >= '0' && c <= '9'; });
    if (kind == "Job" && is_minute) return {"CronJob", name.substr(0, dash)};
    return {kind, name};
}

state::Workload read_workload(const Field& metadata, const state::Labels& labels) {
    state::Workload workload;
    const auto owners = metadata["ownerReferences"];
    owners.each([&](const Field& owner) {
        if (!owner["controller"].boolean().value_or(false)) return;
        workload = maker_behind(owner["kind"].string().value_or(""), owner["name"].string().value_or(""), labels);
    });
    return workload.kind.empty() || workload.name.empty() ? state::Workload{} : workload;
}

/// Ordinary init containers are gone before the pod serves; a sidecar has restartPolicy Always. A port of
/// either is the pod's all the same, as long as somebody listens.
state::PodTemplate read_template(const Field& metadata, const Field& spec) {
    state::PodTemplate common;
    const auto annotations = metadata["annotations"];
    common.labels = read_labels(metadata["labels"]);
    common.service_account = spec["serviceAccountName"].string().value_or(kDefaultAccount);
    if (annotations.present() && annotations.value().count(state::kExposeAnnotation) == 1) // twice opens nothing
        common.expose = annotations[state::kExposeAnnotation].string().value_or("");
    common.host_network = spec["hostNetwork"].boolean().value_or(false);
    common.workload = read_workload(metadata, common.labels);
    read_container_ports(spec["containers"], common.ports);
    read_container_ports(spec["initContainers"], common.ports);
    common.ports.shrink_to_fit();
    return common;
}

std::vector<Address> read_pod_addresses(const Field& status) {
    std::vector<Address> addresses;
    const auto list = status["podIPs"];
    list.each([&](const Field& entry) {
        if (const auto address = read_address(entry["ip"])) addresses.push_back(*address);
    });
    if (addresses.empty())
        if (const auto address = read_address(status["podIP"])) addresses.push_back(*address);
    addresses.shrink_to_fit();
    return addresses;
}

/// When it was bound to its node: a pod may wait for one for days.
std::optional<state::Time> read_bound(const Field& status, std::optional<state::Time> created) {
    std::optional<state::Time> bound;
    const auto conditions = status["conditions"];
    conditions.each([&](const Field& condition) {
        if (condition["type"].string() == "PodScheduled" && condition["status"].string() == "True")
            bound = read_time(condition["lastTransitionTime"]);
    });
    if (!bound || !created || *bound <= *created + state::kMuchLater) return std::nullopt;
    return bound;
}

/// By which the kubelet and the CNI call it.
std::string read_uid(const Field& metadata) {
    const auto annotations = metadata["annotations"];
    if (annotations.present())
        if (auto mirrored = annotations["kubernetes.io/config.mirror"].string()) return *mirrored;
    return metadata["uid"].string().value_or("");
}

} // namespace

state::Pod decode_pod(const Field& document, const DecodeContext& context) {
    const auto metadata = document["metadata"];
    const auto spec = document["spec"];
    const auto status = document["status"];
    const auto phase = status["phase"].string();
    state::Pod pod;
    pod.name = metadata["name"].string().value_or("");
    pod.ns = metadata["namespace"].string().value_or("");
    pod.origin = state::Origin(context.file, document.line());
    pod.node = context.pool.share(spec["nodeName"].string().value_or(""));
    pod.common = context.pool.share(read_template(metadata, spec));
    pod.ips = read_pod_addresses(status);
    pod.created = read_time(metadata["creationTimestamp"]);
    pod.since = read_bound(status, pod.created);
    pod.uid = read_uid(metadata);
    pod.finished = phase == "Succeeded" || phase == "Failed";
    return pod;
}

} // namespace bulkhead::source
