/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "path.skel.h"

#include <errno.h>

XC_DEFINE_FREEP(struct path_bpf, path_bpf__destroy)

/* Which programs this kernel can take. */
static void pick_programs(const struct xc_probe_env *env, struct path_bpf *s)
{
	(void)xc_probe_pick(env, s->progs.path_neigh_timer, "neigh_timer_handler", 2);
	(void)xc_probe_pick(env, s->progs.path_neigh_dead, "neigh_event_send_dead", 2);
	if (!xc_probe_pick(env, s->progs.path_fib4, "fib_table_lookup", 4))
		xc_report_missing(env->report, "fib:fib_table_lookup", "missing IPv4 routes show only as error numbers");
	if (!xc_probe_pick(env, s->progs.path_fib6, "fib6_table_lookup", 4))
		xc_report_missing(env->report, "fib6:fib6_table_lookup",
				  "missing IPv6 routes show only as error numbers");
	if (!xc_probe_pick(env, s->progs.path_icmp, "icmp_send", 3))
		xc_report_missing(env->report, "icmp:icmp_send (5.14)",
				  "ICMP errors are seen where they arrive, not where they are sent");
}

static int path_open(const struct xc_probe_env *env, void **ret_probe)
{
	_cleanup_(path_bpf__destroyp) struct path_bpf *s = path_bpf__open();
	int r;

	if (!s)
		return -errno;
	s->rodata->cfg = *env->cfg;
	pick_programs(env, s);

	r = xc_probe_load(env, s->obj);
	if (r)
		return r;

	r = path_bpf__attach(s);
	if (r)
		return r;

	*ret_probe = TAKE_PTR(s);
	return 0;
}

static void path_close(void *probe)
{
	path_bpf__destroy(probe);
}

const struct xc_probe xc_probe_path = {
	.name = "path",
	.text = "neighbours that do not answer, route lookups that fail, ICMP errors sent",
	.needs = "tracepoints neigh:*, fib:fib_table_lookup, fib6:fib6_table_lookup, icmp:icmp_send",
	.without = "missing hosts and routes show only as time-outs or error numbers",
	.open = path_open,
	.close = path_close,
};
