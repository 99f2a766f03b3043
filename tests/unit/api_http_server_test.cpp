// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <vector>

#include "../support/deadline.h"
#include "api/http_server.h"
#include "api/listen.h"

using namespace bulkhead;
using namespace bulkhead::api;

namespace {

struct Folder {
    Folder() {
        char pattern[] = "/tmp/bulkhead-api-XXXXXX";
        path = mkdtemp(pattern);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

std::string read_all(const Fd& fd) {
    std::string answer;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(fd.get(), buffer, sizeof buffer)) > 0;)
        answer.append(buffer, static_cast<size_t>(got));
    return answer;
}

std::string converse(const Fd& fd, const std::string& request) {
    REQUIRE(write(fd.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    return read_all(fd);
}

std::string get_from_socket(const std::string& path, const std::string& target, const std::string& method = "GET") {
    const Fd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return converse(fd, method + " " + target + " HTTP/1.0\r\n\r\n");
}

sockaddr_in local_address(uint32_t ip, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(ip);
    return address;
}

/// `from` is one of 127/8, in host order.
Fd connect_to_port(uint16_t port, uint32_t from = INADDR_LOOPBACK) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    const auto own = local_address(from, 0), server = local_address(INADDR_LOOPBACK, port);
    REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
    REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0);
    return fd;
}

std::string get_from_port(uint16_t port, const std::string& target) {
    return converse(connect_to_port(port), "GET " + target + " HTTP/1.0\r\n\r\n");
}

Response echo(const Request& request) {
    std::string body = request.path;
    for (const auto& [name, value] : request.query)
        body += " " + name + "=" + value;
    if (request.parameters.size() != request.query.size())
        for (const auto& [name, value] : request.parameters)
            body += " also " + name + "=" + value;
    return {.status = 200, .content_type = "text/plain", .body = body};
}

/// Its pieces are put in from outside.
class Pieces final : public Body {
public:
    explicit Pieces(std::atomic<bool>& gone) : gone_(gone) {}
    ~Pieces() override { gone_ = true; }

    std::optional<std::string> more() override {
        const std::lock_guard lock(mutex_);
        if (over_ && pieces_.empty()) return std::nullopt;
        return std::exchange(pieces_, "");
    }
    void put(const std::string& piece, bool last = false) {
        {
            const std::lock_guard lock(mutex_);
            pieces_ += piece;
            over_ = last;
        }
        wake();
    }

private:
    std::mutex mutex_;
    std::string pieces_;
    bool over_ = false;
    std::atomic<bool>& gone_;
};

struct StreamServer {
    Folder folder;
    std::string path = folder.path + "/agent.sock";
    std::atomic<bool> gone = false;
    std::weak_ptr<Pieces> pieces;
    std::unique_ptr<HttpServer> server =
        HttpServer::on_unix(path, [this](const Request&) {
            auto made = std::make_shared<Pieces>(gone);
            pieces = made;
            return Response{.status = 200, .content_type = "text/plain", .body = "", .stream = std::move(made)};
        }).value();

    Fd ask() const {
        Fd fd(socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        const std::string request = "GET / HTTP/1.0\r\n\r\n";
        REQUIRE(write(fd.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
        read_until(fd, "\r\n\r\n");
        return fd;
    }

    static std::string read_until(const Fd& fd, const std::string& end) {
        std::string text;
        char byte = 0;
        while (!text.ends_with(end) && read(fd.get(), &byte, 1) == 1)
            text += byte;
        return text;
    }

    bool is_gone() const {
        return test::wait_until([this] { return gone.load(); }, test::after(std::chrono::seconds(5)));
    }
};

} // namespace

TEST_CASE("a streamed body comes piece by piece, when there is one, to its end") {
    StreamServer server;
    const Fd fd = server.ask();
    for (const auto& piece : std::vector<std::string>{"one.", "two.", std::string(200000, 'x') + "."}) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50)); // it waits by then
        server.pieces.lock()->put(piece);
        CHECK(StreamServer::read_until(fd, ".") == piece);
    }
    server.pieces.lock()->put("last", true);
    CHECK(StreamServer::read_until(fd, "nothing").ends_with("last"));
    CHECK(server.is_gone());
}

TEST_CASE("a reader that goes away while there is nothing to read is found when somebody looks") {
    StreamServer server;
    {
        const Fd fd = server.ask();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        server.pieces.lock()->end_if_alone(); // it isn't
        server.pieces.lock()->put("here.");
        CHECK(StreamServer::read_until(fd, ".") == "here.");
    }
    REQUIRE(test::wait_until(
        [&] {
            if (const auto pieces = server.pieces.lock()) pieces->end_if_alone();
            return server.gone.load();
        },
        test::after(std::chrono::seconds(5))));
}

TEST_CASE("a server ends though somebody still waits for more") {
    StreamServer server;
    const Fd fd = server.ask();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    server.server.reset();
    CHECK(StreamServer::read_until(fd, "nothing").empty());
    CHECK(server.gone);
}

TEST_CASE("a request over the Unix socket reaches the handler with its query decoded") {
    const Folder folder;
    const auto path = folder.path + "/made/for/it/agent.sock";
    const auto server = HttpServer::on_unix(path, echo);
    REQUIRE(server);
    const auto answer = get_from_socket(path, "/v1/explain?src=blog%2Fweb-1&port=80");
    CHECK(answer.find(" 200 ") != std::string::npos);
    CHECK(answer.ends_with("/v1/explain port=80 src=blog/web-1"));
}

std::string post_to_socket(const std::string& path, const std::string& body) {
    const Fd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const std::string request =
        "POST /v1/check HTTP/1.0\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    for (size_t sent = 0; sent < request.size();) {
        const ssize_t more = write(fd.get(), request.data() + sent, request.size() - sent);
        REQUIRE(more > 0);
        sent += static_cast<size_t>(more);
    }
    return read_all(fd);
}

TEST_CASE("what is posted reaches the handler whole, up to a length, and each request has its own") {
    const Folder folder;
    const std::string path = folder.path + "/agent.sock";
    const auto server = HttpServer::on_unix(
        path,
        [](const Request& request) {
            const auto same = std::string(request.body.size(), request.body.empty() ? 'x' : request.body.front());
            return Response{.body = std::to_string(request.body.size()) + (same == request.body ? " alike" : " mixed")};
        },
        Methods::kChanging);
    REQUIRE(server);
    for (const char letter : {'a', 'b'})
        CHECK(post_to_socket(path, std::string(300'000, letter)).ends_with("\r\n\r\n300000 alike"));
    CHECK(post_to_socket(path, std::string(kLongestBody, 'c')).ends_with(std::to_string(kLongestBody) + " alike"));
    CHECK(post_to_socket(path, std::string(kLongestBody + 1, 'd')).find(" 413 ") != std::string::npos);
    CHECK(get_from_socket(path, "/v1/check").ends_with("\r\n\r\n0 alike"));
}

TEST_CASE("of a name that is asked for twice both values are told") {
    const Folder folder;
    const auto server = HttpServer::on_unix(folder.path + "/agent.sock", echo);
    REQUIRE(server);
    CHECK(get_from_socket(folder.path + "/agent.sock", "/f?pod=a&pod=b").ends_with(" pod=b also pod=a also pod=b"));
}

TEST_CASE("only root may use the Unix socket") {
    const Folder folder;
    const auto server = HttpServer::on_unix(folder.path + "/agent.sock", echo);
    REQUIRE(server);
    struct stat status {};
    REQUIRE(stat((folder.path + "/agent.sock").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("the socket goes with its server") {
    const Folder folder;
    REQUIRE(HttpServer::on_unix(folder.path + "/agent.sock", echo)); // and ends here
    CHECK_FALSE(std::filesystem::exists(folder.path + "/agent.sock"));
}

TEST_CASE("a socket that nobody listens on is replaced, a live one never") {
    const Folder folder;
    const auto path = folder.path + "/agent.sock";
    REQUIRE(listen_unix(path)); // closed at once; the file stays, as after a crash
    REQUIRE(std::filesystem::exists(path));
    const auto server = HttpServer::on_unix(path, echo);
    REQUIRE(server);
    const auto second = HttpServer::on_unix(path, echo);
    REQUIRE_FALSE(second);
    CHECK(second.error().text.find("another agent answers") != std::string::npos);
    CHECK(get_from_socket(path, "/still").ends_with("/still"));
}

TEST_CASE("a file that is no socket is not touched") {
    const Folder folder;
    std::filesystem::create_directory(folder.path + "/agent.sock");
    CHECK_FALSE(HttpServer::on_unix(folder.path + "/agent.sock", echo));
    CHECK(std::filesystem::is_directory(folder.path + "/agent.sock"));
}

TEST_CASE("TCP serves a given address, and every address where none is given") {
    for (const auto* where : {"127.0.0.1:0", ":0"}) {
        CAPTURE(where);
        const auto server = HttpServer::on_tcp(where, echo);
        REQUIRE(server);
        REQUIRE((*server)->port() != 0);
        CHECK(get_from_port((*server)->port(), "/healthz").ends_with("/healthz"));
    }
}

TEST_CASE("an address that can't be listened on is named") {
    for (const auto* where : {"localhost", "not an address:1", "192.0.2.1:0"}) {
        const auto server = HttpServer::on_tcp(where, echo);
        REQUIRE_FALSE(server);
        CHECK(server.error().text.find(where) != std::string::npos);
    }
}

TEST_CASE("whoever takes many connections of a TCP port leaves some to others") {
    const auto server = HttpServer::on_tcp("127.0.0.1:0", echo);
    REQUIRE(server);
    const auto port = (*server)->port();
    std::vector<Fd> held;
    for (int i = 0; i < 64; ++i)
        held.push_back(connect_to_port(port));
    const Fd other = connect_to_port(port, INADDR_LOOPBACK + 1);
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    REQUIRE(setsockopt(other.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    CHECK(converse(other, "GET /healthz HTTP/1.0\r\n\r\n").ends_with("/healthz"));
}

TEST_CASE("anything but GET is refused, and a handler that throws is a 500") {
    const Folder folder;
    const auto path = folder.path + "/agent.sock";
    const auto server = HttpServer::on_unix(path, [](const Request&) -> Response { throw std::runtime_error("oops"); });
    REQUIRE(server);
    CHECK(get_from_socket(path, "/", "DELETE").find(" 405 ") != std::string::npos);
    CHECK(get_from_socket(path, "/").find(" 500 ") != std::string::npos);
}
