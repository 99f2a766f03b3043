// SPDX-License-Identifier: Apache-2.0
#include "source/kube/known_versions.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <sstream>

#include "base/fd.h"
#include "source/text_file.h"

namespace bulkhead::source::kube {

namespace {

constexpr std::chrono::seconds kBetweenWrites{1};
constexpr std::string_view kHead = "bulkhead-versions-1 "; // and the server
constexpr size_t kLargest = 64 << 10;                      // bytes

/// As every API server has them so far; another kind can't come from a list that we read.
bool is_version(const std::string& text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number <= INT64_MAX; // etcd's
}

bool write_all(const std::string& path, const std::string& text) {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    return fd.valid() && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

} // namespace

KnownVersions::KnownVersions(std::string path, std::string server)
    : path_(std::move(path)), server_(std::move(server)) {
    if (!path_.empty()) read();
}

/// A line each: the version, a blank, the resource.
void KnownVersions::read() {
    const auto file = read_text_file(path_);
    if (!file || file->text.size() > kLargest) return;
    std::istringstream lines(file->text);
    std::string line;
    if (!std::getline(lines, line) || line != std::string(kHead) + server_) return;
    while (std::getline(lines, line)) {
        const auto blank = line.find(' ');
        if (blank == std::string::npos || !is_version(line.substr(0, blank))) continue;
        versions_[line.substr(blank + 1)] = line.substr(0, blank);
    }
}

std::string KnownVersions::of(const std::string& resource) const {
    const auto found = versions_.find(resource);
    return found == versions_.end() ? "" : found->second;
}

void KnownVersions::note(const std::string& resource, const std::string& version) {
    if (path_.empty() || !is_version(version)) return;
    auto& known = versions_[resource];
    if (known == version) return;
    known = version;
    changed_ = true;
}

bool KnownVersions::write(Time now) {
    if (!changed_) return false;
    if (now < next_) return true;
    next_ = now + kBetweenWrites;
    flush();
    return false;
}

/// Whole or not at all: a half of it would be read as that many resources fewer. Once, whatever comes of it.
void KnownVersions::flush() {
    if (!changed_) return;
    changed_ = false;
    std::string text = std::string(kHead) + server_ + "\n";
    for (const auto& [resource, version] : versions_)
        text.append(version).append(" ").append(resource).append("\n");
    const auto beside = path_ + ".new";
    if (!write_all(beside, text) || ::rename(beside.c_str(), path_.c_str()) != 0) ::unlink(beside.c_str());
}

} // namespace bulkhead::source::kube
