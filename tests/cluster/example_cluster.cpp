// SPDX-License-Identifier: Apache-2.0
#include "example_cluster.h"

#include <fstream>

#include "matrix/report.h"
#include "source/check.h"

namespace bulkhead::test {

namespace {

constexpr int kFirstNumber = 20;
constexpr auto kSettleLimit = 90s; // a matrix takes seconds on a busy machine

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

std::pair<std::string, std::string> split(const std::string& name) {
    const auto slash = name.find('/');
    return {name.substr(0, slash), name.substr(slash + 1)};
}

std::string owner_of(const Json& workload) {
    return workload.at("metadata").at("namespace").get<std::string>() + "/" +
           workload.at("metadata").at("name").get<std::string>();
}

const matrix::Cell* find(const std::vector<matrix::Cell>& cells, const ExpectedCell& wanted, uint8_t family) {
    for (const matrix::Cell& cell : cells)
        if (cell.route.src->name == wanted.from && cell.route.dst->name == wanted.to &&
            cell.route.port == wanted.port && cell.route.protocol == BH_TCP && cell.route.family == family)
            return &cell;
    return nullptr;
}

void check_by_hand(const std::vector<matrix::Cell>& cells, const std::vector<ExpectedCell>& by_hand) {
    for (const ExpectedCell& wanted : by_hand) {
        INFO(wanted.from << " to " << wanted.to << ":" << wanted.port);
        const matrix::Cell* cell = find(cells, wanted, BH_IPV4);
        REQUIRE(cell != nullptr);
        CHECK(cell->is_open() == wanted.open);
        if (cell->route.dst->kind != matrix::Place::Kind::kPod) continue; // the resources have IPv4 CIDRs only
        cell = find(cells, wanted, BH_IPV6);
        REQUIRE(cell != nullptr);
        CHECK(cell->is_open() == wanted.open);
    }
}

} // namespace

ExampleCluster::ExampleCluster(Example example)
    : example_(std::move(example)), agent_a_(start(kNodeA)),
      agent_b_(start(kNodeB)), next_number_{{kNodeA, kFirstNumber}, {kNodeB, kFirstNumber}} {
    oracle_settings_.tenant_sources = {example_.tenant_sources.begin(), example_.tenant_sources.end()};
    play_resources();
    kubectl({"apply", "-f", BULKHEAD_MANIFESTS "/examples/" + example_.directory});
    play_workloads();
}

AgentProcess ExampleCluster::start(const std::string& node) const {
    auto options = cluster_.agent_options();
    options.more = {"--tenant-sources", joined(example_.tenant_sources)};
    return AgentProcess::start(cluster_.net(), cluster_.net().node(node), options);
}

/// The examples give each of them sixteen addresses.
void ExampleCluster::play_resources() {
    int last = 0;
    for (const auto& name : example_.resources) {
        const std::string host = std::to_string(last + 10);
        cluster_.net().resource(name, "10.0.200." + host, "fd00:10:0:200::" + host);
        last += 16;
    }
    if (example_.instance_metadata) cluster_.net().resource("instance-metadata", "169.254.169.254", "fd00:ec2::254");
    cluster_.net().resource("internet", "203.0.113.10", "2001:db8::10");
}

void ExampleCluster::play_workloads() {
    const Json workloads = object(cluster_.server(), {"deployments,jobs", "-A"});
    std::string node = kNodeA;
    for (const Json& workload : workloads.at("items")) {
        const std::string owner = owner_of(workload);
        templates_[owner] = workload.at("spec").at("template");
        const int count = workload.at("kind") == "Deployment" ? workload.at("spec").at("replicas").get<int>() : 1;
        for (int i = 0; i < count; ++i) {
            run(owner, node);
            node = node == kNodeA ? kNodeB : kNodeA;
        }
    }
    REQUIRE(pods_.size() > 5);
}

Json ExampleCluster::pod_object(const std::string& owner, const std::string& name, const std::string& node) const {
    Json pod = templates_.at(owner);
    pod["apiVersion"] = "v1";
    pod["kind"] = "Pod";
    pod["metadata"].erase("creationTimestamp");
    pod["metadata"]["namespace"] = split(owner).first;
    pod["metadata"]["name"] = split(name).second;
    pod["spec"]["nodeName"] = node;
    return pod;
}

const Place& ExampleCluster::run(const std::string& owner, const std::string& node, int number) {
    const std::string name = owner + "-" + std::to_string(next_name_[owner]++);
    if (number == 0) number = next_number_.at(node)++;
    put(pod_object(owner, name, node).dump());
    Place place = cluster_.net().wire(node, name, number);
    return pods_.emplace(name, Played{std::move(place), number}).first->second.place;
}

int ExampleCluster::end(const std::string& pod) {
    const auto [ns, name] = split(pod);
    const int number = pods_.at(pod).number;
    cluster_.net().unwire(pods_.at(pod).place);
    kubectl({"-n", ns, "delete", "pod", name, "--force", "--grace-period=0"});
    pods_.erase(pod);
    return number;
}

std::vector<state::Object> ExampleCluster::objects() const {
    const auto file = cluster_.net().directory() / "what-kubectl-gets.json";
    std::ofstream(file) << kubectl({"get", "-A", "-o", "json",
                                    "nodes,namespaces,pods,services,tenants.bulkhead.dev,accessgrants.bulkhead.dev,"
                                    "awsresources.bulkhead.dev"});
    std::vector<state::Problem> problems;
    auto objects = source::read_all({file}, problems);
    for (const auto& problem : problems)
        FAIL(problem.object << " " << problem.field << ": " << problem.text);
    for (state::Object& object : objects)
        if (auto* pod = std::get_if<state::Pod>(&object)) {
            const Place& place = pods_.at(pod->ns + "/" + pod->name).place;
            pod->ips = {place.ip4, place.ip6};
        }
    return objects;
}

matrix::Scene ExampleCluster::scene(const std::vector<state::Object>& objects) const {
    auto scene = require(matrix::read_scene(cluster_.net().listing(), objects));
    std::erase_if(scene.places, [](const matrix::Place& place) { return place.name == "api-server"; });
    return scene;
}

void ExampleCluster::check_matrix(const std::vector<ExpectedCell>& by_hand) {
    const auto objects = this->objects();
    const auto scene = this->scene(objects);
    const auto expectation = matrix::expect_rule(objects, oracle_settings_);
    std::vector<matrix::Cell> cells;
    const bool settled = wait_until(
        [&] {
            cells = require(matrix::measure(scene, expectation));
            return matrix::summarize(scene, cells).differences.empty();
        },
        after(kSettleLimit));
    INFO(matrix::summary_text(scene, matrix::summarize(scene, cells), false));
    CHECK(settled);
    check_by_hand(cells, by_hand);
}

} // namespace bulkhead::test
