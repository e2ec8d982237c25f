/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct xc_l7_proto xc_l7_kafka;

static struct talk_out out;

/* ---- messages, field by field ----------------------------------------------------------------------- */

struct bytes {
	uint8_t p[4096];
	size_t n;
};

static void put(struct bytes *b, uint64_t x, size_t width)
{
	assert_true(b->n + width <= sizeof(b->p));
	for (size_t i = width; i > 0; i--)
		b->p[b->n++] = i <= 8 ? (uint8_t)(x >> 8 * (i - 1)) : 0;
}

static void put_raw(struct bytes *b, const void *p, size_t n)
{
	assert_true(b->n + n <= sizeof(b->p));
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

/* STRING, COMPACT_STRING */
static void put_text(struct bytes *b, const char *s)
{
	put(b, strlen(s), 2);
	put_raw(b, s, strlen(s));
}

static void put_compact(struct bytes *b, const char *s)
{
	put(b, strlen(s) + 1, 1);
	put_raw(b, s, strlen(s));
}

static const uint8_t topic_id[16] = { 0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };

/* The head of a request; a flexible one has no tagged fields. */
static struct bytes ask(int key, int version, uint32_t id, bool is_flexible)
{
	struct bytes b = { .n = 4 };

	put(&b, (uint64_t)key, 2);
	put(&b, (uint64_t)version, 2);
	put(&b, id, 4);
	put_text(&b, "app-1");
	if (is_flexible)
		put(&b, 0, 1);
	return b;
}

static struct bytes answer(uint32_t id, bool has_tags)
{
	struct bytes b = { .n = 4 };

	put(&b, id, 4);
	if (has_tags)
		put(&b, 0, 1);
	return b;
}

static void say(struct talk *t, enum xc_l7_dir dir, struct bytes *b)
{
	uint32_t n = (uint32_t)b->n - 4;

	for (size_t i = 0; i < 4; i++)
		b->p[i] = (uint8_t)(n >> 8 * (3 - i));
	talk_say(t, dir, b->p, b->n);
}

static struct bytes ask_versions(uint32_t id, int version)
{
	struct bytes b = ask(18, version, id, version >= 3);

	if (version >= 3) {
		put_compact(&b, "librdkafka");
		put_compact(&b, "2.3.0");
		put(&b, 0, 1);
	}
	return b;
}

static struct bytes answer_versions(uint32_t id, int error)
{
	struct bytes b = answer(id, false);	/* always, KIP-511 */

	put(&b, (uint64_t)error, 2);
	put(&b, 1, 1);	/* no keys */
	put(&b, 0, 5);	/* throttle time, tags */
	return b;
}

/* Produce v9 to v11: one topic, one partition, @n bytes of records */
static struct bytes ask_produce(uint32_t id, int version, int acks, size_t n)
{
	struct bytes b = ask(0, version, id, true);

	put(&b, 0, 1);	/* no transaction */
	put(&b, (uint64_t)acks, 2);
	put(&b, 30000, 4);
	put(&b, 2, 1);
	put_compact(&b, "orders");
	put(&b, 2, 1);
	put(&b, 5, 4);	/* partition */
	put(&b, (n + 1) % 128 | 128, 1);
	put(&b, (n + 1) / 128, 1);
	for (size_t i = 0; i < n; i++)
		put(&b, 's', 1);
	put(&b, 0, 3);	/* tags: partition, topic, request */
	return b;
}

static struct bytes answer_produce(uint32_t id, int error)
{
	struct bytes b = answer(id, true);

	put(&b, 2, 1);
	put_compact(&b, "orders");
	put(&b, 2, 1);
	put(&b, 5, 4);
	put(&b, (uint64_t)error, 2);
	put(&b, 0, 24);	/* offset, time, log start */
	put(&b, 1, 1);	/* no record errors */
	put(&b, 0, 1);	/* no message */
	put(&b, 0, 2);	/* tags: partition, topic */
	put(&b, 0, 5);	/* throttle time, tags */
	return b;
}

/* Metadata v12 for one topic, and its answer with the id of the topic */
static struct bytes ask_metadata(uint32_t id)
{
	struct bytes b = ask(3, 12, id, true);

	put(&b, 2, 1);
	put(&b, 0, 16);
	put_compact(&b, "orders");
	put(&b, 0, 1);
	put(&b, 0x0100, 2);	/* flags */
	put(&b, 0, 1);
	return b;
}

static struct bytes answer_metadata(uint32_t id)
{
	struct bytes b = answer(id, true);

	put(&b, 0, 4);
	put(&b, 2, 1);	/* one broker */
	put(&b, 1, 4);
	put_compact(&b, "broker");
	put(&b, 9092, 4);
	put(&b, 0, 2);	/* no rack, tags */
	put_compact(&b, "cluster");
	put(&b, 1, 4);
	put(&b, 2, 1);	/* one topic */
	put(&b, 0, 2);
	put_compact(&b, "orders");
	put_raw(&b, topic_id, 16);
	put(&b, 0, 1);
	put(&b, 1, 1);	/* no partitions */
	put(&b, 0, 4);
	put(&b, 0, 2);	/* tags */
	return b;
}

/* Fetch v13 to v17 of one topic by its id */
static struct bytes ask_fetch(uint32_t id, int version, uint8_t last_of_id)
{
	struct bytes b = ask(1, version, id, true);

	put(&b, 500, version < 15 ? 8 : 4);	/* replica id up to v14, wait */
	put(&b, 1, 4);
	put(&b, 1 << 20, 4);
	put(&b, 0, 1);
	put(&b, 0, 8);	/* session */
	put(&b, 2, 1);
	put_raw(&b, topic_id, 15);
	put(&b, last_of_id, 1);
	put(&b, 2, 1);
	put(&b, 0, 4 + 4 + 8 + 4 + 8 + 4 + 1);
	put(&b, 0, 1);	/* tags of the topic */
	put(&b, 1, 1);	/* nothing forgotten */
	put(&b, 1, 1);	/* no rack */
	put(&b, 0, 1);
	return b;
}

static struct bytes answer_fetch(uint32_t id, int error, size_t n)
{
	struct bytes b = answer(id, true);

	put(&b, 0, 4 + 2 + 4);
	put(&b, 2, 1);
	put_raw(&b, topic_id, 16);
	put(&b, 3, 1);	/* two partitions: records of the first, the error is in the second */
	for (int i = 0; i < 2; i++) {
		put(&b, (uint64_t)i, 4);
		put(&b, i ? (uint64_t)error : 0, 2);
		put(&b, 0, 24);
		put(&b, 1, 1);	/* aborted */
		put(&b, 0, 4);
		put(&b, (n + 1) % 128 | 128, 1);
		put(&b, (n + 1) / 128, 1);
		for (size_t k = 0; k < n; k++)
			put(&b, 'r', 1);
		put(&b, 0, 1);
	}
	put(&b, 0, 2);	/* tags of the topic, of the message */
	return b;
}

/* ---- conversations ------------------------------------------------------------------------------------ */

#define CLIENT "|messaging.client.id=app-1"

/* Correlation id 0 is legal; what ApiVersions is answered with has head version 0 although it is flexible. */
static void versions_first(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes a = ask_versions(0, 3), b = answer_versions(0, 0);

	(void)state;
	say(&t, XC_L7_CLIENT, &a);
	say(&t, XC_L7_SERVER, &b);
	talk_plain(&t, &out);
	assert_string_equal(
		out.text, "answered|kafka|0|ApiVersions||0 NONE|ok"
			  "|messaging.kafka.api_key=18|messaging.kafka.api_version=3" CLIENT "\n");
	talk_check_properties(&t);
}

/* A client newer than the broker, and than the table: the answer is that of version 0, with the error in front. */
static void version_nobody_knows(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes a = ask_versions(1, 9), b = answer(1, false);

	(void)state;
	put(&b, 35, 2);
	put(&b, 0, 4);
	say(&t, XC_L7_CLIENT, &a);
	say(&t, XC_L7_SERVER, &b);
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "|1|ApiVersions||35 UNSUPPORTED_VERSION|client_error"));
}

/* Versions Pixie has for invalid; two requests before the first answer; errors behind records (Coroot misses them). */
static void topics_by_id_and_errors(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes m = ask_metadata(1), am = answer_metadata(1), f = ask_fetch(2, 13, 14),
		     g = ask_fetch(3, 17, 99), af = answer_fetch(2, 0, 20),
		     ag = answer_fetch(3, 74, 30), p = ask_produce(4, 11, -1, 40),
		     ap = answer_produce(4, 19);

	(void)state;
	say(&t, XC_L7_CLIENT, &m);
	say(&t, XC_L7_SERVER, &am);
	say(&t, XC_L7_CLIENT, &f);
	say(&t, XC_L7_CLIENT, &g);
	say(&t, XC_L7_SERVER, &af);
	say(&t, XC_L7_CLIENT, &p);
	say(&t, XC_L7_SERVER, &ag);
	say(&t, XC_L7_SERVER, &ap);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 4);
	assert_non_null(strstr(out.text, "answered|kafka|1|Metadata|orders|0 NONE|ok|"));
	assert_non_null(strstr(out.text, "answered|kafka|2|Fetch|orders|0 NONE|ok|"));
	assert_non_null(strstr(out.text,
			       "answered|kafka|3|Fetch|abcd0102-0304-0506-0708-090a0b0c0d63|"
			       "74 FENCED_LEADER_EPOCH|client_error|"));
	assert_non_null(strstr(out.text, "answered|kafka|4|Produce|orders|"
					 "19 NOT_ENOUGH_REPLICAS|server_error|"));
	talk_check_properties(&t);
}

/* acks=0: there is no answer, and the next one is not taken for it. */
static void produce_without_answer(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes p = ask_produce(7, 9, 0, 10), q = ask_produce(8, 9, 1, 10),
		     a = answer_produce(8, 0);

	(void)state;
	say(&t, XC_L7_CLIENT, &p);
	say(&t, XC_L7_CLIENT, &q);
	say(&t, XC_L7_SERVER, &a);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
	assert_non_null(strstr(out.text, "notice|kafka|7|Produce|orders||unknown"));
	assert_non_null(strstr(out.text, "|messaging.kafka.acks=0|"));
	assert_non_null(strstr(out.text, "answered|kafka|8|Produce|orders|0 NONE|ok"));
	talk_check_properties(&t);
}

/* Old encoding: Heartbeat v0, its group; ControlledShutdown v0 has no client id. */
static void old_versions(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes h = ask(12, 0, 1, false), ah = answer(1, false), c = { .n = 4 },
		     ac = answer(2, false);

	(void)state;
	put_text(&h, "workers");
	put(&h, 3, 4);
	put_text(&h, "member");
	put(&ah, 27, 2);
	put(&c, 7, 2);
	put(&c, 0, 2);
	put(&c, 2, 4);
	put(&c, 1, 4);
	put(&ac, 0, 2);
	put(&ac, 0, 4);
	say(&t, XC_L7_CLIENT, &h);
	say(&t, XC_L7_SERVER, &ah);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &ac);
	talk_plain(&t, &out);
	assert_non_null(
		strstr(out.text, "|1|Heartbeat|workers|27 REBALANCE_IN_PROGRESS|client_error"));
	assert_non_null(strstr(out.text, "|messaging.consumer.group.name=workers\n"));
	assert_non_null(strstr(out.text, "|2|ControlledShutdown||0 NONE|ok|"));
	talk_check_properties(&t);
}

/* After SaslHandshake v0 come bare tokens, the password among them. */
static void bare_tokens(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes h = ask(17, 0, 1, false), ah = answer(1, false), m = ask_metadata(2),
		     am = answer_metadata(2);

	(void)state;
	put_text(&h, "PLAIN");
	put(&ah, 0, 2);
	put(&ah, 1, 4);
	put_text(&ah, "PLAIN");
	say(&t, XC_L7_CLIENT, &h);
	say(&t, XC_L7_SERVER, &ah);
	TALK_C(&t, "\0\0\0\x0d\0user\0hunter2");
	TALK_S(&t, "\0\0\0\0");
	say(&t, XC_L7_CLIENT, &m);
	say(&t, XC_L7_SERVER, &am);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
	assert_null(strstr(out.text, "hunter2"));
	assert_non_null(strstr(out.text, "|2|Metadata|orders|0 NONE|ok"));
	talk_check_properties(&t);
}

/* Only the first bytes of long packets are captured: the frame's length tells where the next begins. */
static void records_not_captured(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes p = ask_produce(1, 9, 1, 2000), a = answer_produce(1, 0),
		     q = ask_produce(2, 9, 1, 9), b = answer_produce(2, 0);

	(void)state;
	say(&t, XC_L7_CLIENT, &p);
	t.m[0].n_cap = 100;
	say(&t, XC_L7_SERVER, &a);
	say(&t, XC_L7_CLIENT, &q);
	say(&t, XC_L7_SERVER, &b);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
	assert_non_null(strstr(out.text, "answered|kafka|1|Produce|orders|0 NONE|ok"));
	assert_non_null(strstr(out.text, "answered|kafka|2|Produce|orders|0 NONE|ok"));
}

/* Joined late, nothing is told before an answer has the correlation id of a request. */
static void late_without_proof(void **state)
{
	struct talk t = { .port = 9092, .without_start = true };
	struct bytes f = ask_fetch(2, 13, 14), wrong = answer_fetch(77, 0, 3),
		     right = answer_fetch(2, 0, 3);

	(void)state;
	say(&t, XC_L7_CLIENT, &f);
	say(&t, XC_L7_SERVER, &wrong);
	talk_plain(&t, &out);
	assert_string_equal(out.text, "");
	say(&t, XC_L7_SERVER, &right);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 1);
	assert_non_null(strstr(out.text, "answered|kafka|2|Fetch|abcd0102-"));
}

/* A hole in the middle of an answer: what follows is read, the answer itself is doubted. */
static void hole_in_an_answer(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes f = ask_fetch(2, 13, 14), af = answer_fetch(2, 74, 300),
		     g = ask_fetch(3, 13, 14), ag = answer_fetch(3, 0, 3);

	(void)state;
	say(&t, XC_L7_CLIENT, &f);
	say(&t, XC_L7_SERVER, &af);
	t.m[1].n_cap = 80;	/* the first partition, not the one with the error */
	say(&t, XC_L7_CLIENT, &g);
	say(&t, XC_L7_SERVER, &ag);
	talk_plain(&t, &out);
	assert_non_null(
		strstr(out.text, "|2|Fetch|abcd0102-0304-0506-0708-090a0b0c0d0e||unknown|"));
	assert_non_null(
		strstr(out.text, "|3|Fetch|abcd0102-0304-0506-0708-090a0b0c0d0e|0 NONE|ok|"));
}

/* ---- detection ------------------------------------------------------------------------------------------ */

static int percent(const void *p, size_t n)
{
	struct xc_l7_hint hint = { .port_he = 9092, .is_start = true };

	return xc_l7_kafka.detect((struct xc_span){ guard_copy(p, n), n }, &hint).percent;
}

static void strangers(void **state)
{
	static const struct {
		const char *what, *p;
		size_t n;
	} rows[] = {
#define ROW(what, text) { what, text, sizeof(text) - 1 }
		ROW("redis", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n"),
		ROW("http", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		ROW("tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0\0\0\0\0\0\0"),
		ROW("postgres", "\0\0\0\x29\0\3\0\0user\0postgres\0database\0postgres\0\0\0\0\0"),
		ROW("postgres ssl", "\0\0\0\x08\x04\xd2\x16\x2f"),
		ROW("mysql", "J\0\0\0\x0a"
			     "8.0.30\0\1\0\0\0abcdefgh\0\xff\xff\xff\2\0"),
		ROW("mongodb", "\x3b\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		ROW("http2 settings",
		    "\0\0\x12\x04\0\0\0\0\0\0\3\0\0\0\x64\0\4\0\1\0\0\0\2\0\0\0\0"),
		ROW("http2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		ROW("amqp", "AMQP\0\0\x09\1"),
		ROW("dns", "\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1"),
		ROW("smpp", "\0\0\0\x1f\0\0\0\2\0\0\0\0\0\0\0\1user\0pass\0\0\x34\0\0\0"),
		ROW("thrift", "\0\0\0\x1c\x80\1\0\1\0\0\0\4ping\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"),
		ROW("zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
#undef ROW
	};
	struct bytes p = ask_produce(1, 9, 1, 5), q = ask(99, 0, 1, false),
		     v = ask(18, 0, 1, false);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].what, percent(rows[i].p, rows[i].n) == 0);
	p.p[3] = (uint8_t)(p.n - 4);
	assert_int_equal(percent(p.p, p.n), 95);
	assert_int_equal(percent(p.p, p.n - 10), 90);
	p.p[3]++;	/* a byte more than the schema has */
	p.p[p.n] = 0;
	assert_int_equal(percent(p.p, p.n + 1), 0);
	p.p[3]--;
	p.p[7] = 100;	/* version */
	assert_int_equal(percent(p.p, p.n), 0);
	q.p[3] = (uint8_t)(q.n - 4);
	v.p[3] = (uint8_t)(v.n - 4);
	assert_int_equal(percent(v.p, v.n), 95);
	put(&v, 0, 4);
	v.p[3] += 4;	/* as librdkafka sends it */
	assert_int_equal(percent(v.p, v.n), 90);
	assert_int_equal(percent(q.p, q.n), 0);
}

/* OBI read a buffer with Redis behind Kafka as Kafka: what contradicts revokes, and nothing is told of it. */
static void other_bytes_behind(void **state)
{
	struct talk t = { .port = 9092 };
	struct bytes a = ask_versions(1, 3), b = answer_versions(1, 0);

	(void)state;
	say(&t, XC_L7_CLIENT, &a);
	say(&t, XC_L7_SERVER, &b);
	TALK_C(&t, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
	TALK_S(&t, "$-1\r\n");
	t.only = &xc_l7_kafka;
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 1);
	assert_non_null(strstr(out.text, "|1|ApiVersions|"));
}

/* ---- the table ------------------------------------------------------------------------------------------- */

#define SCHEMAS "../shared/data/l7/kafka-message-json"

/* cmocka runs in the build directory, or in the source tree: look for the generator from here up. */
static bool go_to_sources(void)
{
	for (int i = 0; i < 4; i++) {
		if (!access("tools/gen-kafka.py", R_OK))
			return true;
		if (chdir(".."))
			return false;
	}
	return false;
}

static void table_is_current(void **state)
{
	pid_t pid;
	int status = -1;

	(void)state;
	if (!go_to_sources() || access(SCHEMAS, R_OK)) {
		print_message("skipped: no " SCHEMAS " beside the sources\n");
		skip();
	}
	pid = fork();
	if (!pid) {
		(void)execl("/bin/sh", "sh", "-c",
			    "python3 tools/gen-kafka.py " SCHEMAS " | cmp - src/l7/kafka_table.inc",
			    (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_first),
		cmocka_unit_test(version_nobody_knows),
		cmocka_unit_test(topics_by_id_and_errors),
		cmocka_unit_test(produce_without_answer),
		cmocka_unit_test(old_versions),
		cmocka_unit_test(bare_tokens),
		cmocka_unit_test(records_not_captured),
		cmocka_unit_test(late_without_proof),
		cmocka_unit_test(hole_in_an_answer),
		cmocka_unit_test(strangers),
		cmocka_unit_test(other_bytes_behind),
		cmocka_unit_test(table_is_current),
	};

	return XC_RUN(tests);
}
