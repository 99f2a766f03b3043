// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/bugreport.h"

#include <unistd.h>

#include <array>
#include <iostream>

#include <CLI/CLI.hpp>

#include "base/printable.h"
#include "base/rfc3339.h"
#include "bulkheadctl/archive.h"
#include "bulkheadctl/client.h"
#include "bulkheadctl/exits.h"
#include "bulkheadctl/node_facts.h"
#include "bulkheadctl/pseudonyms.h"

namespace bulkhead::ctl {

namespace {

constexpr const char* kUsualPinDir = "/sys/fs/bpf/bulkhead";
constexpr size_t kLongestAnswer = 64 << 20; // bytes of each: a report is to be mailed

struct AgentFile {
    const char* file;
    const char* path;
    Query query;
};

/// What the agent is asked, and the file that has its answer as it came.
const std::vector<AgentFile>& agent_files() {
    static const std::vector<AgentFile> kFiles{
        {"agent/status.json", "/v1/status", {}},
        {"agent/config.json", "/v1/config", {}},
        {"agent/problems.json", "/v1/problems", {}},
        {"agent/endpoints.json", "/v1/endpoints", {}},
        {"agent/tenants.json", "/v1/tenants", {}},
        {"agent/matrix.json", "/v1/matrix", {}},
        {"agent/edges.json", "/v1/edges", {}},
        {"agent/flows.ndjson", "/v1/flows", {{"last", "2000"}}},
        {"agent/conversations.ndjson", "/v1/conversations", {{"limit", "2000"}}},
        {"agent/metrics.txt", "/v1/metrics", {}},
        {"agent/log.txt", "/v1/log", {}},
    };
    return kFiles;
}

Result<std::string> ask_text(const std::string& socket, const AgentFile& file) {
    std::string text;
    const Taker taker{.bytes = [&](std::string_view bytes) { text += bytes.substr(0, kLongestAnswer - text.size()); },
                      .enough = [&] { return text.size() >= kLongestAnswer; },
                      .wakes = {}};
    if (const auto done = ask_stream({.socket = socket}, file.path, file.query, taker); !done)
        return tl::unexpected(done.error());
    return text;
}

/// Each line by itself where they are no JSON together.
void learn(Pseudonyms& pseudonyms, const std::string& text) {
    if (const auto json = Json::parse(text, nullptr, false); !json.is_discarded()) return pseudonyms.learn(json);
    size_t from = 0;
    while (from < text.size()) {
        const auto end = std::min(text.find('\n', from), text.size());
        if (const auto json = Json::parse(text.substr(from, end - from), nullptr, false); !json.is_discarded())
            pseudonyms.learn(json);
        from = end + 1;
    }
}

std::string pin_dir_in(const std::vector<Fact>& facts) {
    const auto& status = facts.front().content;
    const auto json = status ? Json::parse(*status, nullptr, false) : Json();
    return json.is_object() ? json.value("pinDir", kUsualPinDir) : kUsualPinDir;
}

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "node";
}

std::string compact_time() {
    auto time = rfc3339(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    return time;
}

/// What isn't there and why; empty = all is.
std::string missing_text(const std::vector<Fact>& facts) {
    std::string text;
    for (const auto& fact : facts)
        if (!fact.content) text += fact.file + ": " + fact.content.error().text + "\n";
    return text;
}

std::string about(const BugreportOptions& options, const std::string& time, bool is_whole) {
    std::string text =
        "A Bulkhead node's report of " + time +
        ", by bulkheadctl " BULKHEAD_VERSION ".\n\n"
        "agent/  what the agent on this node says, as it came from its API (docs/flows.md, docs/operations.md)\n"
        "node/   what can be seen of the node without it\n";
    text += options.hash_addresses ? "\nAddresses are hashed: the same hash is the same address, in this report only.\n"
                                   : "\nAddresses are those of the node's network.\n";
    if (options.hash_names)
        text +=
            "So are names of namespaces, pods, workloads, tenants, nodes, resources, grants, interfaces and labels.\n";
    return text + (is_whole ? "\nNothing is missing.\n" : "\nmissing.txt says what could not be had, and why.\n");
}

Result<> write_all(Archive& archive, const std::string& root, const std::vector<Fact>& facts,
                   const Pseudonyms& pseudonyms) {
    for (const auto& fact : facts) {
        if (!fact.content) continue;
        if (auto added = archive.add(root + fact.file, pseudonyms.hide(*fact.content)); !added) return added;
    }
    return archive.finish();
}

} // namespace

void add_bugreport_options(CLI::App& command, BugreportOptions& options) {
    command.add_option("-o,--output", options.file,
                       "the archive, a .tar.gz; - is stdout. Otherwise named after node "
                       "and time, in this directory");
    command.add_flag("--hash-addresses", options.hash_addresses,
                     "other words for addresses: the same one for the same address, in this report only");
    command.add_flag("--hash-names", options.hash_names, "the same for names of pods, tenants, nodes...");
    command.add_option("--pin-dir", options.pin_dir, "the agent's, if it isn't the usual one and the agent is silent");
    command.footer(std::string("In a pod, whose file system is read-only:\n  kubectl -n bulkhead-system exec POD -- "
                               "bulkheadctl bugreport -o - > report.tar.gz\n\n") +
                   kExitCodes);
}

int write_bugreport(const BugreportOptions& options, const std::string& socket) {
    const auto time = compact_time();
    auto pseudonyms = Pseudonyms::create({.addresses = options.hash_addresses, .names = options.hash_names});
    if (!pseudonyms) return complain(pseudonyms.error(), kProblems);
    const auto name = pseudonyms->hide("bulkhead-report-" + (options.hash_names ? "node" : host_name()) + "-" + time);
    const auto path = options.file.empty() ? name + ".tar.gz" : options.file;
    if (path == "-" && isatty(STDOUT_FILENO) == 1)
        return complain(Error{"an archive is nothing for a terminal: -o FILE, or a pipe"}, kUsage);
    std::vector<Fact> facts;
    for (const auto& file : agent_files())
        facts.push_back({file.file, ask_text(socket, file)});
    for (auto& fact : node_facts(options.pin_dir.empty() ? pin_dir_in(facts) : options.pin_dir))
        facts.push_back(std::move(fact));
    if (options.hash_names) {
        pseudonyms->learn({{"node", host_name()}});
        for (const auto& fact : facts)
            if (fact.content && (fact.file.starts_with("agent/") || fact.file == "node/attachments.json"))
                learn(*pseudonyms, *fact.content);
    }
    const auto missing = missing_text(facts);
    if (!missing.empty()) facts.push_back({"missing.txt", missing});
    facts.push_back({"README", about(options, time, missing.empty())});

    auto archive = Archive::create(path);
    if (!archive) return complain(archive.error(), kProblems);
    if (const auto written = write_all(*archive, name + "/", facts, *pseudonyms); !written)
        return complain(written.error(), kProblems);
    std::cerr << (path == "-" ? "" : path + "\n");
    if (missing.empty()) return kDone;
    std::cerr << "missing in it:\n";
    for (const auto& fact : facts)
        if (!fact.content) std::cerr << "  " << printable(fact.file + ": " + fact.content.error().text) << "\n";
    return kProblems;
}

} // namespace bulkhead::ctl
