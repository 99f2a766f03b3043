// SPDX-License-Identifier: Apache-2.0
#include "aws/tagged.h"

#include <set>

#include <nlohmann/json.hpp>

#include "aws/pages.h"

namespace bulkhead::aws {

namespace {

using Json = nlohmann::json;
using Tagged = std::map<std::string, Tags>;

constexpr auto kGetResources = "ResourceGroupsTaggingAPI_20170126.GetResources";

tl::unexpected<Failure> unreadable(const Reply& reply, const std::string& what) {
    return failure(Failure::Kind::kUnreadable,
                   "GetResources: the answer " + what +
                       (reply.request_id.empty() ? "" : " (request " + reply.request_id + ")"));
}

std::string text_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// {"ResourceARN": "arn:...", "Tags": [{"Key": "team", "Value": "payments"}]}
bool read_one(const Json& mapping, Tagged& all) {
    const auto arn = text_in(mapping, "ResourceARN");
    const auto tags = mapping.find("Tags");
    if (arn.empty() || tags == mapping.end() || !tags->is_array()) return false;
    for (const auto& tag : *tags) {
        if (text_in(tag, "Key").empty()) return false;
        all[arn].insert_or_assign(text_in(tag, "Key"), text_in(tag, "Value"));
    }
    return true;
}

/// The next page's token; empty: it was the last.
Answer<std::string> read_page(const Reply& reply, Tagged& all) {
    const auto json = Json::parse(reply.body, nullptr, false);
    if (json.is_discarded()) return unreadable(reply, "is no JSON");
    const auto list = json.is_object() ? json.find("ResourceTagMappingList") : json.end();
    if (list == json.end() || !list->is_array()) return unreadable(reply, "has no ResourceTagMappingList");
    for (const auto& mapping : *list)
        if (!mapping.is_object() || !read_one(mapping, all))
            return unreadable(reply, "has a thing without ResourceARN or Tags");
    return text_in(json, "PaginationToken");
}

} // namespace

Answer<Tagged> tagged_resources(Caller& caller) {
    Json request{{"ResourcesPerPage", 100},
                 {"ResourceTypeFilters",
                  {"rds:cluster", "rds:db", "elasticache:replicationgroup", "elasticache:cluster",
                   "elasticache:serverlesscache"}}};
    Tagged all;
    std::set<std::string> tokens;
    for (size_t bytes = 0;;) {
        const auto reply = caller.json(Service::kTagging, kGetResources, request.dump());
        if (!reply) return tl::unexpected(reply.error());
        bytes += reply->body.size();
        if (bytes > kLargestLookUp || tokens.size() >= kMostPages)
            return failure(Failure::Kind::kTooLarge, "GetResources in " + caller.place().region +
                                                         ": the answer has more bytes or pages than allowed");
        const auto token = read_page(*reply, all);
        if (!token) return tl::unexpected(token.error());
        if (token->empty()) return all;
        if (!tokens.insert(*token).second) return unreadable(*reply, "says that an earlier page is the next");
        request["PaginationToken"] = *token;
    }
}

} // namespace bulkhead::aws
