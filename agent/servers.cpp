// SPDX-License-Identifier: Apache-2.0
#include "servers.h"

#include <charconv>
#include <map>
#include <sstream>

#include "agent.h"
#include "base/log.h"
#include "base/metrics.h"
#include "observe/metrics.h"

namespace bulkhead {

namespace {

using api::Request;
using api::Response;
using observe::Json;
using namespace std::chrono_literals;

// With the loop. Explain's first question has a program verified, which takes seconds on a busy node; who probes or
// scrapes waits less, and the kubelet's next probe waits behind them.
constexpr auto kPatience = 20s, kProbePatience = 4s;

using Answer = Response (*)(Agent&, const Request&);

Response json(const Json& body, int status = 200) {
    // What users wrote needn't be UTF-8.
    return {.status = status,
            .content_type = "application/json",
            .body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

Response refusal(int status, const std::string& why) {
    return json({{"error", why}}, status);
}

Response text(int status, const std::string& body) {
    return {.status = status, .content_type = "text/plain; charset=utf-8", .body = body + "\n"};
}

Result<observe::Question> question_in(const std::map<std::string, std::string>& query) {
    observe::Question question;
    const auto value = [&](const char* name) {
        const auto found = query.find(name);
        return found == query.end() ? std::string() : found->second;
    };
    question.src = value("src");
    question.dst = value("dst");
    if (question.src.empty() || question.dst.empty()) return fail("src and dst are needed");
    if (const auto protocol = value("protocol"); !protocol.empty()) question.protocol = protocol;
    if (const auto family = value("family"); !family.empty()) {
        if (family != "4" && family != "6") return fail("family is 4 or 6");
        question.family = family == "4" ? BH_IPV4 : BH_IPV6;
    }
    if (const auto port = value("port"); !port.empty()) {
        uint16_t number = 0;
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (error != std::errc{} || end != port.data() + port.size()) return fail("\"" + port + "\" is not a port");
        question.port = number;
    }
    return question;
}

Response explain(Agent& agent, const Request& request) {
    const auto question = question_in(request.query);
    if (!question) return refusal(400, question.error().text);
    const auto explanation = agent.explain(*question);
    return explanation ? json(*explanation) : refusal(400, explanation.error().text);
}

/// Whom an override is of; empty = everybody.
Result<std::string> overridden_in(const std::map<std::string, std::string>& query) {
    const auto tenant = query.find("tenant");
    const auto all = query.find("all");
    const bool names_all = all != query.end() && all->second == "true";
    const bool names_one = tenant != query.end() && !tenant->second.empty();
    if (names_all == names_one) return fail("either a tenant or all=true is needed");
    return names_one ? tenant->second : std::string();
}

Result<std::chrono::seconds> length_in(const std::map<std::string, std::string>& query) {
    const auto found = query.find("seconds");
    const std::string text = found == query.end() ? "" : found->second;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 1)
        return fail("seconds=\"" + text + "\" is no length of time");
    if (std::chrono::seconds(number) > kLongestOverride)
        return fail("an override lasts " + std::to_string(kLongestOverride.count()) +
                    " hours at most; what is to last longer is a mode: label the namespaces, or say it in the Tenant");
    return std::chrono::seconds(number);
}

Response begin_override(Agent& agent, const Request& request) {
    const auto whom = overridden_in(request.query);
    if (!whom) return refusal(400, whom.error().text);
    const auto length = length_in(request.query);
    if (!length) return refusal(400, length.error().text);
    const auto reason = request.query.find("reason");
    if (reason == request.query.end() || reason->second.empty())
        return refusal(400, "a reason is needed: say why, for whoever finds it");
    const auto begun = agent.begin_override(*whom, *length, reason->second);
    return begun ? json(*begun) : refusal(500, begun.error().text);
}

Response end_override(Agent& agent, const Request& request) {
    const auto whom = overridden_in(request.query);
    if (!whom) return refusal(400, whom.error().text);
    const auto ended = agent.end_override(*whom);
    return ended ? json(*ended) : refusal(404, ended.error().text);
}

std::vector<std::string> words_in(const std::string& list) {
    std::vector<std::string> words;
    std::istringstream stream(list);
    for (std::string word; std::getline(stream, word, ',');)
        if (!word.empty()) words.push_back(word);
    return words;
}

Result<GateQuestion> gate_question_in(std::map<std::string, std::string> query) {
    GateQuestion question;
    const auto ns = query["namespace"], pod = query["pod"];
    if (ns.empty() != pod.empty()) return fail("namespace and pod go together");
    if (!pod.empty()) question.pod = ns + "/" + pod;
    question.uid = query["uid"];
    question.interfaces = words_in(query["interfaces"]);
    for (const auto& word : words_in(query["addresses"])) {
        const auto address = Address::parse(word);
        if (!address) return fail("\"" + word + "\" is not an address");
        question.addresses.push_back(*address);
    }
    question.published = query["published"] == "true";
    return question;
}

Response gate(Agent& agent, const Request& request) {
    const auto question = gate_question_in(request.query);
    if (!question) return refusal(400, question.error().text);
    const auto why = agent.gate(*question);
    return json(why.empty() ? Json{{"open", true}} : Json{{"open", false}, {"why", why}});
}

/// Asks on the loop's thread; 503 when it doesn't answer, because it is busy or ending.
Response on_loop(Loop& loop, const std::function<Agent*()>& agent, const Request& request, Answer answer,
                 std::chrono::milliseconds patience) {
    const auto response = loop.call(
        [agent, request, answer] {
            auto* one = agent();
            return one == nullptr ? refusal(503, "the agent is starting") : answer(*one, request);
        },
        patience);
    return response ? *response : refusal(503, "the agent doesn't answer: it is busy or ending");
}

Response plan(Agent& agent, const Request& request) {
    const auto who = request.query.find("protect");
    if (who == request.query.end() || who->second.empty()) return refusal(400, "protect=NAMESPACE or TENANT is needed");
    const auto plan = agent.plan(who->second);
    return plan ? json(*plan) : refusal(400, plan.error().text);
}

/// `known`: also those of which this node has no endpoint.
Response tenants(Agent& agent, const Request& request) {
    auto answer = agent.tenants();
    if (request.query.contains("known")) answer["known"] = agent.known_tenants();
    return json(answer);
}

Response check(Agent& agent, const Request& request) {
    return json(agent.check(request.body));
}

/// One record a line, as long as somebody reads.
Response flows(Agent& agent, const Request& request) {
    auto query = flow::parse_query(request.parameters, std::chrono::system_clock::now());
    if (!query) return refusal(400, query.error().text);
    const auto reader = agent.read_flows(std::move(*query));
    if (!reader) return refusal(503, reader.error().text);
    return {.status = 200, .content_type = "application/x-ndjson", .body = "", .stream = *reader};
}

/// One conversation a line; the loop is asked while somebody reads.
Response conversations(Loop& loop, const std::function<Agent*()>& agent, const Request& request) {
    auto query = parse_conversation_query(request.parameters, std::chrono::system_clock::now());
    if (!query) return refusal(400, query.error().text);
    return {.status = 200,
            .content_type = "application/x-ndjson",
            .body = "",
            .stream = std::make_shared<ConversationReader>(loop, agent, std::move(*query))};
}

Response scrape(Agent& agent, const Request&) {
    return {.status = 200,
            .content_type = metrics::kContentType,
            .body = observe::render(agent.figures()) + metrics::text_of(agent.look_up_metrics())};
}

Response config(Agent& agent, const Request&) {
    return json({{"options", agent.options_in_force()}});
}

/// The loop isn't asked: it may be what is stuck.
Response recent_log() {
    std::string lines;
    for (const auto& line : log::recent())
        lines += line;
    return {.status = 200, .content_type = "text/plain; charset=utf-8", .body = std::move(lines)};
}

Response readiness(Agent& agent, const Request&) {
    return agent.ready() ? text(200, "ready") : text(503, "not ready: see bulkheadctl status");
}

} // namespace

api::Handler control_handler(Loop& loop, std::function<Agent*()> agent) {
    static const std::map<std::string, Answer> kAnswers{
        {"GET /v1/status",
         [](Agent& one, const Request&) { return json(observe::status_view(one.figures(), one.facts())); }},
        {"GET /v1/endpoints",
         [](Agent& one, const Request&) {
             return Response{.status = 200, .content_type = "application/json", .body = one.endpoints()};
         }},
        {"GET /v1/tenants", tenants},
        {"GET /v1/problems",
         [](Agent& one, const Request&) {
             return json({{"problems", observe::problems_view(one.problems())}});
         }},
        {"GET /v1/config", config},
        {"GET /v1/metrics", scrape},
        {"GET /v1/edges", [](Agent& one, const Request&) { return json(one.edges()); }},
        {"GET /v1/explain", explain},
        {"GET /v1/flows", flows},
        {"GET /v1/gate", gate},
        {"GET /v1/matrix", [](Agent& one, const Request&) { return json(one.matrix()); }},
        {"GET /v1/plan", plan},
        {"POST /v1/check", check},
        {"POST /v1/overrides", begin_override},
        {"DELETE /v1/overrides", end_override},
    };
    return [&loop, agent = std::move(agent)](const Request& request) {
        const auto asked = request.method + " " + request.path;
        if (asked == "GET /v1/log") return recent_log();
        if (asked == "GET /v1/conversations") return conversations(loop, agent, request);
        const auto found = kAnswers.find(asked);
        if (found == kAnswers.end()) return refusal(404, "there is no " + asked);
        return on_loop(loop, agent, request, found->second, kPatience);
    };
}

api::Handler metrics_handler(Loop& loop, std::function<Agent*()> agent, const api::Heartbeat& heartbeat) {
    return [&loop, agent = std::move(agent), &heartbeat](const Request& request) {
        const bool health = request.path == "/healthz", ready = request.path == "/readyz";
        if (!health && !ready && request.path != "/metrics")
            return text(404, "there are /metrics, /healthz and /readyz");
        if (!heartbeat.is_fresh()) return text(503, "the agent's loop is stuck");
        if (health) return text(200, "ok");
        return on_loop(loop, agent, request, ready ? readiness : scrape, kProbePatience);
    };
}

} // namespace bulkhead
