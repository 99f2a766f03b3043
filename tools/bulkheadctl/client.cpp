// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/client.h"

#include <curl/curl.h>

#include <memory>

namespace bulkhead::ctl {

namespace {

constexpr long kPatienceSeconds = 30;

struct Release {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(char* text) const { curl_free(text); }
};
using Handle = std::unique_ptr<CURL, Release>;

size_t append(const char* data, size_t size, size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

std::string escaped(const std::string& text) {
    const std::unique_ptr<char, Release> raw(curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size())));
    return raw ? raw.get() : "";
}

std::string url_of(const std::string& path, const Query& query) {
    std::string url = "http://agent" + path;
    char separator = '?';
    for (const auto& [name, value] : query) {
        url += separator + name + "=" + escaped(value);
        separator = '&';
    }
    return url;
}

/// The agent says why in {"error": ...}.
std::string reason_in(const std::string& body, long status) {
    const auto json = Json::parse(body, nullptr, false);
    if (json.is_object() && json.contains("error") && json["error"].is_string()) return json["error"];
    return "the agent answers with HTTP status " + std::to_string(status);
}

} // namespace

Result<Json> ask(const std::string& socket, const std::string& path, const Query& query, const char* method) {
    const Handle handle(curl_easy_init());
    if (!handle) return fail("prepare a request");
    std::string body;
    curl_easy_setopt(handle.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_URL, url_of(path, query).c_str());
    curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(handle.get(), CURLOPT_PROXY, ""); // whatever the environment says
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, kPatienceSeconds);
    curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &body);
    if (const auto code = curl_easy_perform(handle.get()); code != CURLE_OK) {
        long number = 0;
        curl_easy_getinfo(handle.get(), CURLINFO_OS_ERRNO, &number);
        const std::string why = number != 0 ? std::strerror(static_cast<int>(number)) : curl_easy_strerror(code);
        return fail("no agent answers at " + socket + ": " + why);
    }
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return tl::unexpected(Error{reason_in(body, status), kRefused});
    auto json = Json::parse(body, nullptr, false);
    if (json.is_discarded()) return fail("what answers at " + socket + " is no Bulkhead agent");
    return json;
}

} // namespace bulkhead::ctl
