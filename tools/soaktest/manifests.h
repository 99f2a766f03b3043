// SPDX-License-Identifier: Apache-2.0
//
// The directory that plays the cluster: a file for each object, changed by rename. A *generation* counts changes: it is
// the name of a pod in a file of its own that is written after what it counts, so a node that knows that pod
// has read all that was written before. Any thread.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "pod.h"

namespace bulkhead::soak {

/// What is more than a map takes.
enum class Crowd { kAddresses, kGrants, kClasses };

inline constexpr const char* kMarkerPrefix = "marker/g";

class Manifests {
public:
    explicit Manifests(std::filesystem::path directory);

    /// Namespaces, nodes and the rules that stay.
    void write_cluster();
    void write_level(bool swing_protected);
    void write_grant(bool fickle_grants);
    /// `written` false takes it away.
    void write_crowd(Crowd crowd, bool written);
    /// "Running" or "Succeeded"; without `told` nothing of its addresses.
    void write_pod(const Pod& pod, const std::string& phase, bool told);
    /// Only if the file is still this pod's.
    void remove_pod(const Pod& pod);
    /// What no reader understands, in a file that was good.
    void spoil(const std::string& file);
    void mend(const std::string& file);
    /// The directory is elsewhere until it comes back; it can be written meanwhile.
    void take_away();
    void bring_back();

    /// Counts what was written until now.
    uint64_t mark();
    const std::filesystem::path& directory() const { return directory_; }

private:
    void put(const std::string& file, const std::string& text);
    void put_locked(const std::string& file, const std::string& text);
    void write_raw(const std::string& file, const std::string& text) const;

    std::mutex mutex_;
    const std::filesystem::path directory_;
    std::filesystem::path where_; // it is now
    std::map<std::string, std::string> good_;
    std::map<std::string, uint64_t> owners_; // file -> incarnation
    uint64_t generation_ = 0;
};

} // namespace bulkhead::soak
