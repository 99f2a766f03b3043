// SPDX-License-Identifier: Apache-2.0
//
// bulkheadctl as kubectl's plugin: `kubectl bulkhead`, as it is installed and as it comes out of the image.
#include <filesystem>

#include "bulkheadctl_agent.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

const std::string kBuild = std::filesystem::path(BULKHEADCTL).parent_path();

std::string quoted(const std::string& path) {
    return "'" + path + "'";
}

/// What is offered for these words, of which the last is being written.
std::string offered(const std::string& words) {
    return in_shell(quoted(kBuild + "/kubectl_complete-bulkhead") + " " + words).output;
}

} // namespace

TEST_CASE("the plugin's help says what its reader is to type") {
    const auto ended = in_shell(quoted(kBuild + "/kubectl-bulkhead") + " flows --help");
    CHECK(ended.code == 0);
    CHECK(ended.output.find("Usage: kubectl bulkhead flows ") != std::string::npos);
    CHECK(ended.output.find("\n  bulkheadctl ") == std::string::npos); // examples
    CHECK(in_shell("bulkheadctl flows --help").output.find("kubectl bulkhead ") == std::string::npos);
}

TEST_CASE("kubectl completes the plugin's commands, flags and values, and files where they are meant") {
    CHECK(offered("fl") == "flows\n:4\n");
    CHECK(offered("flows --from-po") == "--from-pod\n--from-port\n:4\n");
    CHECK(offered("flows --verdict ''") == "allowed\naudit\ndenied\n:4\n");
    CHECK(offered("flows --verdict=a") == "--verdict=allowed\n--verdict=audit\n:4\n");
    CHECK(offered("--context staging status -o j") == "json\n:4\n");
    CHECK(offered("flows --pod ''") == ":4\n");
    CHECK(offered("flows --input-file ''") == ":0\n");
    CHECK(offered("validate ''") == ":0\n");
    CHECK(offered("").starts_with("status\n"));
}

TEST_CASE("what is installed is found by kubectl") {
    const Place place;
    const auto installed = in_shell("cmake --install " + quoted(kBuild) + " --component bulkheadctl --prefix " +
                                    quoted(place.file("usr")) + " && ls " + quoted(place.file("usr/bin")));
    INFO(installed.output);
    REQUIRE(installed.code == 0);
    CHECK(installed.output.ends_with("\nbulkheadctl\nkubectl-bulkhead\nkubectl_complete-bulkhead\n"));
    CHECK(in_shell(quoted(place.file("usr/bin/kubectl-bulkhead")) + " reasons > /dev/null").code == 0);
    CHECK(in_shell(quoted(place.file("usr/bin/kubectl_complete-bulkhead")) + " stat").output == "status\n:4\n");
}

TEST_CASE("what was copied out of the image runs with its own loader and libraries") {
    const Place place;
    const auto usr = quoted(place.file("copied usr"));
    // As tools/imagelib puts them together: libraries below lib/ARCHITECTURE-linux-gnu, the script under both names.
    const auto copied =
        in_shell("set -e; lib=" + usr + "/lib/$(uname -m)-linux-gnu; mkdir -p \"$lib\" " + usr +
                 "/bin; cp \"$(type -P bulkheadctl)\" " + usr + "/bin; cp $(ldd " + quoted(BULKHEADCTL) +
                 " | grep -o '/[^ ]*') \"$lib\"; cp " + quoted(BULKHEAD_PLUGIN_OF_IMAGE) + " " + usr +
                 "/bin; ln -s kubectl-bulkhead " + usr + "/bin/kubectl_complete-bulkhead; mkdir " +
                 quoted(place.file("bin")) + "; ln -s " + usr + "/bin/kubectl* " + quoted(place.file("bin")));
    INFO(copied.output);
    REQUIRE(copied.code == 0);
    const auto program = quoted(place.file("bin/kubectl-bulkhead"));
    CHECK(in_shell(program + " --help").output.find("Usage: kubectl bulkhead ") != std::string::npos);
    CHECK(in_shell(quoted(place.file("bin/kubectl_complete-bulkhead")) + " stat").output == "status\n:4\n");
    const auto loaded = in_shell("LD_DEBUG=libs " + program + " --help 2>&1 | grep -o 'calling init: .*libyaml-cpp.*'");
    CHECK(loaded.output.starts_with("calling init: " + place.file("copied usr/"))); // not this machine's
}
