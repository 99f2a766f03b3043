// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include <yaml-cpp/yaml.h>

#include "advise/advice.h"
#include "advise/broad.h"
#include "advise/wording.h"
#include "base/printable.h"

namespace bulkhead::advise {

namespace {

using flow::Kind;

const char* protocol_name(uint8_t protocol) {
    switch (protocol) {
    case BH_TCP:
        return "TCP";
    case BH_UDP:
        return "UDP";
    case BH_SCTP:
        return "SCTP";
    default:
        return "ICMP";
    }
}

/// What somebody named. In quotes where YAML 1.1, which Kubernetes reads, takes it for something else: a word of its
/// own, or what doesn't begin like a word (a number, a date); escaped where it would mean something to a terminal.
struct Name {
    const std::string& text;
};

bool is_word_of_yaml(std::string text) {
    static const std::set<std::string> kWords{"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return kWords.contains(text);
}

YAML::Emitter& operator<<(YAML::Emitter& yaml, const Name& name) {
    const bool begins_like_a_word = !name.text.empty() && std::isalpha(static_cast<unsigned char>(name.text.front()));
    const bool is_plain = printable(name.text) == name.text;
    if (!is_plain) yaml << YAML::EscapeNonAscii;
    if (!is_plain || !begins_like_a_word || is_word_of_yaml(name.text)) yaml << YAML::DoubleQuoted;
    return yaml << name.text;
}

void emit_selector(YAML::Emitter& yaml, const state::Labels& labels) {
    if (labels.empty()) return;
    yaml << YAML::Key << "podSelector" << YAML::Value << YAML::Flow << YAML::BeginMap << YAML::Key << "matchLabels"
         << YAML::Value << YAML::BeginMap;
    for (const auto& [key, value] : labels)
        yaml << YAML::Key << Name{key} << YAML::Value << Name{value};
    yaml << YAML::EndMap << YAML::EndMap;
}

void emit_peer(YAML::Emitter& yaml, const flow::Party& peer, const state::Labels& labels) {
    yaml << YAML::BeginMap;
    switch (peer.kind) {
    case Kind::kPod:
        yaml << YAML::Key << "namespace" << YAML::Value << Name{peer.ns};
        emit_selector(yaml, labels);
        break;
    case Kind::kResource:
        yaml << YAML::Key << "awsResource" << YAML::Value << Name{peer.name};
        break;
    case Kind::kClusterDns:
        yaml << YAML::Key << "awsResource" << YAML::Value << "cluster-dns";
        break;
    case Kind::kApiServer:
        yaml << YAML::Key << "awsResource" << YAML::Value << "kube-apiserver";
        break;
    case Kind::kWorld:
        yaml << YAML::Key << "cidr" << YAML::Value << Name{peer.name};
        break;
    case Kind::kHost: // nobody's peers: advise() has a remark for each
    case Kind::kService:
    case Kind::kUnknown:
        break;
    }
    yaml << YAML::EndMap;
}

void emit_port_list(YAML::Emitter& yaml, const std::vector<OpenedPort>& ports) {
    yaml << YAML::BeginSeq;
    for (const auto& port : ports) {
        yaml << YAML::Flow << YAML::BeginMap;
        if (port.port != 0) yaml << YAML::Key << "port" << YAML::Value << port.port;
        yaml << YAML::Key << "protocol" << YAML::Value << protocol_name(port.protocol) << YAML::EndMap;
        if (port.count != 0) yaml << YAML::Comment(seen_text(port));
    }
    yaml << YAML::EndSeq;
}

void emit_ports(YAML::Emitter& yaml, const std::vector<OpenedPort>& ports) {
    yaml << YAML::Key << "ports" << YAML::Value;
    emit_port_list(yaml, ports);
}

void emit_grant(YAML::Emitter& yaml, const Entry& entry) {
    yaml << YAML::BeginMap;
    yaml << YAML::Key << "apiVersion" << YAML::Value << "bulkhead.dev/v1alpha1";
    yaml << YAML::Key << "kind" << YAML::Value << "AccessGrant";
    yaml << YAML::Key << "metadata" << YAML::Value << YAML::Flow << YAML::BeginMap << YAML::Key << "namespace"
         << YAML::Value << Name{entry.ns} << YAML::Key << "name" << YAML::Value << Name{entry.object} << YAML::EndMap;
    yaml << YAML::Key << "spec" << YAML::Value << YAML::BeginMap;
    emit_selector(yaml, entry.pods);
    yaml << YAML::Key << "from" << YAML::Value << YAML::BeginSeq;
    emit_peer(yaml, entry.peer, entry.peer_pods);
    yaml << YAML::EndSeq;
    emit_ports(yaml, entry.ports);
    yaml << YAML::EndMap << YAML::EndMap;
}

/// Which pods of an object that has pods of several namespaces.
void emit_target(YAML::Emitter& yaml, const Entry& entry) {
    yaml << YAML::Key << "namespaceSelector" << YAML::Value << YAML::Flow << YAML::BeginMap << YAML::Key
         << "matchLabels" << YAML::Value << YAML::BeginMap << YAML::Key << "kubernetes.io/metadata.name" << YAML::Value
         << Name{entry.ns} << YAML::EndMap << YAML::EndMap;
    emit_selector(yaml, entry.pods);
}

/// An element of a list in an object that has more to say.
std::string list_element(const Entry& entry) {
    YAML::Emitter yaml;
    yaml << YAML::BeginSeq << YAML::BeginMap;
    if (entry.where == Entry::Where::kTenantExpose) {
        emit_target(yaml, entry);
    } else {
        yaml << YAML::Key << (entry.where == Entry::Where::kTenantTo ? "to" : "from") << YAML::Value << YAML::BeginSeq;
        emit_peer(yaml, entry.peer, entry.peer_pods);
        yaml << YAML::EndSeq;
    }
    if (entry.where == Entry::Where::kTenantFrom) {
        yaml << YAML::Key << "to" << YAML::Value << YAML::BeginMap;
        emit_target(yaml, entry);
        yaml << YAML::EndMap;
    }
    emit_ports(yaml, entry.ports);
    yaml << YAML::EndMap << YAML::EndSeq;
    return yaml.c_str();
}

std::string list_name(const Entry& entry) {
    switch (entry.where) {
    case Entry::Where::kTenantTo:
        return "Tenant " + entry.object + ", to be added to spec.allowTo";
    case Entry::Where::kTenantFrom:
        return "Tenant " + entry.object + ", to be added to spec.allowFrom";
    case Entry::Where::kTenantExpose:
        return "Tenant " + entry.object + ", to be added to spec.expose";
    default:
        return "AWSResource " + entry.object + ", to be added to spec.allowFrom";
    }
}

/// What it opens beyond what was seen: a line of comment, which a line break in a name must not end.
std::string note_line(const Entry& entry) {
    const auto note = note_on(entry);
    return note.empty() ? "" : "# Wider than what was seen: " + printable(note) + ".\n";
}

/// As a comment, which a line break in a name must not end, since applied by itself it would replace what else the
/// object says.
std::string commented(const Entry& entry) {
    std::string text = note_line(entry) + "# " + printable(list_name(entry)) + ":\n";
    std::istringstream lines(list_element(entry));
    for (std::string line; std::getline(lines, line);)
        text += "#   " + line + "\n";
    return text;
}

std::string name_of(const flow::Party& party) {
    if (party.kind != Kind::kPod)
        return std::string(flow::label_of(party.kind)) + (party.name.empty() ? "" : " " + party.name);
    return party.ns + "/" + (party.workload.empty() ? "*" : party.workload);
}

std::string text_of(const Remark& remark) {
    const auto& [edge, seen, why] = remark;
    std::string port = edge.port == 0 ? "" : ":" + std::to_string(edge.port);
    return printable("# Not proposed: " + name_of(edge.source) + " -> " + name_of(edge.destination) + port + " (" +
                     std::to_string(seen.count) + " times until " + date(seen.last) + "): " + why) +
           "\n";
}

} // namespace

std::string yaml_of(const Entry& entry) {
    if (entry.where != Entry::Where::kAccessGrant) return list_element(entry);
    YAML::Emitter yaml;
    emit_grant(yaml, entry);
    return yaml.c_str();
}

std::string ports_yaml(const std::vector<OpenedPort>& ports) {
    YAML::Emitter yaml;
    emit_port_list(yaml, ports);
    return yaml.c_str();
}

std::string yaml_of(const Advice& advice) {
    std::string text;
    for (const auto& entry : advice.entries) {
        if (is_broad(entry))
            text += note_line(entry) + broad_yaml(entry);
        else if (entry.where == Entry::Where::kAccessGrant)
            text += "---\n" + note_line(entry) + yaml_of(entry) + "\n";
        else
            text += commented(entry);
    }
    for (const auto& remark : advice.remarks)
        text += text_of(remark);
    return text;
}

} // namespace bulkhead::advise
