// SPDX-License-Identifier: Apache-2.0
//
// Beside other agents' tc filters, in either way of attaching: ours always judge, and theirs still run.
#include "company_support.h"

namespace bulkhead::test {
namespace {

constexpr const char* kBack = "our programs were";

bool is_ours(const std::string& filter) {
    return filter.find(" bh_") != std::string::npos;
}

TEST_CASE(
    "beside an agent that adds its filters in front with every new pod, strangers stay out and both agents' run") {
    for (const std::string& attach : attach_modes()) {
        DYNAMIC_SECTION(attach) {
            const Neighbourhood here;
            const auto agent = here.agent(attach);
            const PolicyAgent other;
            std::vector<Place> pods;
            std::vector<HostEnd> veths;
            for (int i = 0; i < 4; ++i) {
                pods.push_back(here.net.wire(kNodeA, "vault/new-" + std::to_string(i), 40 + i));
                veths.emplace_back(here.node, pods.back());
                other.on_pod(veths.back()); // at once: before us, or just after
                here.net.tell(pods.back());
            }
            other.on_pod(here.veth); // and one that we have guarded for long
            const auto all_guarded = [&] {
                const Json status = agent.ask({"status"});
                return status.value("ready", false) && status.at("interfaces").at("guarded") == 6 &&
                       status.at("interfaces").at("held") == 0;
            };
            REQUIRE(wait_until(all_guarded, after(30s), 20ms));
            const auto is_overtaken = [&](const HostEnd& veth, Way way) {
                const auto filters = veth.filters(way);
                return attach == "tcx" || (filters.size() == 2 && is_ours(filters[0]));
            };
            for (size_t i = 0; i < pods.size(); ++i) {
                for (const Way way : kWays)
                    CHECK(wait_until([&] { return is_overtaken(veths[i], way); }, after(10s)));
                const EchoServer server = require(EchoServer::start(pods[i].netns, {8080}));
                const uint64_t sent = other.packets(Way::kFromPod), received = other.packets(Way::kToPod);
                CHECK(reaches(here.kin, pods[i], 10s));
                CHECK(other.packets(Way::kToPod) > received);
                CHECK(other.packets(Way::kFromPod) > sent);
                const uint64_t before = other.packets(Way::kToPod);
                CHECK_FALSE(reaches(here.near, pods[i], 300ms));
                CHECK_FALSE(reaches(here.far, pods[i], 300ms));
                // What ours drop theirs don't see; ARP and neighbour discovery of the node's they may.
                CHECK(other.packets(Way::kToPod) - before < 10);
            }
            here.check_isolated();
            if (attach == "clsact") CHECK(here.reattachments() >= 1);

            for (const HostEnd& veth : veths)
                other.on_pod_gone(veth);
            other.on_pod_gone(here.veth);
            here.check_isolated();
            for (const Place& pod : pods) {
                const EchoServer server = require(EchoServer::start(pod.netns, {8080}));
                CHECK(reaches(here.kin, pod, 10s));
                CHECK_FALSE(reaches(here.near, pod, 300ms));
            }
        }
    }
}

TEST_CASE("filters of any priority and handle run behind ours, however often they come and go") {
    for (const std::string& attach : attach_modes()) {
        DYNAMIC_SECTION(attach) {
            const Neighbourhood here;
            const ForeignProgram before(kContinue), same(kContinue), later(kContinue), last(kHide);
            here.veth.add_filter(Way::kToPod, before, 1, 0x10); // before there is an agent
            const auto agent = here.agent(attach);
            here.veth.add_filter(Way::kToPod, same, 1, 0xabcdef01);
            here.veth.add_filter(Way::kToPod, later, 2, 1);
            here.veth.add_filter(Way::kToPod, last, 49152, 7);
            for (int i = 0; i < 20; ++i) {
                here.veth.delete_filter(Way::kToPod, 1, 0xabcdef01);
                here.veth.add_filter(Way::kToPod, same, 1, 0xabcdef01);
            }
            const auto is_first = [&] {
                const auto filters = here.veth.filters(Way::kToPod);
                return attach == "tcx" || (filters.size() == 5 && is_ours(filters.front()));
            };
            CHECK(wait_until(is_first, after(10s)));
            here.check_isolated();
            for (const ForeignProgram* each : {&before, &same, &later, &last})
                CHECK(each->packets() > 0);
        }
    }
}

TEST_CASE("with clsact, whatever way ours are taken off, they come back, counted and logged") {
    const Neighbourhood here;
    const auto agent = here.agent("clsact");
    const ForeignProgram other(kContinue);
    here.veth.add_filter(Way::kToPod, other, 5, 1);
    here.check_isolated();
    const auto remove_ours = [&](Way way) {
        for (const std::string& filter : here.veth.filters(way))
            if (is_ours(filter))
                here.veth.delete_filter(
                    way, 1, static_cast<uint32_t>(std::stoul(filter.substr(filter.find(':') + 1), nullptr, 16)));
    };
    const std::pair<const char*, std::function<void()>> ways[] = {
        {"one filter", [&] { remove_ours(Way::kToPod); }},
        {"both filters", [&] { remove_ours(Way::kToPod), remove_ours(Way::kFromPod); }},
        {"a whole priority", [&] { REQUIRE(here.veth.tc("filter del dev DEV egress prio 1") == 0); }},
        {"a flush", [&] { REQUIRE(here.veth.tc("filter del dev DEV egress") == 0); }},
        {"the qdisc", [&] { REQUIRE(here.veth.tc("qdisc del dev DEV clsact") == 0); }},
    };
    for (const auto& [what, take_off] : ways) {
        CAPTURE(what);
        const double before = here.reattachments();
        take_off();
        here.check_mended(agent, before, kBack);
    }
}

TEST_CASE("with clsact, another kind of classifier on priority 1 keeps ours off: said, and the node isn't ready") {
    const Neighbourhood here;
    REQUIRE(here.veth.tc("qdisc add dev DEV clsact") == 0);
    if (here.veth.tc("filter add dev DEV egress prio 1 protocol all u32 match u32 0 0 classid 1:1") != 0)
        SKIP("this kernel has no u32");
    auto agent = AgentProcess::launch(here.net, here.node, {.attach = "clsact", .metrics_address = kMetricsAddress});
    const auto is_said = [&] {
        const Json status = agent.ask({"status"});
        return status.is_object() && !status.at("errors").empty();
    };
    REQUIRE(wait_until(is_said, after(60s), 20ms));
    CHECK(get(here.node, "/readyz").status == 503);
    CHECK(metric(here.node, R"(bulkhead_interfaces{state="unguarded"})") == 1);
    REQUIRE(here.veth.tc("filter del dev DEV egress prio 1") == 0);
    agent.wait_until_ready();
    here.check_isolated();
    CHECK(here.veth.tc("filter add dev DEV egress prio 1 protocol all u32 match u32 0 0 classid 1:1") !=
          0); // now it is theirs that can't
}

} // namespace
} // namespace bulkhead::test
