// SPDX-License-Identifier: Apache-2.0
//
// A source of Namespaces before a scripted server.
#pragma once

#include <poll.h>

#include <catch2/catch_test_macros.hpp>

#include "kube_fixture.h"
#include "kube_scripted_server.h"
#include "source/kube/kube_source.h"

namespace bulkhead::source::kube {

using namespace std::chrono_literals;
using Answer = ScriptedServer::Answer;
using Then = Answer::Then;

inline Resource namespaces() {
    return {.name = "namespaces", .kind = "Namespace", .roots = {"/api/v1"}, .path = "namespaces", .selector = ""};
}

inline std::string item(const std::string& name) {
    return R"({"metadata":{"name":")" + name + R"(","labels":{"bulkhead.dev/level":"protected"}}})";
}

inline std::string list(const std::string& items, const std::string& version, const std::string& more = "") {
    return response("200 OK", R"({"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":")" + version +
                                  R"(","continue":")" + more + R"("},"items":[)" + items + "]}");
}

inline std::string event(const std::string& type, const std::string& name, const std::string& version) {
    return R"({"type":")" + type + R"(","object":{"kind":"Namespace","apiVersion":"v1","metadata":{"name":")" + name +
           R"(","resourceVersion":")" + version + R"("}}})" + "\n";
}

inline std::string status(int code, const std::string& message, const std::string& details = "{}") {
    return R"({"kind":"Status","apiVersion":"v1","code":)" + std::to_string(code) + R"(,"message":")" + message +
           R"(","details":)" + details + "}";
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// What a source makes of a server that does as the script says; the version and quiet watches are answered for it.
class Scene {
public:
    explicit Scene(std::vector<Answer> answers, Patience patience = {}, std::string minor = "20",
                   const std::string& versions = "")
        : answers_(std::move(answers)), minor_(std::move(minor)),
          server_([this](const ScriptedServer::Asked& request) { return answer(request.target); }) {
        Access access;
        access.server = server_.url();
        session_ = std::move(Session::create(access, 1).value());
        source_.emplace(*session_, std::vector{namespaces()}, std::vector<Tap>{}, patience);
        if (!versions.empty()) source_->remember_in(versions);
    }

    void wait(const std::function<bool()>& holds) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        for (source_->update(cluster); !holds(); source_->update(cluster)) {
            INFO(problems());
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            pollfd fd{.fd = source_->fd(), .events = POLLIN, .revents = 0};
            poll(&fd, 1, 50);
        }
    }
    void wait_for(const std::string& name) {
        wait([&] { return cluster.namespaces().contains(name); });
    }
    /// Lists and watches, without the question for the version.
    std::vector<ScriptedServer::Asked> asked() const {
        auto all = server_.asked();
        std::erase_if(all, [](const auto& one) { return one.target == "/version"; });
        return all;
    }
    void wait_until_asked(size_t times) {
        wait([&] { return asked().size() >= times; });
    }
    std::string problems() const {
        std::string text;
        for (const auto& problem : source_->problems())
            text += problem.text + "\n";
        return text;
    }
    KubeSource& source() { return *source_; }
    std::string url() const { return server_.url(); }

    state::Cluster cluster;

private:
    Answer answer(const std::string& target) {
        if (target == "/version") return {response("200 OK", R"({"major":"1","minor":")" + minor_ + "\"}")};
        if (next_ < answers_.size()) return answers_[next_++];
        return {stream(""), Then::kHold};
    }

    std::vector<Answer> answers_;
    std::string minor_;
    size_t next_ = 0;
    ScriptedServer server_;
    std::unique_ptr<Session> session_;
    std::optional<KubeSource> source_;
};

} // namespace bulkhead::source::kube
