// SPDX-License-Identifier: Apache-2.0
//
// What an agent with --resolve knows of AWSResources before anybody answers it, and what it keeps for the next one.
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "look_ups.h"

namespace bulkhead {
namespace {

namespace fs = std::filesystem;

const Cidr kWriter = Cidr::parse("10.0.0.1").value(), kSubnet = Cidr::parse("10.1.0.0/24").value(),
           kCache = Cidr::parse("fd00::/64").value();
const state::OwnersByAddress kOwners{
    {kSubnet, {{.tenant = "payments", .level = "open"}, {.tenant = "\"blog\"", .level = ""}}}};
const FoundFile::Found kFound{{"aurora", {.addresses = {kWriter, kSubnet}, .owners = kOwners}},
                              {"cache", {.addresses = {kCache}}}};

class FoundFolder {
public:
    FoundFolder() { REQUIRE(mkdtemp(path_.data()) != nullptr); }
    FoundFolder(const FoundFolder&) = delete;
    FoundFolder& operator=(const FoundFolder&) = delete;
    ~FoundFolder() { fs::remove_all(path_); }
    std::string file() const { return path_ + "/made/found.json"; }
    void write(const std::string& text) const {
        fs::create_directories(path_ + "/made");
        std::ofstream(file(), std::ios::trunc) << text;
    }

private:
    std::string path_ = fs::temp_directory_path() / "found-XXXXXX";
};

/// An agent, as far as this goes: its look-ups, which have nobody to ask.
struct Looking {
    state::Cluster cluster{};
    std::unique_ptr<Loop> loop;
    LookUps look_ups;

    explicit Looking(const FoundFolder& folder)
        : loop(Loop::create().value()), look_ups(*loop, cluster, folder.file(), [this] {
              if (!problems().empty()) loop->stop();
          }) {
        resolve::Settings settings;
        settings.servers = {dns::Server::parse("127.0.0.1:1").value()};
        REQUIRE(look_ups.begin(settings));
    }

    void tell(const std::string& name, const std::string& hostname) {
        state::AwsResource resource;
        resource.meta.name = name;
        if (!hostname.empty()) resource.look_ups.hostnames = {hostname};
        cluster.put(std::move(resource));
    }

    std::vector<state::Problem> problems() const {
        std::vector<state::Problem> all;
        look_ups.add_problems(all);
        return all;
    }

    /// In force.
    size_t found(const std::string& name) const { return cluster.resources().at(name).found.size(); }
};

FoundFile::Found kept_in(const FoundFolder& folder) {
    return FoundFile(folder.file()).read().value().found;
}

std::string text_of(const std::string& file) {
    std::ifstream text(file);
    return {std::istreambuf_iterator<char>(text), {}};
}

TEST_CASE("what was found is read as it was written; no file is nothing, and a broken one an error") {
    const FoundFolder folder;
    const FoundFile file(folder.file());
    CHECK(file.read().value().found.empty());
    REQUIRE(file.write(kFound));
    CHECK(file.read().value().found == kFound);
    CHECK(file.read().value().fault == "");
    for (const std::string broken : {"", "[]", R"({"aurora": ["10.0.0.1")"}) {
        INFO(broken);
        folder.write(broken);
        CHECK_FALSE(file.read());
    }
    REQUIRE(file.keep_unreadable());
    REQUIRE(FoundFile::remove(folder.file()));
    CHECK(file.read().value().found.empty());
    CHECK(fs::is_empty(fs::path(folder.file()).parent_path()));
    CHECK(FoundFile::remove(folder.file()));
}

TEST_CASE("an entry that can't be read is passed over and told, and the others count") {
    const FoundFolder folder;
    const FoundFile file(folder.file());
    for (const auto& [bad, why] : std::map<std::string, std::string>{
             {R"("10.0.0.1")", "it is no list of addresses"},
             {R"([7])", "it is no address"},
             {R"(["b"])", "b"},
             {R"([{"address": "10.0.0.1"}])", "it is no list of owners"},
             {R"([{"owners": []}])", "it is no address"},
             {R"([{"address": "10.0.0.1", "owners": [{"tenant": "x"}]}])", "it is no list of owners"},
             {R"([{"address": "10.0.0.1", "owners": "x"}])", "it is no list of owners"},
             {R"([{"address": "10.0.0.1", "owners": [], "from": 7}])", "it is no list of what found an address"}}) {
        INFO(bad);
        folder.write(R"({"bad": )" + bad + R"(, "good": ["10.0.0.1"]})");
        const auto content = file.read();
        REQUIRE(content);
        CHECK(content->found == FoundFile::Found{{"good", {.addresses = {kWriter}}}});
        CHECK(content->fault.starts_with("read " + folder.file() + ": passed over 1 entry, of bad: "));
        CHECK(content->fault.find(why) != std::string::npos);
    }
    folder.write(R"({"aurora": ["10.0.0.1", "x", "10.1.0.0/24", 7]})");
    const auto content = file.read();
    CHECK(content->found == FoundFile::Found{{"aurora", {.addresses = {kWriter, kSubnet}}}});
    CHECK(content->fault.find(": passed over 2 entries, the first one of aurora: ") != std::string::npos);
}

TEST_CASE("a file with what can't be read is told, and kept as it is before another one is written") {
    const FoundFolder folder;
    const auto beside = folder.file() + ".unreadable";
    for (const auto& [text, found] :
         std::map<std::string, size_t>{{R"({"aurora": ["10.0.0.1", "10.0.0."], "cache": ["fd00::/64"]})", 1},
                                       {R"({"aurora": ["10.0.0.1"])", 0}}) {
        INFO(text);
        folder.write(text);
        Looking agent(folder);
        agent.tell("aurora", "writer.db.test");
        CHECK(agent.found("aurora") == found);
        REQUIRE(agent.problems().size() == 1);
        CHECK(agent.problems().front().text.starts_with("read " + folder.file() + ": "));
        CHECK(agent.problems().front().text.ends_with("; the file is kept as " + beside));
        CHECK(text_of(folder.file()) == text);
        CHECK(text_of(beside) == text);
        // What it writes itself is another file.
        REQUIRE(FoundFile(folder.file()).write(kFound));
        CHECK(text_of(folder.file()) != text);
        CHECK(text_of(beside) == text);
    }
}

TEST_CASE("what can be read of a file counts on, and is what is written next") {
    const FoundFolder folder;
    const std::string text = R"({"aurora": ["10.0.0.1", "10.0.0."], "cache": ["fd00::/64"]})";
    folder.write(text);
    Looking agent(folder);
    agent.tell("aurora", "writer.db.test");
    agent.look_ups.follow(true); // which forgets the cache
    CHECK(kept_in(folder) == FoundFile::Found{{"aurora", {.addresses = {kWriter}}}});
    CHECK(text_of(folder.file() + ".unreadable") == text);
    REQUIRE(agent.problems().size() == 1); // also after a write that went well
    CHECK(agent.problems().front().text.starts_with("read " + folder.file() + ": passed over "));
    Looking next(folder); // all of that can be read, and what couldn't is still there
    CHECK(next.problems().empty());
    CHECK(text_of(folder.file() + ".unreadable") == text);
}

TEST_CASE("what a former agent found is in force before anybody is asked, and stays while nobody answers") {
    const FoundFolder folder;
    REQUIRE(FoundFile(folder.file()).write(kFound));
    Looking agent(folder);
    agent.tell("aurora", "writer.db.test");
    CHECK(agent.found("aurora") == 2);
    CHECK(agent.cluster.resources().at("aurora").owners == kOwners);
    agent.look_ups.follow(false);
    REQUIRE(agent.loop->run()); // until a failure is told
    REQUIRE(agent.problems().size() == 1);
    CHECK(agent.problems().front().object == "AWSResource aurora");
    CHECK(agent.problems().front().field == "spec.addresses");
    CHECK(agent.problems().front().nature == state::Problem::Nature::kNotAnswered);
    const auto text = agent.problems().front().text;
    CHECK(text.starts_with("NameNotResolved: writer.db.test: "));
    CHECK(text.find("; failing since 20") != std::string::npos);
    CHECK(text.ends_with("; what was found before stays in force"));
    CHECK(agent.found("aurora") == 2);
    CHECK(kept_in(folder) == kFound);
}

TEST_CASE("a Tenant that may be in a file that isn't understood may say in which account: nobody else is asked") {
    const FoundFolder folder;
    REQUIRE(FoundFile(folder.file()).write(kFound));
    Looking agent(folder);
    state::AwsResource resource;
    resource.meta.name = "aurora";
    resource.tenant = "payments";
    resource.look_ups.security_groups = {"sg-1"};
    agent.cluster.put(resource);
    agent.look_ups.follow(false);
    REQUIRE(agent.loop->run()); // until a failure is told
    CHECK(agent.problems().front().text.find("Tenant payments isn't understood") != std::string::npos);
    CHECK(agent.found("aurora") == 2);
}

TEST_CASE("what was found for a resource that is gone is forgotten, but not while one of them can't be read") {
    const FoundFolder folder;
    REQUIRE(FoundFile(folder.file()).write(kFound));
    Looking agent(folder);
    agent.tell("aurora", "writer.db.test");
    agent.look_ups.follow(false);
    CHECK(kept_in(folder).contains("cache"));
    agent.tell("cache", "cache.db.test");
    CHECK(agent.found("cache") == 1);
    agent.look_ups.follow(true);
    CHECK(kept_in(folder) == kFound);
    agent.tell("cache", ""); // nothing to look up any more
    agent.look_ups.follow(true);
    CHECK(agent.found("cache") == 0);
    CHECK_FALSE(kept_in(folder).contains("cache"));
    CHECK(kept_in(folder).contains("aurora"));
}

} // namespace
} // namespace bulkhead
