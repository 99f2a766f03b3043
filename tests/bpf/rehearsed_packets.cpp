// SPDX-License-Identifier: Apache-2.0
//
// The tables' packets, asked about by test runs.
#include "bpf/packets_table.h"

namespace bulkhead::test {

Machine& shared_machine() {
    static Machine machine;
    return machine;
}

Met meet(const Wire& wire, const Way& way, const Bytes& packet) {
    const auto& programs = shared_machine().kernel().programs();
    const Fd& program = way.hook == Way::Hook::kFromPod ? programs.from_pod
                        : way.hook == Way::Hook::kToPod ? programs.to_pod
                                                        : programs.uplink;
    const auto found = shared_machine().run(program, packet,
                                            {.ifindex = ifindex_of(wire, way.veth),
                                             .ingress_ifindex = ifindex_of(wire, way.from),
                                             .local_socket = way.from == kFromNode,
                                             .mark = way.mark});
    return {.judged = found.judged ? std::optional(found.reason) : std::nullopt,
            .passes = found.action == kPasses,
            .mark = found.mark};
}

} // namespace bulkhead::test
