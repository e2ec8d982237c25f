/* SPDX-License-Identifier: Apache-2.0 */
/* The session, with HTTP/1.1 as its passenger. */
#include "xctest.h"

#include "talk.h"

#define MS 1000000ull
#define GET "GET /%d HTTP/1.1\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

extern const struct xc_l7_proto xc_l7_http1;

/* A session that is fed by hand, and what it told: one letter for each stage, and flags of the last one. */
struct feed {
	struct xc_l7_engine engine;
	struct xc_session s;
	struct xc_tuple client, server;
	uint32_t seq[2];
	uint64_t ns;
	char told[256];
	size_t n_told;
	struct xc_request last;	/* without its attributes */
};

static void on_told(void *arg, struct xc_session *s, const struct xc_request *r,
		    enum xc_request_stage stage)
{
	struct feed *f = arg;

	assert_ptr_equal(s, &f->s);
	if (f->n_told < sizeof(f->told) - 1)
		f->told[f->n_told++] = "?saxn"[stage];
	f->told[f->n_told] = '\0';
	f->last = *r;
	f->last.attrs = (struct xc_buf){ 0 };
}

static struct feed *begin(struct feed *f, bool is_late)
{
	struct talk t = { .port = 80 };

	memset(f, 0, sizeof(*f));
	f->client = talk_tuple(&t);
	f->server = xc_tuple_swap(&f->client);
	f->seq[0] = 1000;
	f->seq[1] = 5000;
	xc_l7_engine_init(&f->engine, on_told, f);
	xc_session_init(&f->s, &f->engine, &f->client, !is_late);
	return f;
}

static void end(struct feed *f)
{
	xc_session_done(&f->s);
	assert_int_equal(f->engine.memory.used, 0);
	assert_int_equal(f->engine.n_open, 0);
	xc_l7_engine_done(&f->engine);
}

/* At a place of its own, without moving on. */
static void put_at(struct feed *f, enum xc_l7_dir dir, uint32_t seq, struct xc_span data,
		   uint8_t flags)
{
	struct xc_segment seg = { .ts_ns = f->ns += MS,
				  .tuple = dir == XC_L7_CLIENT ? f->client : f->server,
				  .seq = seq,
				  .ack = f->seq[!dir],
				  .tcp_flags = flags,
				  .wire_bytes = (uint32_t)data.len,
				  .n_bytes = (uint32_t)data.len,
				  .data = data.p };

	xc_session_feed(&f->s, &seg);
}

static void put(struct feed *f, enum xc_l7_dir dir, const char *text)
{
	struct xc_span data = { (const uint8_t *)text, strlen(text) };

	put_at(f, dir, f->seq[dir], data, XC_TCP_ACK);
	f->seq[dir] += (uint32_t)data.len;
}

static void put_flags(struct feed *f, enum xc_l7_dir dir, uint8_t flags)
{
	put_at(f, dir, f->seq[dir], (struct xc_span){ 0 }, flags);
	f->seq[dir] += !!(flags & (XC_TCP_SYN | XC_TCP_FIN));
}

static void shake_hands(struct feed *f)
{
	put_flags(f, XC_L7_CLIENT, XC_TCP_SYN);
	put_flags(f, XC_L7_SERVER, XC_TCP_SYN | XC_TCP_ACK);
	put_flags(f, XC_L7_CLIENT, XC_TCP_ACK);
}

static void ask(struct feed *f, int n)
{
	char text[64];

	(void)snprintf(text, sizeof(text), GET, n);
	put(f, XC_L7_CLIENT, text);
}

/* ---- times, flags, ends ---------------------------------------------------------------------- */

static void first_and_last_byte(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	put(&f, XC_L7_CLIENT, "GET / HT");	/* 4 ms */
	put(&f, XC_L7_CLIENT, "TP/1.1\r\n\r\n");	/* 5 ms */
	put(&f, XC_L7_SERVER, "HTTP/1.1 100 Continue\r\n\r\n");	/* 6 ms: interim */
	put(&f, XC_L7_SERVER, "HTTP/1.1 200 OK\r\nContent-");	/* 7 ms */
	put(&f, XC_L7_SERVER, "Length: 4\r\n\r\nab");	/* 8 ms */
	put(&f, XC_L7_SERVER, "cd");	/* 9 ms */
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.request_first_ns, 4 * MS);
	assert_int_equal(f.last.request_last_ns, 5 * MS);
	assert_int_equal(f.last.response_first_ns, 7 * MS);
	assert_int_equal(f.last.response_last_ns, 9 * MS);
	assert_int_equal(f.last.flags, 0);
	assert_int_equal(f.s.n_answered, 1);
	end(&f);
}

static void a_repetition_is_noted(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	f.seq[0] -= 19;
	ask(&f, 1);
	put(&f, XC_L7_SERVER, OK);
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.flags, XC_REQUEST_RESENT);
	assert_int_equal(f.last.resent_ns, 5 * MS);
	ask(&f, 2);
	put(&f, XC_L7_SERVER, OK);
	assert_int_equal(f.last.flags, 0);
	end(&f);
}

static void a_reset_ends_it(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	put(&f, XC_L7_SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal");
	put_flags(&f, XC_L7_SERVER, XC_TCP_RST);
	assert_string_equal(f.told, "sx");
	assert_int_equal(f.last.status, 200);
	assert_int_equal(f.last.result, XC_RESULT_NO_ANSWER);	/* half an answer is none */
	assert_true(f.s.is_closed && f.s.is_reset);
	assert_int_equal(xc_session_want(&f.s, XC_L7_CLIENT).mode, XC_L7_WANT_NOTHING);
	ask(&f, 2);
	assert_string_equal(f.told, "sx");
	end(&f);
}

/* The server had closed an idle connection when the request came: who looks for that finds it in the session. */
static void a_keep_alive_race(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	put(&f, XC_L7_SERVER, OK);
	f.ns += 5000 * MS;
	put_flags(&f, XC_L7_SERVER, XC_TCP_FIN | XC_TCP_ACK);
	ask(&f, 2);
	assert_string_equal(f.told, "sas");
	put_flags(&f, XC_L7_SERVER, XC_TCP_RST);
	assert_string_equal(f.told, "sasx");
	assert_int_equal(f.last.result, XC_RESULT_NO_ANSWER);
	assert_int_equal(f.s.n_answered, 1);
	assert_true(f.s.fin_ns[XC_L7_SERVER] < f.last.request_first_ns);
	assert_true(f.last.request_first_ns - f.s.answered_ns > 5000 * MS);
	end(&f);
}

static void the_end_of_the_server_ends_what_is_open(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	ask(&f, 2);
	put(&f, XC_L7_SERVER, OK);
	put_flags(&f, XC_L7_SERVER, XC_TCP_FIN | XC_TCP_ACK);
	assert_string_equal(f.told, "ssax");
	assert_int_equal(f.last.result, XC_RESULT_NO_ANSWER);
	end(&f);
}

/* ---- holes -------------------------------------------------------------------------------------- */

/* zeek issue 335. */
static void an_ack_overtakes_the_answer(void **state)
{
	struct xc_span ok = { (const uint8_t *)OK, strlen(OK) };
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	f.seq[1] += (uint32_t)ok.len;
	ask(&f, 2);	/* acknowledges the first answer */
	put(&f, XC_L7_SERVER, OK);	/* the second one */
	put_at(&f, XC_L7_SERVER, 5001, ok, XC_TCP_ACK);
	assert_string_equal(f.told, "ssaa");
	assert_int_equal(f.last.flags, 0);
	assert_int_equal(f.engine.stats.n_gaps, 0);
	end(&f);
}

static void an_answer_that_is_lost(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	f.seq[1] += (uint32_t)strlen(OK);
	ask(&f, 2);
	put(&f, XC_L7_SERVER, OK);
	ask(&f, 3);
	assert_string_equal(f.told, "sss");
	xc_session_tick(&f.s, f.ns + 250 * MS);
	assert_string_equal(f.told, "sssxxx");
	assert_true(f.last.flags & XC_REQUEST_GAP);
	assert_int_equal(f.last.result, XC_RESULT_NONE);	/* nobody knows */
	assert_int_equal(f.engine.stats.n_gaps, 1);
	assert_int_equal(f.engine.stats.gap_bytes, strlen(OK));
	end(&f);
}

static void a_loss_in_the_kernel_is_believed_at_once(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	xc_session_lost(&f.s);
	f.seq[1] += (uint32_t)strlen(OK);
	put(&f, XC_L7_SERVER, OK);
	ask(&f, 2);
	assert_string_equal(f.told, "sxs");
	end(&f);
}

static void a_hole_in_a_body_is_none(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	put(&f, XC_L7_SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");
	assert_int_equal(xc_session_want(&f.s, XC_L7_SERVER).mode, XC_L7_WANT_SKIP);
	assert_int_equal(xc_session_want(&f.s, XC_L7_SERVER).seq, f.seq[1] + 3000);
	assert_int_equal(xc_session_want(&f.s, XC_L7_CLIENT).mode, XC_L7_WANT_BYTES);
	f.seq[1] += 2998;	/* not captured */
	put(&f, XC_L7_SERVER, "xy");
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.flags, 0);
	assert_int_equal(f.engine.stats.n_gaps, 0);
	end(&f);
}

/* What comes behind it is the first to tell that it is over. */
static void a_hole_up_to_the_end_of_a_body(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	put(&f, XC_L7_SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");
	f.seq[1] += 3000;	/* not captured */
	ask(&f, 2);
	assert_string_equal(f.told, "ss");
	put(&f, XC_L7_SERVER, OK);
	assert_string_equal(f.told, "ssaa");
	assert_int_equal(f.last.flags, 0);
	assert_int_equal(f.engine.stats.n_gaps + f.engine.stats.n_desyncs, 0);
	end(&f);
}

static void a_body_up_to_the_end_that_is_not_captured(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	put(&f, XC_L7_SERVER, "HTTP/1.0 200 OK\r\n\r\n");
	f.seq[1] += 100000;
	put_flags(&f, XC_L7_SERVER, XC_TCP_FIN | XC_TCP_ACK);
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.response_last_ns, f.ns);
	end(&f);
}

/* Nothing came behind the hole, but the FIN tells that there was something; or the ACK of the client does. */
static void an_answer_lost_at_the_end(void **state)
{
	struct feed f;

	(void)state;
	for (int with_fin = 0; with_fin < 2; with_fin++) {
		shake_hands(begin(&f, false));
		ask(&f, 1);
		f.seq[1] += (uint32_t)strlen(OK);
		if (with_fin)
			put_flags(&f, XC_L7_SERVER, XC_TCP_FIN | XC_TCP_ACK);
		else
			put_flags(&f, XC_L7_CLIENT, XC_TCP_ACK);
		put_flags(&f, XC_L7_CLIENT, XC_TCP_RST);
		assert_string_equal(f.told, "sx");
		assert_true(f.last.flags & XC_REQUEST_GAP);
		assert_int_equal(f.last.result, XC_RESULT_NONE);
		assert_int_equal(f.engine.stats.gap_bytes, strlen(OK));
		end(&f);
	}
}

/* ---- who speaks, and what ------------------------------------------------------------------------ */

static void ends_that_were_taken_for_each_other(void **state)
{
	struct feed f;

	(void)state;
	begin(&f, true);
	xc_session_init(&f.s, &f.engine, &f.server, false);
	put(&f, XC_L7_SERVER, OK);	/* the answer to what was asked before */
	assert_true(f.s.is_swapped);
	assert_true(xc_tuple_equal(&f.s.tuple, &f.client));
	assert_int_equal(f.s.l7.server_port_he, 80);
	ask(&f, 1);
	put(&f, XC_L7_SERVER, OK);
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.flags, XC_REQUEST_JOINED_LATE | XC_REQUEST_ROLE_INFERRED);
	end(&f);
}

static void a_syn_tells_who_asks(void **state)
{
	struct feed f;

	(void)state;
	begin(&f, true);
	xc_session_init(&f.s, &f.engine, &f.server, false);
	shake_hands(&f);
	assert_true(f.s.is_swapped && f.s.knows_role);
	ask(&f, 1);
	put(&f, XC_L7_SERVER, OK);
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.flags, 0);
	end(&f);
}

static void held_bytes_wait_for_the_other_direction(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	put(&f, XC_L7_CLIENT, "GE");	/* could be much */
	assert_null(f.s.l7.proto);
	put(&f, XC_L7_SERVER, "HTTP/1.1 103 Early Hints\r\n\r\n");
	assert_ptr_equal(f.s.l7.proto, &xc_l7_http1);
	put(&f, XC_L7_CLIENT, "T / HTTP/1.1\r\n\r\n");
	put(&f, XC_L7_SERVER, OK);
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.flags, 0);
	assert_int_equal(f.last.request_first_ns, 4 * MS);
	end(&f);
}

/* Joined within a long answer: that direction says nothing, but the next request does. */
static void joined_within_a_body(void **state)
{
	struct feed f;

	(void)state;
	begin(&f, true);
	for (int i = 0; i < 100; i++)
		put(&f, XC_L7_SERVER, "\x01\x02\x03 body body body\n");
	assert_int_equal(xc_session_want(&f.s, XC_L7_SERVER).mode, XC_L7_WANT_NOTHING);
	assert_int_equal(xc_session_want(&f.s, XC_L7_CLIENT).mode, XC_L7_WANT_BYTES);
	ask(&f, 1);
	assert_int_equal(xc_session_want(&f.s, XC_L7_SERVER).mode, XC_L7_WANT_BYTES);
	put(&f, XC_L7_SERVER, OK);
	assert_string_equal(f.told, "sa");
	assert_true(f.last.flags & XC_REQUEST_JOINED_LATE);
	end(&f);
}

static void what_nobody_knows_is_left_alone(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	for (int i = 0; i < 100; i++) {
		put(&f, XC_L7_CLIENT, "\x01\x02\x03\x04");
		put(&f, XC_L7_SERVER, "\x01\x02\x03\x04");
	}
	assert_int_equal(xc_session_want(&f.s, XC_L7_CLIENT).mode, XC_L7_WANT_NOTHING);
	assert_int_equal(xc_session_want(&f.s, XC_L7_SERVER).mode, XC_L7_WANT_NOTHING);
	assert_int_equal(f.engine.memory.used, 0);
	assert_string_equal(f.told, "");
	end(&f);
}

static void a_protocol_that_was_none(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	for (int i = 0; i < 8; i++)
		put(&f, XC_L7_SERVER, "\x01 this is no answer\n");
	assert_string_equal(f.told, "sx");
	assert_true(f.last.flags & XC_REQUEST_GAP);
	assert_int_equal(f.engine.stats.n_revoked, 1);
	assert_null(f.s.l7.proto);
	end(&f);
}

/* ---- handing over --------------------------------------------------------------------------------- */

static void bytes_behind_connect_belong_to_what_follows(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	put(&f, XC_L7_CLIENT, "CONNECT a.example:80 HTTP/1.1\r\n\r\nGET /in HTTP/1.1\r\n\r\n");
	assert_string_equal(f.told, "s");
	put(&f, XC_L7_SERVER, "HTTP/1.1 200 Connected\r\n\r\n" OK);
	assert_string_equal(f.told, "sasa");
	assert_string_equal(f.last.target, "/in");
	assert_int_equal(f.last.flags, 0);
	end(&f);
}

static void bytes_behind_an_upgrade_that_is_refused(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	put(&f, XC_L7_CLIENT,
	    "GET /1 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
	assert_string_equal(f.told, "s");
	put(&f, XC_L7_SERVER, OK OK);
	assert_string_equal(f.told, "sasa");
	assert_string_equal(f.last.target, "/2");
	assert_int_equal(f.last.flags, 0);
	end(&f);
}

/* ---- bounds ----------------------------------------------------------------------------------------- */

static void too_many_requests(void **state)
{
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	for (int i = 0; i < 5000; i++)
		ask(&f, i);
	assert_int_equal(f.engine.stats.n_requests, 4096);
	assert_int_equal(f.engine.stats.n_refused, 5000 - 4096);
	assert_int_equal(f.engine.n_open, 4096);
	end(&f);
}

static void a_head_without_end(void **state)
{
	static char line[1002];
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	ask(&f, 1);
	put(&f, XC_L7_SERVER, OK);
	put(&f, XC_L7_CLIENT, "GET /large HTTP/1.1\r\n");
	(void)snprintf(line, sizeof(line), "X: %0996d\r\n", 0);
	for (int i = 0; i < 70; i++)
		put(&f, XC_L7_CLIENT, line);
	assert_string_equal(f.told, "sas");
	assert_string_equal(f.last.target, "/large");
	assert_true(f.last.flags & XC_REQUEST_TRUNCATED);
	assert_true(f.engine.memory.used < 200000);
	end(&f);
}

static void a_head_that_was_captured_in_part(void **state)
{
	static const char head[] = "GET /part HTTP/1.1\r\nHost: example.org\r\n\r\n";
	struct xc_segment seg;
	struct feed f;

	(void)state;
	shake_hands(begin(&f, false));
	seg = (struct xc_segment){ .ts_ns = f.ns += MS,
				   .tuple = f.client,
				   .seq = f.seq[0],
				   .ack = f.seq[1],
				   .tcp_flags = XC_TCP_ACK,
				   .wire_bytes = sizeof(head) - 1,
				   .n_bytes = 25,
				   .data = (const uint8_t *)head };
	xc_session_feed(&f.s, &seg);
	assert_string_equal(f.told, "s");
	assert_string_equal(f.last.target, "/part");
	assert_true(f.last.flags & XC_REQUEST_TRUNCATED);
	f.seq[0] += sizeof(head) - 1;
	put(&f, XC_L7_SERVER, OK);
	assert_string_equal(f.told, "sa");
	assert_int_equal(f.last.status, 200);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_and_last_byte),
		cmocka_unit_test(a_repetition_is_noted),
		cmocka_unit_test(a_reset_ends_it),
		cmocka_unit_test(a_keep_alive_race),
		cmocka_unit_test(the_end_of_the_server_ends_what_is_open),
		cmocka_unit_test(an_ack_overtakes_the_answer),
		cmocka_unit_test(an_answer_that_is_lost),
		cmocka_unit_test(a_loss_in_the_kernel_is_believed_at_once),
		cmocka_unit_test(a_hole_in_a_body_is_none),
		cmocka_unit_test(a_hole_up_to_the_end_of_a_body),
		cmocka_unit_test(a_body_up_to_the_end_that_is_not_captured),
		cmocka_unit_test(an_answer_lost_at_the_end),
		cmocka_unit_test(ends_that_were_taken_for_each_other),
		cmocka_unit_test(a_syn_tells_who_asks),
		cmocka_unit_test(held_bytes_wait_for_the_other_direction),
		cmocka_unit_test(joined_within_a_body),
		cmocka_unit_test(what_nobody_knows_is_left_alone),
		cmocka_unit_test(a_protocol_that_was_none),
		cmocka_unit_test(bytes_behind_connect_belong_to_what_follows),
		cmocka_unit_test(bytes_behind_an_upgrade_that_is_refused),
		cmocka_unit_test(too_many_requests),
		cmocka_unit_test(a_head_without_end),
		cmocka_unit_test(a_head_that_was_captured_in_part),
	};

	return XC_RUN(tests);
}
