// SPDX-License-Identifier: Apache-2.0
//
// Against AWS' published examples: the Signature Version 4 test suite, all of its requests that are like ours (path
// "/", no query string). Keys, date, region and service are the suite's.
#include <catch2/catch_test_macros.hpp>

#include "aws/form.h"
#include "aws/sigv4.h"

namespace bulkhead::aws {

namespace {

constexpr auto kSuiteToken =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthA"
    "x7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY"
    "9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

Keys suite_keys() {
    return {.access_key = "AKIDEXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
}

Clock::Wall suite_date() {
    using namespace std::chrono;
    return sys_days(year(2015) / 8 / 30) + hours(12) + minutes(36);
}

std::string value_of(const HeaderList& headers, const std::string& name) {
    for (const auto& header : headers)
        if (header.first == name) return header.second;
    return "";
}

struct PublishedExample {
    std::string name;
    std::string method;
    HeaderList headers; // besides Host and the date
    std::string body;
    std::string signed_headers;
    std::string signature;
};

const std::vector<PublishedExample> kPublished{
    {"post-vanilla",
     "POST",
     {},
     "",
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-header-key-sort",
     "POST",
     {{"My-Header1", "value1"}},
     "",
     "host;my-header1;x-amz-date",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case",
     "POST",
     {{"My-Header1", "VALUE1"}},
     "",
     "host;my-header1;x-amz-date",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"get-header-value-trim",
     "GET",
     {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "",
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"get-header-key-duplicate",
     "GET",
     {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
     "",
     "host;my-header1;x-amz-date",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"post-x-www-form-urlencoded",
     "POST",
     {{"Content-Type", "application/x-www-form-urlencoded"}},
     "Param1=value1",
     "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-x-www-form-urlencoded-parameters",
     "POST",
     {{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}},
     "Param1=value1",
     "content-type;host;x-amz-date",
     "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
};

} // namespace

TEST_CASE("requests are signed as in AWS' published examples") {
    for (const auto& example : kPublished) {
        CAPTURE(example.name);
        ToSign request{.method = example.method,
                       .region = "us-east-1",
                       .service = "service",
                       .headers = example.headers,
                       .body = example.body};
        request.headers.emplace_back("Host", "example.amazonaws.com");
        const auto added = sign(request, suite_keys(), suite_date());
        CHECK(value_of(added, "X-Amz-Date") == "20150830T123600Z");
        CHECK(value_of(added, "Authorization") ==
              "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
                  example.signed_headers + ", Signature=" + example.signature);
    }
}

TEST_CASE("a session token is sent, and signed, as in AWS' published example post-sts-header-before") {
    auto keys = suite_keys();
    keys.session_token = kSuiteToken;
    const ToSign request{
        .region = "us-east-1", .service = "service", .headers = {{"Host", "example.amazonaws.com"}}, .body = ""};
    const auto added = sign(request, keys, suite_date());
    CHECK(value_of(added, "X-Amz-Security-Token") == kSuiteToken);
    CHECK(value_of(added, "Authorization")
              .ends_with("SignedHeaders=host;x-amz-date;x-amz-security-token, "
                         "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"));
}

TEST_CASE("a form's parameters are encoded as RFC 3986 has it, and lists numbered from 1") {
    Form form;
    form.add("A b", "x+y/z=~-_.é").add_list("Filter.1.Value", std::vector<std::string>{"a", "b&c"});
    CHECK(form.text() == "A%20b=x%2By%2Fz%3D~-_.%C3%A9&Filter.1.Value.1=a&Filter.1.Value.2=b%26c");
}

} // namespace bulkhead::aws
