// SPDX-License-Identifier: Apache-2.0
#include "api/http_server.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <malloc.h>
#include <mutex>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <microhttpd.h>

#include "api/listen.h"

namespace bulkhead::api {

namespace {

constexpr unsigned kConnections = 64;
// Pods can reach the metrics port. None of them may take all connections: who probes /healthz would restart us.
constexpr unsigned kConnectionsPerAddress = 8;
constexpr unsigned kIdleSeconds = 15;
constexpr size_t kLargeBody = 1 << 20;
constexpr size_t kPiece = 16 << 10;

MHD_Result add_argument(void* into, MHD_ValueKind, const char* name, const char* value) {
    auto& request = *static_cast<Request*>(into);
    const std::string text = value == nullptr ? "" : value;
    request.query[name] = text;
    request.parameters.emplace(name, text);
    return MHD_YES;
}

bool is_served(std::string_view method, Methods methods) {
    if (method == MHD_HTTP_METHOD_GET) return true;
    return methods == Methods::kChanging && (method == MHD_HTTP_METHOD_POST || method == MHD_HTTP_METHOD_DELETE);
}

Response answer(const Handler& handler, MHD_Connection* connection, const char* path, const char* method,
                std::string body) {
    Request request{.method = method, .path = path, .query = {}, .parameters = {}, .body = std::move(body)};
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, &request);
    try {
        return handler(request);
    } catch (const std::exception& e) { // a library's; C below us must never see one
        return {.status = 500, .content_type = "text/plain", .body = std::string(e.what()) + "\n"};
    }
}

void free_response(void* response) {
    const std::unique_ptr<Response> owned(static_cast<Response*>(response));
    const bool large = owned->body.size() > kLargeBody;
    owned->body = {};
    if (large) malloc_trim(0); // else the allocator keeps what a rare long list took
}

} // namespace

/// A Body on its way to who reads it.
struct HttpServer::Streaming {
    std::shared_ptr<Body> body;
    MHD_Connection* connection;
    std::string rest; // of its last piece

    static ssize_t read(void* streaming, uint64_t, char* into, size_t most);
    static void free(void* streaming) { delete static_cast<Streaming*>(streaming); }
    bool fetch();
};

/// The next piece, unless it must be waited for.
bool HttpServer::Streaming::fetch() {
    auto piece = body->more();
    if (!piece) body->end();
    rest = std::move(piece).value_or("");
    return !rest.empty() || !body->wait(connection);
}

ssize_t HttpServer::Streaming::read(void* streaming, uint64_t, char* into, size_t most) {
    auto& self = *static_cast<Streaming*>(streaming);
    try {
        while (self.rest.empty()) {
            if (self.body->is_ended()) return MHD_CONTENT_READER_END_OF_STREAM;
            if (!self.fetch()) return 0;
        }
    } catch (const std::exception&) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    const auto length = std::min(most, self.rest.size());
    self.rest.copy(into, length);
    self.rest.erase(0, length);
    return static_cast<ssize_t>(length);
}

namespace {

/// What comes with a request.
struct Upload {
    std::string body;
    bool is_too_long = false;

    void take(std::string_view more) {
        is_too_long |= body.size() + more.size() > kLongestBody;
        if (is_too_long)
            body = {};
        else
            body += more;
    }

    static void free(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
        delete static_cast<Upload*>(std::exchange(*state, nullptr));
    }
};

} // namespace

struct HttpServer::Answering {
    Handler handler;
    Methods methods;
    std::mutex mutex{}; // of what follows
    std::vector<std::weak_ptr<Body>> streams{};
    bool ending = false;

    /// Nothing may wait for more when the server ends.
    void end_streams() {
        const std::lock_guard lock(mutex);
        ending = true;
        for (const auto& stream : streams)
            if (const auto body = stream.lock()) body->end();
    }

    void follow(const std::shared_ptr<Body>& body) {
        const std::lock_guard lock(mutex);
        std::erase_if(streams, [](const auto& stream) { return stream.expired(); });
        streams.push_back(body);
        if (ending) body->end();
    }

    MHD_Response* response_of(std::unique_ptr<Response> response, MHD_Connection* connection);

    static MHD_Result on_request(void* answering, MHD_Connection* connection, const char* path, const char* method,
                                 const char*, const char* upload, size_t* upload_size, void** state);
    Response answer_to(MHD_Connection* connection, const char* path, const char* method, Upload& upload) const {
        if (!is_served(method, methods))
            return {.status = 405, .content_type = "text/plain", .body = std::string(method) + " is not served here\n"};
        if (upload.is_too_long)
            return {.status = 413, .content_type = "application/json", .body = "{\"error\": \"more than 4 MiB\"}\n"};
        return answer(handler, connection, path, method, std::move(upload.body));
    }
};

MHD_Result HttpServer::Answering::on_request(void* answering, MHD_Connection* connection, const char* path,
                                             const char* method, const char*, const char* upload, size_t* upload_size,
                                             void** state) {
    if (*state == nullptr) { // headers are there; a body, if any, is yet to come
        *state = new Upload;
        return MHD_YES;
    }
    auto& self = *static_cast<Answering*>(answering);
    auto& sent = *static_cast<Upload*>(*state);
    if (*upload_size != 0) {
        if (self.methods == Methods::kChanging) sent.take({upload, *upload_size});
        *upload_size = 0;
        return MHD_YES;
    }
    auto response = std::make_unique<Response>(self.answer_to(connection, path, method, sent));
    const auto status = static_cast<unsigned>(response->status);
    auto* raw = self.response_of(std::move(response), connection);
    if (raw == nullptr) return MHD_NO;
    const auto result = MHD_queue_response(connection, status, raw);
    MHD_destroy_response(raw);
    return result;
}

/// MHD's from then on; a body may be large, so it isn't copied.
MHD_Response* HttpServer::Answering::response_of(std::unique_ptr<Response> response, MHD_Connection* connection) {
    const std::string type = response->content_type;
    MHD_Response* raw = nullptr;
    if (response->stream) {
        follow(response->stream);
        auto streaming = std::make_unique<Streaming>(Streaming{response->stream, connection, ""});
        raw = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kPiece, Streaming::read, streaming.get(),
                                                Streaming::free);
        if (raw != nullptr) streaming.release();
    } else {
        raw = MHD_create_response_from_buffer_with_free_callback_cls(response->body.size(), response->body.data(),
                                                                     free_response, response.get());
        if (raw != nullptr) response.release();
    }
    if (raw != nullptr) MHD_add_response_header(raw, MHD_HTTP_HEADER_CONTENT_TYPE, type.c_str());
    return raw;
}

struct HttpServer::Daemon {
    explicit Daemon(MHD_Daemon* started) : raw(started) {}
    Daemon(const Daemon&) = delete;
    ~Daemon() { MHD_stop_daemon(raw); } // closes the listening socket too
    MHD_Daemon* raw;
};

HttpServer::HttpServer(Handler handler, Methods methods)
    : answering_(new Answering{.handler = std::move(handler), .methods = methods}) {}

Result<std::unique_ptr<HttpServer>> HttpServer::on_unix(const std::string& path, Handler handler, Methods methods) {
    auto listening = listen_unix(path);
    if (!listening) return tl::unexpected(listening.error());
    std::unique_ptr<HttpServer> server(new HttpServer(std::move(handler), methods));
    server->unix_path_ = path;
    if (auto started = server->start(listening->release()); !started) return within("serve " + path, started.error());
    return server;
}

Result<std::unique_ptr<HttpServer>> HttpServer::on_tcp(const std::string& address, Handler handler) {
    auto listening = listen_tcp(address);
    if (!listening) return tl::unexpected(listening.error());
    std::unique_ptr<HttpServer> server(new HttpServer(std::move(handler), Methods::kReading));
    server->port_ = port_of(*listening);
    if (auto started = server->start(listening->release()); !started)
        return within("serve " + address, started.error());
    return server;
}

Result<> HttpServer::start(int listening) {
    constexpr unsigned kFlags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    auto* raw =
        MHD_start_daemon(kFlags, 0, nullptr, nullptr, Answering::on_request, answering_.get(), MHD_OPTION_LISTEN_SOCKET,
                         listening, MHD_OPTION_CONNECTION_LIMIT, kConnections, MHD_OPTION_CONNECTION_TIMEOUT,
                         kIdleSeconds, MHD_OPTION_PER_IP_CONNECTION_LIMIT, kConnectionsPerAddress,
                         MHD_OPTION_NOTIFY_COMPLETED, Upload::free, nullptr, MHD_OPTION_END);
    if (raw == nullptr) {
        close(listening);
        return fail("start HTTP server", errno);
    }
    daemon_ = std::make_unique<Daemon>(raw);
    return {};
}

HttpServer::~HttpServer() {
    answering_->end_streams();
    if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

} // namespace bulkhead::api
