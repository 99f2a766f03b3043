// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <regex>

#include "bulkheadctl/pseudonyms.h"

namespace bulkhead::ctl {
namespace {

Pseudonyms pseudonyms_of(bool names = false) {
    return Pseudonyms::create({.addresses = true, .names = names}).value();
}

TEST_CASE("pseudonyms: an address becomes the same word wherever it stands, and what is around it stays") {
    const auto pseudonyms = pseudonyms_of();
    const auto ip4 = pseudonyms.hide("10.0.1.20");
    const auto ip6 = pseudonyms.hide("fd00:10::20");
    CHECK(std::regex_match(ip4, std::regex("ip4-[0-9a-f]{12}")));
    CHECK(std::regex_match(ip6, std::regex("ip6-[0-9a-f]{12}")));
    CHECK(ip4 != pseudonyms.hide("10.0.1.21"));
    CHECK(pseudonyms.hide(R"({"address":"10.0.1.20","port":443})") == R"({"address":")" + ip4 + R"(","port":443})");
    CHECK(pseudonyms.hide("dial 10.0.1.20:443: refused") == "dial " + ip4 + ":443: refused");
    CHECK(pseudonyms.hide("[fd00:10::20]:443") == "[" + ip6 + "]:443");
    CHECK(pseudonyms.hide("from 10.0.1.20.") == "from " + ip4 + ".");
    CHECK(pseudonyms.hide("10.0.1.20/24 and fd00:10::20/64") == ip4 + "/24 and " + ip6 + "/64");
    CHECK(pseudonyms.hide("node ip-10-0-1-20.ec2.internal") == "node " + ip4 + ".ec2.internal");
    CHECK(pseudonyms.hide("x=10.0.1.20,fd00:10::20") == "x=" + ip4 + "," + ip6);
}

TEST_CASE("pseudonyms: what only looks like an address stays") {
    const std::string text =
        GENERATE(as<std::string>(), "2026-11-29T03:04:05.123456789Z", "6.1.0-28-amd64", "eni1a2b3c4d5e6",
                 "12:03:04.123", "std::string", "::", "1.2.3", "v10.0.1.20x", "256.0.0.1", "0x1000", "TCP 443");
    CHECK(pseudonyms_of().hide(text) == text);
}

TEST_CASE("pseudonyms: another report has another key, and unasked nothing is hidden") {
    CHECK(pseudonyms_of().hide("10.0.1.20") != pseudonyms_of().hide("10.0.1.20"));
    CHECK(Pseudonyms::create({})->hide("10.0.1.20") == "10.0.1.20");
}

TEST_CASE("pseudonyms: names are learnt from answers, and hidden in all texts, but not the words of Bulkhead") {
    auto pseudonyms = pseudonyms_of(true);
    pseudonyms.learn(nlohmann::ordered_json::parse(
        R"({"endpoints": [{"name": "payments/ledger-0", "tenant": "ns/payments"}], "source": {"workload": {"name": "web"}},
            "namespaces": ["blog"], "state": "guarded"})"));
    const auto ledger = pseudonyms.hide("ledger-0");
    CHECK(std::regex_match(ledger, std::regex("name-[0-9a-f]{12}")));
    CHECK(pseudonyms.hide("pod payments/ledger-0 is guarded") ==
          "pod " + pseudonyms.hide("payments") + "/" + ledger + " is guarded");
    for (const char* name : {"web", "blog", "payments"})
        CHECK(pseudonyms.hide(name) != name);
    CHECK(pseudonyms.hide("ns/payments") == "ns/" + pseudonyms.hide("payments"));
    CHECK(pseudonyms.hide("website") == "website"); // another word
}

TEST_CASE("pseudonyms: an escape before an address or a name is no part of it") {
    auto pseudonyms = pseudonyms_of(true);
    pseudonyms.learn({{"pod", "ledger-0"}});
    const std::string escape = GENERATE(as<std::string>(), "\\n", "\\t", "\\u001b", "\\x1b", "\\\"", "\\\\");
    CAPTURE(escape);
    CHECK(pseudonyms.hide("from" + escape + "10.1.2.3") == "from" + escape + pseudonyms.hide("10.1.2.3"));
    CHECK(pseudonyms.hide(escape + "fd00::3") == escape + pseudonyms.hide("fd00::3"));
    CHECK(pseudonyms.hide(escape + "ledger-0") == escape + pseudonyms.hide("ledger-0"));
    CHECK(pseudonyms.hide("n10.1.2.3") == "n10.1.2.3"); // no escape
}

TEST_CASE("pseudonyms: an edge's workload, a grant, labels and interfaces are names, too") {
    auto pseudonyms = pseudonyms_of(true);
    pseudonyms.learn(nlohmann::ordered_json::parse(
        R"({"edges": [{"source": {"workload": "Deployment/cart", "labels":
              {"team.example.com/tier": "gold", "app.kubernetes.io/name": "basket", "version": "7"}}}],
            "decidedBy": "AccessGrant payments/for-blog: since the audit", "interface": "eni1a2b", "interfaces": ["eth7"]})"));
    for (const char* name : {"cart", "team.example.com", "gold", "basket", "payments", "for-blog", "eni1a2b", "eth7"}) {
        CAPTURE(name);
        CHECK(std::regex_match(pseudonyms.hide(name), std::regex("name-[0-9a-f]{12}")));
    }
    for (const char* word : {"Deployment", "AccessGrant", "7", "app.kubernetes.io", "since", "audit", "version"})
        CHECK(pseudonyms.hide(word) == word);
    CHECK(pseudonyms.hide(R"({"count":7,"workload":"Deployment/cart"})") ==
          R"({"count":7,"workload":"Deployment/)" + pseudonyms.hide("cart") + R"("})");
}

} // namespace
} // namespace bulkhead::ctl
