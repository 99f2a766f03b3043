// SPDX-License-Identifier: Apache-2.0
#include "dns/server.h"

#include <algorithm>
#include <charconv>

namespace bulkhead::dns {

namespace {

struct Parts {
    std::string_view address;
    std::string_view port; // empty = none was written
    bool well_formed = true;
};

Parts parts_of(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return {.address = text, .port = {}, .well_formed = false};
        const auto rest = text.substr(close + 1);
        const bool well_formed = rest.empty() || (rest.size() > 1 && rest.front() == ':');
        return {.address = text.substr(1, close - 1),
                .port = rest.substr(std::min<size_t>(1, rest.size())),
                .well_formed = well_formed};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon != text.rfind(':')) return {.address = text, .port = {}}; // bare IPv6
    const auto port = text.substr(colon + 1);
    return {.address = text.substr(0, colon), .port = port, .well_formed = !port.empty()};
}

} // namespace

Result<Server> Server::parse(std::string_view text) {
    const auto wrong = fail("\"" + std::string(text) + "\" is no DNS server: ADDRESS, ADDRESS:PORT or [IPv6]:PORT");
    const auto parts = parts_of(text);
    const auto address = Address::parse(parts.address);
    if (!parts.well_formed || !address) return wrong;
    Server server{.address = *address};
    if (parts.port.empty()) return server;
    const char* last = parts.port.data() + parts.port.size();
    const auto [end, error] = std::from_chars(parts.port.data(), last, server.port);
    if (error != std::errc{} || end != last || server.port == 0) return wrong;
    return server;
}

std::string Server::text() const {
    const auto host = address.family == BH_IPV6 ? "[" + address.text() + "]" : address.text();
    return host + ":" + std::to_string(port);
}

} // namespace bulkhead::dns
