/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_nats;

static struct talk_out out;

#define INFO "INFO {\"server_id\":\"x\",\"version\":\"2.10.7\",\"max_payload\":1048576}\r\n"

static void check(const struct talk *t, const char *want)
{
	talk_plain(t, &out);
	assert_string_equal(out.text, want);
}

static void messages_are_notices(void **state)
{
	static struct talk t;

	(void)state;
	t = (struct talk){ .port = 4222 };
	TALK_S(&t, INFO);
	TALK_C(&t, "CONNECT {\"verbose\":false,\"user\":\"u\",\"pass\":\"secret\"}\r\nPING\r\n");
	TALK_S(&t, "PONG\r\n");
	TALK_C(&t,
	       "SUB jobs.* workers 1\r\nsub news 2\r\nPUB jobs.new _INBOX.1 7\r\nPING\r\n!\r\n");
	TALK_C(&t,
	       "PUB empty 0\r\n\r\nHPUB jobs.new 12 18\r\nNATS/1.0\r\n\r\nsecret\r\nUNSUB 1 5\r\nPING\r\n");
	TALK_S(&t,
	       "MSG jobs.new 1 _INBOX.1 7\r\n+OK\r\n-E\r\nHMSG jobs.new 1 12 18\r\nNATS/1.0\r\n\r\nsecret\r\n");
	TALK_S(&t, "PING\r\nPONG\r\n-ERR 'Permissions Violation for Publish to \"secret\"'\r\n");
	TALK_C(&t, "PONG\r\n");
#define JOBS "|messaging.destination.name=jobs.new|messaging.message.body.size="
	check(&t, "notice|nats|0|INFO|||unknown\n"
		  "notice|nats|0|CONNECT|||unknown\n"
		  "answered|nats|0|PING||0 |ok\n"
		  "notice|nats|0|SUB|jobs.*||unknown|messaging.destination.name=jobs.*"
		  "|messaging.consumer.group.name=workers\n"
		  "notice|nats|0|SUB|news||unknown|messaging.destination.name=news\n"
		  "notice|nats|0|PUB|jobs.new||unknown" JOBS "7\n"
		  "notice|nats|0|PUB|empty||unknown|messaging.destination.name=empty"
		  "|messaging.message.body.size=0\n"
		  "notice|nats|0|HPUB|jobs.new||unknown" JOBS "6\n"
		  "notice|nats|0|UNSUB|||unknown\n"
		  "notice|nats|0|MSG|jobs.new||unknown" JOBS "7\n"
		  "notice|nats|0|HMSG|jobs.new||unknown" JOBS "6\n"
		  "notice|nats|0|PING|||unknown\n"
		  "answered|nats|0|PING||0 |ok\n"
		  "notice|nats|0|-ERR||1 Permissions Violation for Publish to|client_error\n");
	assert_null(strstr(out.text, "secret"));
	talk_check_properties(&t);
}

/* When CONNECT does not say otherwise, everything is confirmed. */
static void verbose(void **state)
{
	static struct talk t;

	(void)state;
	t = (struct talk){ .port = 4222 };
	TALK_S(&t, INFO);
	TALK_C(&t, "CONNECT {}\r\n");
	TALK_S(&t, "+OK\r\n");
	TALK_C(&t, "SUB a 1\r\nPUB b 1\r\nx\r\nPING\r\nUNSUB 1\r\n");
	TALK_S(&t, "+OK\r\n-ERR 'Invalid Subject'\r\nPONG\r\n+OK\r\n");
	TALK_C(&t, "PUB c..d 1\r\nx\r\nPUB d 1\r\nx\r\n");
	TALK_S(&t, "-ERR 'Invalid Publish Subject'\r\n+OK\r\n+OK\r\n");	/* as nats-server does */
	TALK_C(&t, "PING\r\n");
	TALK_S(&t, "-ERR 'Stale Connection'\r\n");
	check(&t,
	      "notice|nats|0|INFO|||unknown\n"
	      "answered|nats|0|CONNECT||0 |ok\n"
	      "answered|nats|0|SUB|a|0 |ok|messaging.destination.name=a\n"
	      "answered|nats|0|PUB|b|1 Invalid Subject|client_error|messaging.destination.name=b"
	      "|messaging.message.body.size=1\n"
	      "notice|nats|0|-ERR||1 Invalid Subject|client_error\n"
	      "answered|nats|0|PING||0 |ok\n"
	      "answered|nats|0|UNSUB||0 |ok\n"
	      "notice|nats|0|-ERR||1 Invalid Publish Subject|client_error\n"
	      "answered|nats|0|PUB|c..d|1 Invalid Publish Subject|client_error"
	      "|messaging.destination.name=c..d|messaging.message.body.size=1\n"
	      "answered|nats|0|PUB|d|0 |ok|messaging.destination.name=d"
	      "|messaging.message.body.size=1\n"
	      "notice|nats|0|-ERR||1 Stale Connection|client_error\n"
	      "abandoned|nats|0|PING|||no_answer\n");
	talk_check_properties(&t);
}

/* Pixie and Coroot want a line end at the end of what is read. */
static void long_payloads(void **state)
{
	static char payload[60002];
	static struct talk t;

	(void)state;
	memset(payload, 'x', sizeof(payload));
	t = (struct talk){ .port = 4222 };
	TALK_S(&t, INFO);
	TALK_C(&t, "CONNECT {\"verbose\": false}\r\nPUB a 60000\r\nxx");
	talk_say(&t, XC_L7_CLIENT, payload, sizeof(payload) - 2);
	TALK_C(&t, "PUB b 1\r\nx\r\n");
	t.m[2].n_cap = 10;
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 4);
	assert_non_null(strstr(out.text, "notice|nats|0|PUB|b||unknown"));
}

static void tls_behind_the_greeting(void **state)
{
	static struct talk t;

	(void)state;
	t = (struct talk){ .port = 4222, .only = &xc_l7_nats };
	TALK_S(&t, INFO);
	TALK_C(&t, "\x16\3\1\0\5\1\0\0\1\0");
	talk_plain(&t, &out);
	assert_int_equal(strncmp(out.text, "notice|nats|0|INFO|||unknown\n", 29), 0);
	talk_check_properties(&t);
}

static void near_misses(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
		ROW("GET / HTTP/1.1\r\n\r\n"),
		ROW("CONNECT example.org:443 HTTP/1.1\r\n\r\n"),
		ROW("INFO\r\n"),	/* Redis */
		ROW("INFO server\r\n"),
		ROW("PING\r\n"),
		ROW("+OK\r\n"),
		ROW("-ERR unknown command\r\n"),
		ROW("+PONG\r\n"),
		ROW("PUB a\r\n"),
		ROW("PUB a x\r\n"),
		ROW("PUB a b c 1\r\n"),
		ROW("PUB a 99999999999\r\n"),
		ROW("MSG a 1\r\n"),
		ROW("HPUB a 9 5\r\n"),
		ROW("SUBSCRIBE a 1\r\n"),
		ROW("\x16\x03\1\2\0\1\0\1\xfc\x03\x03\n"),
		ROW("\0\0\0\x0a\n"),
#undef ROW
	};
	struct xc_l7_hint hint = { .port_he = 4222 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_span in = { (const uint8_t *)rows[i].p, rows[i].n };

		assert_int_equal(xc_l7_nats.detect(in, &hint).percent, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_notices),	   cmocka_unit_test(verbose),
		cmocka_unit_test(long_payloads),	   cmocka_unit_test(tls_behind_the_greeting),
		cmocka_unit_test(near_misses),
	};

	return XC_RUN(tests);
}
