/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asks for a helper that came with Linux 5.12. On kernels before that tools/kernels/run expects the loader to tell
 * of a refusal: whoever uses a helper that is too new in bpf/ hears of it in the same way.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("tc")
int too_new(struct __sk_buff *skb)
{
	__u32 mtu = 0;

	return bpf_check_mtu(skb, 0, &mtu, 0, 0) ? 0 : -1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
