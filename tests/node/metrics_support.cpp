// SPDX-License-Identifier: Apache-2.0
#include "metrics_support.h"

#include <regex>
#include <sstream>

namespace bulkhead::test {

namespace {

/// All that comes until the other side closes.
std::string receive_all(const Fd& fd, Deadline deadline) {
    std::string text;
    std::array<char, 16384> piece{};
    while (readable(fd, deadline)) {
        const ssize_t got = recv(fd.get(), piece.data(), piece.size(), 0);
        if (got <= 0) break;
        text.append(piece.data(), static_cast<size_t>(got));
    }
    return text;
}

/// RFC 9112: a status line, header fields, an empty line, the body.
Answer parsed(const std::string& text) {
    static const std::regex kStatus(R"(HTTP/1\.[01] (\d{3})[^\r]*\r\n)");
    static const std::regex kContentType(R"(\r\nContent-Type: ([^\r]*)\r\n)", std::regex::icase);
    const auto end = text.find("\r\n\r\n");
    if (end == std::string::npos) FAIL("no answer by HTTP: " << text);
    const std::string head = text.substr(0, end + 2);
    std::smatch status, type;
    if (!std::regex_search(head, status, kStatus, std::regex_constants::match_continuous)) FAIL("no status: " << head);
    std::regex_search(head, type, kContentType);
    return {.status = std::stoi(status[1]), .content_type = type[1], .body = text.substr(end + 4)};
}

double packets(const Place& node, const std::string& direction, const std::string& verdict, const std::string& reason) {
    return metric(node, "bulkhead_packets_total{direction=\"" + direction + R"(",verdict=")" + verdict +
                            R"(",reason=")" + reason + "\"}")
        .value_or(0);
}

} // namespace

Answer get(const Place& node, const std::string& path) {
    const Deadline deadline = after(20s);
    const auto fd = tcp_connect(node.netns, kMetrics, deadline);
    if (!fd) return {.status = 0, .content_type = "", .body = fd.error().text};
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";
    require(send_all(*fd, {reinterpret_cast<const uint8_t*>(request.data()), request.size()}, deadline));
    return parsed(receive_all(*fd, deadline));
}

std::map<std::string, double> samples_in(const std::string& exposition) {
    static const std::regex kSample(R"(([a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})?) (\S+))");
    std::map<std::string, double> samples;
    std::istringstream lines(exposition);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) continue;
        std::smatch parts;
        INFO(line);
        REQUIRE(std::regex_match(line, parts, kSample));
        CHECK(samples.emplace(parts[1], std::stod(parts[3])).second);
    }
    return samples;
}

std::optional<double> metric(const Place& node, const std::string& sample) {
    const auto answer = get(node, "/metrics");
    REQUIRE(answer.status == 200);
    const auto samples = samples_in(answer.body);
    const auto found = samples.find(sample);
    return found == samples.end() ? std::nullopt : std::optional(found->second);
}

double sum_of(const Place& node, const std::string& family) {
    const auto answer = get(node, "/metrics");
    REQUIRE(answer.status == 200);
    double sum = 0;
    for (const auto& [sample, value] : samples_in(answer.body))
        if (sample.substr(0, sample.find('{')) == family) sum += value;
    return sum;
}

double refused(const Place& node, const std::string& direction, const std::string& reason) {
    return packets(node, direction, "deny", reason);
}

double passed(const Place& node, const std::string& direction, const std::string& reason) {
    return packets(node, direction, "allow", reason);
}

} // namespace bulkhead::test
