// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <simdjson.h>

#include "source/list.h"
#include "source/reader.h"

namespace bulkhead::source {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr size_t kSurface = 2; // levels of objects below the text's own

size_t skip_digits(std::string_view text, size_t at) {
    return std::min(text.find_first_not_of("0123456789", at), text.size());
}

/// -?int frac? exp? of RFC 8259, 6.
bool is_number(std::string_view text) {
    size_t at = text.starts_with('-') ? 1 : 0;
    const size_t integer = at;
    at = skip_digits(text, at);
    if (at == integer || (text[integer] == '0' && at > integer + 1)) return false;
    if (at < text.size() && text[at] == '.') {
        const size_t fraction = ++at;
        at = skip_digits(text, at);
        if (at == fraction) return false;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        const size_t exponent = at;
        at = skip_digits(text, at);
        if (at == exponent) return false;
    }
    return at == text.size();
}

/// Walks one JSON text. simdjson's errors travel as its own exceptions, caught in read_json().
class JsonReader {
public:
    JsonReader(std::string_view text, const Sink& sink) : text_(text), sink_(sink) {}

    void read() {
        start([this](ondemand::document& document) {
            if (const auto list = list_kind(document))
                read_list(document, *list);
            else
                deliver(root(document), sink_);
        });
    }

    void read_surface() {
        surface_only_ = true;
        start([this](ondemand::document& document) { sink_(root(document)); });
    }

    uint32_t line() const { return line_; }

private:
    void start(const std::function<void(ondemand::document&)>& use) {
        ondemand::parser parser;
        const simdjson::padded_string_view padded(text_.data(), text_.size(), text_.size() + kJsonPadding);
        auto document = parser.iterate(padded).value();
        if (document.type() != ondemand::json_type::object) throw ReadError{1, "is not a JSON object"};
        use(document);
        // Nowhere to stand is how simdjson says that all of it was read.
        if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
            throw ReadError{line_, "has something after its end"};
    }

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
            const bool has_managers = key == "metadata";
            members.push_back({std::move(key), convert(field.value(), 1, has_managers)});
        }
        return {.content = std::move(members), .line = 1};
    }

    Value convert(ondemand::value json, size_t depth, bool is_metadata = false) {
        if (surface_only_) return convert_surface(json, depth);
        Value value{.content = {}, .line = line_of(json.raw_json_token().data())};
        if (++values_ > kMostValues) throw ReadError{line_, "has more than a million values in one object"};
        if (depth > kDeepest) throw ReadError{line_, "is nested too deeply"};
        switch (json.type()) {
        case ondemand::json_type::object:
            value.content = convert_object(json, depth, is_metadata);
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

    Value convert_surface(ondemand::value json, size_t depth) {
        ondemand::json_type type{};
        if (json.type().get(type) != simdjson::SUCCESS) return {};
        if (type == ondemand::json_type::string)
            return {.content = std::string(std::string_view(json.get_string())), .line = 1};
        if (type != ondemand::json_type::object || depth > kSurface) return {};
        return {.content = convert_object(json, depth, false), .line = 1};
    }

    /// Who wrote which field of an object is nothing to us, may be nested as deeply as its writers like, and is often
    /// most of it.
    Object convert_object(ondemand::value& json, size_t depth, bool is_metadata) {
        Object members;
        for (auto field : json.get_object()) {
            std::string key(std::string_view(field.unescaped_key()));
            if (is_metadata && key == "managedFields") continue;
            const bool has_managers = key == "metadata";
            members.push_back({std::move(key), convert(field.value(), depth + 1, has_managers)});
        }
        return members;
    }

    Array convert_array(ondemand::value& json, size_t depth) {
        Array items;
        for (auto item : json.get_array())
            items.push_back(convert(item.value(), depth + 1));
        return items;
    }

    void convert_number(ondemand::value& json, Value& value) {
        ondemand::number number;
        if (json.get_number().get(number) != simdjson::SUCCESS)
            value.content = large_number(json.raw_json_token());
        else if (number.is_int64())
            value.content = int64_t(number.get_int64());
        else
            value.content = number.as_double();
    }

    /// simdjson takes no integers beyond 64 bits and nothing beyond a double, JSON does (RFC 8259, 6).
    double large_number(std::string_view token) {
        std::string text(token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
        if (!is_number(text)) throw ReadError{line_, "has a number that is none"};
        return std::strtod(text.c_str(), nullptr);
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
    bool surface_only_ = false;
};

ReadResult run(JsonReader& reader, void (JsonReader::*read)()) {
    try {
        (reader.*read)();
        return {};
    } catch (const ReadError& error) {
        return tl::unexpected(error);
    } catch (const simdjson::simdjson_error& error) {
        return tl::unexpected(ReadError{reader.line(), error.what()});
    }
}

} // namespace

ReadResult read_json(std::string_view text, const Sink& sink) {
    JsonReader reader(text, sink);
    return run(reader, &JsonReader::read);
}

ReadResult read_json_surface(std::string_view text, const Sink& sink) {
    JsonReader reader(text, sink);
    return run(reader, &JsonReader::read_surface);
}

} // namespace bulkhead::source
