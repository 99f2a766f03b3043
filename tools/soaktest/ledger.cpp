// SPDX-License-Identifier: Apache-2.0
#include "ledger.h"

#include <algorithm>
#include <iostream>

namespace bulkhead::soak {

namespace {

constexpr uint64_t kShown = 10; // of each kind; the log has all

constexpr std::array<const char*, kFindings> kKinds{
#define X(name, key, words) key,
    SOAK_FINDINGS(X)
#undef X
};

} // namespace

Ledger::Ledger(const std::string& log) : log_(log) {}

void Ledger::note(const std::string& text) {
    const std::scoped_lock lock(mutex_);
    log_ << moment(Clock::now()) << "  " << text << std::endl;
}

void Ledger::find(Finding kind, const std::string& text) {
    const std::string line = moment(Clock::now()) + "  " + kKinds.at(kind) + ": " + text;
    const uint64_t before = found_.at(kind)++;
    const std::scoped_lock lock(mutex_);
    log_ << line << std::endl;
    if (before >= kShown) return;
    first_.push_back(line);
    std::cout << line << std::endl;
}

bool Ledger::clean() const {
    return std::ranges::all_of(found_, [](const auto& number) { return number == 0; });
}

std::vector<std::string> Ledger::findings() const {
    const std::scoped_lock lock(mutex_);
    return first_;
}

std::string Ledger::moment(Time time) const {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time - begun_).count();
    const std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
    return std::to_string(ms / 1000) + "." + fraction;
}

double Ledger::seconds() const {
    return std::chrono::duration<double>(Clock::now() - begun_).count();
}

} // namespace bulkhead::soak
