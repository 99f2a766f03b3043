// SPDX-License-Identifier: Apache-2.0
//
// Beside other agents' programs by tcx: nobody tells of them, so the agent looks.
#include "company_support.h"

namespace bulkhead::test {
namespace {

void need_tcx() {
    if (!kernel_has_tcx()) SKIP("this kernel has no tcx");
}

TEST_CASE("tcx programs before, after and between others', by link or not, run behind ours and hide nothing") {
    need_tcx();
    const Neighbourhood here;
    const HostEnd& veth = here.veth;
    const ForeignProgram early(kContinue), first(kContinue), before_ours(kContinue), after_ours(kContinue), last(kHide);
    const Fd early_link = veth.link(Way::kToPod, early, {.flags = BPF_F_BEFORE}); // before there is an agent
    const auto agent = here.agent("tcx");
    veth.attach(Way::kToPod, first, {.flags = BPF_F_BEFORE});
    const Fd between = veth.link(Way::kToPod, before_ours, {BPF_F_BEFORE, veth.our_program(Way::kToPod)});
    veth.attach(Way::kToPod, after_ours, {BPF_F_AFTER, veth.our_program(Way::kToPod)});
    const Fd last_link = veth.link(Way::kToPod, last, {.flags = BPF_F_AFTER});
    const auto is_first = [&] {
        const auto chain = veth.tcx(Way::kToPod);
        return chain.size() == 6 && chain.front().second == "bh_to_pod";
    };
    CHECK(wait_until(is_first, after(10s)));
    CHECK(wait_until([&] { return veth.tcx(Way::kFromPod).size() == 1; }, after(10s))); // it may be on the move
    here.check_isolated();
    for (const ForeignProgram* each : {&early, &first, &before_ours, &after_ours, &last})
        CHECK(each->packets() > 0);
    CHECK(here.reattachments() >= 1);
    veth.detach(Way::kToPod, first);
    veth.detach(Way::kToPod, after_ours);
    here.check_isolated();
}

TEST_CASE("a tcx program that hides ours is noticed, overtaken, counted and logged, each time") {
    need_tcx();
    const Neighbourhood here;
    const auto agent = here.agent("tcx");
    for (const Way way : kWays) {
        const ForeignProgram hiding(kHide);
        const double before = here.reattachments();
        const Fd link = here.veth.link(way, hiding, {.flags = BPF_F_BEFORE});
        here.check_mended(agent, before, "our programs were no longer first; they are back");
        CHECK(hiding.packets() > 0);
    }
}

TEST_CASE("where others leave no room for a link, the filters that stand in for it stay, and give way once there is") {
    need_tcx();
    const Neighbourhood here;
    constexpr size_t kRoom = 63; // one less than BPF_MPROG_MAX
    std::vector<ForeignProgram> others;
    for (size_t i = 0; i < kRoom; ++i)
        here.veth.attach(Way::kFromPod, others.emplace_back(kContinue), {.flags = BPF_F_AFTER});
    const auto agent = AgentProcess::launch(here.net, here.node, {.attach = "tcx", .metrics_address = kMetricsAddress});
    const auto is_stood_in_for = [&] {
        return std::ranges::any_of(here.veth.filters(Way::kFromPod),
                                   [](const auto& filter) { return filter.find(" bh_from_pod") != std::string::npos; });
    };
    REQUIRE(wait_until(is_stood_in_for, after(60s)));
    CHECK(wait_until([&] { return !reaches(here.near, here.safe, 300ms); }, after(20s)));
    for (int i = 0; i < 5; ++i) { // while it is tried again and again
        CHECK(is_stood_in_for());
        here.check_isolated();
    }
    CHECK(get(here.node, "/readyz").status == 503);

    here.veth.detach(Way::kFromPod, others.back());
    CHECK(wait_until([&] { return get(here.node, "/readyz").status == 200; }, after(30s)));
    CHECK_FALSE(is_stood_in_for());
    here.check_isolated();
}

TEST_CASE("with tcx, ours come back whatever takes them off, counted and logged") {
    need_tcx();
    const Neighbourhood here;
    const auto agent = here.agent("tcx");
    const auto pin = [&](const char* hook) {
        return agent.pin_dir() / "links" / (std::to_string(here.veth.ifindex()) + "-" + hook);
    };
    for (const char* hook : {"to_pod", "from_pod"}) {
        const double before = here.reattachments();
        const auto [failed, output] = run_in(here.node.netns, {"bpftool", "link", "detach", "pinned", pin(hook)});
        REQUIRE(failed == 0);
        here.check_mended(agent, before, "our programs were taken off; they are back");
    }
    const double before = here.reattachments();
    REQUIRE(std::filesystem::remove(pin("to_pod"))); // without a pin a link goes
    here.check_mended(agent, before, "our programs were taken off; they are back");
    // A link is its owner's: others can't detach the program in it.
    const auto [failed, output] =
        run_in(here.node.netns, {"bpftool", "net", "detach", "tcx_egress", "dev", here.veth.name()});
    CHECK(failed != 0);
    here.check_isolated();
}

} // namespace
} // namespace bulkhead::test
