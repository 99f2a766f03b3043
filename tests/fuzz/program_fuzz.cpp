// SPDX-License-Identifier: Apache-2.0
//
// The loaded programs against the reference parser and a few lines that say what a small cluster allows: random and
// damaged packets, at every hook, until the time is over or the two disagree.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "bpf/packets_table.h"
#include "support/random_packet.h"
#include "support/reference_parser.h"

namespace bulkhead::test {
namespace {

using Kind = Reading::Kind;
using Outcomes = std::set<std::string>; // labels; more than one where the programs' memory has a say

constexpr const char* kLeftToOthers = "left to others";
constexpr size_t kEthernet = 14;

/// Who is who in bpf/small_cluster.h.
enum class Party : uint8_t { kWorld, kNode, kPod, kPayments, kVault };

Party party_of(const Reading& reading, const Reading::Ip& ip) {
    static const std::map<std::string, Party> kParties{
        {"10.0.0.1", Party::kNode},     {"10.0.1.1", Party::kPod},       {"10.0.1.2", Party::kPayments},
        {"10.0.1.3", Party::kPod},      {"10.0.1.4", Party::kPod},       {"10.0.2.1", Party::kPod},
        {"10.0.2.2", Party::kPayments}, {"10.0.200.10", Party::kVault},  {"fd00::1", Party::kNode},
        {"fd00:1::1", Party::kPod},     {"fd00:1::2", Party::kPayments}, {"fd00:1::3", Party::kPod},
        {"fd00:1::4", Party::kPod},     {"fd00:2::1", Party::kPod},      {"fd00:2::2", Party::kPayments},
        {"fd00:c8::10", Party::kVault},
    };
    Address address{.bytes = ip, .family = reading.version == 4 ? BH_IPV4 : BH_IPV6};
    const auto found = kParties.find(address.text());
    return found == kParties.end() ? Party::kWorld : found->second;
}

/// blog/web's own.
bool is_webs(const Reading& reading, const Reading::Ip& ip) {
    const Address address{.bytes = ip, .family = reading.version == 4 ? BH_IPV4 : BH_IPV6};
    return reading.version != 0 && (address.text() == "10.0.1.1" || address.text() == "fd00:1::1");
}

bool is_link_local(const Reading& reading, const Reading::Ip& ip) {
    return reading.version == 6 && ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

bool is_multicast6(const Reading::Ip& ip) {
    return ip[0] == 0xff;
}

std::string not_understood(const Reading& reading) {
    return reading.kind == Kind::kTooManyExtensions ? "extensions" : "malformed";
}

bool is_judgeable(const Reading& reading) {
    return reading.kind != Kind::kArp && reading.kind != Kind::kOther;
}

/// ARP's sender (RFC 826) is web's own address or none.
bool asks_as_web(std::span<const uint8_t> frame) {
    constexpr size_t kSender = kEthernet + 14;
    if (frame.size() < kSender + 4) return true; // no ARP that the kernel would look at
    const std::vector<uint8_t> sender(frame.begin() + kSender, frame.begin() + kSender + 4);
    return sender == std::vector<uint8_t>{10, 0, 1, 1} || sender == std::vector<uint8_t>(4);
}

class Predictor {
public:
    Outcomes at_ledger(const Reading& reading, std::span<const uint8_t> frame) {
        if (!is_judgeable(reading)) return {kLeftToOthers};
        if (reading.version != 0 && party_of(reading, reading.src) == Party::kPayments) return {"same-tenant"};
        if (reading.kind != Kind::kWhole) return {not_understood(reading)};
        if (reading.piece == Reading::Piece::kLater) return of_later(reading);
        if (reading.ports && ledger_exposes(reading.protocol, reading.ports->second)) {
            if (reading.piece == Reading::Piece::kFirst) notes_.insert(key_of(reading));
            return {"exposed"};
        }
        if (reading.icmp == Reading::Icmp::kError) return of_error(reading, frame);
        return {"not-granted"};
    }

    static Outcomes at_web(const Reading& reading) {
        if (!is_judgeable(reading)) return {kLeftToOthers};
        return {"open"};
    }

    static Outcomes from_web(const Reading& reading, std::span<const uint8_t> frame) {
        if (reading.kind == Kind::kArp) return {asks_as_web(frame) ? kLeftToOthers : "spoofed"};
        if (reading.kind == Kind::kOther) return {"ethertype"};
        if (reading.version == 0) return {"malformed"};
        if (!web_may_send_as(reading)) return {"spoofed"};
        if (reading.kind != Kind::kWhole)
            return {is_link_local(reading, reading.src) ? not_understood(reading) : kLeftToOthers};
        if (reading.icmp == Reading::Icmp::kRouter) return {"router-icmp"};
        if (reading.icmp == Reading::Icmp::kError) {
            const auto quoted = quoted_in(reading, frame);
            if (quoted.kind != Kind::kWhole || !is_webs(quoted, quoted.dst)) return {"unrelated"};
        }
        return {kLeftToOthers};
    }

    static Outcomes off_node_from_web(const Reading& reading) {
        if (reading.version == 0) return {kLeftToOthers};
        switch (party_of(reading, reading.dst)) {
        case Party::kPod:
        case Party::kPayments:
            return {kLeftToOthers};
        case Party::kVault:
            return {reading.kind == Kind::kWhole ? "not-granted" : not_understood(reading)};
        default:
            return {"open"};
        }
    }

    /// What came by one uplink and leaves by another.
    static Outcomes off_node_from_elsewhere(const Reading& reading) {
        if (reading.version == 0 || party_of(reading, reading.dst) != Party::kVault) return {kLeftToOthers};
        const Party sender = party_of(reading, reading.src);
        if (sender == Party::kWorld || sender == Party::kVault) return {kLeftToOthers};
        if (reading.kind != Kind::kWhole) return {not_understood(reading)};
        return {begins(reading) ? "not-granted" : kLeftToOthers};
    }

private:
    using NoteKey = std::tuple<int, Reading::Ip, Reading::Ip, uint32_t, uint8_t>;

    static bool ledger_exposes(uint8_t protocol, uint16_t port) {
        return (protocol == 6 && port == 8443) || (protocol == 17 && port == 5300);
    }

    static bool web_may_send_as(const Reading& reading) {
        if (is_webs(reading, reading.src)) return true;
        if (reading.version != 6) return false;
        if (reading.src == Reading::Ip{}) return is_multicast6(reading.dst);
        return is_link_local(reading, reading.src) &&
               (is_link_local(reading, reading.dst) || is_multicast6(reading.dst));
    }

    static bool begins(const Reading& reading) {
        constexpr uint8_t kSyn = 0x02, kAck = 0x10;
        return (reading.tcp_flags & (kSyn | kAck)) == kSyn || reading.begins_association ||
               reading.icmp == Reading::Icmp::kEchoRequest;
    }

    static Reading quoted_in(const Reading& reading, std::span<const uint8_t> frame) {
        return read_packet(frame, reading.quoted_at.value(), reading.version == 4 ? 0x0800 : 0x86dd, true);
    }

    /// ledger began nothing, so it hears of no errors but those about what it answers on its exposed ports.
    static Outcomes of_error(const Reading& reading, std::span<const uint8_t> frame) {
        const auto quoted = quoted_in(reading, frame);
        const bool about_ledger = quoted.kind == Kind::kWhole && party_of(quoted, quoted.src) == Party::kPayments;
        const bool about_exposed = quoted.ports && ledger_exposes(quoted.protocol, quoted.ports->first);
        const bool about_own_tenant = about_ledger && party_of(quoted, quoted.dst) == Party::kPayments;
        if (about_ledger && (about_exposed || about_own_tenant)) return {"unrelated", "related"};
        return {"unrelated"};
    }

    static NoteKey key_of(const Reading& reading) {
        const uint8_t protocol = reading.version == 4 ? reading.protocol : uint8_t{0};
        return {reading.version, reading.src, reading.dst, reading.fragment_id, protocol};
    }

    /// The programs may have forgotten the note, but they can't have another one.
    Outcomes of_later(const Reading& reading) const {
        return notes_.contains(key_of(reading)) ? Outcomes{"exposed", "not-granted"} : Outcomes{"not-granted"};
    }

    std::set<NoteKey> notes_; // of first pieces to an exposed port
};

struct Options {
    double minutes = 2;
    uint64_t seed = 0;
};

RandomPackets::World world() {
    return {.ipv4 = {"10.0.0.1", "10.0.1.1", "10.0.1.1", "10.0.1.2", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.2.1",
                     "10.0.2.2", "10.0.200.10", "198.51.100.9", "203.0.113.5", "169.254.1.1", "224.0.0.1", "0.0.0.0"},
            .ipv6 = {"fd00::1", "fd00:1::1", "fd00:1::1", "fd00:1::2", "fd00:1::2", "fd00:1::3", "fd00:1::4",
                     "fd00:2::1", "fd00:2::2", "fd00:c8::10", "2001:db8::9", "fe80::1:1", "fe80::1", "ff02::1", "::"},
            .ports = {8443, 8444, 5300, 5301, 80, 22, 53, 0, 65535}};
}

/// New kernels refuse to try a program on what has less than an IP header; parse_fuzz reads such packets.
bool can_be_tried(const Bytes& frame, uint16_t ethertype) {
    const size_t header = ethertype == 0x0800 ? 20 : ethertype == 0x86dd ? 40 : 1;
    return frame.size() >= kEthernet + header;
}

std::string hex(const Bytes& bytes) {
    std::string text;
    for (const uint8_t byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

/// One packet at one hook; false = the program and the prediction disagree.
bool agrees(const Wire& wire, const Way& way, const Bytes& frame, const Outcomes& expected) {
    const Met found = meet(wire, way, frame);
    const bool falls = found.judged && bh_verdict_of(*found.judged) == BH_VERDICT_DENY;
    if (expected.contains(label_of(found.judged)) && found.passes == !falls) return true;
    std::string wanted;
    for (const auto& label : expected)
        wanted += (wanted.empty() ? "" : " or ") + label;
    fmt::print("disagreement at {} of {}: expected {}, found {}{}\n  {}\n",
               way.hook == Way::Hook::kFromPod ? "from-pod"
               : way.hook == Way::Hook::kToPod ? "to-pod"
                                               : "uplink",
               way.veth, wanted, label_of(found.judged), found.passes ? ", passes" : ", falls", hex(frame));
    return false;
}

int run(const Options& options) {
    const Wire wire(shared_machine());
    RandomPackets packets(world(), options.seed);
    Predictor predictor;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(options.minutes * 60);
    uint64_t tried = 0;
    std::map<std::string, uint64_t> seen;
    for (uint64_t number = 0; number % 1024 != 0 || std::chrono::steady_clock::now() < end; ++number) {
        const Bytes frame = packets.next();
        const auto ethertype = static_cast<uint16_t>(frame[12] << 8 | frame[13]);
        if (!can_be_tried(frame, ethertype)) continue;
        const Reading reading = read_packet(frame, kEthernet, ethertype);
        Outcomes expected;
        Way way;
        switch (packets.below(5)) {
        case 0:
            way = to(kLedger);
            expected = predictor.at_ledger(reading, frame);
            break;
        case 1: // who asked web is answered: the vault must not have asked
            if (reading.version != 0 && party_of(reading, reading.src) == Party::kVault) continue;
            way = to(kWeb);
            expected = Predictor::at_web(reading);
            break;
        case 2:
            way = sent_by(kWeb);
            expected = Predictor::from_web(reading, frame);
            break;
        case 3:
            way = off_node(kFromUplink);
            expected = Predictor::off_node_from_elsewhere(reading);
            break;
        default:
            way = off_node(kWeb);
            expected = Predictor::off_node_from_web(reading);
        }
        if (!agrees(wire, way, frame, expected)) {
            fmt::print("packet {} of seed {}\n", number, options.seed);
            return 1;
        }
        ++tried;
        for (const auto& label : expected)
            ++seen[label];
    }
    fmt::print("{} packets of seed {}, no disagreement; expected:", tried, options.seed);
    for (const auto& [label, times] : seen)
        fmt::print(" {} {},", label, times);
    fmt::print("\b \n");
    return 0;
}

} // namespace
} // namespace bulkhead::test

int main(int argc, char** argv) {
    bulkhead::test::Options options;
    options.seed = std::random_device{}();
    CLI::App app("Random packets at the loaded programs, against a second reading of them. Needs root.");
    app.add_option("--minutes", options.minutes, "how long")->check(CLI::PositiveNumber);
    app.add_option("--seed", options.seed, "of the packets; otherwise a new one each time");
    CLI11_PARSE(app, argc, argv);
    return bulkhead::test::run(options);
}
