// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/reasons.h"

#include "base/reasons.h"
#include "bulkheadctl/table.h"
#include "flow/record.h"

namespace bulkhead::ctl {

namespace {

/// For whoever didn't expect it. Without a default, so that a new reason doesn't compile before it has its advice.
const char* advice_on(bh_reason reason) {
    switch (reason) {
    case BH_REASON_SELF:
    case BH_REASON_SAME_TENANT:
    case BH_REASON_REPLY:
    case BH_REASON_RELATED:
    case BH_REASON_NEIGHBOR:
        return "nothing: this always passes";
    case BH_REASON_CONFINED:
        return "if it should pass, add the destination to allowTo of the source's Tenant";
    case BH_REASON_OPEN:
        return "if it should not pass, set bulkhead.dev/level: protected on the destination's namespace, in audit mode "
               "first";
    case BH_REASON_LOCAL_HOST:
        return "nothing: without it probes would fail; a pod with hostNetwork: true counts as its node";
    case BH_REASON_EXPOSED:
        return "if it should not pass, take the port out of the pod's bulkhead.dev/expose annotation or its Tenant's "
               "expose";
    case BH_REASON_TRUSTED:
        return "if it should not pass, narrow `trusted` of the source's Tenant, or seal the destination's";
    case BH_REASON_GRANTED:
        return "if it should not pass, take the entry away that \"decided by\" names";
    case BH_REASON_NOT_GRANTED:
        return "if it should pass, the destination's owner writes an AccessGrant or exposes the port; for a resource, "
               "its "
               "allowFrom";
    case BH_REASON_AUDIT:
        return "before enforcing: grant or expose what should go on passing, as for not-granted";
    case BH_REASON_CONFINED_AUDIT:
        return "before enforcing: add what should go on passing to allowTo of the source's Tenant";
    case BH_REASON_HELD:
        return "passes once the source has told of the pod; if it lasts, see `bulkheadctl status`: is the API server "
               "heard?";
    case BH_REASON_SPOOFED:
        return "if the pod routes for others, set sourceCheck: false in its Tenant; else find out what it runs";
    case BH_REASON_ETHERTYPE:
        return "nothing may be needed: VPC networks carry IP only";
    case BH_REASON_MALFORMED:
    case BH_REASON_EXTENSIONS:
    case BH_REASON_ROUTER_ICMP:
    case BH_REASON_CHECKSUM:
        return "no ordinary program sends this: find out what the sending pod runs";
    case BH_REASON_UNRELATED:
        return "mostly harmless: an error that came after its conversation had ended; many of them may be an attack";
    case BH_REASON_ASLEEP:
        return "nothing is enforced yet, or break glass is in force: `bulkheadctl status` says which";
    case BH_REASON_COUNT:
        break;
    }
    return "";
}

} // namespace

Json reasons_json() {
    Json list = Json::array();
    for (int i = 0; i < BH_REASON_COUNT; ++i) {
        const auto reason = static_cast<bh_reason>(i);
        Json row{{"reason", label_of(reason)}, {"verdict", flow::outcome_of(bh_verdict_of(reason))}};
        if (const int line = line_of(reason)) row["line"] = line;
        row["text"] = text_of(reason);
        row["whatToDo"] = advice_on(reason);
        list.push_back(std::move(row));
    }
    return {{"reasons", std::move(list)}};
}

std::string reasons_text(const Json& reasons, Width width) {
    Table table({"LINE", "REASON", "VERDICT", "MEANING, AND WHAT TO DO"});
    for (const auto& row : reasons.at("reasons")) {
        table.add({row.contains("line") ? row["line"].dump() : "-", row["reason"], row["verdict"], row["text"]});
        table.add({"", "", "", "> " + row["whatToDo"].get<std::string>()});
    }
    return table.text(width);
}

} // namespace bulkhead::ctl
