// SPDX-License-Identifier: Apache-2.0
//
// What AWS answers in XML, read by pugixml. Elements that we don't know are passed over: AWS adds some every few weeks.
// One that must be there and isn't is an error that names the element and the request, never a value made up.
#pragma once

#include <memory>
#include <string>

#include <pugixml.hpp>

#include "aws/client.h"
#include "aws/failure.h"
#include "aws/tags.h"
#include "base/address.h"

namespace bulkhead::aws {

/// An answer to `action`, the content of its root element checked to be one.
class Document {
public:
    static Answer<Document> parse(const Reply& reply, const std::string& action);

    pugi::xml_node root() const { return document_->document_element(); }
    const std::string& request_id() const { return request_id_; }

private:
    std::unique_ptr<pugi::xml_document> document_;
    std::string request_id_;
};

/// Reads what must be there, and remembers the first that isn't, or isn't what it should be: ask for it once, at the
/// end.
class Wanted {
public:
    Wanted(std::string action, std::string request_id)
        : action_(std::move(action)), request_id_(std::move(request_id)) {}

    std::string text(pugi::xml_node parent, const char* name);
    Address address(pugi::xml_node parent, const char* name);
    Cidr cidr(pugi::xml_node parent, const char* name);
    /// A list: it may be empty, but it must be there.
    pugi::xml_node list(pugi::xml_node parent, const char* name);
    /// EC2's tagSet; none, where there is no such element.
    Tags tags(pugi::xml_node parent);

    /// Something is wrong with `node`, in words.
    void complain(pugi::xml_node node, const std::string& what);

    Answer<> checked() const;

    /// For a part of the answer whose faults aren't the whole answer's.
    Wanted apart() const { return {action_, request_id_}; }

private:
    std::string action_;
    std::string request_id_;
    std::string complaint_;
};

} // namespace bulkhead::aws
