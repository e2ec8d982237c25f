/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The way out: neighbours that do not answer, routes that are missing, ICMP errors sent. */
#include "abi/path.h"
#include "probe/packet.bpf.h"
#include "probe/turnedaway.bpf.h"

#define NUD_INCOMPLETE 0x01
#define NUD_FAILED 0x20
#define RT_TABLE_DEFAULT 253
#define RT_TABLE_LOCAL 255

#define ERR_AGAIN 11		/* FIB: nothing in this table */
#define ERR_ACCES 13
#define ERR_INVAL 22
#define ERR_NETUNREACH 101
#define ERR_HOSTUNREACH 113

/* include/uapi/linux/rtnetlink.h */
enum { RTN_BLACKHOLE = 6, RTN_UNREACHABLE = 7, RTN_PROHIBIT = 8, RTN_THROW = 9 };

static __always_inline int on_neigh(struct neighbour *n)
{
	u8 state = BPF_CORE_READ(n, nud_state);
	u32 probes = BPF_CORE_READ(n, probes.counter);
	struct xc_neigh_evt *e;
	struct net_device *dev;
	u32 netns, be = 0;

	/* FAILED is the verdict; still INCOMPLETE after a repeated question is the hint before it. */
	if (!(state & NUD_FAILED) && !(state & NUD_INCOMPLETE))
		return 0;
	dev = BPF_CORE_READ(n, dev);
	netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	if (!xc_netns_in_scope(netns))
		return 0;
	e = xc_reserve(XC_EVT_NEIGH, sizeof(*e));
	if (!e)
		return 0;
	e->netns = netns;
	e->ifindex = BPF_CORE_READ(dev, ifindex);
	e->probes = probes;
	e->nud_state = state;
	BPF_CORE_READ_STR_INTO(&e->dev, dev, name);
	if (BPF_CORE_READ(n, tbl, family) == AF_INET) {
		bpf_probe_read_kernel(&be, 4, &n->primary_key);
		xc_addr4(e->addr, be);
	} else {
		bpf_probe_read_kernel(e->addr, 16, &n->primary_key);
	}
	xc_submit(e);
	return 0;
}

SEC("tp_btf/neigh_timer_handler")
int BPF_PROG(path_neigh_timer, struct neighbour *n, int err)
{
	return on_neigh(n);
}

SEC("tp_btf/neigh_event_send_dead")
int BPF_PROG(path_neigh_dead, struct neighbour *n, int err)
{
	return on_neigh(n);
}

static __always_inline void remember(const u8 daddr[16], s32 err)
{
	u32 zero = 0;
	struct xc_last_route *r = bpf_map_lookup_elem(&xc_last_route, &zero);

	if (!r)
		return;
	r->ts_ns = bpf_ktime_get_ns();
	__builtin_memcpy(r->daddr, daddr, 16);
	r->err = err;
}

/* What a lookup was about. */
struct lookup {
	u8 saddr[16];
	u8 daddr[16];
	u32 netns;
	u32 table;
	s32 err;
	u16 sport_be;
	u16 dport_be;
	u8 proto;
};

/* connect() asks before it has chosen a source port; sendto() on UDP asks with one. Packets on
 * their way in or through, SYN-ACKs and RSTs do neither. */
static __always_inline int is_local_output(const struct lookup *l)
{
	if (l->proto == IPPROTO_TCP)
		return l->dport_be && !l->sport_be;
	return l->proto == IPPROTO_UDP && l->dport_be;
}

static __always_inline int on_lookup_failed(const struct lookup *l)
{
	struct xc_tuple t = { .proto = l->proto };
	struct xc_route_evt *e;

	remember(l->daddr, l->err);
	if (!is_local_output(l))
		return 0;
	__builtin_memcpy(t.saddr, l->saddr, 16);
	__builtin_memcpy(t.daddr, l->daddr, 16);
	t.dport_he = bpf_ntohs(l->dport_be);
	if (!xc_netns_in_scope(l->netns) || !xc_task_in_scope() || !xc_tuple_in_scope(&t))
		return 0;
	e = xc_reserve(XC_EVT_ROUTE, sizeof(*e));
	if (!e)
		return 0;
	__builtin_memcpy(e->saddr, l->saddr, 16);
	__builtin_memcpy(e->daddr, l->daddr, 16);
	e->netns = l->netns;
	e->table = l->table;
	e->err = l->err;
	e->dport_he = t.dport_he;
	e->proto = l->proto;
	e->is_local_output = 1;
	xc_owner_current(&e->owner);	/* is_local_output: connect() or sendto() of this process */
	xc_turn_away(e->owner.tgid, l->daddr, t.dport_he);
	xc_submit(e);
	return 0;
}

SEC("tp_btf/fib_table_lookup")
int BPF_PROG(path_fib4, u32 table, const struct flowi4 *fl, const void *nhc, int err)
{
	struct task_struct *task;
	struct lookup l = { .table = table, .err = err };

	if (err >= 0)
		return 0;
	if (err == -ERR_AGAIN && table == RT_TABLE_LOCAL)
		return 0;	/* no local address: every lookup with policy rules passes here */
	l.proto = BPF_CORE_READ(fl, __fl_common.flowic_proto);
	l.sport_be = BPF_CORE_READ(fl, uli.ports.sport);
	l.dport_be = BPF_CORE_READ(fl, uli.ports.dport);
	xc_addr4(l.saddr, BPF_CORE_READ(fl, saddr));
	xc_addr4(l.daddr, BPF_CORE_READ(fl, daddr));
	if (is_local_output(
		    &l)) { /* the tracepoint does not tell the namespace; the process does */
		task = (struct task_struct *)bpf_get_current_task();
		l.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	}
	return on_lookup_failed(&l);
}

static __always_inline s32 fib6_error(const struct net *net, const struct fib6_result *res)
{
	switch (BPF_CORE_READ(res, fib6_type)) {
	case RTN_BLACKHOLE:
		return -ERR_INVAL;
	case RTN_PROHIBIT:
		return -ERR_ACCES;
	case RTN_THROW:
		return -ERR_AGAIN;
	case RTN_UNREACHABLE:	/* of the null entry: no route at all */
		return BPF_CORE_READ(res, f6i) == BPF_CORE_READ(net, ipv6.fib6_null_entry) ?
			       -ERR_NETUNREACH :
			       -ERR_HOSTUNREACH;
	default:
		return 0;
	}
}

SEC("tp_btf/fib6_table_lookup")
int BPF_PROG(path_fib6, const struct net *net, const struct fib6_result *res,
	     const struct fib6_table *table, const struct flowi6 *fl)
{
	struct lookup l = { .err = fib6_error(net, res) };

	if (!l.err)
		return 0;
	l.table = BPF_CORE_READ(table, tb6_id);
	if (l.table == RT_TABLE_LOCAL)
		return 0;
	l.netns = BPF_CORE_READ(net, ns.inum);
	l.proto = BPF_CORE_READ(fl, __fl_common.flowic_proto);
	l.sport_be = BPF_CORE_READ(fl, uli.ports.sport);
	l.dport_be = BPF_CORE_READ(fl, uli.ports.dport);
	BPF_CORE_READ_INTO(&l.saddr, fl, saddr.in6_u.u6_addr8);
	BPF_CORE_READ_INTO(&l.daddr, fl, daddr.in6_u.u6_addr8);
	return on_lookup_failed(&l);
}

static __always_inline u32 route_mtu(const struct sk_buff *skb)
{
	struct dst_entry *dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~1ul);

	return dst ? BPF_CORE_READ(dst, dev, mtu) : 0;
}

SEC("tp_btf/icmp_send")
int BPF_PROG(path_icmp, const struct sk_buff *skb, int type, int code)
{
	struct xc_icmp_evt *e;
	struct pkt k = { 0 };
	struct net_device *dev;
	u32 netns = xc_skb_netns(skb);

	if (!xc_netns_in_scope(netns) || !xc_skb_parse(skb, &k) || !xc_packet_in_scope(&k.tuple))
		return 0;
	e = xc_reserve(XC_EVT_ICMP, sizeof(*e));
	if (!e)
		return 0;
	e->tuple = k.tuple;
	e->netns = netns;
	e->quoted_seq = k.seq;
	e->family = 4;
	e->type = type;
	e->code = code;
	e->is_sent = 1;
	if (type == 3 && code == 4)	/* fragmentation needed: the MTU of the way on */
		e->info = route_mtu(skb);
	dev = BPF_CORE_READ(skb, dev);
	if (dev)
		BPF_CORE_READ_STR_INTO(&e->dev, dev, name);
	xc_submit(e);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
