// SPDX-License-Identifier: Apache-2.0
#include "controller/load_balancers.h"

#include <set>

#include "source/kube/query.h"

namespace bulkhead::controller {

namespace {

using source::kube::Resource;

const std::string kOurApi = "/apis/bulkhead.dev/v1alpha1";

Resource bindings_of_all() {
    return {.name = "targetgroupbindings.elbv2.k8s.aws",
            .kind = std::string(kBindingKind),
            .roots = {"/apis/" + std::string(kBindingApi)},
            .path = "targetgroupbindings",
            .selector = ""};
}

Resource made_grants() {
    const auto label = std::string(kMadeOf) + "=" + std::string(kMadeOfBinding);
    return {.name = "accessgrants.bulkhead.dev",
            .kind = "AccessGrant",
            .roots = {kOurApi},
            .path = "accessgrants",
            .selector = "labelSelector=" + source::kube::escaped(label)};
}

/// "shop/tgb-0-web"; without a name, where one is made.
std::string grants_path(const std::string& grant, bool with_name = true) {
    const auto slash = grant.find('/');
    return kOurApi + "/namespaces/" + grant.substr(0, slash) + "/accessgrants" + (with_name ? grant.substr(slash) : "");
}

Change removal_of(const std::string& grant, const BoundGrant& seen) {
    return {.what = "remove AccessGrant " + grant,
            .request = {.path = grants_path(grant),
                        .method = "DELETE",
                        .body = text_of({{"apiVersion", "v1"},
                                         {"kind", "DeleteOptions"},
                                         {"preconditions", {{"resourceVersion", seen.version}}}}),
                        .content_type = "application/json"}};
}

/// Made or replaced, but never over what wasn't seen. (Applied, it would take over an object of somebody else's.)
Change writing_of(const std::string& grant, const Json& object, bool is_there) {
    return {.what = "write AccessGrant " + grant,
            .request = {.path = grants_path(grant, is_there),
                        .method = is_there ? "PUT" : "POST",
                        .body = text_of(object),
                        .content_type = "application/json"}};
}

} // namespace

LoadBalancers::LoadBalancers(source::kube::Session& session)
    : session_(session),
      follows_bindings_(bindings_of_all(), session.client(), session.credentials(), bindings_, session.next_seed()),
      follows_made_(made_grants(), session.client(), session.credentials(), made_, session.next_seed()) {}

void LoadBalancers::tick(Time now) {
    for (auto* reflector : {&follows_bindings_, &follows_made_}) {
        reflector->tick(now);
        if (const auto at = reflector->wakes_at()) session_.wake_by(*at);
    }
}

bool LoadBalancers::take_changed() {
    const bool bindings = bindings_.take_changed();
    return made_.take_changed() || bindings;
}

void LoadBalancers::review(const Observed& observed, const state::Cluster& cluster, const compile::Settings& policy) {
    changes_.clear();
    problems_.clear();
    counts_ = {};
    if (!follows_bindings_.synced() || !follows_made_.synced()) return;
    std::vector<state::Problem> told_elsewhere;
    compile::SourcesByOwner unused;
    const compile::Tenancy tenancy(cluster, policy, told_elsewhere, unused);
    const Surroundings surroundings{.services = observed.services, .cluster = cluster, .tenancy = tenancy};
    std::set<std::string> uids;
    for (const auto& [name, binding] : bindings_.all()) {
        const auto before = problems_.size();
        want(name, binding, grants_of(name, binding, surroundings, problems_), observed);
        ++counts_.bindings;
        counts_.refused += problems_.size() != before ? 1 : 0;
        uids.insert(binding.uid);
    }
    // The cluster's garbage collector does it too, some time.
    for (const auto& [name, grant] : made_.all())
        if (!uids.contains(grant.binding)) changes_.emplace(name, removal_of(name, grant));
}

void LoadBalancers::want(const std::string& name, const Binding& binding, std::map<std::string, Json> grants,
                         const Observed& observed) {
    counts_.grants += grants.size();
    for (const auto& [grant, spec] : grants) {
        const auto* there = made_.find(grant);
        if (there == nullptr && observed.access_grants.find(grant) != nullptr) {
            const auto object = std::string(kBindingKind) + " " + name;
            problems_.push_back({.origin = object,
                                 .object = object,
                                 .field = "",
                                 .text = "isn't granted: somebody else wrote an AccessGrant " + grant,
                                 .nature = state::Problem::Nature::kConflict});
            continue;
        }
        const bool is_other = there != nullptr && there->binding != binding.uid;
        if (is_other || (there != nullptr && there->spec == text_of(spec))) continue; // the former goes first
        const auto version = there == nullptr ? "" : there->version;
        changes_.emplace(grant,
                         writing_of(grant, bound_grant(grant, spec, name, binding.uid, version), there != nullptr));
    }
    for (const auto& [grant, made] : made_.all())
        if (made.binding == binding.uid && !grants.contains(grant)) changes_.emplace(grant, removal_of(grant, made));
}

metrics::Families LoadBalancers::metrics() const {
    using metrics::gauge;
    return {
        gauge("bulkhead_controller_target_group_bindings", "TargetGroupBindings of the cluster.", counts_.bindings),
        gauge("bulkhead_controller_target_group_bindings_refused",
              "Those in Protected namespaces that aren't granted as they say: an Event on each says why.",
              counts_.refused),
        gauge("bulkhead_controller_target_group_grants", "AccessGrants that are made of them.", counts_.grants),
    };
}

std::vector<std::string> LoadBalancers::errors() const {
    std::vector<std::string> errors;
    for (const auto* reflector : {&follows_bindings_, &follows_made_})
        if (!reflector->error().empty()) errors.push_back("AccessGrants for load balancers: " + reflector->error());
    return errors;
}

} // namespace bulkhead::controller
