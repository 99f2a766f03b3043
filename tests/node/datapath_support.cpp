// SPDX-License-Identifier: Apache-2.0
#include "datapath_support.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "datapath/counters.h"
#include "datapath/detach.h"

namespace bulkhead::test {

namespace {

/// Before the first test: everything that follows is nobody else's.
class OwnNamespaces : public Catch::EventListenerBase {
public:
    using EventListenerBase::EventListenerBase;

    void testRunStarting(const Catch::TestRunInfo&) override {
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return; // the tests then say that they need root
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        mount("tmpfs", "/run", "tmpfs", 0, nullptr); // locks of our own
        // Devices shall carry what the tests send and nothing else.
        std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
    }
};

CATCH_REGISTER_LISTENER(OwnNamespaces)

void send_frame(const std::string& device) {
    const Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP)));
    REQUIRE(socket.valid());
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_IP);
    to.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
    std::array<unsigned char, 64> frame{};
    frame[12] = 0x08; // IPv4, and a header that says so and no more
    frame[14] = 0x45;
    frame[17] = 50;
    const ssize_t sent =
        sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    // ENOBUFS: some program at the device's egress dropped it.
    REQUIRE((sent == static_cast<ssize_t>(frame.size()) || errno == ENOBUFS));
}

} // namespace

void run(const std::string& command) {
    INFO(command);
    REQUIRE(std::system(command.c_str()) == 0);
}

std::string output_of(const std::string& command) {
    INFO(command);
    std::string output;
    std::array<char, 512> buffer{};
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    REQUIRE(pipe);
    while (fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr)
        output += buffer.data();
    return output;
}

Veth::Veth(std::string name) : name_(std::move(name)) {
    need_root();
    run("ip link add " + name_ + " type veth peer name " + name_ + "p");
    run("ip link set " + name_ + " up && ip link set " + name_ + "p up");
    ifindex_ = if_nametoindex(name_.c_str());
    REQUIRE(ifindex_ != 0);
}

Veth::~Veth() {
    if (if_nametoindex(name_.c_str()) != 0) [[maybe_unused]]
        const int ended = std::system(("ip link delete " + name_).c_str());
}

void Veth::send_both_ways() const {
    send_frame(name_);
    send_frame(name_ + "p");
}

PinPlace::PinPlace() {
    need_root();
    std::string pattern = (std::filesystem::temp_directory_path() / "bulkhead-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
}

PinPlace::~PinPlace() {
    (void)datapath::detach(path_);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

datapath::Kernel::Settings PinPlace::settings() const {
    return {.pin_dir = path_, .sizes = small_sizes(), .telling = {.events_per_second = 1000}};
}

void need_root() {
    if (geteuid() != 0) SKIP("needs root");
}

datapath::Kernel private_kernel() {
    need_root();
    return need(datapath::Kernel::open_private({.pin_dir = {}, .sizes = small_sizes(), .telling = {}}));
}

datapath::Sizes small_sizes() {
    return {.endpoints = 64,
            .prefixes = 16,
            .identities = 64,
            .openings = 64,
            .pods = 8,
            .flow_sets = 16,
            .events_bytes = 65536};
}

Counted counted(const datapath::Maps& maps) {
    Counted sum;
    for (uint16_t slot = 0; slot < 8; slot++) {
        const auto counters = need(datapath::read_counters(maps, slot));
        for (uint32_t reason = 0; reason < BH_REASON_COUNT; reason++) {
            sum.from_pod += counters[BH_EGRESS][reason].packets;
            sum.to_pod += counters[BH_INGRESS][reason].packets;
        }
    }
    return sum;
}

uint32_t id_of_map(const RawMap& map) {
    const auto text =
        output_of("grep map_id /proc/" + std::to_string(getpid()) + "/fdinfo/" + std::to_string(map.fd()));
    return static_cast<uint32_t>(std::stoul(text.substr(text.find(':') + 1)));
}

} // namespace bulkhead::test
