// SPDX-License-Identifier: Apache-2.0
//
// An agent without a node: asks the API server for all that an agent asks for, over a connection of its own, and
// writes its node's slices, by the agent's own code; what it hears it counts and forgets.
#pragma once

#include <memory>
#include <vector>

#include "api_client.h"
#include "population.h"
#include "publish/publisher.h"
#include "source/kube/reflector.h"

namespace bulkhead::bench {

class SimulatedAgent {
public:
    static Result<std::unique_ptr<SimulatedAgent>> create(const source::kube::Access& access, uint32_t number,
                                                          const Population& population);

    int fd() const { return session_->fd(); } // poll for reading
    void work();

    bool synced() const; // has heard every first list
    bool published() const { return publisher_->in_sync(); }
    uint64_t events() const;
    uint64_t writes() const { return publisher_->counts().writes + publisher_->counts().removals; }
    /// In words; empty = none.
    std::string trouble() const;

    /// One pod of the slice is gone, or there is one more, of that number. publish() tells.
    bool remove_pod(uint32_t slice);
    void add_pod(uint32_t slice, uint32_t pod);
    /// A slice of its own with one pod.
    void run_daemon(uint32_t pod);
    void stop_daemon();
    void publish();

private:
    class Ignore : public source::kube::ReflectorSink {
        void begin_list() override {}
        void put(source::Value) override {}
        void put_unreadable(source::Value, const std::string&) override {}
        void remove(source::Value) override {}
        void end_list() override {}
    };

    SimulatedAgent(uint32_t number, const Population& population) : number_(number), population_(population) {}

    uint32_t number_;
    Population population_;
    Ignore ignore_;
    std::unique_ptr<source::kube::Session> session_;
    std::vector<std::unique_ptr<source::kube::Reflector>> reflectors_;
    std::unique_ptr<publish::Publisher> publisher_;
    std::vector<Json> slices_;
    Json daemon_; // null = none
};

} // namespace bulkhead::bench
