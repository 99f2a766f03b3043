// SPDX-License-Identifier: Apache-2.0
#include "lookups_bench.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <numeric>
#include <thread>

#include "figures.h"
#include "kernel_view.h"
#include "lookups_scene.h"

namespace bulkhead::bench {

namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr auto kLease = "/apis/coordination.k8s.io/v1/namespaces/bulkhead-system/leases/bulkhead-controller";
constexpr double kSlack = 2;     // seconds that news may take beyond the TTL, or the sweep
constexpr double kMostLost = 15; // seconds without a leader
constexpr auto kBetweenLooks = 1ms;

/// Place, scene and whoever takes part; made in this order, gone in the reverse one.
struct Stage {
    std::optional<Place> place{};
    std::unique_ptr<ApiClient> client{};
    std::unique_ptr<LookUpScene> scene{};
    std::optional<test::Process> one{}, two{};
    std::optional<Agent> agent{};
};

Result<std::optional<test::Process>> begin(const Stage& stage, const std::string& name, uint32_t interval) {
    auto process = stage.scene->controller(*stage.place, name, interval);
    if (!process) return tl::unexpected(process.error());
    return std::optional<test::Process>(std::move(*process));
}

Result<std::string> holder(ApiClient& client) {
    const auto lease = client.ask({.path = kLease, .deadline = 10s});
    if (!lease) return tl::unexpected(lease.error());
    return Json::parse(*lease).value(Json::json_pointer("/spec/holderIdentity"), "");
}

/// "one" of "one_0123abcd"; empty while there is none.
std::string leader(ApiClient& client) {
    const auto who = holder(client);
    return who ? who->substr(0, who->find('_')) : "";
}

/// Both controllers and an agent run, all is resolved, and "one" leads.
Result<std::unique_ptr<Stage>> set_up(const Account& account, uint32_t interval, bool with_agent) {
    auto stage = std::make_unique<Stage>();
    auto place = Place::create();
    if (!place) return tl::unexpected(place.error());
    stage->place.emplace(std::move(*place));
    auto client = ApiClient::create(stage->place->server().kubeconfig());
    if (!client) return tl::unexpected(client.error());
    stage->client = std::move(*client);
    const Json ns{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "bulkhead-system"}}}};
    if (auto made = stage->client->ask(post("/api/v1/namespaces", ns)); !made) return tl::unexpected(made.error());
    auto scene = LookUpScene::build(*stage->client, account);
    if (!scene) return tl::unexpected(scene.error());
    stage->scene = std::move(*scene);
    for (auto [process, name] : {std::pair(&Stage::one, "one"), {&Stage::two, "two"}}) {
        auto started = begin(*stage, name, interval);
        if (!started) return tl::unexpected(started.error());
        ((*stage).*process).emplace(std::move(**started));
        for (const auto deadline = test::after(60s); leader(*stage->client) != "one";) {
            if (test::Clock::now() > deadline) return fail("start a controller: " + stage->one->output());
            std::this_thread::sleep_for(50ms);
        }
    }
    if (with_agent) {
        setenv("AWS_ACCESS_KEY_ID", "AKIDagent", 1);        // NOLINT(concurrency-mt-unsafe): there are no threads
        setenv("AWS_SECRET_ACCESS_KEY", "secret/agent", 1); // NOLINT(concurrency-mt-unsafe)
        auto agent = Agent::start(*stage->place, stage->place->server().kubeconfig());
        if (!agent) return tl::unexpected(agent.error());
        stage->agent.emplace(std::move(*agent));
        if (auto ready = stage->agent->wait_until_ready(120s); !ready) return tl::unexpected(ready.error());
    }
    if (auto resolved = stage->scene->wait_until_resolved(*stage->client); !resolved)
        return tl::unexpected(resolved.error());
    return stage;
}

uint32_t sum_of(const std::map<std::string, uint32_t>& calls) {
    return std::accumulate(calls.begin(), calls.end(), 0U,
                           [](uint32_t sum, const auto& one) { return sum + one.second; });
}

Result<Json> measure_calls(const LookUpsOptions& options) {
    const Account account;
    auto stage = set_up(account, options.interval, true);
    if (!stage) return tl::unexpected(stage.error());
    auto& scene = *(*stage)->scene;
    if (auto forgot = scene.forget_calls(); !forgot) return tl::unexpected(forgot.error());
    std::this_thread::sleep_for(std::chrono::seconds(options.seconds));
    std::map<std::string, std::map<std::string, uint32_t>> by;
    for (const std::string who : {"", "one", "two", "agent"}) {
        auto calls = scene.calls(who);
        if (!calls) return tl::unexpected(calls.error());
        by[who] = std::move(*calls);
    }
    Json rows = Json::array();
    double expected_sum = 0;
    for (const auto& [action, expected] : expected_calls(account, options.interval)) {
        rows.push_back({{"action", action},
                        {"calls", by[""][action]},
                        {"per_hour", rounded(by[""][action] * 3600.0 / options.seconds)},
                        {"computed_per_hour", expected}});
        expected_sum += expected;
    }
    const double per_hour = sum_of(by[""]) * 3600.0 / options.seconds;
    const double one_more_look = 5.0 * options.interval / options.seconds; // one may begin just before the end
    return Json{
        {"resources", account.resources},
        {"nodes", account.nodes},
        {"interval_seconds", options.interval},
        {"seconds", options.seconds},
        {"calls", rows},
        {"per_hour", rounded(per_hour)},
        {"computed_per_hour", expected_sum},
        {"by_leader", sum_of(by["one"])},
        {"by_other_controller", sum_of(by["two"])},
        {"by_agent", sum_of(by["agent"])},
        {"met", per_hour <= expected_sum * (1 + one_more_look) && sum_of(by["two"]) == 0 && sum_of(by["agent"]) == 0}};
}

/// Changes at many moments of a period of so many seconds, spread evenly in any number of them.
void wait_in_period(uint32_t number, double period) {
    std::this_thread::sleep_for(Seconds(std::fmod(number * 0.618034, 1.0) * period));
}

Result<Json> follow(const std::string& what, uint32_t changes, double period,
                    const std::function<Result<>(Address)>& move, const std::string& network) {
    const auto kernel = KernelView::open();
    if (!kernel) return tl::unexpected(kernel.error());
    Samples delays;
    for (uint32_t i = 0; i < changes; ++i) {
        wait_in_period(i, period);
        const auto address = *Address::parse(network + std::to_string(i + 2));
        if (auto moved = move(address); !moved) return tl::unexpected(moved.error());
        const auto begin = Clock::now();
        while (!kernel->is_protected(address)) {
            if (Clock::now() - begin > Seconds(10 * period + 60))
                return fail("follow " + what + ": it isn't in the kernel");
            std::this_thread::sleep_for(kBetweenLooks);
        }
        delays.add(Seconds(Clock::now() - begin).count());
    }
    return Json{{"change", what},
                {"changes", changes},
                {"period_seconds", period},
                {"seconds_to_kernel", delays.json()},
                {"required_seconds", period + kSlack},
                {"met", delays.quantile(1) < period + kSlack}};
}

Result<Json> measure_freshness(const LookUpsOptions& options) {
    auto stage = set_up({}, options.interval, true);
    if (!stage) return tl::unexpected(stage.error());
    auto& scene = *(*stage)->scene;
    auto in_dns = follow(
        "in DNS", options.changes, LookUpScene::kTtl, [&](const Address& to) { return scene.move_name(to); },
        "172.30.0.");
    if (!in_dns) return in_dns;
    auto in_aws = follow(
        "in AWS", options.changes, options.interval, [&](const Address& to) { return scene.move_interface(to); },
        "172.31.0.");
    if (!in_aws) return in_aws;
    return Json{{"resources", Account{}.resources}, {"freshness", Json::array({*in_dns, *in_aws})}};
}

/// Kills the leader, and starts it again once the other one leads: seconds until the Lease was that one's, and until it
/// asked AWS.
Result<> end_leader(Stage& stage, uint32_t interval, Samples& led, Samples& asked) {
    const auto former = leader(*stage.client);
    const std::string next = former == "one" ? "two" : "one";
    auto& dying = former == "one" ? stage.one : stage.two;
    if (auto forgot = stage.scene->forget_calls(); !forgot) return forgot;
    dying->signal(SIGKILL);
    const auto begun = Clock::now();
    const auto passed = [&] { return Seconds(Clock::now() - begun).count(); };
    while (leader(*stage.client) != next) {
        if (passed() > 120) return fail("end the leader: nobody takes over");
        std::this_thread::sleep_for(10ms);
    }
    led.add(passed());
    for (auto calls = stage.scene->calls(next); !calls || calls->empty(); calls = stage.scene->calls(next)) {
        if (!calls) return tl::unexpected(calls.error());
        if (passed() > 120) return fail("end the leader: the next one asks nothing");
        std::this_thread::sleep_for(10ms);
    }
    asked.add(passed());
    dying.reset();
    auto again = begin(stage, former, interval);
    if (!again) return tl::unexpected(again.error());
    dying.emplace(std::move(**again));
    std::this_thread::sleep_for(10s); // for its first lists, and to see the Lease renewed
    return {};
}

Result<Json> measure_ends(const LookUpsOptions& options) {
    auto stage = set_up({}, options.interval, false);
    if (!stage) return tl::unexpected(stage.error());
    Samples led, asked;
    for (uint32_t i = 0; i < options.ends; ++i)
        if (auto ended = end_leader(**stage, options.interval, led, asked); !ended)
            return tl::unexpected(ended.error());
    return Json{{"resources", Account{}.resources}, {"ends", options.ends},
                {"seconds_to_lead", led.json()},    {"seconds_to_first_call", asked.json()},
                {"required_seconds", kMostLost},    {"met", led.quantile(1) < kMostLost}};
}

void print(const Json& json) {
    const auto number = [](const Json& from, const char* name) { return from.at(name).get<double>(); };
    for (const auto& row : json.value("calls", Json::array()))
        fmt::print("  {:<30} {:5.0f} calls, {:7.1f} an hour; computed {:7.1f}\n", row.at("action").get<std::string>(),
                   number(row, "calls"), number(row, "per_hour"), number(row, "computed_per_hour"));
    if (json.contains("calls"))
        fmt::print("{} resources, {} nodes: {:.0f} calls an hour, computed {:.0f}; by the leader {}, by the other "
                   "controller {}, by an agent {}\n",
                   number(json, "resources"), number(json, "nodes"), number(json, "per_hour"),
                   number(json, "computed_per_hour"), number(json, "by_leader"), number(json, "by_other_controller"),
                   number(json, "by_agent"));
    for (const auto& row : json.value("freshness", Json::array()))
        fmt::print("a change {}: to the kernel {:.1f} s, most {:.1f} (< {})\n", row.at("change").get<std::string>(),
                   number(row.at("seconds_to_kernel"), "p50"), number(row.at("seconds_to_kernel"), "max"),
                   number(row, "required_seconds"));
    if (json.contains("ends"))
        fmt::print("a leader that is killed: another one leads after {:.1f} s, most {:.1f} (< {}), and asks AWS after "
                   "{:.1f} s, most {:.1f}\n",
                   number(json.at("seconds_to_lead"), "p50"), number(json.at("seconds_to_lead"), "max"),
                   number(json, "required_seconds"), number(json.at("seconds_to_first_call"), "p50"),
                   number(json.at("seconds_to_first_call"), "max"));
}

} // namespace

Result<bool> measure_look_ups(const LookUpsOptions& options) {
    std::vector<Measure> measurements;
    for (const auto measure : {measure_calls, measure_freshness, measure_ends})
        measurements.emplace_back([&options, measure] { return measure(options); });
    return in_turn(measurements, print, options.json);
}

} // namespace bulkhead::bench
