// SPDX-License-Identifier: Apache-2.0
#include "datapath/filter_watch.h"

#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <set>

namespace bulkhead::datapath {

namespace {

Result<Fd> subscribe() {
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!socket.valid()) return fail("open rtnetlink", errno);
    sockaddr_nl all{};
    all.nl_family = AF_NETLINK;
    if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all) != 0)
        return fail("bind rtnetlink", errno);
    const int group = RTNLGRP_TC;
    if (setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        return fail("subscribe to tc's news", errno);
    return socket;
}

/// Signals are the loop's.
std::thread without_signals(const std::function<void()>& work) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    std::thread thread(work);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

} // namespace

FilterWatch::FilterWatch(Fd news, Fd end, OnChange on_change, OnPeriod on_period, IsOurs is_ours)
    : news_(std::move(news)), end_(std::move(end)), on_change_(std::move(on_change)), on_period_(std::move(on_period)),
      is_ours_(std::move(is_ours)), thread_(without_signals([this] { run(); })) {}

Result<std::unique_ptr<FilterWatch>> FilterWatch::start(OnChange on_change, OnPeriod on_period, IsOurs is_ours) {
    auto news = subscribe();
    if (!news) return tl::unexpected(news.error());
    Fd end(eventfd(0, EFD_CLOEXEC));
    if (!end.valid()) return fail("make an eventfd", errno);
    return std::unique_ptr<FilterWatch>(new FilterWatch(std::move(*news), std::move(end), std::move(on_change),
                                                        std::move(on_period), std::move(is_ours)));
}

FilterWatch::~FilterWatch() {
    eventfd_write(end_.get(), 1);
    thread_.join();
}

void FilterWatch::run() const {
    using std::chrono::steady_clock;
    std::array<pollfd, 2> fds{{{news_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}}};
    for (auto next = steady_clock::now() + kPeriod; fds[1].revents == 0;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - steady_clock::now()).count();
        const int ready = poll(fds.data(), fds.size(), static_cast<int>(std::max<decltype(left)>(left, 0)));
        if (ready < 0) std::this_thread::sleep_until(next); // as good as no news, and no busy loop
        if (ready > 0 && fds[0].revents != 0) take_news();
        if (steady_clock::now() < next) continue;
        on_period_();
        next = steady_clock::now() + kPeriod;
    }
}

/// The interface whose filters changed; 0 = this is about something else.
uint32_t FilterWatch::device_of(const nlmsghdr& message) const {
    if (message.nlmsg_len < NLMSG_LENGTH(sizeof(tcmsg))) return 0;
    const auto* tc = static_cast<const tcmsg*>(NLMSG_DATA(&message));
    const bool is_filter = message.nlmsg_type == RTM_NEWTFILTER || message.nlmsg_type == RTM_DELTFILTER;
    const bool is_qdisc = message.nlmsg_type == RTM_DELQDISC && tc->tcm_parent == TC_H_CLSACT; // with its filters
    if ((!is_filter && !is_qdisc) || tc->tcm_ifindex <= 0) return 0;
    if (message.nlmsg_type == RTM_NEWTFILTER && is_ours_(read_filter(&message))) return 0;
    return static_cast<uint32_t>(tc->tcm_ifindex);
}

void FilterWatch::take_news() const {
    alignas(nlmsghdr) std::array<char, 32768> buffer;
    std::set<uint32_t> devices;
    const auto heard = std::chrono::steady_clock::now();
    for (ssize_t size = 0; (size = recv(news_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
        auto left = static_cast<unsigned>(size);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left))
            if (const uint32_t ifindex = device_of(*message)) devices.insert(ifindex);
    }
    for (const uint32_t ifindex : devices)
        on_change_(ifindex, heard);
}

} // namespace bulkhead::datapath
