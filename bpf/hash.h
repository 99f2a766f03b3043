/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spreads keys over sets. Begun with bh_config.flow_seed, so that strangers can't aim. */
#ifndef BULKHEAD_BPF_HASH_H
#define BULKHEAD_BPF_HASH_H

#include "maps.h"

BH_INLINE __u64 bh_mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

BH_INLINE __u64 bh_mix_address(__u64 hash, const struct bh_addr *address)
{
	hash = bh_mix(hash, (__u64)address->word[0] << 32 | address->word[1]);
	return bh_mix(hash, (__u64)address->word[2] << 32 | address->word[3]);
}

#endif
