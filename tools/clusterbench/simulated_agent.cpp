// SPDX-License-Identifier: Apache-2.0
#include "simulated_agent.h"

#include <algorithm>

#include "source/kube/resource.h"

namespace bulkhead::bench {

namespace {

constexpr auto kDaemonNamespace = "load-0";

} // namespace

Result<std::unique_ptr<SimulatedAgent>> SimulatedAgent::create(const source::kube::Access& access, uint32_t number,
                                                               const Population& population) {
    std::unique_ptr<SimulatedAgent> agent(new SimulatedAgent(number, population));
    auto session = source::kube::Session::create(access, number);
    if (!session) return tl::unexpected(session.error());
    agent->session_ = std::move(*session);
    auto& shared = *agent->session_;
    for (auto& resource : source::kube::agent_resources(node_name(number)))
        agent->reflectors_.push_back(std::make_unique<source::kube::Reflector>(
            std::move(resource), shared.client(), shared.credentials(), agent->ignore_, shared.next_seed()));
    agent->publisher_ = std::make_unique<publish::Publisher>(shared, node_name(number));
    for (uint32_t slice = 0; slice < population.slices_per_node(); ++slice)
        agent->slices_.push_back(slice_object(population, number, slice));
    agent->publish();
    return agent;
}

void SimulatedAgent::work() {
    session_->work();
    const auto now = Clock::now();
    for (auto& reflector : reflectors_) {
        reflector->tick(now);
        if (const auto at = reflector->wakes_at()) session_->wake_by(*at);
    }
    if (synced()) publisher_->tick(now);
}

bool SimulatedAgent::synced() const {
    return std::ranges::all_of(reflectors_, [](const auto& one) { return one->synced(); });
}

uint64_t SimulatedAgent::events() const {
    uint64_t sum = 0;
    for (const auto& reflector : reflectors_)
        sum += reflector->hearing().events;
    return sum;
}

std::string SimulatedAgent::trouble() const {
    for (const auto& reflector : reflectors_)
        if (!reflector->error().empty()) return reflector->error();
    for (const auto& reflector : reflectors_)
        if (!reflector->synced()) return reflector->resource().name + " is not listed yet";
    return publisher_->error();
}

bool SimulatedAgent::remove_pod(uint32_t slice) {
    auto& endpoints = slices_[slice]["spec"]["endpoints"];
    if (endpoints.size() < 2) return false;
    endpoints.erase(endpoints.size() - 1);
    return true;
}

void SimulatedAgent::add_pod(uint32_t slice, uint32_t pod) {
    auto& spec = slices_[slice]["spec"];
    spec["endpoints"].push_back(endpoint_object(spec["endpoints"][0]["namespace"], pod));
}

void SimulatedAgent::run_daemon(uint32_t pod) {
    daemon_ = slice_object(population_, number_, 0);
    daemon_["metadata"]["name"] = node_name(number_) + "-daemon";
    daemon_["spec"]["endpoints"] = Json::array({endpoint_object(kDaemonNamespace, pod)});
}

void SimulatedAgent::stop_daemon() {
    daemon_ = nullptr;
}

void SimulatedAgent::publish() {
    publish::Slices wanted;
    for (const auto& slice : slices_)
        wanted[slice["metadata"]["name"]] = slice.dump();
    if (!daemon_.is_null()) wanted[daemon_["metadata"]["name"]] = daemon_.dump();
    publisher_->set_wanted(std::move(wanted));
}

} // namespace bulkhead::bench
