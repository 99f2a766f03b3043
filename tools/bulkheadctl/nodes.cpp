// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/nodes.h"

#include <algorithm>

#include <sys/resource.h>

#include "bulkheadctl/exits.h"
#include "bulkheadctl/merge.h"
#include "bulkheadctl/node_lines.h"
#include "bulkheadctl/parse_json.h"

namespace bulkhead::ctl {

namespace {

constexpr const char* kSelector = "app.kubernetes.io/name=bulkhead-agent";
constexpr const char* kContainer = "agent";
constexpr size_t kAtOnce = 32;
constexpr size_t kEverybody = 100'000;            // what is merged by time needs all of them
constexpr std::chrono::seconds kLongestPause{12}; // of an agent that is followed: it says something every 5 s
constexpr int kPatiences = 8;                     // for the whole of an answer
constexpr size_t kLongestAnswer = 64 << 20;       // bytes of it that are kept before it is read

bool follows(const Query& query) {
    return std::ranges::any_of(query, [](const auto& parameter) { return parameter.first == "follow"; });
}

std::string text_below(const Json& json, const char* pointer) {
    const Json::json_pointer place(pointer);
    return json.contains(place) && json.at(place).is_string() ? json.at(place).get<std::string>() : "";
}

/// Why it can't be one of the answers; empty = it can. What goes wrong of one node must not hide the others: it is
/// merged with itself first, as it will be with any other's.
std::string trouble_with(const std::string& path, const std::string& node, const Json& answer) {
    try {
        (void)merged(path, {{node, answer}, {node, answer}});
        return {};
    } catch (const Json::exception& error) {
        return std::string("its answer can't be read: ") + error.what();
    }
}

/// Each of `streams` takes two pipes of us.
Result<> make_room_for(size_t streams) {
    constexpr size_t kOthers = 64;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail("ask for the limit of open files", errno);
    const auto needed = static_cast<rlim_t>(2 * streams + kOthers);
    if (limit.rlim_cur >= needed) return {};
    const auto allowed = limit.rlim_max;
    limit.rlim_cur = std::min(needed, allowed);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return fail("raise the limit of open files", errno);
    if (allowed >= needed) return {};
    return fail(std::to_string(streams) + " nodes at once take " + std::to_string(needed) +
                " open files, and ulimit -Hn says " + std::to_string(allowed) + "; name some with --on-node");
}

} // namespace

Command Nodes::kubectl() const {
    Command command{"kubectl"};
    if (!options_.kubeconfig.empty()) command.push_back("--kubeconfig=" + options_.kubeconfig);
    if (!options_.context.empty()) command.push_back("--context=" + options_.context);
    command.push_back("--namespace=" + options_.ns);
    return command;
}

Result<std::string> Nodes::output_of(const Command& command) const {
    std::string text;
    Crowd one;
    one.commands = {command};
    one.patience = std::chrono::seconds(options_.patience);
    one.total = kPatiences * *one.patience;
    one.longest = kLongestAnswer;
    one.bytes = [&](size_t, std::string_view bytes) { text += bytes; };
    if (const auto why = one.run().front(); !why.empty()) return fail(why);
    return text;
}

Result<std::vector<Nodes::Agent>> Nodes::find() const {
    auto command = kubectl();
    for (const char* word : {"get", "pods", "--output=json", "--selector"})
        command.emplace_back(word);
    command.emplace_back(kSelector);
    const auto text = output_of(command);
    if (!text) return within("list the agents' pods in " + options_.ns, text.error());
    const auto json = parse_json(*text);
    if (!json || !json->is_object() || !json->contains("items") || !json->at("items").is_array())
        return fail("kubectl's list of pods is none");
    std::vector<Agent> agents;
    for (const auto& pod : json->at("items")) {
        const auto node = text_below(pod, "/spec/nodeName");
        const bool wanted = options_.nodes.empty() || std::ranges::count(options_.nodes, node) != 0;
        if (!node.empty() && wanted) agents.push_back({node, text_below(pod, "/metadata/name")});
    }
    for (const auto& node : options_.nodes)
        if (std::ranges::find(agents, node, &Agent::node) == agents.end())
            return fail("no agent's pod in " + options_.ns + " is on node \"" + node + "\"");
    if (agents.empty()) return fail("there are no agents' pods in " + options_.ns + " (" + kSelector + ")");
    std::ranges::sort(agents, {}, &Agent::node);
    return agents;
}

Crowd Nodes::crowd_of(const std::vector<Agent>& agents, const std::string& target) const {
    Crowd crowd;
    for (const auto& agent : agents) {
        auto command = kubectl();
        for (const auto& word : {std::string("exec"), agent.pod, "--container=" + std::string(kContainer),
                                 std::string("--"), std::string("bulkheadctl"), std::string("raw"), target})
            command.push_back(word);
        crowd.commands.push_back(std::move(command));
    }
    crowd.patience = std::chrono::seconds(options_.patience);
    crowd.total = kPatiences * *crowd.patience;
    crowd.at_once = kAtOnce;
    return crowd;
}

/// False: nobody answered.
bool Nodes::note(const std::vector<Agent>& agents, const std::vector<std::string>& verdicts) {
    for (size_t i = 0; i < agents.size(); ++i)
        if (!verdicts[i].empty()) failed_.insert_or_assign(agents[i].node, verdicts[i]);
    return std::ranges::any_of(verdicts, &std::string::empty);
}

Result<Json> Nodes::ask(const std::string& path, const Query& query) {
    const auto agents = find();
    if (!agents) return tl::unexpected(agents.error());
    std::vector<std::string> texts(agents->size());
    auto crowd = crowd_of(*agents, target_of(path, query));
    crowd.longest = kLongestAnswer;
    crowd.bytes = [&](size_t node, std::string_view bytes) { texts[node] += bytes; };
    size_t refusals = 0;
    crowd.exited = [&](size_t, int code) { refusals += code == kRefusal ? 1 : 0; };
    auto verdicts = crowd.run();
    const bool is_one_word = std::ranges::count(verdicts, verdicts.front()) == std::ssize(verdicts);
    if (refusals == agents->size() && is_one_word) return tl::unexpected(Error{verdicts.front(), kRefused});
    std::vector<std::pair<std::string, Json>> answers;
    for (size_t i = 0; i < agents->size(); ++i) {
        if (!verdicts[i].empty()) continue;
        auto json = parse_json(std::exchange(texts[i], {}));
        const auto& node = (*agents)[i].node;
        verdicts[i] = json && json->is_object() ? trouble_with(path, node, *json) : "what answers is no Bulkhead agent";
        if (verdicts[i].empty()) answers.emplace_back(node, std::move(*json));
    }
    if (!note(*agents, verdicts)) return fail("no node's agent answered");
    return merged(path, std::move(answers));
}

Result<> Nodes::ask_stream(const std::string& path, const Query& query, const Taker& taker) {
    const auto agents = find();
    if (!agents) return tl::unexpected(agents.error());
    const bool by_time = path == "/v1/flows";
    std::vector<std::string> names;
    for (const auto& agent : *agents)
        names.push_back(agent.node);
    NodeLines lines(std::move(names), by_time, query, taker);
    auto crowd = crowd_of(*agents, target_of(path, query));
    if (by_time) crowd.at_once = kEverybody;
    if (const auto room = make_room_for(std::min(crowd.at_once, agents->size())); !room) return room;
    crowd.wants = [&](size_t node) { return lines.wants(node); };
    crowd.enough = [&] {
        lines.give();
        return taker.enough();
    };
    crowd.wakes = taker.wakes;
    return follows(query) ? follow(*agents, std::move(crowd), lines) : read_to_end(*agents, std::move(crowd), lines);
}

Result<> Nodes::read_to_end(const std::vector<Agent>& agents, Crowd crowd, NodeLines& lines) {
    crowd.bytes = [&](size_t node, std::string_view bytes) { lines.feed(node, bytes); };
    crowd.ended = [&](size_t node, const std::string&) { lines.end(node); };
    auto verdicts = crowd.run();
    lines.finish();
    for (size_t i = 0; i < verdicts.size(); ++i)
        if (verdicts[i].empty()) verdicts[i] = lines.errors()[i];
    if (!note(agents, verdicts)) return fail("no node's agent answered");
    return {};
}

Result<> Nodes::follow(const std::vector<Agent>& agents, Crowd crowd, NodeLines& lines) {
    std::vector<std::string> verdicts(agents.size());
    bool anybody = false;
    const auto tell = [&](size_t node, const std::string& why) {
        verdicts[node] = why;
        complain(Error{agents[node].node + ": " + why}, kSomeNodes);
    };
    crowd.total.reset();
    crowd.pause = std::min(*crowd.patience, kLongestPause);
    crowd.bytes = [&](size_t node, std::string_view bytes) {
        anybody = true;
        verdicts[node].clear(); // it was silent, and isn't any more
        lines.feed(node, bytes);
    };
    crowd.ended = [&](size_t node, const std::string& why) {
        lines.end(node);
        const auto& error = why.empty() ? lines.errors()[node] : why;
        tell(node, error.empty() ? "its agent has ended the stream: it stops" : error);
    };
    crowd.silent = [&](size_t node, std::chrono::seconds length) {
        tell(node, "has said nothing for " + std::to_string(length.count()) + " s; still waiting for it");
    };
    crowd.back = [&](size_t node) { tell(node, "answers again"); };
    (void)crowd.run();
    lines.finish();
    if (note(agents, verdicts)) return {};
    if (!anybody) return fail("no node's agent answered");
    return tl::unexpected(Error{"no node's stream goes on", kBroken});
}

} // namespace bulkhead::ctl
