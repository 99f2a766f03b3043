// SPDX-License-Identifier: Apache-2.0
//
// What tests of the running agent stand on: a net of podnet's with two nodes, a directory of manifests that
// the test edits, and agents as child processes. Everything has names of this process' own, so that tests
// run beside each other and beside demos, and goes with its handle, also when a test fails. What a killed
// test left behind, the next one clears away.
//
// Pods are numbered: number 20 on node-a has 10.0.1.20 and fd00:10:0:1::20.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "attach_modes.h"
#include "support/process.h"
#include "support/require.h"
#include "support/sockets.h"

namespace bulkhead::test {

using Json = nlohmann::json;
using Labels = std::map<std::string, std::string>;

/// For an agent to end: closing its watch on the manifests waits for the kernel's other business.
inline constexpr auto kEnd = 30s;

inline const std::string kNodeA = "node-a";
inline const std::string kNodeB = "node-b";

/// A pod or a node: what tests send from and to.
struct Place {
    std::string node;
    std::string name; // "shop/web", or the node's
    Address ip4;
    Address ip6;
    Netns netns;

    const Address& address(uint8_t family) const { return family == BH_IPV4 ? ip4 : ip6; }
};

/// The objects that the agents are told of, a file each. Files change by rename.
class Manifests {
public:
    explicit Manifests(std::filesystem::path directory) : directory_(std::move(directory)) {}

    void write(const std::string& file, const std::string& text) const;
    void remove(const std::string& file) const;
    const std::filesystem::path& directory() const { return directory_; }

private:
    std::filesystem::path directory_;
};

std::string namespace_text(const std::string& name, const Labels& labels = {});
std::string protected_namespace_text(const std::string& name);
/// `phase` is "Running"; without `told` the pod's addresses are left out, as before its first status.
std::string pod_text(const Place& pod, const Labels& annotations = {}, bool told = true);
/// `spec` is YAML's flow style: "namespaces: [shop], level: protected".
std::string tenant_text(const std::string& name, const std::string& spec);

class Net {
public:
    /// With both nodes, and their Node objects in manifests(). Skips the test where it can't run.
    static Net create();
    Net(Net&& other) noexcept;
    Net& operator=(Net&&) = delete;
    ~Net();

    /// Wires a pod; says nothing of it to anybody. `more`: podnet's further options.
    Place wire(const std::string& node, const std::string& pod, int number,
               const std::vector<std::string>& more = {}) const;
    /// With these addresses, whichever node they came from.
    Place wire_as(const std::string& node, const std::string& pod, const std::string& ip4, const std::string& ip6,
                  const std::vector<std::string>& more = {}) const;
    /// Wires it, and tells of it in a file of its own ("shop-web.yaml").
    Place add(const std::string& node, const std::string& pod, int number, const Labels& annotations = {}) const;
    void tell(const Place& pod, const Labels& annotations = {}) const;
    void unwire(const Place& pod) const;
    /// Something of AWS' on the VPC, which no agent hears of from here.
    Place resource(const std::string& name, const std::string& ip4, const std::string& ip6) const;
    Place node(const std::string& name) const;
    /// What `podnet ls -o json` prints.
    std::string listing() const;

    const Manifests& manifests() const { return manifests_; }
    /// For sockets, pins and further manifests.
    const std::filesystem::path& directory() const { return directory_; }

private:
    explicit Net(std::string name);

    std::string name_; // empty once moved from
    std::filesystem::path directory_;
    Manifests manifests_;
};

std::string file_of(const Place& pod);

/// One agent in a node's namespace. Its destructor kills the process; what it pinned stays for the next
/// agent of that name, and goes with the Net.
class AgentProcess {
public:
    struct Options {
        std::string attach = "auto";
        std::string name = {};                 // of its pin directory and socket; empty = the node's
        std::filesystem::path source = {};     // empty = the net's manifests
        std::filesystem::path kubeconfig = {}; // not empty: the source is this API server
        std::string metrics_address = {};      // empty = none
        std::vector<std::string> more = {};    // further arguments
        std::vector<std::string> before = {};  // a command that runs it: setpriv and its arguments
    };

    /// Runs, but need not be ready.
    static AgentProcess launch(const Net& net, const Place& node, const Options& options);
    /// Ready.
    static AgentProcess start(const Net& net, const Place& node, const Options& options);

    Process& process() { return process_; }
    std::string output() const { return process_.output(); }
    const std::filesystem::path& pin_dir() const { return pin_dir_; }
    const std::string& socket() const { return socket_; }

    void wait_until_ready();
    /// What `bulkheadctl WORDS -o json` says; null if nothing.
    Json ask(std::vector<std::string> words) const;
    /// "allow", "deny"...: the kernel's word on a first packet; or why there is none. `to` is "shop/web:80/TCP".
    std::string verdict(const std::string& from, const std::string& to, uint8_t family = BH_IPV4) const;
    /// Comes back when the kernel says so; the end of the test if it never does.
    void wait_for_verdict(const std::string& from, const std::string& to, const std::string& expected) const;
    /// Exit status and output of `bulkheadctl WORDS`.
    std::pair<int, std::string> order(std::vector<std::string> words) const;
    std::vector<Json> problems() const;
    bool reports(const std::function<bool(const Json&)>& problem) const;
    /// The row of `bulkheadctl endpoints` with this name; null if there is none.
    Json endpoint(const std::string& name) const;

    /// Its `detach` command: exit status and output.
    std::pair<int, std::string> detach() const;

private:
    Result<Json> answer_to(std::vector<std::string> words) const;

    AgentProcess(Process process, Netns netns, std::filesystem::path pin_dir, std::string socket)
        : process_(std::move(process)), netns_(std::move(netns)), pin_dir_(std::move(pin_dir)),
          socket_(std::move(socket)) {}

    Process process_;
    Netns netns_;
    std::filesystem::path pin_dir_;
    std::string socket_;
};

/// Runs to its end in a namespace: exit status and output.
std::pair<int, std::string> run_in(const Netns& netns, const std::vector<std::string>& argv);

/// What is attached to the devices of a namespace, by tcx or tc, and its clsact qdiscs: one line each.
std::vector<std::string> attachments_in(const Netns& netns);

} // namespace bulkhead::test
