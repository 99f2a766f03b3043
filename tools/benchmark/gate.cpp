// SPDX-License-Identifier: Apache-2.0
#include "gate.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/fd.h"

namespace bulkhead::bench {

namespace {

Result<std::string> get(const std::filesystem::path& socket, const std::string& path) {
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un agent{};
    agent.sun_family = AF_UNIX;
    socket.string().copy(agent.sun_path, sizeof agent.sun_path - 1);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&agent), sizeof agent) != 0)
        return fail("ask the agent", errno);
    const std::string request = "GET " + path + " HTTP/1.0\r\nHost: agent\r\n\r\n";
    if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return fail("ask the agent", errno);
    std::string answer;
    std::array<char, 65536> part;
    for (ssize_t size = 0; (size = recv(fd.get(), part.data(), part.size(), 0)) > 0;)
        answer.append(part.data(), static_cast<size_t>(size));
    const auto body = answer.find("\r\n\r\n");
    if (body == std::string::npos) return fail("ask the agent: it says nothing");
    return answer.substr(body + 4);
}

} // namespace

Result<std::set<std::string>> guarded_pods(const std::filesystem::path& socket) {
    const auto answer = get(socket, "/v1/endpoints");
    if (!answer) return tl::unexpected(answer.error());
    const auto json = nlohmann::json::parse(*answer, nullptr, false);
    if (!json.contains("endpoints")) return fail("ask the agent: it says " + *answer);
    std::set<std::string> pods;
    for (const auto& row : json["endpoints"])
        if (row.value("state", "") == "guarded") pods.insert(row.value("name", ""));
    return pods;
}

} // namespace bulkhead::bench
