// SPDX-License-Identifier: Apache-2.0
//
// Which addresses stay, by what was answered when.
#include <random>

#include "dns/kept_addresses.h"
#include "dns_fixture.h"

using namespace bulkhead;
using namespace bulkhead::dns;
using namespace bulkhead::dns::test;

namespace {

constexpr Keeping kKeeping{.grace = 60s, .gone = 600s, .most = 4};

std::string after_all(const KeptAddresses& kept) {
    return joined(kept.all());
}

} // namespace

TEST_CASE("an address that appears is there at once, and the one before it until it wasn't named for the grace time") {
    KeptAddresses kept(kKeeping);
    kept.take_named(addresses_of({"10.0.0.1"}), 0s);
    kept.take_named(addresses_of({"10.0.0.2"}), 5s);
    CHECK(after_all(kept) == "10.0.0.1 10.0.0.2");
    CHECK(kept.in_grace() == 1);
    for (int i = 0; i < 11; ++i)
        kept.take_named(addresses_of({"10.0.0.2"}), 5s);
    CHECK(after_all(kept) == "10.0.0.1 10.0.0.2"); // 60 s
    kept.take_named(addresses_of({"10.0.0.2"}), 1ms);
    CHECK(after_all(kept) == "10.0.0.2");
    CHECK(kept.in_grace() == 0);
}

TEST_CASE("an address that is named again within the grace time begins it anew") {
    KeptAddresses kept(kKeeping);
    kept.take_named(addresses_of({"10.0.0.1"}), 0s);
    kept.take_named(addresses_of({"10.0.0.2"}), 59s);
    kept.take_named(addresses_of({"10.0.0.1"}), 1s);
    kept.take_named(addresses_of({"10.0.0.2"}), 60s);
    CHECK(after_all(kept) == "10.0.0.1 10.0.0.2");
    kept.take_named(addresses_of({"10.0.0.2"}), 1s);
    CHECK(after_all(kept) == "10.0.0.2");
}

TEST_CASE("of fifteen readers that are named one at a time, at random, none is lost in a week") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::minstd_rand random(seed);
    KeptAddresses kept({});
    std::vector<Address> readers;
    for (int i = 1; i <= 15; ++i)
        readers.push_back(require(Address::parse("10.0.0." + std::to_string(i))));
    size_t most = 0;
    for (int asked = 0; asked < 7 * 24 * 3600 / 4; ++asked) {
        kept.take_named(std::span(&readers[random() % readers.size()], 1), 4s);
        const size_t now = kept.all().size();
        most = std::max(most, now);
        if (now < most) FAIL("lost one after " << asked << " questions");
    }
    CHECK(most == readers.size());
}

TEST_CASE("that there is none takes nothing away until it has been said long enough, and nothing else between") {
    KeptAddresses kept(kKeeping);
    kept.take_named(addresses_of({"10.0.0.1", "10.0.0.2"}), 0s);
    for (int i = 0; i < 120; ++i)
        kept.take_none(5s);
    CHECK(after_all(kept) == "10.0.0.1 10.0.0.2"); // 600 s
    CHECK(kept.in_grace() == 2);
    kept.take_named(addresses_of({"10.0.0.1"}), 5s); // it begins anew
    CHECK(kept.in_grace() == 1);
    for (int i = 0; i < 120; ++i)
        kept.take_none(5s);
    CHECK(after_all(kept) == "10.0.0.1 10.0.0.2"); // it isn't named, but that isn't the grace time's business
    kept.take_none(1ms);
    CHECK(kept.empty());
}

TEST_CASE("an answer that names some we can't use brings the others, and takes nobody away") {
    KeptAddresses kept(kKeeping);
    kept.take_named(addresses_of({"10.0.0.1"}), 0s);
    kept.take_named(addresses_of({"10.0.0.2"}), 60s);
    for (int i = 0; i < 100; ++i)
        kept.take_also(addresses_of({"10.0.0.3"}));
    CHECK(after_all(kept) == "10.0.0.1 10.0.0.2 10.0.0.3");
}

TEST_CASE("addresses of an earlier life are as if they had just been named") {
    KeptAddresses kept(kKeeping);
    kept.recall(addresses_of({"10.0.0.1"}));
    kept.take_named(addresses_of({"10.0.0.2"}), 0s);
    kept.take_named(addresses_of({"10.0.0.2"}), 59s);
    CHECK(after_all(kept) == "10.0.0.1 10.0.0.2");
    kept.take_named(addresses_of({"10.0.0.2"}), 2s);
    CHECK(after_all(kept) == "10.0.0.2");
}

TEST_CASE("where there are too many, those that weren't named for the longest time make room, never those just named") {
    KeptAddresses kept(kKeeping);
    kept.take_named(addresses_of({"10.0.0.1"}), 0s);
    kept.take_named(addresses_of({"10.0.0.2"}), 5s);
    kept.take_named(addresses_of({"10.0.0.3", "10.0.0.4"}), 5s);
    kept.take_named(addresses_of({"10.0.0.5"}), 5s);
    CHECK(after_all(kept) == "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5");
    CHECK(kept.left_out() == 0);
    kept.take_named(addresses_of({"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}), 5s);
    CHECK(after_all(kept) == "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5");
    CHECK(kept.left_out() == 2);
    kept.take_named(addresses_of({"10.0.0.2"}), 5s);
    CHECK(kept.left_out() == 0);
}
