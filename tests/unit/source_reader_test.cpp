// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include <optional>

#include "source/reader.h"

namespace bulkhead::source {
namespace {

struct Read {
    std::vector<Value> documents;
    std::optional<ReadError> error;
};

Read yaml(const std::string& text) {
    Read read;
    const auto result = read_yaml(text, [&](Value document) { read.documents.push_back(std::move(document)); });
    if (!result) read.error = result.error();
    return read;
}

Read json(std::string text) {
    Read read;
    text.reserve(text.size() + kJsonPadding);
    const auto result = read_json(text, [&](Value document) { read.documents.push_back(std::move(document)); });
    if (!result) read.error = result.error();
    return read;
}

TEST_CASE("plain YAML scalars mean what Kubernetes' tools make of them") {
    struct Row {
        const char* written;
        const char* read;
    };
    for (const auto& row : std::vector<Row>{{"8443", "8443"},
                                            {"'8443'", "\"8443\""},
                                            {"\"true\"", "\"true\""},
                                            {"true", "true"},
                                            {"Yes", "true"},
                                            {"off", "false"},
                                            {"~", "null"},
                                            {"", "null"},
                                            {"null", "null"},
                                            {"010", "8"},
                                            {"0x1F", "31"},
                                            {"-5", "-5"},
                                            {"1_000", "1000"},
                                            {"1.5", "1.5"},
                                            {"1.2.3.4", "\"1.2.3.4\""},
                                            {"10.0.0.0/8", "\"10.0.0.0/8\""},
                                            {"!!str 80", "\"80\""},
                                            {"fd00::1", "\"fd00::1\""},
                                            {"y", "\"y\""},
                                            {"2026-12-31T00:00:00Z", "\"2026-12-31T00:00:00Z\""}}) {
        INFO(row.written);
        const auto read = yaml("a: " + std::string(row.written));
        REQUIRE(read.documents.size() == 1);
        CHECK(read.documents[0].object()->at(0).value.text() == row.read);
    }
}

TEST_CASE("values know their line") {
    for (const auto& read : {yaml("a:\n  b: 1\n  c:\n  - d\n"), json("{\"a\":\n{\"b\":1,\n\"c\":\n[\"d\"]}}")}) {
        REQUIRE(read.documents.size() == 1);
        const auto* a = read.documents[0].find("a");
        CHECK(a->find("b")->line == 2);
        CHECK(a->find("c")->array()->at(0).line == 4);
    }
}

TEST_CASE("several documents arrive one by one, empty ones not at all") {
    const auto read = yaml("---\na: 1\n---\n# nothing\n---\nb: 2\n");
    REQUIRE(read.documents.size() == 2);
    CHECK(read.documents[1].find("b")->line == 6);
}

TEST_CASE("lists arrive as their items, which inherit the kind of a typed list") {
    const std::string plain =
        R"({"apiVersion":"v1","items":[{"kind":"Pod","n":1},{"kind":"Node","n":2}],"kind":"List"})";
    const std::string typed = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"n":1},{"n":2}]})";
    for (const auto& read : {json(plain), yaml(plain)}) {
        REQUIRE(read.documents.size() == 2);
        CHECK(*read.documents[1].find("kind")->string() == "Node");
        CHECK(read.documents[1].find("apiVersion") == nullptr);
    }
    for (const auto& read : {json(typed), yaml(typed)}) {
        REQUIRE(read.documents.size() == 2);
        CHECK(*read.documents[1].find("kind")->string() == "Pod");
        CHECK(*read.documents[1].find("apiVersion")->string() == "v1");
        CHECK(*read.documents[1].find("n")->integer() == 2);
    }
}

TEST_CASE("aliases and merge keys unfold") {
    const auto read = yaml("base: &b {x: 1, y: 2}\ncopy: *b\nmerged: {<<: *b, y: 3}\n");
    REQUIRE(read.documents.size() == 1);
    const auto& root = read.documents[0];
    CHECK(*root.find("copy")->find("x")->integer() == 1);
    CHECK(*root.find("merged")->find("x")->integer() == 1);
    CHECK(*root.find("merged")->find("y")->integer() == 3);
    CHECK(root.find("merged")->object()->size() == 2);
}

TEST_CASE("a billion laughs are refused") {
    std::string text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
    for (int i = 1; i < 12; ++i) {
        const auto before = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int j = 0; j < 9; ++j)
            text += ", " + before;
        text += "]\n";
    }
    REQUIRE(yaml(text).error.has_value());
    CHECK(yaml(text).error->text.find("million values") != std::string::npos);
}

TEST_CASE("a long text behind many aliases is refused") {
    std::string text = "a: &a " + std::string(1 << 20, 'x') + "\nb: [";
    for (int i = 0; i < 1000; ++i)
        text += "*a, ";
    CHECK(yaml(text + "]").error.has_value());
}

TEST_CASE("a stray token between documents is an error, not an endless row of empty documents") {
    CHECK(yaml(",\"a\": 1").error.has_value());
    CHECK(yaml("a: 1\n---\n]").error.has_value());
}

TEST_CASE("an alias that contains itself is refused") {
    CHECK(yaml("a: &a [*a]").error.has_value());
}

TEST_CASE("what is nested too deeply is refused") {
    const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    CHECK(yaml("a: " + deep).error.has_value());
    CHECK(json("{\"a\":" + deep + "}").error.has_value());
    CHECK_FALSE(json("{\"a\":[[[[[[[[[[1]]]]]]]]]]}").error.has_value());
}

TEST_CASE("a label may be called like what is not looked at") {
    const auto read = json(R"({"metadata":{"labels":{"managedFields":"x"},"managedFields":[1]}})");
    REQUIRE(read.documents.size() == 1);
    const auto* metadata = read.documents[0].find("metadata");
    CHECK(metadata->find("labels")->find("managedFields")->text() == "\"x\"");
    CHECK(metadata->count("managedFields") == 0);
}

TEST_CASE("a JSON number may be larger than any type of ours, and is still one") {
    for (const auto* number : {"18446744073709551616", "18446744073709552000", "-9223372036854775809", "1e400",
                               "-1.5e-400", "100000000000000000000.5E+3"}) {
        INFO(number);
        const auto read = json(std::string(R"({"a":)") + number + R"( ,"b":[)" + number + R"(],"c":7})");
        REQUIRE_FALSE(read.error);
        REQUIRE(read.documents.size() == 1);
        CHECK(read.documents[0].find("a")->integer() == nullptr);
        CHECK(read.documents[0].find("c")->text() == "7");
    }
    for (const auto* no_number : {"-", "1.", "1e", "01", "1e+", "+1", ".5", "18446744073709552000x", "--1", "0x10"}) {
        INFO(no_number);
        CHECK(json(std::string(R"({"a":)") + no_number + "}").error.has_value());
    }
}

TEST_CASE("what is not JSON is an error, wherever it stops being it") {
    for (const auto* text : {"", "[]", "nonsense", "{\"a\":1", "{\"a\":1}}", "{\"a\":1} {\"b\":2}", "{\"a\":tru}",
                             "{\"a\":nul}", "{\"a\" 1}", "{\"kind\":\"List\",\"items\":[{\"a\":1},{\"b\":]}",
                             "{\"kind\":\"List\",\"items\":[{\"a\":1}", "{\"a\":01}"}) {
        INFO(text);
        CHECK(json(text).error.has_value());
    }
}

TEST_CASE("a text that breaks off or is garbled anywhere is read or refused, never fatal") {
    const std::string whole =
        R"({"apiVersion":"v1","items":[{"kind":"Pod","a":[1,-2.5,true,null,"x\\u00e9"]},{"b":{}}],"kind":"List"})";
    REQUIRE_FALSE(json(whole).error.has_value());
    for (size_t at = 0; at < whole.size(); ++at) {
        INFO(at);
        CHECK(json(whole.substr(0, at)).error.has_value());
        for (const char c : {'{', '}', '[', ']', '"', ',', ':', '\\', '1', 'n', ' '}) {
            auto garbled = whole;
            garbled[at] = c;
            json(garbled);
            yaml(garbled);
        }
    }
}

TEST_CASE("what is quoted of somebody's text ends with a whole character") {
    for (const std::string ahead : {"", "x", "xx"}) {
        std::string text = ahead;
        for (int i = 0; i < 100; ++i)
            text += "\u20ac";
        const auto quote = Value{.content = text}.text();
        INFO(quote);
        CHECK(quote.ends_with("\u20ac...\""));
        CHECK(quote.size() > 80);
    }
}

TEST_CASE("an error tells its line") {
    CHECK(yaml("a: 1\nb: [\n\n").error->line >= 3);
    CHECK(json("{\"a\":1,\n\"b\":\nnonsense}").error->line == 3);
}

} // namespace
} // namespace bulkhead::source
