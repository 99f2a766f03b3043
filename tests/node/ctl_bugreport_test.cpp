// SPDX-License-Identifier: Apache-2.0
//
// A report is unpacked by tar and looked through: what is in it, what is hidden, and what is said to be missing.
#include "ctl_support.h"

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

namespace bulkhead::test {
namespace {

namespace fs = std::filesystem;

/// The report's files by their names below its folder.
std::map<std::string, std::string> unpacked(const fs::path& archive) {
    const auto place = fs::path(archive).replace_extension(".unpacked");
    fs::create_directory(place);
    const auto [status, said] = shell("tar -xzf " + archive.string() + " -C " + place.string());
    INFO(said);
    REQUIRE(status == 0);
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(place)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream file(entry.path());
        std::ostringstream text;
        text << file.rdbuf();
        const auto below = entry.path().lexically_relative(place);
        files[below.lexically_relative(*below.begin()).string()] = text.str();
    }
    return files;
}

std::string all_of(const std::map<std::string, std::string>& files) {
    std::string text;
    for (const auto& [name, content] : files)
        text += name + "\n" + content + "\n";
    return text;
}

std::string report(const AgentProcess& agent, const fs::path& file, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> words{"bugreport", "-o", file.string()};
    words.insert(words.end(), flags.begin(), flags.end());
    const auto [status, said] = agent.order(words);
    INFO(said);
    CHECK(status == 0);
    return said;
}

TEST_CASE("a report has what an agent says and what can be seen of the node") {
    const TwoPods pods;
    const auto agent = AgentProcess::start(pods.net, pods.node, {});
    CHECK(answers_tcp(pods.web.netns, {pods.ledger.ip4, 8443}, after(5s)));
    (void)tcp_connect(pods.web.netns, {pods.ledger.ip4, 22}, after(200ms));
    const auto has_flow = [&] {
        return agent.order({"flows", "--to-port", "22"}).second.find("DENIED") != std::string::npos;
    };
    REQUIRE(wait_until(has_flow, after(5s)));

    const auto archive = pods.net.directory() / "report.tar.gz";
    report(agent, archive);
    CHECK((fs::status(archive).permissions() & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none);
    const auto files = unpacked(archive);
    INFO(all_of(files).substr(0, 4000));
    CHECK(Json::parse(files.at("agent/status.json")).at("node") == kNodeA);
    CHECK(files.at("agent/config.json").find("flow-history=") != std::string::npos);
    CHECK(files.at("agent/config.json").find("node-name=\\\"" + kNodeA) != std::string::npos);
    CHECK(files.at("agent/flows.ndjson").find("\"denied\"") != std::string::npos);
    CHECK(files.at("agent/conversations.ndjson").find("\"port\":8443") != std::string::npos);
    CHECK(Json::parse(files.at("agent/edges.json")).at("edges").dump().find("\"port\":22,") != std::string::npos);
    CHECK(files.at("agent/metrics.txt").find("bulkhead_packets_total") != std::string::npos);
    CHECK(files.at("agent/log.txt").find("guarding node") != std::string::npos);
    CHECK(files.at("agent/endpoints.json").find(pods.ledger.ip4.text()) != std::string::npos);
    CHECK(files.contains("agent/problems.json"));
    CHECK(files.contains("agent/matrix.json"));
    CHECK(files.contains("agent/tenants.json"));
    CHECK(Json::parse(files.at("node/kernel.json")).contains("release"));
    CHECK(files.at("node/pins").find("maps/endpoints4") != std::string::npos);
    CHECK(files.contains("node/os-release"));
    const auto attached = Json::parse(files.at("node/attachments.json"));
    const bool has_ours = std::any_of(attached.begin(), attached.end(), [](const Json& device) {
        return !device.at("links").empty() || device.dump().find("bh_") != std::string::npos;
    });
    CHECK(has_ours);
    CHECK_FALSE(files.contains("missing.txt"));
}

TEST_CASE("hashed addresses are told apart in a report, and are no addresses") {
    const TwoPods pods;
    const auto agent = AgentProcess::start(pods.net, pods.node, {});
    CHECK(answers_tcp(pods.web.netns, {pods.ledger.ip4, 8443}, after(5s)));
    const auto archive = pods.net.directory() / "hashed.tar.gz";
    report(agent, archive, {"--hash-addresses"});
    const auto files = unpacked(archive);
    const auto text = all_of(files);
    for (const Place* place : {&pods.web, &pods.ledger})
        for (const auto& address : {place->ip4, place->ip6})
            CHECK(text.find(address.text()) == std::string::npos);
    // The same in every file: ledger's address as an endpoint's, and as a conversation's.
    std::smatch endpoint;
    const auto& endpoints = files.at("agent/endpoints.json");
    REQUIRE(std::regex_search(endpoints, endpoint, std::regex(R"x("payments/ledger-0"[^}]*"(ip4-[0-9a-f]{12})")x")));
    CHECK(files.at("agent/conversations.ndjson").find(endpoint[1].str()) != std::string::npos);
    CHECK(text.find("ledger-0") != std::string::npos); // names are kept

    const auto nameless = pods.net.directory() / "nameless.tar.gz";
    report(agent, nameless, {"--hash-addresses", "--hash-names"});
    const auto hidden = all_of(unpacked(nameless));
    for (const char* name : {"ledger-0", "payments", "blog"})
        CHECK(hidden.find(name) == std::string::npos);
    CHECK(hidden.find(endpoint[1].str()) == std::string::npos); // another report, another key
}

TEST_CASE("without an agent a report has what is left, and says what it lacks") {
    const TwoPods pods;
    const auto archive = pods.net.directory() / "dead.tar.gz";
    const auto [status, said] =
        shell("bulkheadctl --socket " + (pods.net.directory() / "none.sock").string() + " bugreport -o " +
              archive.string() + " --pin-dir " + (pods.net.directory() / "nothing").string());
    CHECK(status == 1);
    CHECK(said.find("agent/status.json: no agent answers at") != std::string::npos);
    const auto files = unpacked(archive);
    CHECK(files.at("missing.txt").find("agent/log.txt: no agent answers") != std::string::npos);
    CHECK(files.at("missing.txt").find("node/pins") != std::string::npos);
    CHECK(files.contains("node/kernel.json"));
    CHECK(files.contains("node/attachments.json"));
    CHECK_FALSE(files.contains("agent/status.json"));
}

} // namespace
} // namespace bulkhead::test
