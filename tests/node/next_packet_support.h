// SPDX-License-Identifier: Apache-2.0
//
// Talks: conversations of every kind between a guarded pod and somebody else, that a change either cuts or
// leaves alone; and what it takes to send and see single packets, lies included.
#pragma once

#include <sched.h>

#include <initializer_list>

#include "fixture.h"
#include "support/conversation.h"
#include "support/packet_builder.h"

namespace bulkhead::test {

inline constexpr uint16_t kFirstPort = 7000, kLastPort = 7999; // where talks' servers listen
inline constexpr auto kWatch = 2s;                             // how long what was cut has to stay cut

enum class Begun : uint8_t { kByGuarded, kByOther };

struct Kind {
    const char* name;
    bool stream;
    Flow flow;
};

inline constexpr std::initializer_list<Kind> kEveryKind{{"TCP, server pushes", true, Flow::kServerPushes},
                                                        {"TCP, client pushes", true, Flow::kClientPushes},
                                                        {"TCP, idle", true, Flow::kIdle},
                                                        {"UDP, ping-pong", false, Flow::kPingPong}};

struct Talk {
    std::string what;
    Kind kind{};
    Begun begun = Begun::kByOther;
    Fd listener; // a server goes on listening
    std::unique_ptr<Conversation> conversation;

    End guarded_end() const { return begun == Begun::kByGuarded ? End::kClient : End::kServer; }
    End other_end() const { return begun == Begun::kByGuarded ? End::kServer : End::kClient; }
};

using Talks = std::vector<Talk>;

/// One talk of each kind and family, under way. `first_port` is the first server's.
Talks begin_talks(const Place& guarded, const Place& other, Begun begun, uint16_t first_port = kFirstPort,
                  const std::vector<Kind>& kinds = kEveryKind);
void append(Talks& talks, Talks more);

/// Sees that some talks stop at `moment` and stay stopped while others go on: nothing that was sent
/// after it reaches the guarded pod on what is cut, however long it is tried.
void check_cut_and_going_on(const Talks& cut, const Talks& going_on, Clock::time_point moment);
void check_going_on(const Talks& talks);

/// Datagrams to as many ports of a neighbour, each a conversation of its own for the flow memory. None is answered,
/// so they push out nothing that was.
void flood(const Place& from, const Place& to, size_t conversations);

/// Makes the flow memory of a pod under an agent with `--flow-sets` kFewSets forget what is idle, by many
/// conversations that are answered.
void forget(const Place& pod, const Place& other);
inline constexpr size_t kFewSets = 64;

/// A protected pod on node-a, one of its tenant elsewhere, and strangers near and far. No agent yet.
struct Town {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeB, "vault/kin", 21);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);

    Town();
};

/// Sends whole frames from a pod's interface to its host side.
class FrameSender {
public:
    explicit FrameSender(const Place& from, const std::string& device = "eth0");
    void send(const Bytes& frame) const;
    /// A frame's beginning: from the pod to its gateway.
    Packet frame() const { return packet().eth(gateway_, own_); }

private:
    Fd fd_;
    Mac own_{};
    Mac gateway_{};
};

/// Keeps the thread on its CPU as long as this lives: frames that one CPU sends keep their order.
class OneCpu {
public:
    OneCpu();
    OneCpu(const OneCpu&) = delete;
    OneCpu& operator=(const OneCpu&) = delete;
    ~OneCpu();

private:
    cpu_set_t before_{};
};

/// Counts frames that come to an interface and contain certain bytes.
class Tap {
public:
    /// With an ethertype (host order) what the interface's programs let pass; without, all that arrives.
    explicit Tap(const Netns& netns, const std::string& device = "eth0", uint16_t ethertype = 0);

    /// How many were there so far, by marker.
    size_t count(const std::string& marker);
    bool sees(const std::string& marker, size_t times, Deadline deadline);

private:
    void read_all();

    Fd fd_;
    std::vector<std::string> frames_;
};

/// The name of a pod's host-side interface.
std::string veth_of(const AgentProcess& agent, const Place& pod);

/// As another agent may have made them on each device. Where there are none, clsact costs a device what it sends while
/// they are made.
void add_qdiscs(const Place& node);

} // namespace bulkhead::test
