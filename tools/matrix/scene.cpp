// SPDX-License-Identifier: Apache-2.0
#include "matrix/scene.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "support/oracle.h"

namespace bulkhead::matrix {

namespace {

using Json = nlohmann::json;

template <typename T>
std::vector<const T*> all(const std::vector<state::Object>& objects) {
    std::vector<const T*> found;
    for (const state::Object& object : objects)
        if (const T* one = std::get_if<T>(&object)) found.push_back(one);
    return found;
}

/// "protected, sealed"; nothing for those to whom the rule does nothing.
std::string level_text(bool is_protected, bool is_audited, const state::Tenant* tenant) {
    const bool is_confined = tenant && tenant->confined;
    if (!is_protected && !is_confined) return "";
    std::string text;
    const auto add = [&](bool holds, const char* word) {
        if (holds) text += (text.empty() ? "" : ", ") + std::string(word);
    };
    add(is_protected, "protected");
    add(tenant && tenant->sealed, "sealed");
    add(is_confined, "confined");
    add(is_audited, "audit");
    return text;
}

/// From podnet's listing and the objects to places.
class Reader {
public:
    explicit Reader(const std::vector<state::Object>& objects) : objects_(objects), oracle_(objects) {}

    Result<> add_all(const Json& listing) {
        for (const auto& [list, kind] : {std::pair{"pods", Place::Kind::kPod},
                                         {"nodes", Place::Kind::kNode},
                                         {"resources", Place::Kind::kOutside}})
            for (const Json& item : listing.at(list))
                if (auto added = add(item, kind); !added) return added;
        add_host_network_pods();
        return {};
    }

    std::vector<Place> take() {
        std::ranges::sort(places_, {},
                          [](const Place& place) { return std::tie(place.kind, place.group, place.name); });
        return std::move(places_);
    }

private:
    Result<> add(const Json& item, Place::Kind kind) {
        Place place;
        place.kind = kind;
        place.name = item.at("name");
        place.netns = item.at("netns");
        for (const std::string text : item.at("addresses")) {
            const auto address = Address::parse(text);
            if (!address) return within("read the address of " + place.name, address.error());
            place.addresses.push_back(*address);
        }
        if (kind == Place::Kind::kPod) {
            place.node = item.at("node");
            describe_pod(place, item.at("namespace"));
        } else if (kind == Place::Kind::kNode) {
            place.node = place.name;
            place.group = "node";
        } else {
            describe_outside(place);
        }
        places_.push_back(std::move(place));
        return {};
    }

    void describe_pod(Place& place, const std::string& ns) const {
        place.name = ns + "/" + place.name;
        place.group = oracle_.tenant_of_namespace(ns);
        place.level =
            level_text(oracle_.is_protected_namespace(ns), oracle_.is_audited_namespace(ns), tenant_named(place.group));
    }

    void describe_outside(Place& place) const {
        place.group = "outside";
        for (const auto* resource : all<state::AwsResource>(objects_)) {
            if (resource->meta.name != place.name) continue;
            if (!resource->tenant.empty()) place.group += ", " + resource->tenant;
            place.level =
                level_text(resource->level == state::Level::kProtected, resource->mode == state::Mode::kAudit, nullptr);
        }
    }

    const state::Tenant* tenant_named(const std::string& name) const {
        for (const auto* tenant : all<state::Tenant>(objects_))
            if (tenant->meta.name == name) return tenant;
        return nullptr;
    }

    void add_host_network_pods() {
        const std::vector<Place> listed = places_;
        for (const auto* pod : all<state::Pod>(objects_)) {
            if (!pod->common->host_network || pod->finished) continue;
            const auto is_its_node = [&](const Place& place) {
                return place.kind == Place::Kind::kNode && place.name == pod->node.str();
            };
            const auto node = std::ranges::find_if(listed, is_its_node);
            if (node == listed.end()) continue;
            Place place = *node;
            place.name = pod->ns + "/" + pod->name;
            places_.push_back(std::move(place));
        }
    }

    const std::vector<state::Object>& objects_;
    const test::Oracle oracle_;
    std::vector<Place> places_;
};

std::vector<uint16_t> ports_of(const std::vector<state::Object>& objects) {
    std::set<uint16_t> ports{kNobodysPort};
    for (const auto* pod : all<state::Pod>(objects))
        for (const state::ContainerPort& port : pod->common->ports)
            ports.insert(port.port);
    const auto add = [&](const state::Ports& specs) {
        for (const state::PortSpec& spec : specs)
            if (spec.protocol != BH_ICMP && spec.name.empty()) ports.insert({spec.first, spec.last});
    };
    for (const auto* resource : all<state::AwsResource>(objects)) {
        add(resource->ports);
        for (const state::Grant& grant : resource->allow_from)
            add(grant.ports);
    }
    return {ports.begin(), ports.end()};
}

} // namespace

std::optional<Address> Place::address(uint8_t family) const {
    const auto found = std::ranges::find(addresses, family, &Address::family);
    return found == addresses.end() ? std::nullopt : std::optional(*found);
}

Result<Scene> read_scene(const std::string& listing, const std::vector<state::Object>& objects) {
    Reader reader(objects);
    try {
        if (auto added = reader.add_all(Json::parse(listing)); !added) return tl::unexpected(added.error());
    } catch (const Json::exception& error) {
        return fail(std::string("read podnet's listing: ") + error.what());
    }
    Scene scene{.places = reader.take(), .ports = ports_of(objects)};
    if (scene.places.empty()) return fail("read podnet's listing: it names nobody");
    return scene;
}

} // namespace bulkhead::matrix
