// SPDX-License-Identifier: Apache-2.0
#include <istream>
#include <streambuf>
#include <unordered_map>
#include <unordered_set>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "source/list.h"
#include "source/reader.h"
#include "source/yaml_scalar.h"

namespace bulkhead::source {

namespace {

/// A stream over text that stays where it is.
class View : public std::streambuf {
public:
    explicit View(std::string_view text) {
        auto* begin = const_cast<char*>(text.data()); // setg() wants it so; nothing writes
        setg(begin, begin, begin + text.size());
    }
};

uint32_t line_of(const YAML::Mark& mark) {
    return static_cast<uint32_t>(mark.line + 1);
}

/// How many values something is when unfolded; long text counts more.
size_t weight_of(const Value& value) {
    constexpr size_t kTextPerValue = 64;
    size_t weight = 1;
    if (const auto* text = value.string()) weight += text->size() / kTextPerValue;
    if (const auto* items = value.array())
        for (const auto& item : *items)
            weight += weight_of(item);
    if (const auto* members = value.object())
        for (const auto& member : *members)
            weight += weight_of(member.value) + member.key.size() / kTextPerValue;
    return weight;
}

/// Builds a document from the parser's events. Throws ReadError through the parser, to read_yaml().
class Builder : public YAML::EventHandler {
public:
    Value take() { return std::move(root_); }

    /// The parser can stay before a token that it has no use for (a stray comma) and find an empty
    /// document there for ever.
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (mark.pos == start_) throw ReadError{line_of(mark), "has something here that begins no document"};
        *this = Builder();
        start_ = mark.pos;
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add({.content = {}, .line = line_of(mark)}, anchor, "");
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        // "?" = plain; "!" = quoted; anything else says by itself what it is, and is mostly !!str.
        auto value = tag == "?" ? resolve_plain(text, line_of(mark)) : Value{.content = text, .line = line_of(mark)};
        add(std::move(value), anchor, text);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) throw ReadError{line_of(mark), "has an alias that contains itself"};
        count(weight_of(found->second), line_of(mark));
        place(Value(found->second), line_of(mark), "");
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open({.content = Array(), .line = line_of(mark)}, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open({.content = Object(), .line = line_of(mark)}, anchor);
    }
    void OnMapEnd() override {
        unfold_merge_keys(std::get<Object>(open_.back().value.content));
        close();
    }

private:
    struct Open {
        Value value;
        YAML::anchor_t anchor = YAML::NullAnchor;
        bool has_key = false;
        std::string key;
    };

    void count(size_t values, uint32_t line) {
        values_ += values;
        if (values_ > kMostValues) throw ReadError{line, "has more than a million values in one document"};
    }

    void open(Value value, YAML::anchor_t anchor) {
        count(1, value.line);
        if (open_.size() >= kDeepest) throw ReadError{value.line, "is nested too deeply"};
        if (!open_.empty() && open_.back().value.object() != nullptr && !open_.back().has_key)
            throw ReadError{value.line, "has a list or an object as a key"};
        open_.push_back({.value = std::move(value), .anchor = anchor, .has_key = false, .key = ""});
    }

    void close() {
        auto done = std::move(open_.back());
        open_.pop_back();
        remember(done.value, done.anchor);
        const auto line = done.value.line;
        place(std::move(done.value), line, "");
    }

    void add(Value value, YAML::anchor_t anchor, const std::string& as_key) {
        count(1, value.line);
        remember(value, anchor);
        const auto line = value.line;
        place(std::move(value), line, as_key);
    }

    void remember(const Value& value, YAML::anchor_t anchor) {
        if (anchor == YAML::NullAnchor) return;
        count(weight_of(value), value.line); // the copy kept for its aliases
        anchors_[anchor] = value;
    }

    /// Where the parser is now: the root, a list's next item, an object's key or a key's value.
    void place(Value value, uint32_t line, const std::string& as_key) {
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        auto& parent = open_.back();
        if (auto* items = std::get_if<Array>(&parent.value.content)) {
            items->push_back(std::move(value));
        } else if (parent.has_key) {
            std::get<Object>(parent.value.content).push_back({std::move(parent.key), std::move(value)});
            parent.has_key = false;
        } else {
            parent.key = key_from(value, as_key, line);
            parent.has_key = true;
        }
    }

    static std::string key_from(const Value& value, const std::string& written, uint32_t line) {
        if (value.array() != nullptr || value.object() != nullptr)
            throw ReadError{line, "has a list or an object as a key"};
        if (value.string() != nullptr) return *value.string();
        return written;
    }

    /// `<<: *other`: what the object doesn't say itself comes from the other.
    void unfold_merge_keys(Object& members) {
        Object merged;
        for (auto& member : members) {
            if (member.key != "<<") continue;
            if (auto* one = std::get_if<Object>(&member.value.content)) append(merged, *one);
            if (auto* several = std::get_if<Array>(&member.value.content))
                for (auto& item : *several)
                    if (auto* one = std::get_if<Object>(&item.content)) append(merged, *one);
        }
        if (merged.empty()) return;
        std::erase_if(members, [](const Member& member) { return member.key == "<<"; });
        std::unordered_set<std::string> known;
        for (const auto& member : members)
            known.insert(member.key);
        for (auto& member : merged)
            if (known.insert(member.key).second) members.push_back(std::move(member));
    }

    static void append(Object& to, Object& from) {
        for (auto& member : from)
            to.push_back(std::move(member));
    }

    Value root_;
    std::vector<Open> open_;
    std::unordered_map<YAML::anchor_t, Value> anchors_;
    size_t values_ = 0;
    int start_ = -1; // of this document in the text, bytes
};

} // namespace

ReadResult read_yaml(std::string_view text, const Sink& sink) {
    View view(text);
    std::istream stream(&view);
    Builder builder;
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder))
            deliver(builder.take(), sink);
        return {};
    } catch (const ReadError& error) {
        return tl::unexpected(error);
    } catch (const YAML::Exception& error) {
        return tl::unexpected(ReadError{line_of(error.mark), error.msg});
    }
}

} // namespace bulkhead::source
