// SPDX-License-Identifier: Apache-2.0
//
// bulkheadctl: asks this node's agent, or those of all nodes, and checks manifests without one. As kubectl-bulkhead it
// is kubectl's plugin `kubectl bulkhead`, and asks all nodes; as kubectl_complete-bulkhead it completes that.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "bulkheadctl/advise.h"
#include "bulkheadctl/bugreport.h"
#include "bulkheadctl/client.h"
#include "bulkheadctl/colour.h"
#include "bulkheadctl/completion.h"
#include "bulkheadctl/conversations.h"
#include "bulkheadctl/edges.h"
#include "bulkheadctl/exits.h"
#include "bulkheadctl/flows.h"
#include "bulkheadctl/matrix.h"
#include "bulkheadctl/nodes.h"
#include "bulkheadctl/nodes_text.h"
#include "bulkheadctl/output.h"
#include "bulkheadctl/override.h"
#include "bulkheadctl/print.h"
#include "bulkheadctl/reasons.h"
#include "bulkheadctl/table.h"
#include "bulkheadctl/target.h"
#include "bulkheadctl/validate.h"

namespace {

using namespace bulkhead;
using ctl::complain;
using ctl::Json;
using ctl::kDone;
using ctl::kUsage;
using ctl::Width;

struct Options {
    std::string socket = "/run/bulkhead/agent.sock";
    std::string output = "table";
    std::string src;
    std::string dst;
    std::string family;
    std::vector<std::string> files;
    // override
    std::string tenant;
    bool all = false;
    std::string mode = "audit";
    std::string length;
    std::string reason;
    bool cluster = false;
    bool end = false;
    std::string shell; // completion
    ctl::FlowsOptions flows;
    ctl::ConversationsOptions conversations;
    std::string protect; // plan
    ctl::AdviseOptions advise;
    ctl::BugreportOptions bugreport;
    ctl::NodesOptions nodes;
    std::string target;          // raw
    std::string colour = "auto"; // matrix
    ctl::Whom whom;
};

using Printer = std::function<std::string(const Json&, Width)>;

/// Pure ASCII, so that no name in it means anything to a terminal.
std::string json_text(const Json& json) {
    constexpr bool kAscii = true;
    return json.dump(2, ' ', kAscii, Json::error_handler_t::replace) + "\n";
}

int show(const Options& options, const Json& answer, const Printer& printer) {
    std::cout << (options.output == "json" ? json_text(answer) : printer(answer, ctl::terminal_width()));
    return kDone;
}

int ask_and_show(const Options& options, const std::string& path, const ctl::Query& query, const Printer& printer,
                 const char* method = "GET", ctl::NodesForm form = ctl::NodesForm::kEach) {
    const auto answer = ctl::ask(options.whom, path, query, method);
    if (!answer) return complain(answer.error(), ctl::exit_of(answer.error()));
    if (!options.whom.nodes || !answer->contains("nodes")) return show(options, *answer, printer);
    return show(options, *answer,
                [&](const Json& json, Width width) { return ctl::nodes_text(form, json, printer, width); });
}

/// The agent's answer as it comes, for whoever asks many agents.
int show_raw(const Options& options) {
    auto output = ctl::Output::to_stdout();
    if (!output) return complain(output.error(), ctl::kProblems);
    const ctl::Taker taker{.bytes = [&](std::string_view bytes) { output->write(bytes); },
                           .enough = [&] { return output->ended() || ctl::reader_has_gone(); },
                           .wakes = {output->interrupted_fd(), STDOUT_FILENO}};
    const auto done = ctl::ask_stream(options.whom, options.target, {}, taker);
    return done ? kDone : complain(done.error(), ctl::exit_of(done.error()));
}

int show_matrix(const Options& options) {
    const bool colour =
        ctl::wants_colour(options.colour, isatty(STDOUT_FILENO) == 1, getenv("NO_COLOR"), getenv("TERM"));
    return ask_and_show(options, "/v1/matrix", {}, [&](const Json& json, Width width) {
        return options.output == "csv" ? ctl::matrix_csv(json) : ctl::matrix_text(json, width, colour);
    });
}

/// Of the nodes that were asked: which didn't answer, and what that makes of the exit code.
int with_failed_nodes(const ctl::Whom& whom, int code) {
    if (!whom.nodes) return code;
    for (const auto& [node, why] : whom.nodes->failed())
        complain(Error{node + ": " + why}, code);
    return whom.nodes->failed().empty() || code != kDone ? code : ctl::kSomeNodes;
}

/// What nobody could write down must not pass for done.
int ended(int code) {
    errno = 0;
    if (std::cout.flush()) return code;
    const std::string why = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
    return complain(Error{"write to stdout" + why}, code == kDone ? ctl::kProblems : code);
}

int explain(const Options& options) {
    const auto target = ctl::parse_target(options.dst);
    if (!target) return complain(target.error(), kUsage);
    ctl::Query query{{"src", options.src}, {"dst", target->name}};
    if (!target->port.empty()) query.emplace_back("port", target->port);
    if (!target->protocol.empty()) query.emplace_back("protocol", target->protocol);
    if (!options.family.empty()) query.emplace_back("family", options.family);
    return ask_and_show(options, "/v1/explain", query, ctl::explanation_text, "GET", ctl::NodesForm::kJudges);
}

int override_rule(const Options& options) {
    constexpr const char* kPath = "/v1/overrides";
    if (options.all != options.tenant.empty()) return complain(Error{"either --tenant or --all is needed"}, kUsage);
    ctl::OverrideOrder order{.tenant = options.tenant, .length = {}, .reason = options.reason};
    if (options.end) return ask_and_show(options, kPath, ctl::query_of(order), ctl::override_text, "DELETE");
    if (options.length.empty() || options.reason.empty())
        return complain(Error{"--for and --reason are needed: an override ends, and says why it is there"}, kUsage);
    const auto length = ctl::parse_length(options.length);
    if (!length) return complain(length.error(), kUsage);
    order.length = *length;
    if (!options.cluster) return ask_and_show(options, kPath, ctl::query_of(order), ctl::override_text, "POST");
    std::cout << ctl::manifest_of(order, std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
    return kDone;
}

int validate(const Options& options) {
    const auto validation = ctl::validate(options.files);
    show(options, ctl::to_json(validation), ctl::validation_text);
    return validation.problems.empty() ? kDone : ctl::kProblems;
}

int complete(const CLI::App& app, const std::string& shell) {
    const auto kind = shell == "bash" ? ctl::Shell::kBash : shell == "zsh" ? ctl::Shell::kZsh : ctl::Shell::kFish;
    std::cout << ctl::completion_script(app, kind);
    return kDone;
}

CLI::App* add_command(CLI::App& app, const char* name, const char* help, Options& options) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("-o,--output", options.output, "table or json")->check(CLI::IsMember({"table", "json"}));
    command->footer(ctl::kExitCodes);
    return command;
}

CLI::App* add_matrix(CLI::App& app, Options& options) {
    auto* command = app.add_subcommand("matrix", "tenant by tenant: what the rule says, and what was seen");
    command->add_option("-o,--output", options.output, "table, json or csv")
        ->check(CLI::IsMember({"table", "json", "csv"}));
    ctl::add_colour(*command, options.colour);
    command->footer(ctl::kExitCodes);
    return command;
}

void add_explain_options(CLI::App& command, Options& options) {
    command.add_option("SRC", options.src, "ns/pod, an AWS resource's name or an address")->required();
    command
        .add_option("DST", options.dst,
                    "the same, with a port: DST:PORT[/PROTOCOL] (TCP if left out); without one, or DST:icmp, a ping")
        ->required();
    command.add_option("--family", options.family, "4 or 6, where both have both")->check(CLI::IsMember({"4", "6"}));
}

void add_override_options(CLI::App& command, Options& options) {
    auto* all = command.add_flag("--all", options.all, "of everybody: whatever would be dropped passes");
    command.add_option("--tenant", options.tenant, "of this tenant: its own level and confinement refuse nothing")
        ->excludes(all);
    command.add_option("--mode", options.mode, "what it is in meanwhile")
        ->check(CLI::IsMember({"audit"}))
        ->capture_default_str();
    command.add_option("--for", options.length, "how long: 90s, 30m, 1h, 2d; a week at most");
    command.add_option("--reason", options.reason, "for whoever finds it");
    auto* cluster = command.add_flag("--cluster", options.cluster,
                                     "on all nodes: prints the object for kubectl apply -f -, and asks no agent");
    command.add_flag("--end", options.end, "ends it now, on this node")->excludes(cluster);
}

void add_nodes_options(CLI::App& app, ctl::NodesOptions& options) {
    constexpr const char* kGroup = "Of all nodes, by kubectl";
    app.add_flag("--all-nodes", options.all, "asks the agents of all nodes instead of this one's")->group(kGroup);
    app.add_option("--on-node", options.nodes, "asks this node's; may be repeated")->option_text("NAME")->group(kGroup);
    app.add_option("--kubeconfig", options.kubeconfig, "kubectl's own flag")->option_text("FILE")->group(kGroup);
    app.add_option("--context", options.context, "kubectl's own flag")->group(kGroup);
    app.add_option("--agents-namespace", options.ns, "where the agents' pods are")
        ->capture_default_str()
        ->group(kGroup);
    app.add_option("--node-timeout", options.patience, "seconds to wait for a node that says nothing")
        ->check(CLI::PositiveNumber)
        ->capture_default_str()
        ->group(kGroup);
}

/// By which name it was called.
std::string name_in(const char* program) {
    const std::string name(program);
    return name.substr(name.rfind('/') + 1); // npos + 1 = 0
}

/// Help says what its reader is to type.
void rename_in_help(CLI::App& app, const std::string& name) {
    static const std::string kOwn = "bulkheadctl ";
    auto text = app.get_footer();
    for (auto at = text.find(kOwn); at != std::string::npos; at = text.find(kOwn, at + name.size()))
        text.replace(at, kOwn.size() - 1, name);
    app.footer(text);
    for (auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
        rename_in_help(*command, name);
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    const auto called = name_in(argv[0]);
    const bool is_completion = called == "kubectl_complete-bulkhead";
    options.nodes.all = is_completion || called == "kubectl-bulkhead";
    CLI::App app(options.nodes.all ? "Asks the Bulkhead agents of all nodes who may reach whom, and why."
                                   : "Asks the Bulkhead agent on this node who may reach whom, and why.",
                 options.nodes.all ? "kubectl bulkhead" : "bulkheadctl");
    app.footer(ctl::kExitCodes);
    app.set_version_flag("--version", BULKHEAD_VERSION);
    app.require_subcommand(1);
    app.add_option("--socket", options.socket, "of the agent's API")->capture_default_str()->take_last();
    add_nodes_options(app, options.nodes);
    app.fallthrough();
    const auto* status = add_command(app, "status", "how this node's agent is, and what should be mended", options);
    const auto* endpoints = add_command(app, "endpoints", "who has which address, tenant, level and mode", options);
    const auto* tenants = add_command(app, "tenants", "the tenants that have endpoints", options);
    auto* explaining = add_command(app, "explain", "what the kernel says of a first packet, and why", options);
    add_explain_options(*explaining, options);
    auto* overriding =
        add_command(app, "override", "break glass: for a while what would be dropped passes, and is reported", options);
    add_override_options(*overriding, options);
    auto* validating =
        add_command(app, "validate", "what the agent would report of these manifests; needs no agent", options);
    validating->add_option("FILE|DIR", options.files, "read like the agent's --source dir:")->required();
    auto* flows = app.add_subcommand("flows", "who talks to whom, what became of it, and why");
    ctl::add_flows_options(*flows, options.flows);
    auto* conversations = app.add_subcommand("conversations", "what the pods here remember of their conversations");
    ctl::add_conversations_options(*conversations, options.conversations);
    const auto* edges = add_command(app, "edges", "who talked to whom, for weeks, by workload", options);
    const auto* matrix = add_matrix(app, options);
    auto* planning =
        add_command(app, "plan", "what would be refused if somebody were protected, by what was seen", options);
    planning->add_option("--protect", options.protect, "a namespace, or a tenant")->required();
    auto* advising = app.add_subcommand("advise", "the YAML that would let pass what was refused, to review");
    ctl::add_advise_options(*advising, options.advise);
    const auto* maps = add_command(app, "maps", "how full the kernel's maps are", options);
    const auto* reasons = add_command(app, "reasons", "why packets pass or fall, and what to do about it", options);
    auto* reporting = app.add_subcommand("bugreport", "all that somebody elsewhere needs to see, in one archive");
    ctl::add_bugreport_options(*reporting, options.bugreport);
    auto* raw = app.add_subcommand("raw", "what the agent's API answers, as it comes: /v1/status");
    raw->add_option("TARGET", options.target, "path and query of the URL")->required();
    raw->footer(ctl::kExitCodes);
    auto* completing =
        app.add_subcommand("completion", "completion for a shell: source <(bulkheadctl completion bash)");
    completing->add_option("SHELL", options.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    if (options.nodes.all) rename_in_help(app, app.get_name());
    if (is_completion) {
        std::cout << ctl::completions(app, {argv + 1, argv + argc});
        return ended(kDone);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kUsage;
    }
    const bool is_local = *overriding || *validating || *reasons || *completing || *reporting;
    const bool is_asked_for = app.count("--all-nodes") != 0 || !options.nodes.nodes.empty(); // the plugin needn't be
    if (is_asked_for && is_local)
        return complain(Error{"--all-nodes and --on-node are for questions that agents answer"}, kUsage);
    options.whom.socket = options.socket;
    if (options.nodes.wanted() && !is_local) options.whom.nodes = std::make_shared<ctl::Nodes>(options.nodes);
    const auto run = [&] {
        if (*status) return ask_and_show(options, "/v1/status", {}, ctl::status_text, "GET", ctl::NodesForm::kStatus);
        if (*endpoints) return ask_and_show(options, "/v1/endpoints", {}, ctl::endpoints_text);
        if (*tenants) return ask_and_show(options, "/v1/tenants", {}, ctl::tenants_text);
        if (*flows) return ctl::show_flows(options.flows, options.whom);
        if (*conversations) return ctl::show_conversations(options.conversations, options.whom);
        if (*edges) return ask_and_show(options, "/v1/edges", {}, ctl::edges_text);
        if (*matrix) return show_matrix(options);
        if (*planning) return ask_and_show(options, "/v1/plan", {{"protect", options.protect}}, ctl::plan_text);
        if (*advising) return ctl::show_advice(options.advise, options.whom);
        if (*maps) return ask_and_show(options, "/v1/status", {}, ctl::maps_text);
        if (*reasons) return show(options, ctl::reasons_json(), ctl::reasons_text);
        if (*reporting) return ctl::write_bugreport(options.bugreport, options.socket);
        if (*raw) return show_raw(options);
        if (*completing) return complete(app, options.shell);
        if (*explaining) return explain(options);
        return *overriding ? override_rule(options) : validate(options);
    };
    try {
        return ended(with_failed_nodes(options.whom, run()));
    } catch (const Json::exception& error) {
        return complain(Error{std::string("what was answered, or is in the file, can't be read: ") + error.what()},
                        ctl::kProblems);
    }
}
