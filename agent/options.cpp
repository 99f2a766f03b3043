// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <unistd.h>

#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/hash.h"
#include "look_up_options.h"

namespace bulkhead {

namespace {

using datapath::AttachMode;

constexpr uint32_t kFewestIdentities = 32; // the built-in ones, nodes' and a few more
constexpr const char* kDirectory = "dir:";
constexpr const char* kExitCodes = "Exit codes: 0 done; 1 failed; 2 wrong usage; "
                                   "3 this kernel lacks something; 4 not permitted.";

const std::map<std::string, AttachMode> kAttachModes{
    {"auto", AttachMode::kAuto}, {"tcx", AttachMode::kTcx}, {"clsact", AttachMode::kClsact}};
const std::map<std::string, bh_visibility> kVisibilities{
    {"conversations", BH_VISIBLE_CONVERSATIONS}, {"denied", BH_VISIBLE_DENIED}, {"off", BH_VISIBLE_OFF}};
const std::map<std::string, SlicesAsked> kSliceScopes{{"all", SlicesAsked::kAll}, {"relevant", SlicesAsked::kRelevant}};

/// What is read as text first, because CLI11 knows nothing of it.
struct Texts {
    // Istio ambient's, with which it probes on the kubelet's behalf.
    std::vector<std::string> probe_addresses{"169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"};
};

std::string hostname() {
    char name[256] = {};
    gethostname(name, sizeof name - 1);
    return name;
}

void add_where(CLI::App& app, Options& options) {
    app.add_option("--source", options.source, "where the cluster is described: kube (its API server) or dir:PATH");
    options.kube.add_to(app);
    app.add_option("--slice-scope", options.slice_scope,
                   "whose pods on other nodes are known by name: all, or relevant, those of tenants that can change a "
                   "verdict here (for clusters of some thousand nodes)")
        ->transform(CLI::CheckedTransformer(kSliceScopes))
        ->option_text("SCOPE=all");
    app.add_option("--node-name", options.node_name, "spec.nodeName of this node's pods")->capture_default_str();
    app.add_option("--pin-dir", options.pin_dir, "what outlives the agent, on a bpffs")->capture_default_str();
    app.add_option("--socket", options.socket, "for bulkheadctl")->capture_default_str();
}

void add_metrics(CLI::App& app, Options& options) {
    const auto group = "Metrics";
    app.add_option("--metrics-address", options.metrics_address, "[HOST]:PORT; empty = none")
        ->capture_default_str()
        ->group(group);
    app.add_option("--metrics-max-tenant-pairs", options.metrics_max_tenant_pairs,
                   "series of who was denied by whom; further pairs count under (other)")
        ->capture_default_str()
        ->group(group);
    app.add_option("--metrics-max-admitted-pairs", options.metrics_max_admitted_pairs,
                   "series of who got into what isn't everybody's, or into AWS resources; 0 = none")
        ->capture_default_str()
        ->group(group);
    app.add_option("--metrics-max-tenants", options.metrics_max_tenants,
                   "tenants of local pods with series of their own; further ones count under (other)")
        ->capture_default_str()
        ->group(group);
    app.add_flag("--metrics-pods", options.metrics_pods, "series for each pod of this node, too")->group(group);
}

void add_network(CLI::App& app, Options& options, Texts& texts) {
    app.add_option("--veth-prefix", options.veth_prefixes,
                   "names of pods' host-side interfaces begin with one of these")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--uplink", options.uplinks, "interfaces that lead off the node; found by routes if left out")
        ->delimiter(',');
    app.add_option("--attach", options.attach, "auto, tcx or clsact")
        ->transform(CLI::CheckedTransformer(kAttachModes))
        ->option_text("MODE=auto");
    app.add_option(
           "--answer-mark", options.answer_mark,
           "bit of packet marks that nobody else uses: tells the uplink what answers a NodePort's client; 0 = none")
        ->default_str("0x1000");
    app.add_option("--probe-address", texts.probe_addresses, "counted as this node's own, for probes")
        ->delimiter(',')
        ->capture_default_str();
}

void add_flows(CLI::App& app, Options& options) {
    const auto add = [&](const char* name, auto& value, const char* help) {
        return app.add_option(name, value, help)->group("Flows");
    };
    add("--flow-visibility", options.telling.visibility,
        "of what flows tell: conversations, each that begins and what is refused; denied, the latter alone; or off")
        ->transform(CLI::CheckedTransformer(kVisibilities))
        ->option_text("WHAT=conversations");
    add("--flow-repeat", options.telling.repeat_seconds,
        "seconds between two flows about one conversation that is refused again and again")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    add("--flow-history", options.flow_history.flows, "flows that are remembered")->capture_default_str();
    add("--flow-history-bytes", options.flow_history.bytes, "that they take, names included")->capture_default_str();
    add("--edges", options.edges.edges, "of who talked to whom, that are kept")->capture_default_str();
    add("--edges-file", options.edges_file, "where on this node's disk; empty = in memory alone");
}

void add_look_ups(CLI::App& app, Options& options) {
    app.add_flag("--resolve", options.resolve,
                 "asks AWS and DNS which addresses AWSResources have; with --source dir:PATH, where no "
                 "bulkhead-controller does")
        ->group("Look-ups");
    app.add_option("--found-file", options.found_file,
                   "where on this node's disk to keep what was found; empty = until the node's next start")
        ->option_text("FILE")
        ->group("Look-ups");
}

void add_sizes(CLI::App& app, Options& options) {
    auto& sizes = options.sizes;
    const auto add = [&](const char* name, uint32_t& value, const char* help) {
        app.add_option(name, value, help)->check(CLI::PositiveNumber)->capture_default_str()->group("Sizes");
    };
    add("--max-endpoints", sizes.endpoints, "addresses of each family");
    add("--max-prefixes", sizes.prefixes, "CIDRs of each family");
    add("--max-identities", sizes.identities, "identities, and tenants");
    add("--max-openings", sizes.openings, "blocks of openings");
    add("--max-pods", sizes.pods, "guarded pods on this node, and one");
    add("--flow-sets", sizes.flow_sets, "per pod, 8 conversations each; a power of two");
    add("--events-bytes", sizes.events_bytes, "ring buffer; a power of two");
    add("--events-per-second", options.telling.events_per_second,
        "per CPU: of conversations that begin, and as many of what is refused");
}

Result<> take_texts(const Texts& texts, Options& options) {
    const auto probes = read_addresses("--probe-address", texts.probe_addresses);
    if (!probes) return tl::unexpected(probes.error());
    options.policy.probe_addresses = *probes;
    return {};
}

bool is_power_of_two(uint32_t number) {
    return number != 0 && (number & (number - 1)) == 0;
}

Result<> check(const Options& options) {
    if (options.detach) return {};
    if (!options.is_kube() && options.source_path().empty()) return fail("--source kube or dir:PATH is needed");
    if (!options.is_kube() && !options.kube.kubeconfig.empty()) return fail("--kubeconfig is for --source kube");
    if (options.is_kube() && options.resolve)
        return fail("--resolve is for --source dir:PATH; with an API server bulkhead-controller asks AWS and DNS");
    if (auto valid = options.kube.check(); !valid) return valid;
    if (!is_power_of_two(options.sizes.flow_sets)) return fail("--flow-sets must be a power of two");
    if (!is_power_of_two(options.sizes.events_bytes)) return fail("--events-bytes must be a power of two");
    if ((options.answer_mark & (options.answer_mark - 1)) != 0) return fail("--answer-mark must be one bit, or 0");
    if (options.sizes.identities < kFewestIdentities)
        return fail("--max-identities must be at least " + std::to_string(kFewestIdentities));
    if (options.sizes.pods < 2 || options.sizes.pods > 65536) return fail("--max-pods must be between 2 and 65536");
    return {};
}

} // namespace

std::string Options::source_path() const {
    return source.starts_with(kDirectory) ? source.substr(std::string_view(kDirectory).size()) : std::string();
}

compile::Settings Options::compile_settings() const {
    auto settings = policy;
    settings.node_name = node_name;
    settings.max_identities = sizes.identities;
    return settings;
}

observe::Settings Options::policy_settings() const {
    std::string text = std::to_string(static_cast<int>(policy.default_mode));
    for (const auto source : policy.tenant_sources)
        text += "\ntenants by " + std::to_string(static_cast<int>(source));
    for (const auto& name : policy.keep_open)
        text += "\nopen " + name;
    for (const auto& address : policy.dns_addresses)
        text += "\nDNS " + address.text();
    for (const auto& address : policy.probe_addresses)
        text += "\nprobes " + address.text();
    char hash[9] = {};
    std::snprintf(hash, sizeof hash, "%08x", fnv1a_32(text));
    return {.default_mode = policy.default_mode == state::Mode::kAudit ? "audit" : "enforce",
            .slice_scope = slice_scope == SlicesAsked::kAll ? "all" : "relevant",
            .hash = hash};
}

ExitCode exit_code_of(const Error& error) {
    switch (error.code) {
    case EOPNOTSUPP:
        return kUnfitKernel;
    case EPERM:
        return kForbidden;
    default:
        return kFailed;
    }
}

const char* name_of(datapath::AttachMode mode) {
    for (const auto& [name, value] : kAttachModes)
        if (value == mode) return name.c_str();
    return "unknown";
}

std::optional<int> parse(int argc, char** argv, Options& options) {
    options.node_name = hostname();
    PolicyOptions policy;
    LookUpOptions look_ups;
    Texts texts;
    CLI::App app("Isolates this node's tenants from each other.", "bulkhead-agent");
    app.footer(kExitCodes);
    app.set_version_flag("--version", BULKHEAD_VERSION);
    app.set_config("--config", "", "a file with the same names: node-name = \"node-a\"")->option_text("FILE");
    app.allow_config_extras(false);
    app.fallthrough();
    add_where(app, options);
    add_metrics(app, options);
    add_network(app, options, texts);
    policy.add_to(app);
    add_look_ups(app, options);
    look_ups.add_to(app);
    options.log.add_to(app);
    add_flows(app, options);
    add_sizes(app, options);
    auto* detach = app.add_subcommand("detach", "takes everything of --pin-dir out of the kernel, and --edges-file and "
                                                "--found-file off the disk if they are named; refuses while an agent "
                                                "lives");
    detach->add_flag("--node-wide", options.node_wide, "of every pin directory on this node, and all that was left");
    try {
        app.parse(reversed_arguments(argc, argv));
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongUsage;
    }
    options.detach = detach->parsed();
    options.in_force = app.config_to_str(true, false);
    auto valid = policy.take(options.policy);
    if (valid) valid = look_ups.take(options.look_ups);
    if (valid) valid = take_texts(texts, options);
    if (valid) valid = check(options);
    if (valid) return std::nullopt;
    std::cerr << "bulkhead-agent: " << valid.error().text << "\n";
    return kWrongUsage;
}

} // namespace bulkhead
