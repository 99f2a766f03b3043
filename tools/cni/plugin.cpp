// SPDX-License-Identifier: Apache-2.0
#include "cni/plugin.h"

#include <algorithm>
#include <iterator>
#include <ostream>
#include <thread>

#include "cni/agent_client.h"

namespace bulkhead::cni {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Between two questions. Most pods are guarded by the time of the first; whoever waits for an agent may do so calmly.
constexpr std::chrono::milliseconds kFirstPause = 5ms;
constexpr std::chrono::milliseconds kLongestPause = 250ms;
// For one answer. The agent says itself after 5 s that it is busy.
constexpr std::chrono::milliseconds kPatience = 7s;
constexpr std::chrono::milliseconds kLastPatience = 500ms; // when the time is over

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

Query question_of(const Environment& pod, const Wiring& wiring, WaitFor what) {
    return {{"namespace", pod.pod_namespace},
            {"pod", pod.pod_name},
            {"uid", pod.pod_uid},
            {"interfaces", joined(wiring.interfaces)},
            {"addresses", joined(wiring.addresses)},
            {"published", what == WaitFor::kPublished ? "true" : "false"}};
}

/// Why not; empty = open.
std::string ask(const Settings& settings, const Query& question, std::chrono::milliseconds patience = kPatience) {
    const auto answer = ask_gate(settings.socket, question, Clock::now() + patience);
    return answer ? *answer : answer.error().text;
}

/// Asks until the gate is open, or for the last time when the time is over.
std::string wait_until_open(const Settings& settings, const Query& question) {
    const auto end = Clock::now() + settings.timeout;
    for (auto pause = kFirstPause;; pause = std::min(pause * 3 / 2, kLongestPause)) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        auto why = ask(settings, question, std::clamp(left, kLastPatience, kPatience));
        const auto now = Clock::now();
        if (why.empty() || now >= end) return why;
        std::this_thread::sleep_until(std::min(now + pause, end));
    }
}

Outcome<> check_pod(const NetConf& conf, const Environment& pod, bool waits) {
    if (!conf.prev_result)
        return failure(Code::kInvalidConfig, "there is no prevResult: " + std::string(kName) +
                                                 " has to come after the plugin that makes the pod's network");
    const auto wiring = read_wiring(*conf.prev_result);
    if (!wiring) return tl::unexpected(wiring.error());
    const auto& settings = conf.settings;
    if (settings.exempt_namespaces.contains(pod.pod_namespace)) return {};
    const auto question = question_of(pod, *wiring, settings.wait_for);
    const auto why = waits ? wait_until_open(settings, question) : ask(settings, question);
    if (why.empty()) return {};
    const auto name = "pod " + pod.pod_namespace + "/" + pod.pod_name;
    if (!waits) return failure(Code::kTryAgainLater, name + " isn't guarded as it should be: " + why);
    return failure(Code::kTryAgainLater, name + " may not start yet: " + why,
                   "bulkhead asked for " + std::to_string(settings.timeout.count()) + " s on " + settings.socket);
}

Outcome<> status(const Settings& settings) {
    const auto why = ask(settings, {});
    return why.empty() ? Outcome<>{} : failure(Code::kNotAvailable, "no pod may start here: " + why);
}

Outcome<> carry_out(const Environment& environment, const std::string& input, std::ostream& out) {
    const auto& command = environment.command;
    const auto conf = read_netconf(input);
    if (!conf) return tl::unexpected(conf.error());
    if (!has_command(conf->version, command))
        return failure(Code::kIncompatibleVersion, "version " + conf->version + " of CNI has no " + command);
    if (command == "STATUS") return status(conf->settings);
    const bool is_add = command == "ADD";
    auto done = check_pod(*conf, environment, is_add);
    if (done && is_add) out << conf->prev_result->dump() << "\n";
    return done;
}

/// Of whatever was handed over, for answers; the newest that we speak if it names none.
std::string version_in(const std::string& input) {
    const auto json = Json::parse(input, nullptr, false);
    const bool has = json.is_object() && json.contains("cniVersion") && json["cniVersion"].is_string();
    return has ? json["cniVersion"].get<std::string>() : kVersions.back();
}

} // namespace

int run_plugin(const Variables& variables, std::istream& in, std::ostream& out) {
    const std::string input(std::istreambuf_iterator<char>(in), {});
    const auto environment = read_environment(variables);
    if (environment && environment->command == "VERSION")
        out << Json{{"cniVersion", version_in(input)}, {"supportedVersions", kVersions}}.dump() << "\n";
    if (environment &&
        (environment->command == "VERSION" || environment->command == "DEL" || environment->command == "GC"))
        return 0;
    const auto done = environment ? carry_out(*environment, input, out) : tl::unexpected(environment.error());
    if (done) return 0;
    Json error{{"cniVersion", version_in(input)},
               {"code", static_cast<unsigned>(done.error().code)},
               {"msg", done.error().msg}};
    if (!done.error().details.empty()) error["details"] = done.error().details;
    // What others wrote needn't be UTF-8.
    out << error.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    return 1;
}

} // namespace bulkhead::cni
