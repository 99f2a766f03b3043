// SPDX-License-Identifier: Apache-2.0
#include "controller/wanted.h"

#include <unordered_map>

#include "controller/conditions.h"
#include "controller/reach.h"
#include "publish/slices.h"
#include "source/kube/query.h"
#include "state/labels.h"

namespace bulkhead::controller {

namespace {

using Problems = std::vector<state::Problem>;
using ProblemsByObject = std::unordered_map<std::string, Problems>; // "Tenant payments"

constexpr auto kManager = "bulkhead-controller"; // the field manager of server-side apply
const std::string kOurs = "/apis/bulkhead.dev/v1alpha1/";

ProblemsByObject by_object(const Problems& problems) {
    ProblemsByObject sorted;
    for (const auto& problem : problems)
        sorted[problem.object].push_back(problem);
    return sorted;
}

/// None, where none are known.
template <typename T>
const std::vector<T>& of_object(const std::unordered_map<std::string, std::vector<T>>& sorted,
                                const std::string& object) {
    static const std::vector<T> kNone;
    const auto found = sorted.find(object);
    return found == sorted.end() ? kNone : found->second;
}

/// What we say of it; somebody else may say more.
bool says(const Json& status, const Json& wanted) {
    for (const auto& [key, value] : wanted.items())
        if (!status.is_object() || !status.contains(key) || status[key] != value) return false;
    return true;
}

/// "payments/reports" of an AccessGrant, "payments" of what is cluster-scoped.
std::string status_path(const std::string& plural, const std::string& name) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) return kOurs + plural + "/" + name + "/status";
    return kOurs + "namespaces/" + name.substr(0, slash) + "/" + plural + "/" + name.substr(slash + 1) + "/status";
}

/// By what is changed, so that of two changes of one object the second waits for the first.
void add(Changes& changes, std::string what, source::kube::Request request, std::string resource = {}) {
    const auto key = request.path.substr(0, request.path.find('?'));
    changes.emplace(key,
                    Change{.what = std::move(what), .request = std::move(request), .resource = std::move(resource)});
}

/// Only of what was seen: it may have been written anew meanwhile.
void add_removal(Changes& changes, const std::string& name, const SliceFacts& seen) {
    add(changes, "remove IdentitySlice " + name,
        {.path = kOurs + "identityslices/" + source::kube::escaped(name),
         .method = "DELETE",
         .body = text_of(
             {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", {{"resourceVersion", seen.version}}}}),
         .content_type = "application/json"});
}

/// `resource`: whose addresses they are, if an AWSResource's.
void add_apply(Changes& changes, const std::string& name, const std::string& body, const std::string& resource = {}) {
    const auto query = source::kube::Query().add("fieldManager", kManager).add("force", "true").text();
    add(changes, "write IdentitySlice " + name,
        {.path = kOurs + "identityslices/" + source::kube::escaped(name) + query,
         .method = "PATCH",
         .body = body,
         .content_type = "application/apply-patch+yaml"},
        resource);
}

} // namespace

void want_statuses(const Observed& observed, const Problems& problems, const Endings& endings, const Findings& findings,
                   const Unpublished& unpublished, std::chrono::sys_seconds now, Changes& changes) {
    const auto sorted = by_object(problems);
    const auto want = [&](const std::string& kind, const std::string& plural, const Kept<Reported>& objects) {
        for (const auto& [name, object] : objects.all()) {
            const auto key = kind + " " + name;
            std::vector<Condition> more;
            if (kind == "AWSResource")
                more = resolved_of(findings, unpublished, name, object.generation, object.status);
            const auto status = status_of(of_object(sorted, key), of_object(endings.by_object, key), object.generation,
                                          object.status, now, more);
            if (says(object.status, status)) continue;
            add(changes, "write the status of " + kind + " " + name,
                {.path = status_path(plural, name),
                 .method = "PATCH",
                 .body = text_of({{"status", status}}),
                 .content_type = "application/merge-patch+json"});
        }
    };
    want("Tenant", "tenants", observed.tenants);
    want("AccessGrant", "accessgrants", observed.access_grants);
    want("AWSResource", "awsresources", observed.resources);
    want("Override", "overrides", observed.overrides);
}

/// Whatever its effect is, and be it there twice: so the others are written, of the version that was seen. (A strategic
/// merge patch knows taints by their keys alone, and trips over two of one.)
void want_no_taint(const Observed& observed, const std::set<std::string>& nodes, Changes& changes) {
    for (const auto& name : nodes) {
        const auto* node = observed.nodes.find(name);
        if (node == nullptr) continue;
        const Json patch{{"metadata", {{"resourceVersion", node->version}}},
                         {"spec", {{"taints", node->other_taints}}}};
        add(changes, "remove the start-up taint of " + name,
            {.path = "/api/v1/nodes/" + name,
             .method = "PATCH",
             .body = text_of(patch),
             .content_type = "application/merge-patch+json"});
    }
}

void want_slices(const Observed& observed, const state::Cluster& cluster, const compile::Settings& policy,
                 const std::set<std::string>& nodes, Changes& changes) {
    if (nodes.empty()) return;
    std::vector<state::Problem> told_elsewhere;
    compile::SourcesByOwner unused;
    const compile::Tenancy tenancy(cluster, policy, told_elsewhere, unused);
    const auto slices = publish::slices_of_pods(cluster, tenancy, nodes);
    for (const auto& [name, body] : slices) {
        const auto* there = observed.slices.find(name);
        if (there == nullptr || there->spec != text_of(Json::parse(body)["spec"])) add_apply(changes, name, body);
    }
    for (const auto& [name, slice] : observed.slices.all())
        if (nodes.contains(slice.node) && !slices.contains(name)) add_removal(changes, name, slice);
}

/// Only of what was seen: an agent may write meanwhile.
void want_no_gone_pods(const Observed& observed, const state::Cluster& cluster, const std::set<std::string>& nodes,
                       Changes& changes) {
    for (const auto& [name, slice] : observed.slices.all()) {
        if (!nodes.contains(slice.node)) continue;
        const auto spec = Json::parse(slice.spec, nullptr, false);
        if (!spec.is_object() || !spec.contains("endpoints")) continue;
        auto left = Json::array();
        for (const auto& endpoint : spec["endpoints"]) {
            const auto pod = cluster.pods().find(endpoint.value("namespace", "") + "/" + endpoint.value("pod", ""));
            if (pod != cluster.pods().end() && pod->second.node == slice.node && !pod->second.finished)
                left.push_back(endpoint);
        }
        if (left.size() == spec["endpoints"].size()) continue;
        add(changes, "remove pods that are no more from IdentitySlice " + name,
            {.path = kOurs + "identityslices/" + source::kube::escaped(name),
             .method = "PATCH",
             .body = text_of({{"metadata", {{"resourceVersion", slice.version}}}, {"spec", {{"endpoints", left}}}}),
             .content_type = "application/merge-patch+json"});
    }
}

void want_reach(const Observed& observed, Changes& changes) {
    const std::string name(state::kReachSlice);
    const auto spec = reach_of(callees_in(observed), observed.services);
    const auto* there = observed.slices.find(name);
    const bool is_right = there == nullptr ? spec["kubeApiserver"].empty() : there->spec == text_of(spec);
    if (is_right) return;
    add_apply(changes, name,
              text_of({{"apiVersion", "bulkhead.dev/v1alpha1"},
                       {"kind", "IdentitySlice"},
                       {"metadata", {{"name", name}, {"labels", {{state::kScopeLabel, state::kEveryScope}}}}},
                       {"spec", spec}}));
}

/// One that isn't understood any more isn't in the cluster state of whoever started after that, while agents may have
/// its last good content: so its slices stay until it is gone.
void want_found(const Observed& observed, const state::Cluster& cluster, const Findings& findings, Changes& changes) {
    const auto there = placements_of(observed);
    for (const auto& [name, resource] : cluster.resources()) {
        const auto* finding = findings(name);
        const auto before = there.find(name);
        const auto placed = resolve::place(before == there.end() ? resolve::Placement{} : before->second,
                                           finding == nullptr ? resolve::Spoken{} : finding->spoken());
        for (const auto& [number, slice_of] : placed) {
            auto body = found_slice(name, number, slice_of, finding->changed);
            const auto* slice = observed.slices.find(resolve::slice_name(name, number));
            if (slice != nullptr && slice->spec == text_of(body["spec"])) continue;
            if (slice != nullptr) body["metadata"]["resourceVersion"] = slice->version; // never over what wasn't seen
            add_apply(changes, resolve::slice_name(name, number), text_of(body), name);
        }
        for (const auto& slice : slices_besides(observed, name, placed))
            add_removal(changes, slice, *observed.slices.find(slice));
    }
    for (const auto& [name, slice] : observed.slices.all()) {
        const bool is_owned = slice.resource.empty() || cluster.resources().contains(slice.resource) ||
                              observed.resources.find(slice.resource) != nullptr;
        if (!is_owned) add_removal(changes, name, slice);
    }
}

} // namespace bulkhead::controller
