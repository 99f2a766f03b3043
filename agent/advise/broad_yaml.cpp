// SPDX-License-Identifier: Apache-2.0
#include "advise/broad.h"
#include "advise/wording.h"
#include "base/printable.h"
#include "flow/names.h"

namespace bulkhead::advise {

namespace {

std::string pods_text(const flow::Party& pods) {
    return printable(pods.ns + "/" + (pods.workload.empty() ? "*" : pods.workload));
}

const char* protocol_name(const OpenedPort& port) {
    return flow::is_icmp(port.protocol) ? "ICMP"
           : port.protocol == BH_UDP    ? "UDP"
           : port.protocol == BH_SCTP   ? "SCTP"
                                        : "TCP";
}

/// "5432/TCP", as an annotation has it.
std::string text_of(const OpenedPort& port) {
    return port.port == 0 ? protocol_name(port) : std::to_string(port.port) + "/" + protocol_name(port);
}

std::string text_of(const std::vector<OpenedPort>& ports) {
    std::string text;
    for (const auto& port : ports)
        text += (text.empty() ? "" : ", ") + text_of(port);
    return text;
}

std::string tenants_text(const std::vector<std::string>& names) {
    constexpr size_t kMost = 8;
    std::string text = std::to_string(names.size()) + " tenants (";
    for (size_t i = 0; i < std::min(names.size(), kMost); ++i)
        text += (i == 0 ? "" : ", ") + printable(names[i]);
    return text + (names.size() > kMost ? ", ...)" : ")");
}

/// In quotes, since YAML has other meanings for some words; what printable() writes means the same to YAML.
std::string quoted(const std::string& text) {
    std::string escaped;
    for (const char c : text)
        escaped += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string{c};
    return '"' + printable(escaped) + '"';
}

std::string labels_text(const state::Labels& labels) {
    std::string text;
    for (const auto& [key, value] : labels)
        text += (text.empty() ? "" : ", ") + quoted(key) + ": " + quoted(value);
    return "{matchLabels: {" + text + "}}";
}

/// Its pods say so themselves: nobody else's object is to be changed, and it goes where they go.
std::string exposing(const Entry& entry) {
    std::string text =
        "# " + pods_text(entry.peer) + ": " + tenants_text(entry.instead_of) + " use " + text_of(entry.ports) +
        ".\n# Instead of a grant for each, open it to everybody, whoever comes later included, in its pod "
        "template:\n#   annotations:\n#     bulkhead.dev/expose: \"" +
        text_of(entry.ports) + "\"\n";
    for (const auto& port : entry.ports)
        text += "#     # " + text_of(port) + ": " + seen_text(port) + "\n";
    return text;
}

/// Only a Tenant object trusts: "ns/monitoring" is none.
std::string whose_list(const Entry& entry) {
    const bool may_be_declared = !entry.object.empty() && entry.object.find('/') == std::string::npos;
    return printable(may_be_declared ? "Tenant " + entry.object : "a Tenant object that names namespace " + entry.ns);
}

std::string trusting(const Entry& entry) {
    std::string text = "# " + pods_text(entry.peer) + " uses " + text_of(entry.ports) + " of pods of " +
                       tenants_text(entry.instead_of) +
                       ".\n# Instead of a grant by each, trust it with that at every tenant, sealed ones excepted: " +
                       whose_list(entry) + ", to be added to spec.trusted:\n#   - namespaceSelector: " +
                       labels_text({{"kubernetes.io/metadata.name", entry.ns}}) + "\n";
    if (!entry.pods.empty()) text += "#     podSelector: " + labels_text(entry.pods) + "\n";
    text += "#     ports:\n";
    for (const auto& port : entry.ports)
        text += "#       - {" + (port.port == 0 ? "" : "port: " + std::to_string(port.port) + ", ") +
                "protocol: " + protocol_name(port) + "}  # " + seen_text(port) + "\n";
    return text;
}

} // namespace

std::string broad_yaml(const Entry& entry) {
    return entry.where == Entry::Where::kExpose ? exposing(entry) : trusting(entry);
}

} // namespace bulkhead::advise
