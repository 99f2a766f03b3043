// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/check.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "advise/stand_ins.h"
#include "base/near_names.h"
#include "base/reasons.h"
#include "bulkheadctl/edges.h"
#include "flow/edge_json.h"
#include "flow/names.h"
#include "source/content.h"

namespace bulkhead::ctl {

namespace {

namespace fs = std::filesystem;
using advise::Loss;

constexpr size_t kMostListed = 10; // tenants

Json json_of(const Loss& loss) {
    Json row = flow::to_json(loss.edge, loss.seen);
    if (loss.answer.reason) row["would"] = label_of(*loss.answer.reason);
    if (loss.answer.differs) row["someWouldPass"] = true;
    if (!loss.why_untold.empty()) row["whyUntold"] = loss.why_untold;
    return row;
}

std::string table_of(const std::vector<Loss>& losses, Width width) {
    Json rows = Json::array();
    for (const auto& loss : losses)
        rows.push_back(json_of(loss));
    return losses_text(rows, width);
}

std::string kinds(size_t count) {
    return std::to_string(count) + (count == 1 ? " kind of traffic" : " kinds of traffic");
}

/// What advise() says of it once it is refused so.
advise::Advice advice_on(const Loss& loss) {
    auto seen = loss.seen;
    seen.reason = *loss.answer.reason;
    return advise::advise({{.edge = loss.edge, .seen = seen}});
}

/// Of whom the files speak.
struct Declared {
    std::set<std::string> namespaces{};
    std::set<std::string> resources{};
    std::set<std::string> addressed{}; // resources, by the addresses that they say themselves

    explicit Declared(const state::Cluster& cluster) {
        for (const auto& [name, ns] : cluster.namespaces())
            namespaces.insert(name);
        for (const auto& [name, resource] : cluster.resources()) {
            resources.insert(name);
            if (!state::all_cidrs(resource).empty() && !resource.asks_tags()) addressed.insert(name);
        }
    }

    /// Empty: they do.
    std::string lacks(const flow::Party& party) const {
        if (party.kind == flow::Kind::kPod && !namespaces.contains(party.ns))
            return "namespace " + party.ns + " isn't in --manifests";
        if (party.kind == flow::Kind::kResource && !resources.contains(party.name))
            return "AWSResource " + party.name + " isn't in --manifests";
        return {};
    }
};

/// Why none of such a party is known from files.
std::string reason_unknown(const flow::Party& party) {
    switch (party.kind) {
    case flow::Kind::kUnknown:
        return "nobody knows who that was";
    case flow::Kind::kClusterDns:
    case flow::Kind::kApiServer:
    case flow::Kind::kService:
        return std::string(flow::label_of(party.kind)) + " has addresses that only an agent knows";
    default:
        return {};
    }
}

/// A pod of an unknown namespace is nobody's, which is the stricter side only as long as that is refused.
void tell_gaps(Loss& loss, const Declared& declared) {
    const auto& [source, destination, protocol, port, verdict] = loss.edge;
    auto why = declared.lacks(destination);
    if (why.empty() && source.kind == flow::Kind::kResource) why = declared.lacks(source);
    if (!why.empty()) {
        loss.answer = {.reason = BH_REASON_HELD};
    } else if (why = declared.lacks(source); !why.empty()) {
        if (loss.answer.refuses()) return;
        loss.answer = {};
    } else if (!loss.answer.reason) {
        why = reason_unknown(source);
        if (why.empty()) why = reason_unknown(destination);
    }
    loss.why_untold = std::move(why);
}

/// Files that `path` means: itself, or those below it that the agent would read.
Result<std::vector<fs::path>> files_of(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return std::vector<fs::path>{path};
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path, error))
        if (entry.is_regular_file() && source::is_source_name(entry.path().filename().string()))
            files.push_back(entry.path());
    if (error) return fail("read " + path, error.value());
    std::ranges::sort(files);
    return files;
}

} // namespace

Checked sorted(const std::vector<Loss>& losses) {
    Checked checked;
    for (const auto& loss : losses) {
        if (!loss.answer.reason) {
            checked.untold.push_back(loss);
        } else if (!loss.answer.refuses()) {
            ++checked.passing;
        } else if (loss.answer.reason == BH_REASON_HELD) {
            checked.unjudged.push_back(loss);
        } else if (auto advice = advice_on(loss); advice.remarks.empty()) {
            checked.refused.push_back(loss);
        } else if (bh_verdict_of(*loss.answer.reason) > loss.edge.verdict) {
            checked.refused.push_back(loss);
            std::ranges::move(advice.remarks, std::back_inserter(checked.unmendable));
        } else {
            std::ranges::move(advice.remarks, std::back_inserter(checked.hopeless));
        }
    }
    return checked;
}

std::vector<Loss> check_offline(const std::vector<Seen>& seen, const std::vector<state::Object>& cluster,
                                const std::vector<state::Object>& change, state::Time now) {
    state::Cluster changed;
    for (const auto* objects : {&cluster, &change})
        for (const auto& object : *objects)
            changed.put(object);
    const Declared declared(changed);
    std::vector<Loss> all;
    for (const auto& [node, edges] : seen) {
        state::Cluster known;
        for (const auto& object : cluster)
            known.put(object);
        for (auto& object : advise::stand_ins(edges, declared.addressed))
            known.put(std::move(object));
        flow::Edges table({.edges = edges.size() + 1, .ports = UINT16_MAX, .networks = edges.size() + 1});
        for (const auto& edge : edges)
            table.restore(edge.edge, edge.seen);
        compile::Settings settings;
        settings.node_name = node;
        const advise::Supposition supposed(known, settings, change);
        for (auto& loss : advise::check(table.rows(), supposed, now)) {
            tell_gaps(loss, declared);
            all.push_back(std::move(loss));
        }
    }
    return all;
}

Result<std::vector<Loss>> losses_in(const nlohmann::ordered_json& answer) {
    auto seen = seen_in(answer);
    if (!seen) return tl::unexpected(seen.error());
    std::vector<Loss> losses;
    for (size_t i = 0; i < seen->edges.size(); ++i) {
        const auto& row = answer.at("edges").at(i);
        Loss loss{.edge = seen->edges[i].edge, .seen = seen->edges[i].seen, .answer = {}, .why_untold = {}};
        if (row.contains("would")) {
            loss.answer.reason = flow::value_of(flow::reason_names(), row.value("would", ""));
            if (!loss.answer.reason) return fail("edges[" + std::to_string(i) + "].would: is no reason");
        }
        loss.answer.differs = row.value("someWouldPass", false);
        losses.push_back(std::move(loss));
    }
    return losses;
}

std::set<std::string> declared_tenants(const std::vector<state::Object>& objects) {
    std::set<std::string> tenants;
    for (const auto& object : objects) {
        if (const auto* tenant = std::get_if<state::Tenant>(&object)) tenants.insert(tenant->meta.name);
        if (const auto* ns = std::get_if<state::Namespace>(&object)) tenants.insert("ns/" + ns->meta.name);
    }
    return tenants;
}

std::string reason_for_nobody(const std::string& tenant, const std::set<std::string>& seen,
                              const std::set<std::string>& known) {
    if (tenant.empty() || seen.contains(tenant) || known.contains(tenant)) return {};
    auto all = known;
    all.insert(seen.begin(), seen.end());
    auto meant = suggestion(tenant, all);
    if (meant.empty() && seen.size() <= kMostListed) {
        for (const auto& name : seen)
            meant += (meant.empty() ? "; what was seen is of " : ", ") + name;
    }
    return "nobody knows a tenant \"" + tenant + "\"" + (meant.empty() ? "; see bulkheadctl tenants" : meant);
}

std::string reason_for_nothing(const std::vector<Loss>& losses, const std::string& tenant,
                               const std::set<std::string>& known) {
    if (losses.empty()) return "nothing was seen, so nothing can be checked";
    std::set<std::string> seen;
    for (const auto& loss : losses)
        for (const auto& name : {loss.seen.source_tenant, loss.seen.destination_tenant})
            if (!name.empty()) seen.insert(name);
    return reason_for_nobody(tenant, seen, known);
}

std::string checked_text(const Checked& checked, Width width) {
    const size_t asked = checked.passing + checked.refused.size() + checked.unjudged.size();
    std::string text;
    if (asked == 0)
        text = "Nothing was seen that this change could let pass or refuse.\n";
    else if (checked.is_good())
        text = "All " + kinds(asked) + " that were seen would pass with this change.\n";
    else
        text = "With this change " + std::to_string(checked.passing) + " of " + kinds(asked) +
               " that were seen would pass";
    if (!checked.refused.empty())
        text +=
            ", and " + std::to_string(checked.refused.size()) + " would not:\n\n" + table_of(checked.refused, width);
    else if (!checked.is_good())
        text += ".\n";
    if (!checked.unmendable.empty())
        text += "\nOf these no entry could let pass:\n" + advise::yaml_of({{}, checked.unmendable});
    if (!checked.unjudged.empty())
        text += "\nCan't be judged, so that this is no good answer (what is gone may be left out of what was seen, by "
                "--since or by hand):\n\n" +
                table_of(checked.unjudged, width);
    if (checked.is_cut_off) text += "\nNot all was seen, so that this is no good answer: what was saved ended early.\n";
    if (checked.lost != 0)
        text += "\nNot all was seen: " + std::to_string(checked.lost) +
                " flows or refused packets are missing from what was saved.\n";
    if (!checked.untold.empty()) text += "\nNot counted, since nobody can tell:\n\n" + table_of(checked.untold, width);
    if (!checked.hopeless.empty())
        text += "\nNot counted, since no entry could let it pass:\n" + advise::yaml_of({{}, checked.hopeless});
    return text;
}

Result<std::string> manifests_of(const std::vector<std::string>& paths) {
    std::string text;
    for (const auto& path : paths) {
        const auto files = files_of(path);
        if (!files) return tl::unexpected(files.error());
        for (const auto& name : *files) {
            std::ifstream file(name);
            if (!file) return fail("open " + name.string(), errno);
            text += "---\n" + std::string(std::istreambuf_iterator<char>(file), {}) + "\n";
        }
    }
    return text;
}

} // namespace bulkhead::ctl
