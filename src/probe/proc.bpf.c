/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes that the OOM killer chose, died of a signal, or listened and went away. */
#include "abi/host.h"
#include "probe/common.bpf.h"

#define SIGNAL_MASK 0x7f	/* wait(2): low seven bits of the status */

static __always_inline int proc_emit(struct task_struct *t, u8 what, u32 code)
{
	u32 netns = BPF_CORE_READ(t, nsproxy, net_ns, ns.inum);
	struct xc_proc_evt *e;

	if (!xc_netns_in_scope(netns))
		return 0;
	e = xc_reserve(XC_EVT_PROC, sizeof(*e));
	if (!e)
		return 0;
	xc_owner_of(&e->owner, t);
	e->netns = netns;
	e->exit_code = code;
	e->what = what;
	xc_submit(e);
	return 0;
}

SEC("tp_btf/mark_victim")	/* 6.8, and older kernels with the backport */
int BPF_PROG(proc_oom_task, struct task_struct *task, u32 uid)
{
	return proc_emit(task, XC_PROC_OOM, 9);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(proc_exit, struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);
	u32 code;

	if (BPF_CORE_READ(task, pid) != (int)tgid)
		return 0;	/* a thread; the process lives on, or its leader follows */
	code = BPF_CORE_READ(task, exit_code);
	if (!(code & SIGNAL_MASK) && !bpf_map_lookup_elem(&xc_servers, &tgid))
		return 0;
	bpf_map_delete_elem(&xc_servers, &tgid);
	return proc_emit(task, XC_PROC_EXIT, code);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
