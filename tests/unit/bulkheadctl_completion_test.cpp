// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>

#include "bulkheadctl_agent.h"
#include "flow/filter.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

/// What a real bash offers for these words, of which the last is being written.
std::vector<std::string> offered(const std::string& words) {
    const auto ended =
        in_shell("source <(bulkheadctl completion bash); COMP_WORDS=(" + words +
                 "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _bulkheadctl; printf '%s\\n' \"${COMPREPLY[@]}\"");
    CAPTURE(words, ended.output);
    CHECK(ended.code == 0);
    std::vector<std::string> lines;
    std::istringstream stream(ended.output);
    for (std::string line; std::getline(stream, line);)
        if (!line.empty()) lines.push_back(line);
    std::ranges::sort(lines);
    return lines;
}

using Words = std::vector<std::string>;

bool offers(const Words& words, const std::string& wanted) {
    return std::ranges::find(words, wanted) != words.end();
}

} // namespace

TEST_CASE("bash completes commands, flags and values") {
    CHECK(offered("bulkheadctl fl") == Words{"flows"});
    CHECK(offered("bulkheadctl e") == Words{"edges", "endpoints", "explain"});
    CHECK(offered("bulkheadctl flows --from-po") == Words{"--from-pod", "--from-port"});
    CHECK(offered("bulkheadctl flows --verdict ''") == Words{"allowed", "audit", "denied"});
    CHECK(offered("bulkheadctl flows --pod a --not --to-level n") == Words{"non-protected"});
    CHECK(offered("bulkheadctl flows --output = j") == Words{"json"}); // --output=j, as readline splits it
    CHECK(offered("bulkheadctl flows --verdict =") == Words{"allowed", "audit", "denied"});
    CHECK(offered("bulkheadctl flows -o t") == Words{"table"});
    CHECK(offered("bulkheadctl status -o ''") == Words{"json", "table"});
    CHECK(offered("bulkheadctl flows --color a") == Words{"always", "auto"});
    CHECK(offered("bulkheadctl completion ''") == Words{"bash", "fish", "zsh"});
    CHECK(offered("bulkheadctl flows --pod ''").empty());
    CHECK(offered("bulkheadctl status --verd").empty()); // another command's
    CHECK(offers(offered("bulkheadctl flows --reason ''"), "not-granted"));
    CHECK(offers(offered("bulkheadctl flows --so"), "--socket"));
}

TEST_CASE("bash completes files where files are meant") {
    const Place place;
    const auto file = place.write("manifest.yaml", "");
    CHECK(offered("bulkheadctl validate " + place.file("mani")) == Words{file});
    CHECK(offered("bulkheadctl flows --input-file " + place.file("mani")) == Words{file});
}

TEST_CASE("readline asks for the completion of bulkheadctl") {
    const auto ended = in_shell("source <(bulkheadctl completion bash); complete -p bulkheadctl");
    CHECK(ended.output == "complete -F _bulkheadctl bulkheadctl\n");
}

TEST_CASE("every flag of a filter is completed in every shell") {
    const auto bash = offered("bulkheadctl flows --");
    const auto zsh = in_shell("bulkheadctl completion zsh").output;
    const auto fish = in_shell("bulkheadctl completion fish").output;
    for (const auto& kind : flow::filter_kinds())
        for (const auto side : flow::sides_of(kind)) {
            const auto name = std::string(side) + std::string(kind.name);
            CAPTURE(name);
            CHECK(offers(bash, "--" + name));
            CHECK(zsh.find("'--" + name + ":") != std::string::npos);
            CHECK(fish.find(" -l " + name + " ") != std::string::npos);
        }
}
