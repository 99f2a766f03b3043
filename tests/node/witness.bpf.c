/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stands behind the programs under test: counts what they let pass, and ends its way there. And throws packets in
 * front of them: what is thrown has neither a socket nor, unless the test run names one, a device that it came from.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

__u64 seen = 0;
__u32 last_mark = 0;

SEC("tc")
int witness(struct __sk_buff *skb)
{
	last_mark = skb->mark;
	__sync_fetch_and_add(&seen, 1);
	return TC_ACT_SHOT;
}

/* cb[0]: the device out of which the packet goes. */
SEC("tc")
int thrower(struct __sk_buff *skb)
{
	__u32 device = skb->cb[0];

	skb->cb[0] = 0;
	return (int)bpf_clone_redirect(skb, device, 0);
}

char witness_license[] SEC("license") = "Dual BSD/GPL";
