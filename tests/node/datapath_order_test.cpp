// SPDX-License-Identifier: Apache-2.0
//
// In which order the writer writes, as a program on another CPU sees it: a reader looks at the maps all
// the time while states change to and fro, and must never see what the order rules out. Every state has
// another number in it, so that two equal looks with a third between them are one moment.
#include <atomic>
#include <functional>
#include <thread>

#include "datapath/writer.h"
#include "datapath_support.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;
using compile::Desired;

namespace {

constexpr uint32_t kOne = 20;
constexpr uint32_t kOther = 21;
constexpr uint64_t kLooks = 50000;

bh_identity identity(bool is_protected, int number) {
    return {.tenant = 1,
            .flags = static_cast<uint32_t>(BH_POD | (is_protected ? BH_PROTECTED | BH_ASK_TO_FROM : 0)),
            .key_hash = static_cast<uint64_t>(number + 1)};
}

/// Writes one state after the other until another CPU has asked `is_violated` often enough; how often that
/// was true.
uint64_t violations(const Kernel& kernel, const std::function<Desired(int)>& state,
                    const std::function<bool()>& is_violated) {
    auto writer = need(Writer::create(kernel.maps(), kernel.clock()));
    compile::Touched all;
    all.everything = true;
    std::atomic<bool> done = false;
    std::atomic<uint64_t> looks = 0;
    std::atomic<uint64_t> found = 0;
    std::thread reader([&] {
        for (; !done; looks++)
            found += is_violated() ? 1 : 0;
    });
    bool in_sync = true;
    for (int number = 0; looks < kLooks && in_sync; number++)
        in_sync = need(writer.write(state(number), all, true)).in_sync();
    done = true;
    reader.join();
    CHECK(in_sync);
    return found;
}

} // namespace

TEST_CASE("what becomes protected together with its grant is never seen without it", "[order]") {
    const Kernel kernel = private_kernel();
    const Maps& maps = kernel.maps();
    const auto state = [](int number) {
        Desired desired;
        const bool is_protected = number % 2 == 0;
        desired.identities = {{kOne, identity(is_protected, number)}, {kOther, identity(false, 0)}};
        desired.identities[kOther].tenant = 2;
        if (is_protected)
            desired.openings[{.dst = kOne, .src = kOther}] = {{.first_port = 80,
                                                               .last_port = 80,
                                                               .protocol = BH_TCP,
                                                               .line = BH_REASON_GRANTED,
                                                               .origin = 1,
                                                               .until = {}}};
        return desired;
    };
    const auto seen = violations(kernel, state, [&] {
        const auto before = maps.identities.find(kOne);
        const auto granted = maps.openings.find({.dst = kOne, .src = kOther, .part = 0});
        const auto after = maps.identities.find(kOne);
        return before && after && same_bytes(*before, *after) && before->flags & BH_PROTECTED && !granted;
    });
    CHECK(seen == 0);
}

TEST_CASE("whom a grant lets in, and then being of one tenant, is let in by one of them at any moment", "[order]") {
    const Kernel kernel = private_kernel();
    const Maps& maps = kernel.maps();
    const auto state = [](int number) {
        Desired desired;
        desired.identities = {{kOne, identity(true, 0)}, {kOther, identity(false, number)}};
        if (number % 2 != 0) return desired;
        desired.identities[kOther].tenant = 2;
        desired.openings[{.dst = kOne, .src = kOther}] = {{.first_port = 80,
                                                           .last_port = 80,
                                                           .protocol = BH_TCP,
                                                           .line = BH_REASON_GRANTED,
                                                           .origin = 1,
                                                           .until = {}}};
        return desired;
    };
    const auto seen = violations(kernel, state, [&] {
        const auto before = maps.identities.find(kOther);
        const auto granted = maps.openings.find({.dst = kOne, .src = kOther, .part = 0});
        const auto after = maps.identities.find(kOther);
        return before && after && same_bytes(*before, *after) && before->tenant == 2 && !granted;
    });
    CHECK(seen == 0);
}

TEST_CASE("what tightens is in force before anything loosens", "[order]") {
    const Kernel kernel = private_kernel();
    const Maps& maps = kernel.maps();
    constexpr uint32_t kFirst = 20, kMiddle = 40, kLast = 59; // many, so that the moment between is long
    const auto state = [](int number) {
        Desired desired;
        for (uint32_t id = kFirst; id <= kLast; id++)
            desired.identities[id] = identity((id < kMiddle) == (number % 2 == 0), number);
        return desired;
    };
    const auto seen = violations(kernel, state, [&] {
        const auto before = maps.identities.find(kFirst);
        const auto other = maps.identities.find(kLast);
        const auto after = maps.identities.find(kFirst);
        if (!before || !other || !after || !same_bytes(*before, *after) || other->key_hash == 0) return false;
        return ((before->flags | other->flags) & BH_PROTECTED) == 0;
    });
    CHECK(seen == 0);
}

TEST_CASE("an identity is there before the endpoint that has it, and goes after it", "[order]") {
    const Kernel kernel = private_kernel();
    const Maps& maps = kernel.maps();
    const auto state = [](int number) {
        Desired desired;
        const auto id = static_cast<uint32_t>(20 + number % 40);
        desired.identities = {{id, identity(number % 3 == 0, number)}};
        desired.endpoints[need(Address::parse("10.0.0.1"))] = {.row = {.identity = id, .slot = 0, .flags = 0},
                                                               .owner = {}};
        return desired;
    };
    const uint32_t key = need(Address::parse("10.0.0.1")).raw4();
    const auto seen = violations(kernel, state, [&] {
        const auto before = maps.endpoints4.find(key);
        const auto row = before ? maps.identities.find(before->identity) : std::nullopt;
        const auto after = maps.endpoints4.find(key);
        return before && after && row && before->identity == after->identity && row->key_hash == 0;
    });
    CHECK(seen == 0);
}

TEST_CASE("a guarded interface has its bit from before its row until after it", "[order]") {
    const Kernel kernel = private_kernel();
    const Maps& maps = kernel.maps();
    const auto state = [](int number) {
        Desired desired;
        desired.identities = {{kOne, identity(false, 0)}};
        bh_pod pod{};
        pod.generation = static_cast<uint32_t>(number + 1);
        pod.identity = kOne;
        const auto slot = static_cast<uint16_t>(1 + number % 6);
        desired.pods = {{slot, pod}};
        if (number % 2 == 0) desired.interfaces = {{100, {.slot = slot}}};
        return desired;
    };
    const auto seen = violations(kernel, state, [&] {
        const auto before = maps.interfaces.find(100);
        const auto control = maps.control.find(0);
        const auto after = maps.interfaces.find(100);
        if (!before || !control || !after || before->slot != after->slot) return false;
        const bool has_bit = (control->guarded[100 / 64] >> (100 % 64) & 1) != 0;
        const auto pod = maps.pods.find(before->slot);
        const auto last = maps.interfaces.find(100);
        const bool pod_is_missing = pod && pod->generation == 0 && last && last->slot == before->slot;
        return !has_bit || pod_is_missing;
    });
    CHECK(seen == 0);
}

TEST_CASE("while anything is armed, what is protected is there", "[order]") {
    const Kernel kernel = private_kernel();
    const Maps& maps = kernel.maps();
    const auto state = [](int number) {
        Desired desired;
        desired.armed = number % 2 == 0;
        if (!desired.armed) return desired;
        desired.identities = {{kOne, identity(true, number)}};
        desired.endpoints[need(Address::parse("10.0.0.1"))] = {.row = {.identity = kOne, .slot = 0, .flags = 0},
                                                               .owner = {}};
        return desired;
    };
    const uint32_t key = need(Address::parse("10.0.0.1")).raw4();
    const auto seen = violations(kernel, state, [&] {
        const auto before = maps.identities.find(kOne);
        const auto armed = maps.control.find(0);
        const auto row = maps.endpoints4.find(key);
        const auto still = maps.control.find(0);
        const auto after = maps.identities.find(kOne);
        if (!before || !after || !armed || !still || !same_bytes(*before, *after)) return false;
        return armed->armed && still->armed && (!row || before->key_hash == 0);
    });
    CHECK(seen == 0);
}
