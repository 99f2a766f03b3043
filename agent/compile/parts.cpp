// SPDX-License-Identifier: Apache-2.0
#include "compile/parts.h"

#include <set>
#include <utility>

namespace bulkhead::compile {

namespace {

using Nature = state::Problem::Nature;

constexpr size_t kMostShown = 5; // values of a tag that are amiss
constexpr std::string_view kProtected = "protected", kNonProtected = "non-protected";

/// What is amiss with a tag, by what it says: of which addresses.
using Amiss = std::map<std::string, std::vector<Cidr>>;

std::string text_of(const std::vector<Cidr>& addresses) {
    const auto& first = addresses.front();
    auto text = first.is_single() ? first.address.text() : first.text();
    if (addresses.size() > 1) text += " and " + std::to_string(addresses.size() - 1) + " more";
    return text;
}

/// "paymnts" of 10.0.0.7 and 2 more, "x" of 10.0.0.9
std::string text_of(const Amiss& amiss) {
    std::string text;
    size_t shown = 0;
    for (const auto& [value, addresses] : amiss) {
        if (shown++ == kMostShown) return text + ", and " + std::to_string(amiss.size() - kMostShown) + " more values";
        text += (text.empty() ? "" : ", ") + value + " of " + text_of(addresses);
    }
    return text;
}

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

} // namespace

/// Of one resource that asks tags.
class Parts::Reader {
public:
    Reader(const state::Cluster& cluster, const state::AwsResource& resource)
        : cluster_(cluster), resource_(resource) {}

    struct Word {
        std::string tenant;
        state::Level level;
        auto operator<=>(const Word&) const = default;
    };

    std::map<Cidr, Word> read() {
        const auto cidrs = state::all_cidrs(resource_);
        std::map<Cidr, Word> words;
        std::vector<std::pair<Cidr, Word>> around; // the networks that are open, as std::set<Cidr> sorts them
        for (const auto& cidr : std::set<Cidr>(cidrs.begin(), cidrs.end())) {
            while (!around.empty() && !around.back().first.contains(cidr))
                around.pop_back();
            const Word silent{resource_.tenant, resource_.level};
            auto word = read(cidr, around.empty() ? silent : around.back().second);
            if (!cidr.is_single()) around.emplace_back(cidr, word);
            words.emplace(cidr, std::move(word));
        }
        return words;
    }

    void report(std::vector<state::Problem>& problems) const {
        const auto add = [&](const Amiss& amiss, const char* field, const std::string& text, Nature nature) {
            if (amiss.empty()) return;
            problems.push_back({resource_.meta.origin, "AWSResource " + resource_.meta.name, field,
                                text + ": " + text_of(amiss), nature});
        };
        const auto tenant_tag = "the tag " + quoted(resource_.tenant_tag);
        add(unknown_, "spec.tenantFrom", tenant_tag + " names no Tenant, so that these are nobody's and protected",
            Nature::kMissing);
        add(disputed_, "spec.tenantFrom",
            tenant_tag + " of several things says several tenants, so that these are nobody's and protected",
            Nature::kConflict);
        add(no_levels_, "spec.levelFrom",
            "the tag " + quoted(resource_.level_tag) +
                " says neither protected nor non-protected, so that these are protected",
            Nature::kMistake);
    }

private:
    Word read(const Cidr& cidr, Word word) {
        const auto owners = resource_.owners.find(cidr);
        if (owners == resource_.owners.end()) return word;
        std::set<std::string> tenants, levels;
        for (const auto& [tenant, level] : owners->second) {
            if (!tenant.empty()) tenants.insert(tenant);
            if (!level.empty()) levels.insert(level);
        }
        // What was found for a tag that nobody asks any more says nothing.
        if (!resource_.level_tag.empty()) read_levels(cidr, levels, word);
        if (!resource_.tenant_tag.empty()) read_tenants(cidr, tenants, word);
        return word;
    }

    void read_levels(const Cidr& cidr, const std::set<std::string>& levels, Word& word) {
        for (const auto& level : levels)
            if (level != kProtected && level != kNonProtected) no_levels_[quoted(level)].push_back(cidr);
        if (levels.empty()) return;
        const bool is_open = levels.size() == 1 && *levels.begin() == kNonProtected;
        word.level = is_open ? state::Level::kNonProtected : state::Level::kProtected;
    }

    void read_tenants(const Cidr& cidr, const std::set<std::string>& tenants, Word& word) {
        if (tenants.empty()) return;
        const bool is_known = tenants.size() == 1 && cluster_.tenants().contains(*tenants.begin());
        if (is_known) {
            word.tenant = *tenants.begin();
            return;
        }
        word = {"", state::Level::kProtected};
        if (tenants.size() == 1)
            unknown_[quoted(*tenants.begin())].push_back(cidr);
        else
            disputed_[quoted(*tenants.begin()) + " and " + quoted(*tenants.rbegin())].push_back(cidr);
    }

    const state::Cluster& cluster_;
    const state::AwsResource& resource_;
    Amiss unknown_;
    Amiss disputed_;
    Amiss no_levels_;
};

Parts::Parts(const state::Cluster& cluster, std::vector<state::Problem>& problems) {
    for (const auto& [name, resource] : cluster.resources()) {
        if (!resource.asks_tags()) {
            whole_[name] = add({.resource = &resource, .tenant = resource.tenant, .level = resource.level});
            continue;
        }
        Reader reader(cluster, resource);
        std::map<Reader::Word, const Part*> parts;
        auto& addresses = by_address_[name];
        for (const auto& [cidr, word] : reader.read()) {
            auto& part = parts[word];
            if (part == nullptr) part = add({.resource = &resource, .tenant = word.tenant, .level = word.level});
            addresses.emplace(cidr, part);
        }
        reader.report(problems);
    }
}

const Part* Parts::add(Part part) {
    parts_.push_back(std::move(part));
    return &parts_.back();
}

std::vector<Parts::Address> Parts::of(const state::AwsResource& resource) const {
    std::vector<Address> all;
    if (const auto parted = by_address_.find(resource.meta.name); parted != by_address_.end()) {
        for (const auto& [cidr, part] : parted->second)
            all.push_back({cidr, part});
        return all;
    }
    const auto* whole = whole_.at(resource.meta.name);
    for (const auto& cidr : state::all_cidrs(resource))
        all.push_back({cidr, whole});
    return all;
}

} // namespace bulkhead::compile
