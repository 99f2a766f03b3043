// SPDX-License-Identifier: Apache-2.0
//
// A server by name, at a DNS server that doesn't answer: nobody waits for it. In a network and mount namespace of a
// child's, so it needs root.
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include <curl/curl.h>

#include "kube_fixture.h"
#include "source/kube/http_client.h"

namespace bulkhead::source::kube {
namespace {

enum Outcome : int { kPrompt = 0, kBlocked = 1, kNotResolving = 2, kNoNamespace = 3 };

bool bring_up_loopback() {
    const Fd any(socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    return ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
}

/// Takes questions and never answers.
Fd silent_dns() {
    Fd server(socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Fd();
    return server;
}

bool enter_namespaces(const std::filesystem::path& resolver) {
    return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 && mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount(resolver.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) == 0 && bring_up_loopback();
}

/// Asks, works for half a second, gives up, and lets everything go.
Outcome ask(const Fd& dns) {
    Server server;
    server.url = "http://api.cluster.example:6443";
    auto client = HttpClient::create(server).value();
    bool ended = false;
    auto transfer = client->start({.path = "/version"}, {}, {.on_end = [&](const Response&) { ended = true; }}).value();
    auto slowest = std::chrono::steady_clock::duration(0);
    const auto timed = [&](auto&& step) {
        const auto start = std::chrono::steady_clock::now();
        step();
        slowest = std::max(slowest, std::chrono::steady_clock::now() - start);
    };
    for (int i = 0; i < 10; ++i) {
        timed([&] { client->work(); });
        std::this_thread::sleep_for(50ms); // the loop's other business
    }
    char question[512];
    if (ended || recv(dns.get(), question, sizeof question, MSG_DONTWAIT) <= 0) return kNotResolving;
    timed([&] { transfer.reset(); });
    timed([&] { client.reset(); });
    return slowest < 1s ? kPrompt : kBlocked;
}

TEST_CASE("a name that DNS doesn't resolve holds up nobody, neither while it is asked for nor when it is given up") {
    REQUIRE((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) != 0);
    if (geteuid() != 0) SKIP("needs root, for a network of its own");
    const TemporaryDirectory directory;
    directory.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n");
    const auto child = fork();
    if (child == 0) {
        if (!enter_namespaces(directory.at("resolv.conf"))) _exit(kNoNamespace);
        const auto dns = silent_dns();
        _exit(dns.valid() ? ask(dns) : kNoNamespace);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kNoNamespace) SKIP("can't make a network of its own here");
    CHECK(WEXITSTATUS(status) == kPrompt);
}

} // namespace
} // namespace bulkhead::source::kube
