// SPDX-License-Identifier: Apache-2.0
#include "flow/edges.h"

#include <algorithm>

#include "flow/names.h"

namespace bulkhead::flow {

namespace {

constexpr int kNetwork4 = 24; // bits of a network of the world
constexpr int kNetwork6 = 64;
constexpr size_t kSources = 8; // of which each may have its full share of all edges

std::string network_of(const Address& address) {
    const int length = address.family == BH_IPV4 ? kNetwork4 : kNetwork6;
    Cidr network{.address = address, .length = static_cast<uint8_t>(length)};
    std::fill(network.address.bytes.begin() + length / 8, network.address.bytes.end(), uint8_t{0});
    return network.text();
}

/// Without what makes edges many, but for ports.
void coarsen(Party& party) {
    party.workload.clear();
    if (party.kind == Kind::kWorld) party.name.clear();
}

void merge(Sighting& known, const Sighting& more) {
    known.count += more.count;
    known.first = std::min(known.first, more.first);
    if (more.last < known.last) return;
    known.last = more.last;
    known.reason = more.reason;
    known.source_tenant = more.source_tenant;
    known.destination_tenant = more.destination_tenant;
    known.destination_protected = more.destination_protected;
}

/// Of whose share an edge takes: the world is one, however many networks it has.
Party owner_of(const EdgeKey& key) {
    Party owner = key.source;
    if (owner.kind == Kind::kWorld) owner.name.clear();
    return owner;
}

/// Nobody's: so what was summed up is told.
bool is_zero(const Address& address) {
    return std::ranges::all_of(address.bytes, [](uint8_t byte) { return byte == 0; });
}

/// Whom an edge names for an end of a flow.
Party party_of(const End& end, const Address& address) {
    Party party{.kind = end.kind, .ns = end.ns, .workload = {}, .name = {}};
    if (end.kind == Kind::kPod) {
        party.workload = text_of(end.workload);
    } else if (end.kind == Kind::kWorld) {
        if (!is_zero(address)) party.name = network_of(address);
    } else if (end.kind != Kind::kClusterDns && end.kind != Kind::kApiServer) { // of these there is one each
        party.name = end.name;
    }
    return party;
}

} // namespace

std::string text_of(const Workload& workload) {
    return workload.name.empty() ? "" : workload.kind + "/" + workload.name;
}

EdgeKey edge_key(const EdgeSides& sides) {
    return {.source = party_of(sides.source, sides.source_address),
            .destination = party_of(sides.destination, sides.destination_address),
            .protocol = sides.protocol,
            .port = has_ports(sides.protocol) ? sides.port : uint16_t{0},
            .verdict = sides.verdict};
}

Edges::Added Edges::add(const Record& record) {
    return add(edge_key({.source = record.source,
                         .source_address = record.source.address,
                         .destination = record.destination,
                         .destination_address = record.destination.address,
                         .protocol = record.protocol,
                         .port = record.destination.port,
                         .verdict = record.verdict}),
               {.count = record.packets,
                .first = record.first,
                .last = record.time,
                .reason = record.reason,
                .source_tenant = record.source.tenant,
                .destination_tenant = record.destination.tenant,
                .destination_protected = record.destination.is_protected});
}

Edges::Added Edges::add(EdgeKey key, const Sighting& sighting) {
    auto row = rows_.find(key);
    if (row == rows_.end()) {
        key = fold(std::move(key));
        row = rows_.find(key);
    }
    if (row != rows_.end()) {
        merge(row->second, sighting);
        changed_.insert(&*row);
        return {.edge = &*row, .is_new = false};
    }
    if (rows_.size() >= limits_.edges || share_of(key) >= 2 * full_share()) {
        ++refused_;
        return {};
    }
    row = put(std::move(key), sighting);
    changed_.insert(&*row);
    new_.insert(&*row);
    return {.edge = &*row, .is_new = true};
}

void Edges::restore(const EdgeKey& key, const Sighting& sighting) {
    if (rows_.size() >= limits_.edges || rows_.contains(key))
        add(key, sighting);
    else
        put(key, sighting);
}

Edges::Rows::iterator Edges::put(EdgeKey key, const Sighting& sighting) {
    note(key);
    return rows_.emplace(std::move(key), sighting).first;
}

size_t Edges::full_share() const {
    return std::max<size_t>(1, limits_.edges / kSources);
}

size_t Edges::share_of(const EdgeKey& key) const {
    const auto share = shares_.find(owner_of(key));
    return share == shares_.end() ? 0 : share->second;
}

/// What a new edge is told as, so that it doesn't grow the table beyond its bounds.
EdgeKey Edges::fold(EdgeKey key) const {
    const auto fold_network = [&](Party& world, const Party& other) {
        if (world.kind != Kind::kWorld) return;
        const auto known = networks_.find(other);
        if (known == networks_.end() || known->second.size() < limits_.networks) return;
        if (!known->second.contains(world.name)) world.name.clear();
    };
    fold_network(key.source, key.destination);
    fold_network(key.destination, key.source);
    if (rows_.size() >= limits_.edges / 4 * 3) {
        coarsen(key.source);
        coarsen(key.destination);
        key.port = 0;
        return key;
    }
    if (share_of(key) >= full_share()) {
        if (key.source.kind != Kind::kWorld) {
            coarsen(key.destination);
            key.port = 0;
            return key;
        }
        key.source.name.clear(); // the port stays: whoever is first seen now is judged by it, too
    }
    const auto ports = ports_.find({key.source, key.destination, key.protocol, key.verdict});
    if (ports != ports_.end() && ports->second >= limits_.ports) key.port = 0;
    return key;
}

void Edges::note(const EdgeKey& key) {
    if (key.port != 0) ++ports_[{key.source, key.destination, key.protocol, key.verdict}];
    const auto note_network = [&](const Party& world, const Party& other) {
        if (world.kind == Kind::kWorld && !world.name.empty()) networks_[other].insert(world.name);
    };
    note_network(key.source, key.destination);
    note_network(key.destination, key.source);
    ++shares_[owner_of(key)];
}

size_t Edges::forget_before(Time time) {
    const size_t gone = std::erase_if(rows_, [&](const auto& row) {
        if (row.second.last >= time) return false;
        changed_.erase(&row);
        new_.erase(&row);
        return true;
    });
    if (gone == 0) return 0;
    ports_.clear();
    networks_.clear();
    shares_.clear();
    for (const auto& [key, sighting] : rows_)
        note(key);
    return gone;
}

std::vector<const Edges::Rows::value_type*> Edges::take_changed() {
    std::vector<const Rows::value_type*> changed(changed_.begin(), changed_.end());
    changed_.clear();
    new_.clear();
    return changed;
}

std::vector<const Edges::Rows::value_type*> Edges::take_new() {
    std::vector<const Rows::value_type*> made(new_.begin(), new_.end());
    for (const auto* row : made)
        changed_.erase(row);
    new_.clear();
    return made;
}

} // namespace bulkhead::flow
