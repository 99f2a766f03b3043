// SPDX-License-Identifier: Apache-2.0
//
// Other names for addresses, and for names, so that a report can be shown to strangers: the same one has the same in
// all of a report, and in no other report. Keyed (HMAC-SHA-256) with a key that nobody keeps, since all of IPv4 could
// be tried.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace bulkhead::ctl {

class Pseudonyms {
public:
    struct What {
        bool addresses = false;
        bool names = false;
    };

    /// With a new key.
    static Result<Pseudonyms> create(What what);

    /// Of an answer of the agent's: which words are names of namespaces, pods, workloads, tenants, nodes, interfaces,
    /// grants, or values of labels, from now on.
    void learn(const nlohmann::ordered_json& json);

    /// The text, with every address ("ip4-3f9c0a1b2c3d"; a CIDR keeps its length, a port stays) and every word that is
    /// a name ("name-3f9c0a1b2c3d") in it replaced. An address within a name ("ip-10-0-1-5.ec2.internal") counts, too.
    std::string hide(std::string_view text) const;

private:
    Pseudonyms(What what, std::vector<uint8_t> key) : what_(what), key_(std::move(key)) {}
    std::string of(std::string_view prefix, std::string_view text) const;
    std::string address_in(std::string_view word) const;
    std::string without_addresses(std::string_view text) const;
    std::string without_node_names(std::string_view text) const;
    std::string without_names(std::string_view text) const;
    void learn_name(const std::string& text);
    void learn_labels(const nlohmann::ordered_json& labels);

    What what_;
    std::vector<uint8_t> key_;
    std::set<std::string, std::less<>> names_;
};

} // namespace bulkhead::ctl
