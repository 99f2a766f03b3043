// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/node_facts.h"

#include <net/if.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "datapath/pin_dir.h"
#include "datapath/tc_filters.h"

namespace bulkhead::ctl {

namespace {

namespace fs = std::filesystem;

std::string text_of(const Json& json) {
    return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail("open " + path, errno);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Result<std::string> kernel() {
    utsname name{};
    if (uname(&name) != 0) return fail("uname", errno);
    return text_of({{"release", std::string(name.release)},
                    {"version", std::string(name.version)},
                    {"machine", std::string(name.machine)}});
}

/// What of the kernel's settings decides about BPF, file by file; those that this kernel hasn't are left out.
Result<std::string> settings() {
    constexpr std::array kFiles{"/proc/sys/kernel/unprivileged_bpf_disabled",
                                "/proc/sys/net/core/bpf_jit_enable",
                                "/proc/sys/net/core/bpf_jit_harden",
                                "/sys/kernel/security/lockdown",
                                "/proc/sys/net/ipv4/ip_forward",
                                "/proc/sys/net/ipv6/conf/all/forwarding"};
    Json json = Json::object();
    for (const char* path : kFiles)
        if (const auto text = read_file(path)) json[path] = text->substr(0, text->find_last_not_of('\n') + 1);
    return text_of(json);
}

/// Maps, programs and links, by their paths.
Result<std::string> pins(const fs::path& directory) {
    std::error_code error;
    fs::recursive_directory_iterator entries(directory, error);
    if (error) return fail("read " + directory.string(), error.value());
    std::vector<std::string> paths;
    for (const auto& entry : entries)
        paths.push_back(entry.path().lexically_relative(directory).string());
    std::ranges::sort(paths);
    std::string text;
    for (const auto& path : paths)
        text += path + "\n";
    return text;
}

Json filters_json(uint32_t ifindex, datapath::Side side) {
    const auto filters = datapath::list_filters(ifindex, side);
    if (!filters) return filters.error().text;
    Json list = Json::array();
    for (const auto& filter : *filters)
        list.push_back({{"priority", filter.priority},
                        {"handle", filter.handle},
                        {"kind", filter.kind},
                        {"program", filter.program}});
    return list;
}

/// tcx links of ours are pinned by interface: "12-to_pod".
Json links_json(uint32_t ifindex, const datapath::PinDir& pins) {
    Json list = Json::array();
    const auto prefix = std::to_string(ifindex) + "-";
    std::error_code ignored;
    for (const auto& pin : fs::directory_iterator(pins.links(), ignored)) {
        const auto name = pin.path().filename().string();
        if (name.starts_with(prefix)) list.push_back(name.substr(prefix.size()));
    }
    return list;
}

Result<std::string> attachments(const datapath::PinDir& pins) {
    Json list = Json::array();
    for (const uint32_t ifindex : datapath::interfaces()) {
        std::array<char, IF_NAMESIZE> name{};
        if (if_indextoname(ifindex, name.data()) == nullptr) continue; // it has gone
        list.push_back({{"interface", name.data()},
                        {"ifindex", ifindex},
                        {"links", links_json(ifindex, pins)},
                        {"ingress", filters_json(ifindex, datapath::Side::kIngress)},
                        {"egress", filters_json(ifindex, datapath::Side::kEgress)}});
    }
    return text_of(list);
}

} // namespace

std::vector<Fact> node_facts(const std::string& pin_dir) {
    return {{"node/kernel.json", kernel()},     {"node/os-release", read_file("/etc/os-release")},
            {"node/settings.json", settings()}, {"node/memory", read_file("/proc/meminfo")},
            {"node/pins", pins(pin_dir)},       {"node/attachments.json", attachments(datapath::PinDir{pin_dir})}};
}

} // namespace bulkhead::ctl
