/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_memcached;

static struct talk_out out;

/* Pipelined text: values are passed over, even where they look like commands; a miss is an answer. */
static void text(void **state)
{
	struct talk t = { .port = 11211 };

	(void)state;
	TALK_C(&t, "set foo 0 0 11\r\nget secret\r\r\nget foo bar\r\nget none\r\nincr n 5\r\n"
		   "delete foo noreply\r\ncas foo 1 0 1 42\r\nx\r\n");
	TALK_S(&t, "STORED\r\nVALUE foo 0 11\r\nget secret\r\r\nVALUE bar 7 2\r\nab\r\nEND\r\n");
	TALK_S(&t, "END\r\n6\r\nSERVER_ERROR out of memory storing object\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "notice|memcached|0|DELETE|foo||unknown\n"
				      "answered|memcached|0|SET|foo|0 STORED|ok\n"
				      "answered|memcached|0|GET|foo|0 VALUE|ok\n"
				      "answered|memcached|0|GET|none|0 END|ok\n"
				      "answered|memcached|0|INCR|n|0 |ok\n"
				      "answered|memcached|0|CAS|foo|1 SERVER_ERROR|server_error\n");
	talk_check_properties(&t);
}

static void text_errors_and_statistics(void **state)
{
	struct talk t = { .port = 11211 };

	(void)state;
	TALK_C(&t, "touch k 10\r\nset k 0 0 1\r\nx\r\nbogus a\r\nstats\r\nversion\r\n");
	TALK_S(&t,
	       "NOT_FOUND\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\nSTAT pid 1\r\nSTAT uptime 2\r\nEND\r\n"
	       "VERSION 1.6.18\r\n");
	TALK_C(&t, "quit\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|memcached|0|TOUCH|k|0 NOT_FOUND|ok\n"
				      "answered|memcached|0|SET|k|1 CLIENT_ERROR|client_error\n"
				      "answered|memcached|0|BOGUS||1 ERROR|client_error\n"
				      "answered|memcached|0|STATS||0 END|ok\n"
				      "answered|memcached|0|VERSION||0 VERSION|ok\n"
				      "notice|memcached|0|QUIT|||unknown\n");
	talk_check_properties(&t);
}

/* Quiet meta commands: a miss of mg q and a success of ms q are not said; mn ends the batch. */
static void meta(void **state)
{
	struct talk t = { .port = 11211 };

	(void)state;
	TALK_C(&t,
	       "mg a v q O1\r\nmg b v q O2\r\nms c 2 q O3\r\nhi\r\nmd d q O4\r\nmn\r\nmg e v\r\n");
	TALK_S(&t, "VA 5 O2\r\nhello\r\nMN\r\nEN\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|memcached|1|MG|a||ok\n"
				      "answered|memcached|2|MG|b|0 VA|ok\n"
				      "answered|memcached|3|MS|c||ok\n"
				      "answered|memcached|4|MD|d||ok\n"
				      "answered|memcached|0|MN||0 MN|ok\n"
				      "answered|memcached|0|MG|e|0 EN|ok\n");
	talk_check_properties(&t);
}

#define KEY3 "\0\3"
#define NONE8 "\0\0\0\0\0\0\0\0"

/* GETKQ of two keys with one opaque, of which the second is there; NOOP; SET that is too large. */
static void binary(void **state)
{
	struct talk t = { .port = 11211 };

	(void)state;
	TALK_C(&t, "\x80\x0d" KEY3 "\0\0\0\0\0\0\0\3\0\0\0\7" NONE8 "one"
		   "\x80\x0d" KEY3 "\0\0\0\0\0\0\0\3\0\0\0\7" NONE8 "two"
		   "\x80\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x08" NONE8);
	TALK_S(&t, "\x81\x0d" KEY3 "\4\0\0\0\0\0\0\x0c\0\0\0\7" NONE8 "\0\0\0\0two"
		   "value"
		   "\x81\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x08" NONE8);
	TALK_C(&t, "\x80\1" KEY3 "\x08\0\0\0\0\0\0\x0d\0\0\0\x09" NONE8 NONE8 "big"
		   "xx");
	TALK_S(&t, "\x81\1\0\0\0\0\0\3\0\0\0\4\0\0\0\x09" NONE8 "Too!");
	TALK_C(&t, "\x80\0" KEY3 "\0\0\0\0\0\0\0\3\0\0\0\x0a" NONE8 "one");
	TALK_S(&t, "\x81\0\0\0\0\0\0\1\0\0\0\0\0\0\0\x0a" NONE8);
	talk_plain(&t, &out);
	assert_string_equal(out.text,
			    "answered|memcached|7|GETKQ|one||ok\n"
			    "answered|memcached|7|GETKQ|two|0 SUCCESS|ok\n"
			    "answered|memcached|8|NOOP||0 SUCCESS|ok\n"
			    "answered|memcached|9|SET|big|3 VALUE_TOO_LARGE|client_error\n"
			    "answered|memcached|10|GET|one|1 KEY_NOT_FOUND|ok\n");
	talk_check_properties(&t);
}

/* A value of which only the beginning is captured. */
static void long_values(void **state)
{
	static char big[50000] = "VALUE k 0 49976\r\n";
	struct talk t = { .port = 11211 };

	(void)state;
	memcpy(big + sizeof(big) - 7, "\r\nEND\r\n", 7);
	TALK_C(&t, "get k\r\n");
	talk_say(&t, XC_L7_SERVER, big, sizeof(big) - 7 - 5000);
	t.m[1].n_cap = 128;
	talk_say(&t, XC_L7_SERVER, big + sizeof(big) - 7 - 5000, 5007);
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|memcached|0|GET|k|0 VALUE|ok\n");
}

static int percent(const char *p, size_t n)
{
	struct xc_l7_hint hint = { .port_he = 11211, .is_start = true };

	return xc_l7_memcached.detect((struct xc_span){ guard_copy(p, n), n }, &hint).percent;
}

static void strangers(void **state)
{
	static const struct {
		const char *what, *p;
		size_t n;
	} rows[] = {
#define ROW(what, text) { what, text, sizeof(text) - 1 }
		ROW("http", "GET / HTTP/1.1\r\n\r\n"),
		ROW("redis", "*1\r\n$4\r\nPING\r\n"),
		ROW("redis inline", "set test 1\r\n"),
		ROW("redis inline", "SET a 0 0 1\r\n"),
		ROW("nats", "PUB a 5\r\nhello\r\n"),
		ROW("smtp", "QUIT\r\n"),
		ROW("no number", "set foo 0 0 x\r\n"),
		ROW("control", "get \1\r\n"),
		ROW("sslv2", "\x80\x2e\1\3\1\0\x15\0\0\0\x10\0\0\5\0\0\4\1\0\x80\0\0\x0a\0\0\x09"),
		ROW("no key", "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" NONE8),
		ROW("type", "\x80\0" KEY3 "\0\1\0\0\0\0\0\3\0\0\0\1" NONE8 "one"),
		ROW("body", "\x80\0" KEY3 "\0\0\0\0\0\0\0\4\0\0\0\1" NONE8 "one!"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].what, percent(rows[i].p, rows[i].n) == 0);
	assert_int_equal(percent("set k 0 0 1\r\n", 13), 90);
	assert_true(percent("get k\r\n", 7) < 90);	/* Redis takes it as well */
	assert_int_equal(percent("\x80\0" KEY3 "\0\0\0\0\0\0\0\3\0\0\0\1" NONE8 "one", 27), 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),	    cmocka_unit_test(text_errors_and_statistics),
		cmocka_unit_test(meta),	    cmocka_unit_test(binary),
		cmocka_unit_test(long_values), cmocka_unit_test(strangers),
	};

	return XC_RUN(tests);
}
