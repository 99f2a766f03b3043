// SPDX-License-Identifier: Apache-2.0
#include "support/aws_stand_in.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace bulkhead::test {

namespace {

Result<> send_all(int fd, const std::string& text) {
    for (size_t sent = 0; sent < text.size();) {
        const auto count = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (count < 0) return fail("send to the AWS stand-in", errno);
        sent += static_cast<size_t>(count);
    }
    return {};
}

Result<std::string> receive_all(int fd) {
    std::string text;
    char piece[16384];
    for (ssize_t count = 0; (count = ::recv(fd, piece, sizeof piece, 0)) != 0;) {
        if (count < 0) return fail("receive from the AWS stand-in", errno);
        text.append(piece, static_cast<size_t>(count));
    }
    return text;
}

} // namespace

Result<std::unique_ptr<AwsStandIn>> AwsStandIn::start(const Netns* netns) {
    std::unique_ptr<AwsStandIn> stand_in(new AwsStandIn(netns));
    if (const auto started = stand_in->again(); !started) return tl::unexpected(started.error());
    return stand_in;
}

Result<> AwsStandIn::again() {
    auto process = Process::start({"env", "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" BULKHEAD_TEST_SUPPORT, "python3",
                                   "-m", "aws_stand_in", std::to_string(port_)},
                                  {.netns = netns_, .ends_with_thread = true});
    if (!process) return tl::unexpected(process.error());
    if (!process->wait_for_output("\n", after(30s))) return fail("the AWS stand-in says no port: " + process->output());
    const auto output = process->output();
    if (!output.starts_with("port ")) return fail("the AWS stand-in says " + output);
    port_ = static_cast<uint16_t>(std::stoul(output.substr(5)));
    process_.emplace(std::move(*process));
    return {};
}

void AwsStandIn::end() {
    (void)process_->stop(after(20s));
    process_.reset();
}

Result<std::string> AwsStandIn::control(const std::string& method, const std::string& what,
                                        const std::string& body) const {
    const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail("connect to the AWS stand-in", errno);
    const auto request = method + " /stand-in/" + what + " HTTP/1.1\r\nHost: stand-in\r\nConnection: close\r\n" +
                         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (auto sent = send_all(fd.get(), request); !sent) return tl::unexpected(sent.error());
    const auto answer = receive_all(fd.get());
    if (!answer) return answer;
    const auto head = answer->find("\r\n\r\n");
    if (!answer->starts_with("HTTP/1.1 200") || head == answer->npos) return fail("the AWS stand-in says " + *answer);
    return answer->substr(head + 4);
}

Result<> AwsStandIn::set(const nlohmann::json& state) const {
    const auto answer = control("PUT", "state", state.dump());
    if (!answer) return tl::unexpected(answer.error());
    return {};
}

Result<nlohmann::json> AwsStandIn::calls() const {
    const auto answer = control("GET", "calls", "");
    if (!answer) return tl::unexpected(answer.error());
    return nlohmann::json::parse(*answer);
}

} // namespace bulkhead::test
