/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "reset.skel.h"

#include <errno.h>

XC_DEFINE_FREEP(struct reset_bpf, reset_bpf__destroy)

/* Which programs this kernel can take. */
static void pick_programs(const struct xc_probe_env *env, struct reset_bpf *s)
{
	if (xc_probe_pick(env, s->progs.reset_reason, "tcp_send_reset", 3)) {
		(void)bpf_program__set_autoload(s->progs.reset_plain, false);
	} else {
		xc_report_missing(env->report, "reset reason (6.10)",
				  "why a RST was sent is told from the socket's state, and one without a socket from the drop it answers");
		(void)xc_probe_pick(env, s->progs.reset_plain, "tcp_send_reset", 2);
	}
}

static int reset_open(const struct xc_probe_env *env, void **ret_probe)
{
	_cleanup_(reset_bpf__destroyp) struct reset_bpf *s = reset_bpf__open();
	int r;

	if (!s)
		return -errno;
	s->rodata->cfg = *env->cfg;
	pick_programs(env, s);

	r = xc_probe_load(env, s->obj);
	if (r)
		return r;

	r = reset_bpf__attach(s);
	if (r)
		return r;

	*ret_probe = TAKE_PTR(s);
	return 0;
}

static void reset_close(void *probe)
{
	reset_bpf__destroy(probe);
}

const struct xc_probe xc_probe_reset = {
	.name = "reset",
	.text = "RSTs this host sends, and why",
	.needs = "tracepoint tcp:tcp_send_reset; its reason argument since 6.10",
	.without = "a refused or reset connection cannot be traced to its sender",
	.open = reset_open,
	.close = reset_close,
};
