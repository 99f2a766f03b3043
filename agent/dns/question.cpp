// SPDX-License-Identifier: Apache-2.0
#include "dns/question.h"

namespace bulkhead::dns {

const char* label_of(Outcome outcome) {
    switch (outcome) {
    case Outcome::kAddresses:
        return "addresses";
    case Outcome::kNoAddress:
        return "no_address";
    case Outcome::kNoName:
        return "no_name";
    case Outcome::kServerFailed:
        return "server_failed";
    case Outcome::kRefused:
        return "refused";
    case Outcome::kNoReply:
        return "no_reply";
    case Outcome::kUnreachable:
        return "unreachable";
    case Outcome::kMalformed:
        return "malformed";
    case Outcome::kOther:
        break;
    }
    return "other";
}

} // namespace bulkhead::dns
