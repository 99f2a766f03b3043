// SPDX-License-Identifier: Apache-2.0
#include "cni/netconf.h"

#include <algorithm>

namespace bulkhead::cni {

namespace {

constexpr int kLongestTimeout = 180; // seconds; the kubelet gives up at 240

/// The specification's own, of plugins and of lists, and what runtimes add.
const std::set<std::string> kForeignKeys{
    "cniVersion", "cniVersions", "name",          "type",         "args",      "capabilities",          "dns", "ipam",
    "ipMasq",     "prevResult",  "runtimeConfig", "disableCheck", "disableGC", "loadOnlyInlinedPlugins"};

bool is_foreign(const std::string& key) {
    return kForeignKeys.contains(key) || key.starts_with("cni.dev/");
}

tl::unexpected<Failure> wrong(const std::string& key, const Json& value, const std::string& what) {
    return failure(Code::kInvalidConfig, key + " is " + value.dump() + ", not " + what);
}

Outcome<> read_setting(Settings& settings, const std::string& key, const Json& value) {
    if (key == "socket") {
        if (!value.is_string() || !value.get<std::string>().starts_with("/")) return wrong(key, value, "a path from /");
        settings.socket = value;
    } else if (key == "timeoutSeconds") {
        const bool fits = value.is_number_integer() && value >= 1 && value <= kLongestTimeout;
        if (!fits) return wrong(key, value, "a number from 1 to " + std::to_string(kLongestTimeout));
        settings.timeout = std::chrono::seconds(value.get<int>());
    } else if (key == "waitFor") {
        if (value != "guarded" && value != "published") return wrong(key, value, "\"guarded\" or \"published\"");
        settings.wait_for = value == "guarded" ? WaitFor::kGuarded : WaitFor::kPublished;
    } else if (key == "exemptNamespaces") {
        const bool fits = value.is_array() && std::ranges::all_of(value, [](const Json& name) {
                              return name.is_string() && !name.get<std::string>().empty();
                          });
        if (!fits) return wrong(key, value, "a list of namespaces' names");
        settings.exempt_namespaces = value.get<std::set<std::string>>();
    } else if (!is_foreign(key)) {
        return failure(Code::kUnsupportedField,
                       "there is no setting " + key + " (" + value.dump() +
                           "): there are socket, timeoutSeconds, waitFor and exemptNamespaces");
    }
    return {};
}

std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Nothing if it is another thing than a list of objects.
std::optional<std::vector<Json>> objects_in(const Json& object, const char* key) {
    std::vector<Json> objects;
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return objects;
    if (!found->is_array()) return std::nullopt;
    for (const auto& one : *found)
        if (one.is_object())
            objects.push_back(one);
        else
            return std::nullopt;
    return objects;
}

} // namespace

Outcome<Settings> read_settings(const Json& entry) {
    Settings settings;
    for (const auto& [key, value] : entry.items())
        if (auto read = read_setting(settings, key, value); !read) return tl::unexpected(read.error());
    return settings;
}

Outcome<NetConf> read_netconf(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return failure(Code::kDecode, "the network configuration on stdin is " +
                                          std::string(json.is_discarded() ? "no JSON" : "no JSON object"));
    NetConf conf;
    conf.version = text_in(json, "cniVersion");
    if (std::ranges::find(kVersions, conf.version) == kVersions.end())
        return failure(Code::kIncompatibleVersion, "cniVersion is \"" + conf.version + "\", and " + kName + " speaks " +
                                                       kVersions.front() + " to " + kVersions.back());
    const auto settings = read_settings(json);
    if (!settings) return tl::unexpected(settings.error());
    conf.settings = *settings;
    if (const auto found = json.find("prevResult"); found != json.end() && found->is_object())
        conf.prev_result = *found;
    return conf;
}

bool has_command(const std::string& version, const std::string& command) {
    const auto since = [&](const char* first) {
        return std::ranges::find(kVersions, version) >= std::ranges::find(kVersions, first);
    };
    if (command == "CHECK") return since("0.4.0");
    if (command == "STATUS" || command == "GC") return since("1.1.0");
    return true;
}

/// An interface without `sandbox` is on the host. The VPC CNI lists its veths so, the pod's ends with their sandbox,
/// and a "dummy..." that is nowhere, where it notes for its DEL what it did.
Outcome<Wiring> read_wiring(const Json& prev_result) {
    const auto interfaces = objects_in(prev_result, "interfaces");
    if (!interfaces) return failure(Code::kInvalidConfig, "prevResult.interfaces is no list of interfaces");
    const auto ips = objects_in(prev_result, "ips");
    if (!ips) return failure(Code::kInvalidConfig, "prevResult.ips is no list of addresses");
    Wiring wiring;
    for (const auto& one : *interfaces)
        if (text_in(one, "sandbox").empty() && !text_in(one, "name").empty())
            wiring.interfaces.push_back(text_in(one, "name"));
    for (const auto& one : *ips) {
        const auto address = text_in(one, "address"); // "10.0.1.20/32"
        if (address.empty()) return failure(Code::kInvalidConfig, "prevResult.ips has one without address");
        wiring.addresses.push_back(address.substr(0, address.find('/')));
    }
    return wiring;
}

} // namespace bulkhead::cni
