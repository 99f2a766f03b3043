// SPDX-License-Identifier: Apache-2.0
#include "bpf/stage.h"

#include <stdexcept>

#include "compile/gather.h"

namespace bulkhead::test {

using namespace state;

namespace {

template <typename T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text);
    return std::move(*result);
}

compile::Settings settings_of(const OracleSettings& settings, const std::string& node) {
    static const std::map<std::string, compile::TenantSource> kSources{
        {"tenant", compile::TenantSource::kTenantObject},
        {"label", compile::TenantSource::kLabel},
        {"capsule", compile::TenantSource::kCapsule},
        {"kiosk", compile::TenantSource::kKiosk},
        {"hnc", compile::TenantSource::kHnc},
    };
    compile::Settings out;
    out.node_name = node;
    out.default_mode = settings.default_mode;
    out.tenant_sources = {compile::TenantSource::kNamespace};
    for (const auto& name : settings.tenant_sources)
        out.tenant_sources.insert(kSources.at(name));
    out.keep_open = settings.keep_open;
    out.dns_addresses = settings.dns_addresses;
    out.probe_addresses = settings.probe_addresses;
    return out;
}

bool has_veth_on(const Pod& pod, const std::string& node) {
    return pod.node == node && !pod.finished && !pod.common->host_network;
}

} // namespace

Machine::Machine() : Machine(must(datapath::Kernel::open_private({.pin_dir = {}, .sizes = {.flow_sets = 64}}))) {}

Machine::Machine(datapath::Kernel kernel)
    : kernel_(std::move(kernel)), writer_(must(datapath::Writer::create(kernel_.maps(), kernel_.clock()))) {}

void Machine::show(const compile::Desired& desired) {
    const auto report = must(writer_.write(desired, {.everything = true, .endpoints = {}, .identities = {}}, true));
    if (!report.failures.empty()) throw std::runtime_error(report.failures.front().text());
}

datapath::Rehearsal Machine::run(const Fd& program, const Bytes& packet,
                                 const datapath::Circumstances& circumstances) const {
    return must(datapath::rehearse(program.get(), std::as_bytes(std::span(packet)), circumstances));
}

void Machine::restart() {
    writer_ = must(datapath::Writer::create(kernel_.maps(), kernel_.clock()));
}

datapath::Rehearsal Probe::at(const Machine& machine) const {
    const auto& programs = machine.kernel().programs();
    const auto& program = hook == Hook::kFromPod ? programs.from_pod
                          : hook == Hook::kToPod ? programs.to_pod
                                                 : programs.uplink;
    return machine.run(program, first_packet(src, dst, protocol, port), circumstances);
}

Stage::Stage(const std::vector<Object>& objects, const OracleSettings& settings, std::string node)
    : compiler_(settings_of(settings, node), {}), node_(std::move(node)) {
    put_all(objects);
}

void Stage::put_all(const std::vector<Object>& objects) {
    static uint32_t generation = 0;
    const auto before = std::exchange(slots_, {});
    auto local_before = cluster_.local_pods();
    std::map<uint16_t, LocalPod> local;
    std::set<Address> own;
    for (const Object& object : objects) {
        cluster_.put(object);
        keys_.insert(key_of(object));
        if (const auto* found = std::get_if<Node>(&object)) {
            addresses_[found->meta.name] = found->addresses;
            if (found->meta.name == node_) own.insert(found->addresses.begin(), found->addresses.end());
        }
        const auto* pod = std::get_if<Pod>(&object);
        if (!pod) continue;
        const auto name = pod->ns + "/" + pod->name;
        addresses_[name] = pod->ips;
        if (pod->node == node_ && pod->common->host_network) own.insert(pod->ips.begin(), pod->ips.end());
        if (!has_veth_on(*pod, node_)) continue;
        const auto stays = before.find(name);
        const uint16_t slot = stays != before.end() ? stays->second : ++slots_used_;
        slots_[name] = slot;
        local[slot] = stays != before.end() ? std::move(local_before[slot])
                                            : LocalPod{.slot = slot,
                                                       .generation = ++generation,
                                                       .pod = name,
                                                       .ifindexes = {100u + slot},
                                                       .addresses = {},
                                                       .places = {}};
        local[slot].addresses = pod->ips;
        local[slot].places.update(pod->ips);
    }
    cluster_.set_local_pods(std::move(local));
    cluster_.set_own_addresses(std::move(own));
    update();
}

void Stage::update() {
    compiler_.update(cluster_, cluster_.take_changes());
    halfway_.reset();
    if (!compiler_.is_halfway()) return;
    halfway_ = compiler_.desired();
    compiler_.update(cluster_, {});
}

void Stage::become(const std::vector<Object>& objects) {
    std::set<ObjectKey> stay;
    for (const Object& object : objects)
        stay.insert(key_of(object));
    for (const ObjectKey& key : keys_)
        if (!stay.contains(key)) cluster_.remove(key);
    put_all(objects);
}

void Stage::put(Object object) {
    cluster_.put(std::move(object));
    update();
}

void Stage::remove(const ObjectKey& key) {
    cluster_.remove(key);
    update();
}

void Stage::set_all_pods_known(bool known) {
    cluster_.set_all_pods_known(known);
    update();
}

Address Stage::address_of(const std::string& party, uint8_t family) const {
    if (const auto literal = Address::parse(party)) return *literal;
    const auto found = addresses_.find(party);
    if (found == addresses_.end()) throw std::runtime_error("nobody is called " + party);
    for (const Address& address : found->second)
        if (address.family == family) return address;
    throw std::runtime_error(party + " has no such address");
}

bh_reason Stage::by_rule(const Question& question) const {
    const Address src = address_of(question.src, question.family);
    const bool own = cluster_.own_addresses().contains(src);
    return compile::judge(desired(), {.src = src,
                                      .dst = address_of(question.dst, question.family),
                                      .protocol = question.protocol,
                                      .port = question.port,
                                      .local_host = has_pod(question.dst) && own && question.made_by_dst_node,
                                      .src_is_local = has_pod(question.src),
                                      .now = question.time});
}

std::optional<Probe> Stage::probe(const Question& question) const {
    const Address src = address_of(question.src, question.family);
    const Address dst = address_of(question.dst, question.family);
    const auto probe = [&](Probe::Hook hook, datapath::Circumstances circumstances) {
        return Probe{hook, src, dst, question.protocol, question.port, circumstances};
    };
    const bool from_here = has_pod(question.src);
    const bool made_here = cluster_.own_addresses().contains(src) && question.made_by_dst_node;
    if (has_pod(question.dst)) {
        const uint32_t from = from_here ? ifindex(question.src) : made_here ? 0 : kUplink;
        return probe(Probe::Hook::kToPod,
                     {.ifindex = ifindex(question.dst), .ingress_ifindex = from, .local_socket = made_here});
    }
    if (!from_here) return std::nullopt;
    if (cluster_.own_addresses().contains(dst)) return probe(Probe::Hook::kFromPod, {.ifindex = ifindex(question.src)});
    return probe(Probe::Hook::kUplink, {.ifindex = kUplink, .ingress_ifindex = ifindex(question.src)});
}

std::optional<datapath::Rehearsal> Stage::by_program(const Machine& machine, const Question& question) const {
    const auto found = probe(question);
    if (!found) return std::nullopt;
    const auto answer = found->at(machine);
    return has_pod(question.dst) || answer.judged ? std::optional(answer) : std::nullopt;
}

Bytes first_packet(const Address& src, const Address& dst, uint8_t protocol, uint16_t port) {
    static uint16_t source_port = 20000; // a new conversation each time
    const std::string from = src.text(), to = dst.text();
    source_port = static_cast<uint16_t>(source_port >= 60000 ? 20000 : source_port + 1);
    auto out = packet().eth().ip(from, to);
    switch (protocol) {
    case BH_TCP:
        return out.tcp(source_port, port, kSyn).bytes();
    case BH_UDP:
        return out.udp(source_port, port).payload(8).bytes();
    case BH_SCTP:
        return out.sctp(source_port, port).bytes();
    default:
        return out.echo_request(source_port).bytes();
    }
}

} // namespace bulkhead::test
