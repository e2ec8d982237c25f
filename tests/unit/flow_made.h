/* SPDX-License-Identifier: Apache-2.0 */
/* Flows for tests: made by hand, or from segments that go through the real update. */
#pragma once

#include "abi/flow_update.h"
#include "flow/hist.h"

#include <arpa/inet.h>

#define WINDOW_NS 5000000000ull
#define NO 350000000ull		/* a window of the year 2025 */
#define START_NS (NO * WINDOW_NS)
#define MS 1000000ull

/* One flow, as a source keeps it. */
struct made {
	struct xc_flow_ends ends;	/* as the client sends */
	struct xc_flow_key key;
	struct xc_flow flow;
	struct xc_flow_window window;	/* instead of the flow's own, for numbers set by hand */
	struct xc_hist latency;
};

static inline void set_addr(uint8_t addr[16], const char *s)
{
	if (inet_pton(AF_INET6, s, addr) == 1)
		return;
	memset(addr, 0, 16);
	memset(addr + 10, 0xff, 2);
	assert_int_equal(inet_pton(AF_INET, s, addr + 12), 1);
}

static inline struct made made(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct made m = { .ends = { .port_he = { sport, dport }, .proto = XC_IP_TCP } };

	set_addr(m.ends.addr[0], src);
	set_addr(m.ends.addr[1], dst);
	m.flow.initiator = m.window.initiator = xc_flow_key_of(&m.ends, &m.key);
	m.window.no = NO;
	m.window.state = m.flow.state = XC_FLOW_ESTABLISHED;
	return m;
}

/* Direction of the window: 0 from the client. */
static inline struct xc_flow_dir *dir(struct made *m, int is_backward)
{
	return &m->window.dir[m->window.initiator ^ is_backward];
}

struct segment {
	uint64_t at_ms;		/* since START_NS */
	int from_server;
	uint8_t flags;
	uint32_t seq, ack;
	uint32_t payload;
	uint16_t window;
};

static inline void send_one(struct made *m, const struct segment *s)
{
	struct xc_flow_packet k = { .ends = m->ends,
				    .ts_ns = START_NS + s->at_ms * MS,
				    .bytes = 40 + s->payload,
				    .payload_bytes = s->payload,
				    .header_bytes = 40,
				    .n_segments = 1,
				    .segment_bytes = s->payload,
				    .seq = s->seq,
				    .ack = s->ack,
				    .window = s->window,
				    .tcp_flags = s->flags,
				    .wscale = XC_FLOW_NO_WSCALE,
				    .ttl = s->from_server ? 57 : 64 };
	uint64_t sample;

	if (s->from_server) {
		memcpy(k.ends.addr[0], m->ends.addr[1], 16);
		memcpy(k.ends.addr[1], m->ends.addr[0], 16);
		k.ends.port_he[0] = m->ends.port_he[1];
		k.ends.port_he[1] = m->ends.port_he[0];
	}
	k.source = xc_flow_key_of(&k.ends, &m->key);
	sample = xc_flow_update(&m->flow, &k, WINDOW_NS);
	if (sample)
		assert_int_equal(xc_hist_add(&m->latency, xc_hist_bucket(sample), 1), 0);
	m->window = m->flow.window[m->flow.filling & 1];
}

static inline void send_all(struct made *m, const struct segment *s, size_t n)
{
	memset(&m->flow, 0, sizeof(m->flow));
	for (size_t i = 0; i < n; i++)
		send_one(m, &s[i]);
}

#define SEND(m, ...)                                                                               \
	send_all(m, (const struct segment[]){ __VA_ARGS__ },                                       \
		 ARRAY_SIZE(((const struct segment[]){ __VA_ARGS__ })))

enum {
	S = XC_TCP_SYN,
	A = XC_TCP_ACK,
	P = XC_TCP_PSH | XC_TCP_ACK,
	F = XC_TCP_FIN | XC_TCP_ACK,
	R = XC_TCP_RST,
	SA = XC_TCP_SYN | XC_TCP_ACK,
	RA = XC_TCP_RST | XC_TCP_ACK
};
