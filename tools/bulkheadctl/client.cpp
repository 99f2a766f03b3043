// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/client.h"

#include "bulkheadctl/exits.h"
#include "bulkheadctl/nodes.h"
#include "bulkheadctl/parse_json.h"

#include <curl/curl.h>

#include <unistd.h>

#include <chrono>
#include <memory>

namespace bulkhead::ctl {

namespace {

constexpr long kPatienceSeconds = 30;

constexpr int kAskAgainMs = 1000;
constexpr size_t kLongestRefusal = 64 << 10; // bytes of it that are kept

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
    return "http://agent" + target_of(path, query);
}

/// The agent says why in {"error": ...}.
std::string reason_in(const std::string& body, long status) {
    const auto json = parse_json(body).value_or(Json());
    if (json.is_object() && json.contains("error") && json["error"].is_string()) return json["error"];
    return "the agent answers with HTTP status " + std::to_string(status);
}

Handle handle_for(const std::string& socket, const std::string& url) {
    Handle handle(curl_easy_init());
    if (!handle) return handle;
    curl_easy_setopt(handle.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_PROXY, ""); // whatever the environment says
    curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
    return handle;
}

std::string reason_of(CURL* handle, CURLcode code) {
    long number = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &number);
    return number != 0 ? std::strerror(static_cast<int>(number)) : curl_easy_strerror(code);
}

/// Of stdout only that its reader has gone: a file, and a terminal at which somebody types, are readable all the time.
short wake_events(int fd) {
    return fd == STDOUT_FILENO ? short{0} : short{CURL_WAIT_POLLIN};
}

/// A request whose answer comes bit by bit.
class Stream {
public:
    Stream(std::string socket, const std::string& url, const Taker& taker)
        : socket_(std::move(socket)), taker_(taker), easy_(handle_for(socket_, url)), multi_(curl_multi_init()) {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() {
        if (begun_) curl_multi_remove_handle(multi_, easy_.get());
        curl_multi_cleanup(multi_);
    }

    Result<> run() {
        if (!easy_ || multi_ == nullptr) return fail("prepare a request");
        curl_easy_setopt(easy_.get(), CURLOPT_WRITEFUNCTION, receive);
        curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, this);
        begun_ = curl_multi_add_handle(multi_, easy_.get()) == CURLM_OK;
        if (!begun_) return fail("prepare a request");
        for (int running = 1; running != 0;) {
            if (const auto code = curl_multi_perform(multi_, &running); code != CURLM_OK)
                return fail(std::string("ask the agent: ") + curl_multi_strerror(code));
            if (taker_.enough()) return {};
            if (status() == 0 && std::chrono::steady_clock::now() > deadline_)
                return fail("no agent answers at " + socket_ + ": Timeout was reached");
            if (running != 0) wait();
        }
        return outcome();
    }

private:
    static size_t receive(const char* data, size_t size, size_t count, void* self) {
        static_cast<Stream*>(self)->take(std::string_view(data, size * count));
        return size * count;
    }

    void take(std::string_view bytes) {
        if (status() == 200)
            taker_.bytes(bytes);
        else
            refusal_ += bytes.substr(0, kLongestRefusal - refusal_.size());
    }

    void wait() {
        std::vector<curl_waitfd> extra;
        for (const int fd : taker_.wakes)
            extra.push_back({.fd = fd, .events = wake_events(fd), .revents = 0});
        curl_multi_poll(multi_, extra.data(), static_cast<unsigned>(extra.size()), kAskAgainMs, nullptr);
    }

    long status() const {
        long status = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }

    Result<> outcome() const {
        int left = 0;
        const auto* message = curl_multi_info_read(multi_, &left);
        const CURLcode code = message == nullptr ? CURLE_OK : message->data.result;
        if (status() == 0) return fail("no agent answers at " + socket_ + ": " + reason_of(easy_.get(), code));
        if (status() != 200) return tl::unexpected(Error{reason_in(refusal_, status()), kRefused});
        if (code == CURLE_OK) return {};
        return tl::unexpected(
            Error{"the agent at " + socket_ + " has gone while it answered: " + curl_easy_strerror(code), kBroken});
    }

    std::string socket_;
    const Taker& taker_;
    Handle easy_;
    CURLM* multi_;
    bool begun_ = false;
    std::string refusal_;
    std::chrono::steady_clock::time_point deadline_ =
        std::chrono::steady_clock::now() + std::chrono::seconds(kPatienceSeconds); // of the first word
};

} // namespace

int exit_of(const Error& error) {
    if (error.code == kRefused) return kRefusal;
    return error.code == kBroken ? kBrokenOff : kNoAgent;
}

std::string target_of(const std::string& path, const Query& query) {
    std::string target = path;
    char separator = '?';
    for (const auto& [name, value] : query) {
        target += separator + name + "=" + escaped(value);
        separator = '&';
    }
    return target;
}

Result<Json> ask(const Whom& whom, const std::string& path, const Query& query, const char* method,
                 const std::string& sent) {
    if (whom.nodes) return whom.nodes->ask(path, query);
    const auto& socket = whom.socket;
    const Handle handle = handle_for(socket, url_of(path, query));
    if (!handle) return fail("prepare a request");
    std::string body;
    if (!sent.empty()) {
        curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(sent.size()));
        curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, sent.c_str());
    }
    curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, kPatienceSeconds);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &body);
    if (const auto code = curl_easy_perform(handle.get()); code != CURLE_OK)
        return fail("no agent answers at " + socket + ": " + reason_of(handle.get(), code));
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return tl::unexpected(Error{reason_in(body, status), kRefused});
    auto json = parse_json(body);
    if (!json || !json->is_object()) return fail("what answers at " + socket + " is no Bulkhead agent");
    return json;
}

Result<> ask_stream(const Whom& whom, const std::string& path, const Query& query, const Taker& taker) {
    if (whom.nodes) return whom.nodes->ask_stream(path, query, taker);
    return Stream(whom.socket, url_of(path, query), taker).run();
}

} // namespace bulkhead::ctl
