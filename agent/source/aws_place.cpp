// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "source/parts.h"

namespace bulkhead::source {

namespace {

constexpr std::string_view kDigits = "0123456789";

bool consists_of(std::string_view text, std::string_view letters) {
    return text.find_first_not_of(letters) == std::string_view::npos;
}

/// "eu-central-1", "us-gov-west-1": part of a host's name.
bool is_region(std::string_view text) {
    const auto last = text.rfind('-');
    if (last == std::string_view::npos || last + 1 == text.size()) return false;
    const auto words = text.substr(0, last);
    return consists_of(text.substr(last + 1), kDigits) && consists_of(words, "abcdefghijklmnopqrstuvwxyz-") &&
           words.find('-') != std::string_view::npos && !words.starts_with('-') && !words.ends_with('-') &&
           words.find("--") == std::string_view::npos;
}

/// "arn:aws:iam::111122223333:role/bulkhead"
bool is_role(std::string_view text) {
    const auto account = text.find(":iam::");
    if (!text.starts_with("arn:aws") || account == std::string_view::npos) return false;
    const auto rest = text.substr(account + 6);
    return rest.size() > 18 && consists_of(rest.substr(0, 12), kDigits) && rest.substr(12, 6) == ":role/";
}

} // namespace

state::AwsPlace read_aws_place(const Field& aws) {
    aws.only({"region", "roleArn", "externalId"});
    state::AwsPlace place{.role = aws["roleArn"].string().value_or(""),
                          .external_id = aws["externalId"].string().value_or(""),
                          .region = aws["region"].string().value_or("")};
    if (aws["region"].present() && !is_region(place.region))
        aws["region"].complain("\"" + place.region + "\" is no region such as eu-central-1");
    if (aws["roleArn"].present() && !is_role(place.role))
        aws["roleArn"].complain("\"" + place.role + "\" is no role such as arn:aws:iam::111122223333:role/bulkhead");
    if (!place.external_id.empty() && place.role.empty()) aws["externalId"].complain("goes with roleArn");
    return place;
}

} // namespace bulkhead::source
