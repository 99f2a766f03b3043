// SPDX-License-Identifier: Apache-2.0
//
// For trouble that a healthy API server never makes: an HTTP server on loopback that answers what the test says, byte
// by byte, and breaks off as it says. A connection is one request.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace bulkhead::source::kube {

class ScriptedServer {
public:
    struct Answer {
        enum class Then : uint8_t { kClose, kReset, kHold }; // kHold: the connection stays open, and silent
        std::string bytes;
        Then then = Then::kClose;
    };
    struct Asked {
        std::string method;
        std::string target; // "/api/v1/namespaces?limit=500"
        std::string head;   // with all headers
        std::string body;
        std::chrono::steady_clock::time_point at;
    };
    /// Called in the server's thread, one after the other.
    using Script = std::function<Answer(const Asked& request)>;

    explicit ScriptedServer(Script script) : script_(std::move(script)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const bool listens = bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                             listen(listener_.get(), 128) == 0 &&
                             getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
        if (!listens) std::abort();
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~ScriptedServer() {
        ended_ = true;
        shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    std::vector<Asked> asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

    /// How many connections are held for requests with this method, which the client hasn't closed.
    size_t held(const std::string& method) const {
        const std::lock_guard lock(mutex_);
        size_t count = 0;
        for (const auto& one : held_) {
            pollfd fd{.fd = one.connection.get(), .events = POLLRDHUP, .revents = 0};
            count += one.method == method && poll(&fd, 1, 0) == 0 ? 1 : 0;
        }
        return count;
    }

private:
    struct Held {
        std::string method;
        Fd connection;
    };

    void serve() {
        while (!ended_) {
            Fd connection(accept(listener_.get(), nullptr, nullptr));
            if (connection.valid()) answer(std::move(connection));
        }
    }

    void answer(Fd connection) {
        const auto asked = read_request(connection.get());
        if (asked.target.empty()) return;
        {
            const std::lock_guard lock(mutex_);
            asked_.push_back(asked);
        }
        const auto answer = script_(asked);
        (void)send(connection.get(), answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL);
        if (answer.then == Answer::Then::kHold) {
            const std::lock_guard lock(mutex_);
            held_.push_back({asked.method, std::move(connection)});
        }
        if (answer.then != Answer::Then::kReset) return;
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }

    /// "METHOD TARGET HTTP/1.1", headers, body. Empty if the client left.
    static Asked read_request(int fd) {
        std::string text;
        size_t head = 0;
        while ((head = text.find("\r\n\r\n")) == std::string::npos)
            if (!receive(fd, text)) return {};
        const auto length = text.find("Content-Length: ");
        const size_t size = length < head ? std::stoul(text.substr(length + 16)) : 0;
        while (text.size() < head + 4 + size)
            if (!receive(fd, text)) return {};
        const auto method = text.find(' ');
        const auto target = text.find(' ', method + 1);
        return {.method = text.substr(0, method),
                .target = text.substr(method + 1, target - method - 1),
                .head = text.substr(0, head),
                .body = text.substr(head + 4),
                .at = std::chrono::steady_clock::now()};
    }

    static bool receive(int fd, std::string& text) {
        char buffer[4096];
        const auto size = recv(fd, buffer, sizeof buffer, 0);
        if (size > 0) text.append(buffer, static_cast<size_t>(size));
        return size > 0;
    }

    Script script_;
    Fd listener_;
    uint16_t port_ = 0;
    std::atomic<bool> ended_{false};
    mutable std::mutex mutex_;
    std::vector<Asked> asked_;
    std::vector<Held> held_;
    std::thread thread_;
};

/// A whole response.
inline std::string response(const std::string& status, const std::string& body, const std::string& headers = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nConnection: close\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The beginning of one whose end is not foreseen.
inline std::string stream(const std::string& body) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", body.size());
    const std::string chunk = body.empty() ? "" : size + body + "\r\n";
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: "
           "chunked\r\n\r\n" +
           chunk;
}

} // namespace bulkhead::source::kube
