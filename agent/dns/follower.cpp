// SPDX-License-Identifier: Apache-2.0
#include "dns/follower.h"

#include <algorithm>
#include <random>

namespace bulkhead::dns {

namespace {

Cidr alone(const Address& address) {
    return {.address = address, .length = static_cast<uint8_t>(address.bits())};
}

} // namespace

Result<std::unique_ptr<Follower>> Follower::create(Loop& loop, std::vector<Server> servers, Settings settings,
                                                   std::function<void()> on_change) {
    auto resolver = Resolver::create(std::move(servers));
    if (!resolver) return tl::unexpected(resolver.error());
    for (const auto& server : (*resolver)->servers())
        settings.never.push_back(alone(server.address));
    std::unique_ptr<Follower> follower(
        new Follower(loop, std::move(settings), std::move(*resolver), std::move(on_change)));
    if (auto started = follower->start(); !started) return within("follow names", started.error());
    return follower;
}

Follower::Follower(Loop& loop, Settings settings, std::unique_ptr<Resolver> resolver, std::function<void()> on_change)
    : loop_(loop), names_(std::move(settings), std::random_device{}()), on_change_(std::move(on_change)),
      resolver_(std::move(resolver)) {}

Follower::~Follower() {
    loop_.unwatch(resolver_->fd());
}

Result<> Follower::start() {
    auto timer = loop_.timer([this] { ask_due(); });
    if (!timer) return tl::unexpected(timer.error());
    timer_ = std::move(*timer);
    return loop_.watch(resolver_->fd(), [this] {
        resolver_->work();
        ask_due();
    });
}

std::vector<std::string> Follower::follow(const std::set<std::string>& names) {
    auto too_many = names_.follow(names, std::chrono::steady_clock::now());
    was_settled_ = names_.settled();
    timer_->arm_in(std::chrono::milliseconds(0));
    return too_many;
}

void Follower::ask_due() {
    for (const auto& question : names_.due(std::chrono::steady_clock::now()))
        resolver_->ask(question, [this, question](const Answer& answer) {
            if (names_.take(question, answer, std::chrono::steady_clock::now())) changed_ = true;
        });
    if (const auto next = names_.wakes_at())
        timer_->arm_in(std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::steady_clock::now()));
    tell();
}

void Follower::tell() {
    const bool is_settled = names_.settled();
    if (is_settled && !was_settled_) changed_ = true;
    was_settled_ = is_settled;
    if (std::exchange(changed_, false)) on_change_();
}

} // namespace bulkhead::dns
