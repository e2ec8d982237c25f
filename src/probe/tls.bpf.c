/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Plaintext that processes give to OpenSSL and get from it: uprobes on its functions, for sockets in scope only.
 * Attached by source/tls.c, and only when asked for.
 */
#include "abi/tcp.h"
#include "probe/stream.bpf.h"

#include <asm/ptrace.h>

#define PLAINTEXT (1ull << 63)	/* tells the policy of the inside from that of the outside */

enum { HANDSHAKE = 1, READ, READ_EX, WRITE, WRITE_EX };

static __always_inline void tls_key(struct xc_tls_key *k, u64 ssl)
{
	k->ssl = ssl;
	k->tgid = bpf_get_current_pid_tgid() >> 32;
	k->_pad0 = 0;
}

static __always_inline int on_enter(struct pt_regs *ctx, u32 kind)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct xc_tls_call call = { .kind = kind, .data = PT_REGS_PARM2(ctx) }, *outer;

	if (cfg.tgid && cfg.tgid != thread >> 32)
		return 0;
	tls_key(&call.key, PT_REGS_PARM1(ctx));
	outer = bpf_map_lookup_elem(&xc_tls_calls, &thread);
	if (kind == HANDSHAKE && outer && outer->key.ssl == call.key.ssl)
		return 0;	/* part of a read or a write */
	if (kind == READ_EX || kind == WRITE_EX)
		call.n_done = PT_REGS_PARM4(ctx);
	bpf_map_update_elem(&xc_tls_calls, &thread, &call, BPF_ANY);
	return 0;
}

/* ---- what is told ---------------------------------------------------------------------------- */

struct plain {
	u64 cookie;
	u64 data;
	u64 at;			/* bytes of this direction before it */
	u32 n, wire;
	u32 dir;
	u32 ack;
};

static __always_inline u8 flags_of(const struct xc_stream *s, const struct plain *p)
{
	int is_client = (s->role == XC_ROLE_CLIENT) == (p->dir == XC_OUT);

	return is_client ? XC_TCP_SYN : XC_TCP_SYN | XC_TCP_ACK;
}

static __always_inline int tell(struct xc_stream *s, struct xc_tls_conn *c, const struct plain *p,
				u32 room)
{
	struct xc_segment_evt *e;
	u32 dir = p->dir & 1;

	if (p->n > room)
		return -1;
	e = bpf_ringbuf_reserve(&xc_events, sizeof(*e) + room, 0);
	if (!e) {
		c->lost[dir] = XC_SEGMENT_LOST_RING;
		xc_count(XC_STAT_LOST_RING);
		return 0;
	}
	xc_stream_fill(e, s, p->cookie);
	if (dir == XC_IN)
		xc_tuple_turn(&e->tuple);
	e->what = XC_SEGMENT_PLAINTEXT;
	e->is_outbound = dir == XC_OUT;
	e->is_first = 0;
	e->seq = p->at;
	e->ack = p->ack;
	e->tcp_flags = XC_TCP_ACK;
	if (!p->at && c->is_whole[dir]) {	/* as the packets of a connection begin */
		e->tcp_flags = flags_of(s, p);
		e->seq--;
	}
	e->wire_bytes = p->wire;
	e->tid = (u32)bpf_get_current_pid_tgid();
	e->lost = c->lost[dir];
	if (p->n && !bpf_probe_read_user(e->data, xc_bounded(p->n, room), (void *)p->data)) {
		e->n_bytes = p->n;
		e->hdr.size_bytes += p->n;
	}
	c->lost[dir] = 0;
	xc_submit(e);
	return 0;
}

static __noinline int tell_piece(struct xc_stream *s, struct xc_tls_conn *c, const struct plain *p)
{
	if (!s || !c || !p)
		return 0;
	if (tell(s, c, p, 256) && tell(s, c, p, 2048))
		(void)tell(s, c, p, XC_SEGMENT_BYTES);
	return 0;
}

/* Is nothing of @n bytes from @at on wanted? */
static __always_inline int is_unwanted(const struct plain *p, u32 n)
{
	struct xc_policy_key k = { .cookie = p->cookie | PLAINTEXT,
				   .is_outbound = p->dir == XC_OUT };
	struct xc_policy *policy = bpf_map_lookup_elem(&xc_policies, &k);

	if (!policy || policy->mode == XC_POLICY_BYTES)
		return 0;
	return policy->mode == XC_POLICY_NOTHING ||
	       (s32)(policy->skip_until - (u32)(p->at + n)) >= 0;
}

static __always_inline void on_data(struct xc_stream *s, struct xc_tls_conn *c, struct plain *p,
				    u32 n)
{
	u32 left = n;

	if (is_unwanted(p, n))
		return;
	for (int i = 0; i < XC_SEGMENT_RECORDS && left; i++) {
		p->n = left < XC_SEGMENT_BYTES ? left : XC_SEGMENT_BYTES;
		p->wire = i == XC_SEGMENT_RECORDS - 1 ? left : p->n;
		tell_piece(s, c, p);
		p->data += p->n;
		p->at += p->n;
		left -= p->n;
	}
}

static __always_inline u32 n_done(const struct xc_tls_call *call, int ret)
{
	u64 n = 0;

	if (ret <= 0)
		return 0;
	if (!call->n_done)
		return ret;
	if (bpf_probe_read_user(&n, sizeof(n), (void *)call->n_done))
		return 0;
	return n < 1u << 30 ? n : 0;
}

static __noinline int on_done(const struct xc_tls_call *call, u32 n, u32 dir)
{
	struct xc_tls_key key;
	struct xc_tls_conn *c;
	struct xc_stream *s;
	struct plain p = { .dir = dir & 1 };
	u64 cookie;

	if (!call || !n)
		return 0;
	key = call->key;
	c = bpf_map_lookup_elem(&xc_tls_conns, &key);
	if (!c)
		return 0;	/* its socket has not been seen at work */
	cookie = c->cookie;
	p.cookie = cookie;
	p.data = call->data;
	p.at = c->bytes[dir & 1];
	p.ack = c->bytes[!(dir & 1)];
	c->bytes[dir & 1] += n;
	s = bpf_map_lookup_elem(&xc_streams, &cookie);
	if (s)
		on_data(s, c, &p, n);
	return 0;
}

static __always_inline int on_exit(struct pt_regs *ctx, u32 kind)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct xc_tls_call *call = bpf_map_lookup_elem(&xc_tls_calls, &thread), copy;

	if (!call || call->kind != kind)
		return 0;
	copy = *call;
	bpf_map_delete_elem(&xc_tls_calls, &thread);
	if (kind != HANDSHAKE)
		on_done(&copy, n_done(&copy, (int)PT_REGS_RC(ctx)),
			kind == READ || kind == READ_EX ? XC_IN : XC_OUT);
	return 0;
}

#define CALL(name, kind)                                                                           \
	SEC("uprobe")                                                                              \
	int tls_##name(struct pt_regs *ctx)                                                        \
	{                                                                                          \
		return on_enter(ctx, kind);                                                        \
	}                                                                                          \
	SEC("uretprobe")                                                                           \
	int tls_##name##_done(struct pt_regs *ctx)                                                 \
	{                                                                                          \
		return on_exit(ctx, kind);                                                         \
	}

CALL(handshake, HANDSHAKE)
CALL(read, READ)
CALL(read_ex, READ_EX)
CALL(write, WRITE)
CALL(write_ex, WRITE_EX)

/* The address may be another connection's soon. */
SEC("uprobe")
int tls_free(struct pt_regs *ctx)
{
	struct xc_tls_key key;

	tls_key(&key, PT_REGS_PARM1(ctx));
	bpf_map_delete_elem(&xc_tls_conns, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
