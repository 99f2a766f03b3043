// SPDX-License-Identifier: Apache-2.0
#include "datapath/adopt.h"

#include <array>
#include <cstring>

#include "datapath/test_run.h"

namespace bulkhead::datapath {

Result<bool> adopt(const Programs& programs, const bh_adoption& conversation) {
    std::array<std::byte, BH_ADOPTION_AT + sizeof conversation> packet{};
    std::memcpy(packet.data() + BH_ADOPTION_AT, &conversation, sizeof conversation);
    const auto run = test_run(programs.adopt.get(), packet, {});
    if (!run) return within("adopt a conversation", run.error());
    return run->context.cb[0] != 0;
}

} // namespace bulkhead::datapath
