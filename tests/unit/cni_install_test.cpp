// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-cni puts itself in place and takes itself out, in directories like a host's: the real program.
#include "cni_host.h"

namespace bulkhead::test {
namespace {

TEST_CASE("installed it is the last of the first list, and uninstalled everything is as it was") {
    const Host host;
    write(host.aws(), kAws);
    write(host.conf() / "99-other.conflist", kAws);
    fs::permissions(host.aws(), fs::perms(0640));
    auto [status, output] = host.run("install", {"--timeout-seconds", "45", "--exempt-namespaces", "kube-system,a"});
    INFO(output);
    CHECK(status == 0);
    CHECK(host.files() == std::vector<std::string>{"10-aws.conflist", "99-other.conflist", "bulkhead-cni"});
    auto expected = Json::parse(kAws);
    expected["plugins"].push_back(
        Json{{"type", "bulkhead-cni"}, {"timeoutSeconds", 45}, {"exemptNamespaces", {"kube-system", "a"}}});
    CHECK(text_of(host.aws()) == expected.dump(2) + "\n");
    CHECK(text_of(host.conf() / "99-other.conflist") == kAws);
    CHECK(mode_of(host.aws()) == 0640);
    CHECK(mode_of(host.program()) == 0755);
    CHECK(text_of(host.program()) == text_of(BULKHEAD_CNI));
    CHECK(host.run("uninstall").first == 0);
    CHECK(host.files() == std::vector<std::string>{"10-aws.conflist", "99-other.conflist"});
    CHECK(text_of(host.aws()) == kAws);
    CHECK(mode_of(host.aws()) == 0640);
}

TEST_CASE("done again both change nothing, not even a file's inode") {
    const Host host;
    write(host.aws(), kAws);
    CHECK(host.run("uninstall").second == "bulkhead-cni: nothing to do\n");
    CHECK(text_of(host.aws()) == kAws);
    CHECK(host.run("install").first == 0);
    const auto list = inode_of(host.aws()), program = inode_of(host.program());
    CHECK(host.run("install").second == "bulkhead-cni: nothing to do\n");
    CHECK(inode_of(host.aws()) == list);
    CHECK(inode_of(host.program()) == program);
    CHECK(host.run("install", {"--wait-for", "published"}).first == 0);
    CHECK(host.plugins(host.aws()).back() == Json{{"type", "bulkhead-cni"}, {"waitFor", "published"}});
    CHECK(host.has_gate(host.aws()));
    fs::remove_all(host.conf());
    CHECK(host.run("uninstall").first == 0);
    fs::remove_all(host.bin());
    CHECK(host.run("uninstall").first == 0);
}

TEST_CASE("what isn't understood is left as it is, and said") {
    const std::string lone = R"({"cniVersion":"1.0.0","name":"x","type":"bridge"})";
    for (const auto& [name, text, part] :
         {std::tuple("10-aws.conflist", "{\"plugins\": [", "it is no JSON"),
          {"10-aws.conflist", "", "it is no JSON"},
          {"10-aws.conflist", lone.c_str(), "there is no list \"plugins\""},
          {"10-x.conf", lone.c_str(), "only lists can be chained to"},
          {"10-x.conflist", R"({"cniVersion":"1.0.0","plugins":[]})", "no plugin that"},
          {"10-x.conflist", R"({"cniVersion":"1.0.0","plugins":[{}]})", "has no type"},
          {"10-x.conflist", R"({"cniVersion":"0.2.0","plugins":[{"type":"a"}]})", "its cniVersion is \"0.2.0\""}}) {
        const Host host;
        const fs::path path = host.conf() / name;
        write(path, text);
        const auto [status, output] = host.run("install");
        INFO(output);
        CHECK(status == 1);
        CHECK(output.find(path.string()) != std::string::npos);
        CHECK(output.find(part) != std::string::npos);
        CHECK(text_of(path) == text);
        CHECK(host.run("uninstall").first == 0); // none of its business
        CHECK(text_of(path) == text);
    }
    const Host host;
    CHECK(host.run("install").second.find("there is no CNI configuration in " + host.conf().string() + " yet") !=
          std::string::npos);
    const std::string broken = R"({"plugins":[{"type":"bulkhead-cni")";
    write(host.aws(), broken);
    CHECK(host.run("uninstall").first == 1); // or a program would be missing that it names
    CHECK(text_of(host.aws()) == broken);
    CHECK(fs::exists(host.program()));
}

TEST_CASE("wrong settings are refused before anything is written") {
    const Host host;
    write(host.aws(), kAws);
    for (const Words& wrong : {Words{"--wait-for", "nobody"}, {"--timeout-seconds", "1000"}, {"--socket", "a.sock"}})
        CHECK(host.run("install", wrong).first == 2);
    CHECK(host.run("instal").first == 2);
    CHECK(host.files() == std::vector<std::string>{"10-aws.conflist"});
    CHECK(text_of(host.aws()) == kAws);
}

TEST_CASE("watching, it comes back whenever the VPC CNI rewrites its list, and stays when the watch ends") {
    const Host host;
    auto watch = host.watch();
    REQUIRE(watch.wait_for_output("keeps the gate in ", after(60s)));
    CHECK(wait_until([&] { return fs::exists(host.program()); }, after(20s)));
    write(host.aws(), kAws); // the first time
    CHECK(wait_until([&] { return host.has_gate(host.aws()); }, after(20s)));
    auto changed = Json::parse(kAws);
    changed["plugins"][0]["mtu"] = "1500";
    write(host.aws(), changed.dump());
    CHECK(wait_until([&] { return host.has_gate(host.aws()) && host.plugins(host.aws())[0]["mtu"] == "1500"; },
                     after(20s)));
    const auto elsewhere = host.conf().parent_path() / "elsewhere"; // or its being written would be news
    write(elsewhere, kAws);
    std::this_thread::sleep_for(300ms); // its look at its own draft is over by then, or this shows less
    fs::rename(elsewhere, host.aws());
    CHECK(wait_until([&] { return host.has_gate(host.aws()); }, after(20s)));
    for (int i = 0; i < 3; ++i) { // the first may be seen by a look at the list
        fs::remove(host.program());
        CHECK(wait_until([&] { return fs::exists(host.program()); }, after(20s)));
    }
    write(host.conf() / "05-first.conflist", kAws); // which runtimes take from now on
    CHECK(wait_until([&] { return host.has_gate(host.conf() / "05-first.conflist"); }, after(20s)));
    CHECK(watch.stop(after(20s)) == 0);
    INFO(watch.output());
    CHECK(watch.output().find("ends; the gate stays in place") != std::string::npos);
    CHECK(host.has_gate(host.aws()));
    CHECK(host.run("uninstall").first == 0);
    CHECK(host.files() == std::vector<std::string>{"05-first.conflist", "10-aws.conflist"});
}

TEST_CASE("a list that is being written is waited for, and one that stays broken is told of") {
    const Host host;
    write(host.aws(), kAws);
    auto watch = host.watch();
    REQUIRE(wait_until([&] { return host.has_gate(host.aws()); }, after(60s)));
    std::ofstream half(host.aws(), std::ios::trunc);
    half << kAws.substr(0, 50) << std::flush;
    write(host.conf() / "note", ""); // a reason to look at this very moment
    REQUIRE(watch.wait_for_output("it is no JSON; goes on trying", after(20s)));
    CHECK(text_of(host.aws()) == kAws.substr(0, 50));
    half << kAws.substr(50);
    half.close();
    CHECK(wait_until([&] { return host.has_gate(host.aws()); }, after(20s)));
}

TEST_CASE("while a watch is at work nobody uninstalls beside it, and a second one waits until it ends") {
    const Host host;
    write(host.aws(), kAws);
    auto first = host.watch();
    REQUIRE(wait_until([&] { return host.has_gate(host.aws()); }, after(60s)));
    const auto [status, output] = host.run("uninstall");
    CHECK(status == 1);
    CHECK(output.find("another installer is at work") != std::string::npos);
    CHECK(host.has_gate(host.aws()));
    auto second = host.watch({"--wait-for", "published"});
    REQUIRE(second.wait_for_output("another installer is at work", after(20s)));
    CHECK(first.stop(after(20s)) == 0);
    CHECK(wait_until([&] { return host.plugins(host.aws()).back().contains("waitFor"); }, after(20s)));
    CHECK(second.stop(after(20s)) == 0);
    CHECK(host.run("uninstall").first == 0);
    CHECK(text_of(host.aws()) == kAws);
}

TEST_CASE("the program needs nothing of the host that runs it: no library, no loader") {
    const auto headers = require(run_command({"readelf", "--wide", "--dynamic", "--program-headers", BULKHEAD_CNI}));
    CHECK(headers.find("LOAD") != std::string::npos);
    if (BULKHEAD_SANITIZED) SKIP("sanitizers can't be linked statically");
    CHECK(headers.find("(NEEDED)") == std::string::npos);
    CHECK(headers.find("INTERP") == std::string::npos);
    CHECK(require(run_command({"env", "-i", BULKHEAD_CNI, "--version"})).find('.') != std::string::npos);
}

} // namespace
} // namespace bulkhead::test
