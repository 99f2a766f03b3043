// SPDX-License-Identifier: Apache-2.0
//
// Look-ups whose answer comes in pages: asked for until the last one, or not at all. A look-up that breaks off half-way
// is a failure, never a shorter list: what isn't on it would lose its protection.
//
// All pages together are bounded, in bytes and in number, and a token that comes twice ends it: a server that never
// comes to an end must not take all memory or all calls.
#pragma once

#include <functional>

#include "aws/caller.h"
#include "aws/room.h"
#include "aws/xml.h"

namespace bulkhead::aws {

inline constexpr size_t kMostPages = 1000;

struct Paging {
    Service service;
    const char* action;
    const char* result; // the element with the content, in the root; empty: the root itself
    const char* asked;  // the parameter that takes a page's token
    const char* told;   // the element that has the next one's
    const char* size;   // the parameter for how many things a page may have
    const char* count;  // the most that the API takes for it
};

/// EC2's way, and RDS' and ElastiCache's.
constexpr Paging ec2_paging(const char* action, const char* count) {
    return {Service::kEc2, action, "", "NextToken", "nextToken", "MaxResults", count};
}
constexpr Paging marker_paging(Service service, const char* action, const char* result) {
    return {service, action, result, "Marker", "Marker", "MaxRecords", "100"};
}

using Visit = std::function<void(pugi::xml_node content, Wanted& wanted)>;

/// `visit` gets each page's content, and says through `Wanted` what is wrong with it.
Answer<> for_each_page(Caller& caller, const Paging& paging, const Form& parameters, const Visit& visit, Room& room);

/// With room of its own.
inline Answer<> for_each_page(Caller& caller, const Paging& paging, const Form& parameters, const Visit& visit) {
    Room room;
    return for_each_page(caller, paging, parameters, visit, room);
}

} // namespace bulkhead::aws
