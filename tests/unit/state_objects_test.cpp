// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "state/pool.h"

namespace bulkhead::state {
namespace {

using Op = Selector::Term::Op;

TEST_CASE("a selector term matches as Kubernetes says") {
    const Labels labels{{"app", "web"}, {"tier", "front"}};
    struct Row {
        const char* what;
        Selector::Term term;
        bool matches;
    };
    const std::vector<Row> rows{
        {"In with the value", {"app", Op::kIn, {"api", "web"}}, true},
        {"In with other values", {"app", Op::kIn, {"api"}}, false},
        {"In of an absent label", {"zone", Op::kIn, {"web"}}, false},
        {"NotIn with the value", {"app", Op::kNotIn, {"web"}}, false},
        {"NotIn with other values", {"app", Op::kNotIn, {"api"}}, true},
        {"NotIn of an absent label", {"zone", Op::kNotIn, {"web"}}, true},
        {"Exists", {"tier", Op::kExists, {}}, true},
        {"Exists of an absent label", {"zone", Op::kExists, {}}, false},
        {"DoesNotExist", {"tier", Op::kDoesNotExist, {}}, false},
        {"DoesNotExist of an absent label", {"zone", Op::kDoesNotExist, {}}, true},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        CHECK(Selector{{row.term}}.matches(labels) == row.matches);
    }
}

TEST_CASE("terms are ANDed, and none of them match everything") {
    const Labels labels{{"app", "web"}};
    CHECK(Selector{}.matches(labels));
    CHECK(Selector{}.matches({}));
    CHECK_FALSE(Selector{{{"app", Op::kIn, {"web"}}, {"tier", Op::kExists, {}}}}.matches(labels));
}

TEST_CASE("an object is named by kind, namespace and name") {
    AccessGrant grant;
    grant.meta = {.name = "reports", .ns = "payments", .origin = "", .created = {}};
    CHECK(key_of(grant).text() == "AccessGrant payments/reports");
    AwsResource resource;
    resource.meta.name = "aurora";
    CHECK(key_of(resource).text() == "AWSResource aurora");
}

PodTemplate labelled(const std::string& app) {
    PodTemplate value;
    value.labels = {{"app", app}};
    return value;
}

TEST_CASE("equal templates and texts are shared") {
    Pool pool;
    const auto first = pool.share(labelled("web"));
    CHECK(pool.share(labelled("web")) == first);
    CHECK(pool.share(labelled("api")) != first);
    const auto text = pool.share("node-a");
    CHECK(&pool.share(std::string("node-a")).str() == &text.str());
}

TEST_CASE("templates that nobody uses are freed") {
    Pool pool;
    const auto kept = pool.share(labelled("kept"));
    std::weak_ptr<const PodTemplate> dropped = pool.share(labelled("dropped"));
    for (int i = 0; i < 1000; ++i)
        pool.share(labelled(std::to_string(i)));
    CHECK(dropped.expired());
    CHECK(pool.templates() < 200);
    CHECK(pool.share(labelled("kept")) == kept);
}

} // namespace
} // namespace bulkhead::state
