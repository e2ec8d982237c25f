/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is known of sockets whose payload is read; their packets and the plaintext of their TLS library are told alike. */
#pragma once

#include "abi/segment.h"
#include "probe/common.bpf.h"

enum { XC_OUT, XC_IN };	/* index of what is kept for each direction */

enum { XC_ROLE_UNKNOWN, XC_ROLE_CLIENT, XC_ROLE_SERVER };	/* of this socket */

enum { XC_OWNER_UNKNOWN, XC_OWNER_LISTENER, XC_OWNER_SURE };

/* What is known of a socket; where datagrams have many peers, of the socket and one of them. */
struct xc_stream {
	u64 bytes[2];
	u32 packets[2];
	u32 budget[2];
	u64 open_ns;
	u64 told;		/* jiffies of the latest record */
	struct xc_tuple tuple;	/* s* = this socket */
	struct xc_owner owner;
	u32 netns;
	u32 ifindex;
	u8 lost[2];		/* enum xc_segment_lost */
	u8 owner_is;
	u8 has_told;
	u8 role;
	u8 ends_here;		/* seen on an interface: a socket of this host is an end of it */
	u8 is_silent;		/* the socket at the other end is told */
	u8 has_policy;		/* xc_policies has an entry, as far as was seen */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct xc_stream);
} xc_streams SEC(".maps");

/* Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct xc_policy_key);
	__type(value, struct xc_policy);
} xc_policies SEC(".maps");

/*
 * A TLS library at work in a thread, and the socket its connection uses: the one that thread sends from meanwhile.
 * Entries come from tls.bpf.c.
 */
struct xc_tls_key {
	u64 ssl;		/* address of the connection in the process */
	u32 tgid;
	u32 _pad0;
};

struct xc_tls_call {
	struct xc_tls_key key;
	u64 data;		/* of the process: bytes given or to be filled */
	u64 n_done;		/* of the process: where their number is left; 0 = it is what the call returns */
	u32 kind;
	u32 _pad0;
};

struct xc_tls_conn {
	u64 cookie;		/* key of xc_streams */
	u64 bytes[2];		/* plaintext so far */
	u8 lost[2];
	u8 is_whole[2];		/* its first byte was seen */
	u32 _pad0;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);	/* of the thread: bpf_get_current_pid_tgid() */
	__type(value, struct xc_tls_call);
} xc_tls_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct xc_tls_key);
	__type(value, struct xc_tls_conn);
} xc_tls_conns SEC(".maps");

/*
 * @n, of which is known that it is from 1 to @max, a power of two: the verifier is told so in a way that no
 * compiler undoes and every kernel understands.
 */
static __always_inline u64 xc_bounded(u64 n, u32 max)
{
	n--;
	asm volatile("%0 &= %1" : "+r"(n) : "ri"(max - 1));
	return n + 1;
}

static __always_inline void xc_stream_fill(struct xc_segment_evt *e, struct xc_stream *s, u64 key)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->hdr.ts_ns = bpf_ktime_get_ns();
	e->hdr.size_bytes = sizeof(*e);
	e->hdr.kind = XC_EVT_SEGMENT;
	e->hdr.cpu = bpf_get_smp_processor_id();
	e->cookie = key;
	e->tuple = s->tuple;
	e->owner = s->owner;
	e->bytes[0] = s->bytes[XC_OUT];
	e->bytes[1] = s->bytes[XC_IN];
	e->packets[0] = s->packets[XC_OUT];
	e->packets[1] = s->packets[XC_IN];
	e->open_ns = s->open_ns;
	e->netns = s->netns;
	e->ifindex = s->ifindex;
	e->is_first = !s->has_told;
	e->is_silent = s->is_silent;
}

/* @n_segments: of a super-packet; else 0. */
static __always_inline void xc_stream_count(struct xc_stream *s, int dir, u32 bytes, u32 n_segments)
{
	__sync_fetch_and_add(&s->bytes[dir], bytes);
	__sync_fetch_and_add(&s->packets[dir], n_segments ? n_segments : 1);
}

static __always_inline void xc_stream_told(struct xc_stream *s)
{
	s->told = bpf_jiffies64();
	s->has_told = 1;
}

static __always_inline void forget_policy(u64 key, u32 is_outbound)
{
	struct xc_policy_key k = { .cookie = key, .is_outbound = is_outbound };

	bpf_map_delete_elem(&xc_policies, &k);
}

/* A policy that no packet has met is left behind: the oldest make room. */
static __always_inline void xc_stream_forget(const struct xc_stream *s, u64 key)
{
	if (s->has_policy) {
		forget_policy(key, 0);
		forget_policy(key, 1);
	}
	bpf_map_delete_elem(&xc_streams, &key);
}
