// SPDX-License-Identifier: Apache-2.0
//
// What tests of DNS have in common.
#pragma once

#include <poll.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/resolver.h"
#include "support/deadline.h"
#include "support/dns_server.h"
#include "support/require.h"

namespace bulkhead::dns::test {

using bulkhead::test::require;
using namespace std::chrono_literals;

inline std::vector<Address> addresses_of(std::initializer_list<const char*> texts) {
    std::vector<Address> all;
    for (const char* text : texts)
        all.push_back(require(Address::parse(text)));
    std::sort(all.begin(), all.end());
    return all;
}

inline std::string joined(const std::vector<Address>& addresses) {
    std::string text;
    for (const auto& address : addresses)
        text += (text.empty() ? "" : " ") + address.text();
    return text;
}

inline Answer named(std::initializer_list<const char*> texts, std::chrono::seconds ttl = 5s) {
    return {.outcome = Outcome::kAddresses, .addresses = addresses_of(texts), .ttl = ttl, .error = ""};
}

inline Answer without(Outcome outcome, const char* error = "the server is in a bad mood") {
    return {.outcome = outcome, .addresses = {}, .ttl = 0s, .error = error};
}

inline std::unique_ptr<Resolver> resolver_at(const std::vector<std::string>& servers,
                                             std::chrono::milliseconds patience = 5s) {
    std::vector<Server> parsed;
    for (const auto& server : servers)
        parsed.push_back(require(Server::parse(server)));
    return require(Resolver::create(parsed, patience));
}

inline std::unique_ptr<bulkhead::test::DnsServer> server_with(const std::vector<std::string>& records) {
    return require(bulkhead::test::DnsServer::start(records));
}

/// Works on the resolver until it holds.
template <typename Condition>
bool work_until(Resolver& resolver, Condition&& holds, std::chrono::milliseconds limit = 20s) {
    const auto deadline = bulkhead::test::after(limit);
    while (!holds()) {
        pollfd waiting{.fd = resolver.fd(), .events = POLLIN, .revents = 0};
        if (poll(&waiting, 1, bulkhead::test::milliseconds_until(deadline)) != 1) return holds();
        resolver.work();
    }
    return true;
}

/// The answer to one question.
inline Answer ask(Resolver& resolver, const std::string& name, uint8_t family = BH_IPV4) {
    auto got = std::make_shared<std::optional<Answer>>();
    resolver.ask({.name = name, .family = family}, [got](const Answer& answer) { *got = answer; });
    if (!work_until(resolver, [&] { return got->has_value(); })) FAIL("no answer about " << name);
    return **got;
}

} // namespace bulkhead::dns::test
