// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/pseudonyms.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

#include <nettle/hmac.h>

namespace bulkhead::ctl {

namespace {

constexpr size_t kKeySize = 32;
constexpr size_t kShown = 6; // bytes of the hash: more than any cluster has addresses

/// Fields whose texts are names; "ns/blog" and "payments/api-0" are two words each.
constexpr std::array kNameFields{"name",        "namespace", "namespaces", "node",      "pod",
                                 "resource",    "tenant",    "object",     "source",    "uplinks",
                                 "destination", "workload",  "interface",  "interfaces"};

bool is_of_address(char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '.';
}

bool is_of_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
}

bool is_ip4(const std::string& text) {
    in_addr address{};
    return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool is_ip6(const std::string& text) {
    in6_addr address{};
    return text != "::" && inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// How long the escape is with which the text begins: \n, \u00e9 as JSON has them, \x1b as terminals are spared it.
size_t escape_at(std::string_view text) {
    constexpr std::string_view kShort = "\"\\/bfnrt";
    if (text.size() < 2 || text[0] != '\\') return 0;
    const size_t length = text[1] == 'u'                                   ? 6
                          : text[1] == 'x'                                 ? 4
                          : kShort.find(text[1]) != std::string_view::npos ? 2
                                                                           : 0;
    return std::min(length, text.size());
}

/// Calls `replace` with each longest run of such characters that stands by itself, and with what is before and after
/// it, and takes its answer instead. An escape belongs to no run: "\n10.0.0.1" has the address in it.
template <typename Replace>
std::string each_run(std::string_view text, bool (*belongs)(char), Replace replace) {
    std::string result;
    char before = '\0';
    for (size_t i = 0; i < text.size();) {
        if (const auto length = escape_at(text.substr(i)); length != 0) {
            result += text.substr(i, length);
            i += length;
            before = '\0';
            continue;
        }
        size_t end = i;
        while (end < text.size() && belongs(text[end]))
            ++end;
        if (end == i) {
            before = text[i];
            result += text[i++];
            continue;
        }
        result += replace(text.substr(i, end - i), before, end < text.size() ? text[end] : '\0');
        before = text[end - 1];
        i = end;
    }
    return result;
}

/// Words that stand where names do and aren't any.
bool is_own_word(const std::string& word) {
    static const std::set<std::string> kOwn{
        "ns",          "capsule",        "kiosk",   "hnc",        "pods",       "world",       "node",
        "host",        "service",        "network", "held",       "this",       "Tenant",      "kube",
        "cluster-dns", "kube-apiserver", "Pod",     "Namespace",  "Node",       "AWSResource", "AccessGrant",
        "Service",     "interface",      "dir",     "endpoints4", "endpoints6", "Deployment",  "StatefulSet",
        "DaemonSet",   "ReplicaSet",     "Job",     "CronJob",    "true",       "false",       "null",
        "annotation",  "bulkhead.dev",   "expose",  "of",         "the"};
    return kOwn.contains(word);
}

/// In JSON a number stands bare, where no other word may.
bool is_number(const std::string& word) {
    return word.find_first_not_of("0123456789.-") == std::string::npos;
}

/// Of "AccessGrant payments/for-blog: a reason" the name; what follows it are words. Empty where no object is named.
std::string object_in(const std::string& origin) {
    const auto kind = origin.find(' ');
    if (kind == std::string::npos || std::isupper(static_cast<unsigned char>(origin.front())) == 0) return {};
    const auto name = origin.substr(kind + 1);
    return name.substr(0, name.find_first_of(" :"));
}

/// The domain of a label's key, if it is one of the cluster's owner: "team.example.com/tier".
std::string domain_of(const std::string& key) {
    const auto domain = key.substr(0, key.find('/'));
    const bool is_common = domain.ends_with("kubernetes.io") || domain.ends_with("k8s.io") || domain == "bulkhead.dev";
    return domain.size() == key.size() || is_common ? "" : domain;
}

} // namespace

Result<Pseudonyms> Pseudonyms::create(What what) {
    std::vector<uint8_t> key(kKeySize);
    if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) return fail("make a key", errno);
    return Pseudonyms(what, std::move(key));
}

std::string Pseudonyms::of(std::string_view prefix, std::string_view text) const {
    hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, key_.size(), key_.data());
    hmac_sha256_update(&context, text.size(), reinterpret_cast<const uint8_t*>(text.data()));
    std::array<uint8_t, kShown> digest{};
    hmac_sha256_digest(&context, digest.size(), digest.data());
    std::string name(prefix);
    for (const uint8_t byte : digest) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        name += kDigits[byte >> 4];
        name += kDigits[byte & 0xf];
    }
    return name;
}

/// Empty where it is none.
std::string Pseudonyms::address_in(std::string_view word) const {
    const std::string text(word);
    if (is_ip4(text)) return of("ip4-", text);
    if (is_ip6(text)) return of("ip6-", text);
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return {};
    // "10.0.0.1:443", or a sentence that goes on after the address
    const auto before = text.substr(0, colon);
    return is_ip4(before) || is_ip6(before) ? address_in(before) + text.substr(colon) : "";
}

std::string Pseudonyms::without_addresses(std::string_view text) const {
    return each_run(text, is_of_address, [&](std::string_view run, char before, char after) -> std::string {
        const bool is_within = std::isalnum(static_cast<unsigned char>(before)) != 0 || before == '_' ||
                               std::isalnum(static_cast<unsigned char>(after)) != 0 || after == '_';
        if (is_within) return std::string(run);
        auto whole = run;
        while (!whole.empty() && (whole.back() == '.' || (whole.back() == ':' && !whole.ends_with("::"))))
            whole.remove_suffix(1);
        const auto hidden = address_in(whole);
        return hidden.empty() ? std::string(run) : hidden + std::string(run.substr(whole.size()));
    });
}

/// AWS names nodes by their addresses.
std::string Pseudonyms::without_node_names(std::string_view text) const {
    static const std::regex kNode(R"(\bip-(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})\b)");
    const std::string all(text);
    if (all.find("ip-") == std::string::npos) return all;
    std::string result;
    auto from = all.begin();
    for (std::sregex_iterator match(all.begin(), all.end(), kNode); match != std::sregex_iterator(); ++match) {
        result.append(from, all.begin() + match->position());
        result +=
            of("ip4-", (*match)[1].str() + "." + (*match)[2].str() + "." + (*match)[3].str() + "." + (*match)[4].str());
        from = all.begin() + match->position() + match->length();
    }
    return result.append(from, all.end());
}

std::string Pseudonyms::without_names(std::string_view text) const {
    const auto hidden = [&](std::string_view word) {
        return names_.contains(word) ? of("name-", word) : std::string(word);
    };
    return each_run(text, is_of_name, [&](std::string_view word, char, char) -> std::string {
        if (names_.contains(word)) return hidden(word);
        std::string result; // "payments.yaml", or the end of a sentence
        for (size_t from = 0; from <= word.size();) {
            const auto dot = std::min(word.find('.', from), word.size());
            result += (from == 0 ? "" : ".") + hidden(word.substr(from, dot - from));
            from = dot + 1;
        }
        return result;
    });
}

std::string Pseudonyms::hide(std::string_view text) const {
    std::string hidden(text);
    if (what_.names) hidden = without_names(hidden);
    if (what_.addresses) hidden = without_addresses(without_node_names(hidden));
    return hidden;
}

void Pseudonyms::learn_name(const std::string& text) {
    each_run(text, is_of_name, [&](std::string_view word, char, char) {
        std::string name(word);
        if (!is_own_word(name) && !is_number(name) && !is_ip4(name)) names_.insert(std::move(name));
        return std::string();
    });
}

void Pseudonyms::learn_labels(const nlohmann::ordered_json& labels) {
    for (const auto& [key, value] : labels.items()) {
        learn_name(domain_of(key));
        if (value.is_string()) learn_name(value.get<std::string>());
    }
}

void Pseudonyms::learn(const nlohmann::ordered_json& json) {
    if (json.is_array())
        for (const auto& element : json)
            learn(element);
    if (!json.is_object()) return;
    for (const auto& [key, value] : json.items()) {
        const bool is_name = std::find(kNameFields.begin(), kNameFields.end(), key) != kNameFields.end();
        if (is_name && value.is_string()) learn_name(value.get<std::string>());
        if (is_name && value.is_array())
            for (const auto& element : value)
                if (element.is_string()) learn_name(element.get<std::string>());
        if (key == "decidedBy" && value.is_string()) learn_name(object_in(value.get<std::string>()));
        if (key == "labels" && value.is_object()) learn_labels(value);
        learn(value);
    }
}

} // namespace bulkhead::ctl
