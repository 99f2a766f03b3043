// SPDX-License-Identifier: Apache-2.0
#include "resolve/question.h"

#include <iomanip>
#include <sstream>

namespace bulkhead::resolve {

namespace {

/// As the field of spec.addresses is called.
const char* name_of(Question::Kind kind) {
    switch (kind) {
    case Question::Kind::kSecurityGroup:
        return "securityGroups";
    case Question::Kind::kInterfaceTags:
        return "networkInterfaceTags";
    case Question::Kind::kResourceTags:
        return "resourceTags";
    case Question::Kind::kSubnet:
        return "subnets";
    case Question::Kind::kPrefixList:
        return "prefixLists";
    }
    return "addresses";
}

} // namespace

std::string Question::text() const {
    auto text = std::string(name_of(kind)) + (name.empty() ? "" : " " + name);
    for (const auto& [key, value] : tags)
        text += " " + key + "=" + value;
    if (!place.region.empty()) text += " in " + place.region;
    if (!place.role.empty()) text += " as role " + place.role;
    return text;
}

std::string Question::origin() const {
    std::ostringstream text;
    text << name_of(kind) << ' ' << std::quoted(name);
    for (const auto& [key, value] : tags)
        text << ' ' << std::quoted(key) << '=' << std::quoted(value);
    text << " in " << std::quoted(place.region) << " as " << std::quoted(place.role) << ' '
         << std::quoted(place.external_id);
    return text.str();
}

} // namespace bulkhead::resolve
