// SPDX-License-Identifier: Apache-2.0
//
// A flow record: one conversation (or what was refused of one) as one node judged it, with the names that its ends had
// at that moment. What /v1/flows streams, bulkheadctl prints and a file keeps; docs/flows.md describes its JSON, whose
// fields are an interface that scripts read. Values; no threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/address.h"
#include "base/result.h"
#include "bulkhead/abi.h"

namespace bulkhead::flow {

using Json = nlohmann::ordered_json;
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// What an address belongs to. `kHost` is a node (and the pods on its network), `kWorld` an address that no source
/// names, `kUnknown` one that can't be told any more, or a pod of this node that no source has told of yet.
enum class Kind : uint8_t { kPod, kHost, kService, kResource, kClusterDns, kApiServer, kWorld, kUnknown };

/// The workload that made a pod: "Deployment", "web". Empty where nobody says.
struct Workload {
    std::string kind;
    std::string name;

    bool operator==(const Workload&) const = default;
};

/// `address.family` 0: the packet had no address that could be read (not IP, or cut short).
struct End {
    Address address{.bytes = {}, .family = 0};
    uint16_t port = 0; // 0 where the protocol has none
    Kind kind = Kind::kUnknown;
    std::string ns;   // of a pod
    std::string name; // of the pod, node, Service or AWSResource; empty for the world
    Workload workload;
    std::string tenant; // "payments", "ns/blog"; empty = none
    bool is_protected = false;
    std::map<std::string, std::string> labels; // those of a pod that this node knows

    bool has_address() const { return address.family != 0; }
    bool operator==(const End&) const = default;
};

struct Record {
    Time time{};  // of the newest packet that is told here
    Time first{}; // of the first; equal to `time` unless packets were counted together
    std::string node;
    bh_direction direction = BH_INGRESS; // as the pod at which it was judged sees it
    bh_verdict verdict = BH_VERDICT_ALLOW;
    bh_reason reason = BH_REASON_OPEN;
    End source;
    End destination;
    uint8_t protocol = 0;  // IANA's number
    uint8_t tcp_flags = 0; // as in the header: FIN = 1, SYN = 2, ...
    uint8_t icmp_type = 0;
    uint8_t icmp_code = 0;
    std::string origin;   // the object behind the line: "AccessGrant payments/for-blog"; empty = no object decided
    uint64_t packets = 0; // that this record stands for
    uint64_t bytes = 0;

    bool operator==(const Record&) const = default;
};

const char* label_of(Kind kind);

/// "allowed", "denied", "audit": what became of a conversation, where bulkhead::label_of() names the rule's word.
const char* outcome_of(bh_verdict verdict);

/// "protected", "non-protected".
const char* level_of(const End& end);

/// "TCP", "UDP", "SCTP", "ICMP", "ICMPv6"; the number of any other.
std::string protocol_text(uint8_t protocol);

/// In any case. "ICMP" is IPv4's alone here.
Result<uint8_t> parse_protocol(std::string_view text);

/// "SYN", "ACK", ... in the order of their bits.
std::vector<std::string> tcp_flag_names(uint8_t flags);

/// What is empty or 0 by its nature is left out. Names are kept as they are, so dump it by line_of() (stream.h).
Json to_json(const Record& record);

/// What to_json() made. Says which field is wrong and why ("source.port: 70000 is not between 0 and 65535"); unknown
/// fields are ignored, so that newer records can be read.
Result<Record> parse(const Json& json);

} // namespace bulkhead::flow
