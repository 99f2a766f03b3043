// SPDX-License-Identifier: Apache-2.0
//
// What an agent makes of the maps of one before it that had other sizes, or was another version.
#include <bpf/bpf.h>

#include "datapath/detach.h"
#include "datapath_support.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;

namespace {

namespace fs = std::filesystem;

constexpr uint32_t kSomebody = 20;

fs::path pins_of(const PinPlace& place, const char* directory = "maps") {
    return fs::path(place.path()) / directory;
}

uint32_t pinned_id(const fs::path& pin) {
    const Fd fd(bpf_obj_get(pin.c_str()));
    bpf_map_info info{};
    uint32_t size = sizeof(info);
    REQUIRE(bpf_map_get_info_by_fd(fd.get(), &info, &size) == 0);
    return info.id;
}

/// A row of each kind that is copied, and the flag that says that something is dropped.
void write_something(const Kernel& kernel) {
    const auto& maps = kernel.maps();
    REQUIRE(maps.endpoints4.put(7, {.identity = kSomebody, .slot = 3, .flags = 0}) == 0);
    REQUIRE(maps.prefixes4.put({.length = 8, .address = 10}, kSomebody) == 0);
    REQUIRE(maps.identities.put(kSomebody, {.tenant = 5, .flags = BH_PROTECTED, .key_hash = 9}) == 0);
    bh_pod pod{};
    pod.generation = 77;
    pod.identity = kSomebody;
    pod.flow_sets = 64;
    REQUIRE(maps.pods.put(3, pod) == 0);
    auto control = maps.control.find(0).value();
    control.armed = BH_ARMED;
    REQUIRE(maps.control.put(0, control) == 0);
}

bool knows_something(const Kernel& kernel) {
    const auto& maps = kernel.maps();
    const auto endpoint = maps.endpoints4.find(7);
    const auto identity = maps.identities.find(kSomebody);
    const auto pod = maps.pods.find(3);
    return endpoint && endpoint->identity == kSomebody && endpoint->slot == 3 &&
           maps.prefixes4.find({.length = 8, .address = 10}) == kSomebody && identity && identity->key_hash == 9 &&
           pod && pod->generation == 77 && maps.control.find(0)->armed == BH_ARMED;
}

} // namespace

TEST_CASE("maps of other sizes have the old ones' rows, and those of the same size are the old ones", "[kernel]") {
    const PinPlace place;
    auto settings = place.settings();
    uint64_t seed = 0;
    uint32_t tenants = 0, flows = 0;
    {
        const auto first = need(Kernel::open(settings));
        write_something(first);
        seed = first.maps().flow_seed.find(0).value();
        tenants = id_of_map(first.maps().tenants);
        flows = id_of_map(first.maps().flows);
    }
    settings.sizes.endpoints *= 2;
    settings.sizes.prefixes *= 2;
    settings.sizes.openings *= 2;
    {
        const auto second = need(Kernel::open(settings));
        CHECK(second.restored());
        CHECK(second.moved());
        CHECK_FALSE(second.waits());
        CHECK(knows_something(second));
        CHECK(second.maps().endpoints4.capacity() == settings.sizes.endpoints);
        CHECK(second.maps().flow_seed.find(0) == seed);
        CHECK(id_of_map(second.maps().tenants) == tenants);
        CHECK(id_of_map(second.maps().flows) == flows);
        CHECK(second.maps().pods.find(3)->flow_sets == 64);
        CHECK(pinned_id(pins_of(place) / "endpoints4") == id_of_map(second.maps().endpoints4));
    }
    const auto third = need(Kernel::open(settings));
    CHECK(third.restored());
    CHECK_FALSE(third.moved());
    CHECK(knows_something(third));
    CHECK_FALSE(fs::exists(pins_of(place, "maps_next")));
}

TEST_CASE("pods whose flow memory has no place among others of another number get a new one", "[kernel]") {
    const PinPlace place;
    auto settings = place.settings();
    write_something(need(Kernel::open(settings)));
    settings.sizes.pods *= 2;
    const auto second = need(Kernel::open(settings));
    CHECK(second.moved());
    CHECK(knows_something(second));
    CHECK(second.maps().pods.find(3)->flow_sets == 0);
}

TEST_CASE("a map that the former version had not begins empty, and all others go on", "[kernel]") {
    const PinPlace place;
    write_something(need(Kernel::open(place.settings())));
    REQUIRE(fs::remove(pins_of(place) / "overrides"));
    const auto second = need(Kernel::open(place.settings()));
    CHECK(second.moved());
    CHECK(knows_something(second));
    CHECK(fs::exists(pins_of(place) / "overrides"));
}

TEST_CASE("maps of which nothing can be taken over stay pinned until ours are put in their place", "[kernel]") {
    const PinPlace place;
    auto settings = place.settings();
    uint32_t tenants = 0;
    {
        const auto first = need(Kernel::open(settings));
        write_something(first);
        tenants = id_of_map(first.maps().tenants);
        auto control = first.maps().control.find(0).value();
        SECTION("another version") {
            control.abi_version++;
            REQUIRE(first.maps().control.put(0, control) == 0);
        }
        SECTION("a map is missing that says something") {
            REQUIRE(fs::remove(pins_of(place) / "openings"));
        }
        SECTION("the flow seed is missing") {
            REQUIRE(fs::remove(pins_of(place) / "flow_seed"));
        }
        SECTION("smaller ones, with too little room") {
            for (uint32_t i = 0; i < settings.sizes.endpoints / 2; i++)
                REQUIRE(first.maps().endpoints4.put(1000 + i, {.identity = kSomebody, .slot = 0, .flags = 0}) == 0);
            settings.sizes.endpoints /= 4;
        }
    }
    {
        const auto killed = need(Kernel::open(settings));
        CHECK(killed.waits());
        CHECK(pinned_id(pins_of(place) / "tenants") == tenants);
    }
    auto second = need(Kernel::open(settings));
    CHECK(second.waits());
    CHECK_FALSE(second.restored());
    CHECK_FALSE(second.moved());
    CHECK(id_of_map(second.maps().tenants) != tenants);
    CHECK_FALSE(second.maps().endpoints4.find(7));
    CHECK(second.maps().control.find(0)->abi_version == BH_ABI_VERSION);
    CHECK(second.maps().control.find(0)->armed == BH_ARMED); // so who isn't known yet is held
    CHECK(pinned_id(pins_of(place) / "tenants") == tenants);
    need(second.replace_former());
    CHECK_FALSE(second.waits());
    CHECK(pinned_id(pins_of(place) / "tenants") == id_of_map(second.maps().tenants));
}

TEST_CASE("that conversations were adopted the next agent knows, as long as it has the memory of them", "[kernel]") {
    const PinPlace place;
    auto settings = place.settings();
    {
        const auto first = need(Kernel::open(settings));
        CHECK_FALSE(first.adopted());
    }
    {
        const auto killed_before_it_could = need(Kernel::open(settings));
        CHECK_FALSE(killed_before_it_could.adopted());
        need(killed_before_it_could.note_adopted());
        CHECK(killed_before_it_could.adopted());
    }
    settings.sizes.endpoints *= 2;
    {
        const auto resized = need(Kernel::open(settings));
        CHECK(resized.adopted());
        auto control = resized.maps().control.find(0).value();
        control.abi_version++;
        REQUIRE(resized.maps().control.put(0, control) == 0);
    }
    CHECK_FALSE(need(Kernel::open(settings)).adopted());
}

TEST_CASE("whoever is killed while maps take others' place leaves one whole set", "[kernel]") {
    const PinPlace place;
    const auto settings = place.settings();
    write_something(need(Kernel::open(settings)));
    const auto maps = pins_of(place), next = pins_of(place, "maps_next");
    SECTION("before ours are whole, the old ones count") {
        REQUIRE(fs::create_directory(next));
        const Fd openings(bpf_obj_get((maps / "openings").c_str()));
        REQUIRE(bpf_obj_pin(openings.get(), (next / "openings").c_str()) == 0);
    }
    SECTION("while ours are whole and the old ones too, the old ones count") {
        REQUIRE(fs::create_directory(next));
        for (const auto& pin : fs::directory_iterator(maps)) {
            const Fd fd(bpf_obj_get(pin.path().c_str()));
            REQUIRE(bpf_obj_pin(fd.get(), (next / pin.path().filename()).c_str()) == 0);
        }
    }
    SECTION("once the old ones are none, ours count") {
        fs::rename(maps, next);
        REQUIRE(fs::create_directory(maps));
        const Fd openings(bpf_obj_get((next / "openings").c_str()));
        REQUIRE(bpf_obj_pin(openings.get(), (maps / "openings").c_str()) == 0);
    }
    const auto second = need(Kernel::open(settings));
    CHECK(second.restored());
    CHECK_FALSE(second.moved());
    CHECK(knows_something(second));
    CHECK_FALSE(fs::exists(next));
}

TEST_CASE("detach takes a half-done replacement with it", "[kernel]") {
    const PinPlace place;
    { const auto first = need(Kernel::open(place.settings())); }
    REQUIRE(fs::create_directory(pins_of(place, "maps_next")));
    need(detach(place.path()));
    CHECK_FALSE(fs::exists(place.path()));
}
