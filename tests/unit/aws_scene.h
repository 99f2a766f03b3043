// SPDX-License-Identifier: Apache-2.0
//
// A client of AWS beside what stands in for it, with a clock that stands still until somebody waits.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "aws/caller.h"
#include "aws/client.h"
#include "aws/credentials.h"
#include "aws/key_chain.h"
#include "support/aws_stand_in.h"
#include "support/require.h"

namespace bulkhead::aws {

using Json = nlohmann::json;
using Kind = Failure::Kind;
using Variables = std::map<std::string, std::string>;
using namespace std::chrono_literals;
using test::require;

/// Waiting takes no time, but the clock says that it did.
class ManualClock : public Clock {
public:
    Steady now() const override { return steady_; }
    Wall wall() const override { return wall_ + std::chrono::floor<std::chrono::seconds>(steady_ - Steady{}); }
    bool wait(Milliseconds time, const std::stop_token& stop) const override {
        waits_.push_back(time);
        steady_ += time;
        return !stop.stop_requested();
    }

    void pass(Milliseconds time) { steady_ += time; }
    void set_wall_off(std::chrono::seconds seconds) { wall_ += seconds; }
    const std::vector<Milliseconds>& waits() const { return waits_; }

private:
    // Clock::wait() is const, because the machine's clock isn't changed by it.
    mutable Steady steady_{};
    mutable std::vector<Milliseconds> waits_;
    Wall wall_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
};

inline constexpr auto kAccount = "111122223333";
inline constexpr auto kRegion = "eu-central-1";

inline Keys own_keys() {
    return {.access_key = "AKIDOWN", .secret_key = "own/secret+key", .source = "test"};
}

/// Of the stand-in: somebody who may do all, and what is in the account's region.
inline Json state_of(const Json& place = {}, const Json& more = {}) {
    Json state{{"identities", Json::array({{{"access_key", "AKIDOWN"},
                                            {"secret_key", "own/secret+key"},
                                            {"arn", "arn:aws:iam::111122223333:user/bulkhead"},
                                            {"account", kAccount}}})},
               {"places", Json::array({{{"account", kAccount}, {"region", kRegion}}})}};
    if (!place.is_null()) state["places"][0].update(place);
    if (!more.is_null()) state.update(more);
    return state;
}

class FixedKeys : public KeySource {
public:
    explicit FixedKeys(Keys keys) : keys_(std::move(keys)) {}
    std::string name() const override { return "test"; }
    Answer<Keys> fetch(const std::stop_token&) override { return keys_; }

private:
    Keys keys_;
};

struct AwsScene {
    explicit AwsScene(const Json& state = state_of(), const Budget& budget = {}) : throttle(budget, clock, 1) {
        require(aws->set(state));
    }

    Caller caller(const std::string& account = kAccount) {
        return {client, credentials, {.account = account, .region = kRegion}, stop.get_token()};
    }
    std::vector<std::string> actions() const {
        std::vector<std::string> all;
        for (const auto& call : require(aws->calls()))
            all.push_back(call["action"]);
        return all;
    }
    Environment environment() const { return Environment(Variables{{"AWS_ENDPOINT_URL", aws->url()}}); }

    std::unique_ptr<test::AwsStandIn> aws = require(test::AwsStandIn::start());
    ManualClock clock;
    std::unique_ptr<Http> http = require(Http::create());
    Throttle throttle;
    Client client{*http, require(Endpoints::create(environment())), throttle, clock};
    Credentials credentials{std::make_unique<FixedKeys>(own_keys()), clock};
    std::stop_source stop;
};

inline std::string text_of(const Answer<Reply>& answer) {
    return answer ? answer->body : std::string(name_of(answer.error().kind)) + ": " + answer.error().text;
}

} // namespace bulkhead::aws
