// SPDX-License-Identifier: Apache-2.0
#include "next_packet_support.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <sstream>

#include "support/echo_server.h"

namespace bulkhead::test {

namespace {

constexpr auto kGoesOn = 10s;               // for a packet to pass on a busy machine
constexpr auto kStalled = 500ms;            // after that long a sender without answers has filled its window
constexpr uint16_t kEveryProtocol = 0x0003; // ETH_P_ALL

Talk begin(const Place& guarded, const Place& other, Begun begun, const Kind& kind, uint8_t family, uint16_t port) {
    const Place& client = begun == Begun::kByGuarded ? guarded : other;
    const Place& server = begun == Begun::kByGuarded ? other : guarded;
    Talk talk{client.name + " to " + server.name + " over IPv" + std::to_string(family) + ": " + kind.name,
              kind,
              begun,
              {},
              {}};
    const Conversation::Plan plan{.flow = kind.flow, .server = {server.address(family), port}, .limit = 20s};
    auto begun_talk = kind.stream ? Conversation::tcp(client.netns, server.netns, plan)
                                  : Conversation::udp(client.netns, server.netns, plan);
    if (!begun_talk) FAIL(talk.what << ": " << begun_talk.error().text);
    talk.conversation = std::move(*begun_talk);
    if (kind.stream) talk.listener = require(tcp_listen(server.netns, plan.server));
    return talk;
}

/// Idle talks say something, so that there is something to stop.
void say_something(const Talks& talks) {
    for (const Talk& talk : talks) {
        if (talk.kind.flow != Flow::kIdle) continue;
        talk.conversation->poke(End::kClient);
        talk.conversation->poke(End::kServer);
    }
}

bool client_hears(const Kind& kind) {
    return kind.flow != Flow::kClientPushes;
}
bool server_hears(const Kind& kind) {
    return kind.flow != Flow::kServerPushes;
}

void check_still_arrives(const Talk& talk, Clock::time_point moment) {
    INFO(talk.what);
    if (client_hears(talk.kind)) CHECK(talk.conversation->arrives(End::kClient, moment, after(kGoesOn)));
    if (server_hears(talk.kind)) CHECK(talk.conversation->arrives(End::kServer, moment, after(kGoesOn)));
}

/// Does the other side hear the guarded one no more, either? Datagrams that it sends of its own accord
/// it may send: who is open is open.
bool ends_both_ways(const Talk& talk) {
    return talk.kind.stream || talk.begun == Begun::kByOther;
}

Mac mac_of(const std::string& text) {
    Mac mac{};
    std::istringstream digits(text);
    for (uint8_t& byte : mac) {
        unsigned int value = 256;
        digits >> std::hex >> value;
        if (value > 255) FAIL("\"" << text << "\" is no MAC");
        byte = static_cast<uint8_t>(value);
        digits.ignore(1, ':');
    }
    return mac;
}

Fd packet_socket(const Netns& netns, const std::string& device, uint16_t protocol) {
    auto opened = netns.run([&] {
        Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_ll where{};
        where.sll_family = AF_PACKET;
        where.sll_protocol = htons(protocol);
        where.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
        const int room = 64 << 20;
        setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        if (!fd.valid() || bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
            return Result<Fd>(fail("listen on " + device + " in " + netns.name(), errno));
        return Result<Fd>(std::move(fd));
    });
    return require(std::move(opened));
}

Json ip_json(const Netns& netns, std::vector<std::string> words) {
    words.insert(words.begin(), {"ip", "-j"});
    const auto [status, output] = run_in(netns, words);
    if (status != 0) FAIL("ip: " << output);
    return Json::parse(output);
}

} // namespace

Talks begin_talks(const Place& guarded, const Place& other, Begun begun, uint16_t first_port,
                  const std::vector<Kind>& kinds) {
    Talks talks;
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        for (const Kind& kind : kinds)
            talks.push_back(begin(guarded, other, begun, kind, family, first_port++));
    return talks;
}

void append(Talks& talks, Talks more) {
    for (Talk& talk : more)
        talks.push_back(std::move(talk));
}

void check_cut_and_going_on(const Talks& cut, const Talks& going_on, Clock::time_point moment) {
    say_something(cut);
    say_something(going_on);
    for (const Talk& talk : going_on)
        check_still_arrives(talk, moment);
    const Deadline stalled = moment + kStalled;
    std::this_thread::sleep_until(stalled); // the time for which something is *not* to happen
    std::vector<uint64_t> heard;
    for (const Talk& talk : cut)
        heard.push_back(talk.conversation->bytes_arrived(talk.other_end()));
    std::this_thread::sleep_until(moment + kWatch);
    for (size_t i = 0; i < cut.size(); ++i) {
        INFO(cut[i].what);
        CHECK(cut[i].conversation->newest_sent(cut[i].guarded_end()) <= moment);
        if (ends_both_ways(cut[i])) CHECK(cut[i].conversation->bytes_arrived(cut[i].other_end()) == heard[i]);
    }
    check_going_on(going_on);
}

void check_going_on(const Talks& talks) {
    const auto now = Clock::now();
    say_something(talks);
    for (const Talk& talk : talks)
        check_still_arrives(talk, now);
}

void flood(const Place& from, const Place& to, size_t conversations) {
    constexpr size_t kPorts = 16384;
    const std::vector<uint8_t> bytes(8);
    for (size_t done = 0; done < conversations;) {
        const Fd fd = require(open_socket(from.netns, BH_IPV4, SOCK_DGRAM));
        for (size_t port = 0; port < kPorts && done < conversations; ++port, ++done) {
            const auto where = SocketAddress::of(to.ip4, static_cast<uint16_t>(20000 + port));
            wait_until([&] { return sendto(fd.get(), bytes.data(), bytes.size(), 0, where.raw(), where.size) > 0; },
                       after(5s));
        }
    }
}

void forget(const Place& pod, const Place& other) {
    constexpr size_t kConversations = size_t{4} * kFewSets * BH_FLOW_WAYS;
    constexpr uint16_t kFirstClient = 20000;
    const Endpoint server{other.ip4, 9};
    const auto echo = require(EchoServer::start(other.netns, {server.port}));
    const std::vector<uint8_t> bytes(8);
    for (size_t i = 0; i < kConversations; ++i) {
        const Fd fd = require(udp_connect(pod.netns, server, static_cast<uint16_t>(kFirstClient + i)));
        require(send_all(fd, bytes, after(5s)));
        require(receive_datagram(fd, after(5s)));
    }
}

Town::Town() {
    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    net.manifests().write("blog.yaml", namespace_text("blog"));
}

FrameSender::FrameSender(const Place& from, const std::string& device) : fd_(packet_socket(from.netns, device, 0)) {
    own_ = mac_of(ip_json(from.netns, {"link", "show", device}).at(0).at("address"));
    gateway_ = mac_of(ip_json(from.netns, {"neigh", "show", "169.254.1.1", "dev", device}).at(0).at("lladdr"));
}

void FrameSender::send(const Bytes& frame) const {
    if (::send(fd_.get(), frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size()))
        FAIL("a frame of " << frame.size() << " bytes can't be sent");
}

OneCpu::OneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
    sched_setaffinity(0, sizeof one, &one);
}

OneCpu::~OneCpu() {
    sched_setaffinity(0, sizeof before_, &before_);
}

Tap::Tap(const Netns& netns, const std::string& device, uint16_t ethertype)
    : fd_(packet_socket(netns, device, ethertype ? ethertype : kEveryProtocol)) {}

void Tap::read_all() {
    std::string frame(65536, '\0');
    for (;;) {
        sockaddr_ll from{};
        socklen_t size = sizeof from;
        const ssize_t got =
            recvfrom(fd_.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got < 0) return;
        if (from.sll_pkttype != PACKET_OUTGOING) frames_.emplace_back(frame.data(), static_cast<size_t>(got));
    }
}

size_t Tap::count(const std::string& marker) {
    read_all();
    return static_cast<size_t>(std::count_if(frames_.begin(), frames_.end(), [&](const std::string& frame) {
        return frame.find(marker) != std::string::npos;
    }));
}

bool Tap::sees(const std::string& marker, size_t times, Deadline deadline) {
    return wait_until([&] { return count(marker) >= times; }, deadline);
}

std::string veth_of(const AgentProcess& agent, const Place& pod) {
    const Json row = agent.endpoint(pod.name);
    if (!row.is_object() || !row.contains("interfaces")) FAIL("the agent knows no interface of " << pod.name);
    return row.at("interfaces").at(0);
}

void add_qdiscs(const Place& node) {
    const auto [status, output] =
        run_in(node.netns, {"sh", "-ec",
                            "for device in $(ip -o link show up | sed -n 's/^[0-9]*: \\([^:@]*\\).*/\\1/p'); do "
                            "[ $device = lo ] || tc qdisc add dev $device clsact; done"});
    if (status != 0) FAIL("tc: " << output);
}

} // namespace bulkhead::test
