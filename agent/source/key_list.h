// SPDX-License-Identifier: Apache-2.0
//
// Many object keys in one string: some 30 bytes each, where a vector of them takes 150. There may be a
// hundred thousand, and they are only ever walked through.
#pragma once

#include <string>
#include <string_view>

#include "state/objects.h"

namespace bulkhead::source {

class KeyList {
public:
    void add(const state::ObjectKey& key) {
        // Names have no NUL: read_name() lets none pass.
        for (const auto* part : {&key.kind, &key.ns, &key.name})
            text_.append(*part).push_back('\0');
    }

    void shrink() { text_.shrink_to_fit(); }

    template <typename Use>
    void each(Use use) const {
        std::string_view rest = text_;
        const auto next = [&rest] {
            const auto part = rest.substr(0, rest.find('\0'));
            rest.remove_prefix(part.size() + 1);
            return std::string(part);
        };
        while (!rest.empty()) {
            auto kind = next();
            auto ns = next();
            use(state::ObjectKey{.kind = std::move(kind), .ns = std::move(ns), .name = next()});
        }
    }

private:
    std::string text_; // kind NUL namespace NUL name NUL ...
};

} // namespace bulkhead::source
