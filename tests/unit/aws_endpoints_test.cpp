// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "aws/endpoints.h"
#include "aws_scene.h"

namespace bulkhead::aws {

namespace {

Endpoints endpoints_with(const Variables& variables) {
    return test::require(Endpoints::create(Environment(variables)));
}

std::string url_of(const Endpoints& endpoints, Service service, const std::string& region) {
    const auto endpoint = endpoints.of(service, region);
    return endpoint ? endpoint->url : "refused";
}

} // namespace

TEST_CASE("a service answers at its regional host, in each partition") {
    const auto endpoints = endpoints_with({});
    CHECK(url_of(endpoints, Service::kEc2, "eu-central-1") == "https://ec2.eu-central-1.amazonaws.com/");
    CHECK(url_of(endpoints, Service::kRds, "us-gov-west-1") == "https://rds.us-gov-west-1.amazonaws.com/");
    CHECK(url_of(endpoints, Service::kElastiCache, "cn-north-1") == "https://elasticache.cn-north-1.amazonaws.com.cn/");
    CHECK(url_of(endpoints, Service::kSts, "ap-northeast-1") == "https://sts.ap-northeast-1.amazonaws.com/");
    CHECK(url_of(endpoints, Service::kTagging, "us-east-1") == "https://tagging.us-east-1.amazonaws.com/");
    CHECK(test::require(partition_of("us-gov-east-1")) == "aws-us-gov");
    CHECK(test::require(partition_of("cn-northwest-1")) == "aws-cn");
    CHECK(test::require(partition_of("us-west-2")) == "aws");
}

TEST_CASE("what isn't a region of these partitions is no part of a host's name") {
    const auto endpoints = endpoints_with({});
    for (const std::string region : {"", "eu-central-1.evil.example/", "eu-central-1/", "evil.example#-1", "eu-central",
                                     "EU-central-1", "us-iso-east-1", "us-isob-east-1", "eu--1", "eu-central-1 "}) {
        CAPTURE(region);
        CHECK(url_of(endpoints, Service::kEc2, region) == "refused");
    }
}

TEST_CASE("the environment's endpoint counts, a service's own before that of all") {
    const auto endpoints = endpoints_with(
        {{"AWS_ENDPOINT_URL", "http://127.0.0.1:4566"}, {"AWS_ENDPOINT_URL_RDS", "https://vpce-1.rds.example"}});
    const auto ec2 = test::require(endpoints.of(Service::kEc2, "nowhere"));
    CHECK(ec2.url == "http://127.0.0.1:4566/");
    CHECK(ec2.host == "127.0.0.1:4566");
    const auto rds = test::require(endpoints.of(Service::kRds, "eu-central-1"));
    CHECK(rds.url == "https://vpce-1.rds.example/");
    CHECK(rds.host == "vpce-1.rds.example");
    // The variables' names, as AWS writes them.
    for (const auto& [variable, service] :
         std::map<std::string, Service>{{"AWS_ENDPOINT_URL_EC2", Service::kEc2},
                                        {"AWS_ENDPOINT_URL_ELASTICACHE", Service::kElastiCache},
                                        {"AWS_ENDPOINT_URL_STS", Service::kSts},
                                        {"AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", Service::kTagging}})
        CHECK(url_of(endpoints_with({{variable, "https://[fd00::1]:8443/"}}), service, "x") ==
              "https://[fd00::1]:8443/");
}

TEST_CASE("an endpoint that is more than a host and a port is refused by name") {
    for (const std::string url :
         {"ftp://a.example", "https://a.example/path", "https://a.example/?x=1", "https://user@a.example/", "::"}) {
        CAPTURE(url);
        const auto endpoints = Endpoints::create(Environment(Variables{{"AWS_ENDPOINT_URL_EC2", url}}));
        REQUIRE(!endpoints);
        CHECK(endpoints.error().text.starts_with("AWS_ENDPOINT_URL_EC2=" + url));
    }
}

TEST_CASE("the default region is the environment's") {
    CHECK(region_of(Environment(Variables{{"AWS_DEFAULT_REGION", "eu-west-1"}})) == "eu-west-1");
    CHECK(region_of(Environment(Variables{{"AWS_DEFAULT_REGION", "eu-west-1"}, {"AWS_REGION", "us-east-1"}})) ==
          "us-east-1");
    CHECK(region_of(Environment(Variables{})).empty());
}

} // namespace bulkhead::aws
