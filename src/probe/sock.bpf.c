/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * TCP sockets: a healthy connection costs one entry filled when it is opened, two looks when
 * its ends close and a few compares in between; a snapshot is sent only when something went
 * wrong. Never touches payload.
 */
#include "abi/path.h"
#include "probe/common.bpf.h"
#include "probe/lastroute.bpf.h"
#include "probe/sockread.bpf.h"
#include "probe/turnedaway.bpf.h"

/* In tracepoints the verifier knows what @sk is: plain loads, which cost a tenth of checked reads. */
static __always_inline u32 netns_of(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

#define LISTENER_QUIET_NS 200000000ull	/* a full queue is reported at most 5 times a second */

/* Not inline, like all that healthy connections do not pass: what they do pass stays in the cache. */
static __noinline void sock_emit(struct sock *sk, u64 cookie, struct xc_sock_own *own, u8 what,
				 u8 state_old)
{
	struct xc_sock_evt *e;

	e = xc_reserve(XC_EVT_SOCK, sizeof(*e));
	if (!e)
		return;
	xc_sock_fill(e, sk, own);
	e->cookie = cookie;
	e->what = what;
	e->state_old = state_old;
	/* inet_num and the port are given back before CLOSE is traced; inet_sport still has it. */
	if (!e->tuple.sport_he)
		e->tuple.sport_he = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	if (!xc_tuple_in_scope(&e->tuple) || !xc_iface_in_scope(e->oif)) {
		bpf_ringbuf_discard(e, 0);
		xc_count(XC_STAT_OUT_OF_SCOPE);
		return;
	}
	xc_submit(e);
}

/* A lookup for this connect() failed in one routing table and another table had the route after
 * all: take the report back. */
static __noinline void route_was_found(struct sock *sk, u32 netns)
{
	struct xc_tuple t = { .proto = IPPROTO_TCP };
	struct xc_route_evt *e;

	xc_sk_tuple(sk, &t);
	if (!xc_route_error_for(t.daddr))
		return;
	e = xc_reserve(XC_EVT_ROUTE, sizeof(*e));
	if (!e)
		return;
	__builtin_memcpy(e->saddr, t.saddr, 16);
	__builtin_memcpy(e->daddr, t.daddr, 16);
	e->netns = netns;
	e->dport_he = t.dport_he;
	e->proto = IPPROTO_TCP;
	e->is_local_output = 1;
	xc_submit(e);
}

/* Is this the other kind of address? */
static __noinline void goes_on(struct sock *sk, struct xc_sock_own *own,
			       const struct xc_turned_away *from)
{
	struct xc_tuple t;

	xc_sk_tuple(sk, &t);
	if (xc_is_v4(t.daddr) != from->is_v4)
		sock_emit(sk, xc_sk_cookie(sk), own, XC_SOCK_GOES_ON, TCP_CLOSE);
}

/* connect() was called: remember who and when. The only cost of a connection that succeeds. */
static __always_inline void on_connect(struct sock *sk, u32 netns)
{
	struct xc_sock_own own = { .open_ns = bpf_ktime_get_ns() };
	struct xc_turned_away *from;

	if (!xc_task_in_scope())
		return;
	xc_owner_current(&own.owner);	/* CLOSE to SYN_SENT happens inside connect() only */
	if (xc_has_process_scope()) {
		struct xc_tuple t = { .proto = IPPROTO_TCP };

		xc_sk_tuple(sk, &t);
		xc_peer_learn(&t);
	}
	xc_own_remember(sk, &own);
	from = xc_just_turned_away(own.owner.tgid, bpf_ntohs(sk->__sk_common.skc_dport),
				   own.open_ns);
	if (from)
		goes_on(sk, &own, from);
	if (xc_route_just_failed())
		route_was_found(sk, netns);
}

static __noinline void on_listen(struct sock *sk, u32 netns)
{
	struct xc_sock_own own = { .open_ns = bpf_ktime_get_ns() };
	u64 cookie = xc_sk_cookie(sk);
	u8 one = 1;

	xc_owner_current(&own.owner);	/* listen() is only ever called by a process */
	bpf_map_update_elem(&xc_servers, &own.owner.tgid, &one, BPF_ANY);
	xc_listener_learn(sk, netns, cookie, &own.owner);
	if (xc_task_in_scope())
		sock_emit(sk, cookie, &own, XC_SOCK_LISTEN, TCP_CLOSE);
}

static __noinline void on_unlisten(struct sock *sk, u32 netns)
{
	struct xc_listener_key lk = { .netns = netns };
	struct xc_listener *l;

	/* skc_num is already 0 here for a socket without SO_REUSEPORT users left */
	lk.port_he = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (!lk.port_he)
		lk.port_he = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	l = bpf_map_lookup_elem(&xc_listeners, &lk);
	if (l && l->sk == (u64)sk)
		bpf_map_delete_elem(&xc_listeners, &lk);
	sock_emit(sk, xc_sk_cookie(sk), NULL, XC_SOCK_UNLISTEN, TCP_LISTEN);
}

#define UNLOOKED_MAX 64	/* listen() may make the queue shorter meanwhile */

/* A child takes one place: while there are many, not every child needs a look. */
static __always_inline int is_queue_full(struct xc_listener *l)
{
	const struct sock *lsk = (struct sock *)l->sk;
	u32 used, max, left;

	if (l->n_unlooked) {
		l->n_unlooked--;
		return 0;
	}
	used = BPF_CORE_READ(lsk, sk_ack_backlog);
	max = BPF_CORE_READ(lsk, sk_max_ack_backlog);
	if (used > max)
		return 1;
	left = (max - used) / 2;	/* another CPU may count at the same time */
	l->n_unlooked = left < UNLOOKED_MAX ? left : UNLOOKED_MAX;
	return 0;
}

/* A child was added to an accept queue: is that queue full now? The overflow itself makes no
 * event on the SYN path, so this is the earliest the kernel can tell. */
static __always_inline void on_child(struct sock *sk)
{
	struct xc_listener_key lk = { .netns = netns_of(sk) };
	struct sock *lsk;
	struct xc_listener *l;
	u64 now;

	lk.port_he = sk->__sk_common.skc_num;
	l = bpf_map_lookup_elem(&xc_listeners, &lk);
	if (!l)
		return;		/* nobody's, or of a namespace out of scope */
	lsk = (struct sock *)l->sk;
	if (!is_queue_full(l))
		return;
	if (BPF_CORE_READ(lsk, __sk_common.skc_state) != TCP_LISTEN)
		return;		/* gone; the map has not heard yet */
	now = bpf_ktime_get_ns();
	if (now - l->said_ns < LISTENER_QUIET_NS)
		return;
	l->said_ns = now;
	sock_emit(lsk, l->cookie, NULL, XC_SOCK_LISTEN, TCP_LISTEN);
}

/* A connect that ends without an error may still have failed: the error can have been
 * consumed already, and running out of ports leaves none. User space decides. */
static __always_inline int may_have_failed(const struct sock *sk, int old)
{
	return sk->sk_err || sk->sk_err_soft || old == TCP_SYN_SENT;
}

/* connect() fails with an error of its own. */
static __noinline void turned_away(struct sock *sk, const struct xc_sock_own *own)
{
	struct xc_tuple t;

	xc_sk_tuple(sk, &t);
	xc_turn_away(own->owner.tgid, t.daddr, t.dport_he);
}

static __always_inline void on_close(struct sock *sk, int old)
{
	struct xc_sock_own *own = xc_own_find(sk);

	if (old == TCP_SYN_SENT && sk->sk_err && own)
		turned_away(sk, own);

	if (may_have_failed(sk, old) && (own || !xc_has_process_scope()) &&
	    xc_netns_in_scope(netns_of(sk)))
		sock_emit(sk, xc_sk_cookie(sk), own, XC_SOCK_CLOSED, old);
	if (own)
		xc_own_forget(sk);
}

#define PF_EXITING 0x4		/* include/linux/sched.h */
#define SIGNAL_MASK 0x7f	/* wait(2) */

static __always_inline int is_exiting(void)
{
	struct task_struct *task;

	if (cfg.has_task_btf)	/* a plain load; this is asked at every close */
		return bpf_get_current_task_btf()->flags & PF_EXITING;
	task = (struct task_struct *)bpf_get_current_task();
	return BPF_CORE_READ(task, flags) & PF_EXITING;
}

/* A socket starts to close. When its process is dying of a signal, the peer sees a clean FIN or
 * nothing at all, and no other event tells that a connection was cut. */
static __always_inline void on_fin(struct sock *sk)
{
	struct xc_sock_own own = { 0 }, *known;
	struct task_struct *task;

	/* only close(), shutdown() and exit lead here: process context */
	if (!is_exiting())
		return;
	task = (struct task_struct *)bpf_get_current_task();
	if (!(BPF_CORE_READ(task, exit_code) & SIGNAL_MASK))
		return;
	if (!xc_netns_in_scope(netns_of(sk)) || !xc_task_in_scope())
		return;
	known = xc_own_find(sk);
	if (known && known->open_ns)
		return;		/* a client that goes away has not been failed by anybody */
	xc_owner_of(&own.owner, task);
	sock_emit(sk, xc_sk_cookie(sk), &own, XC_SOCK_DIED, TCP_ESTABLISHED);
}

static __always_inline int on_state(struct sock *sk, int from, int to)
{
	u32 netns;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK) {
		on_fin(sk);
		return 0;
	}
	if (to == TCP_CLOSE && from != TCP_LISTEN) {
		on_close(sk, from);
		return 0;
	}
	if (to == TCP_ESTABLISHED && from == TCP_SYN_RECV) {
		on_child(sk);
		return 0;
	}
	if (to == TCP_ESTABLISHED && from == TCP_SYN_SENT) {
		struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

		/* the common case: nothing to do unless the SYN had to be repeated */
		if (!tp || !tp->total_retrans)
			return 0;
	} else if (to != TCP_SYN_SENT && to != TCP_LISTEN && to != TCP_CLOSE) {
		return 0;
	}
	netns = netns_of(sk);
	if (!xc_netns_in_scope(netns))
		return 0;
	if (to == TCP_SYN_SENT)
		on_connect(sk, netns);
	else if (to == TCP_LISTEN)
		on_listen(sk, netns);
	else if (to == TCP_CLOSE)
		on_unlisten(sk, netns);
	else
		sock_emit(sk, xc_sk_cookie(sk), xc_own_find(sk), XC_SOCK_ESTABLISHED, from);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sock_state, struct sock *sk, int from, int to)
{
	return on_state(sk, from, to);
}

/* Is this socket watched? Finds what is known of it; false = out of scope. */
static __always_inline int sock_watched(struct sock *sk, struct xc_sock_own **own)
{
	if (!xc_netns_in_scope(netns_of(sk)))
		return 0;
	*own = xc_own_find(sk);
	return *own || !xc_has_process_scope();
}

/* Errors that leave the socket alive (ICMP, mostly); those that kill it are told at CLOSE. */
SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(sock_error, struct sock *sk)
{
	struct xc_sock_own *own = NULL;
	u8 state = sk->__sk_common.skc_state;
	u16 proto = sk->sk_protocol;

	if (proto != IPPROTO_UDP && (proto != IPPROTO_TCP || state == TCP_CLOSE))
		return 0;
	if (sock_watched(sk, &own))
		sock_emit(sk, xc_sk_cookie(sk), own, XC_SOCK_ERROR, state);
	return 0;
}

static __always_inline int is_power_of_two(u32 n)
{
	return !(n & (n - 1));
}

static __always_inline int on_retransmit(struct sock *sk, const struct sk_buff *skb, int err)
{
	struct tcp_skb_cb *cb = (struct tcp_skb_cb *)skb->cb;
	struct xc_sock_own *own = NULL;
	u8 state = sk->__sk_common.skc_state;
	struct xc_sock_evt *e;
	u32 total, end;

	if (!sock_watched(sk, &own))
		return 0;
	total = BPF_CORE_READ((struct tcp_sock *)sk, total_retrans);
	if (state == TCP_SYN_SENT) {
		if (own)
			own->syn_retrans++;
	} else if (!is_power_of_two(total) &&
		   !BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_retransmits)) {
		xc_count(XC_STAT_SUPPRESSED);	/* fast retransmits: total_retrans still tells */
		return 0;
	}
	e = xc_reserve(XC_EVT_SOCK, sizeof(*e));
	if (!e)
		return 0;
	xc_sock_fill(e, sk, own);
	e->cookie = xc_sk_cookie(sk);
	e->what = XC_SOCK_RETRANS;
	e->state_old = state;
	e->retrans_err = (__s16)err;
	e->seg_seq = BPF_CORE_READ(cb, seq);
	end = BPF_CORE_READ(cb, end_seq);
	e->seg_flags = BPF_CORE_READ(cb, tcp_flags);
	/* SYN and FIN take one sequence number each (RFC 9293 3.4) */
	e->seg_bytes = end - e->seg_seq - (e->seg_flags & 1) - ((e->seg_flags >> 1) & 1);
	if (!xc_tuple_in_scope(&e->tuple) || !xc_iface_in_scope(e->oif)) {
		bpf_ringbuf_discard(e, 0);
		xc_count(XC_STAT_OUT_OF_SCOPE);
		return 0;
	}
	xc_submit(e);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(sock_retrans_err, struct sock *sk, const struct sk_buff *skb, int err)
{
	return on_retransmit(sk, skb, err);
}

SEC("tp_btf/tcp_retransmit_skb")	/* before 6.15: no result */
int BPF_PROG(sock_retrans, struct sock *sk, const struct sk_buff *skb)
{
	return on_retransmit(sk, skb, 0);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(sock_synack, struct sock *sk, const struct request_sock *req)
{
	struct xc_sock_own *own = NULL;
	struct xc_sock_evt *e;

	if (!sock_watched(sk, &own) || !xc_within_budget())
		return 0;
	e = xc_reserve(XC_EVT_SOCK, sizeof(*e));
	if (!e)
		return 0;
	xc_sock_fill(e, sk, own);
	xc_sk_tuple((const struct sock *)req,
		    &e->tuple); /* struct sock_common comes first in both */
	e->cookie = xc_sk_cookie(sk);
	e->what = XC_SOCK_SYNACK_RETRANS;
	e->syn_retrans = BPF_CORE_READ(req, num_retrans);
	if (!xc_tuple_in_scope(&e->tuple)) {
		bpf_ringbuf_discard(e, 0);
		xc_count(XC_STAT_OUT_OF_SCOPE);
		return 0;
	}
	xc_submit(e);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(sock_rst, struct sock *sk)
{
	struct xc_sock_own *own = NULL;

	if (sock_watched(sk, &own))
		sock_emit(sk, xc_sk_cookie(sk), own, XC_SOCK_RST_RCVD, sk->__sk_common.skc_state);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
