/* SPDX-License-Identifier: Apache-2.0 */
/* A capture as a source: what the tracker makes of its packets, and their payload. */
#include "abi/host.h"
#include "base/log.h"
#include "source/capture.h"
#include "source/segment.h"
#include "source/tracker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES (XC_EVT_SIZE_MAX - sizeof(struct xc_segment_evt))

struct packets {
	struct xc_source_env env;
	struct xc_capture *capture;
	struct xc_tracker *tracker;	/* NULL = nobody asks for connections in trouble */
	struct xc_flow_packet packet;	/* read, its time has not come yet */
	struct xc_flow_bytes bytes;
	bool has_packet;
	bool has_ended;
	uint8_t record[XC_EVT_SIZE_MAX] __attribute__((aligned(8)));
};

static void packets_close(void *source)
{
	struct packets *s = source;

	if (!s)
		return;
	xc_capture_close(s->capture);
	xc_tracker_free(s->tracker);
	free(s);
}

static void packets_closep(struct packets **s)
{
	packets_close(*s);
}

static int packets_open(const struct xc_source_env *env, void **ret_source)
{
	_cleanup_(packets_closep) struct packets *s = calloc(1, sizeof(*s));
	struct xc_tracker_cfg cfg = { .max_flows = env->max_connections,
				      .on_record = env->on_record,
				      .arg = env->arg };
	int r;

	if (!s)
		return -ENOMEM;
	s->env = *env;
	r = xc_capture_open(env->path, &s->capture);
	if (r)
		return r;
	r = env->with_failures ? xc_tracker_new(&cfg, &s->tracker) : 0;
	if (r)
		return xc_err(r, "%s: no memory for %u connections", env->path, cfg.max_flows);
	*ret_source = TAKE_PTR(s);
	return 0;
}

/* The last packet was taken: tell what is still open, and what the file was like. */
static void end(struct packets *s)
{
	struct xc_capture_stats stats;

	s->has_ended = true;
	if (s->tracker)
		xc_tracker_end(s->tracker);
	xc_capture_get_stats(s->capture, &stats);
	if (!stats.n_packets)
		(void)xc_warn(0, "%s: no IP packet in %" PRIu64 " frames", s->env.path,
			      stats.n_frames);
	if (stats.n_cut)
		(void)xc_warn(0, "%s: %" PRIu64 " packets were captured too short to be read",
			      s->env.path, stats.n_cut);
}

/* The next packet, or the end. 0 or -errno. */
static int fetch(struct packets *s)
{
	int r = xc_capture_next(s->capture, &s->packet, &s->bytes);

	s->has_packet = r > 0;
	if (!r)
		end(s);
	return r < 0 ? r : 0;
}

/* ---- payload ------------------------------------------------------------------------------- */

/* @n bytes of the segment from @at on; the last piece has its end. */
static void tell_piece(struct packets *s, const struct xc_segment *seg, uint32_t at, uint32_t n)
{
	struct xc_segment_evt *e = (struct xc_segment_evt *)s->record;
	bool is_last = at + n >= seg->n_bytes;

	*e = (struct xc_segment_evt){
		.hdr = { .ts_ns = seg->ts_ns,
			 .size_bytes = (uint32_t)sizeof(*e) + n,
			 .kind = XC_EVT_SEGMENT },
		.tuple = seg->tuple,
		.seq = seg->seq + at,
		.ack = seg->ack,
		.wire_bytes = is_last ? seg->wire_bytes - at : n,
		.n_bytes = n,
		.what = XC_SEGMENT_PACKET,
		.tcp_flags = seg->tcp_flags,
	};
	if (!is_last)
		e->tcp_flags &= (uint8_t)~XC_TCP_FIN;
	if (n)
		memcpy(e->data, seg->data + at, n);
	s->env.on_record(s->env.arg, &e->hdr);
}

/* An echo says nothing anybody reads, but it is a flow. */
static bool echo_of(const struct xc_flow_packet *k, struct xc_segment *ret_segment)
{
	struct xc_tuple t = { .sport_he = k->ends.port_he[0],
			      .dport_he = k->ends.port_he[1],
			      .proto = k->ends.proto };

	if ((t.proto != XC_IP_ICMP && t.proto != XC_IP_ICMP6) || k->flags & XC_PACKET_QUOTES ||
	    !t.sport_he)
		return false;
	memcpy(t.saddr, k->ends.addr[0], sizeof(t.saddr));
	memcpy(t.daddr, k->ends.addr[1], sizeof(t.daddr));
	*ret_segment = (struct xc_segment){ .ts_ns = k->ts_ns,
					    .tuple = t,
					    .wire_bytes = k->payload_bytes };
	return true;
}

/* Packets of a capture may be larger than any record. */
static void tell_segment(struct packets *s)
{
	struct xc_segment seg;
	uint32_t at = 0;

	if (!xc_segment_of_packet(&s->packet, &s->bytes, &seg) && !echo_of(&s->packet, &seg))
		return;
	for (; seg.n_bytes - at > PIECE_BYTES; at += PIECE_BYTES)
		tell_piece(s, &seg, at, PIECE_BYTES);
	tell_piece(s, &seg, at, seg.n_bytes - at);
}

static void tell_time(struct packets *s, uint64_t now_ns)
{
	struct xc_tick_evt e = {
		.hdr = { .ts_ns = now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_TICK }
	};

	if (s->tracker)
		xc_tracker_tick(s->tracker, now_ns);
	else
		s->env.on_record(s->env.arg, &e.hdr);
}

static void tell_packet(struct packets *s)
{
	if (s->env.with_payload)
		tell_segment(s);
	if (s->tracker)
		xc_tracker_add(s->tracker, &s->packet, &s->bytes);
	s->has_packet = false;
}

/* Time comes with the packets: one a call, and what is due before it, or after the last, first. */
static int packets_poll(void *source, uint64_t deadline_ns)
{
	struct packets *s = source;

	if (!s->has_packet && !s->has_ended)
		return fetch(s);
	/* a verdict may be due later, but no request is known to be without an answer because a file ends */
	if (s->has_ended && (deadline_ns == UINT64_MAX || !s->tracker))
		return 1;
	if (s->has_ended || deadline_ns < s->packet.ts_ns) {
		tell_time(s, deadline_ns);
		return 0;
	}
	tell_packet(s);
	return 0;
}

/* There is nobody to ask. */
static void packets_ask(void *source, const struct xc_ask *ask)
{
	(void)source;
	(void)ask;
}

bool xc_source_is_capture(const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_close_ int fd = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	uint8_t start[4];

	/* a pipe cannot be looked into without taking from it */
	return is_stdin || (pread(fd, start, sizeof(start), 0) == sizeof(start) &&
			    xc_capture_is(start, sizeof(start)));
}

const struct xc_source xc_source_packets = {
	.name = "packets",
	.open = packets_open,
	.poll = packets_poll,
	.ask = packets_ask,
	.close = packets_close,
};
