// SPDX-License-Identifier: Apache-2.0
//
// An API server as the source of truth: one reflector a resource, all over one client. While the server is
// away, slow or refuses us, what it said last stays in force, and a problem says what is wrong. Nothing is told before
// every resource's first list is complete.
//
//   HttpClient -> Reflector (lists, watches) -> Intake (decodes) -> cluster state
//
// One thread; an fd to poll.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "source/kube/known_versions.h"
#include "source/kube/reflector.h"
#include "source/kube/resource.h"
#include "source/kube/session.h"
#include "source/source.h"
#include "state/pool.h"

namespace bulkhead::source::kube {

/// A resource that isn't for the cluster state: `sink` is told of it, and counts like the others.
struct Tap {
    Resource resource;
    ReflectorSink& sink;
};

class KubeSource : public Source {
public:
    /// Asks nothing yet. Does the session's work with its own, in update(); the session and the taps' sinks must
    /// outlive it.
    KubeSource(Session& session, std::vector<Resource> resources, std::vector<Tap> taps = {}, Patience patience = {});

    /// Remembers in this file how far the server has told, and begins there. Before the first update().
    void remember_in(const std::string& path);
    ~KubeSource() override;

    /// Of this resource only what the selector means, asked for within `spread`. Wakes fd().
    void select(std::string_view resource, std::string selector, std::chrono::milliseconds spread);

    /// What was selected of it last has been told.
    bool selection_told(std::string_view resource) const;

    /// Every resource's first list is complete but of those that wait for select().
    bool others_synced() const;
    /// What they told, which isn't in force yet.
    void preview(state::Cluster& cluster) const;

    int fd() const override { return session_.fd(); }
    void update(state::Cluster& cluster) override;
    bool synced() const override { return synced_; }
    const std::vector<std::string>& unheard() const override { return unheard_; } // objects: "Tenant payments"
    std::optional<std::chrono::milliseconds> retry_after() const override { return std::nullopt; } // fd() tells
    /// Of each namespace the first few only: a tenant may write as many wrong objects as it likes.
    const std::vector<state::Problem>& problems() const override { return problems_; }
    /// For who answers each of them.
    std::vector<state::Problem> all_problems() const;

    Hearing hearing() const override;
    /// The same for each kind of objects: "Pod".
    std::map<std::string, Hearing> hearing_by_kind() const;

private:
    struct Follower;

    void ask_version();
    void start_followers();
    void tick();
    void remember(std::chrono::steady_clock::time_point now);
    bool all_synced() const;
    void release(state::Cluster& cluster);
    void collect();
    std::set<std::string> errors() const;
    void add_errors(std::vector<state::Problem>& all) const;

    Session& session_;
    std::chrono::steady_clock::time_point created_ = std::chrono::steady_clock::now();
    state::Pool pool_;
    HttpClient::TransferPtr version_request_{nullptr, nullptr};
    std::string version_body_;
    std::optional<KnownVersions> known_;
    bool started_ = false;
    std::vector<std::unique_ptr<Follower>> followers_;

    bool synced_ = false;
    std::vector<state::Problem> problems_;
    std::vector<std::string> unheard_;
    std::set<std::string> errors_;     // of the connection, as of the last collect()
    bool collected_as_synced_ = false; // as was said in problems_
};

} // namespace bulkhead::source::kube
