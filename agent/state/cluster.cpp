// SPDX-License-Identifier: Apache-2.0
#include "state/cluster.h"

#include <algorithm>

#include "state/labels.h"

namespace bulkhead::state {

namespace {

// Beyond this, compiling everything is cheaper than asking about each, and the list costs memory.
constexpr size_t kManyPods = 4096;

constexpr std::chrono::minutes kClocksDiffer{5}; // by no more, where nobody forges

PodKey pod_key(const std::string& ns, const std::string& name) {
    return ns + "/" + name;
}

/// True if that changed something.
template <typename Map, typename Key, typename T>
bool put_in(Map& map, const Key& key, T object) {
    const auto [place, is_new] = map.try_emplace(key);
    if (!is_new && place->second == object) return false;
    place->second = std::move(object);
    return true;
}

std::string_view file_of(std::string_view origin) { // "file:line"
    return origin.substr(0, origin.rfind(':'));
}

template <typename Map, typename Key>
std::optional<std::string_view> file_in(const Map& map, const Key& key) {
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return file_of(found->second.meta.origin);
}

void add_name(Cluster::ServiceNames& names, const std::vector<Address>& addresses, const std::string& name) {
    for (const auto& address : addresses)
        names[address].insert(name);
}

void remove_name(Cluster::ServiceNames& names, const std::vector<Address>& addresses, const std::string& name) {
    for (const auto& address : addresses) {
        const auto found = names.find(address);
        if (found == names.end()) continue; // listed twice
        found->second.erase(name);
        if (found->second.empty()) names.erase(found);
    }
}

/// Several may tell of one pod for a moment: it moves to another node, or that node died and its slice outlives it.
/// What the Pod object says counts, else who tells of the younger pod, else who spoke last.
bool counts_before(const Pod& a, const Pod& b) {
    if (a.slice.empty() != b.slice.empty()) return a.slice.empty();
    return a.created >= b.created;
}

} // namespace

void Cluster::mark_pod(const PodKey& key) {
    changes_.pods.insert(key);
    if (changes_.pods.size() < kManyPods) return;
    changes_.pods.clear();
    changes_.policy = true;
    changes_.many_pods = true;
}

void Cluster::put_pod(Pod pod) {
    const auto key = pod_key(pod.ns, pod.name);
    const auto known = pods_.find(key);
    if (known == pods_.end() || known->second.slice == pod.slice) return speak(key, std::move(pod));
    auto& others = other_tellings_[key];
    others.erase(pod.slice);
    if (counts_before(pod, known->second)) {
        others.insert_or_assign(known->second.slice, known->second);
        speak(key, std::move(pod));
    } else {
        others.insert_or_assign(pod.slice, std::move(pod));
    }
}

void Cluster::speak(const PodKey& key, Pod pod) {
    const auto [place, is_new] = pods_.try_emplace(key);
    // Where it was read is no change of the pod, but it must name the place that speaks for it now. A slice's word is
    // worth less than a Pod object's, so that is one.
    if (is_new || !(place->second == pod) || place->second.slice.empty() != pod.slice.empty()) mark_pod(key);
    place->second = std::move(pod);
}

/// `slice` no longer tells of it; empty = no Pod object does.
void Cluster::remove_pod(const PodKey& key, std::string_view slice) {
    if (slice.empty()) unwired_.erase(key);
    const auto known = pods_.find(key);
    if (known == pods_.end()) return;
    auto others = other_tellings_.find(key);
    if (known->second.slice == slice) {
        mark_pod(key);
        pods_.erase(known);
        if (others == other_tellings_.end()) return;
        const auto next = std::ranges::min_element(
            others->second, [](const auto& a, const auto& b) { return counts_before(a.second, b.second); });
        pods_.emplace(key, std::move(next->second));
        others->second.erase(next);
    } else if (others != other_tellings_.end()) {
        others->second.erase(std::string(slice));
    }
    if (others != other_tellings_.end() && others->second.empty()) other_tellings_.erase(others);
}

void Cluster::put_slice(IdentitySlice slice) {
    std::set<PodKey> keys;
    for (auto& pod : slice.pods) {
        const auto key = pod_key(pod.ns, pod.name);
        for (const auto date : {&Pod::created, &Pod::since})
            pod.*date = plausible(date, key, pod);
        keys.insert(key);
        put_pod(std::move(pod));
    }
    auto& known = identity_slices_[slice.meta.name];
    for (const auto& key : known.pods)
        if (!keys.contains(key)) remove_pod(key, slice.meta.name);
    known = {.origin = slice.meta.origin, .pods = std::move(keys)};
    if (slice.meta.name == kReachSlice) set_api_server_reach(std::move(slice.reach));
    set_found(slice.meta.name, slice.resource, std::move(slice.addresses), std::move(slice.owners));
}

/// The younger pod has an address. A date to come would win over all that is made until then: it counts as the moment
/// when the pod was first told of.
std::optional<Time> Cluster::plausible(Date date, const PodKey& key, const Pod& pod) const {
    if (!(pod.*date)) return std::nullopt;
    const auto now = now_();
    if (*(pod.*date) <= now + kClocksDiffer) return pod.*date;
    const auto* before = telling_of(key, pod.slice.str());
    return before != nullptr && before->*date ? before->*date : now;
}

const Pod* Cluster::telling_of(const PodKey& key, std::string_view slice) const {
    if (const auto known = pods_.find(key); known != pods_.end() && known->second.slice == slice) return &known->second;
    const auto others = other_tellings_.find(key);
    if (others == other_tellings_.end()) return nullptr;
    const auto one = others->second.find(std::string(slice));
    return one == others->second.end() ? nullptr : &one->second;
}

void Cluster::set_api_server_reach(std::vector<ApiServerReach> reach) {
    changes_.policy |= reach != api_server_reach_;
    api_server_reach_ = std::move(reach);
}

/// Of a resource that isn't there they are kept, and mean nothing until it is.
void Cluster::set_found(const std::string& slice, const std::string& resource, std::vector<Cidr> addresses,
                        OwnersByAddress owners) {
    for (const auto& touched : found_.set(slice, resource, std::move(addresses), std::move(owners))) {
        const auto known = resources_.find(touched);
        if (known == resources_.end()) continue;
        auto found = found_.of(touched);
        auto of_whom = found_.owners_of(touched);
        if (found == known->second.found && of_whom == known->second.owners) continue;
        known->second.found = std::move(found);
        known->second.owners = std::move(of_whom);
        changes_.policy = true;
    }
}

void Cluster::remove_slice(const std::string& name) {
    const auto slice = identity_slices_.extract(name);
    if (slice.empty()) return;
    for (const auto& key : slice.mapped().pods)
        remove_pod(key, name);
    if (name == kReachSlice) set_api_server_reach({});
    set_found(name, "", {}, {});
}

void Cluster::put_service(const ObjectKey& key, Service service) {
    auto& known = services_[key];
    if (known == service) return;
    changes_.policy |= known.external_ips != service.external_ips;
    forget_addresses(known);
    const auto name = pod_key(key.ns, key.name);
    add_name(cluster_ips_, service.cluster_ips, name);
    add_name(external_ips_, service.external_ips, name);
    changes_.cluster_ips.insert(service.cluster_ips.begin(), service.cluster_ips.end());
    known = std::move(service);
}

void Cluster::remove_service(const ObjectKey& key) {
    const auto found = services_.find(key);
    if (found == services_.end()) return;
    changes_.policy |= !found->second.external_ips.empty();
    forget_addresses(found->second);
    services_.erase(found);
}

void Cluster::forget_addresses(const Service& service) {
    const auto name = pod_key(service.meta.ns, service.meta.name);
    remove_name(cluster_ips_, service.cluster_ips, name);
    remove_name(external_ips_, service.external_ips, name);
    changes_.cluster_ips.insert(service.cluster_ips.begin(), service.cluster_ips.end());
}

void Cluster::put(Object object) {
    if (auto* pod = std::get_if<Pod>(&object)) return put_pod(std::move(*pod));
    if (auto* slice = std::get_if<IdentitySlice>(&object)) return put_slice(std::move(*slice));
    const ObjectKey key = key_of(object);
    if (auto* service = std::get_if<Service>(&object)) return put_service(key, std::move(*service));
    bool changed = false;
    if (auto* ns = std::get_if<Namespace>(&object)) changed = put_in(namespaces_, key.name, std::move(*ns));
    if (auto* node = std::get_if<Node>(&object)) changed = put_in(nodes_, key.name, std::move(*node));
    if (auto* slice = std::get_if<EndpointSlice>(&object)) changed = put_in(endpoint_slices_, key, std::move(*slice));
    if (auto* tenant = std::get_if<Tenant>(&object)) changed = put_in(tenants_, key.name, std::move(*tenant));
    if (auto* grant = std::get_if<AccessGrant>(&object)) changed = put_in(access_grants_, key, std::move(*grant));
    if (auto* resource = std::get_if<AwsResource>(&object)) {
        resource->found = found_.of(key.name);
        resource->owners = found_.owners_of(key.name);
        changed = put_in(resources_, key.name, std::move(*resource));
    }
    if (auto* override = std::get_if<Override>(&object)) {
        override->over = override->until <= now_();
        changed = put_in(overrides_, key.name, std::move(*override));
    }
    if (changed) changes_.policy = true;
}

void Cluster::remove(const ObjectKey& key) {
    if (key.kind == "Pod") return remove_pod(pod_key(key.ns, key.name), "");
    if (key.kind == "IdentitySlice") return remove_slice(key.name);
    if (key.kind == "Service") return remove_service(key);
    size_t removed = 0;
    if (key.kind == "Namespace") removed = namespaces_.erase(key.name);
    if (key.kind == "Node") removed = nodes_.erase(key.name);
    if (key.kind == "EndpointSlice") removed = endpoint_slices_.erase(key);
    if (key.kind == "Tenant") removed = tenants_.erase(key.name);
    if (key.kind == "AccessGrant") removed = access_grants_.erase(key);
    if (key.kind == "AWSResource") removed = resources_.erase(key.name);
    if (key.kind == "Override") removed = overrides_.erase(key.name);
    if (removed != 0) changes_.policy = true;
}

std::optional<std::string_view> Cluster::origin_of(const ObjectKey& key) const {
    if (key.kind == "Pod") {
        const auto found = pods_.find(pod_key(key.ns, key.name));
        if (found == pods_.end()) return std::nullopt;
        return found->second.origin.file.str();
    }
    if (key.kind == "IdentitySlice") {
        const auto found = identity_slices_.find(key.name);
        if (found == identity_slices_.end()) return std::nullopt;
        return file_of(found->second.origin);
    }
    if (key.kind == "Namespace") return file_in(namespaces_, key.name);
    if (key.kind == "Node") return file_in(nodes_, key.name);
    if (key.kind == "EndpointSlice") return file_in(endpoint_slices_, key);
    if (key.kind == "Service") return file_in(services_, key);
    if (key.kind == "Tenant") return file_in(tenants_, key.name);
    if (key.kind == "AccessGrant") return file_in(access_grants_, key);
    if (key.kind == "AWSResource") return file_in(resources_, key.name);
    if (key.kind == "Override") return file_in(overrides_, key.name);
    return std::nullopt;
}

void Cluster::set_local_pods(std::map<uint16_t, LocalPod> pods) {
    if (pods == local_pods_) return;
    std::set<PodKey> wired;
    for (const auto& [slot, local] : pods)
        wired.insert(local.pod);
    for (const auto& [slot, local] : std::exchange(local_pods_, std::move(pods)))
        if (const auto pod = pods_.find(local.pod);
            !wired.contains(local.pod) && pod != pods_.end() && pod->second.slice.empty()) {
            unwired_[local.pod] = pod->second.uid;
            mark_pod(local.pod);
        }
    for (const auto& key : wired)
        if (unwired_.erase(key) != 0) mark_pod(key);
    changes_.local = true;
}

bool Cluster::is_unwired(const PodKey& key) const {
    const auto found = unwired_.find(key);
    if (found == unwired_.end()) return false;
    const auto pod = pods_.find(key);
    return pod != pods_.end() && pod->second.slice.empty() && pod->second.uid == found->second;
}

Cluster::Wired Cluster::wired() const {
    Wired wired;
    const auto add = [&](const PodKey& key) {
        const auto pod = pods_.find(key);
        if (pod != pods_.end() && pod->second.slice.empty()) wired.emplace(key, pod->second.uid);
    };
    for (const auto& [slot, local] : local_pods_)
        add(local.pod);
    for (const auto& [key, uid] : unwired_)
        if (is_unwired(key)) add(key);
    return wired;
}

void Cluster::set_wired_before(const Wired& wired) {
    unwired_.insert(wired.begin(), wired.end());
}

void Cluster::set_own_addresses(std::set<Address> addresses) {
    if (addresses == own_addresses_) return;
    own_addresses_ = std::move(addresses);
    changes_.local = true;
}

void Cluster::set_all_pods_known(bool known) {
    changes_.policy |= known != all_pods_known_;
    all_pods_known_ = known;
}

void Cluster::end_overrides() {
    for (auto& [name, override] : overrides_)
        if (!override.over && override.until <= now_()) changes_.policy = override.over = true;
}

Changes Cluster::take_changes() {
    return std::exchange(changes_, {});
}

} // namespace bulkhead::state
