// SPDX-License-Identifier: Apache-2.0
//
// What a reflector says to the credentials when the server doesn't take them.
#include <poll.h>

#include <atomic>
#include <fstream>

#include "kube_fixture.h"
#include "kube_scripted_server.h"
#include "source/kube/reflector.h"

namespace bulkhead::source::kube {
namespace {

using Answer = ScriptedServer::Answer;

struct Nobody : ReflectorSink {
    void begin_list() override {}
    void put(Value) override {}
    void put_unreadable(Value, const std::string&) override {}
    void remove(Value) override {}
    void end_list() override {}
};

const std::string kRefusal = R"({"kind":"Status","apiVersion":"v1","code":401,"message":"Unauthorized"})";
const std::string kList =
    R"({"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"10"},"items":[]})";

/// A plugin with another token at each run, and a reflector that uses it.
class Scene {
public:
    explicit Scene(ScriptedServer::Script script) : server_(std::move(script)) {
        auto access = with_plugin(kube::script(directory_, "plugin",
                                               "echo >> \"$0.runs\"\n"
                                               "printf '{\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\",\"status\":"
                                               "{\"token\":\"token-%s\"}}' " +
                                                   std::string(kV1) + " $(wc -l < \"$0.runs\")\n"));
        access.server = server_.url();
        Server server;
        server.url = server_.url();
        client_ = HttpClient::create(server).value();
        credentials_ = Credentials::create(access, Clock::real(), {.between_runs = 0ms}).value();
        reflector_.emplace(
            Resource{
                .name = "namespaces", .kind = "Namespace", .roots = {"/api/v1"}, .path = "namespaces", .selector = ""},
            *client_, *credentials_, nobody_, 1);
    }

    void wait(const std::function<bool()>& holds) {
        const auto deadline = test::after(20s);
        while (!holds()) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            credentials_->work();
            client_->work();
            reflector_->tick(std::chrono::steady_clock::now());
            pollfd fds[] = {{.fd = credentials_->fd(), .events = POLLIN, .revents = 0},
                            {.fd = client_->fd(), .events = POLLIN, .revents = 0}};
            poll(fds, 2, 20);
        }
    }
    /// Lists only.
    size_t asked() const { return server_.asked().size(); }
    uint64_t version() const {
        const auto* proof = credentials_->current();
        return proof == nullptr ? 0 : proof->version;
    }
    int runs() const {
        std::ifstream file(directory_.at("plugin.runs"));
        int lines = 0;
        for (std::string line; std::getline(file, line);)
            ++lines;
        return lines;
    }
    Credentials& credentials() { return *credentials_; }
    Reflector& reflector() { return *reflector_; }

private:
    TemporaryDirectory directory_;
    ScriptedServer server_;
    std::unique_ptr<HttpClient> client_;
    std::unique_ptr<Credentials> credentials_;
    Nobody nobody_;
    std::optional<Reflector> reflector_;
};

bool is_watch(const ScriptedServer::Asked& request) {
    return contains(request.target, "watch=1");
}

TEST_CASE("a 401 makes the plugin run again") {
    std::atomic<int> lists{0};
    Scene scene([&](const ScriptedServer::Asked& request) -> Answer {
        if (is_watch(request)) return {stream(""), Answer::Then::kHold};
        return {lists++ == 0 ? response("401 Unauthorized", kRefusal) : response("200 OK", kList)};
    });
    scene.wait([&] { return scene.reflector().synced() && scene.version() == 2; });
    CHECK(scene.runs() == 2);
    CHECK(scene.reflector().error().empty());
}

TEST_CASE("a 401 to a proof that was renewed meanwhile is none to the new one") {
    std::atomic<bool> may_answer{false};
    std::atomic<int> lists{0};
    Scene scene([&](const ScriptedServer::Asked& request) -> Answer {
        if (is_watch(request)) return {stream(""), Answer::Then::kHold};
        if (lists++ > 0) return {response("200 OK", kList)};
        test::wait_until([&] { return may_answer.load(); }, test::after(20s));
        return {response("401 Unauthorized", kRefusal)};
    });
    scene.wait([&] { return scene.asked() == 1; });
    scene.credentials().refused(); // somebody else's request was
    scene.wait([&] { return scene.version() == 2; });
    may_answer = true;
    scene.wait([&] { return contains(scene.reflector().error(), "(401)"); });
    scene.wait([&] { return scene.reflector().synced() && scene.reflector().error().empty(); });
    scene.wait([&] { return !scene.credentials().running(); });
    CHECK(scene.runs() == 2);
    CHECK(scene.version() == 2);
}

} // namespace
} // namespace bulkhead::source::kube
