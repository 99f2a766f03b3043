// SPDX-License-Identifier: Apache-2.0
#include "aws/http.h"

#include <array>
#include <charconv>
#include <cstring>
#include <mutex>
#include <string_view>

#include <curl/curl.h>

namespace bulkhead::aws {

namespace {

constexpr long kKeptConnections = 16; // connections
constexpr int kLongestPoll = 1000;    // ms; a stop wakes it up
constexpr auto kUserAgent = "bulkhead/" BULKHEAD_VERSION;

struct CloseEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, CloseEasy>;

struct CloseMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using Multi = std::unique_ptr<CURLM, CloseMulti>;

struct FreeHeaders {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeHeaders>;

std::once_flag g_curl_is_up;

/// What comes back, as far as it came.
struct Incoming {
    HttpResponse response;
    size_t most = 0;
    bool too_large = false;
};

size_t take_body(const char* bytes, size_t, size_t count, void* into) {
    auto& incoming = *static_cast<Incoming*>(into);
    if (incoming.response.body.size() + count > incoming.most) {
        incoming.too_large = true;
        return 0; // which ends the transfer
    }
    incoming.response.body.append(bytes, count);
    return count;
}

/// The value, if it is that header: names are told apart without regard to case (RFC 9110, 5.1).
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
    if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) return std::nullopt;
    line.remove_prefix(name.size() + 1);
    const auto begin = line.find_first_not_of(" \t");
    const auto end = line.find_last_not_of(" \t\r\n");
    return begin == line.npos ? std::string_view{} : line.substr(begin, end - begin + 1);
}

size_t take_header(const char* bytes, size_t, size_t count, void* into) {
    auto& response = static_cast<Incoming*>(into)->response;
    const std::string_view line(bytes, count);
    if (const auto date = value_of(line, "date")) response.date = *date;
    if (const auto id = value_of(line, "x-amzn-requestid")) response.request_id = *id;
    if (const auto after = value_of(line, "retry-after")) {
        int seconds = 0; // as a date no AWS service sends it
        const auto [end, error] = std::from_chars(after->data(), after->data() + after->size(), seconds);
        if (error == std::errc{} && seconds >= 0) response.retry_after = std::chrono::seconds(seconds);
    }
    return count;
}

Headers headers_of(const HttpRequest& request) {
    Headers headers;
    const auto add = [&](const std::string& line) {
        headers.reset(curl_slist_append(headers.release(), line.c_str()));
    };
    for (const auto& [name, value] : request.headers)
        add(name + ": " + value);
    add("Expect:"); // libcurl would wait for a 100 before it sends a body
    return headers;
}

void set_connection(CURL* easy, const HttpRequest& request, const std::string& authorities) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); // who is given up doesn't wait for its name's thread
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connecting.count()));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.limit.count()));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent);
    if (request.direct) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!authorities.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, authorities.c_str());
}

void set_request(CURL* easy, const HttpRequest& request) {
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    if (!request.body.empty() || request.method == "POST") {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_answer(CURL* easy, Incoming& incoming, char* error) {
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &incoming);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &incoming);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
}

/// The transfer's end, or nothing: stopped.
std::optional<CURLcode> carry_out(CURLM* multi, const std::stop_token& stop) {
    // The only call of libcurl's that another thread may make meanwhile.
    const std::stop_callback wake_up(stop, [multi] { curl_multi_wakeup(multi); });
    while (!stop.stop_requested()) {
        int running = 0;
        if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
        int left = 0;
        if (const auto* message = curl_multi_info_read(multi, &left); message != nullptr) return message->data.result;
        if (curl_multi_poll(multi, nullptr, 0, kLongestPoll, nullptr) != CURLM_OK) return CURLE_FAILED_INIT;
    }
    return std::nullopt;
}

/// A request's place at the multi handle, which keeps connections but no request.
class Placed {
public:
    Placed(CURLM* multi, CURL* easy) : multi_(multi), easy_(easy), code_(curl_multi_add_handle(multi, easy)) {}
    ~Placed() { curl_multi_remove_handle(multi_, easy_); }
    Placed(const Placed&) = delete;
    bool holds() const { return code_ == CURLM_OK; }

private:
    CURLM* multi_;
    CURL* easy_;
    CURLMcode code_;
};

} // namespace

struct Http::Impl {
    std::string authorities;
    Multi multi;
};

Answer<HttpResponse> Http::send(const HttpRequest& request, const std::stop_token& stop) {
    using Kind = Failure::Kind;
    const auto what = request.method + " " + request.url;
    const Easy easy(curl_easy_init());
    if (!easy) return failure(Kind::kUnavailable, what + ": out of memory");
    Incoming incoming;
    incoming.most = request.most;
    std::array<char, CURL_ERROR_SIZE> error{};
    const auto headers = headers_of(request);
    set_connection(easy.get(), request, impl_->authorities);
    set_request(easy.get(), request);
    set_answer(easy.get(), incoming, error.data());
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());

    const Placed placed(impl_->multi.get(), easy.get());
    if (!placed.holds()) return failure(Kind::kUnavailable, what + ": cannot be started");
    const auto code = carry_out(impl_->multi.get(), stop);
    if (!code) return failure(Kind::kStopped, what + ": given up, because we end");
    if (incoming.too_large)
        return failure(Kind::kTooLarge,
                       what + ": the answer has more than the " + std::to_string(request.most) + " bytes allowed");
    if (*code != CURLE_OK)
        return failure(Kind::kUnavailable, what + ": " + (error[0] != '\0' ? error.data() : curl_easy_strerror(*code)));
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &incoming.response.status);
    return std::move(incoming.response);
}

Result<std::unique_ptr<Http>> Http::create(const std::string& authorities) {
    std::call_once(g_curl_is_up, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    auto impl = std::make_unique<Impl>();
    impl->authorities = authorities;
    impl->multi.reset(curl_multi_init());
    if (!impl->multi) return fail("set up libcurl");
    curl_multi_setopt(impl->multi.get(), CURLMOPT_MAXCONNECTS, kKeptConnections);
    return std::unique_ptr<Http>(new Http(std::move(impl)));
}

Http::Http(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Http::~Http() = default;

} // namespace bulkhead::aws
