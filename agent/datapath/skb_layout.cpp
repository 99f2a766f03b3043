// SPDX-License-Identifier: Apache-2.0
#include "datapath/skb_layout.h"

#include <bpf/btf.h>

#include <cstring>
#include <memory>
#include <optional>

namespace bulkhead::datapath {

namespace {

struct Free {
    void operator()(btf* types) const { btf__free(types); }
};

/// In bits from the struct's start. Members of anonymous structs and unions are members, as in C.
std::optional<uint32_t> find_member(const btf* types, uint32_t id, const char* name, uint32_t from = 0) {
    const btf_type* type = btf__type_by_id(types, id);
    if (type == nullptr || !btf_is_composite(type)) return std::nullopt;
    const btf_member* member = btf_members(type);
    for (uint16_t i = 0; i < btf_vlen(type); ++i) {
        const uint32_t at = from + btf_member_bit_offset(type, i);
        const char* const known = btf__name_by_offset(types, member[i].name_off);
        if (known != nullptr && std::strcmp(known, name) == 0) return at;
        if (known != nullptr && *known != 0) continue;
        if (auto found = find_member(types, member[i].type, name, at)) return found;
    }
    return std::nullopt;
}

bh_skb_layout layout_in(const btf* types) {
    const int32_t sk_buff = btf__find_by_name_kind(types, "sk_buff", BTF_KIND_STRUCT);
    if (sk_buff < 0) return {};
    const auto id = static_cast<uint32_t>(sk_buff);
    const auto start = find_member(types, id, "csum_start"), offset = find_member(types, id, "csum_offset");
    const auto network = find_member(types, id, "network_header"), summed = find_member(types, id, "ip_summed");
    if (!start || !offset || !network || !summed || *offset != *start + 16) return {};
    return {.checksum_start = static_cast<uint16_t>(*start / 8),
            .network_header = static_cast<uint16_t>(*network / 8),
            .ip_summed = static_cast<uint16_t>(*summed / 8),
            .ip_summed_shift = static_cast<uint8_t>(*summed % 8),
            .known = 1};
}

} // namespace

bh_skb_layout find_skb_layout() {
    const std::unique_ptr<btf, Free> types(btf__load_vmlinux_btf());
    return types ? layout_in(types.get()) : bh_skb_layout{};
}

} // namespace bulkhead::datapath
