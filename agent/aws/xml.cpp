// SPDX-License-Identifier: Apache-2.0
#include "aws/xml.h"

namespace bulkhead::aws {

namespace {

std::string of_request(const std::string& id) {
    return id.empty() ? "" : " (request " + id + ")";
}

/// EC2: requestId in the root; others: in ResponseMetadata.
std::string id_in(pugi::xml_node root) {
    const std::string id = root.child_value("requestId");
    return id.empty() ? root.child("ResponseMetadata").child_value("RequestId") : id;
}

} // namespace

Answer<Document> Document::parse(const Reply& reply, const std::string& action) {
    constexpr auto kUnreadable = Failure::Kind::kUnreadable;
    Document document;
    document.document_ = std::make_unique<pugi::xml_document>();
    const auto read = document.document_->load_buffer(reply.body.data(), reply.body.size());
    if (!read)
        return failure(kUnreadable, action + ": the answer is no XML: " + read.description() + " at byte " +
                                        std::to_string(read.offset) + of_request(reply.request_id));
    const auto root = document.root();
    document.request_id_ = reply.request_id.empty() ? id_in(root) : reply.request_id;
    if (root.name() != action + "Response")
        return failure(kUnreadable, action + ": the answer is a " + root.name() + of_request(document.request_id_));
    return document;
}

std::string Wanted::text(pugi::xml_node parent, const char* name) {
    const auto child = parent.child(name);
    if (!child || child.text().empty()) complain(parent, std::string("has no ") + name);
    return child.text().get();
}

Address Wanted::address(pugi::xml_node parent, const char* name) {
    const auto value = text(parent, name);
    if (value.empty()) return {};
    const auto address = Address::parse(value);
    if (!address) complain(parent, std::string(name) + " is \"" + value + "\", which is no address");
    return address.value_or(Address{});
}

Cidr Wanted::cidr(pugi::xml_node parent, const char* name) {
    const auto value = text(parent, name);
    if (value.empty()) return {};
    const auto cidr = Cidr::parse(value);
    if (!cidr) complain(parent, std::string(name) + " is \"" + value + "\", which is no CIDR");
    return cidr.value_or(Cidr{});
}

pugi::xml_node Wanted::list(pugi::xml_node parent, const char* name) {
    const auto child = parent.child(name);
    if (!child) complain(parent, std::string("has no ") + name);
    return child;
}

Tags Wanted::tags(pugi::xml_node parent) {
    Tags tags;
    for (const auto tag : parent.child("tagSet").children("item"))
        tags.emplace(text(tag, "key"), tag.child_value("value")); // which may be empty
    return tags;
}

void Wanted::complain(pugi::xml_node node, const std::string& what) {
    if (complaint_.empty()) complaint_ = node.path('/') + " " + what;
}

Answer<> Wanted::checked() const {
    if (complaint_.empty()) return {};
    return failure(Failure::Kind::kUnreadable, action_ + ": in the answer, " + complaint_ + of_request(request_id_));
}

} // namespace bulkhead::aws
