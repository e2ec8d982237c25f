/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of a capture in, findings out: each story is a list of packets and what may be said about
 * it. What a capture does not show must not be said.
 */
#include "xctest.h"

#include "core/engine.h"
#include "abi/host.h"
#include "source/tracker.h"

#include <stdio.h>

#define MS 1000000ull
#define T0 1700000000000000000ull	/* wall clock of the first packet */
#define N_KEPT 16
#define SERVER_PORT 80
#define CLIENT_PORT 40000

#define SYN XC_TCP_SYN
#define ACK XC_TCP_ACK
#define FIN (XC_TCP_FIN | XC_TCP_ACK)
#define RST XC_TCP_RST
#define SYNACK (XC_TCP_SYN | XC_TCP_ACK)

/* One TCP segment; numbers are relative to 1000 (client) and 5000 (server). */
struct segment {
	uint32_t ms;
	char from;		/* 'c' client, 's' server, 0 = end of the list */
	uint8_t flags;
	uint32_t seq, ack;
	uint32_t bytes;
	uint16_t window;	/* 0 = 8000 */
	uint16_t id;		/* of the IP header; 0 = another one for each */
	bool is_shut;		/* window 0 */
};

static struct {
	struct xc_config cfg;
	struct xc_engine *engine;
	struct xc_tracker *tracker;
	struct xc_finding f[N_KEPT];
	size_t n;
	uint64_t n_records, n_sockets;
	uint64_t lost;
	int64_t wall_offset_ns;
	uint64_t last_ns;
	uint16_t id;
} run;

static int keep(void *sink, const struct xc_finding *f)
{
	(void)sink;
	if (run.n < N_KEPT)
		run.f[run.n++] = *f;
	return 0;
}

static const struct xc_sink keeper = { .name = "keeper", .emit = keep };

static void on_record(void *arg, const struct xc_evt *e)
{
	(void)arg;
	run.n_records++;
	run.n_sockets += e->kind == XC_EVT_SOCK;
	assert_true(e->ts_ns >= run.last_ns);	/* time never runs backwards */
	run.last_ns = e->ts_ns;
	if (e->kind == XC_EVT_TICK) {
		run.lost = ((const struct xc_tick_evt *)e)->lost[XC_STAT_LOST_MAP];
		run.wall_offset_ns = ((const struct xc_tick_evt *)e)->wall_offset_ns;
	}
	assert_int_equal(xc_engine_feed(run.engine, e), 0);
}

static void start(uint32_t max_flows)
{
	struct xc_tracker_cfg cfg = { .max_flows = max_flows, .on_record = on_record };

	memset(&run, 0, sizeof(run));
	xc_config_default(&run.cfg);
	assert_int_equal(xc_engine_new(&run.cfg, &keeper, NULL, &run.engine), 0);
	assert_int_equal(xc_tracker_new(&cfg, &run.tracker), 0);
}

static void stop(void)
{
	uint64_t due;

	xc_tracker_end(run.tracker);
	while ((due = xc_engine_deadline(run.engine)) != UINT64_MAX)
		xc_tracker_tick(run.tracker, due);
	xc_tracker_free(run.tracker);
	xc_engine_free(run.engine);
}

/* ---- packets -------------------------------------------------------------------------------- */

static size_t put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* An IPv4 header from @from (last byte of its address) to @to; the total length is told, not there. */
static size_t put_ip(uint8_t *p, uint8_t from, uint8_t to, uint8_t proto, uint32_t total)
{
	static const uint8_t head[] = { 0x45, 0, 0,  0, 0, 0, 0,  0, 64, 0,
					0,    0, 10, 0, 0, 0, 10, 0, 0,	 0 };

	memcpy(p, head, sizeof(head));
	put16(p + 2, total);
	put16(p + 4, ++run.id);
	p[9] = proto;
	p[15] = from;
	p[19] = to;
	return sizeof(head);
}

/* As the source does it: what is due before the packet comes first. */
static void add(uint64_t ts_ns, const uint8_t *p, size_t n)
{
	struct xc_flow_bytes b = { .data = guard_copy(p, n), .n = (uint32_t)n };
	struct xc_flow_packet k;
	uint64_t due;

	assert_int_equal(xc_flow_parse(&b, 0, (uint32_t)n, &k), 0);
	k.ts_ns = ts_ns;
	while ((due = xc_engine_deadline(run.engine)) < ts_ns)
		xc_tracker_tick(run.tracker, due);
	xc_tracker_add(run.tracker, &k, &b);
}

static size_t put_tcp(uint8_t *p, const struct segment *s, uint16_t client_port)
{
	bool is_client = s->from == 'c', is_syn = s->flags & SYN;
	size_t head = is_syn ? 24 : 20;
	size_t n = put_ip(p, is_client ? 1 : 2, is_client ? 2 : 1, XC_IP_TCP,
			  (uint32_t)(20 + head + s->bytes));

	if (s->id)
		put16(p + 4, s->id);
	memset(p + n, 0, head);
	put16(p + n, is_client ? client_port : SERVER_PORT);
	put16(p + n + 2, is_client ? SERVER_PORT : client_port);
	put32(p + n + 4, s->seq + (is_client ? 1000 : 5000));
	if (s->flags & ACK)
		put32(p + n + 8, s->ack + (is_client ? 5000 : 1000));
	p[n + 12] = (uint8_t)(head / 4 << 4);
	p[n + 13] = s->flags;
	put16(p + n + 14, s->is_shut ? 0 : s->window ? s->window : 8000);
	if (is_syn)
		put32(p + n + 20, 0x02040000 | 1460);	/* MSS */
	return n + head;
}

static void add_segment(const struct segment *s, uint16_t client_port)
{
	uint8_t p[64];

	add(T0 + s->ms * MS, p, put_tcp(p, s, client_port));
}

/* An ICMP error from @from about the first @quoted bytes of a packet that @p holds. */
static void add_icmp(uint32_t ms, uint8_t from, uint8_t type, uint8_t code, const uint8_t *quoted)
{
	uint8_t p[64] = { 0 };
	size_t n = put_ip(p, from, quoted[15], XC_IP_ICMP, 56);

	p[n] = type;
	p[n + 1] = code;
	memcpy(p + n + 8, quoted, 28);
	add(T0 + ms * MS, p, n + 36);
}

static size_t put_udp(uint8_t *p, bool is_client, uint16_t sport, uint16_t dport)
{
	size_t n = put_ip(p, is_client ? 1 : 2, is_client ? 2 : 1, XC_IP_UDP, 60);

	put16(p + n, sport);
	put16(p + n + 2, dport);
	put32(p + n + 4, 40u << 16);
	return n + 8;
}

/* What stands in the end: the pattern, or "nothing". */
static const char *verdict(void)
{
	if (!run.n || run.f[run.n - 1].status == XC_STATUS_CLEARED)
		return "nothing";
	return run.f[run.n - 1].pattern_id;
}

/* ---- stories -------------------------------------------------------------------------------- */

#define C(ms_, flags_, seq_, ack_, ...)                                                            \
	{                                                                                          \
		.ms = (ms_), .from = 'c', .flags = (flags_), .seq = (seq_), .ack = (ack_),         \
		__VA_ARGS__                                                                        \
	}
#define S(ms_, flags_, seq_, ack_, ...)                                                            \
	{                                                                                          \
		.ms = (ms_), .from = 's', .flags = (flags_), .seq = (seq_), .ack = (ack_),         \
		__VA_ARGS__                                                                        \
	}
#define SHAKE(ms) C(ms, SYN, 0, 0), S((ms) + 1, SYNACK, 0, 1), C((ms) + 2, ACK, 1, 1)
#define ASK(ms) C(ms, ACK, 1, 1, .bytes = 100)

static const struct story {
	const char *what;
	const char *want;
	enum xc_status status;
	struct segment s[24];
} stories[] = {
	{ "a healthy exchange",
	  "nothing",
	  0,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101), S(12, ACK, 1, 101, .bytes = 300),
	    C(13, ACK, 101, 301), C(14, FIN, 101, 301), S(15, FIN, 301, 102),
	    C(16, ACK, 102, 302) } },
	{ "refused",
	  "nothing-listens",
	  XC_STATUS_CONFIRMED,
	  { C(0, SYN, 0, 0), S(1, RST | ACK, 0, 1) } },
	{ "a forged RST that does not know the SYN",
	  "nothing",
	  0,
	  { C(0, SYN, 0, 0), S(1, RST | ACK, 0, 77), S(900, SYNACK, 0, 1), C(901, ACK, 1, 1) } },
	{ "no answer at all, and the client gives up",
	  "black-hole",
	  XC_STATUS_CONFIRMED,
	  { C(0, SYN, 0, 0), C(1000, SYN, 0, 0), C(3000, SYN, 0, 0), S(60000, ACK, 900, 900) } },
	{ "no answer yet",
	  "black-hole",
	  XC_STATUS_SUSPECTED,
	  { C(0, SYN, 0, 0), C(1000, SYN, 0, 0), C(3000, SYN, 0, 0) } },
	{ "one SYN at the end of the capture", "nothing", 0, { C(0, SYN, 0, 0) } },
	{ "the second SYN gets through",
	  "nothing",
	  0,
	  { C(0, SYN, 0, 0), SHAKE(1000), ASK(1010), S(1011, ACK, 1, 101, .bytes = 10) } },
	{ "answers do not arrive",
	  "return-path-loss",
	  XC_STATUS_SUSPECTED,
	  { C(0, SYN, 0, 0), S(1, SYNACK, 0, 1), C(1000, SYN, 0, 0), S(1001, SYNACK, 0, 1),
	    C(3000, SYN, 0, 0), S(3001, SYNACK, 0, 1) } },
	{ "a scan: nobody wants the answer",
	  "nothing",
	  0,
	  { C(0, SYN, 0, 0), S(1, SYNACK, 0, 1), S(1001, SYNACK, 0, 1), S(3001, SYNACK, 0, 1),
	    S(7001, SYNACK, 0, 1) } },
	{ "the server does not take the connection",
	  "accept-queue-overflow",
	  XC_STATUS_SUSPECTED,
	  { SHAKE(0), ASK(3), ASK(203), ASK(603), S(1000, SYNACK, 0, 1), C(1001, ACK, 101, 1),
	    ASK(1403), S(3000, SYNACK, 0, 1), C(3001, ACK, 101, 1), ASK(3100) } },
	{ "the server fell silent",
	  "keepalive-timeout",
	  XC_STATUS_CONFIRMED,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101), C(100, ACK, 101, 1, .bytes = 50),
	    C(300, ACK, 101, 1, .bytes = 50), C(700, ACK, 101, 1, .bytes = 50),
	    C(1500, ACK, 101, 1, .bytes = 50), C(30000, ACK, 101, 1, .bytes = 50) } },
	{ "the client closes what nobody answers",
	  "keepalive-timeout",
	  XC_STATUS_CONFIRMED,
	  { SHAKE(0), C(100, ACK, 1, 1, .bytes = 50), C(300, ACK, 1, 1, .bytes = 50),
	    C(700, ACK, 1, 1, .bytes = 50), C(1500, ACK, 1, 1, .bytes = 50),
	    C(1600, FIN, 51, 1) } },
	{ "the capture ends while the client repeats",
	  "nothing",
	  0,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101), C(100, ACK, 101, 1, .bytes = 50),
	    C(300, ACK, 101, 1, .bytes = 50), C(700, ACK, 101, 1, .bytes = 50) } },
	{ "only one direction was captured",
	  "nothing",
	  0,
	  { C(0, ACK, 1, 1, .bytes = 50), C(300, ACK, 1, 1, .bytes = 50),
	    C(700, ACK, 1, 1, .bytes = 50), C(1500, ACK, 1, 1, .bytes = 50),
	    C(60000, ACK, 51, 1, .bytes = 50) } },
	{ "the server aborts",
	  "server-abort",
	  XC_STATUS_CONFIRMED,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101), S(12, RST | ACK, 1, 101) } },
	{ "the server does not know the connection",
	  "lost-state",
	  XC_STATUS_CONFIRMED,
	  { ASK(0), S(1, ACK, 1, 101, .bytes = 10), C(500, ACK, 101, 11, .bytes = 50),
	    S(501, RST, 11, 0) } },
	{ "data after the server has closed",
	  "lost-state",
	  XC_STATUS_CONFIRMED,
	  { SHAKE(0), S(5, FIN, 1, 1), C(6, ACK, 1, 2), C(50, ACK, 1, 2, .bytes = 80),
	    S(51, RST, 2, 0) } },
	{ "a RST after both have closed",
	  "nothing",
	  0,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101, .bytes = 10), S(12, FIN, 11, 101),
	    C(13, FIN, 101, 12), S(14, RST, 12, 0) } },
	{ "the client aborts what it began",
	  "nothing",
	  0,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101, .bytes = 10), C(12, RST | ACK, 101, 11) } },
	{ "the capture begins with a RST", "nothing", 0, { S(0, RST | ACK, 1, 1) } },
	{ "the handshake is reset before the client has answered",
	  "nothing",
	  0,
	  { C(0, SYN, 0, 0), S(1, SYNACK, 0, 1), S(900, RST, 1, 0) } },
	{ "the reader has stopped",
	  "zero-window",
	  XC_STATUS_CONFIRMED,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101, .is_shut = true), C(300, ACK, 100, 1),
	    S(301, ACK, 1, 101, .is_shut = true), C(900, ACK, 100, 1),
	    S(901, ACK, 1, 101, .is_shut = true) } },
	{ "a window shut for a moment",
	  "nothing",
	  0,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101, .is_shut = true), C(211, ACK, 100, 1),
	    S(212, ACK, 1, 101, .is_shut = true), S(250, ACK, 1, 101),
	    C(260, ACK, 101, 1, .bytes = 100), S(261, ACK, 1, 201) } },
	{ "every packet captured twice",
	  "nothing",
	  0,
	  { C(0, SYN, 0, 0, .id = 7), C(1, SYN, 0, 0, .id = 7), S(2, SYNACK, 0, 1, .id = 8),
	    S(3, SYNACK, 0, 1, .id = 8), C(4, ACK, 1, 1, .bytes = 100, .id = 9),
	    C(5, ACK, 101, 1, .bytes = 100, .id = 10), C(6, ACK, 1, 1, .bytes = 100, .id = 9),
	    C(7, ACK, 101, 1, .bytes = 100, .id = 10), S(8, ACK, 1, 201, .id = 11),
	    S(9, ACK, 1, 201, .id = 11) } },
	{ "full-size segments vanish",
	  "pmtu-black-hole",
	  XC_STATUS_SUSPECTED,
	  { SHAKE(0), C(10, ACK, 1, 1, .bytes = 1460), C(11, ACK, 1461, 1, .bytes = 200),
	    S(12, ACK, 1, 1), C(300, ACK, 1, 1, .bytes = 1460), C(700, ACK, 1, 1, .bytes = 1460),
	    C(1500, ACK, 1, 1, .bytes = 1460), S(1501, ACK, 1, 1),
	    C(3100, ACK, 1, 1, .bytes = 1460), S(3101, ACK, 1, 1) } },
	{ "a close nobody acknowledges",
	  "half-open",
	  XC_STATUS_CONFIRMED,
	  { SHAKE(0), ASK(10), S(11, ACK, 1, 101, .bytes = 10), C(12, FIN, 101, 11),
	    C(212, FIN, 101, 11), C(612, FIN, 101, 11), C(1412, FIN, 101, 11),
	    C(3012, FIN, 101, 11) } },
};

static void each_story_has_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		const struct story *story = &stories[i];

		start(64);
		for (const struct segment *s = story->s; s->from; s++)
			/* a packet of another flow moves time only */
			add_segment(s, s->seq == 900 ? CLIENT_PORT + 1 : CLIENT_PORT);
		stop();
		if (strcmp(verdict(), story->want))
			fail_msg("%s: said %s, not %s", story->what, verdict(), story->want);
		if (strcmp(story->want, "nothing"))
			assert_row(story->what, run.f[run.n - 1].status == story->status);
	}
}

/* ---- what is said, and how ------------------------------------------------------------------ */

static void a_finding_says_that_only_packets_were_seen(void **state)
{
	const struct xc_finding *f = &run.f[0];

	(void)state;
	start(64);
	add_segment(&stories[1].s[0], CLIENT_PORT);
	add_segment(&stories[1].s[1], CLIENT_PORT);
	stop();
	assert_int_equal(run.n, 1);
	assert_true(f->confidence > 0.5 && f->confidence <= 0.80);
	assert_true(f->n_evidence >= 2);
	for (size_t i = 0; i < f->n_evidence; i++)
		assert_string_equal(f->evidence[i].hook, "capture");
	assert_non_null(strstr(f->evidence[f->n_evidence - 1].fact, "only packets were seen"));
	assert_int_equal(f->tuple.sport_he, CLIENT_PORT);
	assert_int_equal(f->tuple.dport_he, SERVER_PORT);
	assert_int_equal(xc_finding_time(f).tv_sec, T0 / 1000000000);
	assert_int_equal(run.wall_offset_ns, 0);
}

static void the_client_is_told_from_the_ports_when_its_syn_is_missing(void **state)
{
	static const struct segment s[] = { S(0, ACK, 1, 1, .bytes = 100),
					    C(1, ACK, 1, 101, .bytes = 50),
					    S(2, RST | ACK, 101, 51) };

	(void)state;
	start(64);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		add_segment(&s[i], CLIENT_PORT);
	stop();
	assert_string_equal(verdict(), "server-abort");
	assert_int_equal(run.f[0].tuple.dport_he, SERVER_PORT);
}

static void ports_used_again_are_another_connection(void **state)
{
	static const struct segment s[] = { C(0, SYN, 0, 0), S(1, RST | ACK, 0, 1),
					    C(5000, SYN, 70000, 0), S(5001, RST | ACK, 0, 70001) };

	(void)state;
	start(64);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		add_segment(&s[i], CLIENT_PORT);
	stop();
	assert_int_equal(run.n, 2);
	assert_string_equal(run.f[1].pattern_id, "nothing-listens");
	assert_int_equal(run.f[1].replaces, 0);
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

static void an_icmp_error_ends_a_connect(void **state)
{
	static const struct {
		uint8_t type, code;
		const char *want;
	} rows[] = { { 3, 13, "filter-reject" },
		     { 3, 0, "no-route" },
		     { 11, 0, "ttl-exceeded" },
		     { 3, 1, "arp-failure" } };
	const struct segment syn = C(0, SYN, 0, 0);
	uint8_t quoted[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start(64);
		add_segment(&syn, CLIENT_PORT);
		put_tcp(quoted, &syn, CLIENT_PORT);
		add_icmp(2, 9, rows[i].type, rows[i].code, quoted);
		stop();
		assert_string_equal(verdict(), rows[i].want);
		assert_int_equal(run.f[run.n - 1].status, XC_STATUS_CONFIRMED);
		assert_true(run.f[run.n - 1].error != 0);
	}
}

static void an_icmp_error_a_connection_survives_is_nobodys_failure(void **state)
{
	static const struct segment s[] = { SHAKE(0), ASK(10), S(11, ACK, 1, 101) };
	uint8_t quoted[64];

	(void)state;
	start(64);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		add_segment(&s[i], CLIENT_PORT);
	put_tcp(quoted, &s[3], CLIENT_PORT);
	add_icmp(12, 9, 3, 1, quoted);
	stop();
	assert_int_equal(run.n, 0);
}

static void udp_errors_count_when_they_quote_who_asked(void **state)
{
	static const struct {
		const char *what;
		uint16_t sport, dport;
		bool is_client_quoted;
		uint8_t type, code;
		const char *want;
	} rows[] = {
		{ "a service that is not there", 50000, 53, true, 3, 3, "udp-unreachable" },
		{ "a late answer", 50000, 53, false, 3, 3, "nothing" },
		{ "traceroute's last hop", 50000, 33434, true, 3, 3, "nothing" },
		{ "a hop on the way of a small TTL", 50000, 4000, true, 11, 0, "nothing" },
	};
	uint8_t p[64];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start(64);
		n = put_udp(p, true, rows[i].sport, rows[i].dport);
		p[8] = rows[i].type == 11 ? 3 : 64;
		add(T0, p, n);
		n = put_udp(p, false, rows[i].dport, rows[i].sport);
		if (!rows[i].is_client_quoted)
			add(T0 + MS, p, n);
		else
			put_udp(p, true, rows[i].sport, rows[i].dport);
		add_icmp(2, rows[i].is_client_quoted ? 2 : 1, rows[i].type, rows[i].code, p);
		stop();
		assert_row(rows[i].what, !strcmp(verdict(), rows[i].want));
	}
}

/* ---- limits --------------------------------------------------------------------------------- */

static void connections_that_make_room_in_trouble_are_counted(void **state)
{
	static const struct segment s[] = { C(0, SYN, 0, 0), C(1000, SYN, 0, 0) };

	(void)state;
	start(4);
	add_segment(&s[0], CLIENT_PORT);
	add_segment(&s[1], CLIENT_PORT);
	for (uint16_t i = 1; i <= 4; i++)
		add_segment(&(struct segment)C(1100, SYN, 0, 0), CLIENT_PORT + i);
	stop();
	assert_int_equal(run.lost, 1);
}

static void time_may_be_zero_and_may_run_backwards(void **state)
{
	static const struct segment s[] = { SHAKE(0), ASK(10), S(11, ACK, 1, 101) };
	uint8_t p[64];

	(void)state;
	start(64);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		add(0, p, put_tcp(p, &s[i], CLIENT_PORT));
	add(5 * MS, p, put_tcp(p, &(struct segment)S(0, ACK, 1, 101, .bytes = 10), CLIENT_PORT));
	add(3 * MS, p, put_tcp(p, &(struct segment)C(0, ACK, 101, 11), CLIENT_PORT));
	stop();
	assert_int_equal(run.n_sockets, 0);
	assert_int_equal(run.n, 0);
}

static void without_packets_nothing_is_said(void **state)
{
	(void)state;
	start(64);
	stop();
	assert_int_equal(run.n_records, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_story_has_its_end),
		cmocka_unit_test(a_finding_says_that_only_packets_were_seen),
		cmocka_unit_test(the_client_is_told_from_the_ports_when_its_syn_is_missing),
		cmocka_unit_test(ports_used_again_are_another_connection),
		cmocka_unit_test(an_icmp_error_ends_a_connect),
		cmocka_unit_test(an_icmp_error_a_connection_survives_is_nobodys_failure),
		cmocka_unit_test(udp_errors_count_when_they_quote_who_asked),
		cmocka_unit_test(connections_that_make_room_in_trouble_are_counted),
		cmocka_unit_test(time_may_be_zero_and_may_run_backwards),
		cmocka_unit_test(without_packets_nothing_is_said),
	};

	return XC_RUN(tests);
}
