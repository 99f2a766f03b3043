// SPDX-License-Identifier: Apache-2.0
#include "look_ups.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace bulkhead {

namespace {

/// Such a name no object can have.
std::string slice_of(const std::string& resource) {
    return "found/" + resource;
}

} // namespace

/// What can't be read is told, and kept before anything else is written.
FoundFile::Found LookUps::read_file() {
    auto content = file_.read();
    auto fault = content ? content->fault : content.error().text;
    if (!fault.empty()) {
        const auto kept = file_.keep_unreadable();
        fault += kept ? "; the file is kept as " + *kept : "; " + kept.error().text;
        spdlog::error("{}", file_fault_ = fault);
    }
    return content ? std::move(content->found) : FoundFile::Found{};
}

Result<> LookUps::begin(resolve::Settings settings) {
    for (const auto& [resource, found] : read_file())
        set(resource, found);
    unkept_ = false;
    auto thread = LookUpThread::start(loop_, std::move(settings), [this](auto report) { take(std::move(report)); });
    if (!thread) return within("look AWSResources up", thread.error());
    thread_ = std::move(*thread);
    return {};
}

/// Only what has to be looked up, and as what. A Tenant that isn't there may be in what isn't understood.
LookUps::Resources LookUps::wanted(bool all_known) const {
    std::set<std::string> unread;
    for (const auto& [name, resource] : cluster_.resources())
        if (!all_known && !cluster_.tenants().contains(resource.tenant)) unread.insert(resource.tenant);
    unread.erase("");
    Resources resources;
    for (const auto& [name, resource] : resolve::resources_to_look_up(cluster_, unread)) {
        auto& one = resources[name];
        one.look_ups = resource.look_ups;
        one.place = resource.place;
        one.tenant_tag = resource.tenant_tag;
        one.level_tag = resource.level_tag;
    }
    return resources;
}

void LookUps::follow(bool all_known) {
    auto resources = wanted(all_known);
    if (all_known) {
        std::vector<std::string> gone;
        for (const auto& [resource, addresses] : found_)
            if (!resources.contains(resource)) gone.push_back(resource);
        for (const auto& resource : gone)
            set(resource, {});
        keep();
    }
    if (resources == asked_) return;
    asked_ = std::move(resources);
    order(asked_);
}

void LookUps::order(const Resources& resources) {
    LookUpThread::Order order{.number = ++orders_, .resources = resources};
    for (const auto& [name, resource] : resources)
        if (const auto found = found_.find(name); found != found_.end()) order.memories.insert(*found);
    thread_->follow(std::move(order));
}

/// What was found for an earlier order may be of a resource that is another one by now.
void LookUps::take(LookUpThread::Report report) {
    metrics_ = std::move(report.metrics);
    if (report.order == orders_) {
        findings_ = std::move(report.findings);
        for (const auto& [resource, finding] : findings_)
            set(resource, report.memories[resource]);
    }
    keep();
    on_news_();
}

void LookUps::set(const std::string& resource, const resolve::Remembered& found) {
    const auto before = found_.find(resource);
    if (before == found_.end() ? found.addresses.empty() : before->second == found) return;
    unkept_ = true;
    if (found.addresses.empty()) {
        found_.erase(before);
        return cluster_.remove({.kind = "IdentitySlice", .ns = "", .name = slice_of(resource)});
    }
    if (before == found_.end() || before->second.addresses != found.addresses || before->second.owners != found.owners)
        put(resource, found);
    found_[resource] = found;
}

/// What found each address is nobody's business but ours.
void LookUps::put(const std::string& resource, const resolve::Remembered& found) {
    state::IdentitySlice slice;
    slice.meta.name = slice_of(resource);
    slice.resource = resource;
    slice.addresses.assign(found.addresses.begin(), found.addresses.end());
    slice.owners = found.owners;
    cluster_.put(std::move(slice));
}

/// With the next report again, if that fails.
void LookUps::keep() {
    if (!unkept_) return;
    const auto kept = file_.write(found_);
    unkept_ = !kept;
    const std::string error = kept ? "" : kept.error().text;
    if (!error.empty() && error != file_error_) spdlog::error("{}", error);
    file_error_ = error;
}

void LookUps::add_problems(std::vector<state::Problem>& problems) const {
    for (const auto* text : {&file_fault_, &file_error_})
        if (!text->empty()) problems.push_back({.origin = {}, .object = "", .field = "", .text = *text});
    for (const auto& [name, finding] : findings_) {
        const auto resource = cluster_.resources().find(name);
        if (resource == cluster_.resources().end()) continue;
        std::ranges::move(resolve::problems_of(resource->second, finding), std::back_inserter(problems));
    }
}

} // namespace bulkhead
