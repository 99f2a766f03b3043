// SPDX-License-Identifier: Apache-2.0
//
// What may happen while bulkhead-cni puts itself in place: it is killed, others write the same files, directories miss,
// and somebody has to get its host going without it.
#include <catch2/generators/catch_generators.hpp>

#include "cni/files.h"
#include "cni_host.h"

namespace bulkhead::test {
namespace {

/// Files of this host, at most so many bytes long: who writes more is killed by the kernel.
std::optional<int> install_with_limit(const Host& host, size_t bytes) {
    Words words{"prlimit", "--core=0", "--fsize=" + std::to_string(bytes)};
    const Words install = host.words("install");
    words.insert(words.end(), install.begin(), install.end());
    return require(Process::start(words)).wait(after(60s));
}

TEST_CASE("an install that is killed while it writes leaves both files as they were, and the next one clears up") {
    const int killed = 128 + SIGXFSZ;
    const Host host;
    write(host.aws(), kAws);
    CHECK(install_with_limit(host, 1000) == killed);
    CHECK(host.files().size() == 2); // the list, and what was to become the program
    CHECK_FALSE(fs::exists(host.program()));
    CHECK(text_of(host.aws()) == kAws);
    CHECK(host.run("install").first == 0);
    CHECK(host.files() == Words{"10-aws.conflist", "bulkhead-cni"});

    write(host.aws(), kAws);
    CHECK(install_with_limit(host, 100) == killed);
    CHECK(host.files().size() == 3); // and what was to become the list
    CHECK(text_of(host.aws()) == kAws);
    CHECK(host.run("uninstall").first == 0);
    CHECK(host.files() == Words{"10-aws.conflist"});
}

TEST_CASE("hidden files of others are none of its business") {
    const Host host;
    write(host.aws(), kAws);
    write(host.conf() / ".10-aws.conflist.swp", "an editor's");
    CHECK(host.run("install").first == 0);
    CHECK(host.run("uninstall").first == 0);
    CHECK(host.files() == Words{".10-aws.conflist.swp", "10-aws.conflist"});
}

TEST_CASE("who reads the list or runs the program meanwhile has the old one as a whole: none is written in place") {
    const Host host;
    write(host.aws(), kAws);
    write(host.program(), "the former one");
    fs::create_hard_link(host.aws(), host.conf() / "list-as-it-was");
    fs::create_hard_link(host.program(), host.conf() / "program-as-it-was");
    CHECK(host.run("install").first == 0);
    CHECK(text_of(host.conf() / "list-as-it-was") == kAws);
    CHECK(text_of(host.conf() / "program-as-it-was") == "the former one");
    const auto with_gate = text_of(host.aws());
    fs::create_hard_link(host.aws(), host.conf() / "list-with-gate");
    CHECK(host.run("uninstall").first == 0);
    CHECK(text_of(host.conf() / "list-with-gate") == with_gate);
    CHECK(text_of(host.aws()) == kAws);
}

TEST_CASE("a list that somebody else writes between being read and being replaced stays theirs") {
    const Host host;
    write(host.aws(), kAws);
    const auto before = require(cni::read_file(host.aws()));
    write(host.aws(), "theirs");
    const auto replaced = cni::replace_file(host.aws(), before, "ours");
    REQUIRE_FALSE(replaced);
    CHECK(replaced.error().code == EBUSY);
    CHECK(text_of(host.aws()) == "theirs");
    CHECK(host.files() == Words{"10-aws.conflist"});
}

TEST_CASE("a list never names a program that isn't there") {
    const Host host;
    write(host.aws(), kAws);
    fs::remove_all(host.bin());
    CHECK(host.run("install").first == 1);
    CHECK(text_of(host.aws()) == kAws);
}

TEST_CASE("a program that is there but can't be run is made right") {
    const Host host;
    write(host.aws(), kAws);
    CHECK(host.run("install").first == 0);
    fs::permissions(host.program(), fs::perms(0644));
    CHECK(host.run("install").first == 0);
    CHECK(mode_of(host.program()) == 0755);
}

TEST_CASE("the list goes on belonging to whom it belonged") {
    if (geteuid() != 0) SKIP("needs root: it gives a file away");
    const Host host;
    write(host.aws(), kAws);
    REQUIRE(chown(host.aws().c_str(), 12345, 54321) == 0);
    CHECK(host.run("install").first == 0);
    struct stat state {};
    REQUIRE(stat(host.aws().c_str(), &state) == 0);
    CHECK(state.st_uid == 12345);
    CHECK(state.st_gid == 54321);
}

TEST_CASE("entries are taken out of every list, wherever they are in it") {
    const Host host;
    auto list = Json::parse(kAws);
    list["plugins"].insert(list["plugins"].begin() + 1, Json{{"type", "bulkhead-cni"}});
    write(host.aws(), list.dump(2) + "\n");
    write(host.conf() / "99-other.conflist", list.dump(2) + "\n");
    CHECK(host.run("install").first == 0);
    CHECK(host.has_gate(host.aws())); // as the last, and once
    CHECK(host.run("uninstall").first == 0);
    CHECK(text_of(host.aws()) == kAws);
    CHECK(text_of(host.conf() / "99-other.conflist") == kAws);
}

TEST_CASE("a list that can't be read keeps the gate in no other one") {
    const Host host;
    write(host.aws(), kAws);
    CHECK(host.run("install").first == 0);
    const fs::path broken = host.conf() / "05-broken.conflist";
    write(broken, R"({"plugins":[{"type":"bulkhead-cni")");
    const auto [status, output] = host.run("uninstall");
    CHECK(status == 1);
    CHECK(output.find(broken.string()) != std::string::npos);
    CHECK(text_of(host.aws()) == kAws);
    CHECK(fs::exists(host.program())); // the other one may name it
}

TEST_CASE("as long as bulkhead-cni.off is there a watch leaves the gate out, and puts it back afterwards") {
    const Host host;
    const auto off = host.conf() / "bulkhead-cni.off";
    write(host.aws(), kAws);
    auto watch = host.watch();
    REQUIRE(wait_until([&] { return host.has_gate(host.aws()); }, after(60s)));
    write(off, "");
    CHECK(wait_until([&] { return text_of(host.aws()) == kAws; }, after(20s)));
    CHECK(watch.wait_for_output("leaves the gate out as long as " + off.string() + " is there", after(20s)));
    auto changed = Json::parse(kAws);
    changed["plugins"][0]["mtu"] = "1500";
    const auto text = changed.dump(2) + "\n";
    write(host.aws(), text); // aws-node starts again
    fs::remove(host.program());
    write(host.conf() / "note", "");
    CHECK_FALSE(wait_until([&] { return text_of(host.aws()) != text; }, after(500ms)));
    fs::remove(off);
    CHECK(wait_until([&] { return host.has_gate(host.aws()) && fs::exists(host.program()); }, after(20s)));
    CHECK(watch.stop(after(20s)) == 0);
}

TEST_CASE("an install beside bulkhead-cni.off takes the gate out and says so; uninstall removes that file, too") {
    const Host host;
    const auto off = host.conf() / "bulkhead-cni.off";
    write(host.aws(), kAws);
    CHECK(host.run("install").first == 0);
    write(off, "");
    const auto [status, output] = host.run("install");
    INFO(output);
    CHECK(status == 0);
    CHECK(output.find("took the gate out of " + host.aws().string()) != std::string::npos);
    CHECK(output.find("left the gate out: " + off.string() + " is there") != std::string::npos);
    CHECK(text_of(host.aws()) == kAws);
    CHECK(host.run("uninstall").first == 0);
    CHECK(host.files() == Words{"10-aws.conflist"});
}

TEST_CASE(
    "with bulkhead-cni.off, whatever list comes meanwhile stays without the gate, and all get theirs back as before") {
    const Host host;
    const auto off = host.conf() / "bulkhead-cni.off";
    const auto younger = host.conf() / "05-first.conflist";
    write(host.aws(), kAws);
    write(off, "");
    auto watch = host.watch({"--wait-for", "published"});
    REQUIRE(watch.wait_for_output("leaves the gate out as long as " + off.string() + " is there", after(60s)));
    write(younger, kAws);                  // which runtimes take from now on
    CHECK(host.run("install").first == 1); // the watch has the directory
    auto with_gate = Json::parse(kAws);
    with_gate["plugins"].push_back(Json{{"type", "bulkhead-cni"}});
    write(host.aws(), with_gate.dump(2) + "\n"); // by hand, or out of a backup
    CHECK(wait_until([&] { return text_of(host.aws()) == kAws; }, after(20s)));
    CHECK_FALSE(wait_until([&] { return text_of(younger) != kAws || text_of(host.aws()) != kAws; }, after(500ms)));
    CHECK_FALSE(fs::exists(host.program()));
    fs::remove(off);
    CHECK(wait_until([&] { return host.has_gate(younger); }, after(20s)));
    CHECK(host.plugins(younger).back() == Json{{"type", "bulkhead-cni"}, {"waitFor", "published"}});
    CHECK(text_of(host.aws()) == kAws);
    CHECK(watch.stop(after(20s)) == 0);
}

TEST_CASE("an uninstall beside a watch changes nothing, and one after its end, however it came, leaves nothing") {
    const int how = GENERATE(SIGTERM, SIGINT, SIGKILL);
    const bool is_off = GENERATE(false, true);
    CAPTURE(how, is_off);
    const Host host;
    const auto off = host.conf() / "bulkhead-cni.off";
    write(host.aws(), kAws);
    auto watch = host.watch();
    REQUIRE(wait_until([&] { return host.has_gate(host.aws()); }, after(60s)));
    if (is_off) {
        write(off, "");
        REQUIRE(wait_until([&] { return text_of(host.aws()) == kAws; }, after(20s)));
    }
    const auto files = host.files();
    const auto list = text_of(host.aws());
    for (int i = 0; i < 3; ++i) { // as a job that is tried again
        const auto [status, output] = host.run("uninstall");
        CHECK(status == 1);
        CHECK(output.find("another installer is at work") != std::string::npos);
    }
    CHECK(host.files() == files);
    CHECK(text_of(host.aws()) == list);
    watch.signal(how);
    REQUIRE(watch.wait(after(20s)));
    CHECK(text_of(host.aws()) == list);
    CHECK(host.run("uninstall").first == 0);
    CHECK(host.files() == Words{"10-aws.conflist"});
    CHECK(text_of(host.aws()) == kAws);
    CHECK(host.run("uninstall").first == 0); // once more is no error
}

} // namespace
} // namespace bulkhead::test
