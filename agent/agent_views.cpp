// SPDX-License-Identifier: Apache-2.0
//
// What the agent tells about itself.
#include "agent.h"

#include "datapath/probe.h"

namespace bulkhead {

namespace {

constexpr auto kUnheard =
    "may have been in force before this agent started, which cannot tell: what the kernel was told "
    "then stays as it is, and only what is new applies, until this is mended or removed";

constexpr auto kBare = "carries no Ethernet (a tunnel): what pods send to AWS resources through it is not judged, "
                       "and confined pods are not held back there";

constexpr auto kNoNode = "is not there: if --node-name is another node's or nobody's, no pod here is known by name; "
                         "until it is there, other nodes don't hear of this node's pods";

constexpr uint64_t kUnusedIds = BH_IDENTITY_FIRST_FREE - BH_IDENTITY_NO_ROOM_BOTH; // 0, and the gap after the built-in

std::map<std::string, uint64_t> limits_of(const datapath::Sizes& sizes) {
    return {{"endpoints4", sizes.endpoints},
            {"endpoints6", sizes.endpoints},
            {"prefixes4", sizes.prefixes},
            {"prefixes6", sizes.prefixes},
            {"identities", sizes.identities - kUnusedIds},
            {"tenants", sizes.identities},
            {"openings", sizes.openings},
            {"pods", sizes.pods - 1},
            {"interfaces", uint64_t{sizes.pods} * BH_POD_INTERFACES}};
}

} // namespace

observe::Figures Agent::figures() {
    const auto& desired = compiler_->desired();
    observe::Figures figures;
    figures.version = BULKHEAD_VERSION;
    figures.node = options_.node_name;
    figures.synced = whole_;
    figures.in_sync = in_sync();
    figures.ready = ready();
    figures.armed = armed();
    add_traffic(figures);
    add_tenants(figures);
    if (const auto statistics = datapath::read_statistics(kernel_->maps())) figures.statistics = *statistics;
    figures.shut = shut().size();
    figures.guarded = guards_->guarded() - figures.shut;
    for (const auto& [slot, pod] : desired.pods)
        if (pod.identity == BH_IDENTITY_HELD) figures.held += cluster_.local_pods().at(slot).ifindexes.size();
    figures.unguarded = unguarded().size();
    figures.unwired = unwired_.pods().size();
    figures.uplinks = guards_->uplinks().size();
    figures.endpoints = desired.endpoints.size();
    figures.identities = desired.identities.size();
    figures.tenants = desired.tenants.size();
    figures.prefixes = desired.prefixes.size();
    for (const auto& [key, rows] : desired.openings)
        figures.openings += rows.size();
    figures.maps = observe::fill_of(desired, limits_of(options_.sizes));
    for (auto& map : figures.maps)
        if (const auto refused = refused_rows_.find(map.name); refused != refused_rows_.end())
            map.refused = refused->second;
    add_hearing(figures);
    if (publisher_) {
        figures.published = publisher_->in_sync();
        figures.slice_writes = publisher_->counts().writes;
        figures.slice_removals = publisher_->counts().removals;
    }
    for (const auto& [name, override] : cluster_.overrides())
        if (!override.over) figures.overrides.push_back(override);
    figures.problems = problems().size();
    figures.errors = error_counts_;
    figures.errors["attach"] = guards_->error_count();
    if (publisher_) figures.errors["publish"] = publisher_->counts().failures;
    figures.writes = writes_;
    figures.reattachments = guards_->attacher().reattachments();
    add_delays(figures);
    figures.netlink_overruns = monitor_->overruns();
    figures.settings = options_.policy_settings();
    figures.process = observe::look_at_process();
    figures.flows = {.remembered = flows_.remembered(), .readers = flows_.readers(), .cut_off = flows_.cut_off()};
    return figures;
}

/// What the programs see: before the first list, that may be a former agent's word.
bool Agent::armed() const {
    const auto control = kernel_->maps().control.find(0);
    return control && (control->armed & BH_ARMED) != 0;
}

std::string Agent::slices_heard() const {
    if (!kube_) return "";
    if (!scope_) return "of all tenants";
    const bool listed = !scope_->is_chosen() || kube_->selection_told(source::kube::kIdentitySlices);
    return scope_->text() + (listed ? "" : "; their list isn't complete yet");
}

bool Agent::hears_all_pods() const {
    return !scope_ || scope_->hears_all(kube_->selection_told(source::kube::kIdentitySlices));
}

observe::StatusFacts Agent::facts() const {
    observe::StatusFacts facts;
    facts.source = options_.source;
    facts.slices = slices_heard();
    facts.attach_mode = guards_->attacher().uses_tcx() ? "tcx" : "clsact";
    facts.attach_asked = name_of(options_.attach);
    facts.kernel_release = datapath::kernel_release();
    facts.kernel_features = kernel_->features();
    facts.hertz = kernel_->clock().hertz();
    facts.pin_dir = options_.pin_dir;
    for (const uint32_t ifindex : guards_->uplinks())
        facts.uplinks.push_back(interface_name(ifindex));
    facts.errors = write_errors_;
    for (auto& error : guards_->errors())
        facts.errors.push_back(std::move(error));
    if (!netlink_error_.empty()) facts.errors.push_back(netlink_error_);
    facts.problems = problems();
    return facts;
}

std::vector<state::Problem> Agent::problems() const {
    std::vector<state::Problem> all = source_->problems();
    if (!whole_ && source_->synced())
        for (const auto& file : source_->unheard())
            all.push_back({.origin = file, .object = "", .field = "", .text = kUnheard});
    for (const uint32_t ifindex : guards_->uplinks())
        if (!monitor_->network().is_ethernet(ifindex))
            all.push_back(
                {.origin = "netlink", .object = "interface " + interface_name(ifindex), .field = "", .text = kBare});
    if (!unwired_.pods().empty())
        all.push_back({.origin = "netlink",
                       .object = "Pod " + *unwired_.pods().begin(),
                       .field = "",
                       .text = std::string(state::text_of(state::NotGuarded::kNoInterface)) +
                               (unwired_.pods().size() == 1 ? "" : "; and others here (bulkhead_unwired_pods)")});
    if (publisher_ && source_->synced() && !cluster_.nodes().contains(options_.node_name))
        all.push_back(
            {.origin = session_->url(), .object = "Node " + options_.node_name, .field = "", .text = kNoNode});
    if (publisher_ && !publisher_->error().empty())
        all.push_back({.origin = session_->url(), .object = "", .field = "", .text = publisher_->error()});
    if (look_ups_) look_ups_->add_problems(all);
    for (const auto* more : {&compiler_->desired().problems, &local_pods_->problems(), &left_out_})
        all.insert(all.end(), more->begin(), more->end());
    return all;
}

std::string Agent::endpoints() const {
    observe::Interfaces interfaces{
        .name = [this](uint32_t ifindex) { return interface_name(ifindex); },
        .is_guarded = [this](uint32_t ifindex) { return guards_->guards(ifindex); },
    };
    for (const auto& [pod, why] : not_guarded())
        if (why == state::NotGuarded::kNoSlot) interfaces.shut.insert(pod);
    return observe::endpoints_text(surroundings(), interfaces);
}

observe::Json Agent::tenants() const {
    return observe::tenants_view(compiler_->desired());
}

Result<observe::Json> Agent::begin_override(const std::string& tenant, std::chrono::seconds length,
                                            const std::string& reason) {
    if (kernel_->waits())
        return fail("a former version's programs still judge here, until this agent has heard everything from " +
                    options_.source + ", and know no override; bulkhead-agent detach takes them out");
    const auto begun = overrides_->begin(tenant, length, reason, cluster_);
    if (!begun) return tl::unexpected(begun.error());
    return observe::override_view(*begun);
}

Result<observe::Json> Agent::end_override(const std::string& tenant) {
    const auto ended = overrides_->end(tenant, cluster_);
    if (!ended) return tl::unexpected(ended.error());
    if (*ended) return observe::Json{{"ended", true}};
    return fail("there is no override of " + (tenant.empty() ? "everybody" : "tenant " + tenant) +
                " that this node was told; what the API server tells of is ended there: kubectl delete override");
}

Result<observe::Json> Agent::explain(const observe::Question& question) {
    if (auto loaded = load_rehearsal(); !loaded) return tl::unexpected(loaded.error());
    const observe::Stage stage{
        .rehearse =
            [this](datapath::Hook hook, std::span<const std::byte> packet,
                   const datapath::Circumstances& circumstances) {
                return datapath::rehearse(datapath::program_of(*rehearsal_, hook), packet, circumstances);
            },
        .interface_name = [this](uint32_t ifindex) { return interface_name(ifindex); },
        .uplinks = guards_->uplinks(),
        .armed = armed(),
    };
    return observe::explain(question, surroundings(), stage);
}

} // namespace bulkhead
