// SPDX-License-Identifier: Apache-2.0
#include "source/field.h"

#include <algorithm>
#include <set>

namespace bulkhead::source {

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
    std::set<std::string_view> seen;
    each_member([&](std::string_view key, const Field& member) {
        if (std::find(known.begin(), known.end(), key) == known.end()) return member.complain("is an unknown field");
        if (!seen.insert(key).second) member.complain("is there twice");
    });
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
    return above.empty() ? std::string(key_) : above + "." + std::string(key_);
}

} // namespace bulkhead::source
