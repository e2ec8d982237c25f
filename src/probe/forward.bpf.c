/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Payload of flows that only pass through this host: packets of one interface, for requests of which no socket here is an
 * end. Attached only where it is asked for. Looks at packets, never changes or decides one.
 */
#include "probe/link.bpf.h"
#include "probe/segment.bpf.h"

/* ---- whose packet is it? --------------------------------------------------------------------- */

enum { NO_SOCKET, LISTENER, SOCKET };

static __always_inline int kind_of(struct bpf_sock *sk, int is_unconnected)
{
	if (!sk)
		return NO_SOCKET;
	bpf_sk_release(sk);
	return is_unconnected ? LISTENER : SOCKET;
}

static __always_inline int find_tcp(struct __sk_buff *skb, struct bpf_sock_tuple *t, int is_ip4)
{
	u32 n = is_ip4 ? sizeof(t->ipv4) : sizeof(t->ipv6);
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, t, n, BPF_F_CURRENT_NETNS, 0);

	return kind_of(sk, sk && sk->state == TCP_LISTEN);
}

static __always_inline int find_udp(struct __sk_buff *skb, struct bpf_sock_tuple *t, int is_ip4)
{
	u32 n = is_ip4 ? sizeof(t->ipv4) : sizeof(t->ipv6);
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, t, n, BPF_F_CURRENT_NETNS, 0);

	return kind_of(sk, sk && !sk->dst_port);
}

static __always_inline int is_ip4(const struct xc_tuple *t)
{
	u64 a[2];

	__builtin_memcpy(a, t->daddr, 16);
	return !a[0] && (u32)a[1] == bpf_htonl(0xffff);
}

/* What socket would take what is sent to d*, if it came to this host? */
static __always_inline int find_socket(struct __sk_buff *skb, const struct xc_tuple *t)
{
	struct bpf_sock_tuple k = { 0 };

	if (t->proto != IPPROTO_TCP && t->proto != IPPROTO_UDP)
		return LISTENER;	/* the host answers echoes without one */
	if (is_ip4(t)) {
		__builtin_memcpy(&k.ipv4.saddr, t->saddr + 12, 4);
		__builtin_memcpy(&k.ipv4.daddr, t->daddr + 12, 4);
		k.ipv4.sport = bpf_htons(t->sport_he);
		k.ipv4.dport = bpf_htons(t->dport_he);
		return t->proto == IPPROTO_TCP ? find_tcp(skb, &k, 1) : find_udp(skb, &k, 1);
	}
	__builtin_memcpy(&k.ipv6.saddr, t->saddr, 16);
	__builtin_memcpy(&k.ipv6.daddr, t->daddr, 16);
	k.ipv6.sport = bpf_htons(t->sport_he);
	k.ipv6.dport = bpf_htons(t->dport_he);
	return t->proto == IPPROTO_TCP ? find_tcp(skb, &k, 0) : find_udp(skb, &k, 0);
}

/* Would this host not pass on what is sent to d*? Where it routes nothing at all, that is not known: yes. */
static __always_inline int is_own_address(struct __sk_buff *skb, const struct xc_tuple *t)
{
	struct bpf_fib_lookup f = { .ifindex = skb->ifindex };
	int r;

	if (is_ip4(t)) {
		f.family = AF_INET;
		__builtin_memcpy(&f.ipv4_src, t->saddr + 12, 4);
		__builtin_memcpy(&f.ipv4_dst, t->daddr + 12, 4);
	} else {
		f.family = AF_INET6;
		__builtin_memcpy(f.ipv6_src, t->saddr, 16);
		__builtin_memcpy(f.ipv6_dst, t->daddr, 16);
	}
	r = bpf_fib_lookup(skb, &f, sizeof(f), 0);
	return r == BPF_FIB_LKUP_RET_NOT_FWDED || r == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

static __always_inline void tuple_of(struct xc_tuple *t, const struct xc_head *h)
{
	__builtin_memcpy(t->saddr, h->addr[0], 16);
	__builtin_memcpy(t->daddr, h->addr[1], 16);
	t->sport_he = h->port_he[0];
	t->dport_he = h->port_he[1];
	t->proto = h->proto;
}

/*
 * Is this host an end of it: where it goes to, or where it comes from? -1: it is out of scope. A listener on any
 * address is found for whatever address; the address decides then. What is rewritten on its way has, before, an address
 * of this host, but no socket.
 */
static __noinline int ends_here(struct __sk_buff *skb, const struct xc_head *h, int dir)
{
	struct xc_tuple t = { 0 };
	int kind;

	if (!h || (dir == XC_OUT && skb->sk))
		return 1;
	tuple_of(&t, h);
	if (!xc_tuple_in_scope(&t))
		return -1;
	if (dir == XC_OUT)
		xc_tuple_turn(&t);
	kind = find_socket(skb, &t);
	return kind == SOCKET || (kind == LISTENER && is_own_address(skb, &t));
}

/* ---- flows ------------------------------------------------------------------------------------- */

/* The same for both directions. */
static __always_inline u64 key_of(const struct xc_head *h)
{
	u64 sum = (xc_hash_end(h, 0) + xc_hash_end(h, 1)) * 0xbf58476d1ce4e5b9ull + h->proto;

	return (sum ^ sum >> 31) >> 2 | XC_SEGMENT_FORWARDED;
}

static __noinline struct xc_stream *begin(struct __sk_buff *skb, const struct xc_head *h, u64 key,
					  int is_end)
{
	struct xc_stream s = { .ifindex = skb->ifindex,
			       .netns = cfg.forwarded_netns,
			       .ends_here = is_end };

	if (!h)
		return NULL;
	tuple_of(&s.tuple, h);
	if ((h->tcp_flags & (XC_TCP_SYN | XC_TCP_ACK)) == (XC_TCP_SYN | XC_TCP_ACK))
		xc_tuple_turn(&s.tuple);	/* who is answered has begun */
	s.budget[XC_OUT] = s.budget[XC_IN] = cfg.payload_budget;
	if (xc_is_syn(h) || h->proto != IPPROTO_TCP)
		s.open_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&xc_streams, &key, &s, BPF_ANY))
		xc_count(XC_STAT_LOST_MAP);
	return bpf_map_lookup_elem(&xc_streams, &key);
}

static __always_inline int is_from_first(const struct xc_stream *s, const struct xc_head *h)
{
	u64 a[2], b[2];

	__builtin_memcpy(a, s->tuple.saddr, 16);
	__builtin_memcpy(b, h->addr[0], 16);
	return a[0] == b[0] && a[1] == b[1] && s->tuple.sport_he == h->port_he[0];
}

static __always_inline void pass(struct __sk_buff *skb, struct xc_stream *s,
				 const struct xc_head *h, u64 key)
{
	int dir = is_from_first(s, h) ? XC_OUT : XC_IN;
	struct xc_told t = { .key = key, .dir = dir };

	xc_stream_count(s, dir, h->bytes, skb->gso_segs);
	xc_tell_or_wait(skb, s, h, &t, xc_wanted(s, h, &t));
}

/* The ends use their ports again: answered, and now asked to open. */
static __always_inline int is_another(const struct xc_stream *s, const struct xc_head *h)
{
	return xc_is_syn(h) && s->packets[XC_OUT] && s->packets[XC_IN];
}

static __always_inline int on_packet(struct __sk_buff *skb, int dir, u32 link_bytes)
{
	int at = xc_ip_offset(skb, link_bytes);
	struct xc_stream *s;
	struct xc_head h;
	int is_end;
	u64 key;

	if (at < 0 || xc_head_parse(skb, &h, at))
		return XC_NEXT;
	key = key_of(&h);
	s = bpf_map_lookup_elem(&xc_streams, &key);
	if (s && is_another(s, &h)) {
		xc_stream_forget(s, key);
		s = NULL;
	}
	if (!s) {
		is_end = ends_here(skb, &h, dir);
		s = is_end < 0 ? NULL : begin(skb, &h, key, is_end);
	}
	if (s && !s->ends_here)
		pass(skb, s, &h, key);
	return XC_NEXT;
}

SEC("tc")
int forward_in(struct __sk_buff *skb)
{
	return on_packet(skb, XC_IN, XC_ETH_HEADER);
}

SEC("tc")
int forward_out(struct __sk_buff *skb)
{
	return on_packet(skb, XC_OUT, XC_ETH_HEADER);
}

SEC("tc")
int forward_in_l3(struct __sk_buff *skb)
{
	return on_packet(skb, XC_IN, 0);
}

SEC("tc")
int forward_out_l3(struct __sk_buff *skb)
{
	return on_packet(skb, XC_OUT, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
