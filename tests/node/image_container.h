// SPDX-License-Identifier: Apache-2.0
//
// The image as Kubernetes runs it: unpacked by an OCI tool, and each container as a manifest describes it, by an OCI
// runtime (crun) on a node of a net. What a kubelet would make of the manifest (capabilities, mounts, read-only root,
// user, arguments) is read from it, so that a test says only where it differs.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "bpffs.h"
#include "fixture.h"

namespace bulkhead::test {

/// The image in a folder, as an OCI bundle: `config.json` and `rootfs`.
class Bundle {
public:
    /// By umoci, from the tarball that tools/image made.
    static Bundle unpack(const std::filesystem::path& tarball, const std::filesystem::path& folder);
    static Result<Bundle> try_unpack(const std::filesystem::path& tarball, const std::filesystem::path& folder);

    std::filesystem::path folder() const { return folder_; }
    std::filesystem::path rootfs() const { return folder_ / "rootfs"; }
    /// As the image's own settings are.
    const Json& config() const { return config_; }

private:
    Bundle(std::filesystem::path folder, Json config) : folder_(std::move(folder)), config_(std::move(config)) {}

    std::filesystem::path folder_;
    Json config_;
};

/// What a node has for its pods, in a folder of the net's: `/sys/fs/bpf`, `/run`, and ConfigMaps by name.
class NodeFiles {
public:
    explicit NodeFiles(const Net& net);

    std::filesystem::path host_path(const std::string& path) const;
    std::filesystem::path config_map(const std::string& name) const { return folder_ / "config-maps" / name; }

private:
    std::filesystem::path folder_;
    Bpffs bpffs_;
};

class Container {
public:
    struct Options {
        std::string manifest = "base/daemonset.yaml"; // below manifests/
        std::string name = "agent";
        std::set<std::string> without = {}; // of the capabilities that the manifest adds
    };

    /// Runs, but need not be ready. The agent's source is the net's manifests instead of an API server.
    static Container start(const Net& net, const Place& node, const NodeFiles& files, const Bundle& bundle,
                           const Options& options);
    Container(Container&&) = default;
    Container& operator=(Container&&) = delete;
    ~Container();

    Process& process() { return process_; }
    std::string output() const { return process_.output(); }
    /// Of its first process, as we see it.
    pid_t pid() const;
    /// As `kubectl exec` does: exit status and output.
    std::pair<int, std::string> exec(std::vector<std::string> words) const;

private:
    Container(Process process, std::filesystem::path state) : process_(std::move(process)), state_(std::move(state)) {}

    Process process_;
    std::filesystem::path state_; // of crun; empty once moved from
};

} // namespace bulkhead::test
