// SPDX-License-Identifier: Apache-2.0
//
// How the agent comes up: the kernel's half first, then those who tell, then the first turn.
#include "agent.h"

#include <random>

#include <spdlog/spdlog.h>

#include "adoption.h"
#include "datapath/lock.h"
#include "source/dir_source.h"

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

// Guards::keep_in_front() is quicker; what fails there is found here, and told.
constexpr auto kCheckPeriod = 500ms;

template <typename Row>
bool shares_address(const Row& row, const netlink::Veth& veth) {
    for (const auto& address : veth.addresses) {
        const auto raw = address.raw();
        for (int i = 0; i < BH_POD_ADDRESSES; ++i) {
            const bool same = address.family == BH_IPV4 ? row.addr4[i] == address.raw4()
                                                        : std::memcmp(&row.addr6[i], &raw, sizeof raw) == 0;
            if (same) return true;
        }
    }
    return false;
}

bool has_addresses(const bh_pod& pod) {
    const bh_pod none{};
    return std::memcmp(pod.addr4, none.addr4, sizeof pod.addr4) != 0 ||
           std::memcmp(pod.addr6, none.addr6, sizeof pod.addr6) != 0;
}

/// Numbers of devices and of network namespaces are reused, addresses not soon: so a pod that came while
/// no agent ran is told from the one before it.
bool is_still(const bh_pod& pod, const netlink::Veth& veth) {
    if (pod.nsid >= 0 && veth.nsid >= 0 && pod.nsid != veth.nsid) return false;
    return !has_addresses(pod) || veth.addresses.empty() || shares_address(pod, veth);
}

} // namespace

Result<std::unique_ptr<Agent>> Agent::create(Loop& loop, Options options, const datapath::Features& features) {
    std::unique_ptr<Agent> agent(new Agent(loop, std::move(options)));
    if (auto opened = agent->open_kernel(features); !opened) return tl::unexpected(opened.error());
    for (const auto step : {&Agent::open_sources, &Agent::keep_edges, &Agent::follow_events, &Agent::start_timers})
        if (auto done = (agent.get()->*step)(); !done) return tl::unexpected(done.error());
    agent->take_source_news();
    agent->turn();
    loop.after_batch([raw = agent.get()] { raw->turn(); });
    return agent;
}

Result<> Agent::open_kernel(const datapath::Features& features) {
    const auto use_tcx = datapath::decide_tcx(options_.attach, features); // before anything is pinned
    if (!use_tcx) return tl::unexpected(use_tcx.error());
    auto kernel = datapath::Kernel::open({.pin_dir = options_.pin_dir,
                                          .sizes = options_.sizes,
                                          .telling = options_.telling,
                                          .answer_mark = options_.answer_mark,
                                          .features = features});
    if (!kernel) return tl::unexpected(kernel.error());
    kernel_.emplace(std::move(*kernel));
    adopted_ = kernel_->adopted();
    spdlog::info("{} {}", kernel_->restored() ? "took over" : "made", options_.pin_dir);
    auto writer = datapath::Writer::create(kernel_->maps(), kernel_->clock());
    if (!writer) return tl::unexpected(writer.error());
    writer_.emplace(std::move(*writer));
    auto guards = Guards::create(datapath::Attacher(*kernel_, *use_tcx));
    if (!guards) return tl::unexpected(guards.error());
    guards_ = std::move(*guards);
    if (kernel_->moved())
        if (auto exchanged = guards_->exchange(); !exchanged) spdlog::error("{}", exchanged.error().text);
    guards_->take_time(!adopted_);
    if (auto kept = guards_->keep_in_front(); !kept) return kept;
    compiler_.emplace(options_.compile_settings(), writer_->restore_ids());
    traffic_.emplace(
        kernel_->maps(), [this](uint16_t slot) { return tenant_of_slot(slot); }, options_.metrics_max_tenants);
    tenant_pairs_.emplace(options_.metrics_max_tenant_pairs);
    admitted_pairs_.emplace(options_.metrics_max_admitted_pairs);
    return {};
}

Result<> Agent::open_sources() {
    auto monitor = netlink::Monitor::create();
    if (!monitor) return tl::unexpected(monitor.error());
    monitor_.emplace(std::move(*monitor));
    names_.emplace(options_.node_name, options_.veth_prefixes);
    // Whatever was forgotten, no generation comes twice.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    local_pods_.emplace(options_.sizes.pods, static_cast<uint32_t>(seconds));
    restore_slots();
    restore_overrides();
    restore_wired_pods();
    if (auto opened = options_.is_kube() ? open_kube() : open_directory(); !opened) return opened;
    if (auto watched = loop_.watch(source_->fd(), [this] { take_source_news(); }); !watched) return watched;
    if (auto watched = loop_.watch(guards_->fd(), [this] { take_guarded(); }); !watched) return watched;
    return loop_.watch(monitor_->fd(), [this] { take_netlink_news(); });
}

/// Without them the agent is one that enforces: no reason not to start.
void Agent::restore_overrides() {
    overrides_.emplace(datapath::overrides_file(kernel_->pin_dir().root.string()), options_.node_name);
    if (const auto read = overrides_->restore(cluster_); !read) spdlog::error("{}", read.error().text);
}

void Agent::restore_wired_pods() {
    wired_pods_.emplace(datapath::wired_file(kernel_->pin_dir().root.string()));
    if (const auto read = wired_pods_->restore(cluster_); !read) spdlog::error("{}", read.error().text);
}

/// Without it the next agent believes a little more: no reason to end.
void Agent::keep_wired_pods() {
    const auto kept = wired_pods_->keep(cluster_);
    const std::string error = kept ? "" : kept.error().text;
    if (!error.empty() && error != wired_error_) spdlog::error("{}", error);
    wired_error_ = error;
}

Result<> Agent::open_directory() {
    auto directory = source::DirSource::create(options_.source_path());
    if (!directory) return tl::unexpected(directory.error());
    source_ = std::make_unique<source::DirSource>(std::move(*directory));
    return options_.resolve ? look_up() : Result<>{};
}

Result<> Agent::look_up() {
    const auto file =
        options_.found_file.empty() ? datapath::found_file(kernel_->pin_dir().root.string()) : options_.found_file;
    look_ups_.emplace(loop_, cluster_, file, [this] {
        delays_.heard(std::chrono::steady_clock::now());
        problems_due_ = true;
    });
    return look_ups_->begin(options_.look_ups);
}

Result<> Agent::open_kube() {
    const auto access = options_.kube.access();
    if (!access) return tl::unexpected(access.error());
    std::random_device random;
    auto session = source::kube::Session::create(*access, random());
    if (!session) return tl::unexpected(session.error());
    session_ = std::move(*session);
    auto resources = source::kube::agent_resources(options_.node_name);
    if (options_.slice_scope == SlicesAsked::kRelevant) {
        scope_.emplace();
        for (auto& resource : resources)
            resource.waits = resource.name == source::kube::kIdentitySlices;
    }
    auto source = std::make_unique<source::kube::KubeSource>(*session_, std::move(resources));
    source->remember_in(datapath::versions_file(kernel_->pin_dir().root.string()));
    kube_ = source.get();
    source_ = std::move(source);
    publisher_.emplace(*session_, options_.node_name);
    told_keys_.emplace(std::generate_canonical<double, 32>(random));
    return {};
}

void Agent::restore_slots() {
    const auto owners = writer_->restore_slots();
    for (const auto& veth : monitor_->network().guarded(options_.veth_prefixes)) {
        const auto owner = owners.find(veth.ifindex);
        if (owner == owners.end()) continue;
        const auto pod = kernel_->maps().pods.find(owner->second.slot);
        if (!pod || !is_still(*pod, veth)) continue;
        netlink::RestoredSlot restored{.slot = owner->second.slot,
                                       .generation = owner->second.generation,
                                       .older = (pod->flags & BH_POD_OLDER) != 0};
        restored.places.restore(*pod);
        local_pods_->restore(veth.ifindex, restored);
    }
}

/// Rows before guards. What is under way is adopted in between: after guards that are asleep yet, so that of what
/// begins meanwhile they see the beginning. But where a former agent's still judge by other maps, before those go; and
/// guards that sleep where nobody can put it right would take for the one who began whom they hear first.
void Agent::enforce(const Guards::Wanted& interfaces) {
    if (!write()) return;
    if (kernel_->waits() && !whole_) return guards_->attach(without_former(interfaces));
    if (!adopted_ && !whole_ && !kernel_->restored() && !netlink::tracks_connections()) return;
    if (!adopted_ && whole_) {
        if (netlink::tracks_connections() && !guards_->finds_former(interfaces)) guards_->attach(interfaces);
        guards_->wait();
        if (!adopt()) return;
    }
    guards_->take_time(!adopted_); // once armed, there is none
    guards_->attach(interfaces);
    if (!kernel_->waits()) return;
    guards_->wait();
    if (!guards_->errors().empty()) return;
    if (const auto replaced = kernel_->replace_former(); !replaced) spdlog::error("{}", replaced.error().text);
}

/// A former agent's programs that judge by maps that we could not take over go on until ours know as much.
Guards::Wanted Agent::without_former(Guards::Wanted interfaces) const {
    const auto& attacher = guards_->attacher();
    std::erase_if(interfaces.veths, [&](const auto& veth) { return attacher.has_former(veth.first); });
    std::erase_if(interfaces.uplinks, [&](const uint32_t ifindex) { return attacher.has_former(ifindex); });
    return interfaces;
}

/// Then what was held back for its sake is written: nothing was armed. True: that is in the kernel.
bool Agent::adopt() {
    adopt_conversations(kernel_->programs(), older_pods(cluster_.local_pods()));
    adopted_ = true;
    if (const auto noted = kernel_->note_adopted(); !noted) spdlog::warn("{}", noted.error().text);
    return write();
}

Result<> Agent::start_timers() {
    auto source = loop_.timer([this] { take_source_news(); });
    auto check = loop_.timer([this] { this->check(); });
    auto retry = loop_.timer([this] { write_due_ = true; });
    for (const auto* timer : {&source, &check, &retry})
        if (!*timer) return tl::unexpected(timer->error());
    source_timer_ = std::move(*source);
    check_timer_ = std::move(*check);
    retry_timer_ = std::move(*retry);
    check_timer_->arm_every(kCheckPeriod);
    return {};
}

Result<> Agent::load_rehearsal() {
    if (rehearsal_) return {};
    auto programs = kernel_->load_rehearsal();
    if (!programs) return tl::unexpected(programs.error());
    rehearsal_.emplace(std::move(*programs));
    return {};
}

} // namespace bulkhead
