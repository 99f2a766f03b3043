// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <limits>

#include "base/rfc3339.h"
#include "flow/names.h"
#include "flow/record.h"

namespace bulkhead::flow {

namespace {

/// An object's fields, each read with its checks. The first that is wrong is remembered, with its place.
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
        if (!value->is_number_unsigned() || value->get<uint64_t>() > most || value->get<uint64_t>() < least)
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

/// What a packet carried, so also IPv6's form of an IPv4 address, which nobody may write elsewhere.
std::optional<Address> parse_any_address(const std::string& text) {
    if (const auto address = Address::parse(text)) return *address;
    Address address{.bytes = {}, .family = BH_IPV6};
    const bool whole = text.find('\0') == std::string::npos;
    if (!whole || inet_pton(AF_INET6, text.c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
}

void read_address(Fields& fields, Address& into) {
    std::string text;
    fields.read("address", text);
    if (fields.find("address") == nullptr) return;
    if (const auto address = parse_any_address(text))
        into = *address;
    else
        fields.complain(fields.place_of("address"), "\"" + text + "\" is not an IP address");
}

/// Within what nanoseconds since 1970 can say in 64 bits.
void read_time(Fields& fields, const char* name, Time& into) {
    using namespace std::chrono;
    std::string text;
    fields.read(name, text);
    if (fields.find(name) == nullptr) return;
    const auto instant = parse_rfc3339(text);
    constexpr auto kLast = floor<seconds>(Time::max()) - 1s;
    if (!instant || instant->seconds < sys_seconds{} || instant->seconds > kLast)
        return fields.complain(fields.place_of(name),
                               "\"" + text + "\" is not a time like 2026-11-29T03:04:05.123Z, from 1970 on");
    into = instant->seconds + instant->fraction;
}

void read_labels(Fields& fields, std::map<std::string, std::string>& into) {
    const auto* labels = fields.find("labels");
    if (labels == nullptr) return;
    Fields inner(*labels, fields.place_of("labels"), fields.wrong());
    if (!labels->is_object()) return;
    for (const auto& [key, value] : labels->items())
        inner.read(key.c_str(), into[key]);
}

void read_end(Fields& fields, const char* name, End& into) {
    fields.require(name);
    if (fields.find(name) == nullptr) return;
    Fields end(*fields.find(name), fields.place_of(name), fields.wrong());
    read_address(end, into.address);
    end.read_number("port", into.port);
    end.read_name("kind", kKinds, into.kind);
    end.read("namespace", into.ns);
    end.read(name_field_of(into.kind), into.name);
    if (const auto* workload = end.find("workload")) {
        Fields inner(*workload, end.place_of("workload"), fields.wrong());
        inner.read("kind", into.workload.kind);
        inner.read("name", into.workload.name);
    }
    end.read("tenant", into.tenant);
    end.read_name("level", kLevels, into.is_protected);
    read_labels(end, into.labels);
}

void read_flags(Fields& fields, uint8_t& into) {
    const auto* flags = fields.find("tcpFlags");
    if (flags == nullptr) return;
    if (!flags->is_array()) return fields.complain("tcpFlags", "is not a list");
    for (const auto& flag : *flags) {
        const auto bit = flag.is_string() ? tcp_flag(flag.get<std::string>()) : std::nullopt;
        if (!bit) return fields.complain("tcpFlags", Fields::text_of(flag) + " is not one of SYN, ACK, FIN, RST, ...");
        into = static_cast<uint8_t>(into | *bit);
    }
}

void read_headers(Fields& fields, Record& record) {
    std::string protocol;
    fields.read("protocol", protocol);
    if (!protocol.empty()) {
        const auto number = parse_protocol(protocol);
        if (!number) return fields.complain("protocol", number.error().text);
        record.protocol = *number;
    }
    read_flags(fields, record.tcp_flags);
    if (const auto* icmp = fields.find("icmp")) {
        Fields inner(*icmp, "icmp", fields.wrong());
        inner.read_number("type", record.icmp_type);
        inner.read_number("code", record.icmp_code);
    }
}

} // namespace

Result<Record> parse(const Json& json) {
    Record record;
    std::string wrong;
    Fields fields(json, "", wrong);
    for (const char* name : {"time", "direction", "verdict", "reason"})
        fields.require(name);
    read_time(fields, "time", record.time);
    record.first = record.time;
    read_time(fields, "first", record.first);
    if (record.first > record.time) fields.complain("first", "is after time");
    fields.read("node", record.node);
    fields.read_name("direction", direction_names(), record.direction);
    fields.read_name("verdict", kOutcomes, record.verdict);
    fields.read_name("reason", reason_names(), record.reason);
    uint8_t line = 0; // follows from the reason
    fields.read_number("line", line, 1, 9);
    read_end(fields, "source", record.source);
    read_end(fields, "destination", record.destination);
    read_headers(fields, record);
    fields.read("decidedBy", record.origin);
    fields.read_number("packets", record.packets);
    fields.read_number("bytes", record.bytes);
    if (!wrong.empty()) return fail(wrong);
    return record;
}

} // namespace bulkhead::flow
