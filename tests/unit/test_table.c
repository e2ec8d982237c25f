/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections: finding, twins, new lives, bounds, time. HTTP/1.1 is spoken. */
#include "xctest.h"

#include "abi/segment.h"
#include "talk.h"

#define S 1000000000ull
#define GET "GET / HTTP/1.1\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* What the table told, one letter each: o(pened), s(ent), a(nswered), x (abandoned), c(losed), t(imed out), T(win), w(ant). */
struct seen {
	struct xc_l7_table *t;
	char told[256];
	size_t n;
	struct xc_l7_want want[2];
	enum xc_l7_dir want_dir;
	uint16_t client_port;	/* of what was closed last */
	bool is_outbound;	/* at the latest request */
	uint64_t silenced;	/* the cookie of the latest twin */
};

static void note(struct seen *s, char c)
{
	assert_true(s->n < sizeof(s->told) - 1);
	s->told[s->n++] = c;
	s->told[s->n] = '\0';
}

static void on_opened(void *arg, struct xc_l7_conn *c, const struct xc_segment *seg)
{
	(void)c;
	assert_non_null(seg);
	note(arg, 'o');
}

static void on_request(void *arg, struct xc_l7_conn *c, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	struct seen *s = arg;

	(void)r;
	s->is_outbound = c->is_outbound;
	note(s, "?saxn"[stage]);
}

static void on_want(void *arg, struct xc_l7_conn *c, enum xc_l7_dir dir, struct xc_l7_want w)
{
	struct seen *s = arg;

	(void)c;
	s->want[dir] = w;
	s->want_dir = dir;
	note(s, 'w');
}

static void on_twin(void *arg, struct xc_l7_conn *c, uint64_t cookie, bool is_silent)
{
	struct seen *s = arg;

	assert_true(cookie && cookie != c->cookie);
	s->silenced = is_silent ? 0 : cookie;
	note(s, 'T');
}

static void on_closed(void *arg, struct xc_l7_conn *c, bool is_timeout)
{
	struct seen *s = arg;

	s->client_port = c->session.tuple.sport_he;
	note(s, is_timeout ? 't' : 'c');
}

static const struct xc_l7_events events = {
	.opened = on_opened,
	.request = on_request,
	.want = on_want,
	.twin = on_twin,
	.closed = on_closed,
};

static void begin(struct seen *s, uint32_t max)
{
	struct xc_l7_table_cfg cfg = { .max_conns = max,
				       .timeout_ns = 300 * S,
				       .cleanup_ns = 30 * S,
				       .events = &events,
				       .arg = s };

	memset(s, 0, sizeof(*s));
	assert_int_equal(xc_l7_table_new(&cfg, &s->t), 0);
}

static struct xc_l7_table_stats stats(const struct seen *s)
{
	struct xc_l7_table_stats x;

	xc_l7_table_get_stats(s->t, &x);
	return x;
}

/* From the client unless told otherwise; cookie 0: a capture. */
static struct xc_segment segment(uint16_t port, const char *text, uint64_t ns)
{
	struct talk t = { .port = 80 };
	struct xc_segment seg = { .ts_ns = ns,
				  .tuple = talk_tuple(&t),
				  .tcp_flags = XC_TCP_ACK,
				  .seq = 1001,
				  .ack = 5001,
				  .wire_bytes = (uint32_t)strlen(text),
				  .n_bytes = (uint32_t)strlen(text),
				  .data = (const uint8_t *)text };

	seg.tuple.sport_he = port;
	return seg;
}

/* Of port 40001. */
static const struct xc_tuple *flow(void)
{
	static struct xc_segment seg;

	seg = segment(40001, "", 0);
	return &seg.tuple;
}

static struct xc_segment answer(uint16_t port, const char *text, uint64_t ns)
{
	struct xc_segment seg = segment(port, text, ns);

	seg.tuple = xc_tuple_swap(&seg.tuple);
	seg.seq = 5001;
	seg.ack = 1001;
	return seg;
}

static struct xc_l7_conn *feed(struct seen *s, struct xc_segment seg)
{
	return xc_l7_table_feed(s->t, &seg);
}

/* The same packet, seen by the socket @cookie. */
static struct xc_segment of(struct xc_segment seg, uint64_t cookie, bool is_outbound)
{
	seg.cookie = cookie;
	seg.is_outbound = is_outbound;
	seg.netns = 1;
	return seg;
}

static struct xc_segment with_flags(struct xc_segment seg, uint8_t flags, uint32_t seq)
{
	seg.tcp_flags = flags;
	seg.seq = seq;
	return seg;
}

/* ---- captures: tuples alone ------------------------------------------------------------------------- */

static void both_directions_are_one(void **state)
{
	struct seen s;
	struct xc_segment a = segment(40001, GET, 1);

	(void)state;
	begin(&s, 16);
	assert_non_null(feed(&s, a));
	assert_non_null(feed(&s, answer(40001, OK, 2)));
	assert_string_equal(s.told, "osa");
	assert_int_equal(stats(&s).n_conns, 1);
	assert_non_null(xc_l7_table_find(s.t, &a.tuple, 0));
	assert_null(xc_l7_table_find(s.t, &a.tuple, 7));
	assert_non_null(xc_l7_table_find_flow(s.t, &a.tuple));
	assert_null(xc_l7_table_next(s.t, xc_l7_table_next(s.t, NULL)));
	xc_l7_table_free(s.t);
	assert_string_equal(s.told, "osat");
}

static void two_fins_end_it(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, segment(40001, GET, 1));
	(void)feed(&s, answer(40001, OK, 2));
	assert_non_null(feed(&s, with_flags(segment(40001, "", 3), XC_TCP_FIN | XC_TCP_ACK, 1019)));
	assert_null(feed(&s, with_flags(answer(40001, "", 4), XC_TCP_FIN | XC_TCP_ACK, 5039)));
	assert_string_equal(s.told, "osac");
	assert_int_equal(stats(&s).n_conns, 0);
	/* the last ACK, and a FIN once more, open nothing */
	assert_null(feed(&s, with_flags(segment(40001, "", 5), XC_TCP_ACK, 1020)));
	assert_null(feed(&s, with_flags(answer(40001, "", 6), XC_TCP_FIN | XC_TCP_ACK, 5039)));
	assert_string_equal(s.told, "osac");
	assert_null(xc_l7_table_next(s.t, NULL));
	assert_null(xc_l7_table_find_flow(s.t, flow()));
	xc_l7_table_free(s.t);
	assert_string_equal(s.told, "osac");
}

static void a_reset_ends_it(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, segment(40001, GET, 1));
	(void)feed(&s, with_flags(answer(40001, "", 2), XC_TCP_RST, 5001));
	assert_string_equal(s.told, "osxc");
	xc_l7_table_free(s.t);
}

static void the_same_ports_again(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, with_flags(segment(40001, "", 1), XC_TCP_SYN, 1000));
	(void)feed(&s, with_flags(segment(40001, "", 2), XC_TCP_SYN, 1000));	/* repeated */
	(void)feed(&s, with_flags(answer(40001, "", 3), XC_TCP_SYN | XC_TCP_ACK, 5000));
	(void)feed(&s, with_flags(answer(40001, "", 4), XC_TCP_SYN | XC_TCP_ACK, 5000));
	(void)feed(&s, segment(40001, GET, 5));
	assert_string_equal(s.told, "os");
	(void)feed(&s, with_flags(segment(40001, "", 6), XC_TCP_SYN, 77000));
	assert_string_equal(s.told, "osxco");
	(void)feed(&s, with_flags(segment(40001, GET, 7), XC_TCP_ACK, 77001));
	assert_string_equal(s.told, "osxcos");
	assert_int_equal(stats(&s).n_conns, 1);
	xc_l7_table_free(s.t);
}

static void the_same_ports_after_the_end(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, segment(40001, GET, 1));
	(void)feed(&s, with_flags(answer(40001, "", 2), XC_TCP_RST, 5001));
	(void)feed(&s, with_flags(segment(40001, "", 3), XC_TCP_SYN, 1000));
	assert_string_equal(s.told, "osxco");
	xc_l7_table_free(s.t);
}

static void a_late_connection_gets_a_syn(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, answer(40001, OK, 1));	/* only the server was heard */
	(void)feed(&s, with_flags(segment(40001, "", 2), XC_TCP_SYN, 1000));
	assert_string_equal(s.told, "oco");
	xc_l7_table_free(s.t);
}

/* ---- bounds and time ---------------------------------------------------------------------------------- */

static void the_one_silent_longest_makes_room(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 3);
	for (uint16_t i = 0; i < 3; i++)
		(void)feed(&s, segment((uint16_t)(40001 + i), GET, 1 + i));
	(void)feed(&s, answer(40001, OK, 5));	/* the oldest is the youngest now */
	assert_string_equal(s.told, "osososa");
	(void)feed(&s, segment(40009, GET, 6));
	assert_string_equal(s.told, "osososaxtos");
	assert_int_equal(s.client_port, 40002);
	assert_int_equal(stats(&s).n_evicted, 1);
	assert_int_equal(stats(&s).n_conns, 3);
	xc_l7_table_free(s.t);
}

/* What is over makes room first. */
static void what_is_over_is_not_evicted(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 2);
	(void)feed(&s, segment(40001, GET, 1));
	(void)feed(&s, segment(40002, GET, 2));
	(void)feed(&s, with_flags(answer(40002, "", 3), XC_TCP_RST, 5001));
	(void)feed(&s, segment(40003, GET, 4));
	assert_int_equal(stats(&s).n_evicted, 0);
	assert_int_equal(stats(&s).n_conns, 2);
	xc_l7_table_free(s.t);
}

static void silence_ends_it(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, segment(40001, GET, 1 * S));
	(void)feed(&s, segment(40002, GET, 200 * S));
	xc_l7_table_tick(s.t, 301 * S);
	assert_string_equal(s.told, "osos");
	xc_l7_table_tick(s.t, 310 * S);	/* looked at every 30 s */
	assert_string_equal(s.told, "osos");
	xc_l7_table_tick(s.t, xc_l7_table_deadline(s.t));
	assert_string_equal(s.told, "ososxt");
	assert_int_equal(stats(&s).n_timed_out, 1);
	xc_l7_table_free(s.t);
}

static void time_fills_no_hole(void **state)
{
	struct seen s;
	struct xc_segment late = answer(40001, OK, 2 * S);

	(void)state;
	begin(&s, 16);
	assert_true(xc_l7_table_deadline(s.t) == UINT64_MAX);
	(void)feed(&s, with_flags(segment(40001, "", 1), XC_TCP_SYN, 1000));
	(void)feed(&s, with_flags(answer(40001, "", 2), XC_TCP_SYN | XC_TCP_ACK, 5000));
	(void)feed(&s, segment(40001, GET, 1 * S));
	late.seq += 10;
	(void)feed(&s, late);
	(void)feed(&s, (struct xc_segment){ .ts_ns = 2 * S,
					    .tuple = segment(40001, "", 0).tuple,
					    .tcp_flags = XC_TCP_ACK,
					    .seq = 1019,
					    .ack = late.seq + late.wire_bytes });
	xc_l7_table_tick(s.t, 2 * S + S / 10);
	assert_string_equal(s.told, "os");
	assert_true(xc_l7_table_deadline(s.t) < 3 * S);
	xc_l7_table_tick(s.t, 3 * S);
	assert_string_equal(s.told, "osx");
	assert_int_equal(stats(&s).l7.n_gaps, 1);
	xc_l7_table_free(s.t);
}

/* ---- sockets ------------------------------------------------------------------------------------------- */

/* Both ends are here: what the client's socket sends the server's receives. One of them is read. */
static void two_ends_of_one_connection(void **state)
{
	struct seen s;
	struct xc_l7_conn *c;

	(void)state;
	begin(&s, 16);
	c = feed(&s, of(segment(40001, GET, 1), 11, true));
	assert_non_null(c);
	assert_true(c->is_outbound);
	assert_null(feed(&s, of(segment(40001, GET, 2), 22, false)));
	assert_null(feed(&s, of(answer(40001, OK, 3), 22, true)));
	assert_non_null(feed(&s, of(answer(40001, OK, 4), 11, false)));
	assert_string_equal(s.told, "osTa");
	assert_int_equal(c->peer_cookie, 22);
	assert_int_equal(s.silenced, 22);
	assert_ptr_equal(xc_l7_table_find(s.t, &c->session.tuple, 22), c);
	assert_int_equal(stats(&s).n_conns, 1);

	/* one socket is gone; what the other still sends opens nothing */
	xc_l7_table_close(s.t, c, 5);
	assert_string_equal(s.told, "osTac");
	assert_null(feed(
		&s, of(with_flags(answer(40001, "", 6), XC_TCP_FIN | XC_TCP_ACK, 5039), 22, true)));
	c = xc_l7_table_find(s.t, flow(), 22);
	assert_non_null(c);
	xc_l7_table_close(s.t, c, 7);
	assert_null(xc_l7_table_find(s.t, flow(), 22));
	assert_string_equal(s.told, "osTac");
	xc_l7_table_free(s.t);
}

/* Containers with the same addresses: both are clients, so they are not two ends of one connection. */
static void the_same_tuple_in_two_namespaces(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	assert_non_null(feed(&s, of(segment(40001, GET, 1), 11, true)));
	assert_non_null(feed(&s, of(segment(40001, GET, 2), 33, true)));
	assert_string_equal(s.told, "osos");
	assert_int_equal(stats(&s).n_conns, 2);
	xc_l7_table_free(s.t);
}

static void a_third_socket_is_no_twin(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, of(segment(40001, GET, 1), 11, true));
	(void)feed(&s, of(segment(40001, GET, 2), 22, false));
	assert_string_equal(s.told, "osT");
	assert_non_null(feed(&s, of(segment(40001, GET, 3), 33, false)));
	assert_int_equal(stats(&s).n_conns, 2);
	xc_l7_table_free(s.t);
}

static void far_numbers_are_no_twin(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, of(segment(40001, GET, 1), 11, true));
	assert_non_null(
		feed(&s, of(with_flags(segment(40001, GET, 2), XC_TCP_ACK, 1u << 31), 22, false)));
	xc_l7_table_free(s.t);
}

#define PASSING (XC_SEGMENT_FORWARDED | 77)

/* No socket tells of its end, so its FINs do, as in a capture. */
static void a_flow_that_is_forwarded(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	assert_non_null(feed(&s, of(segment(40001, GET, 1), PASSING, true)));
	assert_non_null(feed(&s, of(answer(40001, OK, 2), PASSING, false)));
	(void)feed(&s, of(with_flags(segment(40001, "", 3), XC_TCP_FIN | XC_TCP_ACK, 1019), PASSING,
			  true));
	assert_string_equal(s.told, "osa");
	(void)feed(&s, of(with_flags(answer(40001, "", 4), XC_TCP_FIN | XC_TCP_ACK, 5039), PASSING,
			  false));
	assert_string_equal(s.told, "osac");
	xc_l7_table_free(s.t);
}

/* A socket that is met on the way takes over, and what was read before is not read again. */
static void a_socket_takes_over_from_whoever_forwards(void **state)
{
	struct seen s;
	struct xc_l7_conn *c;

	(void)state;
	begin(&s, 16);
	c = feed(&s, of(segment(40001, GET, 1), PASSING, true));
	assert_ptr_equal(feed(&s, of(segment(40001, GET, 2), 22, false)), c);
	assert_int_equal(s.silenced, PASSING);
	assert_int_equal(c->cookie, 22);
	assert_false(c->is_outbound);
	assert_null(feed(&s, of(answer(40001, OK, 3), PASSING, false)));
	assert_int_equal(s.silenced, PASSING);
	assert_non_null(feed(&s, of(answer(40001, OK, 3), 22, true)));
	assert_string_equal(s.told, "osTTa");
	assert_int_equal(stats(&s).n_conns, 1);
	xc_l7_table_free(s.t);
}

/* Both sockets are here, and the packets pass between them, too. */
static void what_is_forwarded_between_two_sockets(void **state)
{
	struct seen s;
	struct xc_l7_conn *c;

	(void)state;
	begin(&s, 16);
	c = feed(&s, of(segment(40001, GET, 1), 11, true));
	assert_null(feed(&s, of(segment(40001, GET, 2), PASSING, true)));
	assert_null(feed(&s, of(segment(40001, GET, 3), 22, false)));
	assert_null(feed(&s, of(answer(40001, OK, 4), PASSING, false)));
	assert_string_equal(s.told, "osTTT");
	assert_int_equal(s.silenced, PASSING);
	assert_int_equal(c->cookie, 11);
	assert_int_equal(c->peer_cookie, 22);
	assert_int_equal(stats(&s).n_conns, 1);
	xc_l7_table_free(s.t);
}

/* The kernel has found its other end: nothing follows, and without that end nothing could be read. */
static void a_silent_socket(void **state)
{
	struct seen s;
	struct xc_segment syn = of(with_flags(segment(40001, "", 2), XC_TCP_SYN, 1000), 22, false);
	struct xc_l7_conn *c;

	(void)state;
	begin(&s, 16);
	syn.is_silent = true;
	assert_null(feed(&s, syn));
	assert_int_equal(stats(&s).n_conns, 0);
	c = feed(&s, of(with_flags(segment(40001, "", 1), XC_TCP_SYN, 1000), 11, true));
	assert_null(feed(&s, syn));
	assert_string_equal(s.told, "oT");
	assert_int_equal(s.silenced, 0);
	assert_int_equal(c->peer_cookie, 22);
	xc_l7_table_free(s.t);
}

/* The ports lied: the lower one asks. Which socket is the client's changes with it. */
static void ends_that_change_places(void **state)
{
	struct seen s;
	struct xc_segment ask = segment(70, GET, 1), reply = answer(70, OK, 2);

	(void)state;
	begin(&s, 16);
	ask.tuple.dport_he = reply.tuple.sport_he = 40080;
	(void)feed(&s, of(ask, 11, true));
	assert_true(s.is_outbound);
	(void)feed(&s, of(reply, 11, false));
	assert_string_equal(s.told, "osa");
	assert_true(s.is_outbound);
	assert_true(xc_l7_table_next(s.t, NULL)->session.is_swapped);
	xc_l7_table_free(s.t);
}

static void what_is_wanted_of_the_capture(void **state)
{
	struct seen s;

	(void)state;
	begin(&s, 16);
	(void)feed(&s, of(segment(40001, GET, 1), 11, true));
	(void)feed(&s, of(answer(40001, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 2), 11,
			  false));
	assert_string_equal(s.told, "osw");
	assert_int_equal(s.want_dir, XC_L7_SERVER);
	assert_int_equal(s.want[XC_L7_SERVER].mode, XC_L7_WANT_SKIP);
	assert_int_equal(s.want[XC_L7_SERVER].seq, 5001 + 41 + 5000);
	xc_l7_table_free(s.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_one),
		cmocka_unit_test(two_fins_end_it),
		cmocka_unit_test(a_reset_ends_it),
		cmocka_unit_test(the_same_ports_again),
		cmocka_unit_test(the_same_ports_after_the_end),
		cmocka_unit_test(a_late_connection_gets_a_syn),
		cmocka_unit_test(the_one_silent_longest_makes_room),
		cmocka_unit_test(what_is_over_is_not_evicted),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(time_fills_no_hole),
		cmocka_unit_test(two_ends_of_one_connection),
		cmocka_unit_test(the_same_tuple_in_two_namespaces),
		cmocka_unit_test(a_third_socket_is_no_twin),
		cmocka_unit_test(far_numbers_are_no_twin),
		cmocka_unit_test(a_flow_that_is_forwarded),
		cmocka_unit_test(a_socket_takes_over_from_whoever_forwards),
		cmocka_unit_test(what_is_forwarded_between_two_sockets),
		cmocka_unit_test(a_silent_socket),
		cmocka_unit_test(ends_that_change_places),
		cmocka_unit_test(what_is_wanted_of_the_capture),
	};

	return XC_RUN(tests);
}
