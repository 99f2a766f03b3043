// SPDX-License-Identifier: Apache-2.0
//
// What rtnetlink is asked of tc, and what it answers: also where nothing is, is no more, or is something else.
#include "datapath/tc_filters.h"

#include <thread>

#include "datapath/attach.h"
#include "datapath_support.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;

namespace {

constexpr uint32_t kHandle = 0x80000041;

std::vector<NewFilter> both_ways(const Kernel& kernel) {
    return {{.side = Side::kEgress,
             .priority = 1,
             .handle = kHandle,
             .program_fd = kernel.programs().to_pod.get(),
             .program = "bh_to_pod"},
            {.side = Side::kIngress,
             .priority = 1,
             .handle = kHandle,
             .program_fd = kernel.programs().from_pod.get(),
             .program = "bh_from_pod"}};
}

} // namespace

TEST_CASE("a qdisc and its filters are added by one message, and each has its answer", "[attach]") {
    const PinPlace place;
    const auto kernel = need(Kernel::open(place.settings()));
    const auto filters = both_ways(kernel);
    const Veth veth("eni0a");

    CHECK(need(install(veth.ifindex(), filters)).complete());
    for (const Side side : kSides) {
        const auto found = need(list_filters(veth.ifindex(), side));
        REQUIRE(found.size() == 1);
        CHECK(found[0].handle == kHandle);
        CHECK(found[0].program == (side == Side::kEgress ? "bh_to_pod" : "bh_from_pod"));
    }

    const auto again = need(install(veth.ifindex(), filters));
    CHECK_FALSE(again.complete());
    CHECK(again.qdisc == EEXIST);
    CHECK(again.filters == std::vector{EEXIST, EEXIST});
    CHECK(need(list_filters(veth.ifindex(), Side::kIngress)).size() == 1);

    const auto nowhere = need(install(0x7fffffff, filters));
    CHECK(nowhere.qdisc == ENODEV);
    CHECK_FALSE(nowhere.complete());
}

TEST_CASE("a device's qdisc has an answer where there is one, was one, or never was", "[attach]") {
    const Veth veth("eni0a");
    CHECK(need(kind_of_qdisc(veth.ifindex())).empty());
    for (const std::string kind : {"ingress", "clsact"}) {
        run("tc qdisc add dev eni0a " + kind);
        CHECK(need(kind_of_qdisc(veth.ifindex())) == kind);
        run("tc qdisc del dev eni0a " + kind);
        CHECK(need(kind_of_qdisc(veth.ifindex())).empty());
    }
}

TEST_CASE("veths that come together are guarded side by side", "[attach]") {
    const PinPlace place;
    const auto kernel = need(Kernel::open(place.settings()));
    for (const AttachMode mode : {AttachMode::kAuto, AttachMode::kClsact}) {
        Attacher attacher(kernel, need(decide_tcx(mode, kernel.features())));
        std::vector<std::unique_ptr<Veth>> veths;
        for (int i = 0; i < 8; ++i)
            veths.push_back(std::make_unique<Veth>("eni0" + std::to_string(i)));
        std::vector<Result<bool>> begun(veths.size());
        {
            std::vector<std::jthread> threads;
            for (size_t i = 0; i < veths.size(); ++i)
                threads.emplace_back([&, i] { begun[i] = attacher.begin(veths[i]->ifindex()); });
        }
        for (size_t i = 0; i < veths.size(); ++i) {
            CHECK(need(begun[i]) == !attacher.uses_tcx());
            const Counted before = counted(kernel.maps());
            veths[i]->send_both_ways();
            const Counted after = counted(kernel.maps());
            CHECK(after.to_pod == before.to_pod + 1);
            CHECK(after.from_pod == before.from_pod + 1);
            need(attacher.guard(veths[i]->ifindex()));
            CHECK(need(attacher.query(veths[i]->ifindex())).first);
        }
    }
}
