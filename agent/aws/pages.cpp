// SPDX-License-Identifier: Apache-2.0
#include "aws/pages.h"

#include <set>

namespace bulkhead::aws {

namespace {

std::string place_of(const Caller& caller, const Paging& paging) {
    return std::string(paging.action) + " in " + caller.place().region;
}

} // namespace

Answer<> for_each_page(Caller& caller, const Paging& paging, const Form& parameters, const Visit& visit, Room& room) {
    std::set<std::string> tokens;
    for (std::string token;;) {
        Form form = parameters;
        form.add(paging.size, paging.count);
        if (!token.empty()) form.add(paging.asked, token);
        const auto reply = caller.query(paging.service, paging.action, form);
        if (!reply) return tl::unexpected(reply.error());
        room.used += reply->body.size();
        if (room.used > room.most || tokens.size() >= kMostPages)
            return failure(Failure::Kind::kTooLarge, place_of(caller, paging) + ": the answer has more than the " +
                                                         std::to_string(room.most) + " bytes or " +
                                                         std::to_string(kMostPages) + " pages allowed");
        const auto document = Document::parse(*reply, paging.action);
        if (!document) return tl::unexpected(document.error());
        Wanted wanted(paging.action, document->request_id());
        const auto root = document->root();
        const auto content = *paging.result == '\0' ? root : wanted.list(root, paging.result);
        visit(content, wanted);
        if (auto checked = wanted.checked(); !checked) return checked;
        token = content.child_value(paging.told);
        if (token.empty()) return {};
        if (!tokens.insert(token).second)
            return failure(Failure::Kind::kUnreadable, place_of(caller, paging) + ": page " +
                                                           std::to_string(tokens.size() + 1) +
                                                           " says that an earlier one is the next");
    }
}

} // namespace bulkhead::aws
