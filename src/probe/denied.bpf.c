/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * connect() calls that another cgroup program denies. Attached at the root of the cgroup
 * tree, where programs run after those of all groups below: the verdict so far is then
 * known. Always returns 1: never changes a verdict.
 */
#include "abi/path.h"
#include "probe/common.bpf.h"

static __always_inline int on_connect(struct bpf_sock_addr *ctx, struct xc_tuple *t)
{
	int verdict = bpf_get_retval();
	struct task_struct *task;
	struct xc_denied_evt *e;
	u32 netns;

	if (verdict >= 0)
		return 1;
	task = (struct task_struct *)bpf_get_current_task();
	netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	t->proto = ctx->protocol;
	t->dport_he = bpf_ntohs(ctx->user_port);
	if (!xc_netns_in_scope(netns) || !xc_task_in_scope() || !xc_tuple_in_scope(t))
		return 1;
	e = xc_reserve(XC_EVT_DENIED, sizeof(*e));
	if (!e)
		return 1;
	e->tuple = *t;
	e->cookie = bpf_get_socket_cookie(ctx);
	e->netns = netns;
	e->err = verdict;
	e->by = XC_DENIED_CGROUP;
	/* connect() runs this program in the caller's context. The generic "current" helpers are
	 * not all offered to this program type on older kernels, so the task is read directly. */
	e->owner.tgid = bpf_get_current_pid_tgid() >> 32;
	e->owner.uid = (u32)bpf_get_current_uid_gid();
	e->owner.cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&e->owner.comm, task, group_leader, comm);
	xc_submit(e);
	return 1;
}

SEC("cgroup/connect4")
int denied_connect4(struct bpf_sock_addr *ctx)
{
	struct xc_tuple t = { 0 };

	xc_addr4(t.daddr, ctx->user_ip4);
	return on_connect(ctx, &t);
}

SEC("cgroup/connect6")
int denied_connect6(struct bpf_sock_addr *ctx)
{
	struct xc_tuple t = { 0 };
	u32 a[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };

	__builtin_memcpy(t.daddr, a, 16);
	return on_connect(ctx, &t);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
