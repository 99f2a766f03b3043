// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-cni: for container runtimes a CNI plugin, for people and manifests what puts it in place. Which of both is
// told by CNI_COMMAND.
#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cni/installer.h"
#include "cni/plugin.h"

namespace {

using namespace bulkhead;

constexpr const char* kAbout =
    "A chained CNI plugin that lets a pod start only once Bulkhead guards it. Container runtimes call it with "
    "CNI_COMMAND; by hand it is put in place and taken out.";
enum Exit { kDone = 0, kFailed = 1, kUsage = 2 };

struct Options {
    cni::Place place{.bin_dir = "/opt/cni/bin", .conf_dir = "/etc/cni/net.d"};
    bool watch = false;
    std::string socket;
    int timeout = 0;
    std::string wait_for;
    std::vector<std::string> exempt;
};

int complain(const std::string& text, int code) {
    std::cerr << "bulkhead-cni: " << text << "\n";
    return code;
}

int report(const Result<std::string>& done) {
    if (!done) return complain(done.error().text, kFailed);
    std::cout << "bulkhead-cni: " << (done->empty() ? "nothing to do" : *done) << "\n";
    return kDone;
}

/// What the options say, and no more: defaults stay the plugin's.
cni::Json entry_of(const Options& options) {
    cni::Json entry{{"type", cni::kName}};
    if (!options.socket.empty()) entry["socket"] = options.socket;
    if (options.timeout != 0) entry["timeoutSeconds"] = options.timeout;
    if (!options.wait_for.empty()) entry["waitFor"] = options.wait_for;
    if (!options.exempt.empty()) entry["exemptNamespaces"] = options.exempt;
    return entry;
}

int install(const Options& options) {
    const auto entry = entry_of(options);
    if (const auto settings = cni::read_settings(entry); !settings) return complain(settings.error().msg, kUsage);
    if (!options.watch) return report(cni::install(options.place, entry));
    const auto kept = cni::keep_installed(options.place, entry);
    return kept ? kDone : complain(kept.error().text, kFailed);
}

void add_place(CLI::App& command, Options& options) {
    command.add_option("--bin-dir", options.place.bin_dir, "where the runtime looks for plugins")
        ->capture_default_str();
    command.add_option("--conf-dir", options.place.conf_dir, "where it looks for their configuration")
        ->capture_default_str();
}

int run_by_hand(int argc, char** argv) {
    Options options;
    CLI::App app{kAbout, "bulkhead-cni"};
    app.set_version_flag("--version", BULKHEAD_VERSION);
    app.require_subcommand(1);
    auto* put =
        app.add_subcommand("install", "Puts the program and its entry in the first configuration list in place");
    add_place(*put, options);
    put->add_flag("--watch", options.watch, "stay, and do so again whenever somebody rewrites the list");
    put->add_option("--socket", options.socket, "the agent's, on the host; /run/bulkhead/agent.sock if left out");
    put->add_option("--timeout-seconds", options.timeout,
                    "how long a pod waits before it is tried anew; 30 if left out");
    put->add_option("--wait-for", options.wait_for, "guarded (if left out) or published: to the other nodes, too");
    put->add_option("--exempt-namespaces", options.exempt, "whose pods don't wait")->delimiter(',');
    auto* take = app.add_subcommand("uninstall", "Takes both out again");
    add_place(*take, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kUsage;
    }
    return put->parsed() ? install(options) : report(cni::uninstall(options.place));
}

} // namespace

int main(int argc, char** argv) {
    if (std::getenv("CNI_COMMAND") != nullptr) return cni::run_plugin(std::getenv, std::cin, std::cout);
    return run_by_hand(argc, argv);
}
