// SPDX-License-Identifier: Apache-2.0
//
// Questions to one DNS server, by c-ares: over UDP with EDNS, and over TCP where the answer is too long for that.
// c-ares checks that a reply comes from the server and belongs to the question. What the server answers is handed on as
// it is: who asks decides about another server, and can say which one said what.
//
// One thread. Callbacks come out of ask() and work_on() only, and may ask again.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "dns/question.h"
#include "dns/server.h"

struct ares_channeldata;

namespace bulkhead::dns {

/// Those of /etc/resolv.conf.
Result<std::vector<Server>> configured_servers();

class Channel {
public:
    using Callback = std::function<void(Answer)>;
    /// What of a socket is waited for; neither: it is about to be closed.
    using SocketCallback = std::function<void(int fd, bool readable, bool writable)>;

    /// A question ends as kNoReply after `patience` over UDP, and once more as long where it goes on over TCP.
    static Result<std::unique_ptr<Channel>> create(const Server& server, std::chrono::milliseconds patience,
                                                   SocketCallback on_socket);
    ~Channel(); // forgets what was asked
    Channel(const Channel&) = delete;

    void ask(const Question& question, Callback on_answer);

    /// Call it when a socket is ready, or with none (-1, -1) when wait() is over.
    void work_on(int readable, int writable);
    /// Until the first question is too old; nothing if none is under way.
    std::optional<std::chrono::milliseconds> wait() const;

    const Server& server() const { return server_; }

private:
    struct Pending;
    Channel(const Server& server, std::chrono::milliseconds patience, SocketCallback on_socket);
    Result<> open();

    static void follow_socket(void* self, int fd, int readable, int writable);
    static void take_reply(void* pending, int status, int timeouts, unsigned char* reply, int size);
    Answer answer_to(const Question& question, int status, const unsigned char* reply, int size) const;

    Server server_;
    std::chrono::milliseconds patience_;
    SocketCallback on_socket_;
    ares_channeldata* ares_ = nullptr;
    bool ending_ = false;
};

} // namespace bulkhead::dns
