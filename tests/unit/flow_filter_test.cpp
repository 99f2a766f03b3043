// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "flow/filter.h"
#include "flow_recorded.h"

using namespace bulkhead;
using namespace bulkhead::flow;

namespace {

using Numbers = std::vector<uint64_t>;

/// Of the recorded flows, those that such filters choose.
Numbers chosen(const std::vector<Parameter>& parameters) {
    Filter filter;
    for (const auto& [name, value] : parameters) {
        const auto added = filter.add(name, value);
        INFO((added ? "" : added.error().text));
        REQUIRE(added);
    }
    Numbers numbers;
    for (size_t i = 1; i <= recorded_flows().size(); ++i)
        if (filter.matches(recorded_flow(i))) numbers.push_back(i);
    return numbers;
}

struct Row {
    std::vector<Parameter> filters;
    Numbers flows;
};

void check(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        std::string text;
        for (const auto& [name, value] : row.filters)
            text += name + "=" + value + " ";
        CAPTURE(text);
        CHECK(chosen(row.filters) == row.flows);
    }
}

} // namespace

TEST_CASE("each filter chooses its flows, and from- and to- one end alone") {
    check({
        {{}, {1, 2, 3, 4, 5, 6}},
        {{{"pod", "blog/web-7f"}}, {1, 4, 6}},
        {{{"from-pod", "blog/web-7f"}}, {1, 6}},
        {{{"to-pod", "blog/web-7f"}}, {4}},
        {{{"pod", "web"}}, {1, 4, 6}}, // the beginning of a name, in any namespace
        {{{"pod", "blog/web"}}, {1, 4, 6}},
        {{{"pod", "shop/web"}}, {}},
        {{{"pod", "blo/web"}}, {}}, // of a namespace not only the beginning
        {{{"pod", "eb-7f"}}, {}},
        {{{"pod", "blog/"}}, {1, 4, 6}},
        {{{"pod", "aurora"}}, {}}, // no pod
        {{{"namespace", "payments"}}, {1, 2, 5}},
        {{{"from-namespace", "payments"}}, {}},
        {{{"to-namespace", "payments"}}, {1, 2, 5}},
        {{{"namespace", "pay"}}, {}},
        {{{"tenant", "payments"}}, {1, 2, 3, 5}},
        {{{"from-tenant", "shop"}}, {2, 3}},
        {{{"to-tenant", "shop"}}, {}},
        {{{"level", "protected"}}, {1, 2, 3, 5}},
        {{{"from-level", "protected"}}, {2, 3}},
        {{{"to-level", "Non-Protected"}}, {4, 6}},
        {{{"ip", "10.0.1.30"}}, {1, 2, 5}},
        {{{"ip", "10.0.1.31"}}, {}},
        {{{"from-ip", "10.0.1.0/24"}}, {1, 5}},
        {{{"to-ip", "10.9.0.0/16"}}, {3}},
        {{{"ip", "2001:db8::/32"}}, {4}},
        {{{"ip", "0.0.0.0/0"}}, {1, 2, 3, 5}},
        {{{"port", "5432"}}, {1, 2}},
        {{{"from-port", "5432"}}, {}},
        {{{"to-port", "3306-5432"}}, {1, 2, 3}},
        {{{"port", "5433-8442"}}, {}},
        {{{"protocol", "tcp"}}, {1, 2, 5}},
        {{{"protocol", "17"}}, {3}},
        {{{"protocol", "ICMP"}}, {4}}, // IPv6's too
        {{{"protocol", "icmpv6"}}, {4}},
        {{{"protocol", "1"}}, {}},
        {{{"from-protocol", "UDP"}}, {3}},
        {{{"to-protocol", "UDP"}}, {3}},
        {{{"workload", "web"}}, {1, 4, 6}},
        {{{"workload", "deployment/web"}}, {1, 4, 6}},
        {{{"workload", "StatefulSet/web"}}, {}},
        {{{"from-workload", "cart"}}, {2, 3}},
        {{{"to-workload", "StatefulSet/ledger"}}, {1, 2, 5}},
        {{{"workload", "we"}}, {}},
        {{{"resource", "aurora"}}, {3}},
        {{{"to-resource", "aurora"}}, {3}},
        {{{"from-resource", "aurora"}}, {}},
        {{{"resource", "ledger-0"}}, {}},
        {{{"label", "app"}}, {1, 2, 3, 4, 5}},
        {{{"label", "app=web"}}, {1, 4}},
        {{{"from-label", "app=web"}}, {1}},
        {{{"to-label", "tier=front"}}, {4}},
        {{{"label", "app="}}, {}},
        {{{"kind", "world"}}, {4}},
        {{{"from-kind", "host"}}, {5}},
        {{{"verdict", "denied"}}, {1, 6}},
        {{{"verdict", "DENY"}}, {1, 6}},
        {{{"verdict", "allowed"}}, {2, 4, 5}},
        {{{"verdict", "audit"}}, {3}},
        {{{"reason", "granted"}}, {2}},
        {{{"direction", "egress"}}, {3, 6}},
        {{{"direction", "ingress"}}, {1, 2, 4, 5}},
        {{{"node", "node-b"}}, {3}},
        {{{"family", "4"}}, {1, 2, 3, 5}},
        {{{"family", "6"}}, {4}},
    });
}

TEST_CASE("repeated filters are alternatives, and different ones must all hold") {
    check({
        {{{"verdict", "denied"}, {"verdict", "audit"}}, {1, 3, 6}},
        {{{"from-pod", "blog/"}, {"from-pod", "shop/"}}, {1, 2, 3, 6}},
        {{{"verdict", "denied"}, {"protocol", "TCP"}}, {1}},
        {{{"from-tenant", "shop"}, {"to-resource", "aurora"}}, {3}},
        {{{"namespace", "blog"}, {"tenant", "payments"}}, {1}}, // between the two
        {{{"pod", "blog/web"}, {"port", "5432"}}, {1}},         // the port is the other's
        {{{"tenant", "payments"}, {"verdict", "denied"}, {"verdict", "audit"}}, {1, 3}},
        {{{"from-pod", "blog/"}, {"to-pod", "shop/"}}, {}},
    });
}

TEST_CASE("a filter after not- leaves out what it matches, and so does each further one") {
    check({
        {{{"not-verdict", "allowed"}}, {1, 3, 6}},
        {{{"not-pod", "blog/web"}}, {2, 3, 5}},
        {{{"not-from-pod", "blog/web"}}, {2, 3, 4, 5}},
        {{{"not-verdict", "allowed"}, {"not-verdict", "audit"}}, {1, 6}},
        {{{"not-from-pod", "blog/"}, {"not-to-port", "5432"}}, {3, 4, 5}}, // either is enough to be left out
        {{{"tenant", "payments"}, {"not-from-kind", "host"}}, {1, 2, 3}},
        {{{"verdict", "denied"}, {"not-reason", "ethertype"}}, {1}},
        {{{"family", "4"}, {"not-family", "4"}}, {}},
        {{{"not-label", "app=web"}}, {2, 3, 5, 6}},
    });
}

TEST_CASE("a filter that can't be read is refused, and the error begins with its name") {
    static const std::vector<std::pair<Parameter, std::string>> kRows{
        {{"pods", "web"}, "pods: there is no such filter"},
        {{"from-verdict", "denied"}, "from-verdict: there is no such filter"},
        {{"not-not-pod", "web"}, "not-not-pod: there is no such filter"},
        {{"pod", ""}, "pod: is empty"},
        {{"pod", "/web"}, "pod: \"/web\" is no [NAMESPACE/]NAME"},
        {{"from-level", "high"}, "from-level: \"high\" is not protected or non-protected"},
        {{"ip", "10.0.0.1/24"}, "ip: \"10.0.0.1/24\" has bits set beyond its prefix length"},
        {{"ip", "web"}, "ip: \"web\" is not a CIDR"},
        {{"port", "0"}, "port: \"0\" is neither a port"},
        {{"port", "65536"}, "port: \"65536\" is neither a port"},
        {{"port", "80-79"}, "port: \"80-79\" is neither a port"},
        {{"port", "80-"}, "port: \"80-\" is neither a port"},
        {{"protocol", "256"}, "protocol: \"256\" is no protocol"},
        {{"workload", "Deployment/"}, "workload: \"Deployment/\" is no [KIND/]NAME"},
        {{"label", "=web"}, "label: \"=web\" is neither KEY nor KEY=VALUE"},
        {{"not-verdict", "dropped"}, "not-verdict: \"dropped\" is not allowed, audit or denied"},
        {{"reason", "rain"}, "reason: \"rain\" is no reason: bulkheadctl reasons lists them"},
        {{"direction", "up"}, "direction: \"up\" is not ingress or egress"},
        {{"family", "5"}, "family: \"5\" is neither 4 nor 6"},
        {{"kind", "cloud"}, "kind: \"cloud\" is not pod, host"},
    };
    for (const auto& [parameter, error] : kRows) {
        CAPTURE(error);
        Filter filter;
        const auto added = filter.add(parameter.first, parameter.second);
        REQUIRE_FALSE(added);
        CHECK(added.error().text.starts_with(error));
        CHECK(filter.empty());
    }
}

TEST_CASE("what a filter's value is completed from, it takes") {
    for (const auto& kind : filter_kinds())
        for (const auto& choice : kind.choices) {
            CAPTURE(kind.name, choice);
            CHECK(Filter().add(kind.name, choice));
        }
}

TEST_CASE("the documentation's table of filters is the list of filters") {
    std::ifstream file(BULKHEAD_DOCS "/flows.md");
    std::stringstream text;
    text << file.rdbuf();
    for (const auto& kind : filter_kinds()) {
        const auto name = std::string(kind.name);
        const std::string letter = kind.letter.empty() ? "" : "-" + std::string(kind.letter) + ", ";
        std::string value(kind.value);
        for (size_t at = 0; (at = value.find('|', at)) != std::string::npos; at += 2)
            value.insert(at, "\\");
        const auto row = "| `" + letter + "--" + name + " " + value + "` | " + (kind.of_an_end ? "yes" : "") + " | " +
                         std::string(kind.help) + " |\n";
        INFO("docs/flows.md lacks this row:\n" << row);
        CHECK(text.str().find(row) != std::string::npos);
    }
}
