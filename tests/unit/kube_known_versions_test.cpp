// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include <catch2/catch_test_macros.hpp>

#include "kube_fixture.h"
#include "source/kube/known_versions.h"

namespace bulkhead::source::kube {
namespace {

constexpr auto kServer = "https://10.100.0.1:443";
const KnownVersions::Time kNow{1h};

struct Store {
    TemporaryDirectory directory;
    std::string path = directory.at("agent.versions").string();

    KnownVersions open(const std::string& server = kServer) const { return {path, server}; }
    std::string content() const {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }
};

TEST_CASE("what was noted is known to the next one, of the same server") {
    Store store;
    auto first = store.open();
    CHECK(first.of("pods").empty());
    first.note("pods fieldSelector=spec.nodeName%3Da", "1200");
    first.note("tenants", "7");
    CHECK_FALSE(first.write(kNow));
    const auto next = store.open();
    CHECK(next.of("pods fieldSelector=spec.nodeName%3Da") == "1200");
    CHECK(next.of("tenants") == "7");
    CHECK(next.of("nodes").empty());
    CHECK(store.open("https://10.100.0.1:6443").of("tenants").empty());
}

TEST_CASE("versions are written when there are new ones, and at most once a second") {
    Store store;
    auto known = store.open();
    CHECK_FALSE(known.write(kNow));
    CHECK_FALSE(std::filesystem::exists(store.path));
    known.note("pods", "1");
    CHECK_FALSE(known.write(kNow));
    known.note("pods", "2");
    CHECK(known.write(kNow + 900ms));
    CHECK(known.next() == kNow + 1s);
    CHECK(store.open().of("pods") == "1");
    CHECK_FALSE(known.write(kNow + 1s));
    CHECK(store.open().of("pods") == "2");
    std::filesystem::remove(store.path);
    known.note("pods", "2"); // which is no news
    CHECK_FALSE(known.write(kNow + 10s));
    CHECK_FALSE(std::filesystem::exists(store.path));
    known.note("pods", "3");
    known.flush();
    CHECK(store.open().of("pods") == "3");
}

TEST_CASE("a file that makes no sense is nothing known, and is replaced") {
    Store store;
    const std::string head = std::string("bulkhead-versions-1 ") + kServer + "\n";
    for (const std::string& bad :
         {std::string(), std::string("\0\1", 2), std::string("{}"), head.substr(0, 20), head + "pods 12\n",
          head + "-12 pods\n", head + "12x pods\n", head + "12\n", head + "123456789012345678901 pods\n",
          head + "9223372036854775808 pods\n", std::string(1 << 20, '1')}) {
        CAPTURE(bad.substr(0, 60));
        std::ofstream(store.path, std::ios::trunc) << bad;
        CHECK(store.open().of("pods").empty());
    }
    std::ofstream(store.path, std::ios::trunc) << head + "nonsense\n12 pods\n";
    auto known = store.open();
    CHECK(known.of("pods") == "12");
    known.note("pods", "13");
    known.flush();
    CHECK(store.content() == head + "13 pods\n");
}

TEST_CASE("what is no version isn't kept, whoever says it") {
    Store store;
    auto known = store.open();
    for (const std::string odd : {"", "12 pods\n99 tenants", "1.5", "0x10"})
        known.note("nodes", odd);
    known.flush();
    CHECK_FALSE(std::filesystem::exists(store.path));
}

TEST_CASE("neither a pipe, nor a directory, nor a missing one holds anybody up") {
    Store store;
    REQUIRE(mkfifo(store.path.c_str(), 0600) == 0);
    CHECK(store.open().of("pods").empty()); // comes back at once
    std::filesystem::remove(store.path);
    std::filesystem::create_directory(store.path);
    std::filesystem::create_directory(store.path + "/full");
    auto blocked = store.open();
    blocked.note("pods", "1");
    CHECK_FALSE(blocked.write(kNow));
    CHECK_FALSE(std::filesystem::exists(store.path + ".new"));
    KnownVersions nowhere(store.directory.at("missing/agent.versions"), kServer);
    nowhere.note("pods", "1");
    CHECK_FALSE(nowhere.write(kNow));
}

} // namespace
} // namespace bulkhead::source::kube
