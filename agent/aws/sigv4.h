// SPDX-License-Identifier: Apache-2.0
//
// AWS Signature Version 4, for the requests that we send: path "/", no query string, all parameters in the body.
// (IAM user guide, "Create a signed AWS API request".)
//
// Not libcurl's CURLOPT_AWS_SIGV4, which signs with the machine's clock and no other: Debian 12's 7.88 takes a time
// from an X-Amz-Date header of ours, but then sends that header twice, and a server that joins both (RFC 9110, 5.3)
// finds another value than was signed. So a clock that is wrong couldn't be made up for, nor what is signed be compared
// with what AWS published, which has its date.
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/clock.h"
#include "aws/keys.h"

namespace bulkhead::aws {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct ToSign {
    std::string method = "POST";
    std::string region;
    std::string service; // the name that the service signs with: "ec2", "tagging"
    HeaderList headers;  // all that are signed, Host among them; not those that signing adds
    std::string_view body;
};

/// The headers to send besides those of `request`: X-Amz-Date, X-Amz-Security-Token (signed too) where the keys have a
/// token, and Authorization. `when` is the server's time, as far as we know it: it may be five minutes off.
HeaderList sign(const ToSign& request, const Keys& keys, Clock::Wall when);

} // namespace bulkhead::aws
