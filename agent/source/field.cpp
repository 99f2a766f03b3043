// SPDX-License-Identifier: Apache-2.0
#include "source/field.h"

#include <algorithm>
#include <unordered_set>

namespace bulkhead::source {

namespace {

/// Those whose key was there before.
std::vector<const Member*> repeated_in(const Object& members) {
    constexpr size_t kFew = 16; // comparing each with each costs less than remembering
    std::vector<const Member*> found;
    if (members.size() <= kFew) {
        for (auto member = members.begin(); member != members.end(); ++member)
            if (std::any_of(members.begin(), member, [&](const Member& other) { return other.key == member->key; }))
                found.push_back(&*member);
        return found;
    }
    std::unordered_set<std::string_view> seen;
    for (const auto& member : members)
        if (!seen.insert(member.key).second) found.push_back(&member);
    return found;
}

/// A label's name has dots of its own.
bool needs_brackets(std::string_view key) {
    return key.find_first_of("./") != std::string_view::npos;
}

} // namespace

Field Field::operator[](std::string_view key) const& {
    return {present() ? value_->find(key) : nullptr, this, key, 0};
}

uint32_t Field::line() const {
    for (const auto* field = this; field != nullptr; field = field->parent_)
        if (field->present()) return field->value_->line;
    return 0;
}

std::optional<std::string> Field::string() const {
    if (!present()) return std::nullopt;
    if (const auto* text = value_->string()) return *text;
    complain(value_->text() + " is not a string");
    return std::nullopt;
}

std::optional<bool> Field::boolean() const {
    if (!present()) return std::nullopt;
    if (const auto* truth = value_->boolean()) return *truth;
    complain(value_->text() + " is neither true nor false");
    return std::nullopt;
}

std::optional<int64_t> Field::integer() const {
    if (!present()) return std::nullopt;
    if (const auto* number = value_->integer()) return *number;
    complain(value_->text() + " is not a whole number");
    return std::nullopt;
}

bool Field::is_object() const {
    if (!present()) return false;
    if (value_->object() != nullptr) return true;
    complain(value_->text() + " is not an object");
    return false;
}

const Array* Field::list() const {
    if (!present()) return nullptr;
    if (const auto* items = value_->array()) return items;
    complain(value_->text() + " is not a list");
    return nullptr;
}

void Field::only(std::initializer_list<std::string_view> known) const {
    each_member([&](std::string_view key, const Field& member) {
        if (std::find(known.begin(), known.end(), key) == known.end()) member.complain("is an unknown field");
    });
}

void Field::each_repeated(const std::function<void(const Field&)>& use) const {
    if (!present()) return;
    if (const auto* items = value_->array())
        for (size_t i = 0; i < items->size(); ++i)
            Field(&(*items)[i], this, "", i).each_repeated(use);
    const auto* members = value_->object();
    if (members == nullptr) return;
    for (const auto* member : repeated_in(*members))
        use(Field(&member->value, this, member->key, 0));
    for (const auto& member : *members)
        Field(&member.value, this, member.key, 0).each_repeated(use);
}

void Field::complain(std::string text) const {
    complaints_->errors.push_back({path(), line(), std::move(text)});
}

void Field::remark(std::string text) const {
    complaints_->remarks.push_back({path(), line(), std::move(text)});
}

std::string Field::path() const {
    if (parent_ == nullptr) return "";
    const auto above = parent_->path();
    if (key_.empty()) return above + "[" + std::to_string(index_) + "]";
    if (needs_brackets(key_)) return above + "[" + std::string(key_) + "]";
    return above.empty() ? std::string(key_) : above + "." + std::string(key_);
}

} // namespace bulkhead::source
