// SPDX-License-Identifier: Apache-2.0
//
// A place in a document, with its path for messages: `spec.allowFrom[0].ports[1].port`. Decoders ask it
// for what they expect; what is something else becomes a complaint and an absent value, so that one pass
// finds every mistake of an object. Paths are only spelled out when somebody complains.
//
// A field points to its parent: keep parents in variables (a chain through temporaries doesn't compile).
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/document.h"

namespace bulkhead::source {

struct Complaint {
    std::string field;
    uint32_t line = 0;
    std::string text;
};

/// What is wrong with one object.
struct Complaints {
    std::vector<Complaint> errors;  // the object is invalid
    std::vector<Complaint> remarks; // it is valid; somebody should know this nevertheless
};

class Field {
public:
    Field(const Value& root, Complaints& complaints) : value_(&root), complaints_(&complaints) {}

    /// The member of that name; absent if there is none, or null, or this is no object.
    Field operator[](std::string_view key) const&;
    Field operator[](std::string_view key) const&& = delete;

    bool present() const { return value_ != nullptr; }
    const Value& value() const { return *value_; } // of a present one
    uint32_t line() const;

    // Each complains about a value of another type, and then is as if absent.
    std::optional<std::string> string() const;
    std::optional<bool> boolean() const;
    std::optional<int64_t> integer() const;
    bool is_object() const;

    /// Calls `use(item)` for each item of a list.
    template <typename Use>
    void each(Use use) const;

    /// Calls `use(key, member)` for each member of an object.
    template <typename Use>
    void each_member(Use use) const;

    /// Calls `use(member)` for each member, here or deeper, whose key its object had before.
    void each_repeated(const std::function<void(const Field&)>& use) const;

    /// Complains about members that are not in `known`, or a value that isn't an object.
    void only(std::initializer_list<std::string_view> known) const;

    void complain(std::string text) const;
    void remark(std::string text) const;

    std::string path() const; // empty for the root

private:
    Field(const Value* value, const Field* parent, std::string_view key, size_t index)
        : value_(value != nullptr && !value->is_null() ? value : nullptr), parent_(parent), key_(key), index_(index),
          complaints_(parent->complaints_) {}

    const Array* list() const;

    const Value* value_; // nullptr = absent
    const Field* parent_ = nullptr;
    std::string_view key_; // empty = an item of a list
    size_t index_ = 0;
    Complaints* complaints_;
};

template <typename Use>
void Field::each(Use use) const {
    const auto* items = list();
    if (items == nullptr) return;
    for (size_t i = 0; i < items->size(); ++i) {
        const Field item(&(*items)[i], this, "", i);
        if (item.present()) {
            use(item);
        } else {
            item.complain("is null");
        }
    }
}

template <typename Use>
void Field::each_member(Use use) const {
    if (!present() || !is_object()) return;
    for (const auto& member : *value_->object()) {
        const Field field(&member.value, this, member.key, 0);
        use(member.key, field);
    }
}

} // namespace bulkhead::source
