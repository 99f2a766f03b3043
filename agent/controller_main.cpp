// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-controller: options and wiring only.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "api/heartbeat.h"
#include "api/http_server.h"
#include "common_options.h"
#include "controller/controller.h"
#include "look_up_options.h"

namespace {

using namespace bulkhead;
using namespace std::chrono_literals;

constexpr auto kHeartbeatPeriod = 1s;
constexpr auto kPatience = 5s;   // of whoever asks
constexpr auto kLastResort = 3s; // for the lead to be given up
enum ExitCode : int { kDone = 0, kFailed = 1, kWrongUsage = 2 };

struct Options {
    KubeOptions kube;
    LogOptions log;
    std::string ns;
    std::string name;
    std::string metrics_address = ":9811";
    compile::Settings policy;
    resolve::Settings look_ups;
    bool grant_load_balancers = false;
};

std::string environment(const char* name, const std::string& otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? otherwise : value;
}

std::string hostname() {
    char name[256] = {};
    gethostname(name, sizeof name - 1);
    return name;
}

/// Whoever is started again is another one: it must not take what it held before for still its own.
std::string unique(const std::string& name) {
    char suffix[16] = {};
    std::snprintf(suffix, sizeof suffix, "_%08x", std::random_device{}());
    return name + suffix;
}

std::optional<int> parse(int argc, char** argv, Options& options) {
    options.ns = environment("POD_NAMESPACE", "bulkhead-system");
    options.name = environment("POD_NAME", hostname());
    PolicyOptions policy;
    CLI::App app("Does what a cluster needs once: status, Events, nodes without an agent, addresses of AWSResources.",
                 "bulkhead-controller");
    app.footer("Exit codes: 0 done; 1 failed; 2 wrong usage.");
    app.set_version_flag("--version", BULKHEAD_VERSION);
    app.set_config("--config", "", "the agents' file: what it says of policy, look-ups and log counts here too")
        ->option_text("FILE");
    app.allow_config_extras(CLI::config_extras_mode::ignore_all); // of the agents' own, which those check
    options.kube.add_to(app);
    app.add_option("--namespace", options.ns, "the agents' and its own")->capture_default_str();
    app.add_option("--name", options.name, "who it is among several controllers")->capture_default_str();
    app.add_option("--metrics-address", options.metrics_address, "[HOST]:PORT; empty = none")
        ->capture_default_str()
        ->configurable(false); // the agents' is another one
    app.add_flag("--grant-load-balancers", options.grant_load_balancers,
                 "makes AccessGrants of what TargetGroupBindings of the AWS Load Balancer Controller name")
        ->configurable(false); // it needs rights that the base doesn't give: the component load-balancers is both
    policy.add_to(app);
    LookUpOptions look_ups;
    look_ups.add_to(app);
    options.log.add_to(app);
    try {
        app.parse(reversed_arguments(argc, argv));
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongUsage;
    }
    auto valid = policy.take(options.policy);
    if (valid) valid = look_ups.take(options.look_ups);
    if (valid) valid = options.kube.check();
    if (valid) return std::nullopt;
    std::cerr << "bulkhead-controller: " << valid.error().text << "\n";
    return kWrongUsage;
}

api::Response text(int status, const std::string& body) {
    return {.status = status, .content_type = "text/plain; charset=utf-8", .body = body + "\n"};
}

api::Response answer(const controller::Controller& controller, const std::string& path) {
    if (path == "/readyz")
        return controller.ready() ? text(200, "ready") : text(503, "not ready: the log says what is missing");
    return {.status = 200, .content_type = metrics::kContentType, .body = metrics::text_of(controller.metrics())};
}

api::Handler handler(Loop& loop, controller::Controller& controller, const api::Heartbeat& heartbeat) {
    return [&loop, &controller, &heartbeat](const api::Request& request) {
        if (request.path == "/healthz")
            return heartbeat.is_fresh() ? text(200, "ok") : text(503, "the controller's loop is stuck");
        if (request.path != "/readyz" && request.path != "/metrics")
            return text(404, "there are /metrics, /healthz and /readyz");
        const auto response =
            loop.call([&controller, path = request.path] { return answer(controller, path); }, kPatience);
        return response ? *response : text(503, "the controller doesn't answer: it is busy or ending");
    };
}

Result<> run(const Options& options) {
    const auto access = options.kube.access();
    if (!access) return tl::unexpected(access.error());
    auto created = Loop::create();
    if (!created) return tl::unexpected(created.error());
    Loop& loop = **created;
    std::unique_ptr<controller::Controller> controller;
    std::unique_ptr<Timer> last_resort;
    const auto end = [&](int) {
        if (!controller) return loop.stop();
        last_resort->arm_in(kLastResort);
        controller->resign([&loop] { loop.stop(); });
    };
    if (auto signals = loop.on_signals({SIGTERM, SIGINT}, end); !signals) return signals;
    api::Heartbeat heartbeat;
    auto pulse = loop.timer([&heartbeat] { heartbeat.beat(); });
    auto resort = loop.timer([&loop] { loop.stop(); });
    for (const auto* timer : {&pulse, &resort})
        if (!*timer) return tl::unexpected(timer->error());
    (*pulse)->arm_every(kHeartbeatPeriod);
    last_resort = std::move(*resort);

    auto made = controller::Controller::create(loop, *access,
                                               {.ns = options.ns,
                                                .name = unique(options.name),
                                                .policy = options.policy,
                                                .look_ups = options.look_ups,
                                                .grant_load_balancers = options.grant_load_balancers});
    if (!made) return tl::unexpected(made.error());
    controller = std::move(*made);
    std::unique_ptr<api::HttpServer> server;
    if (!options.metrics_address.empty()) {
        auto listening = api::HttpServer::on_tcp(options.metrics_address, handler(loop, *controller, heartbeat));
        if (!listening) return tl::unexpected(listening.error());
        server = std::move(*listening);
    }
    spdlog::info("follows {}", access->server);
    return loop.run();
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    if (const auto exit_code = parse(argc, argv, options)) return *exit_code;
    std::signal(SIGPIPE, SIG_IGN);
    if (auto log = log::set_up(options.log.level, options.log.format); !log) {
        std::fprintf(stderr, "bulkhead-controller: %s\n", log.error().text.c_str());
        return kWrongUsage;
    }
    const auto done = run(options);
    if (done) return kDone;
    spdlog::critical("{}", done.error().text);
    return kFailed;
}
