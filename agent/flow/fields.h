// SPDX-License-Identifier: Apache-2.0
//
// Reads a JSON object's fields, each with its checks, for what is kept in files and sent between programs. The first
// that is wrong is remembered, with its place: "source.port: 70000 is not a whole number between 0 and 65535". Values;
// no threads.
#pragma once

#include <limits>
#include <string>

#include "flow/names.h"

namespace bulkhead::flow {

class Fields {
public:
    Fields(const Json& json, std::string path, std::string& wrong)
        : json_(json), path_(std::move(path)), wrong_(wrong) {
        if (!json_.is_object()) complain(path_, "is not an object");
    }

    /// Nothing where it is absent, or the whole is no object.
    const Json* find(const char* name) const {
        if (!json_.is_object()) return nullptr;
        const auto found = json_.find(name);
        return found == json_.end() || found->is_null() ? nullptr : &*found;
    }

    void require(const char* name) {
        if (find(name) == nullptr) complain(place_of(name), "is missing");
    }

    void read(const char* name, std::string& into) {
        const auto* value = find(name);
        if (value == nullptr) return;
        if (!value->is_string()) return complain(place_of(name), text_of(*value) + " is not a text");
        into = value->get<std::string>();
    }

    template <typename Number>
    void read_number(const char* name, Number& into, uint64_t least = 0,
                     uint64_t most = std::numeric_limits<Number>::max()) {
        const auto* value = find(name);
        if (value == nullptr) return;
        // JSON made here may have signed numbers where text has none.
        const bool is_whole = value->is_number_integer() && (value->is_number_unsigned() || *value >= 0);
        if (!is_whole || value->get<uint64_t>() > most || value->get<uint64_t>() < least)
            return complain(place_of(name), text_of(*value) + " is not a whole number between " +
                                                std::to_string(least) + " and " + std::to_string(most));
        into = value->get<Number>();
    }

    /// One of `names`; `into` keeps what it is where the field is absent.
    template <typename All, typename Value>
    void read_name(const char* name, const All& names, Value& into) {
        std::string text;
        read(name, text);
        if (find(name) == nullptr) return;
        if (const auto value = value_of(names, text))
            into = *value;
        else
            complain(place_of(name), "\"" + text + "\" is not " + one_of(list_of(names)));
    }

    /// RFC 3339, within what nanoseconds since 1970 can say in 64 bits.
    void read_time(const char* name, Time& into);

    /// The field "protocol", by name or number.
    void read_protocol(uint8_t& into);

    std::string place_of(const char* name) const { return path_.empty() ? name : path_ + "." + name; }

    void complain(const std::string& where, const std::string& what) {
        if (wrong_.empty()) wrong_ = (where.empty() ? "it" : where + ":") + " " + what;
    }

    static std::string text_of(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

    std::string& wrong() { return wrong_; }

private:
    const Json& json_;
    std::string path_;
    std::string& wrong_;
};

} // namespace bulkhead::flow
