// SPDX-License-Identifier: Apache-2.0
#include "servers.h"

#include <charconv>
#include <map>
#include <sstream>
#include <type_traits>
#include <utility>

#include "agent.h"
#include "base/log.h"
#include "base/metrics.h"
#include "observe/metrics.h"
#include "source/check.h"

namespace bulkhead {

namespace {

using api::Request;
using api::Response;
using observe::Json;
using namespace std::chrono_literals;

// With the loop. Explain's first question has a program verified, which takes seconds on a busy node; who probes or
// scrapes waits less, and the kubelet's next probe waits behind them.
constexpr auto kPatience = 20s, kProbePatience = 4s;

/// Who is asked, and how: on the loop's thread alone. Nothing while it starts and ends.
struct Asked {
    Loop& loop;
    std::function<Agent*()> agent;
};

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

/// What `tell` says on the loop's thread, or a 503 when that doesn't answer, because it is busy or ending. It goes from
/// one thread to another, so `tell` owns all that it uses, and what it says is a value.
template <typename Tell, typename Told = std::invoke_result_t<Tell&, Agent&>>
tl::expected<Told, Response> ask(const Asked& asked, Tell tell, std::chrono::milliseconds patience = kPatience) {
    static_assert(!std::is_pointer_v<Told> && !std::is_reference_v<Told>);
    auto told = asked.loop.call(
        [agent = asked.agent, tell = std::move(tell)]() -> tl::expected<Told, Response> {
            auto* one = agent();
            if (one == nullptr) return tl::unexpected(refusal(503, "the agent is starting"));
            return tell(*one);
        },
        patience);
    if (!told) return tl::unexpected(refusal(503, "the agent doesn't answer: it is busy or ending"));
    return std::move(*told);
}

using LoopAnswer = Response (*)(Agent&, const Request&);

Response on_loop(const Asked& asked, const Request& request, LoopAnswer answer, std::chrono::milliseconds patience) {
    auto response = ask(
        asked, [request, answer](Agent& agent) { return answer(agent, request); }, patience);
    return response ? std::move(*response) : std::move(response.error());
}

using Answer = std::function<Response(const Asked&, const Request&)>;

Answer on_loop(LoopAnswer answer) {
    return [answer](const Asked& asked, const Request& request) { return on_loop(asked, request, answer, kPatience); };
}

// What follows takes long, so the loop's thread only copies what it knows, bit by bit, and this one does the rest.

/// An edge that changes meanwhile is there as it was or as it is.
tl::expected<flow::Edges::Rows, Response> all_edges(const Asked& asked) {
    flow::Edges::Rows all;
    for (bool more = true; more;) {
        const auto last = all.empty() ? std::nullopt : std::optional(all.rbegin()->first);
        auto piece = ask(asked, [last](Agent& agent) { return agent.edges_after(last); });
        if (!piece) return piece;
        more = !piece->empty();
        all.merge(*piece);
    }
    return all;
}

Response edges(const Asked& asked, const Request&) {
    const auto edges = all_edges(asked);
    if (!edges) return edges.error();
    const auto facts = ask(asked, [](Agent& agent) { return agent.edge_facts(); });
    return facts ? json(observe::edges_view(*edges, *facts)) : facts.error();
}

Response plan(const Asked& asked, const Request& request) {
    const auto who = request.query.find("protect");
    if (who == request.query.end() || who->second.empty()) return refusal(400, "protect=NAMESPACE or TENANT is needed");
    const auto edges = all_edges(asked);
    if (!edges) return edges.error();
    auto grounds = ask(asked, [](Agent& agent) { return agent.grounds(); });
    if (!grounds) return grounds.error();
    const auto plan = observe::plan_view(*edges, std::move(*grounds), who->second);
    return plan ? json(*plan) : refusal(400, plan.error().text);
}

Response check(const Asked& asked, const Request& request) {
    std::vector<state::Problem> problems;
    auto changes = source::read_text("the change", request.body, problems);
    const auto edges = all_edges(asked);
    if (!edges) return edges.error();
    auto grounds = ask(asked, [](Agent& agent) { return agent.grounds(); });
    if (!grounds) return grounds.error();
    return json(observe::check_view(*edges, std::move(*grounds), std::move(changes), problems));
}

/// `known`: also those of which this node has no endpoint.
Response tenants(Agent& agent, const Request& request) {
    auto answer = agent.tenants();
    if (request.query.contains("known")) answer["known"] = agent.known_tenants();
    return json(answer);
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
Response conversations(const Asked& asked, const Request& request) {
    auto query = parse_conversation_query(request.parameters, std::chrono::system_clock::now());
    if (!query) return refusal(400, query.error().text);
    const auto flows = ask(asked, [](Agent& agent) { return agent.remembered_flows(); });
    if (!flows) return flows.error();
    return {.status = 200,
            .content_type = "application/x-ndjson",
            .body = "",
            .stream = std::make_shared<ConversationReader>(asked.loop, asked.agent, std::move(*query),
                                                           observe::Beginnings(*flows))};
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
Response recent_log(const Asked&, const Request&) {
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
         on_loop([](Agent& one, const Request&) { return json(observe::status_view(one.figures(), one.facts())); })},
        {"GET /v1/endpoints", on_loop([](Agent& one, const Request&) {
             return Response{.status = 200, .content_type = "application/json", .body = one.endpoints()};
         })},
        {"GET /v1/tenants", on_loop(tenants)},
        {"GET /v1/problems", on_loop([](Agent& one, const Request&) {
             return json({{"problems", observe::problems_view(one.problems())}});
         })},
        {"GET /v1/config", on_loop(config)},
        {"GET /v1/conversations", conversations},
        {"GET /v1/metrics", on_loop(scrape)},
        {"GET /v1/edges", edges},
        {"GET /v1/explain", on_loop(explain)},
        {"GET /v1/flows", on_loop(flows)},
        {"GET /v1/gate", on_loop(gate)},
        {"GET /v1/log", recent_log},
        {"GET /v1/matrix", on_loop([](Agent& one, const Request&) { return json(one.matrix()); })},
        {"GET /v1/plan", plan},
        {"POST /v1/check", check},
        {"POST /v1/overrides", on_loop(begin_override)},
        {"DELETE /v1/overrides", on_loop(end_override)},
    };
    return [asked = Asked{loop, std::move(agent)}](const Request& request) {
        const auto found = kAnswers.find(request.method + " " + request.path);
        if (found == kAnswers.end()) return refusal(404, "there is no " + request.method + " " + request.path);
        return found->second(asked, request);
    };
}

api::Handler metrics_handler(Loop& loop, std::function<Agent*()> agent, const api::Heartbeat& heartbeat) {
    return [asked = Asked{loop, std::move(agent)}, &heartbeat](const Request& request) {
        const bool health = request.path == "/healthz", ready = request.path == "/readyz";
        if (!health && !ready && request.path != "/metrics")
            return text(404, "there are /metrics, /healthz and /readyz");
        if (!heartbeat.is_fresh()) return text(503, "the agent's loop is stuck");
        if (health) return text(200, "ok");
        return on_loop(asked, request, ready ? readiness : scrape, kProbePatience);
    };
}

} // namespace bulkhead
