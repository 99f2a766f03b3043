// SPDX-License-Identifier: Apache-2.0
//
// The agent's figures, part by part: who sent what, who was refused, how well the source is heard, what takes how long.
#include "agent.h"

namespace bulkhead {

namespace {

uint64_t seconds_since(std::chrono::steady_clock::time_point time) {
    const auto since = std::chrono::steady_clock::now() - time;
    return static_cast<uint64_t>(std::chrono::floor<std::chrono::seconds>(since).count());
}

bool is_audited_resource(const bh_identity& identity) {
    constexpr uint32_t kMeant = BH_RESOURCE | BH_PROTECTED | BH_AUDIT;
    return (identity.flags & kMeant) == kMeant;
}

} // namespace

/// By what its ends are now: the event is some milliseconds old.
void Agent::count_conversation(const bh_event& event) {
    const auto& desired = compiler_->desired();
    const bool passed = event.verdict == BH_VERDICT_ALLOW;
    if (passed && (options_.metrics_max_admitted_pairs == 0 || !observe::is_admission(event, desired))) return;
    if (!conversations_.is_new(event)) return;
    (passed ? admitted_pairs_ : tenant_pairs_)->add(observe::pair_of(event, desired));
}

std::string Agent::tenant_of_slot(uint16_t slot) const {
    const auto& desired = compiler_->desired();
    const auto pod = desired.pods.find(slot);
    return pod == desired.pods.end() ? "" : observe::label_of_tenant(pod->second.identity, desired);
}

void Agent::add_traffic(observe::Figures& figures) {
    traffic_->look();
    figures.counters = traffic_->total();
    figures.tenant_traffic = traffic_->by_tenant();
    if (options_.metrics_pods) figures.pod_traffic = traffic_->by_pod();
    figures.conversations = tenant_pairs_->counts();
    figures.admissions = admitted_pairs_->counts();
    figures.tenant_pairs = tenant_pairs_->size();
    figures.tenant_pairs_overflow = tenant_pairs_->overflow();
    figures.program_runs = datapath::program_runs(kernel_->programs());
}

void Agent::add_tenants(observe::Figures& figures) const {
    const auto& desired = compiler_->desired();
    for (const auto& [slot, pod] : desired.pods) {
        const auto identity = desired.identities.find(pod.identity);
        const uint32_t flags = identity == desired.identities.end() ? 0 : identity->second.flags;
        ++figures.tenant_pods[{.tenant = traffic_->label(tenant_of_slot(slot)),
                               .is_protected = (flags & BH_PROTECTED) != 0,
                               .is_audited = (flags & BH_AUDIT) != 0}];
    }
    for (const auto& [id, identity] : desired.identities)
        figures.audit_resources += is_audited_resource(identity) ? 1 : 0;
}

void Agent::add_hearing(observe::Figures& figures) const {
    const auto hearing = source_->hearing();
    if (hearing.stale_since) figures.source_age = seconds_since(*hearing.stale_since);
    figures.source_events = hearing.events;
    figures.source_lists = hearing.lists;
    figures.source_failures = hearing.failures;
    const auto by_kind =
        kube_ ? kube_->hearing_by_kind() : std::map<std::string, source::Hearing>{{"directory", hearing}};
    for (const auto& [kind, one] : by_kind)
        figures.heard[kind] = {.events = one.events, .lists = one.lists, .failures = one.failures};
}

void Agent::add_delays(observe::Figures& figures) const {
    figures.overtakings = guards_->attacher().overtakings();
    figures.replacements = guards_->replacements();
    figures.policy_delays = delays_.changes();
    figures.guard_delays = delays_.guards();
}

} // namespace bulkhead
