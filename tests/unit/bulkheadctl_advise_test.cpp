// SPDX-License-Identifier: Apache-2.0
//
// `advise --check` in a pipeline: what isn't an answer must not pass for a good one.
#include <catch2/generators/catch_generators.hpp>

#include "bulkheadctl_agent.h"
#include "flow/edge_json.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

std::string edges_file(const Place& place, bool with_edge) {
    auto edges = nlohmann::ordered_json::array();
    if (with_edge)
        edges.push_back(flow::to_json(
            {.source = {.kind = flow::Kind::kPod, .ns = "shop", .workload = "Deployment/web", .name = {}},
             .destination = {.kind = flow::Kind::kPod, .ns = "blog", .workload = "Deployment/a", .name = {}},
             .protocol = BH_TCP,
             .port = 80,
             .verdict = BH_VERDICT_ALLOW},
            {.count = 4,
             .first = {},
             .last = {},
             .reason = BH_REASON_OPEN,
             .source_tenant = "ns/shop",
             .destination_tenant = "ns/blog",
             .destination_protected = false}));
    return place.write("seen.json", nlohmann::ordered_json{{"node", "node-a"}, {"edges", edges}}.dump());
}

std::string manifests_file(const Place& place) {
    return place.write("cluster.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
                                       "apiVersion: v1\nkind: Namespace\nmetadata: {name: blog}\n");
}

/// A change that says nothing of anybody who was seen.
std::string change_file(const Place& place) {
    return place.write("change.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: payments}\n");
}

} // namespace

TEST_CASE("a check of a tenant that nobody knows, or of nothing at all, is an error") {
    struct Row {
        const char* tenant;
        bool with_edge;
        int code;
        const char* told;
    };
    const Row rows[] = {
        {"", true, 0, "All 1 kind of traffic that were seen would pass"},
        {" --tenant ns/shop", true, 0, "All 1 kind of traffic that were seen would pass"},
        {" --tenant ns/payments", true, 0, "Nothing was seen that this change could let pass or refuse."},
        {" --tenant shop", true, 1, "bulkheadctl: nobody knows a tenant \"shop\"; did you mean ns/shop?\n"},
        {" --tenant acme", true, 1,
         "bulkheadctl: nobody knows a tenant \"acme\"; what was seen is of ns/blog, ns/shop\n"},
        {"", false, 1, "bulkheadctl: nothing was seen, so nothing can be checked\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.tenant);
        const Place place;
        const auto ended =
            in_shell("bulkheadctl advise --check " + change_file(place) + " --input-file " +
                     edges_file(place, row.with_edge) + " --manifests " + manifests_file(place) + row.tenant);
        CAPTURE(ended.output);
        CHECK(ended.code == row.code);
        CHECK(ended.output.find(row.told) != std::string::npos);
    }
}

TEST_CASE("an empty file isn't taken for one that says that nothing was seen") {
    const Place place;
    const std::string flags = GENERATE(as<std::string>(), "", " --check change.yaml");
    (void)change_file(place);
    const auto ended = in_shell("cd " + place.file("") + "; : | bulkheadctl advise --input-file -" + flags);
    CHECK(ended.code == 1);
    CHECK(ended.output == "bulkheadctl: stdin has no flow and no list of edges in it\n");
}

TEST_CASE("a check by files that aren't there, are cut off or lack something is no good one") {
    struct Row {
        const char* manifests; // nullptr = no flag
        int code;
        const char* told;
    };
    const char* whole = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
                        "apiVersion: v1\nkind: Namespace\nmetadata: {name: blog";
    const std::string odd = std::string(whole) + ", labels: {bulkhead.dev/mode: loud}}\n";
    const std::string twice = std::string(whole) + "}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    const std::string invalid = std::string(whole) + "}\n---\napiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\n"
                                                     "metadata: {name: acme}\nspec: {namespace: [blog]}\n";
    const Row rows[] = {
        {whole, 1, "is not YAML"},
        {"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", 1, "namespace blog isn't in --manifests"},
        {nullptr, 1, "namespace blog isn't in --manifests"},
        {twice.c_str(), 1, "is there twice in this file"},
        {invalid.c_str(), 1, "Tenant acme"},
        {odd.c_str(), 0, "All 1 kind of traffic"}, // what a tenant wrote badly is the agents' to tell
    };
    for (const auto& row : rows) {
        const Place place;
        std::string flags = " --input-file " + edges_file(place, true);
        if (row.manifests != nullptr) flags += " --manifests " + place.write("cluster.yaml", row.manifests);
        const auto ended = in_shell("COLUMNS=250 bulkheadctl advise --check " + change_file(place) + flags);
        CAPTURE(flags, ended.output);
        CHECK(ended.code == row.code);
        CHECK(ended.output.find(row.told) != std::string::npos);
        if (row.code != 0) CHECK(ended.output.find("All 1 kind") == std::string::npos);
    }
}

TEST_CASE("a file that can't be opened is wrong usage, whichever it is") {
    const Place place;
    const auto seen = edges_file(place, true), change = change_file(place);
    for (const std::string& flags : {std::string(" --input-file /none"), std::string(" --check /none"),
                                     " --check " + change + " --input-file /none",
                                     " --check " + change + " --input-file " + seen + " --manifests /none"}) {
        CAPTURE(flags);
        const auto ended = in_shell("bulkheadctl advise" + flags);
        CHECK(ended.code == 2);
        CHECK(ended.output == "bulkheadctl: open /none: No such file or directory\n");
    }
}

TEST_CASE("what a saved stream lacks is told, and a check of one that was cut off is no good one") {
    const auto [notice, code, told] = GENERATE(table<std::string, int, std::string>({
        {R"({"lost": 99999, "because": "the rate limit", "node": "node-a"})", 0,
         "node-a: 99999 flows are missing from here on: the rate limit"},
        {R"({"error": "the reader is too slow"})", 1, "ended early: "},
    }));
    const Place place;
    const auto flow = flow::recorded_flow(1);
    const auto file = place.write("flows", flow::recorded_flows().front() + "\n" + notice + "\n");
    const auto namespaces =
        place.write("cluster.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + flow.destination.ns +
                                        "}\n---\napiVersion: v1\nkind: "
                                        "Namespace\nmetadata: {name: " +
                                        flow.source.ns + "}\n");
    const auto advised = in_shell("bulkheadctl advise --input-file " + file);
    CHECK(advised.code == 0);
    CHECK(advised.output.find(told) != std::string::npos);
    const auto checked = in_shell("bulkheadctl advise --input-file " + file + " --manifests " + namespaces +
                                  " --check " + change_file(place));
    CAPTURE(checked.output);
    CHECK(checked.code == code);
    CHECK(checked.output.find(told) != std::string::npos);
    const auto* what = code == 0 ? "Not all was seen: 99999 flows or refused packets are missing"
                                 : "Not all was seen, so that this is no good";
    CHECK(checked.output.find(what) != std::string::npos);
    CHECK((checked.output.find("All 1 kind") != std::string::npos) == (code == 0));
}

TEST_CASE("an agent is asked which tenants it knows") {
    const Place place;
    const ScriptedAgent agent(place.file("sock"), [asked = 0](int connection) mutable {
        const std::string check = R"({"edges":[]})";
        const std::string tenants = R"({"tenants":[{"name":"payments"}]})";
        const auto& body = asked++ == 0 ? check : tenants;
        say(connection, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    const auto ended = in_shell("bulkheadctl --socket " + place.file("sock") + " advise --tenant payments --check " +
                                change_file(place));
    CHECK(ended.code == 1);
    CHECK(ended.output == "bulkheadctl: nothing was seen, so nothing can be checked\n");
    CHECK(agent.asked() == "GET /v1/tenants?known=true HTTP/1.1");
}

TEST_CASE("advice to a tenant that nobody knows is an error, to one of whom nothing was refused it isn't") {
    struct Row {
        const char* tenant;
        int code;
        const char* told;
    };
    const Row rows[] = {
        {"ns/shop", 0, "# Nothing to propose: "},  // was seen
        {"payments", 0, "# Nothing to propose: "}, // has a pod here
        {"declared", 0, "# Nothing to propose: "}, // has none
        {"paymnets", 1, "bulkheadctl: nobody knows a tenant \"paymnets\"; did you mean payments?\n"},
        {"nobody", 1, "bulkheadctl: nobody knows a tenant \"nobody\"; what was seen is of ns/blog, ns/shop\n"},
    };
    const Place place;
    const auto seen = place.read(std::filesystem::path(edges_file(place, true)).filename());
    for (const auto& row : rows) {
        CAPTURE(row.tenant);
        const Place socket;
        const ScriptedAgent agent(socket.file("sock"), [&, asked = 0](int connection) mutable {
            const std::string tenants = R"({"tenants":[{"name":"payments"}],"known":["declared"]})";
            const auto& body = asked++ == 0 ? seen : tenants;
            say(connection, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        });
        const auto ended = in_shell("bulkheadctl --socket " + socket.file("sock") + " advise --tenant " + row.tenant);
        CAPTURE(ended.output);
        CHECK(ended.code == row.code);
        CHECK(ended.output.find(row.told) != std::string::npos);
    }
    const auto file = in_shell("bulkheadctl advise --tenant shop --input-file " + place.file("seen.json"));
    CHECK(file.code == 1);
    CHECK(file.output == "bulkheadctl: nobody knows a tenant \"shop\"; did you mean ns/shop?\n");
}

TEST_CASE("the program says which version it is") {
    const auto ended = in_shell("bulkheadctl --version");
    CHECK(ended.code == 0);
    CHECK(ended.output.find('.') != std::string::npos);
}
