// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "source/kube/json_splitter.h"

using bulkhead::source::kube::JsonSplitter;
using Shape = JsonSplitter::Shape;

namespace {

struct Split {
    bool understood = true;
    bool complete = false;
    std::vector<std::string> pieces;
    std::string envelope;
};

Split split(Shape shape, std::string_view text, size_t chunk) {
    Split result;
    JsonSplitter splitter(shape, [&](const std::string& piece) { result.pieces.push_back(piece); });
    for (size_t at = 0; at < text.size() && result.understood; at += chunk)
        result.understood = splitter.feed(text.substr(at, chunk));
    result.complete = splitter.is_complete();
    result.envelope = splitter.envelope();
    return result;
}

constexpr std::string_view kList = R"( {"kind":"PodList","note":"items","metadata":{"continue":"x[","items":[1]},
  "items":[{"a":"}]\"{"}, {"items":[{"b":1}]} ,{}],"after":[2] } )";

} // namespace

TEST_CASE("a list comes in pieces, however its bytes are cut") {
    for (size_t chunk = 1; chunk <= kList.size(); ++chunk) {
        CAPTURE(chunk);
        const auto result = split(Shape::kList, kList, chunk);
        CHECK(result.understood);
        CHECK(result.complete);
        CHECK(result.pieces == std::vector<std::string>{R"({"a":"}]\"{"})", R"({"items":[{"b":1}]})", "{}"});
    }
}

TEST_CASE("what is around the items stays, without them") {
    const auto result = split(Shape::kList, kList, 7);
    CHECK(result.envelope == R"( {"kind":"PodList","note":"items","metadata":{"continue":"x[","items":[1]},
  "items":null,"after":[2] })");
}

TEST_CASE("a list without items has no pieces") {
    CHECK(split(Shape::kList, R"({"items":[]})", 3).complete);
    CHECK(split(Shape::kList, R"({"items":null,"metadata":{}})", 3).complete);
    CHECK(split(Shape::kList, R"({"items":[]})", 3).pieces.empty());
}

TEST_CASE("a list that breaks off is not complete") {
    for (size_t length = 0; length < kList.rfind('}') + 1; ++length) {
        CAPTURE(length);
        CHECK_FALSE(split(Shape::kList, kList.substr(0, length), 5).complete);
    }
}

TEST_CASE("a stream comes event by event, as soon as each is whole") {
    std::vector<std::string> pieces;
    JsonSplitter splitter(Shape::kStream, [&](const std::string& piece) { pieces.push_back(piece); });
    CHECK(splitter.feed("{\"type\":\"ADDED\"}\n{\"ty"));
    CHECK(pieces == std::vector<std::string>{"{\"type\":\"ADDED\"}"});
    CHECK_FALSE(splitter.is_complete());
    CHECK(splitter.feed("pe\":\"}\\\\\"}"));
    CHECK(pieces.back() == "{\"type\":\"}\\\\\"}");
    CHECK(splitter.is_complete());
}

TEST_CASE("what is no list and no stream is refused") {
    CHECK_FALSE(split(Shape::kStream, "<html>", 2).understood);
    CHECK_FALSE(split(Shape::kStream, "{}]", 2).understood);
    CHECK_FALSE(split(Shape::kStream, "{},{}", 2).understood);
    CHECK_FALSE(split(Shape::kList, "[{}]", 2).understood);
    CHECK_FALSE(split(Shape::kList, R"({"items":[1]})", 2).understood);
    CHECK_FALSE(split(Shape::kList, R"({"items":[null]})", 2).understood);
    CHECK_FALSE(split(Shape::kList, "{} {}", 2).understood);
}

TEST_CASE("a piece without an end is given up before it fills the memory") {
    JsonSplitter splitter(Shape::kStream, [](const std::string&) {});
    const std::string chunk(1 << 20, 'x');
    CHECK(splitter.feed("{\"a\":\""));
    size_t chunks = 0;
    while (splitter.feed(chunk) && chunks < 1000)
        ++chunks;
    CHECK(chunks <= JsonSplitter::kLargestPiece / chunk.size());
}

TEST_CASE("random bytes are refused or split, and nothing worse") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::minstd_rand random(seed);
    constexpr std::string_view kAlphabet = R"({}[]",:\ items1)";
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (auto length = random() % 40; length > 0; --length)
            text += kAlphabet[random() % kAlphabet.size()];
        for (const auto shape : {Shape::kList, Shape::kStream}) {
            const auto whole = split(shape, text, text.size() + 1);
            const auto bytes = split(shape, text, 1);
            CHECK(whole.understood == bytes.understood);
            if (whole.understood) CHECK(whole.pieces == bytes.pieces);
        }
    }
}
