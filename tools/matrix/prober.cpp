// SPDX-License-Identifier: Apache-2.0
#include "matrix/prober.h"

#include <netinet/in.h>
#include <sys/epoll.h>

#include <array>
#include <random>

#include "support/sockets.h"

namespace bulkhead::matrix {

namespace {

using namespace test;

constexpr auto kResend = 200ms; // datagrams may meet a full socket
constexpr auto kTick = 20ms;
constexpr uint8_t kEchoRequest4 = 8, kEchoReply4 = 0;
constexpr uint8_t kEchoRequest6 = 128, kEchoReply6 = 129;

struct IcmpEcho { // RFC 792, RFC 4443; the kernel fills in checksum and identifier
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    uint16_t id;
    uint16_t sequence;
    uint64_t token;
};

/// One probe under way.
struct Attempt {
    const Probe* probe = nullptr;
    uint64_t token = 0;
    Fd fd;
    Deadline deadline{};
    Deadline resend{};
    bool connected = false;
    std::optional<Outcome> outcome;

    bool is_stream() const { return probe->protocol == BH_TCP; }
    bool is_ping() const { return probe->protocol == BH_ICMP; }

    Result<> open(uint64_t fresh_token);
    void begin();
    void advance(uint32_t events);
    void tick(Deadline now);

private:
    void send_token();
    void receive();
    void end(Outcome how);
    void end_by(int error) { end(error == ECONNREFUSED ? Outcome::kRefused : Outcome::kFailed); }
    int pending_error() const;
};

Result<> Attempt::open(uint64_t fresh_token) {
    token = fresh_token;
    const bool v4 = probe->to.family == BH_IPV4;
    const int icmp = v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
    const int type = (is_stream() ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    fd = Fd(socket(v4 ? AF_INET : AF_INET6, type, is_ping() ? icmp : 0));
    if (!fd.valid()) return fail("open a socket to probe " + probe->to.text(), errno);
    return {};
}

void Attempt::begin() {
    deadline = after(probe->patience);
    const auto address = SocketAddress::of(probe->to, probe->port);
    const int failed = connect(fd.get(), address.raw(), address.size);
    if (failed && errno != EINPROGRESS) return end_by(errno);
    if (!is_stream()) send_token();
}

void Attempt::send_token() {
    const bool v4 = probe->to.family == BH_IPV4;
    const IcmpEcho echo{
        .type = v4 ? kEchoRequest4 : kEchoRequest6, .code = 0, .checksum = 0, .id = 0, .sequence = 0, .token = token};
    const void* data = is_ping() ? static_cast<const void*>(&echo) : &token;
    const size_t size = is_ping() ? sizeof echo : sizeof token;
    resend = after(kResend);
    if (send(fd.get(), data, size, MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != ENOBUFS) end_by(errno);
}

void Attempt::advance(uint32_t events) {
    if (outcome) return;
    if (is_stream() && !connected) {
        if (const int error = pending_error()) return end_by(error);
        if (!(events & EPOLLOUT)) return;
        connected = true;
        send_token();
    }
    if (!outcome) receive();
}

void Attempt::receive() {
    std::array<uint8_t, 64> bytes{};
    const ssize_t got = recv(fd.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return end_by(errno);
    if (got == 0 && is_stream()) return end(Outcome::kConnected);
    const bool v4 = probe->to.family == BH_IPV4;
    const bool is_reply = !is_ping() || bytes[0] == (v4 ? kEchoReply4 : kEchoReply6);
    const size_t at = is_ping() ? offsetof(IcmpEcho, token) : 0;
    const bool is_whole = static_cast<size_t>(got) == at + sizeof token;
    if (is_reply && is_whole && std::memcmp(bytes.data() + at, &token, sizeof token) == 0) end(Outcome::kAnswered);
}

void Attempt::tick(Deadline now) {
    if (outcome) return;
    if (now >= deadline) return end(connected ? Outcome::kConnected : Outcome::kSilent);
    if (!is_stream() && now >= resend) send_token();
}

void Attempt::end(Outcome how) {
    outcome = how;
    fd = Fd();
}

int Attempt::pending_error() const {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// All attempts of one place, by one thread that is already there.
class Prober {
public:
    explicit Prober(const std::vector<Probe>& probes) : attempts_(probes.size()) {
        for (size_t i = 0; i < probes.size(); ++i)
            attempts_[i].probe = &probes[i];
    }

    Result<> run() {
        if (auto opened = open(); !opened) return opened;
        for (Attempt& attempt : attempts_)
            attempt.begin();
        while (under_way())
            turn();
        return {};
    }

    std::vector<Outcome> outcomes() const {
        std::vector<Outcome> outcomes;
        for (const Attempt& attempt : attempts_)
            outcomes.push_back(*attempt.outcome);
        return outcomes;
    }

private:
    Result<> open() {
        epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
        if (!epoll_.valid()) return fail("create an epoll", errno);
        events_.resize(attempts_.size());
        std::mt19937_64 tokens(std::random_device{}());
        for (size_t i = 0; i < attempts_.size(); ++i) {
            if (auto opened = attempts_[i].open(tokens()); !opened) return opened;
            epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = i}};
            if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, attempts_[i].fd.get(), &event) != 0)
                return fail("watch a socket", errno);
        }
        return {};
    }

    bool under_way() const {
        return std::ranges::any_of(attempts_, [](const Attempt& attempt) { return !attempt.outcome; });
    }

    /// Events before deadlines: what has arrived in time counts, however late this thread runs.
    void turn() {
        const int tick = static_cast<int>(std::chrono::milliseconds(kTick).count());
        const auto now = Clock::now();
        const int count = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), tick);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events_[static_cast<size_t>(i)];
            attempts_[event.data.u64].advance(event.events);
        }
        for (Attempt& attempt : attempts_)
            attempt.tick(now);
    }

    std::vector<Attempt> attempts_;
    std::vector<epoll_event> events_;
    Fd epoll_;
};

} // namespace

std::string_view outcome_name(Outcome outcome) {
    switch (outcome) {
    case Outcome::kAnswered:
        return "answered";
    case Outcome::kSilent:
        return "silent";
    case Outcome::kConnected:
        return "connected, then silent";
    case Outcome::kRefused:
        return "refused";
    case Outcome::kFailed:
        return "failed";
    }
    return "?";
}

Result<std::vector<Outcome>> probe_all(const Netns& from, const std::vector<Probe>& probes) {
    if (probes.empty()) return std::vector<Outcome>{};
    Prober prober(probes);
    if (auto run = from.run([&] { return prober.run(); }); !run) return tl::unexpected(run.error());
    return prober.outcomes();
}

} // namespace bulkhead::matrix
