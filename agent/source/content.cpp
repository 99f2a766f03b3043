// SPDX-License-Identifier: Apache-2.0
#include "source/content.h"

#include <algorithm>
#include <unordered_set>

#include "source/decode.h"
#include "source/reader.h"

namespace bulkhead::source {

namespace {

// A file with a hundred thousand mistakes has one that matters.
constexpr size_t kMostProblems = 100;

/// Collects what the reader finds in one file.
class Collector {
public:
    Collector(const state::SharedText& name, state::Pool& pool) : name_(name), pool_(pool) {}

    void take(const Value& document) {
        auto decoded = decode(document, name_, pool_);
        if (!decoded.ours && decoded.complaints.errors.empty()) return;
        report(decoded, document.line);
        if (!decoded.key) {
            content_.anonymous = true;
        } else if (!is_first(*decoded.key)) {
            add({origin(document.line), decoded.key->text(), "", "is there twice in this file"});
            content_.repeated.push_back(std::move(*decoded.key));
        } else if (decoded.object) {
            content_.objects.push_back(std::move(*decoded.object));
        } else {
            content_.invalid.push_back(std::move(*decoded.key));
        }
    }

    void refuse(uint32_t line, const std::string& reason) {
        content_ = Content{};
        left_out_ = 0;
        add({origin(line), "", "", reason});
    }

    Content finish(bool readable) {
        content_.readable = readable;
        std::sort(content_.repeated.begin(), content_.repeated.end());
        if (left_out_ != 0)
            content_.problems.push_back({name_.str(), "", "", "has " + std::to_string(left_out_) + " more problems"});
        return std::move(content_);
    }

private:
    std::string origin(uint32_t line) const { return state::Origin(name_, line).text(); }

    bool is_first(const state::ObjectKey& key) { return seen_.insert(key.text()).second; }

    void report(const Decoded& decoded, uint32_t line) {
        const auto object = decoded.key ? decoded.key->text() : std::string();
        for (const auto* complaints : {&decoded.complaints.errors, &decoded.complaints.remarks})
            for (const auto& [field, at, text] : *complaints)
                add({origin(at == 0 ? line : at), object, field, text});
    }

    void add(state::Problem problem) {
        if (content_.problems.size() < kMostProblems) {
            content_.problems.push_back(std::move(problem));
        } else {
            ++left_out_;
        }
    }

    const state::SharedText& name_;
    state::Pool& pool_;
    Content content_;
    std::unordered_set<std::string> seen_;
    size_t left_out_ = 0;
};

} // namespace

Content read_content(const std::string& path, const state::SharedText& name, state::Pool& pool) {
    Collector collector(name, pool);
    const auto file = read_text_file(path);
    if (!file) {
        collector.refuse(0, file.error().text);
        return collector.finish(false);
    }
    const bool is_json = path.ends_with(".json");
    const Sink sink = [&](const Value& document) { collector.take(document); };
    const auto read = is_json ? read_json(file->text, sink) : read_yaml(file->text, sink);
    if (!read) collector.refuse(read.error().line, (is_json ? "is not JSON: " : "is not YAML: ") + read.error().text);
    auto content = collector.finish(read.has_value());
    content.signature = file->signature;
    return content;
}

Content read_content_of(std::string_view text, const state::SharedText& name, state::Pool& pool) {
    Collector collector(name, pool);
    const auto read = read_yaml(text, [&](const Value& document) { collector.take(document); });
    if (!read) collector.refuse(read.error().line, "is not YAML: " + read.error().text);
    return collector.finish(read.has_value());
}

bool is_source_name(std::string_view file_name) {
    if (file_name.starts_with('.')) return false;
    return file_name.ends_with(".yaml") || file_name.ends_with(".yml") || file_name.ends_with(".json");
}

} // namespace bulkhead::source
