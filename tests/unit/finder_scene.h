// SPDX-License-Identifier: Apache-2.0
//
// A Finder beside a real DNS server, on a loop that turns on a thread of its own; the test asks it there.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "resolve/finder.h"
#include "support/deadline.h"
#include "support/dns_server.h"
#include "support/require.h"

namespace bulkhead::resolve {

using namespace std::chrono_literals;
using test::require;

inline bool eventually(const std::function<bool()>& holds) {
    return test::wait_until(holds, test::after(30s), 10ms);
}

inline std::unique_ptr<test::DnsServer> server_with(const std::vector<std::string>& records) {
    return require(test::DnsServer::start(records));
}

/// "10.0.0.1 10.1.0.0/24"
inline std::string joined(const std::set<Cidr>& addresses) {
    std::string text;
    for (const auto& address : addresses)
        text += (text.empty() ? "" : " ") + (address.is_single() ? address.address.text() : address.text());
    return text;
}

inline std::pair<std::string, state::AwsResource> named(const std::string& name, std::set<std::string> hostnames) {
    state::AwsResource resource;
    resource.meta.name = name;
    resource.look_ups.hostnames = std::move(hostnames);
    return {name, std::move(resource)};
}

class FinderScene {
public:
    FinderScene(const test::DnsServer& dns, Settings settings) : loop_(require(Loop::create())) {
        settings.servers = {require(dns::Server::parse(dns.text()))};
        finder_ = std::make_unique<Finder>(*loop_, std::move(settings), [] {});
        thread_ = std::thread([this] { (void)loop_->run(); });
    }
    FinderScene(const FinderScene&) = delete;
    FinderScene& operator=(const FinderScene&) = delete;
    ~FinderScene() {
        loop_->post([this] { loop_->stop(); });
        thread_.join();
    }

    template <typename Function>
    auto on_loop(Function function) {
        auto answer = loop_->call(function, 20s);
        REQUIRE(answer);
        return *answer;
    }
    /// Hands back what each has at once, before anybody can have answered.
    std::map<std::string, std::string> follow(const Resources& resources, const Memories& memories = {}) {
        return on_loop([&] {
            finder_->follow(resources, {}, memories);
            std::map<std::string, std::string> found;
            for (const auto& [name, resource] : resources)
                if (const auto* finding = finder_->of(name)) found[name] = joined(finding->addresses);
            return found;
        });
    }
    Finding finding(const std::string& resource) {
        return on_loop([&] {
            const auto* finding = finder_->of(resource);
            return finding == nullptr ? Finding{} : *finding;
        });
    }
    std::string found(const std::string& resource) { return joined(finding(resource).addresses); }

    Remembered remembered(const std::string& resource) {
        return on_loop([&] { return finder_->remembered(resource); });
    }

    /// Of a family with one series.
    double figure(const std::string& name) {
        const auto families = on_loop([&] { return finder_->metrics(std::chrono::steady_clock::now()); });
        for (const auto& family : families)
            if (family.name == name) return family.metric.at(0).gauge.value;
        FAIL("no metric " << name);
        return 0;
    }

private:
    std::unique_ptr<Loop> loop_;
    std::unique_ptr<Finder> finder_;
    std::thread thread_;
};

} // namespace bulkhead::resolve
