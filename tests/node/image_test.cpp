// SPDX-License-Identifier: Apache-2.0
//
// The image, as tools/image made it: what is in it does its work as the manifests have it run, and needs nothing else.
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <fstream>

#include "image_container.h"
#include "metrics_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Matches;

constexpr int kForbidden = 4;

/// The one tarball that lies there.
fs::path tarball_in(const fs::path& folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".tar") found.push_back(entry.path());
    REQUIRE(found.size() == 1);
    return found.front();
}

struct Shop {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place till = net.add(kNodeA, "shop/till", 20);
    Place kin = net.add(kNodeA, "shop/kin", 21);
    Place stranger = net.add(kNodeB, "blog/stranger", 30);
    EchoServer server = require(EchoServer::start(till.netns, {80}));
    NodeFiles files{net};
    Bundle bundle = Bundle::unpack(tarball_in(BULKHEAD_IMAGE), net.directory() / "bundle");

    Shop() {
        net.manifests().write("shop.yaml", protected_namespace_text("shop"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }

    Container start(const Container::Options& options = {}) const {
        return Container::start(net, node, files, bundle, options);
    }
    void wait_until_ready(Container& agent) const {
        const auto ready = [&] { return get(node, "/readyz").status == 200; };
        if (!wait_until([&] { return !agent.process().running() || ready(); }, after(60s), 20ms) || !ready())
            FAIL("the agent doesn't become ready: " << agent.output());
    }
    bool till_hears(const Place& client, Clock::duration limit) const {
        return answers_tcp(client.netns, {till.ip4, 80}, after(limit)) &&
               answers_udp(client.netns, {till.ip6, 80}, after(limit));
    }
    bool stranger_is_refused() const {
        return !answers_tcp(stranger.netns, {till.ip4, 80}, after(400ms)) &&
               !answers_udp(stranger.netns, {till.ip6, 80}, after(400ms));
    }
};

TEST_CASE("image: as the DaemonSet runs it, the agent guards a veth and enforces there") {
    const Shop shop;
    CHECK(shop.till_hears(shop.stranger, 10s));
    auto agent = shop.start();
    shop.wait_until_ready(agent);
    CHECK(shop.stranger_is_refused());
    CHECK(shop.till_hears(shop.kin, 10s));
    CHECK(shop.till_hears(shop.node, 10s)); // its kubelet

    const auto [failed, status] = agent.exec({"bulkheadctl", "status", "-o", "json"});
    INFO(status);
    REQUIRE(failed == 0);
    CHECK(Json::parse(status).at("interfaces").at("guarded") == 2);
    CHECK(Json::parse(status).at("ready") == true);
    const auto [unknown, answer] = agent.exec({"bulkheadctl", "explain", "10.9.9.9", "shop/till:80"});
    CHECK_THAT(answer, ContainsSubstring("not-granted"));

    CHECK(agent.process().stop(after(kEnd)) == 0);
    CHECK(shop.stranger_is_refused()); // by what is pinned
}

TEST_CASE("image: with the DaemonSet's settings kube-system stays open, and who says otherwise is told") {
    const Shop shop;
    const Place dns = shop.net.add(kNodeA, "kube-system/dns", 22);
    const auto server = require(EchoServer::start(dns.netns, {80}));
    shop.net.manifests().write("kube-system.yaml", protected_namespace_text("kube-system"));
    auto agent = shop.start();
    shop.wait_until_ready(agent);
    CHECK(shop.stranger_is_refused()); // by shop, which is protected in the same words
    CHECK(answers_tcp(shop.stranger.netns, {dns.ip4, 80}, after(10s)));
    const auto [failed, status] = agent.exec({"bulkheadctl", "status", "-o", "json"});
    REQUIRE(failed == 0);
    const Json problems = Json::parse(status).at("problems");
    INFO(problems.dump(2));
    REQUIRE(problems.size() == 1);
    CHECK(problems.at(0).at("object") == "Namespace kube-system");
    CHECK_THAT(problems.at(0).at("text").get<std::string>(), ContainsSubstring("take it out of keep-open to force"));
}

std::string status_of(pid_t pid) {
    return require(run_command({"cat", "/proc/" + std::to_string(pid) + "/status"}));
}

TEST_CASE("image: the agent has the capabilities that the DaemonSet names and no others, and nothing to write to") {
    const Shop shop;
    auto agent = shop.start();
    shop.wait_until_ready(agent);
    const auto status = status_of(agent.pid());
    CHECK_THAT(status, ContainsSubstring("CapEff:\t000000c000001000")); // NET_ADMIN is bit 12, PERFMON 38, BPF 39
    CHECK_THAT(status, ContainsSubstring("CapBnd:\t000000c000001000"));
    CHECK_THAT(status, ContainsSubstring("CapAmb:\t0000000000000000"));
    CHECK_THAT(status, ContainsSubstring("NoNewPrivs:\t1"));
    const auto mounts = require(run_command({"cat", "/proc/" + std::to_string(agent.pid()) + "/mounts"}));
    CHECK_THAT(mounts, Matches("[^ ]+ / [^ ]+ ro,[^]*"));
}

TEST_CASE("image: without one of its capabilities the agent says which in one line, and leaves nothing pinned") {
    const Shop shop;
    for (const auto& [missing, said] :
         std::map<std::string, std::string>{{"BPF", "may not load BPF programs: run as root, or with CAP_BPF"},
                                            {"NET_ADMIN", "CAP_NET_ADMIN"},
                                            {"PERFMON", "CAP_PERFMON"}}) {
        INFO(missing);
        auto agent = shop.start({.without = {missing}});
        CHECK(agent.process().wait(after(30s)) == kForbidden);
        INFO(agent.output());
        CHECK_THAT(agent.output(), ContainsSubstring(said));
        CHECK(std::ranges::count(agent.output(), '\n') == 1);
        CHECK_FALSE(fs::exists(shop.files.host_path("/sys/fs/bpf/bulkhead")));
        CHECK(shop.till_hears(shop.stranger, 10s));
    }
}

TEST_CASE("image: as the DaemonSet of manifests/uninstall runs it, nothing is left of the agent, and it waits") {
    const Shop shop;
    {
        auto agent = shop.start();
        shop.wait_until_ready(agent);
        CHECK(shop.stranger_is_refused());
        CHECK(agent.process().stop(after(kEnd)) == 0);
        CHECK(fs::file_size(shop.files.host_path("/var/lib/bulkhead/edges.ndjson")) > 0);
    }
    CHECK_FALSE(attachments_in(shop.node.netns).empty());
    auto detach = shop.start({.manifest = "uninstall/daemonset.yaml", .name = "detach"});
    CHECK(detach.process().wait(after(30s)) == 0);
    INFO(detach.output());
    CHECK(attachments_in(shop.node.netns).empty());
    CHECK_FALSE(fs::exists(shop.files.host_path("/sys/fs/bpf/bulkhead")));
    CHECK_FALSE(fs::exists(shop.files.host_path("/run/bulkhead")));
    CHECK_FALSE(fs::exists(shop.files.host_path("/var/lib/bulkhead")));
    CHECK(shop.till_hears(shop.stranger, 10s));

    auto done = shop.start({.manifest = "uninstall/daemonset.yaml", .name = "done"});
    CHECK(wait_until([&] { return done.exec({"bulkheadctl", "--help"}).first == 0; }, after(10s)));
    CHECK_THAT(status_of(done.pid()), ContainsSubstring("Name:\tsleep"));
    CHECK(done.process().running());
}

/// Of every file, folder and link below `root`: its name, mode and what it links to, in order.
std::vector<std::string> entries_of(const fs::path& root) {
    std::vector<std::string> entries;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        const auto mode = std::to_string(static_cast<unsigned>(entry.symlink_status().permissions()));
        entries.push_back(fs::relative(entry.path().parent_path(), root) / entry.path().filename());
        entries.back() += " " + mode + (entry.is_symlink() ? " -> " + fs::read_symlink(entry).string() : "");
    }
    std::ranges::sort(entries);
    return entries;
}

void change_byte(const fs::path& path, uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
    REQUIRE(file.good());
}

TEST_CASE("image: an OCI tool takes from the tarball the root file system that was put in, and refuses a damaged one") {
    const Net net = Net::create(); // for its folder, which goes in any case
    const auto bundle = Bundle::unpack(tarball_in(BULKHEAD_IMAGE), net.directory() / "bundle");
    const fs::path root = BULKHEAD_IMAGE "/rootfs";
    CHECK(entries_of(bundle.rootfs()) == entries_of(root));
    CHECK(run_command({"diff", "--recursive", "--no-dereference", root, bundle.rootfs()}).has_value());
    CHECK(bundle.config().at("process").at("args") == Json{"bulkhead-agent"});

    const fs::path damaged = net.directory() / "damaged.tar";
    fs::copy_file(tarball_in(BULKHEAD_IMAGE), damaged);
    change_byte(damaged, fs::file_size(damaged) / 2); // of the layer, which is nearly all of it
    CHECK_FALSE(Bundle::try_unpack(damaged, net.directory() / "damaged"));
}

TEST_CASE(
    "image: made again of the same files it is the same image, and nothing in it is setuid or anybody's to write") {
    const Net net = Net::create();
    const auto made = run_command({BULKHEAD_MAKE_IMAGE, "--out", net.directory() / "again"}, 300s);
    REQUIRE(made);
    const auto first = tarball_in(BULKHEAD_IMAGE), second = tarball_in(net.directory() / "again");
    CHECK(run_command({"cmp", first, second}).has_value());
    const auto loose = require(run_command({"find", BULKHEAD_IMAGE "/rootfs", "-not", "-type", "l", "-perm", "/6022"}));
    CHECK(loose == BULKHEAD_IMAGE "/rootfs/tmp\n");
}

} // namespace
} // namespace bulkhead::test
