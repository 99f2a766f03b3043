// SPDX-License-Identifier: Apache-2.0
//
// Several agents, and none any more: who refuses whom, and what is left behind.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_container_properties.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "fixture.h"

namespace bulkhead::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::IsEmpty;
namespace fs = std::filesystem;

struct Hamlet {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place node = net.node(kNodeA);

    Hamlet() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }

    bool stranger_gets_in() const {
        const Fd door = require(tcp_listen(safe.netns, {safe.ip4, 80}));
        return tcp_connect(near.netns, {safe.ip4, 80}, after(500ms)).has_value();
    }
};

/// Ids of what lies pinned in a directory, as bpftool has them ("prog" or "map").
std::vector<std::string> pinned_ids(const fs::path& directory, const std::string& kind) {
    std::vector<std::string> ids;
    for (const auto& pin : fs::directory_iterator(directory)) {
        const auto shown = require(run_command({"bpftool", "-j", kind, "show", "pinned", pin.path()}));
        ids.push_back(Json::parse(shown).at("id").dump());
    }
    return ids;
}

void check_gone(const std::vector<std::string>& ids, const std::string& kind) {
    for (const std::string& id : ids) { // the kernel frees them when it gets to it
        INFO(kind << " " << id);
        CHECK(wait_until([&] { return !run_command({"bpftool", kind, "show", "id", id}); }, after(10s), 20ms));
    }
}

TEST_CASE("detach refuses while an agent lives, and leaves nothing once it is dead") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Hamlet hamlet;
    auto agent = AgentProcess::start(hamlet.net, hamlet.node, {.attach = attach});
    CHECK_FALSE(hamlet.stranger_gets_in());
    const auto [refused, why] = agent.detach();
    CHECK(refused == 1);
    CHECK_THAT(why, ContainsSubstring("is in use by process " + std::to_string(agent.process().pid())));
    CHECK_FALSE(hamlet.stranger_gets_in());

    const auto programs = pinned_ids(agent.pin_dir() / "programs", "prog");
    const auto maps = pinned_ids(agent.pin_dir() / "maps", "map");
    REQUIRE(programs.size() >= 3);
    agent.process().signal(SIGKILL);
    REQUIRE(agent.process().wait(after(kEnd)));
    CHECK_FALSE(hamlet.stranger_gets_in());
    REQUIRE_FALSE(attachments_in(hamlet.node.netns).empty());
    const auto [status, output] = agent.detach();
    INFO(output);
    CHECK(status == 0);
    CHECK(hamlet.stranger_gets_in());
    CHECK_THAT(attachments_in(hamlet.node.netns), IsEmpty());
    CHECK_FALSE(fs::exists(agent.pin_dir()));
    check_gone(programs, "prog");
    check_gone(maps, "map");
    CHECK(agent.detach().first == 0); // once more is no error
}

TEST_CASE("detach removes tc filters and qdiscs also where the pins are gone") {
    const Hamlet hamlet;
    auto agent = AgentProcess::start(hamlet.net, hamlet.node, {.attach = "clsact"});
    const auto programs = pinned_ids(agent.pin_dir() / "programs", "prog");
    agent.process().signal(SIGKILL);
    REQUIRE(agent.process().wait(after(kEnd)));
    for (const char* part : {"maps", "programs", "links", "qdiscs"})
        fs::remove_all(agent.pin_dir() / part);
    CHECK_FALSE(hamlet.stranger_gets_in());
    const auto [status, output] = agent.detach();
    INFO(output);
    CHECK(status == 0);
    CHECK(hamlet.stranger_gets_in());
    CHECK_THAT(attachments_in(hamlet.node.netns), IsEmpty());
    check_gone(programs, "prog");
}

TEST_CASE("an agent whose pins are gone comes back and guards, and leaves one program at each hook") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Hamlet hamlet;
    auto agent = AgentProcess::start(hamlet.net, hamlet.node, {.attach = attach});
    const auto attached = attachments_in(hamlet.node.netns).size();
    agent.process().signal(SIGKILL);
    REQUIRE(agent.process().wait(after(kEnd)));
    for (const char* part : {"maps", "programs", "links", "qdiscs"})
        fs::remove_all(agent.pin_dir() / part);
    const auto next = AgentProcess::start(hamlet.net, hamlet.node, {.attach = attach});
    CHECK_FALSE(hamlet.stranger_gets_in());
    CHECK(attachments_in(hamlet.node.netns).size() == attached);
}

TEST_CASE("a second agent on the same pin directory says who has it and ends") {
    const Hamlet hamlet;
    auto agent = AgentProcess::start(hamlet.net, hamlet.node, {});
    const std::string other_socket = hamlet.net.directory() / "other.sock";
    const auto [status, output] =
        run_in(hamlet.node.netns,
               {BULKHEAD_AGENT, "--source", "dir:" + hamlet.net.manifests().directory().string(), "--node-name", kNodeA,
                "--pin-dir", agent.pin_dir(), "--socket", other_socket, "--metrics-address", ""});
    CHECK(status == 1);
    CHECK_THAT(output, ContainsSubstring(agent.pin_dir().string() + " is in use by process " +
                                         std::to_string(agent.process().pid())));
    CHECK_FALSE(hamlet.stranger_gets_in());
    CHECK(agent.ask({"status"}).value("ready", false));
}

TEST_CASE("agents with pin directories of their own live side by side, and each detaches only its own") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Hamlet hamlet;
    auto first = AgentProcess::start(hamlet.net, hamlet.node, {.attach = attach, .name = "first"});
    const auto alone = attachments_in(hamlet.node.netns);
    auto second = AgentProcess::start(hamlet.net, hamlet.node, {.attach = attach, .name = "second"});
    CHECK_FALSE(hamlet.stranger_gets_in());
    CHECK(attachments_in(hamlet.node.netns).size() > alone.size());
    REQUIRE(second.process().stop(after(kEnd)) == 0);
    const auto [status, output] = second.detach();
    INFO(output);
    CHECK(status == 0);
    CHECK_FALSE(hamlet.stranger_gets_in());
    CHECK(first.ask({"status"}).value("ready", false));
    REQUIRE(first.process().stop(after(kEnd)) == 0);
    CHECK(first.detach().first == 0);
    CHECK(hamlet.stranger_gets_in());
    CHECK_THAT(attachments_in(hamlet.node.netns), IsEmpty());
}

/// Mounts of its own, with one bpffs and nobody else's locks: what is node-wide there concerns nobody on this machine.
class OwnMounts {
public:
    OwnMounts()
        : keeper_(
              require(Process::start({"unshare", "--mount", "--propagation", "private", "sh", "-c",
                                      "umount -a -t bpf; mkdir -p /run/bulkhead; mount -t tmpfs none /run/bulkhead && "
                                      "mount -t bpf bpf /sys/fs/bpf && echo made && exec sleep infinity"}))) {
        REQUIRE(keeper_.wait_for_output("made", after(10s)));
    }
    std::vector<std::string> enter() const { return {"nsenter", "--mount", "-t", std::to_string(keeper_.pid())}; }
    /// Files, and what is pinned, on the bpffs and where agents leave something else.
    std::string left() const {
        auto words = enter();
        words.insert(words.end(), {"find", "/sys/fs/bpf", "/run/bulkhead", "(", "-type", "f", "-o", "-type", "s", ")",
                                   "-not", "-name", "*.debug"});
        return require(run_command(words));
    }

private:
    Process keeper_;
};

TEST_CASE("a node-wide detach takes out what every agent left, wherever it pinned it, and refuses while one lives") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    INFO(attach);
    const Hamlet hamlet;
    const OwnMounts mounts;
    const auto agent_with = [&](const std::string& pins) {
        auto words = mounts.enter();
        words.insert(words.end(),
                     {BULKHEAD_AGENT, "--source", "dir:" + hamlet.net.manifests().directory().string(), "--node-name",
                      kNodeA, "--pin-dir", pins, "--socket", "/run/bulkhead/" + std::to_string(pins.size()) + ".sock",
                      "--metrics-address", "", "--attach", attach});
        auto agent = require(Process::start(words, &hamlet.node.netns));
        INFO(agent.output());
        REQUIRE(agent.wait_for_output("in sync", after(60s)));
        return agent;
    };
    const auto detach = [&] {
        auto words = mounts.enter();
        words.insert(words.end(), {BULKHEAD_AGENT, "detach", "--node-wide"});
        return run_in(hamlet.node.netns, words);
    };
    auto first = agent_with("/sys/fs/bpf/bulkhead");
    auto second = agent_with("/sys/fs/bpf/teams/blue/bulkhead");
    first.signal(SIGKILL);
    REQUIRE(first.wait(after(kEnd)));
    const auto [refused, why] = detach();
    CHECK(refused == 1);
    CHECK_THAT(why, ContainsSubstring("an agent lives"));
    CHECK_FALSE(hamlet.stranger_gets_in());
    second.signal(SIGKILL);
    REQUIRE(second.wait(after(kEnd)));

    const auto [status, output] = detach();
    INFO(output);
    CHECK(status == 0);
    CHECK(hamlet.stranger_gets_in());
    CHECK_THAT(attachments_in(hamlet.node.netns), IsEmpty());
    CHECK(mounts.left().empty());
    CHECK(detach().first == 0); // once more is no error
}

TEST_CASE("a node-wide detach finds filters of which no pin tells any more, and leaves others' alone") {
    const Hamlet hamlet;
    auto agent = AgentProcess::start(hamlet.net, hamlet.node, {.attach = "clsact"});
    agent.process().signal(SIGKILL);
    REQUIRE(agent.process().wait(after(kEnd)));
    for (const char* part : {"maps", "programs", "links", "qdiscs"})
        fs::remove_all(agent.pin_dir() / part);
    REQUIRE_FALSE(attachments_in(hamlet.node.netns).empty());
    const OwnMounts mounts;
    auto words = mounts.enter();
    words.insert(words.end(), {BULKHEAD_AGENT, "detach", "--node-wide"});
    const auto [status, output] = run_in(hamlet.node.netns, words);
    INFO(output);
    CHECK(status == 0);
    CHECK_THAT(attachments_in(hamlet.node.netns), IsEmpty());
    CHECK(hamlet.stranger_gets_in());
}

} // namespace
} // namespace bulkhead::test
