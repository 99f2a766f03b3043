// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <fstream>
#include <unistd.h>

#include "options.h"

using namespace bulkhead;

namespace {

struct Parsed {
    Options options;
    std::optional<int> exit_code;
};

Parsed parsed(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "bulkhead-agent");
    std::vector<char*> argv;
    for (auto& argument : arguments)
        argv.push_back(argument.data());
    Parsed result;
    result.exit_code = parse(static_cast<int>(argv.size()), argv.data(), result.options);
    return result;
}

} // namespace

TEST_CASE("an agent that can't run here ends with what it lacks: a right, another kernel, or something else") {
    const auto ended_with = [](const datapath::Features& features) {
        return exit_code_of(datapath::check(features, "5.4.0").error());
    };
    datapath::Features features;
    CHECK(ended_with(features) == 4);
    features.load = true;
    CHECK(ended_with(features) == 4);
    features.memory = true;
    CHECK(ended_with(features) == 4);
    features.perfmon = true;
    CHECK(ended_with(features) == 3);
    CHECK(exit_code_of(datapath::decide_tcx(datapath::AttachMode::kTcx, features).error()) == 3);
    CHECK(exit_code_of(Error{"read a directory", EIO}) == 1);
}

TEST_CASE("the defaults are those that are documented") {
    const auto [options, exit_code] = parsed({"--source", "dir:/etc/bulkhead"});
    REQUIRE_FALSE(exit_code);
    CHECK(options.source_path() == "/etc/bulkhead");
    CHECK_FALSE(options.node_name.empty());
    CHECK(options.pin_dir == "/sys/fs/bpf/bulkhead");
    CHECK(options.socket == "/run/bulkhead/agent.sock");
    CHECK(options.metrics_address == ":9810");
    CHECK(options.metrics_max_tenant_pairs == 256);
    CHECK(options.metrics_max_admitted_pairs == 16);
    CHECK(options.metrics_max_tenants == 16);
    CHECK_FALSE(options.metrics_pods);
    CHECK(options.veth_prefixes == std::vector<std::string>{"eni", "vlan"});
    CHECK(options.attach == datapath::AttachMode::kAuto);
    CHECK(options.policy.default_mode == state::Mode::kEnforce);
    CHECK(options.policy.tenant_sources.size() == 6);
    CHECK(options.policy.keep_open.empty());
    CHECK(options.policy.probe_addresses.contains(Address::parse("169.254.7.127").value()));
}

TEST_CASE("lists are split at commas, and words become values") {
    const auto [options, exit_code] =
        parsed({"--source=dir:/a", "--veth-prefix=cali,eni", "--uplink", "eth0,eth1", "--attach=clsact",
                "--default-mode=audit", "--tenant-sources=label,kiosk", "--dns-address=10.0.0.2,fd00::2",
                "--probe-address=", "--metrics-address=", "--keep-open=kube-system,0-a"});
    REQUIRE_FALSE(exit_code);
    CHECK(options.veth_prefixes == std::vector<std::string>{"cali", "eni"});
    CHECK(options.uplinks == std::vector<std::string>{"eth0", "eth1"});
    CHECK(options.attach == datapath::AttachMode::kClsact);
    CHECK(options.policy.default_mode == state::Mode::kAudit);
    CHECK(options.policy.tenant_sources == std::set{compile::TenantSource::kLabel, compile::TenantSource::kKiosk});
    CHECK(options.policy.keep_open == std::set<std::string>{"kube-system", "0-a"});
    CHECK(options.policy.dns_addresses.size() == 2);
    CHECK(options.policy.probe_addresses.empty());
    CHECK(options.metrics_address.empty());
}

TEST_CASE("a configuration file says the same by the same names, and the command line wins") {
    const auto path = "/tmp/bulkhead-options-" + std::to_string(getpid()) + ".conf";
    std::ofstream(path) << "source = \"dir:/from/file\"\nnode-name = \"node-f\"\nveth-prefix = [\"a\", \"b\"]\n"
                           "attach = \"tcx\"\nlog-level = \"debug\"\nkeep-open = [\"kube-system\"]\n";
    const auto [options, exit_code] = parsed({"--config", path, "--node-name", "node-c"});
    REQUIRE_FALSE(exit_code);
    CHECK(options.source_path() == "/from/file");
    CHECK(options.node_name == "node-c");
    CHECK(options.veth_prefixes == std::vector<std::string>{"a", "b"});
    CHECK(options.attach == datapath::AttachMode::kTcx);
    CHECK(options.policy.keep_open == std::set<std::string>{"kube-system"});
    CHECK(options.log.level == "debug");

    std::ofstream(path) << "source = \"dir:/from/file\"\nnode-nam = \"typo\"\n";
    CHECK(parsed({"--config", path}).exit_code == 2);
    std::remove(path.c_str());
}

TEST_CASE("how AWS and DNS are asked stands on the command line or in the file, as the controller has it too") {
    const auto path = "/tmp/bulkhead-look-ups-" + std::to_string(getpid()) + ".conf";
    std::ofstream(path) << "source = \"dir:/a\"\nresolve = true\ncluster-name = \"blue\"\n"
                           "dns-server = [\"10.0.0.2\", \"[fd00::2]:5353\"]\ndns-names = 2500\n";
    const auto [options, exit_code] =
        parsed({"--config", path, "--resolve-interval", "10", "--grace=60", "--found-file=/var/lib/found"});
    std::remove(path.c_str());
    REQUIRE_FALSE(exit_code);
    CHECK(options.resolve);
    CHECK(options.found_file == "/var/lib/found");
    CHECK(options.look_ups.cluster == "blue");
    CHECK(options.look_ups.interval == std::chrono::seconds(10));
    CHECK(options.look_ups.grace == std::chrono::seconds(60));
    CHECK(options.look_ups.servers.size() == 2);
    CHECK(options.look_ups.dns.most_names == 2500);
    const auto usual = parsed({"--source=dir:/a"}).options;
    CHECK_FALSE(usual.resolve);
    CHECK(usual.look_ups.dns.most_names == 1000);
}

TEST_CASE("detach needs no source, and takes --pin-dir after it") {
    const auto [options, exit_code] = parsed({"detach", "--pin-dir", "/run/bpf/here"});
    REQUIRE_FALSE(exit_code);
    CHECK(options.detach);
    CHECK(options.pin_dir == "/run/bpf/here");
    CHECK_FALSE(options.node_wide);
}

TEST_CASE("detach takes --node-wide, and nothing else does") {
    const auto [options, exit_code] = parsed({"detach", "--node-wide"});
    REQUIRE_FALSE(exit_code);
    CHECK(options.detach);
    CHECK(options.node_wide);
    CHECK(parsed({"--source", "kube", "--node-wide"}).exit_code == 2);
}

TEST_CASE("what makes no sense is wrong usage") {
    const std::vector<std::vector<std::string>> kWrong{
        {},
        {"--source", "/no/scheme"},
        {"--source=dir:/a", "--attach=xdp"},
        {"--source=dir:/a", "--default-mode=off"},
        {"--source=dir:/a", "--tenant-sources=labels"},
        {"--source=dir:/a", "--keep-open=Kube-System"},
        {"--source=dir:/a", "--keep-open=kube.system"},
        {"--source=dir:/a", "--keep-open=web,-a"},
        {"--source=dir:/a", "--dns-address=10.0.0.256"},
        {"--source=kube", "--resolve"}, // the controller does
        {"--source=dir:/a", "--dns-server=ns.test"},
        {"--source=dir:/a", "--dns-names=0"},
        {"--source=dir:/a", "--dns-names=10001"},
        {"--source=dir:/a", "--dns-names=many"},
        {"--source=dir:/a", "--grace=0"},
        {"--source=dir:/a", "--flow-sets=1000"},
        {"--source=dir:/a", "--max-pods=0"},
        {"--source=dir:/a", "--log-level=chatty"},
        {"--no-such-option"},
    };
    for (const auto& arguments : kWrong) {
        CAPTURE(arguments);
        CHECK(parsed(arguments).exit_code == 2);
    }
    CHECK(parsed({"--help"}).exit_code == 0);
    CHECK(parsed({"--version"}).exit_code == 0);
}

TEST_CASE("agents have the same hash of settings if, and only if, they read a policy alike") {
    const auto hash = [](std::vector<std::string> more) {
        more.insert(more.begin(), {"--source", "kube"});
        return parsed(more).options.policy_settings().hash;
    };
    const auto usual = hash({});
    CHECK(hash({"--node-name", "another", "--metrics-pods", "--log-level", "debug"}) == usual);
    CHECK(hash({"--default-mode", "audit"}) != usual);
    CHECK(hash({"--keep-open", "kube-system"}) != usual);
    CHECK(hash({"--tenant-sources", "label"}) != usual);
    CHECK(hash({"--dns-address", "10.0.0.10"}) != usual);
    CHECK(hash({"--probe-address", "10.0.0.11"}) != usual);
    CHECK(parsed({"--source", "kube", "--default-mode", "audit"}).options.policy_settings().default_mode == "audit");
}
