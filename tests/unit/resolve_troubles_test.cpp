// SPDX-License-Identifier: Apache-2.0
//
// What a Finder says while nobody answers, or only half of what is asked.
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "resolve/finder.h"
#include "support/deadline.h"
#include "support/dns_responder.h"
#include "support/objects.h"
#include "support/require.h"

namespace bulkhead::resolve {
namespace {

using namespace std::chrono_literals;
using test::after;
using test::DnsBytes;
using test::require;
using test::wait_until;

constexpr uint8_t kServFail = 2;

/// On a loop that turns on a thread of its own; the test asks it there.
class LookingFinder {
public:
    explicit LookingFinder(const std::string& dns_server) : loop_(require(Loop::create())) {
        Settings settings;
        settings.environment = aws::Environment(std::map<std::string, std::string>{
            {"AWS_EC2_METADATA_DISABLED", "true"}}); // no keys, and nobody to get some of
        settings.region = "eu-central-1";
        settings.servers = {require(dns::Server::parse(dns_server))};
        finder_ = std::make_unique<Finder>(*loop_, settings, [] {});
        thread_ = std::thread([this] { (void)loop_->run(); });
    }
    ~LookingFinder() {
        loop_->post([this] { loop_->stop(); });
        thread_.join();
    }

    void follow(const state::AwsResource& resource) {
        REQUIRE(loop_->call(
            [&] {
                finder_->follow({{resource.meta.name, resource}}, {});
                return true;
            },
            20s));
    }
    Finding of(const std::string& resource) {
        return require_answer(loop_->call([&] { return *finder_->of(resource); }, 20s));
    }
    std::string metrics() {
        return require_answer(
            loop_->call([&] { return metrics::text_of(finder_->metrics(std::chrono::steady_clock::now())); }, 20s));
    }

private:
    template <typename T>
    static T require_answer(const std::optional<T>& answer) {
        REQUIRE(answer);
        return *answer;
    }

    std::unique_ptr<Loop> loop_;
    std::unique_ptr<Finder> finder_;
    std::thread thread_;
};

/// A questions's type: 1 = A, 28 = AAAA.
uint8_t type_of(const DnsBytes& question) {
    size_t at = 12;
    while (question[at] != 0)
        at += question[at] + 1u;
    return question[at + 2];
}

} // namespace

TEST_CASE("without keys and a DNS server both are told, with the reason, and counted by who was asked") {
    LookingFinder finder("127.0.0.1:1");
    auto aurora = test::named<state::AwsResource>("aurora");
    aurora.look_ups.hostnames = {"writer.db.test"};
    aurora.look_ups.security_groups = {"sg-1"};
    finder.follow(aurora);
    REQUIRE(wait_until([&] { return finder.of("aurora").troubles.size() == 2; }, after(30s), 20ms));
    const auto finding = finder.of("aurora");
    const auto& keys = finding.troubles[0];
    CHECK(keys.reason == "NoCredentials");
    CHECK(keys.text.starts_with("securityGroups sg-1 in eu-central-1: "));
    CHECK(keys.text.ends_with("Z; no good answer is known"));
    CHECK(keys.asked == Asked{.of = "aws", .account = "", .region = "eu-central-1"});
    const auto& name = finding.troubles[1];
    CHECK(name.reason == "NameNotResolved");
    CHECK(name.asked.of == "dns");
    const auto text = finder.metrics();
    INFO(text);
    for (const std::string series :
         {R"(bulkhead_lookups_failing{asked="aws",account="",region="eu-central-1",reason="NoCredentials"} 1)",
          R"(bulkhead_lookups_failing{asked="dns",account="",region="",reason="NameNotResolved"} 1)",
          R"(bulkhead_lookups_failing_seconds{asked="aws",account="",region="eu-central-1"} )",
          R"(bulkhead_lookups_failing_seconds{asked="dns",account="",region=""} )",
          R"(bulkhead_resource_addresses{resource="aurora"} 0)"})
        CHECK(text.find("\n" + series) != std::string::npos);
}

TEST_CASE("while one family goes on being answered and the other fails, what is told of it stays the same") {
    const auto responder = require(test::DnsResponder::start(BH_IPV4, [](const DnsBytes& question) {
        if (type_of(question) != 1) return std::vector<DnsBytes>{test::dns_reply(question, kServFail, 0)};
        auto reply = test::dns_reply(question, 0, 1);
        test::add_address(reply, test::address("10.2.0.1"), 1);
        return std::vector<DnsBytes>{reply};
    }));
    LookingFinder finder(responder->text());
    auto aurora = test::named<state::AwsResource>("aurora");
    aurora.look_ups.hostnames = {"writer.db.test"};
    finder.follow(aurora);
    const auto is_so = [&] {
        const auto finding = finder.of("aurora");
        return finding.troubles.size() == 1 && finding.addresses.size() == 1;
    };
    REQUIRE(wait_until(is_so, after(30s), 20ms));
    const auto first = finder.of("aurora");
    CHECK(first.troubles[0].text.starts_with("writer.db.test: "));
    const auto asked = responder->questions();
    REQUIRE(wait_until([&] { return responder->questions() > asked + 8; }, after(60s), 20ms)); // several of each
    CHECK(finder.of("aurora") == first);
}

} // namespace bulkhead::resolve
