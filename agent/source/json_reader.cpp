// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <simdjson.h>

#include "source/list.h"
#include "source/reader.h"

namespace bulkhead::source {

namespace {

namespace ondemand = simdjson::ondemand;

/// Walks one JSON text. simdjson's errors travel as its own exceptions, caught in read_json().
class JsonReader {
public:
    JsonReader(std::string_view text, const Sink& sink) : text_(text), sink_(sink) {}

    void read() {
        ondemand::parser parser;
        const simdjson::padded_string_view padded(text_.data(), text_.size(), text_.size() + kJsonPadding);
        auto document = parser.iterate(padded).value();
        if (document.type() != ondemand::json_type::object) throw ReadError{1, "is not a JSON object"};
        if (const auto list = list_kind(document)) {
            read_list(document, *list);
        } else {
            deliver(root(document), sink_);
        }
        // Nowhere to stand is how simdjson says that all of it was read.
        if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
            throw ReadError{line_, "has something after its end"};
    }

    uint32_t line() const { return line_; }

private:
    /// kubectl writes the items before the kind, so look for that first: skipping is cheap.
    static std::optional<ListKind> list_kind(ondemand::document& document) {
        const auto kind = string_field(document, "kind");
        auto list = ListKind::of(kind, string_field(document, "apiVersion"));
        if (!list) return std::nullopt;
        ondemand::array items;
        const auto error = document.find_field_unordered("items").get_array().get(items);
        rewind(document, error);
        return error == simdjson::SUCCESS ? list : std::nullopt;
    }

    /// Back to the start after a look-up that may have found nothing. After any other error simdjson has
    /// given the text up, and going back would follow a null pointer.
    static void rewind(ondemand::document& document, simdjson::error_code error) {
        const bool looked =
            error == simdjson::SUCCESS || error == simdjson::NO_SUCH_FIELD || error == simdjson::INCORRECT_TYPE;
        if (!looked) throw simdjson::simdjson_error(error);
        document.rewind();
    }

    static std::string string_field(ondemand::document& document, std::string_view name) {
        std::string_view found;
        const auto error = document.find_field_unordered(name).get_string().get(found);
        std::string copy(error == simdjson::SUCCESS ? found : std::string_view());
        rewind(document, error);
        return copy;
    }

    void read_list(ondemand::document& document, const ListKind& list) {
        for (auto field : document.get_object()) {
            const std::string_view key = field.unescaped_key();
            if (key == "items") {
                read_items(field.value(), list);
            } else {
                values_ = 0;
                convert(field.value(), 1);
            }
        }
    }

    void read_items(ondemand::value items, const ListKind& list) {
        for (auto item : items.get_array()) {
            values_ = 0;
            auto value = convert(item.value(), 2);
            list.complete(value);
            deliver(std::move(value), sink_);
        }
    }

    Value root(ondemand::document& document) {
        Object members;
        for (auto field : document.get_object()) {
            std::string key(std::string_view(field.unescaped_key()));
            members.push_back({std::move(key), convert(field.value(), 1)});
        }
        return {.content = std::move(members), .line = 1};
    }

    Value convert(ondemand::value json, size_t depth) {
        Value value{.content = {}, .line = line_of(json.raw_json_token().data())};
        if (++values_ > kMostValues) throw ReadError{line_, "has more than a million values in one object"};
        if (depth > kDeepest) throw ReadError{line_, "is nested too deeply"};
        switch (json.type()) {
        case ondemand::json_type::object:
            value.content = convert_object(json, depth);
            break;
        case ondemand::json_type::array:
            value.content = convert_array(json, depth);
            break;
        case ondemand::json_type::string:
            value.content = std::string(std::string_view(json.get_string()));
            break;
        case ondemand::json_type::number:
            convert_number(json, value);
            break;
        case ondemand::json_type::boolean:
            value.content = bool(json.get_bool());
            break;
        case ondemand::json_type::null:
            if (!json.is_null()) throw ReadError{line_, "has a word that is no JSON value"};
            break;
        }
        return value;
    }

    Object convert_object(ondemand::value& json, size_t depth) {
        Object members;
        for (auto field : json.get_object()) {
            std::string key(std::string_view(field.unescaped_key()));
            members.push_back({std::move(key), convert(field.value(), depth + 1)});
        }
        return members;
    }

    Array convert_array(ondemand::value& json, size_t depth) {
        Array items;
        for (auto item : json.get_array())
            items.push_back(convert(item.value(), depth + 1));
        return items;
    }

    static void convert_number(ondemand::value& json, Value& value) {
        const ondemand::number number = json.get_number();
        if (number.is_int64()) {
            value.content = int64_t(number.get_int64());
        } else {
            value.content = number.as_double();
        }
    }

    /// Positions only grow, so every newline is counted once. (A rewind comes before the first call.)
    uint32_t line_of(const char* position) {
        const auto* from = text_.data() + counted_;
        line_ += static_cast<uint32_t>(std::count(from, position, '\n'));
        counted_ = static_cast<size_t>(position - text_.data());
        return line_;
    }

    std::string_view text_;
    const Sink& sink_;
    size_t counted_ = 0; // bytes whose newlines are in line_
    uint32_t line_ = 1;
    size_t values_ = 0; // of the object at hand
};

} // namespace

ReadResult read_json(std::string_view text, const Sink& sink) {
    JsonReader reader(text, sink);
    try {
        reader.read();
        return {};
    } catch (const ReadError& error) {
        return tl::unexpected(error);
    } catch (const simdjson::simdjson_error& error) {
        return tl::unexpected(ReadError{reader.line(), error.what()});
    }
}

} // namespace bulkhead::source
