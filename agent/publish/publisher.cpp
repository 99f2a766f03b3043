// SPDX-License-Identifier: Apache-2.0
#include "publish/publisher.h"

#include "source/field.h"
#include "source/kube/query.h"
#include "source/kube/status.h"
#include "source/reader.h"
#include "state/labels.h"

namespace bulkhead::publish {

namespace {

using namespace std::chrono_literals;
using source::kube::Query;
using source::kube::Request;
using source::kube::Response;

constexpr auto kPath = "/apis/bulkhead.dev/v1alpha1/identityslices";
constexpr auto kManager = "bulkhead-agent"; // the field manager of server-side apply
constexpr auto kBetweenWrites = 100ms;      // of one slice
constexpr auto kDeadline = 10s;
constexpr size_t kLongestList = 64 << 20; // bytes

std::set<std::string> names_in(std::string list) {
    std::set<std::string> names;
    list.reserve(list.size() + source::kJsonPadding);
    // Names count only; whatever is no list has none.
    [[maybe_unused]] const auto read = source::read_json(list, [&](const source::Value& item) {
        source::Complaints ignored;
        const source::Field root(item, ignored);
        const auto metadata = root["metadata"];
        if (const auto name = metadata["name"].string()) names.insert(*name);
    });
    return names;
}

} // namespace

Publisher::Publisher(source::kube::Session& session, std::string node)
    : session_(session), node_(std::move(node)), backoff_(session.next_seed()) {}

void Publisher::set_wanted(Slices wanted) {
    wanted_ = std::move(wanted);
}

bool Publisher::in_sync() const {
    return known_ && writes_.empty() && there_ == wanted_;
}

void Publisher::tick(Time now) {
    if (pause_) next_try_ = now + *pause_;
    pause_.reset();
    if (next_try_ && now < *next_try_) return session_.wake_by(*next_try_);
    next_try_.reset();
    if (!known_) {
        if (!listing_.transfer) ask_known();
    } else {
        for (const auto& name : due()) {
            auto& next = next_write_[name];
            if (now < next) {
                session_.wake_by(next);
                continue;
            }
            next = now + kBetweenWrites;
            const auto wanted = wanted_.find(name);
            start_write(name, wanted == wanted_.end() ? "" : wanted->second);
        }
    }
    if (pause_) session_.wake_by(now + *pause_);
}

/// Slices that differ, and aren't being written.
std::set<std::string> Publisher::due() const {
    std::set<std::string> names;
    for (const auto& [name, body] : wanted_)
        if (const auto there = there_.find(name); there == there_.end() || there->second != body) names.insert(name);
    for (const auto& [name, body] : there_)
        if (!wanted_.contains(name)) names.insert(name);
    std::erase_if(names, [this](const std::string& name) { return writes_.contains(name); });
    return names;
}

void Publisher::ask_known() {
    listed_.clear();
    const auto query =
        Query().add("labelSelector", std::string(state::kNodeLabel) + "=" + state::label_value(node_)).text();
    start({.path = kPath + query, .deadline = kDeadline}, listing_,
          [this](const Response& response) { take_known(response); });
}

void Publisher::take_known(const Response& response) {
    listing_.transfer.reset();
    if (response.status != 200 || !response.error.empty())
        return fail("list identityslices.bulkhead.dev", "list", response);
    for (const auto& name : names_in(std::move(listed_)))
        there_.try_emplace(name, "");
    known_ = true;
    error_.clear();
    backoff_.reset();
    pause_ = 0ms;
}

/// Server-side apply makes the object if there is none, and is no write if nothing differs.
void Publisher::start_write(const std::string& name, const std::string& body) {
    Request request{.path = kPath + ("/" + source::kube::escaped(name)), .deadline = kDeadline};
    if (body.empty()) {
        request.method = "DELETE";
    } else {
        request.method = "PATCH";
        request.path += Query().add("fieldManager", kManager).add("force", "true").text();
        request.content_type = "application/apply-patch+yaml";
        request.body = body;
    }
    Write write;
    write.body = body;
    if (start(std::move(request), write, [this, name](const Response& response) { end_write(name, response); }))
        writes_.insert_or_assign(name, std::move(write));
}

void Publisher::end_write(const std::string& name, const Response& response) {
    const auto write = writes_.extract(name);
    const bool is_removal = write.mapped().body.empty();
    const bool is_done = response.error.empty() &&
                         (response.status == 200 || response.status == 201 || (is_removal && response.status == 404));
    if (!is_done && is_removal) return fail("remove IdentitySlice " + name, "delete", response);
    if (!is_done) return fail("write IdentitySlice " + name, "create and patch", response);
    if (is_removal) {
        there_.erase(name);
        next_write_.erase(name);
        ++counts_.removals;
    } else {
        there_[name] = write.mapped().body;
        ++counts_.writes;
    }
    error_.clear();
    backoff_.reset();
    pause_ = 0ms; // there may be something new to write
}

bool Publisher::start(Request request, Write& write, std::function<void(const Response&)> on_end) {
    const auto* who = session_.credentials().current();
    if (who == nullptr) {
        pause_ = 100ms;
        return false;
    }
    auto transfer = session_.client().start(request, *who,
                                            {.on_body =
                                                 [this](std::string_view bytes) {
                                                     if (!known_) listed_ += bytes;
                                                     return listed_.size() < kLongestList;
                                                 },
                                             .on_end = std::move(on_end)});
    if (!transfer) {
        fail(request.path, "", {.error = transfer.error().text});
        return false;
    }
    write.transfer = std::move(*transfer);
    return true;
}

/// A server that refuses to create what is applied doesn't say that this is the right that it misses.
void Publisher::fail(const std::string& what, const std::string& verbs, const Response& response) {
    ++counts_.failures;
    const auto status = source::kube::status_of(response);
    auto why = response.error.empty() ? std::to_string(response.status) + ": " + status.message : response.error;
    if (response.error.empty() && response.status == 403)
        why = "needs the permission to " + verbs + " identityslices.bulkhead.dev (403): " + status.message;
    error_ = "can't " + what + ": " + why + "; other nodes may not know this node's pods";
    if (response.status == 401) session_.credentials().refused();
    pause_ = backoff_.next(status.retry_after.value_or(0s));
}

} // namespace bulkhead::publish
