/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Dropped packets. What belongs to normal operation is sorted out here, repeats of one
 * flow are folded into a count, and what is left goes to user space with everything a
 * verdict needs: where in the stack, why, on whose way, with which conntrack state.
 */
#include "probe/sockread.bpf.h"
#include "probe/tunnel.bpf.h"

#define TCP_FLAG_RST 0x04
#define IFF_UP 1
#define ETH_P_ARP 0x0806
#define ARP_REPLY 2
#define LINK_STATE_NOCARRIER (1ul << 2)	/* enum netdev_state_t */
#define RTF_LOCAL 0x80000000u	/* rt_flags and rt6i_flags: the packet is for this host */

struct drop_key {
	struct xc_tuple tuple;
	u64 location;
	u32 netns;
	u32 reason;
};

struct drop_seen {
	u64 count;
	u64 first_ns;
	u64 said_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct drop_key);
	__type(value, struct drop_seen);
} drop_flows SEC(".maps");

/* Places that say nothing (user space fills it as it meets them): 1 = ignore. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u8);
} xc_places SEC(".maps");

#define SAY_AGAIN_NS 1000000000ull

/* Where in the stack: from the packet's own state, which costs nothing, instead of a stack walk. */
static __always_inline u8 hook_of(const struct sk_buff *skb, u16 family)
{
	struct dst_entry *dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~1ul);
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	int iif = BPF_CORE_READ(skb, skb_iif);
	u32 flags;

	if (!dst)
		return iif || dev ? XC_HOOK_PREROUTING : XC_HOOK_OUTPUT;
	if (!dev)
		return XC_HOOK_OUTPUT;
	flags = family == AF_INET ? BPF_CORE_READ((struct rtable *)dst, rt_flags) :
				    BPF_CORE_READ((struct rt6_info *)dst, rt6i_flags);
	if (!iif)	/* ip_output() gives it the device of its route; until then that of a tunnel stays */
		return BPF_CORE_READ(skb, sk) && dev == BPF_CORE_READ(dst, dev) ?
			       XC_HOOK_POSTROUTING :
			       XC_HOOK_OUTPUT;
	if (flags & RTF_LOCAL)
		return XC_HOOK_INPUT;
	return BPF_CORE_READ(dev, ifindex) == iif ? XC_HOOK_FORWARD : XC_HOOK_POSTROUTING;
}

static __always_inline void fill_ct(struct xc_drop_evt *e, const struct sk_buff *skb)
{
	unsigned long nfct;
	struct nf_conn *ct;
	u8 info;

	e->ct = XC_CT_UNKNOWN;
	if (!bpf_core_field_exists(skb->_nfct))
		return;
	nfct = BPF_CORE_READ(skb, _nfct);
	ct = (struct nf_conn *)(nfct & ~7ul);
	info = nfct & 7;
	if (!ct) {
		e->ct = XC_CT_NONE;
		return;
	}
	/* enum ip_conntrack_info: 0 established, 1 related, 2 new, +3 = reply direction */
	e->ct = info % 3 == 0 ? XC_CT_ESTABLISHED : info % 3 == 1 ? XC_CT_RELATED : XC_CT_NEW;
	if (info == 7)	/* IP_CT_UNTRACKED */
		e->ct = XC_CT_NONE;
	if (!bpf_core_type_exists(struct nf_conn))
		return;

	struct nf_conntrack_tuple t = { 0 };
	struct xc_tuple o = { .proto = e->tuple.proto };
	int is_reply = info >= 3 && info < 7;

	BPF_CORE_READ_INTO(&t.src.u3, ct, tuplehash[0].tuple.src.u3);
	BPF_CORE_READ_INTO(&t.dst.u3, ct, tuplehash[0].tuple.dst.u3);
	t.src.u.all = BPF_CORE_READ(ct, tuplehash[0].tuple.src.u.all);
	t.dst.u.all = BPF_CORE_READ(ct, tuplehash[0].tuple.dst.u.all);
	if (BPF_CORE_READ(ct, tuplehash[0].tuple.src.l3num) == AF_INET) {
		xc_addr4(is_reply ? o.daddr : o.saddr, t.src.u3.all[0]);
		xc_addr4(is_reply ? o.saddr : o.daddr, t.dst.u3.all[0]);
	} else {
		__builtin_memcpy(is_reply ? o.daddr : o.saddr, &t.src.u3, 16);
		__builtin_memcpy(is_reply ? o.saddr : o.daddr, &t.dst.u3, 16);
	}
	o.sport_he = bpf_ntohs(is_reply ? t.dst.u.all : t.src.u.all);
	o.dport_he = bpf_ntohs(is_reply ? t.src.u.all : t.dst.u.all);
	if (!xc_addr_equal(o.saddr, e->tuple.saddr) || !xc_addr_equal(o.daddr, e->tuple.daddr) ||
	    o.sport_he != e->tuple.sport_he || o.dport_he != e->tuple.dport_he)
		e->orig = o;
}

static __always_inline void fill_dst(struct xc_drop_evt *e, const struct sk_buff *skb, u16 family)
{
	struct dst_entry *dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~1ul);
	struct net_device *dev;

	if (!dst)
		return;
	dev = BPF_CORE_READ(dst, dev);
	e->mtu_bytes = BPF_CORE_READ(dev, mtu);
	BPF_CORE_READ_STR_INTO(&e->out_dev, dev, name);
	xc_dst_nexthop(dst, family, e->tuple.daddr, e->nexthop);
	e->has_next = 1;
}

static __always_inline void fill_dev(struct xc_drop_evt *e, const struct sk_buff *skb)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	u16 mac = BPF_CORE_READ(skb, mac_header);
	const unsigned char *addr;

	if (!dev)
		return;
	e->ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&e->dev, dev, name);
	e->is_dev_down = !(BPF_CORE_READ(dev, flags) & IFF_UP) ||
			 (BPF_CORE_READ(dev, state) & LINK_STATE_NOCARRIER);
	addr = BPF_CORE_READ(dev, dev_addr);
	bpf_probe_read_kernel(e->dev_mac, 6, addr);
	if (mac && mac != 0xffff)
		bpf_probe_read_kernel(e->dst_mac, 6, BPF_CORE_READ(skb, head) + mac);
}

/* The socket that would have received the packet. */
static __always_inline void fill_rx(struct xc_drop_evt *e, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	if (!sk)
		return;
	e->rx_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	e->rx_netns = xc_sk_netns(sk);
	if (!xc_is_full(e->rx_state))
		return;
	e->rx_rcvbuf_bytes = BPF_CORE_READ(sk, sk_rcvbuf);
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP) {
		e->rx_unread_bytes = BPF_CORE_READ(sk, sk_backlog.rmem_alloc.counter);
	} else if (e->rx_state == TCP_LISTEN) {
		e->rx_accept_queue = BPF_CORE_READ(sk, sk_ack_backlog);
		e->rx_accept_max = BPF_CORE_READ(sk, sk_max_ack_backlog);
	} else {
		e->rx_unread_bytes = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);
		e->rx_wnd = BPF_CORE_READ(tp, rcv_wnd);
	}
}

/* The sender, when the packet was on its way out. A UDP packet leaves in the context of its
 * sender; for TCP the owner was remembered at connect(). */
static __always_inline void fill_sender(struct xc_drop_evt *e, const struct sk_buff *skb)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	struct xc_sock_own *own;

	if (!sk || e->hook != XC_HOOK_OUTPUT)
		return;
	if (!xc_is_full(BPF_CORE_READ(sk, __sk_common.skc_state)))
		return;
	e->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	own = xc_own_find(sk);
	if (own)
		e->owner = own->owner;
	else if (e->tuple.proto == IPPROTO_UDP)
		xc_owner_current(&e->owner);
}

/* The compiler would prove the mask away and the verifier would then miss the bound. */
static __always_inline u8 action_of(u32 reason)
{
	u64 i = reason;

	if (i >= XC_REASON_MAX)
		return XC_REASON_KEEP;	/* a subsystem's own reasons (mac80211, openvswitch) */
	asm volatile("%0 &= 255" : "+r"(i));
	return cfg.reason_action[i];
}

/* Normal operation, told by reason, place and the packet itself. */
static __always_inline int is_noise(const struct pkt *k, u64 location, u32 reason, struct sock *rx)
{
	u8 *place;

	if (action_of(reason) == XC_REASON_BY_PLACE) {
		place = bpf_map_lookup_elem(&xc_places, &location);
		if (place && *place)
			return 1;
	}
	if (k->tuple.proto == IPPROTO_TCP && !k->is_quoted && (k->tcp_flags & TCP_FLAG_RST))
		return reason == cfg.reason_no_socket || reason == cfg.reason_not_specified;
	if (cfg.has_reasons && reason == cfg.reason_not_specified && rx)
		/* a repeated SYN that meets its request, a late segment in TIME_WAIT */
		return 1;
	if (cfg.has_reasons && reason == cfg.reason_socket_filter)
		/* packet taps and raw sockets filter for themselves */
		return rx && BPF_CORE_READ(rx, sk_type) == 3;	/* SOCK_RAW */
	if (cfg.has_reasons && reason == cfg.reason_old_sequence) {
		/* An answer to a keep-alive probe; a probe of a shut window is worth telling. */
		if (!rx || k->payload_bytes > 1 ||
		    !xc_is_full(BPF_CORE_READ(rx, __sk_common.skc_state)))
			return 1;
		return BPF_CORE_READ((struct tcp_sock *)rx, rcv_wnd) != 0;
	}
	return 0;
}

/* First of its kind, a power of two, or a second since the last word: worth a record. */
static __always_inline int worth_telling(const struct drop_key *key, struct drop_seen *now)
{
	struct drop_seen *seen = bpf_map_lookup_elem(&drop_flows, key);
	u64 ts = bpf_ktime_get_ns();
	struct drop_seen first = { .count = 1, .first_ns = ts, .said_ns = ts };

	if (!seen) {
		bpf_map_update_elem(&drop_flows, key, &first, BPF_ANY);
		*now = first;
		return 1;
	}
	__sync_fetch_and_add(&seen->count, 1);
	*now = *seen;
	if ((now->count & (now->count - 1)) && ts - now->said_ns < SAY_AGAIN_NS)
		return 0;
	seen->said_ns = ts;
	return 1;
}

/* These are never forwarded, whatever the route of a multicast packet looks like. */
static __always_inline void fill_neighbour(struct xc_drop_evt *e, const struct sk_buff *skb,
					   const struct pkt *k)
{
	__builtin_memcpy(e->nexthop, k->neighbour, 16);
	e->hook = BPF_CORE_READ(skb, skb_iif) ? XC_HOOK_INPUT : XC_HOOK_OUTPUT;
}

/* What the tunnel carries. */
static __always_inline void fill_carried(struct xc_drop_evt *e, const struct pkt *in)
{
	e->is_carried = 1;
	e->orig = in->tuple;
	e->payload_bytes = in->payload_bytes;
	e->seq = in->seq;
	e->ack = in->ack;
	e->tcp_flags = in->tcp_flags;
}

/* A packet on its way to a record. */
struct dropped {
	struct pkt k;
	struct pkt in;		/* what it carries; family 0 = nothing that can be read */
	struct drop_key key;
	struct drop_seen seen;
};

static __always_inline void drop_emit(struct sk_buff *skb, const struct dropped *d, struct sock *rx)
{
	const struct pkt *k = &d->k;
	struct xc_drop_evt *e = xc_reserve(XC_EVT_DROP, sizeof(*e));

	if (!e)
		return;
	e->tuple = k->tuple;
	e->location = d->key.location;
	e->count = d->seen.count;
	e->first_ns = d->seen.first_ns;
	e->netns = d->key.netns;
	e->reason = d->key.reason;
	e->len_bytes = k->len_bytes;
	e->payload_bytes = k->payload_bytes;
	e->seq = k->seq;
	e->ack = k->ack;
	e->tcp_flags = k->tcp_flags;
	e->icmp_type = k->icmp_type;
	e->icmp_code = k->icmp_code;
	e->is_quoted = k->is_quoted;
	e->is_arp = k->is_arp;
	e->ttl = k->ttl;
	e->mark = BPF_CORE_READ(skb, mark);
	e->hook = hook_of(skb, k->family);
	e->route_err = xc_route_error_for(k->tuple.daddr);
	fill_dev(e, skb);
	fill_ct(e, skb);
	fill_dst(e, skb, k->family);
	if (k->is_arp || is_neighbour_discovery(k))
		fill_neighbour(e, skb, k);
	if (d->in.family)
		fill_carried(e, &d->in);
	fill_rx(e, rx);
	fill_sender(e, skb);
	if (cfg.has_snprintf) {
		static const char fmt[] = "%ps";
		u64 arg = d->key.location;

		bpf_snprintf(e->sym, sizeof(e->sym), fmt, &arg, sizeof(arg));
	}
	xc_submit(e);
}

/*
 * A segment that was never sent for want of a route has no IP header yet: the socket tells whose it is. Only then, for
 * a socket's own house-keeping frees segments as well.
 */
static __always_inline int parse_unsent(const struct sk_buff *skb, struct pkt *k)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	u16 off = BPF_CORE_READ(skb, transport_header);

	if (!xc_route_just_failed() || !sk || !off || off == 0xffff ||
	    !xc_is_full(BPF_CORE_READ(sk, __sk_common.skc_state)) ||
	    BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	xc_sk_tuple(sk, &k->tuple);
	k->tuple.proto = IPPROTO_TCP;
	k->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	k->len_bytes = BPF_CORE_READ(skb, len);
	parse_l4(BPF_CORE_READ(skb, head) + off, 0, k);
	return 1;
}

/* A question about an address or its answer that somebody decided to drop. */
static __always_inline int parse_arp(const struct sk_buff *skb, u32 reason, struct pkt *k)
{
	u16 off = BPF_CORE_READ(skb, network_header);
	struct arp_head h;
	u32 sender, target;

	if (BPF_CORE_READ(skb, protocol) != bpf_htons(ETH_P_ARP) ||
	    action_of(reason) != XC_REASON_POLICY || !off || off == 0xffff ||
	    bpf_probe_read_kernel(&h, sizeof(h), BPF_CORE_READ(skb, head) + off))
		return 0;
	if (h.hw_bytes != sizeof(h.sender_hw) || h.proto_bytes != sizeof(h.sender))
		return 0;
	k->is_arp = 1;
	k->icmp_type = (u8)bpf_ntohs(h.op_be);
	k->family = AF_INET;
	__builtin_memcpy(&sender, h.sender, 4);
	__builtin_memcpy(&target, h.target, 4);
	xc_addr4(k->tuple.saddr, sender);
	xc_addr4(k->tuple.daddr, target);
	xc_addr4(k->neighbour, k->icmp_type == ARP_REPLY ? sender : target);
	return 1;
}

/*
 * What the verifier knows of @p on each way of parsing would multiply what it walks from here on: it forgets what a
 * helper writes.
 */
static __always_inline void forget(void *p, u32 n)
{
	(void)bpf_probe_read_kernel(p, n, p);
}

static __always_inline int on_kept(struct sk_buff *skb, const struct drop_key *key, struct sock *rx)
{
	struct dropped d = { .key = *key };

	if (!xc_skb_parse(skb, &d.k) && !parse_unsent(skb, &d.k) &&
	    !parse_arp(skb, key->reason, &d.k))
		return 0;
	if (is_noise(&d.k, key->location, key->reason, rx)) {
		xc_count(XC_STAT_NOISE);
		return 0;
	}
	if (key->reason == cfg.reason_no_socket || !xc_parse_carried(skb, &d.k, &d.in))
		d.in.family = 0;	/* without the socket of the tunnel it is the tunnel that fails */
	d.key.tuple = d.in.family ? d.in.tuple : d.k.tuple;
	forget(&d, sizeof(d));
	if (!xc_packet_in_scope(&d.key.tuple) ||
	    !xc_iface_in_scope(BPF_CORE_READ(skb, dev, ifindex))) {
		xc_count(XC_STAT_OUT_OF_SCOPE);
		return 0;
	}
	if (!worth_telling(&d.key, &d.seen)) {
		xc_count(XC_STAT_SUPPRESSED);
		return 0;
	}
	if (xc_within_budget())
		drop_emit(skb, &d, rx);
	return 0;
}

static __always_inline int on_drop(struct sk_buff *skb, u64 location, u32 reason, struct sock *rx)
{
	struct drop_key key = { .location = location, .reason = reason };

	if (action_of(reason) == XC_REASON_IGNORE)
		return 0;	/* the hottest way out: before anything is read */
	key.netns = rx ? xc_sk_netns(rx) : xc_skb_netns(skb);
	return xc_netns_in_scope(key.netns) ? on_kept(skb, &key, rx) : 0;
}

SEC("tp_btf/kfree_skb")		/* 6.11: with the receiving socket */
int BPF_PROG(drop_rx, struct sk_buff *skb, void *location, u32 reason, struct sock *rx_sk)
{
	return on_drop(skb, (u64)location, reason, rx_sk);
}

SEC("tp_btf/kfree_skb")		/* 5.17: with a reason */
int BPF_PROG(drop_reason, struct sk_buff *skb, void *location, u32 reason)
{
	return on_drop(skb, (u64)location, reason, NULL);
}

SEC("tp_btf/kfree_skb")		/* before: the place is all there is */
int BPF_PROG(drop_plain, struct sk_buff *skb, void *location)
{
	return on_drop(skb, (u64)location, cfg.reason_not_specified, NULL);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
