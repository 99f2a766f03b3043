// SPDX-License-Identifier: Apache-2.0
#include "support/oracle_match.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace bulkhead::test {

using namespace state;

namespace {

bool holds(const Selector::Term& term, const Labels& labels) {
    const auto label = labels.find(term.key);
    const bool present = label != labels.end();
    const bool listed = present && std::ranges::count(term.values, label->second) > 0;
    switch (term.op) {
    case Selector::Term::Op::kIn:
        return listed;
    case Selector::Term::Op::kNotIn:
        return !listed; // Kubernetes: an absent key is "not in"
    case Selector::Term::Op::kExists:
        return present;
    case Selector::Term::Op::kDoesNotExist:
        return !present;
    }
    return false;
}

bool has_named_port(const PodTemplate& pod, const std::string& name, uint8_t protocol, uint16_t port) {
    if (name.empty()) return false; // most container ports have none
    return std::ranges::any_of(pod.ports, [&](const ContainerPort& container) {
        return container.name == name && container.protocol == protocol && container.port == port;
    });
}

bool covers(const PortSpec& spec, const PodTemplate* dst, uint8_t protocol, uint16_t port) {
    const bool any_protocol = !spec.name.empty() && spec.protocol == BH_ANY_PROTOCOL; // the container port's counts
    if (!any_protocol && spec.protocol != protocol) return false;
    if (!spec.name.empty()) return dst && has_named_port(*dst, spec.name, protocol, port);
    return protocol == BH_ICMP || (spec.first <= port && port <= spec.last);
}

/// A port number as people write it; nothing else has digits only.
std::optional<int> port_number(const std::string& text) {
    const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (text.empty() || text.size() > 5 || !digits) return std::nullopt;
    return std::stoi(text);
}

std::optional<uint8_t> protocol_number(const std::string& text) {
    if (text == "TCP") return BH_TCP;
    if (text == "UDP") return BH_UDP;
    if (text == "SCTP") return BH_SCTP;
    return std::nullopt;
}

/// The two sides of the first `mark`; the right one is empty without it.
std::pair<std::string, std::optional<std::string>> cut(const std::string& text, char mark) {
    const size_t at = text.find(mark);
    if (at == std::string::npos) return {text, std::nullopt};
    return {text.substr(0, at), text.substr(at + 1)};
}

/// PORT[-END][/PROTO]
bool numbers_expose(const std::string& word, uint8_t protocol, uint16_t port) {
    const auto [range, protocol_text] = cut(word, '/');
    const auto [first_text, last_text] = cut(range, '-');
    const auto said = protocol_number(protocol_text.value_or("TCP"));
    const auto first = port_number(first_text);
    const auto last = port_number(last_text.value_or(first_text));
    if (!said || !first || !last) return false;
    const bool in_order = 1 <= *first && *first <= *last && *last <= 65535;
    return in_order && *said == protocol && *first <= port && port <= *last;
}

std::string trimmed(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

} // namespace

bool selects(const Selector& selector, const Labels& labels) {
    return std::ranges::all_of(selector.terms, [&](const Selector::Term& term) { return holds(term, labels); });
}

bool selects(const std::optional<Selector>& selector, const Labels& labels) {
    return !selector || selects(*selector, labels);
}

bool covers(const Ports& ports, const PodTemplate* dst, uint8_t protocol, uint16_t port) {
    if (ports.empty()) return true;
    return std::ranges::any_of(ports, [&](const PortSpec& spec) { return covers(spec, dst, protocol, port); });
}

bool annotation_exposes(const PodTemplate& pod, uint8_t protocol, uint16_t port) {
    std::istringstream words(pod.expose);
    for (std::string word; std::getline(words, word, ',');) {
        word = trimmed(word);
        if (numbers_expose(word, protocol, port) || has_named_port(pod, word, protocol, port)) return true;
    }
    return false;
}

} // namespace bulkhead::test
