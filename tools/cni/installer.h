// SPDX-License-Identifier: Apache-2.0
//
// Puts the plugin into a host's directories and takes it out again. Both can be repeated at will, and leave alone what
// they don't understand.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "cni/netconf.h"

namespace bulkhead::cni {

struct Place {
    std::filesystem::path bin_dir;  // the host's /opt/cni/bin
    std::filesystem::path conf_dir; // the host's /etc/cni/net.d

    /// A file that somebody makes by hand on a node whose agent is broken: while it is there, no list gets our entry,
    /// and those that have it lose it.
    std::filesystem::path off() const { return conf_dir / "bulkhead-cni.off"; }
    bool is_off() const;
};

/// This program, then its entry as the last of the configuration list that runtimes take: the first by name. What was
/// done, in words; empty = nothing had to be. An error also where there is no list yet.
Result<std::string> install(const Place& place, const Json& entry);

/// The same, for who holds the lock of `conf_dir` (files.h).
Result<std::string> put_in_place(const Place& place, const Json& entry);

/// The entry out of every list, then the program, then off(). Directories that aren't there are no error.
Result<std::string> uninstall(const Place& place);

/// Installs, and again whenever somebody rewrites the lists (the VPC CNI does with each of its starts), until SIGTERM
/// or SIGINT. Ending leaves all in place: pods that are made while nobody is here are to wait.
Result<> keep_installed(const Place& place, const Json& entry);

} // namespace bulkhead::cni
