// SPDX-License-Identifier: Apache-2.0
#include "delay_bench.h"

#include <poll.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <list>

#include "delay_scene.h"
#include "figures.h"

namespace bulkhead::bench {

namespace {

using namespace std::chrono_literals;

constexpr double kRequiredP99 = 20; // ms from the server's answer
constexpr timespec kBetweenLooks{.tv_sec = 0, .tv_nsec = 100'000};
constexpr auto kPatience = 10s;

/// Milliseconds of one kind of change.
struct Delays {
    Samples request;  // from the request to the server's answer
    Samples answer;   // from the answer to the kernel; an event may be quicker than its answer: then 0
    Samples together; // from the request to the kernel
};

struct UnderWay {
    size_t kind;
    Clock::time_point sent;
    std::optional<Clock::time_point> answered{};
    std::optional<Clock::time_point> seen{};
    std::string refused{};
    std::function<bool()> is_there;
};

class Run {
public:
    Run(ApiClient& client, DelayScene& scene, const DelayOptions& options)
        : client_(client), scene_(scene), options_(options), delays_(DelayScene::kinds().size()) {}

    Result<std::vector<Delays>> run() {
        const uint32_t count = options_.changes_per_second * options_.seconds;
        const auto step = std::chrono::nanoseconds(1s) / options_.changes_per_second;
        auto next = Clock::now();
        for (uint32_t sent = 0; sent < count || !under_way_.empty();) {
            if (sent < count && Clock::now() >= next) {
                if (auto started = start(sent++ % delays_.size()); !started) return tl::unexpected(started.error());
                next += step;
            }
            if (auto looked = look(); !looked) return tl::unexpected(looked.error());
            pollfd readable{.fd = client_.fd(), .events = POLLIN, .revents = 0};
            ppoll(&readable, 1, &kBetweenLooks, nullptr);
            client_.work();
        }
        return std::move(delays_);
    }

private:
    Result<> start(size_t kind) {
        auto change = scene_.next(kind);
        auto& one = under_way_.emplace_back(
            UnderWay{.kind = kind, .sent = Clock::now(), .is_there = std::move(change.is_there)});
        return client_.send(change.request, [&one](const ApiClient::Answer& answer) {
            one.answered = answer.at;
            if (!answer.good()) one.refused = answer.text();
        });
    }

    Result<> look() {
        for (auto one = under_way_.begin(); one != under_way_.end();) {
            if (!one->seen && one->is_there()) one->seen = Clock::now();
            if (!one->refused.empty()) return fail("change something: " + one->refused);
            if (Clock::now() - one->sent > kPatience)
                return fail("change " + DelayScene::kinds()[one->kind].name + ": it doesn't reach the kernel");
            if (!one->seen || !one->answered) {
                ++one;
                continue;
            }
            note(*one);
            one = under_way_.erase(one);
        }
        return {};
    }

    void note(const UnderWay& one) {
        auto& delays = delays_[one.kind];
        delays.request.add(milliseconds(*one.answered - one.sent));
        delays.answer.add(std::max(0.0, milliseconds(*one.seen - *one.answered)));
        delays.together.add(milliseconds(*one.seen - one.sent));
    }

    ApiClient& client_;
    DelayScene& scene_;
    const DelayOptions& options_;
    std::list<UnderWay> under_way_;
    std::vector<Delays> delays_;
};

Result<Json> measure(const DelayOptions& options, uint32_t pods) {
    auto place = Place::create();
    if (!place) return tl::unexpected(place.error());
    auto client = ApiClient::create(place->server().kubeconfig());
    if (!client) return tl::unexpected(client.error());
    if (auto built = DelayScene::build(*place, **client, {.pods = pods}); !built) return tl::unexpected(built.error());
    auto agent = Agent::start(*place, place->server().kubeconfig());
    if (!agent) return tl::unexpected(agent.error());
    if (auto ready = agent->wait_until_ready(120s); !ready) return tl::unexpected(ready.error());
    const auto kernel = KernelView::open();
    if (!kernel) return tl::unexpected(kernel.error());
    DelayScene scene(*kernel);
    const auto cpu = cpu_seconds(agent->pid());
    auto delays = Run(**client, scene, options).run();
    if (!delays) return tl::unexpected(delays.error());
    const auto cpu_after = cpu_seconds(agent->pid());

    Json rows = Json::array();
    for (size_t kind = 0; kind < delays->size(); ++kind) {
        const auto& one = (*delays)[kind];
        rows.push_back({{"change", DelayScene::kinds()[kind].name},
                        {"changes", one.answer.count()},
                        {"request_to_answer_ms", one.request.json()},
                        {"answer_to_kernel_ms", one.answer.json()},
                        {"request_to_kernel_ms", one.together.json()},
                        {"met", one.answer.quantile(0.99) < kRequiredP99}});
    }
    return Json{{"pods", pods},
                {"changes_per_second", options.changes_per_second},
                {"agent_cpu_share", (*cpu_after - *cpu) / options.seconds},
                {"delays", rows}};
}

void print(const Json& json) {
    fmt::print("{} pods on other nodes, {} changes a second; the agent takes {:.0f} % of a CPU\n",
               json["pods"].get<uint32_t>(), json["changes_per_second"].get<uint32_t>(),
               100 * json["agent_cpu_share"].get<double>());
    for (const auto& row : json["delays"]) {
        const auto part = [&](const char* name, const char* quantile) { return row[name][quantile].get<double>(); };
        fmt::print("  {:<20} answer {:6.1f} ms, p99 {:6.1f}; then to the kernel {:6.1f} ms, p99 {:6.1f} (< {}), most "
                   "{:6.1f}  {}\n",
                   row["change"].get<std::string>(), part("request_to_answer_ms", "p50"),
                   part("request_to_answer_ms", "p99"), part("answer_to_kernel_ms", "p50"),
                   part("answer_to_kernel_ms", "p99"), kRequiredP99, part("answer_to_kernel_ms", "max"),
                   row["met"].get<bool>() ? "ok" : "missed");
    }
}

} // namespace

Result<bool> measure_delay(const DelayOptions& options) {
    std::vector<Measure> measurements;
    for (const uint32_t pods : options.pods)
        measurements.emplace_back([&options, pods] { return measure(options, pods); });
    return in_turn(measurements, print, options.json);
}

} // namespace bulkhead::bench
