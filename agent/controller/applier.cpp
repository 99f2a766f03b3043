// SPDX-License-Identifier: Apache-2.0
#include "controller/applier.h"

#include <spdlog/spdlog.h>

#include "source/kube/status.h"

namespace bulkhead::controller {

namespace {

using namespace std::chrono_literals;

constexpr size_t kMostUnderWay = 16;
constexpr auto kLasting = 10s; // less is a server that begins, or a connection that broke
constexpr auto kDeadline = 10s;
constexpr auto kEcho = 5s; // by then a watch has told us what we changed

/// What was to be changed is gone, or was changed meanwhile: whoever wants it will see.
bool is_overtaken(const source::kube::Response& response) {
    return response.status == 404 || response.status == 409 || response.status == 410;
}

bool is_done(const source::kube::Response& response) {
    return response.error.empty() && (response.status / 100 == 2 || is_overtaken(response));
}

} // namespace

void Applier::set_wanted(Changes wanted) {
    wanted_ = std::move(wanted);
    std::erase_if(ways_, [&](const auto& way) { return !wanted_.contains(way.first) && !way.second.call.under_way(); });
    session_.wake_by(std::chrono::steady_clock::now());
}

void Applier::tick(Time now) {
    for (const auto& [key, change] : wanted_) {
        if (under_way_ >= kMostUnderWay) return;
        auto& way = ways_.try_emplace(key, session_).first->second;
        if (way.call.under_way()) continue;
        const bool is_other = way.error.empty() && way.sent != change.request.body;
        if (now >= way.next || is_other)
            start(key, change, way, now);
        else
            session_.wake_by(way.next);
    }
}

void Applier::start(const std::string& key, const Change& change, Way& way, Time now) {
    auto request = change.request;
    request.deadline = kDeadline;
    way.sent = request.body;
    ++under_way_;
    const bool asked =
        way.call.start(request, [this, key, what = change.what](const auto& response) { end(key, what, response); });
    if (asked) return;
    --under_way_;
    way.sent.clear();
    way.next = now + source::kube::kAskAgainWhoWeAre;
    session_.wake_by(way.next);
}

void Applier::end(const std::string& key, const std::string& what, const source::kube::Response& response) {
    --under_way_;
    auto& way = ways_.at(key);
    const auto now = std::chrono::steady_clock::now();
    session_.wake_by(now); // there may be others that had to wait
    spdlog::debug("{}: {}", what, response.error.empty() ? std::to_string(response.status) : response.error);
    if (is_done(response)) {
        ++counts_.done;
        way.error.clear();
        way.first_error.clear();
        way.backoff.reset();
        way.next = now + kEcho;
        return;
    }
    ++counts_.failures;
    way.error = "can't " + what + ": " + source::kube::words_of(response);
    if (way.first_error.empty()) {
        way.first_error = way.error;
        way.failing_since = now;
    }
    way.next = now + way.backoff.next(source::kube::status_of(response).retry_after.value_or(0s));
}

std::map<std::string, std::string> Applier::unpublished(Time now) const {
    std::map<std::string, std::string> unpublished;
    for (const auto& [key, change] : wanted_) {
        const auto way = ways_.find(key);
        if (change.resource.empty() || way == ways_.end() || way->second.first_error.empty()) continue;
        if (now - way->second.failing_since >= kLasting) unpublished.emplace(change.resource, way->second.first_error);
    }
    return unpublished;
}

void Applier::stop() {
    ways_.clear();
    under_way_ = 0;
}

bool Applier::idle() const {
    return wanted_.empty() && under_way_ == 0;
}

std::vector<std::string> Applier::errors() const {
    std::vector<std::string> errors;
    for (const auto& [key, way] : ways_)
        if (!way.error.empty()) errors.push_back(way.error);
    return errors;
}

} // namespace bulkhead::controller
