/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_amqp;

static struct talk_out out;
static uint8_t pool[1u << 18];
static size_t begun, used;

static void raw(const void *p, size_t n)
{
	assert_true(used + n <= sizeof(pool));
	memcpy(pool + used, p, n);
	used += n;
}

static void frame(uint8_t type, uint8_t channel, const void *p, size_t n)
{
	raw((const uint8_t[7]){ type, 0, channel, 0, 0, (uint8_t)(n >> 8), (uint8_t)n }, 7);
	raw(p, n);
	raw("\xce", 1);
}

#define FRAME(type, channel, text) frame(type, channel, text, sizeof(text) - 1)
#define METHOD(channel, text) FRAME(1, channel, text)

static void say(struct talk *t, enum xc_l7_dir dir)
{
	talk_say(t, dir, pool + begun, used - begun);
	begun = used;
}

static void begin(struct talk *t)
{
	*t = (struct talk){ .port = 5672 };
	begun = used = 0;
}

static void log_in(struct talk *t)
{
	TALK_C(t, "AMQP\0\0\x09\x01");
	METHOD(0, "\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\5PLAIN\0\0\0\5en_US");
	say(t, XC_L7_SERVER);
	METHOD(0, "\0\x0a\0\x0b\0\0\0\0\5PLAIN\0\0\0\x0d\0guest\0secret\5en_US");
	say(t, XC_L7_CLIENT);
	METHOD(0, "\0\x0a\0\x1e\x07\xff\0\2\0\0\0\x3c");
	say(t, XC_L7_SERVER);
	METHOD(0, "\0\x0a\0\x1f\x07\xff\0\2\0\0\0\x3c");
	METHOD(0, "\0\x0a\0\x28\5/shop\0\0");
	say(t, XC_L7_CLIENT);
	METHOD(0, "\0\x0a\0\x29\0");
	FRAME(8, 0, "");
	say(t, XC_L7_SERVER);
	METHOD(1, "\0\x14\0\x0a\0");
	say(t, XC_L7_CLIENT);
	METHOD(1, "\0\x14\0\x0b\0\0\0\0");
	say(t, XC_L7_SERVER);
}

#define LOGGED_IN                                                                                  \
	"answered|amqp|0|protocol-header|||ok\n"                                                   \
	"answered|amqp|0|connection.start-ok|||ok\n"                                               \
	"answered|amqp|0|connection.open|/shop||ok\n"                                              \
	"answered|amqp|1|channel.open|||ok\n"

static void check(const struct talk *t, const char *want)
{
	talk_plain(t, &out);
	assert_string_equal(out.text, want);
}

static void methods_and_messages(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t);
	METHOD(1, "\0\x32\0\x0a\0\0\4jobs\2\0\0\0\0");	/* queue.declare */
	METHOD(1, "\0\x32\0\x14\0\0\4jobs\2ex\3key\1\0\0\0\0");	/* queue.bind, no wait */
	METHOD(1, "\0\x3c\0\x14\0\0\4jobs\3tag\0\0\0\0\0");	/* basic.consume */
	METHOD(1, "\0\x3c\0\x28\0\0\2ex\3key\0");	/* basic.publish */
	FRAME(2, 1, "\0\x3c\0\0\0\0\0\0\0\0\0\6\0\0");
	FRAME(3, 1, "secret");
	METHOD(1, "\0\x3c\0\x28\0\0\0\4jobs\0");	/* to the default exchange */
	FRAME(2, 1, "\0\x3c\0\0\0\0\0\0\0\0\0\6\0\0");
	FRAME(3, 1, "\1\0\1\0\0\0");
	say(&t, XC_L7_CLIENT);
	METHOD(1, "\0\x32\0\x0b\4jobs\0\0\0\0\0\0\0\0");
	METHOD(1, "\0\x3c\0\x15\3tag");
	METHOD(1, "\0\x3c\0\x3c\3tag\0\0\0\0\0\0\0\1\0\2ex\3key");	/* basic.deliver */
	FRAME(2, 1, "\0\x3c\0\0\0\0\0\0\0\0\0\6\0\0");
	FRAME(3, 1, "secret");
	METHOD(1, "\0\x3c\0\x32\1\x38\x08NO_ROUTE\2ex\3key");	/* basic.return */
	say(&t, XC_L7_SERVER);
	METHOD(1, "\0\x3c\0\x50\0\0\0\0\0\0\0\1\0");	/* basic.ack */
	METHOD(1, "\0\x3c\0\x46\0\0\4jobs\0");	/* basic.get, twice */
	METHOD(1, "\0\x3c\0\x46\0\0\4jobs\0");
	METHOD(1, "\0\x32\0\x0a\0\0\4none\1\0\0\0\0");	/* of a queue that is not there */
	say(&t, XC_L7_CLIENT);
	METHOD(1, "\0\x3c\0\x47\0\0\0\0\0\0\0\2\0\2ex\3key\0\0\0\1");
	FRAME(2, 1, "\0\x3c\0\0\0\0\0\0\0\0\0\6\0\0");
	FRAME(3, 1, "secret");
	METHOD(1, "\0\x3c\0\x48\0");
	METHOD(1, "\0\x14\0\x28\1\x94\x2bNOT_FOUND - no queue 'none' in vhost '/shop\0\x32\0\x0a");
	say(&t, XC_L7_SERVER);
	METHOD(1, "\0\x14\0\x29");
	METHOD(0, "\0\x0a\0\x32\0\xc8\x07Goodbye\0\0\0\0");
	say(&t, XC_L7_CLIENT);
	METHOD(0, "\0\x0a\0\x33");
	say(&t, XC_L7_SERVER);
#define EX "|messaging.destination.name=ex|messaging.rabbitmq.destination.routing_key=key"
	check(&t, LOGGED_IN
	      "notice|amqp|1|queue.bind|jobs||unknown\n"
	      "notice|amqp|1|basic.publish|ex||unknown" EX "|messaging.operation.name=publish\n"
	      "notice|amqp|1|basic.publish|jobs||unknown|messaging.destination.name=jobs"
	      "|messaging.rabbitmq.destination.routing_key=jobs|messaging.operation.name=publish\n"
	      "answered|amqp|1|queue.declare|jobs||ok\n"
	      "answered|amqp|1|basic.consume|jobs||ok\n"
	      "notice|amqp|1|basic.deliver|ex||unknown" EX "|messaging.operation.name=deliver\n"
	      "notice|amqp|1|basic.return|ex|312 NO_ROUTE|client_error" EX
	      "|messaging.operation.name=return\n"
	      "notice|amqp|1|basic.ack|||unknown\n"
	      "answered|amqp|1|basic.get|jobs||ok\n"
	      "answered|amqp|1|basic.get|jobs||ok\n"
	      "answered|amqp|1|queue.declare|none|404 NOT_FOUND|client_error\n"
	      "notice|amqp|1|channel.close|queue.declare|404 NOT_FOUND|client_error\n"
	      "answered|amqp|0|connection.close|||ok\n");
	talk_check_properties(&t);
}

/* Answers are paired on their own channel. The server may close of its own. */
static void channels_and_closing(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t);
	METHOD(2, "\0\x14\0\x0a\0");
	METHOD(3, "\0\x14\0\x0a\0");
	METHOD(1, "\0\x55\0\x0a\0");	/* confirm.select */
	say(&t, XC_L7_CLIENT);
	METHOD(3, "\0\x14\0\x0b\0\0\0\0");
	METHOD(1, "\0\x55\0\x0b");
	METHOD(2, "\0\x14\0\x0b\0\0\0\0");
	METHOD(2, "\0\x14\0\x28\1\x96\x13PRECONDITION_FAILED\0\x3c\0\x50");	/* an ack of nothing */
	METHOD(0, "\0\x0a\0\x32\1\x40\x1e"
		  "CONNECTION_FORCED - by secrets\0\0\0\0");
	say(&t, XC_L7_SERVER);
	METHOD(0, "\0\x0a\0\x33");
	say(&t, XC_L7_CLIENT);
	check(&t, LOGGED_IN
	      "answered|amqp|3|channel.open|||ok\n"
	      "answered|amqp|1|confirm.select|||ok\n"
	      "answered|amqp|2|channel.open|||ok\n"
	      "notice|amqp|2|channel.close|basic.ack|406 PRECONDITION_FAILED|client_error\n"
	      "notice|amqp|0|connection.close||320 CONNECTION_FORCED|server_error\n");
	talk_check_properties(&t);
}

static void refused(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	TALK_C(&t, "AMQP\0\0\x09\x01");
	METHOD(0, "\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\5PLAIN\0\0\0\5en_US");
	say(&t, XC_L7_SERVER);
	METHOD(0, "\0\x0a\0\x0b\0\0\0\0\5PLAIN\0\0\0\x0d\0guest\0secret\5en_US");
	say(&t, XC_L7_CLIENT);
	METHOD(0, "\0\x0a\0\x32\1\x93\x1e"
		  "ACCESS_REFUSED - Login refused\0\0\0\0");
	say(&t, XC_L7_SERVER);
	check(&t, "answered|amqp|0|protocol-header|||ok\n"
		  "answered|amqp|0|connection.start-ok||403 ACCESS_REFUSED|client_error\n"
		  "notice|amqp|0|connection.close||403 ACCESS_REFUSED|client_error\n");
	talk_check_properties(&t);
	begin(&t);
	TALK_C(&t, "AMQP\0\0\x09\x01");
	TALK_S(&t, "AMQP\0\1\0\0");	/* another version is spoken here */
	check(&t, "answered|amqp|0|protocol-header|||client_error\n");
}

static void large_messages(void **state)
{
	static const char body[60000];
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t);
	METHOD(1, "\0\x3c\0\x28\0\0\2ex\0\0");
	FRAME(2, 1, "\0\x3c\0\0\0\0\0\0\0\0\xea\x60\0\0");
	frame(3, 1, body, sizeof(body));
	METHOD(1, "\0\x5a\0\x14");	/* tx.commit */
	say(&t, XC_L7_CLIENT);
	METHOD(1, "\0\x5a\0\x15");
	say(&t, XC_L7_SERVER);
	check(&t, LOGGED_IN "notice|amqp|1|basic.publish|ex||unknown|messaging.destination.name=ex"
			    "|messaging.operation.name=publish\n"
			    "answered|amqp|1|tx.commit|||ok\n");
}

static void near_misses(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
		ROW("AMQP\0\1\0\0"),	/* AMQP 1.0 */
		ROW("AMQP\3\1\0\0"),
		ROW("GET / HTTP/1.1\r\n\r\n"),
		ROW("\x16\x03\1\2\0\1\0\1\xfc\x03\x03"),
		ROW("\1\0\1\0\0\0\5\0\x3c\0\x28\0\0"),	/* no end yet */
		ROW("\1\0\1\0\0\0\5\0\x3c\0\x28\0\xcd"),	/* not its end */
		ROW("\1\0\1\0\0\0\5\0\x3d\0\x28\0\xce"),	/* no such class */
		ROW("\1\0\1\0\0\0\4\0\x0a\0\0\xce"),	/* no such method */
		ROW("\x08\0\0\0\0\0\0\xce"),	/* a heartbeat of either side */
		ROW("\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"),
		ROW("\0\0\0\x17\0\3\0\0\0\0\0\1\0\7kcat123\0\0\0\0\0\0"),
#undef ROW
	};
	struct xc_l7_hint hint = { .port_he = 5672 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_span in = { (const uint8_t *)rows[i].p, rows[i].n };

		assert_int_equal(xc_l7_amqp.detect(in, &hint).percent, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_and_messages),
		cmocka_unit_test(channels_and_closing),
		cmocka_unit_test(refused),
		cmocka_unit_test(large_messages),
		cmocka_unit_test(near_misses),
	};

	return XC_RUN(tests);
}
