// SPDX-License-Identifier: Apache-2.0
#include "common_options.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include <CLI/CLI.hpp>

namespace bulkhead {

namespace {

using compile::TenantSource;

const std::map<std::string, state::Mode> kModes{{"enforce", state::Mode::kEnforce}, {"audit", state::Mode::kAudit}};
const std::map<std::string, log::Format> kFormats{{"text", log::Format::kText}, {"json", log::Format::kJson}};
const std::map<std::string, TenantSource> kTenantSources{
    {"tenant", TenantSource::kTenantObject}, {"label", TenantSource::kLabel}, {"capsule", TenantSource::kCapsule},
    {"kiosk", TenantSource::kKiosk},         {"hnc", TenantSource::kHnc},     {"namespace", TenantSource::kNamespace}};

/// As Kubernetes has it: an RFC 1123 label. A misspelt name would keep nothing open, in silence.
bool is_namespace_name(std::string_view text) {
    constexpr size_t kLongest = 63;
    const auto is_inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !text.empty() && text.size() <= kLongest && text.front() != '-' && text.back() != '-' &&
           std::all_of(text.begin(), text.end(), is_inner);
}

Result<std::set<std::string>> namespaces(const std::vector<std::string>& words) {
    std::set<std::string> result;
    for (const auto& word : words) {
        if (word.empty()) continue; // "" = none
        if (!is_namespace_name(word)) return fail("\"" + word + "\" is no namespace's name");
        result.insert(word);
    }
    return result;
}

} // namespace

void KubeOptions::add_to(CLI::App& app) {
    app.add_option("--kubeconfig", kubeconfig, "which API server, and as whom; as a pod of the cluster if left out")
        ->option_text("FILE");
    app.add_option("--context", context, "of the kubeconfig; its current one if left out")->option_text("NAME");
}

Result<> KubeOptions::check() const {
    if (kubeconfig.empty() && !context.empty()) return fail("--context is for --kubeconfig");
    return {};
}

Result<source::kube::Access> KubeOptions::access() const {
    auto access = kubeconfig.empty() ? source::kube::in_cluster() : source::kube::read_kubeconfig(kubeconfig, context);
    if (access)
        for (const auto& remark : access->remarks)
            spdlog::warn("{}: {}", access->origin, remark);
    return access;
}

void LogOptions::add_to(CLI::App& app) {
    app.add_option("--log-level", level, "trace, debug, info, warn, error or off")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
        ->capture_default_str();
    app.add_option("--log-format", format, "text or json")
        ->transform(CLI::CheckedTransformer(kFormats))
        ->option_text("FORMAT=text");
}

void PolicyOptions::add_to(CLI::App& app) {
    app.add_option("--default-mode", default_mode_, "of who says nothing: enforce or audit")
        ->transform(CLI::CheckedTransformer(kModes))
        ->option_text("MODE=enforce");
    app.add_option("--tenant-sources", tenant_sources_,
                   "which of tenant, label, capsule, kiosk, hnc, namespace tell a namespace's tenant; all if left out")
        ->delimiter(',');
    app.add_option("--keep-open", keep_open_,
                   "namespaces that are neither protected nor confined, whatever labels and Tenants say; such words "
                   "are reported")
        ->delimiter(',')
        ->option_text("NAMESPACE[,..]");
    app.add_option("--dns-address", dns_addresses_, "counted as cluster DNS besides kube-dns' endpoints")
        ->delimiter(',');
}

Result<> PolicyOptions::take(compile::Settings& settings) const {
    settings.default_mode = default_mode_;
    const auto dns = read_addresses("--dns-address", dns_addresses_);
    if (!dns) return tl::unexpected(dns.error());
    settings.dns_addresses = *dns;
    const auto kept_open = namespaces(keep_open_);
    if (!kept_open) return within("--keep-open", kept_open.error());
    settings.keep_open = *kept_open;
    if (tenant_sources_.empty()) return {};
    settings.tenant_sources.clear();
    for (const auto& name : tenant_sources_) {
        const auto source = kTenantSources.find(name);
        if (source == kTenantSources.end()) return fail("--tenant-sources: \"" + name + "\" is no source of tenants");
        settings.tenant_sources.insert(source->second);
    }
    return {};
}

Result<std::set<Address>> read_addresses(const std::string& option, const std::vector<std::string>& words) {
    std::set<Address> result;
    for (const auto& word : words) {
        if (word.empty()) continue;
        const auto address = Address::parse(word);
        if (!address) return within(option, address.error());
        result.insert(*address);
    }
    return result;
}

std::vector<std::string> reversed_arguments(int argc, char** argv) {
    std::vector<std::string> arguments;
    for (int i = argc - 1; i > 0; --i) {
        std::string argument = argv[i];
        const bool is_empty_value = argument.starts_with("--") && argument.find('=') == argument.size() - 1;
        if (is_empty_value) {
            arguments.emplace_back();
            argument.pop_back();
        }
        arguments.push_back(std::move(argument));
    }
    return arguments;
}

} // namespace bulkhead
