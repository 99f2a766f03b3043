// SPDX-License-Identifier: Apache-2.0
#include "flow/edge_json.h"

#include "base/reasons.h"
#include "flow/fields.h"
#include "flow/time.h"

namespace bulkhead::flow {

namespace {

void add_text(Json& json, const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
}

Json to_json(const Party& party, const std::string& tenant) {
    Json json{{"kind", label_of(party.kind)}};
    add_text(json, "namespace", party.ns);
    add_text(json, "workload", party.workload);
    add_text(json, party.kind == Kind::kWorld ? "network" : name_field_of(party.kind), party.name);
    add_text(json, "tenant", tenant);
    return json;
}

void read_party(Fields& fields, const char* name, Party& party, std::string& tenant) {
    fields.require(name);
    if (fields.find(name) == nullptr) return;
    Fields inner(*fields.find(name), fields.place_of(name), fields.wrong());
    inner.read_name("kind", kKinds, party.kind);
    inner.read("namespace", party.ns);
    inner.read("workload", party.workload);
    inner.read(party.kind == Kind::kWorld ? "network" : name_field_of(party.kind), party.name);
    inner.read("tenant", tenant);
}

} // namespace

Json to_json(const EdgeKey& key, const Sighting& seen) {
    Json json{{"source", to_json(key.source, seen.source_tenant)},
              {"destination", to_json(key.destination, seen.destination_tenant)}};
    if (seen.destination_protected) json["destination"]["level"] = "protected";
    json["protocol"] = protocol_text(key.protocol);
    if (key.port != 0) json["port"] = key.port;
    json["verdict"] = outcome_of(key.verdict);
    json["reason"] = bulkhead::label_of(seen.reason);
    json["count"] = seen.count;
    json["first"] = rfc3339_nano(seen.first);
    json["last"] = rfc3339_nano(seen.last);
    return json;
}

Result<std::pair<EdgeKey, Sighting>> parse_edge(const Json& json) {
    EdgeKey key;
    Sighting seen;
    std::string wrong;
    Fields fields(json, "", wrong);
    for (const char* name : {"protocol", "verdict", "reason", "count", "first", "last"})
        fields.require(name);
    read_party(fields, "source", key.source, seen.source_tenant);
    read_party(fields, "destination", key.destination, seen.destination_tenant);
    if (const auto* destination = fields.find("destination"))
        Fields(*destination, "destination", wrong).read_name("level", kLevels, seen.destination_protected);
    fields.read_protocol(key.protocol);
    fields.read_number("port", key.port);
    fields.read_name("verdict", kOutcomes, key.verdict);
    fields.read_name("reason", reason_names(), seen.reason);
    fields.read_number("count", seen.count);
    fields.read_time("first", seen.first);
    fields.read_time("last", seen.last);
    if (seen.first > seen.last) fields.complain("first", "is after last");
    if (!wrong.empty()) return fail(wrong);
    return std::pair{key, seen};
}

} // namespace bulkhead::flow
