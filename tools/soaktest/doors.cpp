// SPDX-License-Identifier: Apache-2.0
#include "doors.h"

#include <netinet/in.h>

#include <map>

#include "support/sockets.h"

namespace bulkhead::soak {

namespace {

using Doors = std::vector<std::unique_ptr<Door>>;

class DatagramDoor : public Door {
public:
    using Door::Door;

    Doors ready() override {
        std::array<uint8_t, 2048> bytes{};
        while (true) {
            test::SocketAddress peer;
            const ssize_t size = recvfrom(fd_.get(), bytes.data(), bytes.size(), 0, peer.raw(), &peer.size);
            if (size < 0) return {};
            const auto stamp = stamp_in({bytes.data(), static_cast<size_t>(size)});
            if (!stamp) continue;
            arrival_(*stamp, *pod_, port_);
            if (stamp->delay == 0)
                (void)sendto(fd_.get(), bytes.data(), static_cast<size_t>(size), 0, peer.raw(), peer.size);
            else
                waiting_.emplace(stamp->due_at(), Answer{{bytes.begin(), bytes.begin() + size}, peer});
        }
    }

    /// Late answers need the kernel's memory of who asked, whatever happened meanwhile.
    void tick(Time now) override {
        while (!waiting_.empty() && waiting_.begin()->first <= now) {
            const auto& [bytes, peer] = waiting_.begin()->second;
            (void)sendto(fd_.get(), bytes.data(), bytes.size(), 0, peer.raw(), peer.size);
            waiting_.erase(waiting_.begin());
        }
    }

private:
    struct Answer {
        std::vector<uint8_t> bytes;
        test::SocketAddress peer;
    };

    std::multimap<Time, Answer> waiting_;
};

class ConnectionDoor : public Door {
public:
    using Door::Door;

    Doors ready() override {
        std::array<uint8_t, 16384> bytes{};
        while (!over_) {
            const ssize_t size = recv(fd_.get(), bytes.data(), bytes.size(), 0);
            if (size < 0 && errno == EAGAIN) break;
            if (size <= 0) over_ = true;
            if (size > 0) received_.insert(received_.end(), bytes.begin(), bytes.begin() + size);
        }
        answer();
        return {};
    }

    bool is_connection() const override { return true; }

private:
    /// Message by message, since each is judged; what the other side doesn't take yet waits.
    void answer() {
        while (const auto stamp = stamp_in(std::span(received_).subspan(judged_))) {
            arrival_(*stamp, *pod_, port_);
            judged_ += stamp->size;
        }
        if (judged_ == 0) return;
        const ssize_t size = send(fd_.get(), received_.data(), judged_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size <= 0) return;
        judged_ -= static_cast<size_t>(size);
        received_.erase(received_.begin(), received_.begin() + size);
    }

    std::vector<uint8_t> received_;
    size_t judged_ = 0; // of these, not sent back yet
};

class ListeningDoor : public Door {
public:
    using Door::Door;

    Doors ready() override {
        Doors came;
        while (true) {
            Fd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!fd.valid()) return came;
            came.push_back(std::make_unique<ConnectionDoor>(pod_, port_, std::move(fd), arrival_));
        }
    }
};

Result<Fd> open_one(uint8_t family, int type, uint16_t port) {
    Fd fd(socket(family == BH_IPV4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return fail("open a socket", errno);
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == BH_IPV6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    const auto local = test::SocketAddress::any(family, port);
    if (bind(fd.get(), local.raw(), local.size) != 0) return fail("bind port " + std::to_string(port), errno);
    if (type == SOCK_STREAM && listen(fd.get(), 128) != 0) return fail("listen", errno);
    return fd;
}

} // namespace

Result<Doors> open_doors(const PodPtr& pod, const Arrival& arrival) {
    Doors doors;
    for (const Port port : {kPlain, kDoor})
        for (const uint8_t family : {uint8_t{BH_IPV4}, uint8_t{BH_IPV6}})
            for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
                auto fd = open_one(family, type, kPortNumbers.at(port));
                if (!fd) return within("open the doors of " + pod->text(), fd.error());
                if (type == SOCK_STREAM)
                    doors.push_back(std::make_unique<ListeningDoor>(pod, port, std::move(*fd), arrival));
                else
                    doors.push_back(std::make_unique<DatagramDoor>(pod, port, std::move(*fd), arrival));
            }
    return doors;
}

} // namespace bulkhead::soak
