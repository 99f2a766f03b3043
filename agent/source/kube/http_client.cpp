// SPDX-License-Identifier: Apache-2.0
#include "source/kube/http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>

#include <curl/curl.h>

#include "base/url.h"

namespace bulkhead::source::kube {

namespace {

constexpr long kConnectTimeout = 10'000; // ms
constexpr long kIdleBeforeProbe = 15;    // s
constexpr long kBetweenProbes = 5;       // s
constexpr int kProbes = 3;
constexpr int kUnacknowledged = 30'000;      // ms that sent bytes may wait for their ACK
constexpr size_t kLongestRefusal = 64 << 10; // bytes of a body that only explains
constexpr auto kUserAgent = "bulkhead-agent/" BULKHEAD_VERSION;

struct CloseEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, CloseEasy>;

struct FreeHeaders {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeHeaders>;

void add(Headers& headers, const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

void set_blob(CURL* easy, CURLoption option, const std::string& text) {
    if (text.empty()) return;
    curl_blob blob{.data = const_cast<char*>(text.data()), .len = text.size(), .flags = CURL_BLOB_COPY};
    curl_easy_setopt(easy, option, &blob);
}

/// A peer that is gone without a FIN: keep-alive finds it on an idle connection, TCP_USER_TIMEOUT on one
/// that sends (tcp(7)).
int set_up_socket(void*, curl_socket_t socket, curlsocktype) {
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledged, sizeof kUnacknowledged);
    return CURL_SOCKOPT_OK;
}

/// "host:port:host:port" for CURLOPT_CONNECT_TO, and a URL with the name that the certificate must be for.
struct Renamed {
    std::string url;
    std::string connect_to;
};

/// libcurl has no option for another name than the URL's: so the URL gets it, and the connection goes elsewhere.
Result<Renamed> rename(const std::string& url, const std::string& name) {
    auto parsed = Url::parse(url);
    if (!parsed) return fail("the API server's URL \"" + url + "\" is no URL");
    if (name.empty()) return Renamed{.url = url, .connect_to = ""};
    const auto there =
        parsed->part(CURLUPART_HOST, CURLU_DEFAULT_PORT) + ":" + parsed->part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!parsed->set(CURLUPART_HOST, name)) return fail("the API server's name \"" + name + "\" is no host's name");
    auto renamed = parsed->part(CURLUPART_URL, CURLU_DEFAULT_PORT);
    while (renamed.ends_with('/'))
        renamed.pop_back();
    return Renamed{.url = renamed,
                   .connect_to = name + ":" + parsed->part(CURLUPART_PORT, CURLU_DEFAULT_PORT) + ":" + there};
}

std::once_flag g_curl_is_up;

} // namespace

class HttpClient::Transfer {
public:
    Transfer(CURLM* multi, Easy easy, Callbacks callbacks)
        : multi_(multi), easy_(std::move(easy)), callbacks_(std::move(callbacks)) {}
    ~Transfer() { leave(); }
    Transfer(const Transfer&) = delete;

    CURL* easy() const { return easy_.get(); }
    char* error_buffer() { return error_.data(); }

    /// libcurl points to both until the end.
    const char* keep(std::string body) {
        body_ = std::move(body);
        return body_.c_str();
    }
    const curl_slist* keep(Headers headers) {
        headers_ = std::move(headers);
        return headers_.get();
    }

    bool take_body(std::string_view bytes) {
        if (status() == 200) return callbacks_.on_body(bytes);
        refusal_.append(bytes.substr(0, kLongestRefusal - std::min(refusal_.size(), kLongestRefusal)));
        return true;
    }

    void take_header(std::string_view line);

    /// The callback may destroy this, or start another request in its place.
    void end(CURLcode code) {
        Response response;
        response.status = status();
        if (code != CURLE_OK) response.error = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
        response.body = std::move(refusal_);
        response.retry_after = retry_after_;
        leave();
        const auto on_end = std::move(callbacks_.on_end);
        on_end(response);
    }

private:
    long status() const {
        long status = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }

    void leave() {
        if (multi_ != nullptr) curl_multi_remove_handle(multi_, easy_.get());
        multi_ = nullptr;
    }

    CURLM* multi_; // null = no longer there
    Easy easy_;
    Headers headers_;
    std::string body_;
    Callbacks callbacks_;
    std::string refusal_;
    std::optional<std::chrono::seconds> retry_after_;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

/// The end of the head, or Retry-After in seconds: as a date no API server sends it (RFC 9110, 10.2.3).
void HttpClient::Transfer::take_header(std::string_view line) {
    constexpr std::string_view kRetryAfter = "retry-after:";
    if (line == "\r\n" && status() == 200) callbacks_.on_accepted();
    const bool is_it = line.size() > kRetryAfter.size() &&
                       std::equal(kRetryAfter.begin(), kRetryAfter.end(), line.begin(),
                                  [](char wanted, char c) { return wanted == (c | 0x20) || wanted == c; });
    if (!is_it) return;
    line.remove_prefix(kRetryAfter.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    int seconds = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), seconds);
    if (error == std::errc{} && seconds >= 0) retry_after_ = std::chrono::seconds(seconds);
}

struct HttpClient::Impl {
    Server server;
    Renamed renamed;
    Headers connect_to;
    Fd epoll;
    Fd timer;
    CURLM* multi = nullptr;

    ~Impl() {
        if (multi != nullptr) curl_multi_cleanup(multi);
    }

    Result<> open();
    void work();
    void finish_ended();

    static int follow_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
    static int follow_timer(CURLM*, long milliseconds, void* self);
};

Result<> HttpClient::Impl::open() {
    epoll = Fd(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return fail("create epoll", errno);
    timer = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer.valid()) return fail("create timer", errno);
    epoll_event event{.events = EPOLLIN, .data = {.fd = timer.get()}};
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0) return fail("watch timer", errno);
    std::call_once(g_curl_is_up, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi = curl_multi_init();
    if (multi == nullptr) return fail("set up libcurl");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::follow_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::follow_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    return {};
}

int HttpClient::Impl::follow_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    const int epoll = static_cast<Impl*>(self)->epoll.get();
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
        return 0;
    }
    const uint32_t in = (what & CURL_POLL_IN) != 0 ? uint32_t{EPOLLIN} : 0;
    const uint32_t out = (what & CURL_POLL_OUT) != 0 ? uint32_t{EPOLLOUT} : 0;
    epoll_event event{.events = in | out, .data = {.fd = socket}};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0) epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    return 0;
}

int HttpClient::Impl::follow_timer(CURLM*, long milliseconds, void* self) {
    itimerspec spec{};
    if (milliseconds >= 0) {
        spec.it_value = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1'000'000};
        if (milliseconds == 0) spec.it_value.tv_nsec = 1; // zero would disarm it
    }
    timerfd_settime(static_cast<Impl*>(self)->timer.get(), 0, &spec, nullptr);
    return 0;
}

void HttpClient::Impl::work() {
    std::array<epoll_event, 16> events{};
    const int count = epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), 0);
    int running = 0;
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<size_t>(i)];
        if (event.data.fd == timer.get()) {
            uint64_t expirations = 0;
            [[maybe_unused]] const auto got = read(timer.get(), &expirations, sizeof expirations);
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
            continue;
        }
        const int in = (event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
        const int out = (event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
        const int error = (event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
        curl_multi_socket_action(multi, event.data.fd, in | out | error, &running);
    }
    finish_ended();
}

void HttpClient::Impl::finish_ended() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        Transfer* transfer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer->end(message->data.result);
    }
}

namespace {

size_t take_body(const char* bytes, size_t, size_t count, void* transfer) {
    const bool taken = static_cast<HttpClient::Transfer*>(transfer)->take_body({bytes, count});
    return taken ? count : 0;
}

size_t take_header(const char* bytes, size_t, size_t count, void* transfer) {
    static_cast<HttpClient::Transfer*>(transfer)->take_header({bytes, count});
    return count;
}

void set_connection(CURL* easy, const Server& server) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); // who is given up doesn't wait for its name's thread
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
    // Rather wait for a connection to share than open another. Not in the clear: there only an answer tells whether one
    // can be shared, and who waits for that waits without a deadline (curl issue 13227).
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, server.url.starts_with("https:") ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeout);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kIdleBeforeProbe);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kBetweenProbes);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &set_up_socket);
    if (server.compression) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent);
    // The environment's proxies are for others: only what the configuration says counts.
    curl_easy_setopt(easy, CURLOPT_PROXY, server.proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, server.verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, server.verify ? 2L : 0L);
    set_blob(easy, CURLOPT_CAINFO_BLOB, server.authorities);
}

void set_proof(CURL* easy, const Proof& who, Headers& headers) {
    for (const auto& line : who.headers)
        add(headers, line);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, who.certificate);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, who.key);
}

void set_limits(CURL* easy, const Request& request) {
    if (request.deadline.count() > 0)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.deadline.count()));
    if (request.fresh_connection) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

void set_callbacks(CURL* easy, HttpClient::Transfer* transfer) {
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_buffer());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

void set_request(CURL* easy, const Request& request, HttpClient::Transfer& transfer, Headers& headers) {
    if (request.method != "GET") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    add(headers, "Accept: " + request.accept);
    if (request.body.empty()) return;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.keep(request.body));
    add(headers, "Content-Type: " + request.content_type);
}

} // namespace

Result<HttpClient::TransferPtr> HttpClient::start(const Request& request, const Proof& who, Callbacks callbacks) {
    Easy made(curl_easy_init());
    if (!made) return fail("set up a request");
    CURL* easy = made.get();
    TransferPtr transfer(new Transfer(impl_->multi, std::move(made), std::move(callbacks)),
                         [](Transfer* one) { delete one; });
    Headers headers;
    set_connection(easy, impl_->server);
    set_proof(easy, who, headers);
    set_limits(easy, request);
    set_request(easy, request, *transfer, headers);
    set_callbacks(easy, transfer.get());
    curl_easy_setopt(easy, CURLOPT_URL, (impl_->renamed.url + request.path).c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, impl_->connect_to.get());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->keep(std::move(headers)));
    if (const auto code = curl_multi_add_handle(impl_->multi, easy); code != CURLM_OK)
        return fail(std::string("start a request: ") + curl_multi_strerror(code));
    return transfer;
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(Server server) {
    auto impl = std::make_unique<Impl>();
    auto renamed = rename(server.url, server.name);
    if (!renamed) return tl::unexpected(renamed.error());
    impl->server = std::move(server);
    impl->renamed = std::move(*renamed);
    if (!impl->renamed.connect_to.empty()) add(impl->connect_to, impl->renamed.connect_to);
    if (auto opened = impl->open(); !opened) return tl::unexpected(opened.error());
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

int HttpClient::fd() const {
    return impl_->epoll.get();
}

void HttpClient::work() {
    impl_->work();
}

void HttpClient::set_authorities(const std::string& pem) {
    if (pem != impl_->server.authorities) impl_->server.authorities = pem;
}

const Server& HttpClient::server() const {
    return impl_->server;
}

} // namespace bulkhead::source::kube
