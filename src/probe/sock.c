/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "sock.skel.h"

#include <errno.h>

XC_DEFINE_FREEP(struct sock_bpf, sock_bpf__destroy)

/* Which programs this kernel can take. */
static void pick_programs(const struct xc_probe_env *env, struct sock_bpf *s)
{
	(void)xc_probe_pick(env, s->progs.sock_state, "inet_sock_set_state", 3);
	if (!xc_probe_pick(env, s->progs.sock_error, "inet_sk_error_report", 1))
		xc_report_missing(env->report, "sock:inet_sk_error_report (5.14)",
				  "an error that leaves a socket open is told only when the socket closes");
	if (!xc_probe_pick(env, s->progs.sock_retrans_err, "tcp_retransmit_skb", 3)) {
		xc_report_missing(env->report, "result of tcp:tcp_retransmit_skb (6.15)",
				  "a resend that a local filter or a missing neighbour stops looks like one that left");
		(void)xc_probe_pick(env, s->progs.sock_retrans, "tcp_retransmit_skb", 2);
	} else {
		(void)bpf_program__set_autoload(s->progs.sock_retrans, false);
	}
	(void)xc_probe_pick(env, s->progs.sock_synack, "tcp_retransmit_synack", 2);
	(void)xc_probe_pick(env, s->progs.sock_rst, "tcp_receive_reset", 1);
}

static int sock_open(const struct xc_probe_env *env, void **ret_probe)
{
	_cleanup_(sock_bpf__destroyp) struct sock_bpf *s = sock_bpf__open();
	int r;

	if (!s)
		return -errno;
	s->rodata->cfg = *env->cfg;
	pick_programs(env, s);

	r = xc_probe_load(env, s->obj);
	if (r)
		return r;

	r = sock_bpf__attach(s);
	if (r)
		return r;

	*ret_probe = TAKE_PTR(s);
	return 0;
}

static void sock_close(void *probe)
{
	sock_bpf__destroy(probe);
}

const struct xc_probe xc_probe_sock = {
	.name = "sock",
	.text = "TCP sockets: failed connects, errors, retransmissions, resets received, full accept queues",
	.needs = "tracepoints sock:inet_sock_set_state, tcp:tcp_retransmit_skb; CAP_BPF, CAP_PERFMON",
	.without = "no connection failures are seen at all",
	.open = sock_open,
	.close = sock_close,
};
