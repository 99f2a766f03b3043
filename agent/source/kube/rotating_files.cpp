// SPDX-License-Identifier: Apache-2.0
#include "source/kube/rotating_files.h"

namespace bulkhead::source::kube {

namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenLooks = 1s;
constexpr auto kBetweenReadings = 60s; // some file systems' times and inodes don't tell everything
constexpr int kMostTries = 3;          // to read all files between two replacements of them

} // namespace

void RotatingFiles::look(Clock::Steady now) {
    if (looked_ && now - *looked_ < kBetweenLooks) return;
    looked_ = now;
    if (!must_read(now)) return;
    read_ = now;
    distrusted_ = false;
    auto reading = read();
    if (!reading) {
        signatures_.clear(); // and so the next look reads again
        error_ = reading.error().text + (texts_.empty() ? "" : "; what was read before stays in use");
        return;
    }
    error_.clear();
    texts_ = std::move(reading->texts);
    signatures_ = std::move(reading->signatures);
}

bool RotatingFiles::must_read(Clock::Steady now) const {
    return distrusted_ || signatures_.empty() || now - read_ >= kBetweenReadings || !still_same(signatures_);
}

bool RotatingFiles::still_same(const std::vector<Signature>& signatures) const {
    for (size_t i = 0; i < parts_.size(); ++i) {
        struct stat status {};
        if (::stat(parts_[i].path.c_str(), &status) != 0 || Signature::of(status) != signatures[i]) return false;
    }
    return true;
}

Result<RotatingFiles::Reading> RotatingFiles::read_once() const {
    Reading reading;
    for (const auto& part : parts_) {
        const auto file = read_text_file(part.path);
        if (!file) return fail(part.path + " " + file.error().text);
        auto text = part.check(file->text);
        if (!text) return fail(part.path + " " + text.error().text);
        reading.texts.push_back(std::move(*text));
        reading.signatures.push_back(file->signature);
    }
    return reading;
}

Result<RotatingFiles::Reading> RotatingFiles::read() const {
    for (int i = 0; i < kMostTries; ++i) {
        auto reading = read_once();
        // One that was replaced meanwhile may belong to another generation than the next.
        if (!reading || still_same(reading->signatures)) return reading;
    }
    return fail(parts_.front().path + " changes faster than it can be read");
}

} // namespace bulkhead::source::kube
