// SPDX-License-Identifier: Apache-2.0
//
// Names, servers and addresses: which are taken, and as what.
#include "dns/hostname.h"
#include "dns/never.h"
#include "dns_fixture.h"

using namespace bulkhead;
using namespace bulkhead::dns;
using dns::test::addresses_of;

TEST_CASE("a name has one spelling, whatever its case and whether the root's dot is there") {
    CHECK(hostname_of("DB.Example.ORG").value() == "db.example.org");
    CHECK(hostname_of("db.example.org.").value() == "db.example.org");
    CHECK(hostname_of("payments.cluster-abc.eu-central-1.rds.amazonaws.com").value() ==
          "payments.cluster-abc.eu-central-1.rds.amazonaws.com");
    CHECK(hostname_of("_service.3com.example").value() == "_service.3com.example");
    CHECK(hostname_of(std::string(63, 'a') + ".example").has_value());
}

TEST_CASE("what is no absolute host's name is refused, and the error says why") {
    const auto label64 = std::string(64, 'a') + ".example";
    std::string name254;
    for (int i = 0; i < 127; ++i)
        name254 += "a.";
    const std::pair<std::string, const char*> rows[] = {
        {"", "no host's name"},
        {".", "no host's name"},
        {"db", "has no domain"},
        {"db..example", "no host's name"},
        {".example", "no host's name"},
        {"db.example..", "no host's name"},
        {"-db.example", "no host's name"},
        {"db-.example", "no host's name"},
        {"*.example", "no host's name"},
        {"db example.org", "no host's name"},
        {std::string("db\0.example", 11), "no host's name"},
        {"d\\.b.example", "no host's name"},
        {"d\xc3\xb6.example", "no host's name"},
        {"db.1", "no host's name"},
        {"10.0.0", "no host's name"},
        {"10.0.0.1", "belongs into cidrs"},
        {"fd00::1", "belongs into cidrs"},
        {label64, "no host's name"},
        {name254 + "ab", "longer than 253"},
    };
    for (const auto& [written, why] : rows) {
        INFO(written);
        const auto name = hostname_of(written);
        REQUIRE_FALSE(name);
        CHECK(name.error().text.find(why) != std::string::npos);
    }
}

TEST_CASE("a DNS server is an address, with a port where it isn't 53") {
    CHECK(Server::parse("10.0.0.2").value().text() == "10.0.0.2:53");
    CHECK(Server::parse("10.0.0.2:5300").value().text() == "10.0.0.2:5300");
    CHECK(Server::parse("fd00::2").value().text() == "[fd00::2]:53");
    CHECK(Server::parse("[fd00::2]").value().text() == "[fd00::2]:53");
    CHECK(Server::parse("[fd00::2]:65535").value().text() == "[fd00::2]:65535");
    for (const char* wrong : {"", "dns.example.org", "10.0.0.2:", "10.0.0.2:0", "10.0.0.2:65536", "10.0.0.2:53x",
                              "[fd00::2", "[fd00::2]53", "[fd00::2]:", "fd00::2]:53", "10.0.0.2:-1", "10.0.0.2: 53"}) {
        INFO(wrong);
        const auto server = Server::parse(wrong);
        REQUIRE_FALSE(server);
        CHECK(server.error().text.find("is no DNS server") != std::string::npos);
    }
}

TEST_CASE("no name brings along an address that everybody needs or nobody has; their neighbours are taken") {
    const std::vector<Cidr> own{*Cidr::parse("10.0.0.2")};
    for (const auto& address : addresses_of({"0.0.0.0",
                                             "0.1.2.3",
                                             "127.0.0.1",
                                             "127.255.0.1",
                                             "169.254.169.254",
                                             "169.254.0.1",
                                             "224.0.0.1",
                                             "239.1.1.1",
                                             "255.255.255.255",
                                             "240.0.0.1",
                                             "::",
                                             "::1",
                                             "fe80::1",
                                             "ff02::1",
                                             "fd00:ec2::254",
                                             "fd00:ec2::23",
                                             "64:ff9b::169.254.169.254",
                                             "64:ff9b::127.0.0.1",
                                             "fd00::ac:1",
                                             "10.0.0.2",
                                             "64:ff9b::10.0.0.2"})) {
        INFO(address.text());
        CHECK(why_never(address, own));
    }
    for (const auto& address :
         addresses_of({"1.0.0.1", "126.255.255.255", "128.0.0.1", "169.253.1.1", "169.255.1.1", "223.255.255.255",
                       "10.0.0.1", "::2", "fec0::1", "fd00:ec3::254", "64:ff9b::10.0.0.1", "64:ff9b:1::169.254.169.254",
                       "fd00::ad:1", "2600::1"})) {
        INFO(address.text());
        CHECK_FALSE(why_never(address, own));
    }
    Address mapped{.bytes = {}, .family = BH_IPV6};
    mapped.bytes[10] = mapped.bytes[11] = 0xff;
    mapped.bytes[12] = 10;
    CHECK(why_never(mapped, own) == "IPv4-mapped");
    CHECK(why_never(addresses_of({"169.254.169.254"})[0], {}) == "link-local");
}
