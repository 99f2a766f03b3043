// SPDX-License-Identifier: Apache-2.0
#include "source/kube/server_url.h"

#include <algorithm>
#include <initializer_list>

namespace bulkhead::source::kube {

namespace {

bool is_plain(char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte > 0x20 && byte < 0x7f;
}

/// What follows one of the schemes; empty if none does.
std::string_view after_scheme(std::string_view url, std::initializer_list<std::string_view> schemes) {
    for (const auto scheme : schemes)
        if (url.starts_with(scheme) && url.substr(scheme.size()).starts_with("://"))
            return url.substr(scheme.size() + 3);
    return {};
}

/// Nobody listens without a host, however the port is called.
bool has_host(std::string_view rest) {
    const auto authority = rest.substr(0, rest.find_first_of("/?#"));
    const auto host = authority.substr(authority.find('@') + 1); // npos + 1 = 0: there is none
    return !host.empty() && host.front() != ':';
}

} // namespace

Result<std::string> check_server_url(std::string_view url) {
    const auto rest = after_scheme(url, {"https", "http"});
    if (rest.empty()) return fail("is not a URL like https://10.0.0.1:6443");
    if (!std::all_of(url.begin(), url.end(), is_plain)) return fail("has characters that no URL has");
    if (!has_host(rest)) return fail("has no host");
    if (rest.find('@') != std::string_view::npos) return fail("has credentials in the URL: they belong to the user");
    if (rest.find_first_of("?#") != std::string_view::npos) return fail("has a query: only a path may follow the host");
    const auto end = url.find_last_not_of('/');
    return std::string(url.substr(0, end + 1));
}

Result<std::string> check_proxy_url(std::string_view url) {
    const auto rest = after_scheme(url, {"https", "http", "socks5"});
    if (rest.empty()) return fail("is not a URL that begins with http://, https:// or socks5://");
    if (!std::all_of(url.begin(), url.end(), is_plain)) return fail("has characters that no URL has");
    if (!has_host(rest)) return fail("has no host");
    return std::string(url);
}

bool is_encrypted(std::string_view server_url) {
    return server_url.starts_with("https://");
}

std::string server_url_of(const std::string& host, const std::string& port) {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return "https://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + port;
}

} // namespace bulkhead::source::kube
