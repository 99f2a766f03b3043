// SPDX-License-Identifier: Apache-2.0
#include "api_client.h"

#include <poll.h>

namespace bulkhead::bench {

namespace {

constexpr size_t kAtOnce = 64; // requests; a server takes 250 streams on one connection
constexpr auto kDeadline = std::chrono::seconds(60);

ApiClient::Request write(const char* method, const std::string& path, const char* type, const Json& content) {
    return {.path = path, .method = method, .body = content.dump(), .content_type = type, .deadline = kDeadline};
}

} // namespace

ApiClient::Request post(const std::string& path, const Json& object) {
    return write("POST", path, "application/json", object);
}

ApiClient::Request merge(const std::string& path, const Json& patch) {
    return write("PATCH", path, "application/merge-patch+json", patch);
}

ApiClient::Request server_side_apply(const std::string& path, const Json& object) {
    return write("PATCH", path + "?fieldManager=bulkhead-agent&force=true", "application/apply-patch+yaml", object);
}

Result<std::unique_ptr<ApiClient>> ApiClient::create(const std::filesystem::path& kubeconfig) {
    const auto access = source::kube::read_kubeconfig(kubeconfig);
    if (!access) return tl::unexpected(access.error());
    auto session = source::kube::Session::create(*access, 1);
    if (!session) return tl::unexpected(session.error());
    return std::unique_ptr<ApiClient>(new ApiClient(std::move(*session)));
}

Result<> ApiClient::send(const Request& request, OnAnswer on_answer) {
    const auto* who = session_->credentials().current();
    if (who == nullptr) return fail("ask " + request.path + ": no credentials");
    const auto number = ++last_;
    auto& exchange = exchanges_[number];
    auto transfer = session_->client().start(
        request, *who,
        {.on_body =
             [&exchange](std::string_view bytes) {
                 exchange.body += bytes;
                 return true;
             },
         .on_end = [this, number, on_answer = std::move(on_answer)](
                       const source::kube::Response& response) { end(number, response, on_answer); }});
    if (!transfer) return tl::unexpected(transfer.error());
    exchange.transfer = std::move(*transfer);
    return {};
}

/// The exchange lives until its callback is over.
void ApiClient::end(uint64_t number, const source::kube::Response& response, const OnAnswer& on_answer) {
    auto exchange = exchanges_.extract(number);
    auto& body = exchange.mapped().body;
    on_answer({.status = response.status,
               .error = response.error,
               .body = body.empty() ? response.body : std::move(body),
               .at = Clock::now()});
}

void ApiClient::wait() const {
    pollfd readable{.fd = fd(), .events = POLLIN, .revents = 0};
    poll(&readable, 1, 1000);
}

Result<std::string> ApiClient::ask(const Request& request) {
    std::optional<Answer> answer;
    if (auto sent = send(request, [&](const Answer& given) { answer = given; }); !sent)
        return tl::unexpected(sent.error());
    for (work(); !answer; work())
        wait();
    if (!answer->good()) return fail("ask " + request.path + ": " + answer->text());
    return std::move(answer->body);
}

Result<> ApiClient::ask_all(const std::vector<Request>& requests) {
    std::string refused;
    size_t sent = 0;
    size_t answered = 0;
    while (answered < requests.size() && refused.empty()) {
        for (; sent < requests.size() && sent - answered < kAtOnce; ++sent) {
            const auto& path = requests[sent].path;
            auto started = send(requests[sent], [&, path](const Answer& answer) {
                ++answered;
                if (!answer.good()) refused = "ask " + path + ": " + answer.text();
            });
            if (!started) return started;
        }
        wait();
        work();
    }
    exchanges_.clear(); // none, unless one was refused
    if (!refused.empty()) return fail(refused);
    return {};
}

} // namespace bulkhead::bench
