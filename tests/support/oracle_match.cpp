// SPDX-License-Identifier: Apache-2.0
#include "support/oracle_match.h"

#include <algorithm>
#include <regex>

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

uint8_t protocol_number(const std::string& word) {
    if (word == "UDP") return BH_UDP;
    if (word == "SCTP") return BH_SCTP;
    return BH_TCP;
}

bool word_exposes(const std::string& word, const PodTemplate& pod, uint8_t protocol, uint16_t port) {
    static const std::regex numeric("([0-9]{1,5})(-([0-9]{1,5}))?(/(TCP|UDP|SCTP))?");
    std::smatch part;
    if (!std::regex_match(word, part, numeric)) return has_named_port(pod, word, protocol, port);
    const int first = std::stoi(part[1]);
    const int last = part[3].matched ? std::stoi(part[3]) : first;
    if (first < 1 || last > 65535 || first > last) return false;
    return protocol_number(part[5]) == protocol && first <= port && port <= last;
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
    static const std::regex words("[^,\\s](?:[^,]*[^,\\s])?");
    const std::string& text = pod.expose;
    for (std::sregex_iterator word(text.begin(), text.end(), words), end; word != end; ++word) {
        if (word_exposes(word->str(), pod, protocol, port)) return true;
    }
    return false;
}

} // namespace bulkhead::test
