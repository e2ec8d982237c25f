/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs that send records share: the ring, the counters, the scope. Maps named
 * xc_* exist once; user space hands the same map to every object (probe/share.c).
 */
#pragma once

#include "probe/scope.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} xc_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, _XC_STAT_MAX);
	__type(key, u32);
	__type(value, u64);
} xc_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u8);
} xc_netns SEC(".maps");

/* Processes that listen; filled by the sock probe and the back-fill. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u8);
} xc_servers SEC(".maps");

/* Remote ends that processes in scope talk to: lets packet events pass under --pid and --cgroup. */
struct xc_peer_key {
	u8 addr[16];
	u16 port_he;
	u8 proto;
	u8 _pad0;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct xc_peer_key);
	__type(value, u8);
} xc_peers SEC(".maps");

static __always_inline void xc_count(u32 stat)
{
	u64 *v = bpf_map_lookup_elem(&xc_stats, &stat);

	if (v)
		*v += 1;
}

/* A zeroed record with its header filled, or NULL (counted). @size must be a constant. */
static __always_inline void *xc_reserve(u16 kind, u32 size)
{
	struct xc_evt *e = bpf_ringbuf_reserve(&xc_events, size, 0);

	if (!e) {
		xc_count(XC_STAT_LOST_RING);
		return NULL;
	}
	__builtin_memset(e, 0, size);
	e->ts_ns = bpf_ktime_get_ns();
	e->size_bytes = size;
	e->kind = kind;
	e->cpu = bpf_get_smp_processor_id();
	return e;
}

static __always_inline void xc_submit(void *e)
{
	bpf_ringbuf_submit(e, 0);
	xc_count(XC_STAT_EMITTED);
}

/* ---- scope ---------------------------------------------------------------------- */

static __always_inline int xc_netns_in_scope(u32 netns)
{
	if (!cfg.has_netns_scope)
		return 1;
	if (cfg.netns_only)
		return netns == cfg.netns_only;
	return bpf_map_lookup_elem(&xc_netns, &netns) != NULL;
}

static __always_inline int cgroup_in_scope(struct cgroup *cg)
{
	struct cgroup_subsys_state *css;

	for (int depth = 0; cg && depth < 16; depth++) {
		if (BPF_CORE_READ(cg, kn, id) == cfg.cgroup_id)
			return 1;
		css = BPF_CORE_READ(cg, self.parent);
		cg = css ? BPF_CORE_READ(css, cgroup) : NULL;
	}
	return 0;
}

/* Is the current process in scope? Only meaningful in process context. */
static __always_inline int xc_task_in_scope(void)
{
	struct task_struct *task;

	if (cfg.tgid && cfg.tgid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	if (!cfg.cgroup_id)
		return 1;
	task = (struct task_struct *)bpf_get_current_task();
	return cgroup_in_scope(BPF_CORE_READ(task, cgroups, dfl_cgrp));
}

static __always_inline int xc_has_process_scope(void)
{
	return cfg.tgid || cfg.cgroup_id;
}

static __always_inline void peer_key(struct xc_peer_key *k, const struct xc_tuple *t, int remote)
{
	__builtin_memset(k, 0, sizeof(*k));
	__builtin_memcpy(k->addr, remote ? t->daddr : t->saddr, 16);
	k->port_he = remote ? t->dport_he : t->sport_he;
	k->proto = t->proto;
}

/* Remember that a process in scope talks to the remote end of @t. */
static __always_inline void xc_peer_learn(const struct xc_tuple *t)
{
	struct xc_peer_key k;
	u8 one = 1;

	peer_key(&k, t, 1);
	bpf_map_update_elem(&xc_peers, &k, &one, BPF_ANY);
}

/* Does a packet belong to a flow of a process in scope? */
static __always_inline int xc_packet_in_scope(const struct xc_tuple *t)
{
	struct xc_peer_key k;

	if (!xc_tuple_in_scope(t))
		return 0;
	if (!xc_has_process_scope())
		return 1;
	peer_key(&k, t, 1);
	if (bpf_map_lookup_elem(&xc_peers, &k))
		return 1;
	peer_key(&k, t, 0);
	return bpf_map_lookup_elem(&xc_peers, &k) != NULL;
}

/* Any process as owner. */
static __always_inline void xc_owner_of(struct xc_owner *o, struct task_struct *t)
{
	o->tgid = BPF_CORE_READ(t, tgid);
	o->uid = BPF_CORE_READ(t, cred, uid.val);
	o->cgroup_id = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&o->comm, t, group_leader, comm);
}

/* The same of a task that the verifier knows to be one: a tenth of the time. */
static __always_inline void xc_owner_of_known(struct xc_owner *o, struct task_struct *t)
{
	const u64 *comm = (const u64 *)t->group_leader->comm;
	u64 copy[2] = { comm[0], comm[1] };

	o->tgid = t->tgid;
	o->uid = t->cred->uid.val;
	o->cgroup_id = t->cgroups->dfl_cgrp->kn->id;
	__builtin_memcpy(o->comm, copy, sizeof(o->comm));
}

/*
 * The current process as owner. Call only where the kernel is known to run in process
 * context: in softirq "current" is a random task. There is no cheap way to ask, so each
 * caller says why it is sure.
 */
static __always_inline void xc_owner_current(struct xc_owner *o)
{
	if (cfg.has_task_btf)
		xc_owner_of_known(o, bpf_get_current_task_btf());
	else
		xc_owner_of(o, (struct task_struct *)bpf_get_current_task());
}
