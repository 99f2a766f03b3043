// SPDX-License-Identifier: Apache-2.0
#include "compile/local.h"

#include <algorithm>
#include <type_traits>

namespace bulkhead::compile {

namespace {

template <size_t kCapacity, typename Row, typename Values>
void fill(Row (&rows)[kCapacity], const Values& values) {
    std::copy_n(values.begin(), std::min(values.size(), kCapacity), rows);
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
    std::vector<uint32_t> addresses4;
    std::vector<bh_addr> addresses6;
    for (const auto& address : pod.addresses) {
        if (address.family == BH_IPV4)
            addresses4.push_back(address.raw4());
        else
            addresses6.push_back(address.raw());
    }
    fill(row.ifindex, pod.ifindexes);
    fill(row.addr4, addresses4);
    fill(row.addr6, addresses6);
    report(pod, "interfaces", pod.ifindexes.size(), BH_POD_INTERFACES, problems);
    report(pod, "IPv4 addresses", addresses4.size(), BH_POD_ADDRESSES, problems);
    report(pod, "IPv6 addresses", addresses6.size(), BH_POD_ADDRESSES, problems);
    return row;
}

} // namespace bulkhead::compile
