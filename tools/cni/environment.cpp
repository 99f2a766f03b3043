// SPDX-License-Identifier: Apache-2.0
#include "cni/environment.h"

#include <map>
#include <sstream>
#include <vector>

namespace bulkhead::cni {

namespace {

const std::map<std::string, std::vector<const char*>> kNeeded{
    {"ADD", {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"}},
    {"CHECK", {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"}},
    {"DEL", {}}, // whatever is missing, there is nothing to undo
    {"GC", {}},
    {"STATUS", {}},
    {"VERSION", {}},
};

std::string value_of(const Variables& variables, const char* name) {
    const char* value = variables(name);
    return value == nullptr ? "" : value;
}

/// "A=1;B=2"
std::map<std::string, std::string> pairs_in(const std::string& text) {
    std::map<std::string, std::string> pairs;
    std::istringstream stream(text);
    for (std::string pair; std::getline(stream, pair, ';');)
        if (const auto equals = pair.find('='); equals != std::string::npos)
            pairs[pair.substr(0, equals)] = pair.substr(equals + 1);
    return pairs;
}

} // namespace

Outcome<Environment> read_environment(const Variables& variables) {
    Environment environment;
    environment.command = value_of(variables, "CNI_COMMAND");
    const auto needed = kNeeded.find(environment.command);
    if (needed == kNeeded.end())
        return failure(Code::kInvalidEnvironment,
                       "CNI_COMMAND is \"" + environment.command + "\", not ADD, DEL, CHECK, STATUS, GC or VERSION");
    for (const char* name : needed->second)
        if (value_of(variables, name).empty())
            return failure(Code::kInvalidEnvironment,
                           std::string(name) + " is missing, which " + environment.command + " needs");
    auto arguments = pairs_in(value_of(variables, "CNI_ARGS"));
    environment.pod_namespace = arguments["K8S_POD_NAMESPACE"];
    environment.pod_name = arguments["K8S_POD_NAME"];
    environment.pod_uid = arguments["K8S_POD_UID"];
    const bool has_pod = !environment.pod_namespace.empty() && !environment.pod_name.empty();
    if (!has_pod && !needed->second.empty())
        return failure(Code::kInvalidEnvironment,
                       "CNI_ARGS doesn't say which pod this is: K8S_POD_NAMESPACE or K8S_POD_NAME is missing");
    return environment;
}

} // namespace bulkhead::cni
