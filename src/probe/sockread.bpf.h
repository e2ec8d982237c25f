/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reading one TCP socket into a record; shared by the event hooks and the scan. */
#pragma once

#include "abi/sock.h"
#include "probe/common.bpf.h"

struct xc_sock_own {
	struct xc_owner owner;
	u64 open_ns;
	u32 syn_retrans;
	u32 _pad0;
};

/*
 * Sockets that called connect(), and those the back-fill found, by address: unique until the
 * socket is CLOSE, and soon used again by another. A set-associative cache and not a hash map:
 * looking up an array costs a few instructions, and every connection is looked up three times.
 * Addresses that are near share a cache line, and a socket's neighbours in memory are the sockets
 * in use with it: hence no hash, and the owners, which healthy connections never read, apart.
 * When a set is full its oldest entry makes room (counted): its owner is not known then.
 *
 * Two CPUs that open connections of one set in the same few nanoseconds may write one entry; the
 * address decides whose it is, and names of the other could be read. Locks cost every connection.
 */
struct xc_own_set {
	u64 sk[XC_OWN_WAYS];	/* 0 = free */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct xc_own_set);
} xc_socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096 * XC_OWN_WAYS);
	__type(key, u32);	/* set * XC_OWN_WAYS + place in the set */
	__type(value, struct xc_sock_own);
} xc_owners SEC(".maps");

#define XC_SOCK_ALIGN_BITS                                                                         \
	10 /* sockets are larger than this, and slabs align them to a cache line */

static __always_inline u32 xc_own_set_of(const struct sock *sk)
{
	u32 low;

	/* The verifier lets nobody shift a pointer, but copy half of it. */
	asm("%0 = %1" : "=w"(low) : "w"((u32)(u64)sk));
	return (low >> XC_SOCK_ALIGN_BITS) & cfg.own_set_mask;
}

static __always_inline struct xc_sock_own *xc_own_at(u32 set, u32 way)
{
	u32 at = set * XC_OWN_WAYS + way;

	return bpf_map_lookup_elem(&xc_owners, &at);
}

static __always_inline struct xc_sock_own *xc_own_find(const struct sock *sk)
{
	u32 no = xc_own_set_of(sk);
	struct xc_own_set *set = bpf_map_lookup_elem(&xc_socks, &no);

	for (u32 i = 0; set && i < XC_OWN_WAYS; i++)
		if (set->sk[i] == (u64)sk)
			return xc_own_at(no, i);
	return NULL;
}

/* A place for @sk in its set: its own, a free one, or the oldest (its owner is forgotten). */
static __always_inline u32 xc_own_place(const struct xc_own_set *set, u32 no, u64 sk)
{
	u64 oldest_ns = ~0ull;
	u32 at = 0;

	for (u32 i = 0; i < XC_OWN_WAYS; i++)
		if (set->sk[i] == sk)
			return i;
	for (u32 i = 0; i < XC_OWN_WAYS; i++)
		if (!set->sk[i])
			return i;
	for (u32 i = 0; i < XC_OWN_WAYS; i++) {
		struct xc_sock_own *own = xc_own_at(no, i);

		if (own && own->open_ns < oldest_ns) {
			oldest_ns = own->open_ns;
			at = i;
		}
	}
	xc_count(XC_STAT_LOST_MAP);
	return at;
}

/* Call where nobody else can do the same for @sk. */
static __always_inline void xc_own_remember(const struct sock *sk, const struct xc_sock_own *own)
{
	u32 no = xc_own_set_of(sk), way;
	struct xc_own_set *set = bpf_map_lookup_elem(&xc_socks, &no);
	struct xc_sock_own *place;

	if (!set)
		return;
	way = xc_own_place(set, no, (u64)sk) & (XC_OWN_WAYS - 1);
	place = xc_own_at(no, way);
	if (!place)
		return;
	*place = *own;
	set->sk[way] = (u64)sk;
}

static __always_inline void xc_own_forget(const struct sock *sk)
{
	u32 no = xc_own_set_of(sk);
	struct xc_own_set *set = bpf_map_lookup_elem(&xc_socks, &no);

	for (u32 i = 0; set && i < XC_OWN_WAYS; i++)
		if (set->sk[i] == (u64)sk)
			set->sk[i] = 0;
}

/* Who listens on a port, so that the accept queue can be looked at when a child is added. */
struct xc_listener_key {
	u32 netns;
	u16 port_he;
	u16 _pad0;
};

struct xc_listener {
	u64 sk;			/* address, read with a checked read only */
	u64 cookie;
	u64 said_ns;		/* last time "full" was reported */
	u32 n_unlooked;		/* children that may come before the queue is looked at again */
	u32 _pad0;
	struct xc_owner owner;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct xc_listener_key);
	__type(value, struct xc_listener);
} xc_listeners SEC(".maps");

/* @sk listens, because of @owner. */
static __always_inline void xc_listener_learn(struct sock *sk, u32 netns, u64 cookie,
					      const struct xc_owner *owner)
{
	struct xc_listener l = { .sk = (u64)sk, .cookie = cookie, .owner = *owner };
	struct xc_listener_key lk = { .netns = netns };

	lk.port_he = BPF_CORE_READ(sk, __sk_common.skc_num);
	bpf_map_update_elem(&xc_listeners, &lk, &l, BPF_ANY);
}

/* How many low-value records this CPU may still send in this 100 ms. */
struct budget {
	u64 slot;
	u64 used;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct budget);
} budgets SEC(".maps");

static __always_inline int xc_within_budget(void)
{
	u64 slot = bpf_ktime_get_ns() / 100000000ull;
	u32 zero = 0;
	struct budget *b = bpf_map_lookup_elem(&budgets, &zero);

	if (!b)
		return 0;
	if (b->slot != slot) {
		b->slot = slot;
		b->used = 0;
	}
	if (b->used >= cfg.drop_budget) {
		xc_count(XC_STAT_SUPPRESSED);
		return 0;
	}
	b->used++;
	return 1;
}

static __always_inline int xc_iface_in_scope(u32 ifindex)
{
	return !cfg.ifindex || !ifindex || cfg.ifindex == ifindex;
}

/* The next hop of the route in @dst: the gateway, or the destination itself when on-link. */
static __always_inline void xc_dst_nexthop(struct dst_entry *dst, u16 family, const u8 daddr[16],
					   u8 out[16])
{
	__builtin_memcpy(out, daddr, 16);
	if (family == AF_INET) {
		struct rtable *rt = (struct rtable *)dst;
		u8 gw = BPF_CORE_READ(rt, rt_gw_family);

		if (gw == AF_INET)
			xc_addr4(out, BPF_CORE_READ(rt, rt_gw4));
		else if (gw == AF_INET6)	/* RFC 5549: rt_gw6 shares the union with rt_gw4 */
			bpf_probe_read_kernel(out, 16,
					      (u8 *)rt + bpf_core_field_offset(rt->rt_gw4));
	} else {
		struct rt6_info *rt = (struct rt6_info *)dst;
		u64 gw[2] = { 0 };

		BPF_CORE_READ_INTO(&gw, rt, rt6i_gateway.in6_u);
		if (gw[0] | gw[1])
			__builtin_memcpy(out, gw, 16);
	}
}

static __always_inline void fill_route(struct xc_sock_evt *e, struct sock *sk)
{
	struct dst_entry *dst = BPF_CORE_READ(sk, sk_dst_cache);
	struct net_device *dev;

	if (!dst)
		return;
	xc_dst_nexthop(dst, BPF_CORE_READ(sk, __sk_common.skc_family), e->tuple.daddr, e->nexthop);
	dev = BPF_CORE_READ(dst, dev);
	e->oif = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&e->dev, dev, name);
}

/* The newest ICMP error in the error queue (IP_RECVERR). */
static __always_inline void fill_errq(struct xc_sock_evt *e, struct sock *sk)
{
	struct sock_exterr_skb *x;
	struct sk_buff *last;
	unsigned char *ip;
	u32 saddr = 0;
	u8 ver = 0;

	if (!BPF_CORE_READ(sk, sk_error_queue.qlen))
		return;
	last = BPF_CORE_READ(sk, sk_error_queue.prev);
	x = (struct sock_exterr_skb *)last->cb;
	e->flags |= XC_SOCK_F_ERRQ;
	e->errq_errno = BPF_CORE_READ(x, ee.ee_errno);
	e->errq_origin = BPF_CORE_READ(x, ee.ee_origin);
	e->errq_type = BPF_CORE_READ(x, ee.ee_type);
	e->errq_code = BPF_CORE_READ(x, ee.ee_code);
	ip = BPF_CORE_READ(last, head) + BPF_CORE_READ(last, network_header);
	bpf_probe_read_kernel(&ver, 1, ip);
	if (ver >> 4 == 4) {
		bpf_probe_read_kernel(&saddr, 4, ip + 12);
		xc_addr4(e->errq_from, saddr);
	} else if (ver >> 4 == 6) {
		bpf_probe_read_kernel(e->errq_from, 16, ip + 8);
	}
}

/* tp->chrono: time the receiver's window held us back, in ms (index 1 = TCP_CHRONO_RWND_LIMITED). */
static __always_inline u32 rwnd_limited_ms(struct tcp_sock *tp)
{
	u32 jiffies_sum = BPF_CORE_READ(tp, chrono_stat[1]);

	if (BPF_CORE_READ_BITFIELD_PROBED(tp, chrono_type) == 2)	/* running now */
		jiffies_sum += (u32)bpf_jiffies64() - BPF_CORE_READ(tp, chrono_start);
	return cfg.hz ? (u64)jiffies_sum * 1000 / cfg.hz : 0;
}

static __always_inline void fill_tcp(struct xc_sock_evt *e, struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u32 rcv_tstamp = BPF_CORE_READ(tp, rcv_tstamp);

	e->ca_state = BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state);
	e->retransmits = BPF_CORE_READ(icsk, icsk_retransmits);
	e->probes_out = BPF_CORE_READ(icsk, icsk_probes_out);
	e->rto_us = cfg.hz ? (u64)BPF_CORE_READ(icsk, icsk_rto) * 1000000 / cfg.hz : 0;
	e->user_timeout_ms = BPF_CORE_READ(icsk, icsk_user_timeout);
	e->total_retrans = BPF_CORE_READ(tp, total_retrans);
	e->snd_una = BPF_CORE_READ(tp, snd_una);
	e->snd_nxt = BPF_CORE_READ(tp, snd_nxt);
	e->write_seq = BPF_CORE_READ(tp, write_seq);
	e->rcv_nxt = BPF_CORE_READ(tp, rcv_nxt);
	e->unread_bytes = e->rcv_nxt - BPF_CORE_READ(tp, copied_seq);
	e->snd_wnd = BPF_CORE_READ(tp, snd_wnd);
	e->rcv_wnd = BPF_CORE_READ(tp, rcv_wnd);
	e->mss_bytes = BPF_CORE_READ(tp, mss_cache);
	e->sacked_out = BPF_CORE_READ(tp, sacked_out);
	e->lost_out = BPF_CORE_READ(tp, lost_out);
	e->srtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	e->rwnd_limited_ms = rwnd_limited_ms(tp);
	e->bytes_acked = BPF_CORE_READ(tp, bytes_acked);
	e->bytes_received = BPF_CORE_READ(tp, bytes_received);
	if (BPF_CORE_READ(sk, __sk_common.skc_flags) & (1ul << 3))	/* SOCK_KEEPOPEN */
		e->keepalive_s = BPF_CORE_READ(tp, keepalive_time) ?
					 BPF_CORE_READ(tp, keepalive_time) / (cfg.hz ?: 1) :
					 7200;
	if (rcv_tstamp && cfg.hz)
		e->idle_ms = (u64)((u32)bpf_jiffies64() - rcv_tstamp) * 1000 / cfg.hz;
}

static __always_inline void fill_listener(struct xc_sock_evt *e, struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;

	e->accept_queue = BPF_CORE_READ(sk, sk_ack_backlog);
	e->accept_max = BPF_CORE_READ(sk, sk_max_ack_backlog);
	e->request_queue = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
	e->listener_full = e->accept_queue > e->accept_max;
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only))
		e->flags |= XC_SOCK_F_V6ONLY;
}

/* Everything but what, state_old and cookie. @sk is a full socket. @own may be NULL. */
static __always_inline void xc_sock_fill(struct xc_sock_evt *e, struct sock *sk,
					 struct xc_sock_own *own)
{
	xc_sk_tuple(sk, &e->tuple);
	e->tuple.proto = BPF_CORE_READ(sk, sk_protocol);
	e->netns = xc_sk_netns(sk);
	e->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	e->sk_err = BPF_CORE_READ(sk, sk_err);
	e->sk_err_soft = BPF_CORE_READ(sk, sk_err_soft);
	e->shutdown = BPF_CORE_READ(sk, sk_shutdown);
	e->sk_drops = BPF_CORE_READ(sk, sk_drops.counter);
	e->rcvbuf_bytes = BPF_CORE_READ(sk, sk_rcvbuf);
	if (BPF_CORE_READ(sk, __sk_common.skc_flags) & 1)	/* SOCK_DEAD */
		e->flags |= XC_SOCK_F_ORPHAN;
	if (own) {
		e->owner = own->owner;
		e->open_ns = own->open_ns;
		e->syn_retrans = own->syn_retrans;
		/* without a start time the owner is from the back-fill: either end */
		if (e->open_ns && e->state != TCP_LISTEN)
			e->flags |= XC_SOCK_F_CLIENT;
	} else if (bpf_core_field_exists(struct sock_cgroup_data, cgroup)) {
		e->owner.cgroup_id = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	}
	fill_errq(e, sk);
	if (e->tuple.proto != IPPROTO_TCP)
		return;
	if (e->state == TCP_LISTEN) {
		fill_listener(e, sk);
	} else {
		fill_tcp(e, sk);
		fill_route(e, sk);
	}
}
