// SPDX-License-Identifier: Apache-2.0
//
// Who calls, on which account's budget, and in which region: what look-ups need to ask. Keys that AWS no longer takes
// are fetched anew, once, and the call is made again with them.
//
// Made for a few calls, then thrown away. One thread; what it is made of outlives it.
#pragma once

#include <stop_token>
#include <string>

#include "aws/client.h"
#include "aws/credentials.h"
#include "aws/form.h"

namespace bulkhead::aws {

class Caller {
public:
    struct Place {
        std::string account{}; // twelve digits; empty = our own
        std::string region;
    };

    Caller(Client& client, Credentials& credentials, Place place, std::stop_token stop)
        : client_(client), credentials_(credentials), place_(std::move(place)), stop_(std::move(stop)) {}

    /// Of a Query API: EC2, RDS, ElastiCache, STS.
    Answer<Reply> query(Service service, const std::string& action, const Form& parameters);

    /// Of a JSON 1.1 API; `target` is the action with what goes before it in X-Amz-Target.
    Answer<Reply> json(Service service, const std::string& target, const std::string& body);

    const Place& place() const { return place_; }

private:
    Answer<Reply> call(Operation operation);

    Client& client_;
    Credentials& credentials_;
    const Place place_;
    const std::stop_token stop_;
};

} // namespace bulkhead::aws
