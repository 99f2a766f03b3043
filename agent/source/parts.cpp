// SPDX-License-Identifier: Apache-2.0
#include "source/parts.h"

#include <algorithm>
#include <array>

namespace bulkhead::source {

namespace {

using Term = state::Selector::Term;

bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alphanumeric(char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_name(std::string_view text) {
    constexpr size_t kLongest = 253;
    if (text.empty() || text.size() > kLongest) return false;
    if (!is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; });
}

bool is_word(std::string_view text, size_t longest) {
    if (text.empty() || text.size() > longest) return false;
    if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

/// A label's value, or its key without the prefix.
bool is_label_word(std::string_view text) {
    constexpr size_t kLongest = 63;
    return is_word(text, kLongest);
}

bool is_label_key(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return is_label_word(text);
    return is_name(text.substr(0, slash)) && is_label_word(text.substr(slash + 1));
}

/// Only selectors check this: a misspelt one would match nothing, in silence.
bool check_label(const Field& where, std::string_view key, std::string_view value) {
    if (!is_label_key(key)) {
        where.complain("\"" + std::string(key) + "\" is not a label's name");
        return false;
    }
    if (!value.empty() && !is_label_word(value)) {
        where.complain("\"" + std::string(value) + "\" is not a label's value");
        return false;
    }
    return true;
}

std::optional<Term::Op> read_operator(const Field& field) {
    const auto text = field.string();
    if (text == "In") return Term::Op::kIn;
    if (text == "NotIn") return Term::Op::kNotIn;
    if (text == "Exists") return Term::Op::kExists;
    if (text == "DoesNotExist") return Term::Op::kDoesNotExist;
    if (!field.present()) field.complain("is missing");
    if (text) field.complain("\"" + *text + "\" is none of In, NotIn, Exists, DoesNotExist");
    return std::nullopt;
}

void read_expression(const Field& expression, state::Selector& selector) {
    expression.only({"key", "operator", "values"});
    const auto key = expression["key"];
    const auto values = expression["values"];
    Term term;
    term.key = key.string().value_or("");
    term.values = read_strings(values);
    check_label(key, term.key, "");
    for (const auto& value : term.values)
        check_label(values, term.key, value);
    const auto op = read_operator(expression["operator"]);
    if (!op) return;
    term.op = *op;
    const bool wants_values = term.op == Term::Op::kIn || term.op == Term::Op::kNotIn;
    if (wants_values && term.values.empty()) values.complain("names nothing");
    if (!wants_values && !term.values.empty()) values.complain("goes with In and NotIn only");
    selector.terms.push_back(std::move(term));
}

} // namespace

std::optional<std::string> read_name(const Field& field) {
    auto name = field.string();
    if (!field.present()) field.complain("is missing");
    if (!name) return std::nullopt;
    if (is_name(*name)) return name;
    field.complain(field.value().text() + " is not a Kubernetes name");
    return std::nullopt;
}

std::string read_tenant(const Field& field) {
    constexpr std::array<std::string_view, 4> kSources{"capsule", "kiosk", "hnc", "ns"};
    constexpr size_t kLongest = 253; // a label's value is shorter, a Tenant's name may be as long
    const auto text = field.string();
    if (!text) return "";
    std::string_view name = *text;
    if (const auto slash = name.find('/'); slash != std::string_view::npos) {
        if (std::find(kSources.begin(), kSources.end(), name.substr(0, slash)) == kSources.end())
            field.complain("\"" + *text + "\" has none of the sources capsule/, kiosk/, hnc/, ns/");
        name.remove_prefix(slash + 1);
    }
    if (!is_word(name, kLongest)) field.complain("\"" + *text + "\" is not a tenant's name");
    return *text;
}

void check_frame(const Field& document) {
    document.only({"apiVersion", "kind", "metadata", "spec", "status"});
    const auto metadata = document["metadata"];
    metadata.only({"name", "namespace", "labels", "annotations", "creationTimestamp", "deletionTimestamp",
                   "deletionGracePeriodSeconds", "finalizers", "generateName", "generation", "managedFields",
                   "ownerReferences", "resourceVersion", "selfLink", "uid"});
}

void check_cluster_scoped(const Field& document) {
    const auto metadata = document["metadata"];
    const auto ns = metadata["namespace"];
    if (ns.present()) ns.complain("is not for this kind: it is cluster-scoped");
}

state::Meta read_meta(const Field& document, const DecodeContext& context) {
    const auto metadata = document["metadata"];
    return {.name = metadata["name"].string().value_or(""),
            .ns = metadata["namespace"].string().value_or(""),
            .origin = state::Origin(context.file, document.line()).text(),
            .created = read_time(metadata["creationTimestamp"])};
}

state::Labels read_labels(const Field& field) {
    state::Labels labels;
    field.each_member([&](const std::string& key, const Field& member) {
        labels.insert_or_assign(key, member.string().value_or("")); // null is an empty value, as for kubectl
    });
    return labels;
}

std::optional<state::Selector> read_selector(const Field& field) {
    if (!field.present()) return std::nullopt;
    field.only({"matchLabels", "matchExpressions"});
    state::Selector selector;
    for (const auto& [key, value] : read_labels(field["matchLabels"])) {
        check_label(field["matchLabels"], key, value);
        selector.terms.push_back({.key = key, .op = Term::Op::kIn, .values = {value}});
    }
    const auto expressions = field["matchExpressions"];
    expressions.each([&](const Field& expression) { read_expression(expression, selector); });
    return selector;
}

state::PodTarget read_target(const Field& field) {
    return {.namespaces = read_selector(field["namespaceSelector"]), .pods = read_selector(field["podSelector"])};
}

std::optional<state::Level> read_level(const Field& field) {
    const auto text = field.string();
    if (text == "protected") return state::Level::kProtected;
    if (text == "non-protected") return state::Level::kNonProtected;
    if (text) field.complain("\"" + *text + "\" is neither protected nor non-protected");
    return std::nullopt;
}

std::optional<state::Mode> read_mode(const Field& field) {
    const auto text = field.string();
    if (text == "enforce") return state::Mode::kEnforce;
    if (text == "audit") return state::Mode::kAudit;
    if (text) field.complain("\"" + *text + "\" is neither enforce nor audit");
    return std::nullopt;
}

state::Grant read_grant(const Field& field, PortNames names) {
    return {.from = read_peers(field["from"]),
            .to = {},
            .ports = read_ports(field["ports"], names),
            .until = read_end(field["until"]),
            .reason = field["reason"].string().value_or("")};
}

std::optional<Address> read_address(const Field& field) {
    const auto text = field.string();
    if (!text) return std::nullopt;
    const auto address = Address::parse(*text);
    if (address) return *address;
    field.complain(address.error().text);
    return std::nullopt;
}

std::vector<Cidr> read_cidrs(const Field& field) {
    std::vector<Cidr> cidrs;
    field.each([&](const Field& item) {
        const auto text = item.string();
        if (!text) return;
        if (const auto cidr = Cidr::parse(*text)) {
            cidrs.push_back(*cidr);
        } else {
            item.complain(cidr.error().text);
        }
    });
    return cidrs;
}

std::vector<std::string> read_strings(const Field& field) {
    std::vector<std::string> texts;
    field.each([&](const Field& item) {
        if (auto text = item.string()) texts.push_back(std::move(*text));
    });
    return texts;
}

} // namespace bulkhead::source
