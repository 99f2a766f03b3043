// SPDX-License-Identifier: Apache-2.0
#include "cni/agent_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/fd.h"

namespace bulkhead::cni {

namespace {

constexpr size_t kLongestAnswer = 1 << 20;

/// 0 or an errno.
int wait_for(int fd, short events, Deadline deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return ETIMEDOUT;
        pollfd one{.fd = fd, .events = events, .revents = 0};
        const int ready = poll(&one, 1, static_cast<int>(std::min<int64_t>(left.count(), 60'000)));
        if (ready > 0) return 0;
        if (ready < 0 && errno != EINTR) return errno;
    }
}

Result<Fd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return fail("the path is too long for a socket", ENAMETOOLONG);
    path.copy(address.sun_path, path.size());
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return fail("make a socket", errno);
    // A full backlog is EAGAIN: somebody listens, but accepts nobody.
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return tl::unexpected(Error{errno == EAGAIN ? "it accepts nobody" : std::strerror(errno), errno});
    return fd;
}

Result<std::string> exchange(int fd, const std::string& request, Deadline deadline) {
    // Into an empty socket's buffer: it fits whole.
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
        return fail("send a question", errno);
    std::string answer;
    std::array<char, 4096> buffer{};
    while (answer.size() < kLongestAnswer) {
        if (const int error = wait_for(fd, POLLIN, deadline); error != 0) return fail("wait for its answer", error);
        const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got == 0) return answer;
        if (got < 0 && errno != EAGAIN && errno != EINTR) return fail("read its answer", errno);
        if (got > 0) answer.append(buffer.data(), static_cast<size_t>(got));
    }
    return fail("its answer has no end");
}

std::string escaped(const std::string& text) {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
            c == '_' || c == ',')
            result += c;
        else
            result += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    return result;
}

Result<std::string> read_answer(const std::string& socket, const std::string& answer) {
    const auto end = answer.find("\r\n\r\n");
    const auto json =
        end == std::string::npos ? nlohmann::json() : nlohmann::json::parse(answer.substr(end + 4), nullptr, false);
    const auto says = [&](const char* key) {
        return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    if (const auto error = says("error"); !error.empty()) return fail("the agent on " + socket + " says: " + error);
    if (const auto why = says("why"); !why.empty()) return why;
    if (json.is_object() && json.contains("open") && json["open"] == true) return "";
    return fail("what answers on " + socket + " is no Bulkhead agent that has a gate");
}

} // namespace

std::string path_of_gate(const Query& query) {
    std::string path = "/v1/gate";
    char separator = '?';
    for (const auto& [name, value] : query) {
        path += separator + name + "=" + escaped(value);
        separator = '&';
    }
    return path;
}

Result<std::string> ask_gate(const std::string& socket, const Query& query, Deadline deadline) {
    const auto where = "the agent doesn't answer on " + socket;
    const auto fd = connect_to(socket);
    if (!fd) return within(where, fd.error());
    const auto answer =
        exchange(fd->get(), "GET " + path_of_gate(query) + " HTTP/1.0\r\nHost: agent\r\n\r\n", deadline);
    if (!answer) return within(where, answer.error());
    return read_answer(socket, *answer);
}

} // namespace bulkhead::cni
