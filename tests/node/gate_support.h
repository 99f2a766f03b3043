// SPDX-License-Identifier: Apache-2.0
//
// What a container runtime does with CNI plugins: runs the real bulkhead-cni on a node, with variables and a network
// configuration whose prevResult is the VPC CNI's.
#pragma once

#include "fixture.h"

namespace bulkhead::test {

/// A `timeoutSeconds` beyond what end_of() waits: who is let in was so before the last question of all.
inline constexpr int kLong = 120;

struct CniCall {
    std::string command = "ADD";
    Json conf;
    std::map<std::string, std::string> variables;
};

struct CniAnswer {
    int status = 0;
    std::string output;

    Json json() const { return Json::parse(output, nullptr, false); } // discarded if it is no JSON
    unsigned code() const;                                            // of an error; 0 = none
    std::string reason() const;                                       // its msg
};

/// The host sides of a pod's interfaces, as podnet names them.
std::vector<std::string> veths_of(const Net& net, const Place& pod);

/// As aws-cni 1.20 prints it.
Json vpc_cni_result(const Place& pod, const std::vector<std::string>& veths, const std::string& version = "1.0.0");

/// To add a pod, with a short patience: nobody who is let in needs it.
CniCall add_call(const Net& net, const Place& pod, const std::string& socket, const std::string& version = "1.0.0");

/// A node with two namespaces, and where its agent listens.
struct GateHouse {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    std::string socket = net.directory() / (kNodeA + ".sock");

    GateHouse() {
        for (const char* ns : {"shop", "blog"})
            net.manifests().write(std::string(ns) + ".yaml", namespace_text(ns));
    }
};

Process start_cni(const Place& node, const CniCall& call);
CniAnswer end_of(Process& process);
CniAnswer run_cni(const Place& node, const CniCall& call);

void check_let_in(const CniAnswer& answer, const CniCall& call);
/// Code 11, and this in the reason.
void check_shut(const CniAnswer& answer, const std::string& why);

} // namespace bulkhead::test
