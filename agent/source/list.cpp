// SPDX-License-Identifier: Apache-2.0
#include "source/list.h"

#include <utility>

namespace bulkhead::source {

namespace {

std::string_view string_at(const Value& document, std::string_view key) {
    const auto* value = document.find(key);
    const auto* text = value == nullptr ? nullptr : value->string();
    return text == nullptr ? std::string_view() : std::string_view(*text);
}

Array* items_of(Value& document) {
    auto* members = std::get_if<Object>(&document.content);
    if (members == nullptr) return nullptr;
    for (auto& member : *members)
        if (member.key == "items") return std::get_if<Array>(&member.value.content);
    return nullptr;
}

void add_if_missing(Value& item, std::string_view key, const std::string& text) {
    if (text.empty() || item.find(key) != nullptr) return;
    if (auto* members = std::get_if<Object>(&item.content))
        members->push_back({std::string(key), Value{.content = text, .line = item.line}});
}

} // namespace

std::optional<ListKind> ListKind::of(std::string_view kind, std::string_view api_version) {
    if (!kind.ends_with("List")) return std::nullopt;
    kind.remove_suffix(4);
    if (kind.empty()) return ListKind{};
    return ListKind{.item_kind = std::string(kind), .item_version = std::string(api_version)};
}

void ListKind::complete(Value& item) const {
    add_if_missing(item, "kind", item_kind);
    add_if_missing(item, "apiVersion", item_version);
}

void deliver(Value document, const Sink& sink) {
    if (document.is_null()) return;
    const auto list = ListKind::of(string_at(document, "kind"), string_at(document, "apiVersion"));
    auto* items = list ? items_of(document) : nullptr;
    if (items == nullptr) return sink(std::move(document));
    for (auto& item : *items) {
        list->complete(item);
        deliver(std::move(item), sink);
    }
}

} // namespace bulkhead::source
