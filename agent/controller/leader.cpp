// SPDX-License-Identifier: Apache-2.0
#include "controller/leader.h"

#include <spdlog/spdlog.h>

#include "base/rfc3339.h"
#include "source/kube/status.h"

namespace bulkhead::controller {

namespace {

using namespace std::chrono_literals;
using nlohmann::json_literals::operator""_json_pointer;

constexpr auto kLease = "bulkhead-controller";
constexpr auto kDeadline = 5s;

std::string path_of(const std::string& ns) {
    return "/apis/coordination.k8s.io/v1/namespaces/" + ns + "/leases";
}

} // namespace

Leader::Leader(source::kube::Session& session, const std::string& ns, std::string name, const LeaseTiming& timing)
    : session_(session), ns_(ns), name_(std::move(name)), timing_(timing), call_(session),
      backoff_(session.next_seed()) {}

void Leader::tick(Time now) {
    if (leads(now)) session_.wake_by(leads_until_); // its end is to be noticed, whatever is under way
    if (call_.under_way() || resigning_) return;
    if (now < next_) return session_.wake_by(next_);
    asked_at_ = now;
    // Who leads knows the Lease: it is renewed without a look.
    leads(now) && !version_.empty() ? write() : read();
}

void Leader::read() {
    start({.path = path_of(ns_) + "/" + kLease, .deadline = kDeadline}, &Leader::take_read);
}

void Leader::take_read(const Response& response) {
    if (response.error.empty() && response.status == 404) {
        version_.clear();
        lease_ = Json::object();
        return write();
    }
    const auto lease = Json::parse(response.body, nullptr, false);
    if (!response.error.empty() || response.status != 200 || !lease.is_object()) return fail("read", response);
    judge(lease);
}

/// Ours, free, or not renewed for as long as its holder promised: then it is written. That time begins when we saw
/// the last renewal, which is never before it was made.
void Leader::judge(const Json& lease) {
    learn(lease);
    const auto duration = std::chrono::seconds(lease.value("/spec/leaseDurationSeconds"_json_pointer, 0));
    if (version_ != seen_version_) {
        seen_version_ = version_;
        seen_at_ = asked_at_;
    }
    if (holder_.empty() || holder_ == name_ || asked_at_ - seen_at_ > duration) return write();
    again_in(timing_.renewal);
}

void Leader::learn(const Json& lease) {
    error_.clear();
    backoff_.reset();
    lease_ = lease;
    version_ = lease.value("/metadata/resourceVersion"_json_pointer, "");
    holder_ = lease.value("/spec/holderIdentity"_json_pointer, "");
}

nlohmann::json Leader::lease_of(const std::string& holder) const {
    Json lease = lease_;
    const bool changes_hands = lease.value("/spec/holderIdentity"_json_pointer, "") != holder;
    const int transitions = lease.value("/spec/leaseTransitions"_json_pointer, 0);
    const auto now = rfc3339_micro(std::chrono::system_clock::now());
    lease["apiVersion"] = "coordination.k8s.io/v1";
    lease["kind"] = "Lease";
    lease["metadata"]["name"] = kLease;
    lease["metadata"]["namespace"] = ns_;
    auto& spec = lease["spec"];
    spec["holderIdentity"] = holder;
    spec["leaseDurationSeconds"] = timing_.duration.count();
    spec["leaseTransitions"] = transitions + (changes_hands && !holder.empty() ? 1 : 0);
    spec["renewTime"] = now;
    if (changes_hands) spec["acquireTime"] = now;
    return lease;
}

void Leader::write() {
    source::kube::Request request{.path = path_of(ns_), .deadline = kDeadline};
    request.method = version_.empty() ? "POST" : "PUT";
    if (!version_.empty()) request.path += std::string("/") + kLease;
    request.content_type = "application/json";
    request.body = lease_of(resigning_ ? "" : name_).dump();
    start(std::move(request), &Leader::take_write);
}

void Leader::take_write(const Response& response) {
    const bool is_answered = response.error.empty();
    // Somebody else was quicker; or the Lease is gone, and whoever makes it anew leads.
    const bool is_gone = response.status == 404 && !version_.empty();
    if (is_answered && (response.status == 409 || is_gone)) {
        leads_until_ = {};
        version_.clear();
        return again_in(timing_.renewal);
    }
    if (!is_answered || (response.status != 200 && response.status != 201)) return fail("write", response);
    // Of a new one only the beginning of the answer is kept: it is read next time.
    const auto lease = Json::parse(response.body, nullptr, false);
    learn(lease.is_object() ? lease : Json::object());
    if (resigning_) return;
    if (!leads(asked_at_)) spdlog::info("leads, as {}", name_);
    leads_until_ = asked_at_ + timing_.give_up;
    again_in(timing_.renewal);
}

/// A renewal under way is overtaken: should the server take it first, this is refused, and the Lease runs out.
void Leader::resign() {
    if (resigning_) return;
    const bool led = leads(std::chrono::steady_clock::now());
    call_.cancel();
    resigning_ = true;
    leads_until_ = {};
    if (led && !version_.empty()) write();
}

void Leader::start(const source::kube::Request& request, void (Leader::*on_end)(const Response&)) {
    const bool asked = call_.start(request, [this, on_end](const Response& response) { (this->*on_end)(response); });
    if (!asked) again_in(source::kube::kAskAgainWhoWeAre);
}

void Leader::fail(const std::string& what, const Response& response) {
    error_ = "can't " + what + " Lease " + ns_ + "/" + kLease + ": " + source::kube::words_of(response);
    const auto pause = backoff_.next(source::kube::status_of(response).retry_after.value_or(0s));
    again_in(std::min<std::chrono::milliseconds>(pause, timing_.renewal));
}

void Leader::again_in(std::chrono::milliseconds delay) {
    next_ = std::chrono::steady_clock::now() + delay;
    session_.wake_by(next_);
}

} // namespace bulkhead::controller
