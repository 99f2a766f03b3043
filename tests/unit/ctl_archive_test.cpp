// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "bulkheadctl/archive.h"
#include "source_fixture.h"

namespace bulkhead::ctl {
namespace {

namespace fs = std::filesystem;

std::string content_of_file(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("an archive goes into a file of its own, whatever somebody has laid beside it") {
    const source::TemporaryDirectory directory;
    const auto path = directory.path() / "report.tar.gz";
    const auto laid = directory.path() / "report.tar.gz.part";
    const auto precious = directory.path() / "precious";
    std::ofstream(precious) << "precious";
    SECTION("a link to another file") {
        fs::create_symlink(precious, laid);
    }
    SECTION("a file that everybody reads") {
        std::ofstream(laid) << "precious";
        fs::permissions(laid, static_cast<fs::perms>(0666));
    }
    {
        auto archive = Archive::create(path);
        REQUIRE(archive);
        REQUIRE(archive->add("secret", "of the node"));
        REQUIRE(archive->finish());
    }
    CHECK(content_of_file(precious) == "precious");
    CHECK(content_of_file(laid) == "precious");
    struct stat facts {};
    REQUIRE(lstat(path.c_str(), &facts) == 0);
    CHECK(S_ISREG(facts.st_mode));
    CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE("of an archive that isn't finished nothing stays") {
    const source::TemporaryDirectory directory;
    {
        auto archive = Archive::create(directory.path() / "report.tar.gz");
        REQUIRE(archive);
        CHECK_FALSE(fs::is_empty(directory.path()));
    }
    CHECK(fs::is_empty(directory.path()));
}

} // namespace
} // namespace bulkhead::ctl
