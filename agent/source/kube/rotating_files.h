// SPDX-License-Identifier: Apache-2.0
//
// A secret in files that somebody replaces before it expires: a token, or a certificate and its key. They are looked
// at whenever the secret is used, but at most once a second; read where they are others than before (the kubelet
// swaps a link, ..data, so the inode tells), and once a minute whatever they look like. What can't be read or makes
// no sense leaves the last good one in use.
//
// Several files count as one: a certificate is never taken with another one's key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/kube/clock.h"
#include "source/kube/secret.h"
#include "source/text_file.h"

namespace bulkhead::source::kube {

class RotatingFiles {
public:
    struct Part {
        std::string path;
        SecretCheck check;
    };

    explicit RotatingFiles(std::vector<Part> parts) : parts_(std::move(parts)) {}

    void look(Clock::Steady now);

    /// Somebody says that the secret is no longer good: the next look reads the files.
    void distrust() { distrusted_ = true; }

    /// In the order of the parts, as their checks return them; none as long as they were never good.
    const std::vector<std::string>& texts() const { return texts_; }
    const std::string& error() const { return error_; } // empty = the last reading was good

private:
    struct Reading {
        std::vector<std::string> texts;
        std::vector<Signature> signatures;
    };

    bool must_read(Clock::Steady now) const;
    bool still_same(const std::vector<Signature>& signatures) const;
    Result<Reading> read_once() const;
    Result<Reading> read() const;

    std::vector<Part> parts_;
    std::vector<std::string> texts_;
    std::vector<Signature> signatures_; // of the last good reading; none after a bad one
    std::string error_;
    bool distrusted_ = false;
    std::optional<Clock::Steady> looked_;
    Clock::Steady read_{};
};

} // namespace bulkhead::source::kube
