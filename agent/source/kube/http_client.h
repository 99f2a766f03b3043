// SPDX-License-Identifier: Apache-2.0
//
// HTTPS requests to one API server, many at once, without blocking: libcurl's multi interface behind one
// fd to poll. HTTP/2 where the server offers it, so that all watches share a connection; gzip; and a
// connection whose other end is gone without a word is noticed within half a minute. Names are resolved by a thread of
// libcurl's, which nobody waits for.
//
// One thread. Callbacks come out of work() only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "source/kube/proof.h"

namespace bulkhead::source::kube {

/// Where the server is and how to know that it is the right one.
struct Server {
    std::string url;         // "https://10.100.0.1:443", without a slash at its end
    std::string authorities; // PEM; empty = the system's
    std::string name;        // what its certificate must be for; empty = the URL's host
    std::string proxy;       // URL, or empty
    bool verify = true;      // its certificate
    bool compression = true; // it may compress what it answers
};

struct Request {
    std::string path; // "/api/v1/pods?watch=1"
    std::string method = "GET";
    std::string body{};
    std::string content_type{};
    std::string accept = "application/json";
    std::chrono::milliseconds deadline{0}; // for all of it; 0 = none
    bool fresh_connection = false;         // not over one that is there: its other end may hang
};

struct Response {
    long status = 0;     // 0: there was none, see error
    std::string error{}; // of the connection: "Could not connect to server"
    std::string body{};  // of anything but 200; its beginning
    std::optional<std::chrono::seconds> retry_after{};
};

struct Callbacks {
    /// The server answers 200; nothing of the body was read yet.
    std::function<void()> on_accepted = [] {};
    /// Bytes of a 200's body as they come; false = enough, which ends the request with an error.
    std::function<bool(std::string_view bytes)> on_body = [](std::string_view) { return true; };
    /// Once, last. May start other requests, and destroy this one.
    std::function<void(const Response&)> on_end;
};

class HttpClient {
public:
    static Result<std::unique_ptr<HttpClient>> create(Server server);
    HttpClient(const HttpClient&) = delete;
    ~HttpClient();

    int fd() const;

    /// Moves everything on that can be moved; never waits.
    void work();

    /// A request under way; destroying it cancels it without another callback. Must not outlive the client.
    class Transfer;
    using TransferPtr = std::unique_ptr<Transfer, void (*)(Transfer*)>;
    Result<TransferPtr> start(const Request& request, const Proof& who, Callbacks callbacks);

    const Server& server() const;

    /// From the next connection on.
    void set_authorities(const std::string& pem);

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace bulkhead::source::kube
