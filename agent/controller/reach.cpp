// SPDX-License-Identifier: Apache-2.0
#include "controller/reach.h"

#include <algorithm>

namespace bulkhead::controller {

namespace {

Json port_of(const ServicePort& port) {
    Json json{{"protocol", port.protocol}};
    if (port.target != 0)
        json["port"] = port.target;
    else
        json["port"] = port.target_name;
    return json;
}

/// A Service without a selector stands for endpoints that somebody else keeps: no pods that could be named.
std::optional<Json> entry_of(const Callee& callee, const Kept<ServiceFacts>& services) {
    const auto* service = services.find(callee.ns + "/" + callee.service);
    if (service == nullptr || service->selector.empty()) return std::nullopt;
    const auto port = std::ranges::find_if(service->ports, [&](const ServicePort& one) {
        return one.port == callee.port && one.protocol == "TCP"; // HTTPS; 443 may be there as UDP too
    });
    if (port == service->ports.end()) return std::nullopt;
    return Json{{"namespace", callee.ns},
                {"service", callee.service},
                {"selector", service->selector},
                {"ports", {port_of(*port)}}};
}

} // namespace

std::set<Callee> callees_in(const Observed& observed) {
    std::set<Callee> callees;
    for (const auto* kept :
         {&observed.validating_webhooks, &observed.mutating_webhooks, &observed.api_services, &observed.conversions})
        for (const auto& [name, some] : kept->all())
            callees.insert(some.begin(), some.end());
    return callees;
}

Json reach_of(const std::set<Callee>& callees, const Kept<ServiceFacts>& services) {
    Json entries = Json::array();
    for (const auto& callee : callees)
        if (auto entry = entry_of(callee, services)) entries.push_back(std::move(*entry));
    return {{"kubeApiserver", std::move(entries)}};
}

} // namespace bulkhead::controller
