// SPDX-License-Identifier: Apache-2.0
//
// Between a client and its server: hands on what both say, byte by byte, until the test makes trouble of the kind that
// networks and dying servers make. It knows nothing of what it carries: with TLS in it, bytes that were changed are TLS
// errors.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "support/sockets.h"

namespace bulkhead::test {

enum class Trouble : uint8_t {
    kNone,
    kRefuse,  // every connection is reset, also new ones
    kReset,   // the answer breaks off with an RST
    kEnd,     // the answer ends, as if that were all of it
    kStall,   // nothing comes any more, and nobody is told; what was held back comes when the trouble is over
    kGarbage, // other bytes instead of the server's
};

class FaultyProxy {
public:
    /// Both in that namespace.
    static Result<FaultyProxy> start(const Netns& netns, const Endpoint& listen, const Endpoint& server);
    FaultyProxy(FaultyProxy&&) noexcept;
    FaultyProxy& operator=(FaultyProxy&&) = delete;
    ~FaultyProxy();

    /// From now on, in every connection after so many more bytes of the server's.
    void make(Trouble trouble, size_t after_bytes = 0);
    void end_trouble() { make(Trouble::kNone); }

    /// Ends what is open with an RST; new connections are as good as before.
    void reset_all();

    /// Connections that met trouble since make().
    size_t troubled() const;

    /// New connections go there instead.
    void lead_to(const Endpoint& server);

private:
    struct Loop;
    explicit FaultyProxy(std::unique_ptr<Loop> loop);

    std::unique_ptr<Loop> loop_;
    std::thread thread_;
};

} // namespace bulkhead::test
