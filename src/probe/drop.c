/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "drop.skel.h"

#include <errno.h>

XC_DEFINE_FREEP(struct drop_bpf, drop_bpf__destroy)

/* Which programs this kernel can take. */
static void pick_programs(const struct xc_probe_env *env, struct drop_bpf *s)
{
	bool rx = xc_probe_pick(env, s->progs.drop_rx, "kfree_skb", 4);
	bool reason = xc_probe_pick(env, s->progs.drop_reason, "kfree_skb", 3);

	(void)xc_probe_pick(env, s->progs.drop_plain, "kfree_skb", 2);
	if (!rx)
		xc_report_missing(env->report, "receiving socket of skb:kfree_skb (6.11)",
				  "queues and buffers of the receiver of a dropped packet are not told");
	if (!rx && !reason)
		xc_report_missing(env->report, "drop reasons (5.17)",
				  "a drop is told from the function it happened in, which is less certain");
}

static int drop_open(const struct xc_probe_env *env, void **ret_probe)
{
	_cleanup_(drop_bpf__destroyp) struct drop_bpf *s = drop_bpf__open();
	int r;

	if (!s)
		return -errno;
	s->rodata->cfg = *env->cfg;
	pick_programs(env, s);

	r = xc_probe_load(env, s->obj);
	if (r)
		return r;

	r = drop_bpf__attach(s);
	if (r)
		return r;

	*ret_probe = TAKE_PTR(s);
	return 0;
}

static void drop_close(void *probe)
{
	drop_bpf__destroy(probe);
}

const struct xc_probe xc_probe_drop = {
	.name = "drop",
	.text = "dropped packets: reason, place in the stack, conntrack state",
	.needs = "tracepoint skb:kfree_skb; its reason argument since 5.17, its receiving socket since 6.11",
	.without = "silent drops on this host look like a black hole",
	.open = drop_open,
	.close = drop_close,
};
