// SPDX-License-Identifier: Apache-2.0
//
// verdict.h against the table of the nine lines as docs/design.md has it, under libFuzzer with ASan and UBSan. An
// input is the bytes of a question.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bulkhead/verdict.h"

namespace {

/// The table, told line by line.
class Table {
public:
    explicit Table(const bh_question& q) : q_(q) {}

    bh_reason first_line() const {
        if (q_.same_pod) return BH_REASON_SELF;
        const bool confined =
            src(BH_CONFINED) && q_.src_is_local && !same_tenant() && !dst(BH_INFRA) && !opened(BH_REASON_CONFINED);
        if (confined && !src(BH_AUDIT)) return BH_REASON_CONFINED;
        const bh_reason line = from_the_third();
        return confined && allows(line) ? BH_REASON_CONFINED_AUDIT : line;
    }

private:
    bool src(unsigned flag) const { return (q_.src.flags & flag) != 0; }
    bool dst(unsigned flag) const { return (q_.dst.flags & flag) != 0; }
    bool opened(bh_reason line) const { return (q_.openings & (1u << line)) != 0; }
    bool same_tenant() const { return q_.src.tenant == q_.dst.tenant && q_.dst.tenant != 0; }

    static bool allows(bh_reason line) {
        return line == BH_REASON_OPEN || line == BH_REASON_SAME_TENANT || line == BH_REASON_LOCAL_HOST ||
               line == BH_REASON_EXPOSED || line == BH_REASON_TRUSTED || line == BH_REASON_GRANTED;
    }

    bh_reason from_the_third() const {
        if (!dst(BH_PROTECTED)) return BH_REASON_OPEN;
        if (opened(BH_REASON_OPEN)) return BH_REASON_OPEN; // a resource that is protected on other ports
        if (same_tenant()) return BH_REASON_SAME_TENANT;
        if (q_.local_host) return BH_REASON_LOCAL_HOST;
        if (opened(BH_REASON_EXPOSED)) return BH_REASON_EXPOSED;
        if (opened(BH_REASON_TRUSTED) && dst(BH_POD) && !dst(BH_SEALED)) return BH_REASON_TRUSTED;
        if (opened(BH_REASON_GRANTED)) return BH_REASON_GRANTED;
        if (dst(BH_AUDIT)) return BH_REASON_AUDIT; // a pod not known yet is so while everybody is overridden
        return dst(BH_UNNAMED) ? BH_REASON_HELD : BH_REASON_NOT_GRANTED;
    }

    const bh_question& q_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    bh_question question{};
    std::memcpy(&question, data, size < sizeof question ? size : sizeof question);
    question.src.tenant %= 4; // so that tenants are often the same
    question.dst.tenant %= 4;
    const auto found = bh_judge(&question);
    const auto expected = Table(question).first_line();
    if (found == expected) return 0;
    std::fprintf(stderr, "verdict.h says reason %d, the table %d\n", found, expected);
    std::abort();
}
