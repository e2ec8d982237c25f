/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a program is told and what needs no map: the configuration, the scope of addresses, and
 * reading a socket's address.
 */
#pragma once

#include "probe/kernel.bpf.h"

#include "abi/event.h"
#include "probe/cfg.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

const volatile struct xc_probe_cfg cfg;

static __always_inline void xc_addr4(u8 out[16], u32 be)
{
	__builtin_memset(out, 0, 10);
	out[10] = 0xff;
	out[11] = 0xff;
	__builtin_memcpy(out + 12, &be, 4);
}

static __always_inline int xc_addr_equal(const u8 a[16], const u8 b[16])
{
	u64 x[2], y[2];

	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return x[0] == y[0] && x[1] == y[1];
}

/* As the other end has it. */
static __always_inline void xc_tuple_turn(struct xc_tuple *t)
{
	u16 port_he = t->sport_he;
	u8 addr[16];

	__builtin_memcpy(addr, t->saddr, 16);
	__builtin_memcpy(t->saddr, t->daddr, 16);
	__builtin_memcpy(t->daddr, addr, 16);
	t->sport_he = t->dport_he;
	t->dport_he = port_he;
}

static __always_inline u32 xc_sk_netns(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* The namespace a packet is in: of its device; of its route, because TCP takes the device off
 * a packet it has accepted; of its socket last, because a packet that crossed a veth can still
 * carry the sender's. */
static __always_inline u32 xc_skb_netns(const struct sk_buff *skb)
{
	struct dst_entry *dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~1ul);
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	struct sock *sk;

	if (!dev && dst)
		dev = BPF_CORE_READ(dst, dev);
	if (dev)
		return BPF_CORE_READ(dev, nd_net.net, ns.inum);
	sk = BPF_CORE_READ(skb, sk);
	return sk ? xc_sk_netns(sk) : 0;
}

static __always_inline u64 xc_sk_cookie(struct sock *sk)
{
	u64 c = sk->__sk_common.skc_cookie.counter;

	if (c)
		return c;
	/* the address is unique while the socket lives, which is as long as we need it */
	return cfg.has_sock_cookie ? bpf_get_socket_cookie(sk) : (u64)sk;
}

/* Addresses and ports of any kind of socket (full, request, TIME_WAIT). skc_rcv_saddr of an
 * IPv6 socket is a hash input, not an address: branch on the family. */
static __always_inline void xc_sk_tuple(const struct sock *sk, struct xc_tuple *t)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&t->saddr, sk, __sk_common.skc_v6_rcv_saddr.in6_u);
		BPF_CORE_READ_INTO(&t->daddr, sk, __sk_common.skc_v6_daddr.in6_u);
	} else {
		xc_addr4(t->saddr, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		xc_addr4(t->daddr, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
	t->sport_he = BPF_CORE_READ(sk, __sk_common.skc_num);
	t->dport_he = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* The same of a full socket that the verifier knows to be one: plain loads, a tenth of the time. */
static __always_inline void xc_sk_tuple_known(const struct sock *sk, struct xc_tuple *t)
{
	if (sk->__sk_common.skc_family == AF_INET6) {
		const u64 *from = (const u64 *)&sk->__sk_common.skc_v6_rcv_saddr;
		const u64 *to = (const u64 *)&sk->__sk_common.skc_v6_daddr;
		u64 copy[4] = { from[0], from[1], to[0], to[1] };

		__builtin_memcpy(t->saddr, copy, 16);
		__builtin_memcpy(t->daddr, copy + 2, 16);
	} else {
		xc_addr4(t->saddr, sk->__sk_common.skc_rcv_saddr);
		xc_addr4(t->daddr, sk->__sk_common.skc_daddr);
	}
	t->sport_he = sk->__sk_common.skc_num;
	t->dport_he = bpf_ntohs(sk->__sk_common.skc_dport);
}

static __always_inline int xc_is_full(u8 state)
{
	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* Without branches: sixteen filters in a row must not multiply the paths the verifier walks. */
static __always_inline u64 end_differs(const volatile struct xc_match *m, const u64 addr[2],
				       u16 port)
{
	u64 addr_differs =
		((addr[0] ^ m->addr[0]) & m->mask[0]) | ((addr[1] ^ m->addr[1]) & m->mask[1]);
	u64 port_differs = (m->port_he ^ port) & m->port_mask;

	return addr_differs | port_differs;
}

/*
 * Which end began is not known here, so FROM and TO hold in either direction, and their
 * negation keeps nothing out: user space, which knows, makes the exact test.
 */
static __always_inline int xc_tuple_in_scope(const struct xc_tuple *t)
{
	u32 asked = 0, held = 0;
	u64 s[2], d[2];

	if (!cfg.n_match)
		return 1;
	__builtin_memcpy(s, t->saddr, 16);
	__builtin_memcpy(d, t->daddr, 16);
	for (u32 i = 0; i < XC_MATCH_MAX; i++) {
		const volatile struct xc_match *m = &cfg.match[i];
		u32 bit, hit;

		if (i >= cfg.n_match)
			break;
		hit = !end_differs(m, s, t->sport_he);
		hit |= !end_differs(m, d, t->dport_he);
		bit = 1u << (m->group & 31);
		if (m->is_not) {
			if (hit && m->what == XC_MATCH_EITHER)
				return 0;
			continue;
		}
		asked |= bit;
		held |= bit * hit;
	}
	return asked == held;
}
