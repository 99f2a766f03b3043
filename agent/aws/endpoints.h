// SPDX-License-Identifier: Apache-2.0
//
// Where a service answers in a region: AWS' own regional host, or what the environment says instead (AWS SDKs
// reference, "Service-specific endpoints"): AWS_ENDPOINT_URL_EC2, _RDS, _ELASTICACHE, _STS,
// _RESOURCE_GROUPS_TAGGING_API, then AWS_ENDPOINT_URL for all of them.
//
// A region is part of a host's name and signed requests go there, so what doesn't look like a region is refused. So is
// one of a partition that we don't know, rather than asked at a host that is somebody else's.
#pragma once

#include <array>
#include <string>

#include "aws/environment.h"
#include "base/result.h"

namespace bulkhead::aws {

enum class Service : uint8_t { kEc2, kRds, kElastiCache, kSts, kTagging };
inline constexpr size_t kServices = 5;

struct ServiceFacts {
    const char* name;        // for people, metrics: "ec2"
    const char* host;        // its part of the host's name, and the name that it signs with
    const char* version;     // of its API
    const char* environment; // the end of the variable's name
};

const ServiceFacts& facts_of(Service service);

/// AWS_REGION, else AWS_DEFAULT_REGION, which the webhooks of IRSA and Pod Identity set; empty = neither is.
std::string region_of(const Environment& environment);

/// "aws", "aws-cn", "aws-us-gov"
Result<std::string> partition_of(const std::string& region);

struct Endpoint {
    std::string url;  // "https://ec2.eu-central-1.amazonaws.com/"
    std::string host; // as the Host header has it
};

class Endpoints {
public:
    static Result<Endpoints> create(const Environment& environment);

    Result<Endpoint> of(Service service, const std::string& region) const;

private:
    std::array<Endpoint, kServices> overrides_; // without a URL = AWS' own
};

} // namespace bulkhead::aws
