/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One protocol, fed with a conversation in pieces. A sample is pieces: '>' (client) or '<' (server), the length of the
 * piece (2 bytes, big-endian), its bytes; or '?', a direction as above and 2 bytes: so many bytes of it are lost. A
 * sample that begins with 'd' is datagrams. tools/l7-sample.py writes them.
 */
#include "l7/table.h"

#include <stdlib.h>

extern const struct xc_l7_proto PROTO;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void on_request(void *arg, struct xc_session *s, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	const char *value;
	size_t n = 0;

	(void)arg;
	check(s->l7.proto && r->protocol && r->confidence <= 100);
	check(stage >= XC_REQUEST_SENT && stage <= XC_REQUEST_NOTICE);
	check(memchr(r->method, 0, sizeof(r->method)) && memchr(r->target, 0, sizeof(r->target)));
	check(memchr(r->status_text, 0, sizeof(r->status_text)) != NULL);
	check(!r->response_last_ns || r->response_last_ns >= r->response_first_ns);
	check(!r->request_last_ns || r->request_last_ns >= r->request_first_ns);
	for (const char *k = xc_request_next(r, NULL, &value); k; k = xc_request_next(r, k, &value))
		n += strlen(k) + strlen(value) + 2;
	check(n == r->attrs.len && n <= XC_REQUEST_ATTRS);
}

static struct xc_segment piece(const struct xc_tuple *client, bool from_client, uint32_t seq[2])
{
	struct xc_tuple server = *client;

	server.sport_he = client->dport_he;
	server.dport_he = client->sport_he;
	server.saddr[15] = client->daddr[15];
	server.daddr[15] = client->saddr[15];
	return (struct xc_segment){ .tuple = from_client ? *client : server,
				    .seq = seq[!from_client],
				    .ack = seq[from_client],
				    .tcp_flags = client->proto == 6 ? 0x10 : 0 };
}

static void talk(struct xc_session *s, struct xc_rd *rd)
{
	uint32_t seq[2] = { 1000, 0xffffff00u };
	uint64_t ns = 0;

	while (xc_rd_left(rd)) {
		uint8_t what = xc_rd_u8(rd), who = what == '?' ? xc_rd_u8(rd) : what;
		uint16_t n = xc_rd_be16(rd);
		struct xc_segment seg;
		struct xc_span bytes;

		if (rd->is_short || (who != '>' && who != '<'))
			return;
		ns += 10000000;
		if (what == '?') {
			seq[who == '<'] += n;
			continue;
		}
		bytes = xc_rd_span(rd, n < xc_rd_left(rd) ? n : xc_rd_left(rd));
		seg = piece(&s->tuple, who == '>', seq);
		seg.ts_ns = ns;
		seg.data = bytes.p;
		seg.n_bytes = seg.wire_bytes = (uint32_t)bytes.len;
		seq[who == '<'] += seg.wire_bytes;
		xc_session_feed(s, &seg);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct xc_rd rd = xc_rd((struct xc_span){ data, len });
	struct xc_tuple tuple = { .sport_he = 40000, .dport_he = 7777, .proto = 6 };
	struct xc_l7_engine engine;
	struct xc_session s;

	if (len && data[0] == 'd') {
		tuple.proto = 17;
		(void)xc_rd_u8(&rd);
	}
	tuple.saddr[15] = 1;
	tuple.daddr[15] = 2;
	xc_l7_engine_init(&engine, on_request, NULL);
	engine.only = &PROTO;
	xc_session_init(&s, &engine, &tuple, true);
	if (!PROTO.detect)
		xc_session_speaks(&s, &PROTO);
	talk(&s, &rd);
	xc_session_tick(&s, s.now_ns + 60000000000ull);
	xc_session_done(&s);
	check(!engine.memory.used && !engine.n_open);
	xc_l7_engine_done(&engine);
	return 0;
}
