/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reassembler beside an array of bytes. Byte i of what is sent is known, so whatever comes out at position i must be
 * that byte, and every position is either read, skipped on request, or told as a gap. Input: 4 bytes of initial sequence
 * number, then operations of 5 bytes: what, 2 bytes where, 1 byte how much, 1 byte how much of it was captured.
 */
#include "l7/stream.h"
#include "model/net.h"

#include <stdlib.h>

#define SENT 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct oracle {
	struct xc_stream s;
	struct xc_stream_memory m;
	uint8_t sent[SENT + 512];
	uint32_t isn;
	uint64_t ns;
	uint64_t position;	/* of the front, by our own count */
	uint8_t appetite;	/* bytes taken at once; 0 = none: the message goes on */
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_front(struct oracle *o, struct xc_span in)
{
	check(o->position == o->s.n_bytes);
	check(o->s.next == o->isn + 1 + (uint32_t)o->position);
	check(o->position + in.len <= sizeof(o->sent));
	check(!in.len || !memcmp(in.p, o->sent + o->position, in.len));
	for (size_t at = 0; at < in.len; at += 64)
		check(xc_stream_ns(&o->s, at) <= o->ns);
	check(o->s.n_early <= XC_STREAM_EARLY_N && o->s.n_early_bytes <= XC_STREAM_EARLY_MAX);
	check(o->m.used <= o->m.max);
}

static void pass(struct oracle *o)
{
	uint64_t skip = o->s.skip;

	(void)xc_stream_pass(&o->s, o->ns, &o->m);
	check(o->s.skip <= skip);
	o->position += skip - o->s.skip;
}

static void read_all(struct oracle *o)
{
	for (;;) {
		struct xc_span in;
		size_t n;

		if (o->s.skip) {
			pass(o);
			if (o->s.skip)
				return;
		}
		in = xc_stream_front(&o->s, &o->m);
		check_front(o, in);
		n = in.len < o->appetite ? in.len : o->appetite;
		if (n) {
			xc_stream_take(&o->s, n, &o->m);
			o->position += n;
		} else if (!xc_stream_grow(&o->s, &o->m)) {
			if (!o->s.fresh.len && !xc_stream_is_lost(&o->s, o->ns))
				return;
			o->position += xc_stream_jump(&o->s, &o->m);
		}
	}
}

static void put(struct oracle *o, uint32_t at, uint32_t n, uint32_t captured)
{
	struct xc_segment seg = { .ts_ns = o->ns,
				  .seq = o->isn + 1 + at,
				  .tcp_flags = XC_TCP_ACK,
				  .wire_bytes = n,
				  .n_bytes = captured < n ? captured : n };
	uint8_t *copy = malloc(seg.n_bytes ? seg.n_bytes : 1);
	uint64_t skip = o->s.skip;

	check(copy != NULL);
	memcpy(copy, o->sent + at, seg.n_bytes);
	seg.data = copy;
	xc_stream_put(&o->s, &seg, &o->m);
	o->position += skip - o->s.skip;	/* a hole in what is skipped */
	read_all(o);
	xc_stream_rest(&o->s, &o->m);
	free(copy);	/* what is kept must be a copy */
}

static void operate(struct oracle *o, struct xc_rd *rd)
{
	uint8_t what = xc_rd_u8(rd);
	uint32_t at = xc_rd_be16(rd) % SENT;
	uint8_t n = xc_rd_u8(rd), captured = xc_rd_u8(rd);

	o->ns += 10000000;
	switch (what % 8) {
	case 0:
		xc_stream_acked(&o->s, o->isn + 1 + at, o->ns);
		read_all(o);
		break;
	case 1:
		o->ns += (uint64_t)at * 1000000;
		read_all(o);
		break;
	case 2:
		o->appetite = n;
		break;
	case 3:
		o->s.skip = o->s.skip ? o->s.skip : n;
		break;
	case 4:
		o->s.is_lossy = true;
		break;
	case 5:
		put(o, at, n, captured);
		break;
	default:
		put(o, at, n, n);
		break;
	}
	xc_stream_rest(&o->s, &o->m);
}

/* Everything once more, in order: whatever was missing, the stream comes to its end. */
static void send_all(struct oracle *o)
{
	o->appetite = 255;
	o->m.max = 1 << 20;
	for (uint32_t at = 0; at < SENT; at += 256)
		put(o, at, 256, 256);
	xc_stream_acked(&o->s, o->isn + 1 + SENT, o->ns);
	for (size_t i = 0; i < XC_STREAM_EARLY_N; i++) {
		o->ns += XC_STREAM_PATIENCE_NS;
		read_all(o);
		xc_stream_rest(&o->s, &o->m);
	}
	check(o->s.skip || (!xc_stream_waits(&o->s) && o->position >= SENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct xc_rd rd = xc_rd((struct xc_span){ data, len });
	struct oracle o = { .m = { .max = 20000 }, .appetite = 255 };
	struct xc_segment syn = { .tcp_flags = XC_TCP_SYN };

	for (size_t i = 0; i < sizeof(o.sent); i++)
		o.sent[i] = (uint8_t)((i * 2654435761u) >> 13);
	o.isn = syn.seq = xc_rd_be32(&rd);
	xc_stream_put(&o.s, &syn, &o.m);
	while (xc_rd_left(&rd) >= 5)
		operate(&o, &rd);
	send_all(&o);
	xc_stream_done(&o.s, &o.m);
	check(!o.m.used);
	return 0;
}
