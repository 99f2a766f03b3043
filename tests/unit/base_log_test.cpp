// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <sstream>

#include "base/log.h"

using namespace bulkhead;

TEST_CASE("a JSON log line is valid JSON whatever the message holds") {
    std::ostringstream out;
    REQUIRE(log::set_up("info", log::Format::kJson, out));
    spdlog::warn("{}", "quote \" backslash \\ newline \n and a byte that isn't UTF-8: \xff");
    const auto text = out.str();
    REQUIRE(std::count(text.begin(), text.end(), '\n') == 1);
    const auto line = nlohmann::json::parse(text);
    CHECK(line["level"] == "warning");
    CHECK(line["message"].get<std::string>().starts_with("quote \" backslash \\ newline \n"));
    CHECK(line["time"].get<std::string>().ends_with("Z"));
}

TEST_CASE("messages below the level are left out") {
    std::ostringstream out;
    REQUIRE(log::set_up("warn", log::Format::kText, out));
    spdlog::info("quiet");
    CHECK(out.str().empty());
    spdlog::error("loud");
    CHECK(out.str().find("loud") != std::string::npos);
}

TEST_CASE("an unknown log level is refused by name") {
    std::ostringstream out;
    const auto result = log::set_up("chatty", log::Format::kText, out);
    REQUIRE_FALSE(result);
    CHECK(result.error().text.find("chatty") != std::string::npos);
}
