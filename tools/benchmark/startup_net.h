// SPDX-License-Identifier: Apache-2.0
//
// A node with a way into its VPC, where a resource is, and pods that are wired as the VPC CNI does it: the veth is made
// and finished in the pod's network namespace, its host side moves to the node and comes up there, then come the
// /32 and /128 host routes and the ip rules. Nothing has a name in /run/netns; all goes with its handles.
#pragma once

#include <string>

#include "base/address.h"
#include "base/fd.h"
#include "rtnl.h"
#include "startup_watch.h"

namespace bulkhead::bench {

/// A pod to be, or one that is.
struct PodSite {
    uint32_t number = 0;
    std::string ns;
    std::string name;
    std::string veth; // on the node
    Address ip4, ip6;
    Mac mac{}, host_mac{};
    Fd netns;             // there before anything else is, as a container runtime makes it
    Fd wire;              // a packet socket on its eth0, once that is there
    uint32_t ifindex = 0; // of its veth on the node, once that is there
};

class StartupNode {
public:
    /// In the network namespace of the thread, which has to be empty.
    static Result<StartupNode> create(const StartupWatch& watch);

    Result<PodSite> plan(uint32_t number, const std::string& ns) const;
    /// What CNI ADD does; `when_ready_to_send` is called as soon as the pod could send, before its veth is the node's.
    /// One thread for each pod; it is back on the node afterwards.
    Result<> wire(PodSite& pod, const StartupWatch& watch, const std::function<void()>& when_ready_to_send) const;
    Result<> unwire(const PodSite& pod) const;

    static Address resource(uint8_t family);

private:
    StartupNode(Fd node, Fd vpc) : node_(std::move(node)), vpc_(std::move(vpc)) {}
    Result<> connect(const StartupWatch& watch) const;
    static Result<> finish_inside(PodSite& pod, Rtnl& inside, const StartupWatch& watch);
    Result<> add_routes(PodSite& pod, Rtnl& outside) const;

    Fd node_, vpc_;
};

} // namespace bulkhead::bench
