// SPDX-License-Identifier: Apache-2.0
#include "look_up_options.h"

#include <CLI/CLI.hpp>

namespace bulkhead {

void LookUpOptions::add_to(CLI::App& app) {
    const auto add = [&app](const char* name, auto& value, const char* help) {
        return app.add_option(name, value, help)->group("Look-ups");
    };
    region_ = aws::region_of(aws::Environment::real());
    add("--aws-region", region_, "of AWSResources that name none; else AWS_REGION counts")->option_text("REGION");
    add("--cluster-name", cluster_, "as EKS has it: tells interfaces of nodes that are only just starting from others")
        ->option_text("NAME");
    add("--resolve-interval", interval_, "how often AWS is asked")
        ->option_text("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(1, 86'400));
    add("--grace", grace_, "how long an address stays that AWS or DNS no longer names")
        ->option_text("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(1, 604'800));
    add("--aws-calls-per-second", budget_.per_second, "of one account's region and service, on average")
        ->capture_default_str()
        ->check(CLI::Range(0.01, 100.0));
    add("--aws-burst", budget_.burst, "the same, at once")->capture_default_str()->check(CLI::Range(1.0, 1000.0));
    add("--dns-server", servers_, "whom hostnames are asked of, may be given several times; else /etc/resolv.conf")
        ->option_text("ADDRESS[:PORT]");
    add("--dns-names", most_names_, "how many hostnames are followed at most, of all AWSResources together")
        ->option_text("COUNT")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
}

Result<> LookUpOptions::take(resolve::Settings& settings) const {
    settings.region = region_;
    settings.cluster = cluster_;
    settings.budget = budget_;
    settings.interval = std::chrono::seconds(interval_);
    settings.grace = std::chrono::seconds(grace_);
    settings.dns.most_names = most_names_;
    for (const auto& text : servers_) {
        const auto server = dns::Server::parse(text);
        if (!server) return within("--dns-server", server.error());
        settings.servers.push_back(*server);
    }
    return {};
}

} // namespace bulkhead
