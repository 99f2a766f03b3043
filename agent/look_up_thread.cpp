// SPDX-License-Identifier: Apache-2.0
#include "look_up_thread.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

constexpr auto kFigures = 5s;

} // namespace

Result<std::unique_ptr<LookUpThread>> LookUpThread::start(Loop& loop, resolve::Settings settings, Take take) {
    auto own = Loop::create();
    if (!own) return tl::unexpected(own.error());
    return std::unique_ptr<LookUpThread>(new LookUpThread(loop, std::move(*own), std::move(settings), std::move(take)));
}

LookUpThread::LookUpThread(Loop& home, std::unique_ptr<Loop> own, resolve::Settings settings, Take take)
    : home_(home), own_(std::move(own)), settings_(std::move(settings)), take_(std::make_shared<Take>(std::move(take))),
      thread_([this] { run(); }) {}

LookUpThread::~LookUpThread() {
    own_->post([this] { own_->stop(); });
    thread_.join();
}

/// News of one batch become one report.
void LookUpThread::run() {
    resolve::Finder finder(*own_, settings_, [this] { has_news_ = true; });
    finder_ = &finder;
    own_->after_batch([this] {
        if (std::exchange(has_news_, false)) report();
    });
    auto timer = own_->timer([this] { has_news_ = true; });
    if (timer)
        (*timer)->arm_every(kFigures);
    else
        spdlog::error("look-ups have no figures: {}", timer.error().text);
    if (const auto ended = own_->run(); !ended) spdlog::error("look-ups end: {}", ended.error().text);
    own_->after_batch({});
}

void LookUpThread::follow(Order order) {
    own_->post([this, order = std::move(order)] {
        order_ = order;
        finder_->follow(order_.resources, {}, order_.memories); // instances of nodes: no directory tells them
        has_news_ = true;
    });
}

void LookUpThread::report() {
    Report report{.order = order_.number, .metrics = finder_->metrics(std::chrono::steady_clock::now())};
    for (const auto& [name, resource] : order_.resources) {
        const auto* finding = finder_->of(name);
        if (finding == nullptr) continue;
        report.findings.emplace(name, *finding);
        report.memories.emplace(name, finder_->remembered(name));
    }
    home_.post([weak = std::weak_ptr(take_), report = std::move(report)]() mutable {
        if (const auto take = weak.lock()) (*take)(std::move(report));
    });
}

} // namespace bulkhead
