// SPDX-License-Identifier: Apache-2.0
//
// A small HTTP server: one thread of its own (libmicrohttpd's), on a Unix socket for bulkheadctl or on TCP for Prometheus
// and the kubelet. The handler runs on the server's thread; one that
// needs the agent's state hands the question to the loop. A body that comes bit by bit is a Body.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/body.h"
#include "base/result.h"

namespace bulkhead::api {

struct Request {
    std::string method = "GET";
    std::string path;
    std::map<std::string, std::string> query;           // decoded; the last of equal names
    std::multimap<std::string, std::string> parameters; // the same, all of them
    std::string body = {};                              // of a POST; what is longer than kLongestBody is a 413
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::shared_ptr<Body> stream = {}; // instead of it
};

inline constexpr size_t kLongestBody = 4 << 20;

using Handler = std::function<Response(const Request&)>;

/// What else than GET is a 405: nothing, or neither POST nor DELETE.
enum class Methods : uint8_t { kReading, kChanging };

class HttpServer {
public:
    /// Root only (0600). Makes the directory, takes the place of a socket that nobody listens on any more,
    /// and refuses where somebody does.
    static Result<std::unique_ptr<HttpServer>> on_unix(const std::string& path, Handler handler,
                                                       Methods methods = Methods::kReading);

    /// "HOST:PORT", "[HOST]:PORT" or ":PORT" (every address, both families). Port 0 takes a free one.
    static Result<std::unique_ptr<HttpServer>> on_tcp(const std::string& address, Handler handler);

    /// Waits for requests that are being answered; streams end.
    ~HttpServer();

    uint16_t port() const { return port_; } // 0 = a Unix socket

private:
    struct Daemon;
    struct Answering;
    struct Streaming;
    HttpServer(Handler handler, Methods methods);
    Result<> start(int listening);

    std::unique_ptr<Answering> answering_;
    std::unique_ptr<Daemon> daemon_;
    std::string unix_path_; // removed at the end
    uint16_t port_ = 0;
};

} // namespace bulkhead::api
