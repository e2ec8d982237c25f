/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Flows, counted where packets enter and leave an interface. Looks at headers, never changes or
 * decides a packet, sends no event: user space reads the table once a window.
 *
 * A packet that crosses several interfaces is counted where its end of the flow was first seen.
 * When that place falls silent, the next one that sees a packet takes over.
 */
#include "probe/flow.bpf.h"
#include "probe/link.bpf.h"

#include "abi/flow_update.h"

#define HOOK_SILENT_NS 1000000000ull
#define TAKE_TRIES 512		/* some ten microseconds; an update takes a tenth of one */
#define MAX_LINK_HEADER (XC_ETH_HEADER + 2 * XC_VLAN_HEADER)
#define READ_BYTES (XC_FLOW_HEADERS + XC_FLOW_SLACK)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);	/* an entry is large: memory for those there are */
	__type(key, struct xc_flow_key);
	__type(value, struct xc_flow_entry);
} xc_flows SEC(".maps");

struct latency_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xc_latency_key);
	__type(value, struct xc_latency_row);
};

struct latency_map xc_latency0 SEC(".maps");
struct latency_map xc_latency1 SEC(".maps");

/* Ports of fragmented packets: only the first fragment has them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct xc_fragment_key);
	__type(value, u32);
} flow_fragments SEC(".maps");

/* What one packet needs and the stack has no room for. Programs of one CPU do not interrupt each other here. */
struct scratch {
	struct xc_flow_key key;
	struct xc_flow_packet k;	/* what it quotes, last, and all below only some packets have */
	struct xc_flow_key quoted;
	struct xc_fragment_key fragment;
	u64 n_flows;		/* begun on this CPU */
	u8 bytes[READ_BYTES] XC_WORDS;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} flow_scratch SEC(".maps");

/* What a new flow, or row of samples, starts from; larger than the stack. */
static const u64 nothing[sizeof(struct xc_flow_entry) / 8];

_Static_assert(sizeof(struct xc_tuple) == sizeof(struct xc_flow_ends) &&
		       __builtin_offsetof(struct xc_tuple, sport_he) ==
			       __builtin_offsetof(struct xc_flow_ends, port_he),
	       "a tuple is the ends of a packet");

/* Where it lies, without a copy. Return: 0 = not plain, or not in one piece. */
static __always_inline int parse_plain(struct __sk_buff *skb, int at, u32 wire_bytes,
				       struct xc_flow_packet *k)
{
	const u8 *p = (const u8 *)(long)skb->data, *end = (const u8 *)(long)skb->data_end;
	struct xc_flow_ip ip;

	p += at;
	if (p + XC_FLOW_PLAIN4 > end)
		return 0;
	if (xc_flow_is_plain4(p)) {
		xc_flow_parse_ip4(p, &ip, k->ends.addr);
		xc_flow_parse_plain(p + 20, &ip, wire_bytes, k);
		return 1;
	}
	if (p + XC_FLOW_PLAIN6 > end || !xc_flow_is_plain6(p))
		return 0;
	xc_flow_parse_ip6_fixed(p, &ip, k->ends.addr);
	xc_flow_parse_plain(p + 40, &ip, wire_bytes, k);
	return 1;
}

static __always_inline u32 copy_any(struct __sk_buff *skb, int at, u8 *bytes)
{
	u32 n = skb->len - at;

	if ((int)n <= 0)
		return 0;
	if (n > READ_BYTES)
		n = READ_BYTES;
	asm volatile("" : "+r"(n));	/* the bounds hold for this register */
	if (n < 1 || n > READ_BYTES || bpf_skb_load_bytes(skb, at, bytes, n))
		return 0;
	return n;
}

static __always_inline int parse(struct __sk_buff *skb, int at, struct scratch *s)
{
	u32 n_segments = skb->gso_segs, segment_bytes = skb->gso_size;
	u32 len = skb->len, wire_bytes = skb->wire_len;
	struct xc_flow_bytes b = { .data = s->bytes };

	if (at < 0 || at > MAX_LINK_HEADER)
		return -1;
	/* a choice between fields of the packet would be a choice between pointers */
	asm volatile("" : "+r"(len), "+r"(wire_bytes));
	wire_bytes = (cfg.has_time_in_skb ? wire_bytes : len) - at;
	if (!parse_plain(skb, at, wire_bytes, &s->k)) {
		b.n = copy_any(skb, at, s->bytes);
		if (xc_flow_parse(&b, 0, wire_bytes, &s->k))
			return -1;
	}
	if (!segment_bytes)
		return 0;
	if (!n_segments)	/* untrusted senders (virtio, tap) leave the counting to others */
		n_segments = (s->k.payload_bytes + segment_bytes - 1) / segment_bytes;
	xc_flow_segments(&s->k, n_segments, segment_bytes);
	return 0;
}

static __always_inline void know_fragment(struct scratch *s)
{
	struct xc_flow_ends *ends = &s->k.ends;
	u32 *known, ports = (u32)ends->port_he[0] << 16 | ends->port_he[1];

	xc_fragment_key_of(&s->k, &s->fragment);
	if (s->k.flags & XC_PACKET_FIRST_FRAGMENT) {
		bpf_map_update_elem(&flow_fragments, &s->fragment, &ports, BPF_ANY);
		return;
	}
	known = bpf_map_lookup_elem(&flow_fragments, &s->fragment);
	if (known) {
		ends->port_he[0] = *known >> 16;
		ends->port_he[1] = (u16)*known;
	}
}

static __always_inline void count_lost(const struct scratch *s, int is_busy)
{
	struct xc_flow_losses *lost = xc_flow_losses();

	if (!lost)
		return;
	lost->n_packets += s->k.n_segments;
	lost->n_bytes += s->k.bytes;
	lost->n_busy += is_busy ? s->k.n_segments : 0;
}

static __always_inline struct xc_flow_entry *find_or_begin(struct scratch *s)
{
	struct xc_flow_entry *e = bpf_map_lookup_elem(&xc_flows, &s->key);

	if (e)
		return e;
	/* another CPU may be first: then its entry is as good */
	(void)bpf_map_update_elem(&xc_flows, &s->key, nothing, BPF_NOEXIST);
	e = bpf_map_lookup_elem(&xc_flows, &s->key);
	if (!e)
		count_lost(s, 0);
	return e;
}

/*
 * The lock of an entry. Not bpf_spin_lock(), which turns interrupts off and on: 40 ns, a quarter of
 * all; but before 5.12 there is no other. Nobody who could want it interrupts its holder, for
 * packets of one CPU do not interrupt each other.
 */
static __always_inline int take(struct xc_flow_entry *e, int is_old)
{
	if (is_old) {
		bpf_spin_lock(&e->lock);
		return 1;
	}
	for (int i = 0; i < TAKE_TRIES; i++)
		if (!__sync_lock_test_and_set(&e->is_taken, 1))
			return 1;
	return 0;
}

static __always_inline void release(struct xc_flow_entry *e, int is_old)
{
	if (is_old) {
		bpf_spin_unlock(&e->lock);
		return;
	}
#ifdef __TARGET_ARCH_x86
	/* stores are seen in order (Intel SDM 3A 9.2.2) */
	asm volatile("" ::: "memory");
	*(volatile u32 *)&e->is_taken = 0;
#else
	(void)__sync_lock_test_and_set(&e->is_taken, 0);
#endif
}

/* The same buckets as xc_hist_bucket() of flow/hist.h: 64 an octave. */
static __always_inline u32 bucket_of(u64 ns)
{
	u32 octave = 0;
	u64 x = ns;

	for (u32 step = 32; step; step >>= 1) {
		u32 is_above = x >> step != 0;

		octave += step * is_above;
		x >>= step * is_above;
	}
	return octave < 6 ? (u32)ns : (octave - 5) << 6 | ((ns >> (octave - 6)) & 63);
}

static __always_inline void count_latency(void *map, const struct xc_latency_key *key, u32 bucket)
{
	struct xc_latency_row *row = bpf_map_lookup_elem(map, key);
	struct xc_flow_losses *lost;

	if (!row) {
		(void)bpf_map_update_elem(map, key, nothing, BPF_NOEXIST);
		row = bpf_map_lookup_elem(map, key);
	}
	if (row) {
		__sync_fetch_and_add(&row->n[bucket & (XC_LATENCY_ROW - 1)], 1);
		return;
	}
	lost = xc_flow_losses();
	if (lost)
		lost->n_latencies++;
}

/* An end was seen for the first time, on its way out of this host: whose socket is it? */
static __always_inline void note_socket(struct __sk_buff *skb, const struct xc_flow_key *key)
{
	struct xc_truth t = { 0 }, *known;

	t.cookie = bpf_get_socket_cookie(skb);
	if (!t.cookie)
		return;		/* forwarded, or of another namespace */
	t.cgroup_id = bpf_skb_cgroup_id(skb);
	known = bpf_map_lookup_elem(&xc_truth, key);
	if (!known)
		(void)bpf_map_update_elem(&xc_truth, key, &t, BPF_NOEXIST);
	else if (!known->cookie)
		known->cookie = t.cookie, known->cgroup_id = t.cgroup_id;
}

/* Is this the place where packets of this end are counted? */
static __always_inline int is_mine(const struct xc_flow *f, u32 source, u32 hook, u64 ts_ns)
{
	u32 now = f->hook[source];

	return now == hook || !now || ts_ns - f->half[source].last_ns > HOOK_SILENT_NS;
}

static __always_inline void count_error(struct scratch *s, u64 ts_ns, int is_old)
{
	struct xc_flow_entry *e;

	(void)xc_flow_key_of(&s->k.quoted, &s->quoted);
	e = bpf_map_lookup_elem(&xc_flows, &s->quoted);
	if (!e || !take(e, is_old))
		return;
	xc_flow_error(&e->flow, ts_ns, cfg.window_ns);
	release(e, is_old);
}

/* Different on every CPU and for every flow; never 0. */
static __always_inline u64 new_id(struct scratch *s)
{
	return (u64)(bpf_get_smp_processor_id() + 1) << 48 | ++s->n_flows;
}

static __always_inline int on_packet(struct __sk_buff *skb, int l2_bytes, u32 is_egress, int is_old)
{
	u32 zero = 0, source, hook = skb->ifindex << 1 | is_egress;
	struct scratch *s = bpf_map_lookup_elem(&flow_scratch, &zero);
	struct xc_latency_key sample_key = { 0 };
	int at = xc_ip_offset(skb, l2_bytes), is_first;
	struct xc_flow_entry *e;
	u64 sample, fresh_id;
	u32 bucket;

	if (!s || parse(skb, at, s))
		return XC_NEXT;
	if (s->k.flags & (XC_PACKET_FRAGMENT | XC_PACKET_FIRST_FRAGMENT))
		know_fragment(s);
	if (!xc_tuple_in_scope((const struct xc_tuple *)&s->k.ends))
		return XC_NEXT;
	s->k.source = xc_flow_key_of(&s->k.ends, &s->key);
	s->k.ts_ns = cfg.has_time_in_skb ? skb->tstamp : xc_wall_ns();
	e = find_or_begin(s);
	/* from here on the facts come from memory: what the parser knew would multiply the paths */
	asm volatile("" ::: "memory");
	source = s->k.source & 1;
	if (!e || !is_mine(&e->flow, source, hook, s->k.ts_ns))
		return XC_NEXT;
	fresh_id = e->id ? 0 : new_id(s);
	if (!take(e, is_old)) {
		count_lost(s, 1);
		return XC_NEXT;
	}
	is_first = !e->flow.hook[source];
	e->flow.hook[source] = hook;
	sample = xc_flow_update(&e->flow, &s->k, cfg.window_ns);
	if (!e->id)
		e->id = fresh_id;
	if (sample) {
		sample_key.id = e->id;
		sample_key.window = (u32)e->flow.window[e->flow.filling & 1].no;
	}
	release(e, is_old);

	if (sample) {
		bucket = bucket_of(sample);
		sample_key.row = bucket / XC_LATENCY_ROW;
		if (sample_key.window & 1)
			count_latency(&xc_latency1, &sample_key, bucket);
		else
			count_latency(&xc_latency0, &sample_key, bucket);
	}
	if (is_first && is_egress)
		note_socket(skb, &s->key);
	if (s->k.flags & XC_PACKET_QUOTES)
		count_error(s, s->k.ts_ns, is_old);
	return XC_NEXT;
}

#define PROGRAM(name, l2_bytes, is_egress, is_old)                                                 \
	SEC("tc")                                                                                  \
	int name(struct __sk_buff *skb)                                                            \
	{                                                                                          \
		return on_packet(skb, l2_bytes, is_egress, is_old);                                \
	}

PROGRAM(flow_in, XC_ETH_HEADER, 0, 0)
PROGRAM(flow_out, XC_ETH_HEADER, 1, 0)
PROGRAM(flow_in_l3, 0, 0, 0)	/* interfaces without a link header: tunnels, tun */
PROGRAM(flow_out_l3, 0, 1, 0)
PROGRAM(flow_in_old, XC_ETH_HEADER, 0, 1)	/* before 5.12 */
PROGRAM(flow_out_old, XC_ETH_HEADER, 1, 1)
PROGRAM(flow_in_l3_old, 0, 0, 1)
PROGRAM(flow_out_l3_old, 0, 1, 1)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
