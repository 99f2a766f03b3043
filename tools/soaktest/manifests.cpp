// SPDX-License-Identifier: Apache-2.0
#include "manifests.h"

#include <algorithm>
#include <fstream>

namespace bulkhead::soak {

namespace {

namespace fs = std::filesystem;

constexpr int kCrowd = 400;     // addresses of each family
constexpr int kGranters = 6;    // namespaces, each of which grants something to each other one
constexpr int kClassCrowd = 48; // namespaces, and so classes of pods
constexpr const char* kLevel = "bulkhead.dev/level: protected";
constexpr const char* kDoorOnly = "ports: [{port: 7001}, {port: 7001, protocol: UDP}]";

std::string namespace_text(const NamespaceSpec& spec, bool is_protected) {
    std::string labels;
    if (*spec.tenant) labels += std::string("bulkhead.dev/tenant: ") + spec.tenant;
    if (is_protected) labels += (labels.empty() ? "" : ", ") + std::string(kLevel);
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + std::string(spec.name) + ", labels: {" + labels +
           "}}\n";
}

std::string node_text(const std::string& name, int number) {
    const std::string last = std::to_string(number);
    return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name +
           "}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0." + last +
           "}, {type: InternalIP, address: \"fd00:10::" + last + "\"}]}\n";
}

std::string now_text() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[32];
    (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

/// `more` metadata begins with a comma.
std::string pod_text(const std::string& name, const std::string& node, const std::string& more) {
    const auto slash = name.find('/');
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name.substr(slash + 1) +
           ", namespace: " + name.substr(0, slash) + ", creationTimestamp: \"" + now_text() + "\"" + more +
           "}\nspec: {nodeName: " + node + "}\n";
}

std::string status_text(const std::string& phase, const std::string& ip4, const std::string& ip6) {
    return "status: {phase: " + phase + ", podIPs: [{ip: " + ip4 + "}, {ip: \"" + ip6 + "\"}]}\n";
}

/// Pods of a node that has no agent.
std::string addresses_text() {
    std::string text;
    for (int i = 0; i < kCrowd; ++i)
        text += pod_text("crowd/c" + std::to_string(i), "node-c", "") +
                status_text("Running", "10.7." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1),
                            "fd00:7::" + std::to_string(i + 1)) +
                "---\n";
    return text;
}

/// A namespace with one pod, and so a class of its own.
std::string class_text(const std::string& name, int number, bool is_protected) {
    const std::string last = std::to_string(number + 1);
    return namespace_text({name.c_str(), "", false, false}, is_protected) + "---\n" +
           pod_text(name + "/p", "node-c", "") + status_text("Running", "10.8.0." + last, "fd00:8::" + last) + "---\n";
}

/// Each on a port of its own, so that none is like another.
std::string grants_text() {
    std::string text;
    for (int i = 0; i < kGranters; ++i) {
        const std::string name = "granter-" + std::to_string(i);
        text += class_text(name, i, true);
        for (int other = 0; other < kGranters; ++other)
            if (other != i)
                text += "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: to-" +
                        std::to_string(other) + ", namespace: " + name + "}\nspec: {from: [{namespace: granter-" +
                        std::to_string(other) + "}], ports: [{port: " + std::to_string(8000 + 10 * i + other) +
                        "}]}\n---\n";
    }
    return text;
}

std::string crowd_text(Crowd crowd) {
    if (crowd == Crowd::kAddresses) return addresses_text();
    if (crowd == Crowd::kGrants) return grants_text();
    std::string text;
    for (int i = 0; i < kClassCrowd; ++i)
        text += class_text("a-class-" + std::to_string(i), i, i % 2 == 0);
    return text;
}

std::string file_of(const Pod& pod) {
    std::string name = "pod-" + pod.name + ".yaml";
    std::ranges::replace(name, '/', '-');
    return name;
}

} // namespace

Manifests::Manifests(fs::path directory) : directory_(std::move(directory)), where_(directory_) {
    fs::create_directories(directory_);
}

void Manifests::write_cluster() {
    for (const NamespaceSpec& spec : kNamespaces)
        put(std::string("namespace-") + spec.name + ".yaml", namespace_text(spec, spec.guarded));
    put("namespace-marker.yaml", namespace_text({"marker", "", false, false}, false));
    put("namespace-crowd.yaml", namespace_text({"crowd", "", false, false}, false));
    for (size_t node = 0; node < kNodes; ++node)
        put(std::string(kNodeNames.at(node)) + ".yaml", node_text(kNodeNames.at(node), 11 + static_cast<int>(node)));
    put("tenant-bank.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: bank}\n"
                            "spec: {namespaces: [bank], level: protected, allowFrom: [{from: [{namespace: shop}], " +
                                std::string(kDoorOnly) + "}]}\n");
}

void Manifests::write_level(bool swing_protected) {
    put("namespace-swing.yaml", namespace_text(kNamespaces[kSwing], swing_protected));
}

void Manifests::write_grant(bool fickle_grants) {
    if (fickle_grants) {
        put("grant-fickle.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: door, "
                                 "namespace: fickle}\nspec: {from: [{namespace: shop}, {namespace: street}], " +
                                     std::string(kDoorOnly) + "}\n");
        return;
    }
    const std::scoped_lock lock(mutex_);
    fs::remove(where_ / "grant-fickle.yaml");
}

void Manifests::write_crowd(Crowd crowd, bool written) {
    if (written) return put("crowd.yaml", crowd_text(crowd));
    const std::scoped_lock lock(mutex_);
    fs::remove(where_ / "crowd.yaml");
}

void Manifests::write_pod(const Pod& pod, const std::string& phase, bool told) {
    const std::string exposes = ", annotations: {bulkhead.dev/expose: \"7001/TCP, 7001/UDP\"}";
    const std::string more = ", uid: " + pod.uid + (pod.ns == kLedger ? exposes : "");
    std::string text = pod_text(pod.name, kNodeNames.at(pod.node), more);
    if (told) text += status_text(phase, pod.ip4.text(), pod.ip6.text());
    const std::scoped_lock lock(mutex_);
    put_locked(file_of(pod), text);
    owners_[file_of(pod)] = pod.incarnation;
}

void Manifests::remove_pod(const Pod& pod) {
    const std::scoped_lock lock(mutex_);
    const auto owner = owners_.find(file_of(pod));
    if (owner == owners_.end() || owner->second != pod.incarnation) return;
    owners_.erase(owner);
    fs::remove(where_ / file_of(pod));
}

void Manifests::spoil(const std::string& file) {
    const std::scoped_lock lock(mutex_);
    write_raw(file, "kind: Namespace\n  metadata: [}{\n");
}

void Manifests::mend(const std::string& file) {
    const std::scoped_lock lock(mutex_);
    write_raw(file, good_.at(file));
}

void Manifests::take_away() {
    const std::scoped_lock lock(mutex_);
    where_ = directory_.string() + ".away";
    fs::rename(directory_, where_);
}

void Manifests::bring_back() {
    const std::scoped_lock lock(mutex_);
    fs::rename(where_, directory_);
    where_ = directory_;
}

uint64_t Manifests::mark() {
    const std::scoped_lock lock(mutex_);
    put_locked("zz-marker.yaml", pod_text(kMarkerPrefix + std::to_string(++generation_), "node-c", "") +
                                     status_text("Running", "10.9.9.9", "fd00:9::9"));
    return generation_;
}

void Manifests::put(const std::string& file, const std::string& text) {
    const std::scoped_lock lock(mutex_);
    put_locked(file, text);
}

void Manifests::put_locked(const std::string& file, const std::string& text) {
    good_[file] = text;
    write_raw(file, text);
}

void Manifests::write_raw(const std::string& file, const std::string& text) const {
    const fs::path draft = where_ / ("." + file + ".new");
    std::ofstream(draft, std::ios::binary) << text;
    fs::rename(draft, where_ / file);
}

} // namespace bulkhead::soak
