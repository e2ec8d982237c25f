/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "drop.skel.h"

static const struct xc_program programs[] = {
	{ .name = "drop_rx",
	  .tracepoint = "kfree_skb",
	  .n_args = 4,
	  .lacks = "receiving socket of skb:kfree_skb (6.11)",
	  .so = "queues and buffers of the receiver of a dropped packet are not told" },
	{ .name = "drop_reason",
	  .tracepoint = "kfree_skb",
	  .n_args = 3,
	  .lacks = "drop reasons (5.17)",
	  .so = "a drop is told from the function it happened in, which is less certain" },
	{ .name = "drop_plain", .tracepoint = "kfree_skb", .n_args = 2 },
	{ .name = NULL },
};

const struct xc_probe xc_probe_drop = {
	.name = "drop",
	.text = "dropped packets: reason, place in the stack, conntrack state",
	.needs =
		"tracepoint skb:kfree_skb; its reason argument since 5.17, its receiving socket since 6.11",
	.without = "silent drops on this host look like a black hole",
	.serves = XC_FOR_FAILURES,
	.elf = drop_bpf__elf_bytes,
	.programs = programs,
};
