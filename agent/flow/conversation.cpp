// SPDX-License-Identifier: Apache-2.0
#include "flow/conversation.h"

#include "flow/fields.h"
#include "flow/time.h"

namespace bulkhead::flow {

namespace {

constexpr Names<Progress, 5> kProgress{{{Progress::kUnanswered, "unanswered"},
                                        {Progress::kAnswered, "answered"},
                                        {Progress::kClosing, "closing"},
                                        {Progress::kClosed, "closed"},
                                        {Progress::kReset, "reset"}}};

/// Of a record, what a conversation doesn't have.
constexpr const char* kOfPackets[] = {"time", "first", "packets", "bytes", "decidedBy", "tcpFlags"};
constexpr const char* kOfTheRule[] = {"verdict", "reason", "line"};

/// As a record that parse() takes.
Json with_what_records_have(const Json& json) {
    Json record = json;
    if (json.contains("lastSeen")) record["time"] = record["first"] = json["lastSeen"];
    record["packets"] = record["bytes"] = 0;
    if (!json.contains("verdict")) record["verdict"] = outcome_of(BH_VERDICT_ALLOW);
    if (!json.contains("reason")) record["reason"] = "open";
    return record;
}

} // namespace

const char* label_of(Progress progress) {
    for (const auto& [value, name] : kProgress)
        if (value == progress) return name;
    return "";
}

Json to_json(const Conversation& conversation) {
    auto rest = to_json(conversation.flow);
    for (const char* field : kOfPackets)
        rest.erase(field);
    if (!conversation.is_judged)
        for (const char* field : kOfTheRule)
            rest.erase(field);
    Json json{{"lastSeen", rfc3339_nano(conversation.flow.time)}};
    if (conversation.age) json["ageSeconds"] = conversation.age->count();
    json["idleSeconds"] = conversation.idle.count();
    json["expiresInSeconds"] = conversation.expires.count();
    json["state"] = label_of(conversation.progress);
    json.update(rest);
    if (!conversation.peer_tenant.empty()) json["peerTenant"] = conversation.peer_tenant;
    return json;
}

Result<Conversation> parse_conversation(const Json& json) {
    std::string wrong;
    Conversation conversation;
    Fields fields(json, "", wrong);
    for (const char* name : {"lastSeen", "idleSeconds", "expiresInSeconds", "state"})
        fields.require(name);
    uint32_t age = 0;
    uint32_t idle = 0;
    uint32_t expires = 0;
    fields.read_number("ageSeconds", age);
    fields.read_number("idleSeconds", idle);
    fields.read_number("expiresInSeconds", expires);
    fields.read_name("state", kProgress, conversation.progress);
    fields.read("peerTenant", conversation.peer_tenant);
    if (!wrong.empty()) return fail(wrong);
    auto record = parse(with_what_records_have(json));
    if (!record) return tl::unexpected(record.error());
    conversation.flow = std::move(*record);
    conversation.is_judged = json.contains("verdict");
    if (json.contains("ageSeconds")) conversation.age = std::chrono::seconds(age);
    conversation.idle = std::chrono::seconds(idle);
    conversation.expires = std::chrono::seconds(expires);
    return conversation;
}

} // namespace bulkhead::flow
