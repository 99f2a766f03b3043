// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the API server as the source share: what an agent on a node makes of it, and a few objects.
#pragma once

#include <poll.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "cluster_fixture.h"
#include "source/kube/kube_source.h"

namespace bulkhead::test {

constexpr auto kNode = "node-a";

/// An agent's view of a server, without its kernel.
class View {
public:
    explicit View(const std::filesystem::path& kubeconfig) : View(require(source::kube::read_kubeconfig(kubeconfig))) {}
    explicit View(const source::kube::Access& access)
        : session_(require(source::kube::Session::create(access, 1))),
          source_(*session_, source::kube::agent_resources(kNode)) {}

    /// Until it holds. Fails the test with what the source complains about.
    void wait(const std::string& what, const std::function<bool()>& holds) {
        const Deadline deadline = after(60s);
        for (source_.update(cluster_); !holds(); source_.update(cluster_)) {
            INFO(what << "\n" << complaints());
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            pollfd fd{.fd = source_.fd(), .events = POLLIN, .revents = 0};
            poll(&fd, 1, 100);
        }
    }
    void wait_synced() {
        wait("the first list", [this] { return source_.synced(); });
    }
    void wait_for_complaint(const std::string& text) {
        wait("a complaint: " + text, [&] { return complaints().find(text) != std::string::npos; });
    }
    void wait_for_no_complaint() {
        wait("no complaint", [this] { return source_.problems().empty(); });
    }

    std::string complaints() const {
        std::string all;
        for (const auto& problem : source_.problems())
            all += problem.origin + " " + problem.object + " " + problem.field + ": " + problem.text + "\n";
        return all;
    }

    state::Cluster& cluster() { return cluster_; }
    source::kube::KubeSource& source() { return source_; }

private:
    std::unique_ptr<source::kube::Session> session_;
    source::kube::KubeSource source_;
    state::Cluster cluster_;
};

inline std::string ns(const std::string& name, const std::string& level) {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {bulkhead.dev/level: " + level +
           "}}\n---\n";
}

inline std::string pod(const std::string& name, const std::string& node) {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: shop, labels: {app: " + name +
           "}}\nspec: {nodeName: " + node + ", containers: [{name: main, image: none}]}\n---\n";
}

inline std::string tenant(const std::string& spec) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: bank}\nspec: " + spec + "\n---\n";
}

inline std::string level_of_shop(View& view) {
    const auto found = view.cluster().namespaces().find("shop");
    return found == view.cluster().namespaces().end() ? "none" : found->second.labels.at("bulkhead.dev/level");
}

} // namespace bulkhead::test
