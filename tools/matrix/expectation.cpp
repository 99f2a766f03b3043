// SPDX-License-Identifier: Apache-2.0
#include "matrix/expectation.h"

#include <chrono>
#include <memory>

namespace bulkhead::matrix {

namespace {

/// As the oracle finds it. What lies outside may have a name that the manifests don't know.
std::string party_of(const Place& place, uint8_t family) {
    const auto address = place.address(family);
    return place.kind == Place::Kind::kOutside && address ? address->text() : place.name;
}

} // namespace

Expectation expect_rule(const std::vector<state::Object>& objects, const test::OracleSettings& settings) {
    const auto oracle = std::make_shared<const test::Oracle>(objects, settings);
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return [oracle, now](const Route& route) -> Result<Expected> {
        // Bulkhead judges what pods send and receive, and nobody else.
        const auto is_pod = [](const Place& place) { return place.kind == Place::Kind::kPod; };
        if (!is_pod(*route.src) && !is_pod(*route.dst)) return Expected{.open = true, .line = "unguarded"};
        test::Question question;
        question.src = party_of(*route.src, route.family);
        question.dst = party_of(*route.dst, route.family);
        question.protocol = route.protocol;
        question.port = route.port;
        question.family = route.family;
        question.time = now;
        const auto answer = oracle->ask(question);
        if (!answer) return tl::unexpected(answer.error());
        return Expected{.open = answer->verdict != test::Verdict::kDeny, .line = answer->line};
    };
}

Expectation expect_open() {
    return [](const Route&) -> Result<Expected> { return Expected{.open = true, .line = "unguarded"}; };
}

} // namespace bulkhead::matrix
