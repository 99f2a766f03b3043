// SPDX-License-Identifier: Apache-2.0
//
// A document as a tree of values that remember their line: what the YAML and JSON readers make and the
// decoders take apart. Knows nothing of Kubernetes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bulkhead::source {

struct Value;
struct Member;
using Array = std::vector<Value>;
using Object = std::vector<Member>; // in the file's order; a key may be there twice

struct Value {
    std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> content; // monostate = null
    uint32_t line = 0;                                                                       // 1-based

    bool is_null() const { return std::holds_alternative<std::monostate>(content); }
    const bool* boolean() const { return std::get_if<bool>(&content); }
    const int64_t* integer() const { return std::get_if<int64_t>(&content); }
    const std::string* string() const { return std::get_if<std::string>(&content); }
    const Array* array() const { return std::get_if<Array>(&content); }
    const Object* object() const { return std::get_if<Object>(&content); }

    /// The member of that name, the last one if there are several; nullptr if there is none or this is
    /// no object.
    const Value* find(std::string_view key) const;

    /// How many members have that name.
    size_t count(std::string_view key) const;

    /// For messages: "null", "true", "8443", "\"http\"", "a list", "an object".
    std::string text() const;
};

struct Member {
    std::string key;
    Value value;
};

} // namespace bulkhead::source
