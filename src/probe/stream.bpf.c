/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What sockets send and receive, for requests: packets on their way into and out of sockets of this host,
 * at the root of the cgroup tree. Always returns 1: never changes a packet's fate. What is not in scope,
 * and what nobody wants, is not copied.
 */
#include "probe/segment.bpf.h"
#include "probe/sockread.bpf.h"

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define PASS 1
#define PF_KTHREAD 0x200000	/* include/linux/sched.h */

/* Who sends from a socket of datagrams, by its own cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct xc_owner);
} stream_senders SEC(".maps");

/* Connections opened lately by sockets that are told. One pushes another out; who looks makes sure it is the right one. */
struct open {
	u64 hash;		/* of its ends and its first sequence number */
	u64 cookie;
};

#define OPENS 4096		/* a power of two */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OPENS);
	__type(key, u32);
	__type(value, struct open);
} stream_opens SEC(".maps");

/* The packet that ends a handshake belongs to the listener still: what its child is told of it. */
struct handshake {
	u32 seq, ack;
	u32 ifindex;
	u32 wire_bytes, n_bytes;
	u16 sport_he, dport_he;
	u8 bytes[XC_SEGMENT_BYTES];
};

/* Used on the way in only, where packets of one CPU do not interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct handshake);
} stream_handshakes SEC(".maps");

/* The cookie of a TCP socket; of another, and its peer. */
static __always_inline u64 key_of(struct __sk_buff *skb, const struct xc_head *h, int dir)
{
	u64 cookie = bpf_get_socket_cookie(skb);

	if (h->proto == IPPROTO_TCP || !cookie)
		return cookie;
	/* the highest two bits have a meaning of their own */
	return cookie ^ (xc_hash_end(h, dir == XC_OUT) & 0x3fffffff00000000ull);
}

/* ---- a socket is seen for the first time ----------------------------------------------------- */

/* The address of the packet's socket, as a number: the verifier allows no look inside what it guards. */
static __always_inline struct sock *socket_of(struct __sk_buff *skb)
{
	struct bpf_sock *guarded = skb->sk;
	struct sock *sk = NULL;

	bpf_probe_read_kernel(&sk, sizeof(sk), &guarded);
	return sk;
}

static __always_inline void set_current(struct xc_stream *s, struct task_struct *task)
{
	if (cfg.has_task_btf)
		xc_owner_of_known(&s->owner, task);
	else
		xc_owner_of(&s->owner, task);
	s->owner_is = XC_OWNER_SURE;
}

/*
 * The task that sends, when that is certain: who has locked a TCP socket sends from within a system call, and
 * nobody else meanwhile; datagrams never leave from elsewhere. In softirq "current" is a random task.
 */
static __always_inline int is_from_task(struct __sk_buff *skb, const struct xc_head *h)
{
	struct bpf_sock *guarded = skb->sk;
	struct tcp_sock *tp;

	if (h->proto != IPPROTO_TCP)
		return 1;
	tp = guarded ? bpf_skc_to_tcp_sock(guarded) : NULL;
	return tp && ((struct sock *)tp)->sk_lock.owned;
}

static __always_inline struct task_struct *sender(struct __sk_buff *skb, const struct xc_head *h,
						  int dir, u32 *ret_tid)
{
	struct task_struct *task;

	if (dir != XC_OUT || !is_from_task(skb, h))
		return NULL;
	if (cfg.has_task_btf) {	/* plain loads; asked for every packet that is told */
		struct task_struct *current = bpf_get_current_task_btf();

		*ret_tid = current->pid;
		return current->flags & PF_KTHREAD ? NULL : current;
	}
	task = (struct task_struct *)bpf_get_current_task();
	*ret_tid = BPF_CORE_READ(task, pid);
	return BPF_CORE_READ(task, flags) & PF_KTHREAD ? NULL : task;
}

static __always_inline void find_owner(struct xc_stream *s, struct sock *sk,
				       const struct xc_head *h, u64 cookie)
{
	struct xc_sock_own *own;
	struct xc_owner *known;

	if (h->proto != IPPROTO_TCP) {
		known = bpf_map_lookup_elem(&stream_senders, &cookie);
		if (known)
			s->owner = *known;
		return;
	}
	own = xc_own_find(sk);
	if (own)
		s->owner = own->owner;
}

static __always_inline int owner_in_scope(const struct xc_owner *o, struct sock *sk)
{
	if (cfg.tgid && cfg.tgid != o->tgid)
		return 0;
	if (!cfg.cgroup_id || o->cgroup_id == cfg.cgroup_id)
		return 1;
	return bpf_core_field_exists(struct sock_cgroup_data, cgroup) &&
	       cgroup_in_scope(BPF_CORE_READ(sk, sk_cgrp_data.cgroup));
}

static __always_inline void packet_tuple(struct xc_tuple *t, const struct xc_head *h, int dir)
{
	__builtin_memcpy(t->saddr, h->addr[dir], 16);
	__builtin_memcpy(t->daddr, h->addr[!dir], 16);
	t->sport_he = h->port_he[dir];
	t->dport_he = h->port_he[!dir];
}

/* Of a socket that the verifier knows to be one. */
static __always_inline u32 netns_of(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

/*
 * Of a TCP socket, in scope: what it is in, and its addresses, which a filter may have rewritten in the packet. -1: it
 * makes no flow.
 */
static __always_inline int read_tcp(struct xc_stream *s, struct __sk_buff *skb)
{
	struct bpf_sock *guarded = skb->sk;
	struct tcp_sock *tp = guarded ? bpf_skc_to_tcp_sock(guarded) : NULL;
	const struct sock *sk = (const struct sock *)tp;

	if (!tp || sk->sk_type != SOCK_STREAM || sk->__sk_common.skc_state == TCP_LISTEN ||
	    sk->__sk_common.skc_state == TCP_CLOSE)
		return -1;
	s->netns = netns_of(sk);
	xc_sk_tuple_known(sk, &s->tuple);
	return 0;
}

/* Raw sockets see copies of what is for others. */
static __always_inline int read_other(struct xc_stream *s, struct sock *sk, const struct xc_head *h,
				      int dir)
{
	int is_udp = h->proto == IPPROTO_UDP;

	s->netns = xc_sk_netns(sk);
	if (!xc_netns_in_scope(s->netns))
		return -1;
	if (is_udp ? BPF_CORE_READ(sk, sk_type) != SOCK_DGRAM : dir != XC_OUT || !h->is_request)
		return -1;
	if (is_udp && BPF_CORE_READ(sk, __sk_common.skc_dport))
		xc_sk_tuple(sk, &s->tuple);
	else
		packet_tuple(&s->tuple, h, dir);
	return 0;
}

/* Of the end that connects: s* is its own address. */
static __always_inline u64 hash_of_open(const struct xc_tuple *t, u32 first_seq)
{
	u64 a[4], hash = (u64)t->sport_he << 48 | (u64)t->dport_he << 32 | first_seq;

	__builtin_memcpy(a, t->saddr, 16);
	__builtin_memcpy(a + 2, t->daddr, 16);
	for (int i = 0; i < 4; i++) {
		hash = (hash ^ a[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash;
}

static __always_inline struct open *find_open(u64 hash)
{
	u32 at = hash & (OPENS - 1);

	return bpf_map_lookup_elem(&stream_opens, &at);
}

static __always_inline void note_open(const struct xc_tuple *t, u32 first_seq, u64 cookie)
{
	u64 hash = hash_of_open(t, first_seq);
	struct open *o = find_open(hash);

	if (!o)
		return;
	o->hash = hash;
	o->cookie = cookie;
}

/*
 * Is the end that connected to this socket told? Copies of its addresses in other namespaces have another first sequence
 * number.
 */
static __always_inline int is_peer_told(const struct xc_tuple *t, u32 first_seq)
{
	struct xc_tuple peer = *t;
	struct xc_stream *s;
	struct open *o;
	u64 hash, cookie;

	xc_tuple_turn(&peer);
	hash = hash_of_open(&peer, first_seq);
	o = find_open(hash);
	if (!o || o->hash != hash || cfg.with_both_ends)
		return 0;
	cookie = o->cookie;
	s = bpf_map_lookup_elem(&xc_streams, &cookie);
	return s && xc_addr_equal(s->tuple.saddr, peer.saddr) &&
	       xc_addr_equal(s->tuple.daddr, peer.daddr) && s->tuple.sport_he == peer.sport_he &&
	       s->tuple.dport_he == peer.dport_he;
}

static __noinline struct xc_stream *begin(struct __sk_buff *skb, const struct xc_head *h, int dir,
					  u64 key)
{
	struct xc_stream s = { .ifindex = skb->ifindex };
	struct task_struct *task;
	struct sock *sk;
	u64 cookie;
	u32 tid;

	if (!h || (h->proto == IPPROTO_TCP && read_tcp(&s, skb)))
		return NULL;
	s.tuple.proto = h->proto;
	sk = socket_of(skb);
	if (!sk || (h->proto != IPPROTO_TCP && read_other(&s, sk, h, dir)))
		return NULL;
	cookie = bpf_get_socket_cookie(skb);
	if (cfg.ifindex && cfg.ifindex != s.ifindex)
		return NULL;
	task = sender(skb, h, dir, &tid);
	if (task)
		set_current(&s, task);
	else
		find_owner(&s, sk, h, cookie);
	if (task && h->proto != IPPROTO_TCP)
		bpf_map_update_elem(&stream_senders, &cookie, &s.owner, BPF_ANY);
	if (xc_has_process_scope() && !owner_in_scope(&s.owner, sk))
		return NULL;
	if (!xc_tuple_in_scope(&s.tuple))
		return NULL;
	s.budget[XC_OUT] = s.budget[XC_IN] = cfg.payload_budget;
	if (xc_is_syn(h) || h->proto != IPPROTO_TCP)
		s.open_ns = bpf_ktime_get_ns();
	if (xc_is_syn(h))
		s.role = XC_ROLE_CLIENT;
	if (xc_is_syn(h) && dir == XC_OUT)
		note_open(&s.tuple, h->seq, key);
	if (bpf_map_update_elem(&xc_streams, &key, &s, BPF_NOEXIST))
		xc_count(XC_STAT_LOST_MAP);
	return bpf_map_lookup_elem(&xc_streams, &key);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* Handshakes are the listener's until they are over; their children tell of them. */
static __always_inline void on_listener(struct __sk_buff *skb, const struct xc_head *h)
{
	u32 zero = 0, n = h->bytes;
	struct handshake *k = bpf_map_lookup_elem(&stream_handshakes, &zero);

	if (!k)
		return;
	k->seq = h->seq;
	k->ack = h->ack;
	k->ifindex = skb->ifindex;
	k->sport_he = h->port_he[0];
	k->dport_he = h->port_he[1];
	k->wire_bytes = n;
	k->n_bytes = 0;
	if (n > XC_SEGMENT_BYTES)
		n = XC_SEGMENT_BYTES;
	if (n && !bpf_skb_load_bytes(skb, h->at, k->bytes, xc_bounded(n, XC_SEGMENT_BYTES)))
		k->n_bytes = n;
}

static __always_inline int is_listener(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk && sk->state == TCP_LISTEN;
}

/* The socket's thread is within a call of its TLS library: that is what it sends for. */
static __noinline int join_tls(struct __sk_buff *skb, struct xc_stream *s, const struct xc_head *h,
			       u64 key)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	/* the helper for it is not offered here before 6.10 */
	u64 thread = (u64)BPF_CORE_READ(task, tgid) << 32 | (u32)BPF_CORE_READ(task, pid);
	struct xc_tls_call *call = bpf_map_lookup_elem(&xc_tls_calls, &thread);
	struct xc_tls_conn *known, conn = { .cookie = key };

	if (!call || !s || !h || !h->bytes || h->proto != IPPROTO_TCP || !is_from_task(skb, h))
		return 0;
	known = bpf_map_lookup_elem(&xc_tls_conns, &call->key);
	if (known && known->cookie == key)
		return 0;
	conn.is_whole[XC_OUT] = conn.is_whole[XC_IN] = s->role != XC_ROLE_UNKNOWN && !known;
	bpf_map_update_elem(&xc_tls_conns, &call->key, &conn, BPF_ANY);
	return 0;
}

static __always_inline void on_known(struct __sk_buff *skb, struct xc_stream *s,
				     const struct xc_head *h, int dir, u64 key)
{
	struct task_struct *task = NULL;
	struct xc_told t = { .key = key, .dir = dir };
	int n;

	if (cfg.has_tls && dir == XC_OUT)
		join_tls(skb, s, h, key);
	xc_stream_count(s, dir, h->bytes, skb->gso_segs);
	n = xc_wanted(s, h, &t);
	if (n >= 0 || s->owner_is != XC_OWNER_SURE)
		task = sender(skb, h, dir, &t.tid);
	if (task && s->owner_is != XC_OWNER_SURE) {
		set_current(s, task);	/* mostly not who has accepted it, when that one has forked */
		t.is_news = 1;
	}
	xc_tell_or_wait(skb, s, h, &t, n);
}

/* Of a socket whose peer is told: who it is, once that is certain and another than the listener. */
static __always_inline void on_silent(struct __sk_buff *skb, struct xc_stream *s,
				      const struct xc_head *h, int dir, u64 key)
{
	u32 before = s->owner.tgid, tid;
	struct task_struct *task;

	if (cfg.has_tls && dir == XC_OUT)
		join_tls(skb, s, h, key);
	task = s->owner_is == XC_OWNER_SURE ? NULL : sender(skb, h, dir, &tid);
	if (!task)
		return;
	set_current(s, task);
	if (s->owner.tgid != before)
		xc_tell(s, key, XC_SEGMENT_TOTALS, 0);
}

/* A TCP socket of another namespace? Asked before anything else is: packets of the whole host come here. */
static __always_inline int is_foreign(struct __sk_buff *skb)
{
	struct bpf_sock *guarded = skb->sk;
	struct tcp_sock *tp;

	if (!cfg.has_netns_scope || !guarded)
		return 0;
	tp = bpf_skc_to_tcp_sock(guarded);
	return tp && !xc_netns_in_scope(netns_of((const struct sock *)tp));
}

static __always_inline int on_packet(struct __sk_buff *skb, int dir)
{
	struct xc_stream *s;
	struct xc_head h;
	u64 key;

	if (is_foreign(skb) || xc_head_parse(skb, &h, 0))
		return PASS;
	if (h.proto == IPPROTO_TCP && is_listener(skb)) {
		if (dir == XC_IN && h.tcp_flags & XC_TCP_ACK)
			on_listener(skb, &h);
		return PASS;
	}
	key = key_of(skb, &h, dir);
	if (!key)
		return PASS;
	s = bpf_map_lookup_elem(&xc_streams, &key);
	if (!s)
		s = begin(skb, &h, dir, key);
	if (s && s->is_silent)
		on_silent(skb, s, &h, dir, key);
	else if (s)
		on_known(skb, s, &h, dir, key);
	return PASS;
}

SEC("cgroup_skb/ingress")
int stream_in(struct __sk_buff *skb)
{
	return on_packet(skb, XC_IN);
}

SEC("cgroup_skb/egress")
int stream_out(struct __sk_buff *skb)
{
	return on_packet(skb, XC_OUT);
}

/* ---- sockets ----------------------------------------------------------------------------------- */

/* One record of a handshake that the listener took part in. */
static __always_inline void tell_handshake(struct xc_stream *s, u64 key, u8 flags, u32 seq, u32 ack)
{
	struct xc_segment_evt *e = bpf_ringbuf_reserve(&xc_events, sizeof(*e), 0);
	int dir = flags & XC_TCP_ACK ? XC_OUT : XC_IN;

	if (!e) {
		s->lost[dir] |= XC_SEGMENT_LOST_RING;
		xc_count(XC_STAT_LOST_RING);
		return;
	}
	xc_stream_fill(e, s, key);
	if (dir == XC_IN)
		xc_tuple_turn(&e->tuple);
	e->what = XC_SEGMENT_PACKET;
	e->is_outbound = dir == XC_OUT;
	e->tcp_flags = flags;
	e->seq = seq;
	e->ack = ack;
	xc_stream_told(s);
	xc_submit(e);
}

/* What came with the packet that ended the handshake. */
static __always_inline void tell_early(struct xc_stream *s, u64 key, const struct handshake *k)
{
	struct xc_segment_evt *e =
		bpf_ringbuf_reserve(&xc_events, sizeof(*e) + XC_SEGMENT_BYTES, 0);
	u32 n = k->n_bytes;

	if (!e) {
		s->lost[XC_IN] |= XC_SEGMENT_LOST_RING;
		xc_count(XC_STAT_LOST_RING);
		return;
	}
	xc_stream_fill(e, s, key);
	xc_tuple_turn(&e->tuple);
	e->what = XC_SEGMENT_PACKET;
	e->tcp_flags = XC_TCP_ACK;
	e->seq = k->seq;
	e->ack = k->ack;
	e->wire_bytes = k->wire_bytes;
	if (n > s->budget[XC_IN])
		n = s->budget[XC_IN];
	if (n && !bpf_probe_read_kernel(e->data, xc_bounded(n, XC_SEGMENT_BYTES), k->bytes)) {
		e->n_bytes = n;
		e->hdr.size_bytes += n;
		if (s->budget[XC_IN] != ~0u)
			s->budget[XC_IN] -= n;
	}
	xc_submit(e);
}

static __always_inline void find_listener(struct xc_stream *s)
{
	struct xc_listener_key lk = { .netns = s->netns, .port_he = s->tuple.sport_he };
	struct xc_listener *l = bpf_map_lookup_elem(&xc_listeners, &lk);

	if (!l)
		return;
	s->owner = l->owner;
	s->owner_is = XC_OWNER_LISTENER;
}

/* A listener has a child, and the packet that made it is in the scratch of this CPU: this runs in the same softirq. */
static __noinline int on_accepted(struct sock *sk)
{
	struct xc_stream s = { .netns = netns_of(sk), .tuple.proto = IPPROTO_TCP };
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	u64 key = xc_sk_cookie(sk);
	struct xc_stream *kept;
	struct handshake *k;
	u32 zero = 0, next;

	k = bpf_map_lookup_elem(&stream_handshakes, &zero);
	if (!tp || !k)
		return 0;
	next = tp->rcv_nxt;
	xc_sk_tuple_known(sk, &s.tuple);
	if (k->seq != next || k->dport_he != s.tuple.sport_he || k->sport_he != s.tuple.dport_he)
		return 0;	/* it was opened in another way */
	s.ifindex = k->ifindex;
	if (cfg.ifindex && cfg.ifindex != s.ifindex)
		return 0;
	find_listener(&s);
	if ((xc_has_process_scope() && !owner_in_scope(&s.owner, sk)) ||
	    !xc_tuple_in_scope(&s.tuple))
		return 0;
	s.budget[XC_OUT] = s.budget[XC_IN] = cfg.payload_budget;
	s.open_ns = bpf_ktime_get_ns();
	s.role = XC_ROLE_SERVER;
	s.packets[XC_OUT] = 1;
	s.packets[XC_IN] = 2;
	s.bytes[XC_IN] = k->wire_bytes;
	s.is_silent = is_peer_told(&s.tuple, next - 1);
	if (bpf_map_update_elem(&xc_streams, &key, &s, BPF_NOEXIST))
		xc_count(XC_STAT_LOST_MAP);
	kept = bpf_map_lookup_elem(&xc_streams, &key);
	if (!kept)
		return 0;
	tell_handshake(kept, key, XC_TCP_SYN, next - 1, 0);
	if (kept->is_silent)
		return 0;
	tell_handshake(kept, key, XC_TCP_SYN | XC_TCP_ACK, tp->snd_nxt - 1, next);
	if (k->wire_bytes)
		tell_early(kept, key, k);
	return 0;
}

/* The end of a connection in order passes other states first. A RST of ours is sent when the socket has been closed. */
static __always_inline u8 how_it_ended(const struct sock *sk, int from)
{
	int is_cut = from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT || from == TCP_FIN_WAIT1;

	return is_cut && !sk->sk_err ? XC_TCP_RST : 0;
}

static __noinline int on_closed(struct sock *sk, int from)
{
	u64 key = sk->__sk_common.skc_cookie.counter;
	struct xc_stream *s = bpf_map_lookup_elem(&xc_streams, &key);

	if (cfg.is_payload_only)
		xc_own_forget(sk);
	if (!s)
		return 0;
	xc_tell(s, key, XC_SEGMENT_CLOSED, how_it_ended(sk, from));
	xc_stream_forget(s, key);
	return 0;
}

static __noinline int on_listen(struct sock *sk, u32 netns)
{
	struct xc_owner owner = { 0 };

	xc_owner_current(&owner);	/* listen() is only ever called by a process */
	xc_listener_learn(sk, netns, xc_sk_cookie(sk), &owner);
	return 0;
}

static __always_inline int on_state(struct sock *sk, int from, int to, int has_cookie)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (to == TCP_CLOSE && from != TCP_LISTEN)
		return on_closed(sk, from);
	if (to == TCP_LISTEN)
		return xc_netns_in_scope(netns_of(sk)) ? on_listen(sk, netns_of(sk)) : 0;
	if (has_cookie && to == TCP_ESTABLISHED && from == TCP_SYN_RECV)
		return xc_netns_in_scope(netns_of(sk)) ? on_accepted(sk) : 0;
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(stream_state, struct sock *sk, int from, int to)
{
	return on_state(sk, from, to, 1);
}

SEC("tp_btf/inet_sock_set_state")	/* before 5.12 */
int BPF_PROG(stream_state_old, struct sock *sk, int from, int to)
{
	return on_state(sk, from, to, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
