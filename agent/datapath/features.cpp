// SPDX-License-Identifier: Apache-2.0
#include "datapath/features.h"

namespace bulkhead::datapath {

namespace {

void append(std::string& names, const char* name) {
    names += names.empty() ? "" : ", ";
    names += name;
}

std::string missing_in_kernel(const Features& features) {
    std::string names;
    for (const Feature& feature : kFeatures)
        if (feature.lack == Lack::kUnfit && !(features.*feature.present)) append(names, feature.name);
    return names;
}

tl::unexpected<Error> forbidden(std::string why) {
    return tl::unexpected<Error>(Error{std::move(why), EPERM});
}

/// Before 5.11 programs count as locked memory, and a shortage of that is told like a missing right.
constexpr const char* kRights =
    "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and before Linux 5.11 CAP_SYS_RESOURCE";

} // namespace

Result<> check(const Features& features, const std::string& release) {
    // Rights first: without them nothing else could be tried.
    if (!features.load) return forbidden(std::string("may not load BPF programs: ") + kRights);
    if (!features.memory)
        return forbidden("this kernel counts BPF maps as locked memory and the limit may not be raised: allow "
                         "CAP_SYS_RESOURCE or set LimitMEMLOCK=infinity");
    if (!features.perfmon)
        return forbidden(std::string("may not load BPF programs that compute with packet pointers: ") + kRights);
    if (const std::string missing = missing_in_kernel(features); !missing.empty())
        return tl::unexpected(
            Error{"this kernel (" + release + ") lacks " + missing + ": Linux 5.10 or later is needed", EOPNOTSUPP});
    return {};
}

std::string names_of(const Features& features, bool present) {
    std::string names;
    for (const Feature& feature : kFeatures)
        if (features.*feature.present == present) append(names, feature.name);
    return names.empty() ? "none" : names;
}

} // namespace bulkhead::datapath
