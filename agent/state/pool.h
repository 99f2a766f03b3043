// SPDX-License-Identifier: Apache-2.0
//
// Makes equal values one value: the pods of a workload share their template, and everything from one
// file or on one node shares that name. What nobody uses any more is freed soon after (a sweep whenever
// the pool has doubled, so that it costs nothing per pod). One thread.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_set>

#include "state/objects.h"

namespace bulkhead::state {

class Pool {
public:
    std::shared_ptr<const PodTemplate> share(PodTemplate value);
    SharedText share(std::string_view text);

    size_t templates() const { return templates_.size(); }

private:
    using TemplatePtr = std::shared_ptr<const PodTemplate>;
    struct TemplateHash {
        using is_transparent = void;
        size_t operator()(const PodTemplate& value) const;
        size_t operator()(const TemplatePtr& value) const { return (*this)(*value); }
    };
    struct TemplateEqual {
        using is_transparent = void;
        static const PodTemplate& value(const PodTemplate& v) { return v; }
        static const PodTemplate& value(const TemplatePtr& v) { return *v; }
        bool operator()(const auto& a, const auto& b) const { return value(a) == value(b); }
    };
    struct TextHash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
        size_t operator()(const SharedText& text) const { return (*this)(std::string_view(text.str())); }
    };
    struct TextEqual {
        using is_transparent = void;
        bool operator()(const SharedText& a, const SharedText& b) const { return a == b; }
        bool operator()(const SharedText& a, std::string_view b) const { return a == b; }
        bool operator()(std::string_view a, const SharedText& b) const { return b == a; }
    };

    void sweep_templates();
    void sweep_texts();

    std::unordered_set<TemplatePtr, TemplateHash, TemplateEqual> templates_;
    std::unordered_set<SharedText, TextHash, TextEqual> texts_;
    size_t sweep_templates_at_ = 64;
    size_t sweep_texts_at_ = 64;
};

} // namespace bulkhead::state
