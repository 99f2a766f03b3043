// SPDX-License-Identifier: Apache-2.0
//
// The agent: what the source says and what netlink sees becomes cluster state, compiled into desired
// maps, written to the kernel, and then the interfaces are guarded. Event handlers only take in news;
// turn() does the rest once per batch of events:
//
//   source, netlink -> cluster -> local pods -> compile -> release veths that went -> write -> guard veths
//                                                       \-> publish, for the other nodes' agents
//
// At a node's first installation nothing is dropped before what is under way there is adopted (adoption.h).
//
// A veth's rows are in the kernel before our programs are on it, if there is room for them. What fails is tried again,
// later and later. Ending leaves everything in place. All on the loop's thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/loop.h"
#include "compile/compiler.h"
#include "conversation_reader.h"
#include "datapath/counters.h"
#include "datapath/events.h"
#include "datapath/kernel.h"
#include "datapath/writer.h"
#include "delays.h"
#include "edge_keeper.h"
#include "flow_feed.h"
#include "gate.h"
#include "guards.h"
#include "look_ups.h"
#include "observe/conversations.h"
#include "observe/edge_views.h"
#include "observe/explain.h"
#include "observe/flow_names.h"
#include "observe/tenant_pairs.h"
#include "observe/views.h"
#include "options.h"
#include "overrides.h"
#include "publish/publisher.h"
#include "publish/told_keys.h"
#include "slice_scope.h"
#include "source/kube/kube_source.h"
#include "source/kube/session.h"
#include "source/netlink/local_pods.h"
#include "source/netlink/monitor.h"
#include "source/netlink/unwired.h"
#include "source/source.h"
#include "traffic.h"
#include "wired_pods.h"

namespace bulkhead {

class Agent {
public:
    /// Opens everything, takes over what is pinned, and makes the first turn. `loop` must outlive it; `features` are
    /// this kernel's.
    static Result<std::unique_ptr<Agent>> create(Loop& loop, Options options, const datapath::Features& features);
    ~Agent();
    Agent(const Agent&) = delete;

    /// The first list is in the kernel, every local veth guarded, and the other nodes know of this one's pods.
    bool ready() const;

    observe::Figures figures(); // as of now
    observe::StatusFacts facts() const;
    const std::string& options_in_force() const { return options_.in_force; }
    std::string endpoints() const; // JSON
    observe::Json tenants() const;
    std::set<std::string> known_tenants() const;
    Result<observe::Json> explain(const observe::Question& question);
    std::vector<state::Problem> problems() const;
    Result<std::shared_ptr<FlowReader>> read_flows(flow::Query query);
    std::vector<observe::SeenFlow> remembered_flows() const { return flows_.history(); }
    /// What the pods remember, from there on.
    Result<ConversationPiece> recollect(ConversationPlace place);
    // Copies, for a thread that has longer than this one.
    /// Some of the edges that come after `last`, or first; none: there are no more.
    flow::Edges::Rows edges_after(const std::optional<flow::EdgeKey>& last) const;
    observe::EdgeFacts edge_facts() const;
    observe::Grounds grounds() const; // for /v1/plan and /v1/check
    metrics::Families look_up_metrics() const { return look_ups_ ? look_ups_->metrics() : metrics::Families{}; }
    observe::Json matrix() const;
    /// Why the pod may not start yet; empty = it may. See agent_gate.cpp.
    std::string gate(const GateQuestion& question) const;

    // Break glass, told to this node alone. Of `tenant`, or of everybody if it is empty.
    Result<observe::Json> begin_override(const std::string& tenant, std::chrono::seconds length,
                                         const std::string& reason);
    Result<observe::Json> end_override(const std::string& tenant);

private:
    static constexpr std::chrono::milliseconds kFirstRetry{50};

    Agent(Loop& loop, Options options)
        : loop_(loop), options_(std::move(options)), flows_(options_.flow_history, options_.node_name),
          edges_(options_.edges) {}

    // Start, in this order
    Result<> open_kernel(const datapath::Features& features);
    Result<> open_sources();
    void restore_overrides();
    void restore_wired_pods();
    Result<> open_directory();
    Result<> look_up();
    Result<> open_kube();
    Result<> keep_edges();
    Result<> follow_events();
    Result<> start_timers();
    void restore_slots();
    Result<> load_rehearsal(); // when it is first asked for

    // Events
    void take_source_news();
    void take_netlink_news();
    void take_guarded();
    void check();
    void take_events();
    void take_event(const bh_event& event);
    void take_untold();
    bh_event dated(bh_event event) const;
    void update_wall_clock();
    void await_events();
    void look_at_flows();
    void tell_losses();
    void keep_wired_pods();

    // Figures; see agent_figures.cpp
    void count_conversation(const bh_event& event);
    std::string tenant_of_slot(uint16_t slot) const;
    void add_traffic(observe::Figures& figures);
    void add_tenants(observe::Figures& figures) const;
    void add_hearing(observe::Figures& figures) const;
    void add_delays(observe::Figures& figures) const;

    // A turn
    void turn();
    void apply(const state::Changes& changes);
    bool may_go_on();
    bool comes_to_know_all_pods();
    state::Changes take_changes();
    void update_local_pods();
    void enforce(const Guards::Wanted& interfaces);
    Guards::Wanted without_former(Guards::Wanted interfaces) const;
    bool adopt();
    bool write();
    Guards::Wanted wanted() const;
    bool concerns_slices(const state::Changes& changes) const;
    bool concerns_scope(const state::Changes& changes) const;
    void choose_slices(const state::Changes& changes);
    void publish();
    bool find_left_out();
    void take_refused(const datapath::WriteReport& report);
    void log_refused(const std::vector<std::string>& before) const;
    void plan_retry(bool failed);
    void note_delays();
    void log_problems();
    std::vector<uint32_t> unguarded() const;
    std::vector<uint32_t> shut() const;
    void add_pods_of(const std::vector<uint32_t>& ifindexes, state::NotGuarded why, state::NotGuardedPods& pods) const;
    state::NotGuardedPods not_guarded() const;
    bool is_blind() const;
    std::string slices_heard() const;
    bool hears_all_pods() const;
    bool armed() const;
    bool in_sync() const;
    bool source_is_whole() const;

    // The gate, in this order
    std::string gate_of_object(const GateQuestion& question) const;
    std::string gate_of_veth(const std::string& name, uint32_t ifindex, const state::PodKey& pod) const;
    bool has_rows(const state::LocalPod& local, uint32_t ifindex) const;
    std::string gate_of_addresses(const GateQuestion& question) const;
    std::string gate_of_slices(const GateQuestion& question) const;

    observe::Surroundings surroundings() const { return {cluster_, compiler_->desired(), options_.node_name}; }
    std::string interface_name(uint32_t ifindex) const { return monitor_->network().name_of(ifindex); }

    Loop& loop_;
    Options options_;

    std::optional<datapath::Kernel> kernel_;
    std::optional<datapath::Programs> rehearsal_;
    std::optional<datapath::Writer> writer_;
    std::unique_ptr<Guards> guards_;
    std::optional<datapath::Events> events_;
    std::optional<Traffic> traffic_;

    std::unique_ptr<source::kube::Session> session_; // with --source kube
    std::unique_ptr<source::Source> source_;
    source::kube::KubeSource* kube_ = nullptr;    // the same, with --source kube
    std::optional<SliceScope> scope_;             // with --slice-scope relevant
    std::optional<publish::Publisher> publisher_; // with --source kube
    std::optional<publish::ToldKeys> told_keys_;  // the same
    publish::Succession succession_;
    std::optional<netlink::Monitor> monitor_;
    std::optional<netlink::PodNames> names_;
    std::optional<netlink::LocalPods> local_pods_;
    std::vector<netlink::Veth> veths_; // as netlink saw them last
    netlink::Unwired unwired_;

    state::Cluster cluster_;
    std::optional<Overrides> overrides_;
    std::optional<WiredPods> wired_pods_;
    std::optional<LookUps> look_ups_; // with --resolve
    std::optional<compile::Compiler> compiler_;
    observe::FlowNames flow_names_;
    FlowFeed flows_;
    EdgeKeeper edges_;
    uint64_t to_wall_clock_ = 0;                      // what the kernel's times lack, in ns
    std::optional<uint32_t> untold_place_;            // where to go on, while there is more
    std::optional<datapath::Statistics> lost_before_; // when somebody followed, what was lost until last time
    observe::Conversations conversations_;
    std::optional<observe::TenantPairs> tenant_pairs_;   // refused, or would be
    std::optional<observe::TenantPairs> admitted_pairs_; // see is_admission()
    Delays delays_;
    std::chrono::steady_clock::time_point netlink_heard_{};

    std::unique_ptr<Timer> source_timer_;
    std::unique_ptr<Timer> check_timer_;
    std::unique_ptr<Timer> retry_timer_;
    std::unique_ptr<Timer> events_timer_;
    std::unique_ptr<Timer> flows_timer_;
    std::unique_ptr<Timer> untold_timer_;
    std::unique_ptr<Timer> edges_timer_;

    compile::Touched pending_;  // compiled, not written yet
    bool stale_ = false;        // the last write left rows as they were that should be others
    int halfway_tries_ = 0;     // writes of the first half of a change that did
    bool scope_due_ = false;    // whose slices count may be another question, though no object changed
    bool links_changed_ = true; // netlink told of something since the last turn
    std::chrono::steady_clock::time_point veths_changed_{}; // one came, went or got an address
    int checks_put_off_ = 0;                                // because of that, in a row
    bool left_over_due_ = false;
    bool guard_failed_ = false;         // of those that are begun
    bool write_due_ = true;             // also with nothing pending: a refused row, or the first complete list
    bool written_ = false;              // the last write left nothing out
    bool whole_ = false;                // a complete list is there to be written
    bool settled_ = false;              // ... and was written
    bool publish_due_ = true;           // something was compiled since the last time
    bool told_ = false;                 // the API server had this node's slices once as they should be
    state::NotGuardedPods not_guarded_; // as they were published
    bool problems_due_ = true;          // the source or the compiler may have others than last time
    std::chrono::milliseconds next_retry_ = kFirstRetry;
    std::vector<std::string> write_errors_;
    std::string netlink_error_;
    std::string wired_error_;              // told already
    std::vector<state::Problem> left_out_; // of what was published
    std::set<state::Problem> known_problems_;
    std::map<std::string, uint64_t> error_counts_{{"attach", 0}, {"netlink", 0}, {"write", 0}};
    std::map<std::string, uint64_t> refused_rows_; // by map
    uint64_t writes_ = 0;
    size_t first_rows_ = 0; // written until the node was in sync for the first time
    bool adopted_ = false;  // what was under way before our maps were; until then nothing arms
};

} // namespace bulkhead
