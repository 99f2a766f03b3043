// SPDX-License-Identifier: Apache-2.0
//
// A real Kubernetes API server for tests: etcd and kube-apiserver (and, if asked for, kube-controller-manager) as
// children of this process, from the folder that $KUBEBUILDER_ASSETS names, with everything they keep in a directory
// that goes with the handle. RBAC is on. There is no kubelet: nodes and pods are what the test writes.
//
// Or the machinery of a current one, from the folder that $BULKHEAD_MACHINERY names: for what kube-apiserver is too old
// for where none but that of Debian 12 can be had. What it isn't: tests/cluster/machinery/README.md.
//
// It listens on loopback, or on an address of a network namespace, where all of its children then run. The processes
// end with the handle, and with the thread that started them: start from one that lives as long as the test.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/api_server_files.h"
#include "support/netns.h"
#include "support/process.h"

namespace bulkhead::test {

enum class ApiServerKind : uint8_t {
    kKubernetes, // kube-apiserver
    kMachinery,  // no RBAC, no service accounts, no controller manager; the admin has a token
};

/// One of $KUBEBUILDER_ASSETS' or $BULKHEAD_MACHINERY's programs; the error says what is missing, for SKIP().
Result<std::filesystem::path> cluster_asset(const std::string& name, ApiServerKind kind = ApiServerKind::kKubernetes);

class ApiServer {
public:
    struct Options {
        ApiServerKind kind = ApiServerKind::kKubernetes;
        std::string netns = {};             // its name; empty = this process'
        std::string address = "127.0.0.1";  // to listen on
        bool controller_manager = false;    // namespaces that go, service accounts, garbage, DaemonSets...
        std::vector<ApiUser> users = {};    // beside the admin; without a role they may do nothing
        std::vector<std::string> more = {}; // further arguments of the API server
    };
    /// Of a command: its exit status as a shell has it, and all that it wrote.
    struct Answer {
        int status;
        std::string output;
    };
    struct Version {
        int major;
        int minor;
        auto operator<=>(const Version&) const = default;
    };

    /// Ready to be asked; with a controller manager, to take pods into its default namespace.
    static Result<ApiServer> create(const Options& options);

    /// On the data and the port that it had; not yet ready. Nothing if it runs.
    Result<> start();
    Result<> wait_ready(Deadline deadline);
    /// Only the API server: etcd and the controller manager go on. SIGTERM, and SIGKILL three seconds later, because
    /// one that is being watched waits for its watchers, for longer than tests want to.
    void stop();
    /// Likewise, by SIGKILL.
    void kill();

    std::string url() const;
    std::filesystem::path ca_file() const { return files_.ca(); }
    /// Of the admin.
    const std::filesystem::path& kubeconfig() const { return kubeconfig_; }
    /// Of whoever has the token.
    Result<std::filesystem::path> kubeconfig_for(const std::string& token) const;
    /// As TokenRequest gives it, for at least ten minutes.
    Result<std::string> service_account_token(const std::string& ns, const std::string& name) const;

    /// As the admin. `input` is kubectl's stdin.
    Answer kubectl(const std::vector<std::string>& arguments, const std::string& input = {}) const;
    Answer kubectl_as(const std::filesystem::path& kubeconfig, const std::vector<std::string>& arguments,
                      const std::string& input = {}) const;
    Result<Version> version() const;

    /// Forgets all revisions but the last. The API server's memory of them goes only with a restart.
    Result<> compact_etcd() const;

    /// What the running or the last API server wrote.
    std::string log() const { return server_ ? server_->output() : ""; }

private:
    ApiServer(Options options, std::filesystem::path assets, std::optional<Netns> netns, ApiServerFiles files)
        : options_(std::move(options)), assets_(std::move(assets)), netns_(std::move(netns)), files_(std::move(files)) {
    }

    Result<> prepare();
    Result<> start_etcd();
    Result<> start_controller_manager(Deadline deadline);
    bool is_machinery() const { return options_.kind == ApiServerKind::kMachinery; }
    std::vector<std::string> server_words() const;
    std::vector<std::string> words_of_kubernetes() const;
    std::vector<std::string> controller_manager_words(bool has_insecure_port) const;
    /// One of the assets, as a child that ends with us.
    Result<Process> launch(std::vector<std::string> words) const;
    Result<uint16_t> free_port(const std::string& address) const;
    /// Until it holds; an error if one of the children ends before, or time is over.
    Result<> wait_for(const std::string& what, const std::function<bool()>& holds, Deadline deadline);
    /// etcd's HTTP gateway.
    Result<std::string> ask_etcd(const std::string& path, const std::string& request) const;

    Options options_;
    std::filesystem::path assets_;
    std::optional<Netns> netns_; // none: this process'
    ApiServerFiles files_;       // outlives the processes, which are declared after it
    std::filesystem::path kubeconfig_;
    uint16_t etcd_port_ = 0;
    uint16_t port_ = 0;
    std::optional<Process> etcd_;
    std::optional<Process> server_;
    std::optional<Process> manager_;
};

} // namespace bulkhead::test
