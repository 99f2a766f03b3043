// SPDX-License-Identifier: Apache-2.0
#include "ctl_support.h"

#include <filesystem>
#include <sstream>

namespace bulkhead::test {

TwoPods::TwoPods() {
    net.manifests().write("blog.yaml", namespace_text("blog"));
    net.manifests().write("payments.yaml", namespace_text("payments", {{"bulkhead.dev/level", "protected"}}));
    net.manifests().write("tenant.yaml", tenant_text("payments", "namespaces: [payments]"));
}

std::vector<Json> lines_of(const std::string& text) {
    std::vector<Json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        INFO(line);
        lines.push_back(Json::parse(line));
    }
    return lines;
}

std::pair<int, std::string> shell(const std::string& line) {
    const std::string programs = std::filesystem::path(BULKHEAD_CTL).parent_path();
    auto process = require(Process::start({"bash", "-c", "set -o pipefail; PATH=" + programs + ":$PATH; " + line}));
    const auto status = process.wait(after(60s));
    return {status.value_or(-1), process.output()};
}

} // namespace bulkhead::test
