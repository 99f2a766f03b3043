// SPDX-License-Identifier: Apache-2.0
#include "datapath/recollect.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "datapath/test_run.h"

namespace bulkhead::datapath {

Result<Recollections> recollect(const Programs& programs, uint16_t slot, uint32_t set) {
    constexpr size_t kSize = sizeof(bh_recollection);
    std::array<std::byte, BH_RECOLLECTION_AT + BH_RECOLLECTION_ROOM * kSize> packet{};
    Context context{};
    context.cb[BH_RECOLLECT_SLOT] = slot;
    context.cb[BH_RECOLLECT_FROM] = set;
    const auto run = test_run(programs.recollect.get(), packet, context, packet);
    if (!run) return within("read a flow memory", run.error());
    const auto& answer = run->context.cb;
    Recollections told;
    told.generation = answer[BH_RECOLLECTED_GENERATION];
    if (answer[BH_RECOLLECTED_NEXT] < answer[BH_RECOLLECTED_SETS]) told.next = answer[BH_RECOLLECTED_NEXT];
    told.conversations.resize(std::min<size_t>(answer[BH_RECOLLECTED_COUNT], BH_RECOLLECTION_ROOM));
    for (size_t i = 0; i < told.conversations.size(); ++i)
        std::memcpy(&told.conversations[i], packet.data() + BH_RECOLLECTION_AT + i * kSize, kSize);
    return told;
}

} // namespace bulkhead::datapath
