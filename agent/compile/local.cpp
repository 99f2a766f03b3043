// SPDX-License-Identifier: Apache-2.0
#include "compile/local.h"

#include <algorithm>

namespace bulkhead::compile {

namespace {

size_t count(const state::LocalPod& pod, uint8_t family) {
    return static_cast<size_t>(std::count_if(pod.addresses.begin(), pod.addresses.end(),
                                             [&](const Address& address) { return address.family == family; }));
}

void report(const state::LocalPod& pod, const char* what, size_t count, size_t most,
            std::vector<state::Problem>& problems) {
    if (count <= most) return;
    problems.push_back({"", "Pod " + name_of(pod), "",
                        "has " + std::to_string(count) + " " + what + ", but " + std::to_string(most) +
                            " is the most; the others are not known as its own"});
}

} // namespace

std::string name_of(const state::LocalPod& pod) {
    return pod.pod.empty() ? "slot " + std::to_string(pod.slot) : pod.pod;
}

bh_pod pod_row(const state::LocalPod& pod, IdentityId identity, std::vector<state::Problem>& problems) {
    bh_pod row{};
    row.generation = pod.generation;
    row.identity = identity;
    row.nsid = pod.nsid;
    row.flags = pod.older ? BH_POD_OLDER : 0;
    const auto interfaces = std::min<size_t>(pod.ifindexes.size(), BH_POD_INTERFACES);
    std::copy_n(pod.ifindexes.begin(), interfaces, row.ifindex);
    pod.places.fill(row);
    report(pod, "interfaces", pod.ifindexes.size(), BH_POD_INTERFACES, problems);
    report(pod, "IPv4 addresses", count(pod, BH_IPV4), BH_POD_ADDRESSES, problems);
    report(pod, "IPv6 addresses", count(pod, BH_IPV6), BH_POD_ADDRESSES, problems);
    return row;
}

} // namespace bulkhead::compile
