/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What only the kernel knows of a flow: which segments its socket really sent again, which packets
 * it dropped and whether a rule did, whose socket it is, its smoothed round-trip time.
 */
#include "probe/flow.bpf.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define SOCK_RAW 3
#define MDEV_SCALE 4	/* tcp_sock: mdev_us is kept times 4, srtt_us times 8 (RFC 6298 2.3) */

/* Who opened a socket: by its address until it is connected, by namespace and port while it listens. */
struct owner_key {
	u64 sk;
	u32 netns;
	u16 port_he;
	u16 _pad0;
};

struct owner {
	u32 tgid;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct owner_key);
	__type(value, struct owner);
} flow_owners SEC(".maps");

static __always_inline int netns_in_scope(u32 netns)
{
	return !cfg.has_netns_scope || netns == cfg.netns_only;
}

/* ---- entries --------------------------------------------------------------------------------- */

static __always_inline struct xc_truth *find_or_make(const struct xc_flow_key *key)
{
	struct xc_truth *t = bpf_map_lookup_elem(&xc_truth, key), none = { 0 };
	struct xc_flow_losses *lost;

	if (t)
		return t;
	(void)bpf_map_update_elem(&xc_truth, key, &none, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&xc_truth, key);
	lost = t ? NULL : xc_flow_losses();
	if (lost)
		lost->n_truths++;
	return t;
}

/* Of the window that is open now. Two CPUs that open it at once may lose an event. */
static __always_inline struct xc_truth_window *window_of(struct xc_truth *t)
{
	u64 no = cfg.window_ns ? xc_wall_ns() / cfg.window_ns : 0;
	struct xc_truth_window *w = &t->window[no & 1];

	if (w->no != no) {
		w->n_retrans = w->n_policy_drops = w->n_drops = 0;
		w->no = no;
	}
	return w;
}

/* The key of a socket's flow, and which end of it the socket is. False = out of scope. */
static __always_inline int key_of(const struct sock *sk, u8 proto, struct xc_flow_key *key, u8 *end)
{
	struct xc_tuple t = { .proto = proto };

	if (!netns_in_scope(xc_sk_netns(sk)))
		return 0;
	xc_sk_tuple(sk, &t);
	if (!t.sport_he)	/* given back already; the copy of the header stays */
		t.sport_he = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	if (!xc_tuple_in_scope(&t))
		return 0;
	*end = xc_flow_key_of((const struct xc_flow_ends *)&t, key);
	return 1;
}

static __always_inline void set_socket(struct xc_truth *t, struct sock *sk)
{
	t->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	t->netns = xc_sk_netns(sk);
	if (bpf_core_field_exists(struct sock_cgroup_data, cgroup))
		t->cgroup_id = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

static __always_inline void set_owner(struct xc_truth *t, const struct owner *o)
{
	t->tgid = o->tgid;
	__builtin_memcpy(t->comm, o->comm, sizeof(t->comm));
}

static __always_inline void set_rtt(struct xc_truth *t, const struct sock *sk)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;

	t->srtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	t->mdev_us = BPF_CORE_READ(tp, mdev_us) / MDEV_SCALE;
}

/* ---- whose socket ------------------------------------------------------------------------------ */

static __always_inline void remember_opener(const struct owner_key *key)
{
	struct owner o = { .tgid = bpf_get_current_pid_tgid() >> 32 };

	bpf_get_current_comm(o.comm, sizeof(o.comm));
	bpf_map_update_elem(&flow_owners, key, &o, BPF_ANY);
}

/* When both ends are here, the one that was connected to is told: there the work is done. */
static __always_inline void on_established(struct sock *sk, int is_server)
{
	struct owner_key opener = { 0 };
	struct xc_flow_key key;
	struct xc_truth *t;
	struct owner *o;
	u8 end;

	if (!key_of(sk, IPPROTO_TCP, &key, &end))
		return;
	if (is_server) {
		opener.netns = xc_sk_netns(sk);
		opener.port_he = BPF_CORE_READ(sk, __sk_common.skc_num);
	} else {
		opener.sk = (u64)sk;
	}
	o = bpf_map_lookup_elem(&flow_owners, &opener);
	t = find_or_make(&key);
	if (t && (is_server || !t->is_server)) {
		set_socket(t, sk);
		if (o)
			set_owner(t, o);
		else
			t->tgid = 0;
		t->is_server = is_server;
	}
	if (!is_server)
		bpf_map_delete_elem(&flow_owners, &opener);
}

static __always_inline void on_close(struct sock *sk)
{
	struct xc_flow_key key;
	struct xc_truth *t;
	u8 end;

	if (!key_of(sk, IPPROTO_TCP, &key, &end))
		return;
	t = bpf_map_lookup_elem(&xc_truth, &key);
	if (t && t->netns == xc_sk_netns(sk))
		set_rtt(t, sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(truth_state, struct sock *sk, int from, int to)
{
	struct owner_key opener = { 0 };

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (to == TCP_SYN_SENT) {	/* inside connect(): the process is the current one */
		opener.sk = (u64)sk;
		remember_opener(&opener);
	} else if (to == TCP_LISTEN) {	/* inside listen() */
		opener.netns = xc_sk_netns(sk);
		opener.port_he = sk->__sk_common.skc_num;
		remember_opener(&opener);
	} else if (to == TCP_ESTABLISHED) {
		on_established(sk, from == TCP_SYN_RECV);
	} else if (to == TCP_CLOSE && from != TCP_LISTEN) {
		on_close(sk);
	}
	return 0;
}

/* ---- sent again ------------------------------------------------------------------------------- */

static __always_inline int on_retransmit(struct sock *sk, u32 n_segments)
{
	struct xc_flow_key key;
	struct xc_truth *t;
	u8 end;

	if (!key_of(sk, IPPROTO_TCP, &key, &end))
		return 0;
	t = find_or_make(&key);
	if (!t)
		return 0;
	__sync_fetch_and_add(&window_of(t)->n_retrans, n_segments ?: 1);
	return 0;
}

static __always_inline u32 segments_of(const struct sk_buff *skb)
{
	return BPF_CORE_READ((const struct tcp_skb_cb *)skb->cb, tcp_gso_segs);
}

SEC("tp_btf/tcp_retransmit_skb")	/* 6.15: tells whether the segment left */
int BPF_PROG(truth_retrans_err, struct sock *sk, struct sk_buff *skb, int err)
{
	return err ? 0 : on_retransmit(sk, segments_of(skb));
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(truth_retrans, struct sock *sk, struct sk_buff *skb)
{
	return on_retransmit(sk, segments_of(skb));
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(truth_synack, struct sock *sk, struct request_sock *req)
{
	return on_retransmit((struct sock *)req, 1);
}

/* ---- dropped ---------------------------------------------------------------------------------- */

struct dropped {
	u8 bytes[XC_FLOW_HEADERS + XC_FLOW_SLACK] XC_WORDS;
	struct xc_flow_packet k;
	struct xc_flow_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct dropped);
} flow_dropped SEC(".maps");

/* The compiler would prove the mask away and the verifier would then miss the bound. */
static __always_inline u8 action_of(u32 reason)
{
	u64 i = reason;

	if (i >= XC_REASON_MAX)
		return XC_REASON_KEEP;	/* a subsystem's own reasons (mac80211, openvswitch) */
	asm volatile("%0 &= 255" : "+r"(i));
	return cfg.reason_action[i];
}

/* Headers of @skb, wherever in the stack it is. What lies behind its end is not told from it: headers do not lie there. */
static __always_inline struct dropped *read_packet(const struct sk_buff *skb)
{
	u16 at = BPF_CORE_READ(skb, network_header);
	unsigned char *head = BPF_CORE_READ(skb, head);
	struct xc_flow_bytes b = { .n = XC_FLOW_HEADERS };
	u32 zero = 0;
	struct dropped *d = bpf_map_lookup_elem(&flow_dropped, &zero);

	if (!d || !at || at == 0xffff)
		return NULL;
	if (bpf_probe_read_kernel(d->bytes, XC_FLOW_HEADERS, head + at))
		return NULL;
	b.data = d->bytes;
	if (xc_flow_parse(&b, 0, BPF_CORE_READ(skb, len), &d->k))
		return NULL;
	return d;
}

/* Normal operation, told by reason and packet: what nobody waits for, and who filters for himself. */
static __always_inline int is_noise(const struct xc_flow_packet *k, u32 reason, struct sock *rx)
{
	if (reason == cfg.reason_no_socket)
		return k->ends.proto != IPPROTO_UDP &&
		       (k->ends.proto != IPPROTO_TCP || k->tcp_flags & XC_TCP_RST);
	if (reason == cfg.reason_old_sequence)
		return k->payload_bytes <= 1;	/* a keep-alive, and what answers it */
	return reason == cfg.reason_socket_filter && rx && BPF_CORE_READ(rx, sk_type) == SOCK_RAW;
}

static __always_inline int on_drop(const struct sk_buff *skb, u32 reason, struct sock *rx)
{
	u8 action = action_of(reason);
	struct xc_truth_window *w;
	struct xc_truth *t;
	struct dropped *d;
	u32 netns;

	/* what names no reason is normal as often as not */
	if (action == XC_REASON_IGNORE || action == XC_REASON_BY_PLACE)
		return 0;
	netns = xc_skb_netns(skb);
	if (!netns_in_scope(netns))
		return 0;
	d = read_packet(skb);
	if (!d || is_noise(&d->k, reason, rx) ||
	    !xc_tuple_in_scope((const struct xc_tuple *)&d->k.ends))
		return 0;
	d->k.source = xc_flow_key_of(&d->k.ends, &d->key);
	t = find_or_make(&d->key);
	if (!t)
		return 0;
	if (!t->netns) {
		t->netns = netns;
		t->initiator = d->k.source;
	}
	w = window_of(t);
	__sync_fetch_and_add(&w->n_drops, 1);
	if (action == XC_REASON_POLICY)
		__sync_fetch_and_add(&w->n_policy_drops, 1);
	return 0;
}

SEC("tp_btf/kfree_skb")		/* 6.11: with the receiving socket */
int BPF_PROG(truth_drop_rx, struct sk_buff *skb, void *location, u32 reason, struct sock *rx_sk)
{
	return on_drop(skb, reason, rx_sk);
}

SEC("tp_btf/kfree_skb")		/* 5.17: with a reason */
int BPF_PROG(truth_drop, struct sk_buff *skb, void *location, u32 reason)
{
	return on_drop(skb, reason, NULL);
}

/* ---- what was there before, and what is current ------------------------------------------------ */

static __always_inline void on_held_socket(struct sock *sk, struct task_struct *task)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family), proto;
	struct owner_key listener = { 0 };
	struct owner o = { 0 };
	struct xc_flow_key key;
	struct xc_truth *t;
	u8 end;

	proto = BPF_CORE_READ(sk, sk_protocol);
	if ((family != AF_INET && family != AF_INET6) ||
	    (proto != IPPROTO_TCP && proto != IPPROTO_UDP))
		return;
	o.tgid = BPF_CORE_READ(task, tgid);
	BPF_CORE_READ_STR_INTO(&o.comm, task, group_leader, comm);
	if (proto == IPPROTO_TCP && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN) {
		listener.netns = xc_sk_netns(sk);
		listener.port_he = BPF_CORE_READ(sk, __sk_common.skc_num);
		bpf_map_update_elem(&flow_owners, &listener, &o, BPF_NOEXIST);
		return;
	}
	if (!BPF_CORE_READ(sk, __sk_common.skc_dport) || !key_of(sk, (u8)proto, &key, &end))
		return;
	t = find_or_make(&key);
	if (!t || t->tgid)
		return;
	set_socket(t, sk);
	set_owner(t, &o);
}

SEC("iter/task_file")
int truth_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
	if (sk)
		on_held_socket(sk, task);
	return 0;
}

SEC("iter/tcp")
int truth_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock *sk = (struct sock *)ctx->sk_common;
	struct xc_flow_key key;
	struct xc_truth *t;
	u8 end, state;

	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (!xc_is_full(state) || state == TCP_LISTEN || state == TCP_CLOSE)
		return 0;
	if (!key_of(sk, IPPROTO_TCP, &key, &end))
		return 0;
	t = find_or_make(&key);
	if (!t)
		return 0;
	if (!t->cgroup_id)
		set_socket(t, sk);
	/* of two ends on this host, the one that is told */
	if (t->cookie == (u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter))
		set_rtt(t, sk);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
