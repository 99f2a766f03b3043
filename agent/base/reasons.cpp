// SPDX-License-Identifier: Apache-2.0
#include "base/reasons.h"

namespace bulkhead {

const char* label_of(bh_reason reason) {
    switch (reason) {
#define X(name, label, verdict, text)                                                                                  \
    case BH_REASON_##name:                                                                                             \
        return label;
        BH_REASONS(X)
#undef X
    default:
        return "unknown";
    }
}

const char* text_of(bh_reason reason) {
    switch (reason) {
#define X(name, label, verdict, text)                                                                                  \
    case BH_REASON_##name:                                                                                             \
        return text;
        BH_REASONS(X)
#undef X
    default:
        return "a reason that this agent doesn't know";
    }
}

const char* label_of(bh_verdict verdict) {
    switch (verdict) {
    case BH_VERDICT_ALLOW:
        return "allow";
    case BH_VERDICT_AUDIT:
        return "audit";
    default:
        return "deny";
    }
}

const char* label_of(bh_direction direction) {
    return direction == BH_EGRESS ? "egress" : "ingress";
}

const char* label_of_protocol(uint8_t protocol) {
    switch (protocol) {
    case BH_TCP:
        return "TCP";
    case BH_UDP:
        return "UDP";
    case BH_SCTP:
        return "SCTP";
    case BH_ICMP:
    case BH_ICMPV6:
        return "ICMP";
    default:
        return "other";
    }
}

int line_of(bh_reason reason) {
    switch (reason) {
    case BH_REASON_AUDIT: // line 9 and line 2, in audit mode; held is line 9 for a pod without a name
    case BH_REASON_HELD:
        return BH_REASON_NOT_GRANTED + 1;
    case BH_REASON_CONFINED_AUDIT:
        return BH_REASON_CONFINED + 1;
    default:
        return reason <= BH_REASON_NOT_GRANTED ? reason + 1 : 0;
    }
}

} // namespace bulkhead
