// SPDX-License-Identifier: Apache-2.0
//
// What goes on in the example cluster is what its agents tell of: every conversation of the matrix once, by the node
// that judges it, with both names, what became of it and why; and of nothing else.
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <map>
#include <set>

#include "bulkheadctl/client.h"
#include "matrix/matrix.h"
#include "matrix_support.h"
#include "support/oracle.h"

namespace bulkhead::test {
namespace {

using matrix::Place;
using Json = ctl::Json;

template <typename T>
T require(Result<T> result) {
    if (!result) FAIL(result.error().text);
    return std::move(*result);
}

// So that nothing is lost, and each refused packet is told of by its own conversation.
const std::vector<std::string> kRoom{"--events-per-second", "1000000", "--events-bytes",       "16777216",
                                     "--flow-history",      "200000",  "--flow-history-bytes", "200000000"};

constexpr size_t kOfWhichOneIsValidated = 20; // they are much alike, and Python takes its time

/// Conversations by what is told of them: each is "node-a ingress blog/web -> payments/api IPv4 TCP 443 denied
/// not-granted". Their number, for two places may be one: a pod on the host's network is its node.
using Told = std::map<std::string, size_t>;

std::string text_of(const std::string& node, const std::string& direction, const std::string& src,
                    const std::string& dst, uint8_t family, const std::string& protocol_and_port,
                    const std::string& verdict, const std::string& reason) {
    return node + " " + direction + " " + src + " -> " + dst + (family == BH_IPV4 ? " IPv4 " : " IPv6 ") +
           protocol_and_port + " " + verdict + " " + reason;
}

/// What flows should say of the cluster, by the oracle: which knows neither programs nor agent.
class Expected {
public:
    explicit Expected(const ExampleNet& net)
        : oracle_(net.objects()), now_(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())) {
        for (const auto& object : net.objects())
            if (const auto* resource = std::get_if<state::AwsResource>(&object)) resources_.insert(resource->meta.name);
    }

    void add(const matrix::Route& route) {
        const bool from_pod = route.src->kind == Place::Kind::kPod, to_pod = route.dst->kind == Place::Kind::kPod;
        if (route.src->netns == route.dst->netns) return; // never leaves it
        const bool same_node = !route.src->node.empty() && route.src->node == route.dst->node;
        const bool leaves = from_pod && !(to_pod && same_node);
        if (leaves && !passes_egress(route, same_node)) return;
        if (to_pod) note(route, route.dst->node, "ingress", ask(route, leaves ? Side::kDestination : Side::kBoth));
    }

    const Told& told() const { return told_; }

private:
    Answer ask(const matrix::Route& route, Side side) const {
        return require(oracle_.ask({.src = party_of(*route.src, route.family),
                                    .dst = party_of(*route.dst, route.family),
                                    .protocol = route.protocol,
                                    .port = route.port,
                                    .family = route.family,
                                    .time = now_,
                                    .side = side}));
    }

    static bool is_line2(const Answer& answer) { return answer.line.starts_with("confined"); }

    /// Towards pods of other nodes, and towards its own, only line 2 is judged.
    bool passes_egress(const matrix::Route& route, bool to_own_node) {
        const auto answer = ask(route, Side::kSource);
        const bool is_judged = (route.dst->kind != Place::Kind::kPod && !to_own_node) || is_line2(answer);
        if (is_judged) note(route, route.src->node, "egress", answer);
        return answer.verdict != Verdict::kDeny;
    }

    void note(const matrix::Route& route, const std::string& node, const char* direction, const Answer& answer) {
        const auto protocol = route.protocol == BH_TCP   ? "TCP " + std::to_string(route.port)
                              : route.protocol == BH_UDP ? "UDP " + std::to_string(route.port)
                                                         : std::string("echo");
        const auto verdict = answer.verdict == Verdict::kDeny    ? "denied"
                             : answer.verdict == Verdict::kAudit ? "audit"
                                                                 : "allowed";
        auto& number =
            told_[text_of(node, direction, name_of(*route.src, route.family), name_of(*route.dst, route.family),
                          route.family, protocol, verdict, std::string(answer.line))];
        const bool is_one = route.protocol == BH_ICMP && answer.verdict != Verdict::kAllow; // echoes have no ports
        number = is_one ? 1 : number + 1;
    }

    /// As the oracle finds it.
    static std::string party_of(const Place& place, uint8_t family) {
        return place.kind == Place::Kind::kOutside ? place.address(family)->text() : place.name;
    }

    /// As flows name it.
    std::string name_of(const Place& place, uint8_t family) const {
        if (place.kind == Place::Kind::kPod) return "pod " + place.name;
        if (place.kind == Place::Kind::kNode) return "host " + place.node;
        return resources_.contains(place.name) ? "resource " + place.name : "world " + place.address(family)->text();
    }

    const Oracle oracle_;
    const state::Time now_;
    std::set<std::string> resources_;
    Told told_;
};

std::string name_of(const Json& end) {
    const std::string kind = end.at("kind");
    if (kind == "pod") return "pod " + end.at("namespace").get<std::string>() + "/" + end.at("pod").get<std::string>();
    const char* field = kind == "resource" ? "resource" : kind == "world" ? "address" : "name";
    return kind + " " + end.value(field, "?");
}

/// A request, of which there are no more than the matrix has. Nothing for what IPv6 needs to find its neighbours.
std::optional<std::string> talk_of(const Json& flow) {
    const std::string protocol = flow.at("protocol");
    const bool is_icmp = protocol.starts_with("ICMP");
    const int type = is_icmp ? flow.at("icmp").at("type").get<int>() : 0;
    if (protocol == "ICMPv6" && type >= 130 && type != 8 && type != 128) return std::nullopt;
    const auto what = is_icmp ? type == 8 || type == 128 ? "echo" : protocol + " " + std::to_string(type)
                              : protocol + " " + std::to_string(flow.at("destination").at("port").get<int>());
    const bool v4 = Address::parse(flow.at("source").at("address").get<std::string>())->family == BH_IPV4;
    return text_of(flow.at("node"), flow.at("direction"), name_of(flow.at("source")), name_of(flow.at("destination")),
                   v4 ? BH_IPV4 : BH_IPV6, what, flow.at("verdict"), flow.at("reason"));
}

Json status_of(const NodeAgent& agent) {
    return require(ctl::ask({.socket = agent.socket()}, "/v1/status", {}));
}

/// All of GET /v1/flows, once the agent has taken what its programs told.
std::vector<std::string> lines_of(const NodeAgent& agent) {
    const auto settled = [&] {
        const Json status = status_of(agent);
        return status.at("flows").at("remembered") == status.at("events").at("written");
    };
    REQUIRE(wait_until(settled, after(30s), 100ms));
    for (const char* missing : {"limited", "lost", "merged", "untold"}) {
        INFO(missing);
        CHECK(status_of(agent).at("events").at(missing) == 0);
    }
    std::string text;
    REQUIRE(ctl::ask_stream(
        {.socket = agent.socket()}, "/v1/flows", {},
        {.bytes = [&](std::string_view bytes) { text += bytes; }, .enough = [] { return false; }, .wakes = {}}));
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        if (!line.empty()) lines.push_back(line);
    return lines;
}

/// Conversations, though what is refused may be told of again with its count.
Told told_by(const std::vector<std::string>& lines) {
    std::map<std::string, std::set<int>> ports; // a conversation of its own each; an echo has none
    Told told;
    for (const auto& line : lines) {
        const Json flow = Json::parse(line);
        const auto talk = talk_of(flow);
        if (!talk) continue;
        const int port = flow.at("source").value("port", 0);
        if (flow.at("verdict") == "allowed" || ports[*talk].insert(port).second) ++told[*talk];
    }
    return told;
}

/// What is in one and not in the other, as often; the first few.
std::string beyond(const Told& one, const Told& other) {
    std::string text;
    size_t count = 0;
    for (const auto& [talk, number] : one) {
        const auto found = other.find(talk);
        const size_t has = found == other.end() ? 0 : found->second;
        if (number <= has) continue;
        if (++count <= 20) text += "\n" + talk + ": " + std::to_string(number) + ", not " + std::to_string(has);
    }
    return count == 0 ? "" : std::to_string(count) + text;
}

TEST_CASE("every conversation of the examples is in flows with its names and verdict: none missing, none invented") {
    if (geteuid() != 0) SKIP("needs root");
    const ExampleNet net = require(ExampleNet::create());
    std::vector<NodeAgent> agents;
    for (const std::string& node : net.nodes())
        agents.push_back(require(NodeAgent::start(net, node, "auto", kRoom)));
    const auto cells = require(matrix::measure(net.scene(), matrix::expect_rule(net.objects())));

    Expected expected(net);
    for (const auto& cell : cells)
        expected.add(cell.route);
    std::vector<std::string> lines;
    for (const NodeAgent& agent : agents)
        for (auto& line : lines_of(agent))
            lines.push_back(std::move(line));
    const auto told = told_by(lines);
    WARN(cells.size() << " conversations began, " << lines.size() << " flows are told");
    CHECK(beyond(expected.told(), told) == ""); // missing
    CHECK(beyond(told, expected.told()) == ""); // invented

    const auto file = net.directory() / "flows.json";
    std::ofstream out(file);
    for (size_t i = 0; i < lines.size(); i += kOfWhichOneIsValidated)
        out << lines[i] << "\n";
    out.close();
    const auto valid = run_command({"python3", "-B", BULKHEAD_FLOW_SCHEMA_TEST, "--file", file}, 60s);
    INFO((valid ? "" : valid.error().text));
    CHECK(valid);
}

} // namespace
} // namespace bulkhead::test
