// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "support/objects.h"
#include "support/random_cluster.h"

namespace bulkhead::test {

using namespace state;

namespace {

using Words = std::vector<std::string>;

struct Places {
    Words pods;                     // with addresses of their own
    Words nodes;                    // their names, and hostNetwork pods
    std::vector<Address> addresses; // of everything outside, edges of CIDRs and unknown ones
};

Address flipped(Address address, int bit) {
    auto& byte = address.bytes[static_cast<size_t>(bit / 8)];
    byte = static_cast<uint8_t>(byte ^ (0x80 >> (bit % 8)));
    return address;
}

Address last_of(const Cidr& cidr) {
    Address last = cidr.address;
    for (int bit = cidr.length; bit < cidr.address.bits(); ++bit)
        last = flipped(last, bit);
    return last;
}

/// First, last, and the first of the neighbour that differs in the prefix's last bit.
void add_edges(std::vector<Address>& addresses, const Cidr& cidr) {
    addresses.push_back(cidr.address);
    addresses.push_back(last_of(cidr));
    if (cidr.length > 0) addresses.push_back(flipped(cidr.address, cidr.length - 1));
}

void add_peers(Places& places, const std::vector<Peer>& peers) {
    for (const Peer& peer : peers) {
        if (const auto* named = std::get_if<CidrPeer>(&peer)) add_edges(places.addresses, named->cidr);
    }
}

void add_grants(Places& places, const std::vector<Grant>& grants) {
    for (const Grant& grant : grants)
        add_peers(places, grant.from);
}

void add(Places& places, const Pod& pod) {
    if (pod.finished) {
        places.addresses.insert(places.addresses.end(), pod.ips.begin(), pod.ips.end());
        return;
    }
    (pod.common->host_network ? places.nodes : places.pods).push_back(pod.ns + "/" + pod.name);
}

void add(Places& places, const Object& object) {
    if (const auto* pod = std::get_if<Pod>(&object)) add(places, *pod);
    if (const auto* node = std::get_if<Node>(&object)) places.nodes.push_back(node->meta.name);
    if (const auto* grant = std::get_if<AccessGrant>(&object)) add_peers(places, grant->grant.from);
    if (const auto* tenant = std::get_if<Tenant>(&object)) {
        add_grants(places, tenant->allow_from);
        for (const AllowTo& entry : tenant->allow_to)
            add_peers(places, entry.to);
    }
    if (const auto* resource = std::get_if<AwsResource>(&object)) {
        for (const Cidr& one : resource->cidrs)
            add_edges(places.addresses, one);
        add_grants(places, resource->allow_from);
    }
}

Places places_of(const RandomCluster& cluster) {
    Places places;
    for (const Object& object : cluster.objects)
        add(places, object);
    for (const char* known :
         {"198.51.100.7", "2001:db8::7", "169.254.170.23", "fd00:ec2::23", "169.254.20.10", "169.254.169.254"}) {
        places.addresses.push_back(address(known));
    }
    return places;
}

uint8_t protocol(Dice& dice) {
    const size_t throw_of = dice.below(100);
    if (throw_of < 60) return BH_TCP;
    if (throw_of < 80) return BH_UDP;
    return throw_of < 90 ? BH_SCTP : BH_ICMP;
}

/// The pod that runs where `node` is, so that line 5 is asked often enough.
std::string neighbour(const RandomCluster& cluster, Dice& dice, const std::string& node) {
    Words found;
    for (const Object& object : cluster.objects) {
        const auto* pod = std::get_if<Pod>(&object);
        if (pod && !pod->finished && !pod->common->host_network && pod->node == node) {
            found.push_back(pod->ns + "/" + pod->name);
        }
    }
    return found.empty() ? "" : dice.pick(found);
}

void from_outside(Question& question, const Places& places, Dice& dice) {
    if (dice.percent(25)) {
        question.src = dice.pick(places.nodes);
        return;
    }
    const Address& from = dice.pick(places.addresses);
    question.src = from.text();
    question.family = from.family;
}

void to_outside(Question& question, const Places& places, Dice& dice) {
    if (dice.percent(12)) {
        question.dst = dice.pick(places.nodes);
        return;
    }
    const Address& to = dice.pick(places.addresses);
    question.dst = to.text();
    question.family = to.family;
}

void choose_ends(Question& question, const RandomCluster& cluster, const Places& places, Dice& dice) {
    const size_t kind = dice.below(100);
    question.src = dice.pick(places.pods);
    question.dst = dice.pick(places.pods);
    if (kind < 4) {
        question.dst = question.src;
    } else if (kind < 10) {
        const std::string node = dice.percent(50) ? "node-a" : "node-b";
        const std::string pod = neighbour(cluster, dice, node);
        if (pod.empty()) return;
        question.src = node;
        question.dst = pod;
        question.made_by_dst_node = dice.percent(85);
    } else if (kind < 27) {
        from_outside(question, places, dice);
    } else if (kind < 50) {
        to_outside(question, places, dice);
    }
}

} // namespace

std::vector<Question> random_questions(const RandomCluster& cluster, size_t count, uint64_t seed) {
    static const std::vector<uint16_t> kPorts{79, 80, 80, 80, 80,  80,  80,  81, 82,
                                              83, 53, 90, 91, 442, 443, 444, 0,  65535};
    Dice dice(seed);
    const Places places = places_of(cluster);
    std::vector<Question> questions;
    if (places.pods.empty()) return questions;
    while (questions.size() < count) {
        Question question;
        question.time = cluster.now;
        question.family = dice.percent(50) ? BH_IPV4 : BH_IPV6;
        question.protocol = protocol(dice);
        question.port = question.protocol == BH_ICMP ? uint16_t{0} : dice.pick(kPorts);
        choose_ends(question, cluster, places, dice);
        questions.push_back(std::move(question));
    }
    return questions;
}

} // namespace bulkhead::test
