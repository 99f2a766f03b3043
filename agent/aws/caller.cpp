// SPDX-License-Identifier: Apache-2.0
#include "aws/caller.h"

namespace bulkhead::aws {

Answer<Reply> Caller::query(Service service, const std::string& action, const Form& parameters) {
    Form form;
    form.add("Action", action).add("Version", facts_of(service).version);
    const auto& rest = parameters.text();
    return call({.service = service,
                 .region = place_.region,
                 .account = place_.account,
                 .name = action,
                 .content_type = "application/x-www-form-urlencoded; charset=utf-8",
                 .body = form.text() + (rest.empty() ? "" : "&") + rest});
}

Answer<Reply> Caller::json(Service service, const std::string& target, const std::string& body) {
    return call({.service = service,
                 .region = place_.region,
                 .account = place_.account,
                 .name = target.substr(target.rfind('.') + 1),
                 .content_type = "application/x-amz-json-1.1",
                 .target = target,
                 .body = body});
}

Answer<Reply> Caller::call(Operation operation) {
    auto keys = credentials_.current(stop_);
    if (!keys) return within(operation.name + " in " + operation.region, keys.error());
    auto reply = client_.call(operation, &*keys, stop_);
    if (reply || reply.error().kind != Failure::Kind::kCredentials) return reply;
    credentials_.refused(*keys, reply.error().code);
    const auto others = credentials_.current(stop_);
    // The same again would be refused again.
    if (!others || (others->access_key == keys->access_key && others->session_token == keys->session_token))
        return reply;
    return client_.call(operation, &*others, stop_);
}

} // namespace bulkhead::aws
