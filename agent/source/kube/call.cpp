// SPDX-License-Identifier: Apache-2.0
#include "source/kube/call.h"

#include "source/kube/status.h"

namespace bulkhead::source::kube {

bool Call::start(const Request& request, std::function<void(const Response&)> on_end, size_t longest) {
    const auto* who = session_->credentials().current();
    if (who == nullptr) return false;
    body_.clear();
    on_end_ = std::move(on_end);
    proof_version_ = who->version;
    auto transfer = session_->client().start(request, *who,
                                             {.on_body =
                                                  [this, longest](std::string_view bytes) {
                                                      body_ += bytes;
                                                      return body_.size() <= longest;
                                                  },
                                              .on_end = [this](const Response& response) { end(response); }});
    if (transfer)
        transfer_ = std::move(*transfer);
    else
        end({.error = transfer.error().text});
    return true;
}

/// The callback may start the next one.
void Call::end(Response response) {
    transfer_.reset();
    if (response.status == 401) session_->credentials().refused(proof_version_);
    if (response.status == 200) response.body = std::exchange(body_, {});
    std::exchange(on_end_, {})(response);
}

std::string words_of(const Response& response) {
    if (!response.error.empty()) return response.error;
    return std::to_string(response.status) + ": " + status_of(response).message;
}

} // namespace bulkhead::source::kube
