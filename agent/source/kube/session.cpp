// SPDX-License-Identifier: Apache-2.0
#include "source/kube/session.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace bulkhead::source::kube {

namespace {

using namespace std::chrono_literals;

Server server_of(const Access& access) {
    return {.url = access.server,
            .authorities = access.ca,
            .name = access.server_name,
            .proxy = access.proxy,
            .verify = !access.insecure,
            .compression = access.compression};
}

} // namespace

Result<std::unique_ptr<Session>> Session::create(const Access& access, uint32_t seed) {
    std::unique_ptr<Session> session(new Session(seed));
    if (auto opened = session->open(access); !opened) return within("talk to " + access.server, opened.error());
    return session;
}

Result<> Session::open(const Access& access) {
    epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.valid()) return fail("create epoll", errno);
    timer_ = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer_.valid()) return fail("create timer", errno);
    auto credentials = Credentials::create(access);
    if (!credentials) return tl::unexpected(credentials.error());
    credentials_ = std::move(*credentials);
    auto client = HttpClient::create(server_of(access));
    if (!client) return tl::unexpected(client.error());
    client_ = std::move(*client);
    if (!access.ca_file.empty())
        authorities_.emplace(std::vector<RotatingFiles::Part>{{access.ca_file, check_certificates}});
    for (const int fd : {timer_.get(), credentials_->fd(), client_->fd()})
        if (auto watched = watch(fd); !watched) return watched;
    return {};
}

Result<> Session::watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail("watch fd " + std::to_string(fd), errno);
    return {};
}

void Session::work() {
    uint64_t expirations = 0;
    [[maybe_unused]] const auto got = read(timer_.get(), &expirations, sizeof expirations);
    wake_at_.reset();
    follow_authorities();
    credentials_->work();
    client_->work();
}

/// A cluster's authority is replaced seldom, and with the old one beside the new for a while; who never looks again
/// is locked out when the old one is gone.
void Session::follow_authorities() {
    if (!authorities_) return;
    authorities_->look(Clock::real().now());
    if (!authorities_->texts().empty()) client_->set_authorities(authorities_->texts().front());
}

const std::string& Session::error() const {
    static const std::string kNone;
    return authorities_ ? authorities_->error() : kNone;
}

void Session::wake_by(Time time) {
    if (wake_at_ && *wake_at_ <= time) return;
    wake_at_ = time;
    const auto delay = std::max<std::chrono::nanoseconds>(time - std::chrono::steady_clock::now(), 1ns); // 0 disarms
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
    const itimerspec spec{.it_interval = {},
                          .it_value = {.tv_sec = seconds.count(), .tv_nsec = (delay - seconds).count()}};
    timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

} // namespace bulkhead::source::kube
