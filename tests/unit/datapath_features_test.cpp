// SPDX-License-Identifier: Apache-2.0
#include "datapath/features.h"

#include <catch2/catch_test_macros.hpp>
#include <set>

using namespace bulkhead;
using namespace bulkhead::datapath;

namespace {

constexpr const char* kRelease = "5.4.0-150";

Features everything() {
    Features features;
    for (const Feature& feature : kFeatures)
        features.*feature.present = true;
    return features;
}

Features without(bool Features::*missing) {
    Features features = everything();
    features.*missing = false;
    return features;
}

Error refusal(const Features& features) {
    const auto checked = check(features, kRelease);
    REQUIRE_FALSE(checked);
    return checked.error();
}

bool says(const std::string& text, const std::string& part) {
    INFO(text);
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a kernel with everything will do, and so will one with clsact and without types of its own") {
    CHECK(check(everything(), kRelease));
    CHECK(check(without(&Features::tcx), kRelease));
    CHECK(check(without(&Features::btf), kRelease));
}

TEST_CASE("whatever else is missing is said in one line, with the kernel's release where another one is needed") {
    for (const Feature& feature : kFeatures) {
        if (feature.lack == Lack::kHarmless) continue;
        INFO(feature.name);
        const Error error = refusal(without(feature.present));
        CHECK(error.text.find('\n') == std::string::npos);
        CHECK(error.code == (feature.lack == Lack::kForbidden ? EPERM : EOPNOTSUPP));
        CHECK(says(error.text, kRelease) == (feature.lack == Lack::kUnfit));
        CHECK(says(error.text, feature.name) == (feature.lack == Lack::kUnfit));
    }
}

TEST_CASE("an old kernel's lacks are named together, and what it doesn't lack is not") {
    Features old = everything();
    old.ring_buffer = old.inner_maps = old.tcx = false;
    CHECK(refusal(old).text == "this kernel (5.4.0-150) lacks ringBuffer, innerMaps: Linux 5.10 or later is needed");
}

TEST_CASE("who may not load programs hears that and not what could not be tried") {
    const Error error = refusal(Features{});
    CHECK(error.code == EPERM);
    CHECK(says(error.text, "CAP_BPF"));
    CHECK_FALSE(says(error.text, "lacks"));
}

TEST_CASE("who may not lock memory hears that and not what could not be tried") {
    Features features;
    features.load = true;
    const Error error = refusal(features);
    CHECK(error.code == EPERM);
    CHECK(says(error.text, "LimitMEMLOCK"));
    CHECK_FALSE(says(error.text, "lacks"));
}

TEST_CASE("a refusal that may come from locked memory names the capability that lifts its limit") {
    for (const auto right : {&Features::load, &Features::memory, &Features::perfmon})
        CHECK(says(refusal(without(right)).text, "CAP_SYS_RESOURCE"));
}

TEST_CASE("each feature has a name and a place of its own") {
    std::set<std::string> names;
    for (const Feature& feature : kFeatures) {
        names.insert(feature.name);
        CHECK(names_of(without(feature.present), false) == feature.name);
    }
    CHECK(names.size() == kFeatures.size());
    CHECK(names_of(everything(), false) == "none");
    CHECK(names_of(Features{}, true) == "none");
}
