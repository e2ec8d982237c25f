/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_mongodb;

static struct talk_out out;
static uint8_t pool[1u << 20];
static size_t begun, used;

/* ---- writing messages --------------------------------------------------------------------------- */

static void raw(const void *p, size_t n)
{
	assert_true(used + n <= sizeof(pool));
	memcpy(pool + used, p, n);
	used += n;
}

static void le32_at(size_t at, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		pool[at + (size_t)i] = (uint8_t)(x >> 8 * i);
}

static void le32(uint32_t x)
{
	used += 4;
	assert_true(used <= sizeof(pool));
	le32_at(used - 4, x);
}

static void element(uint8_t type, const char *name)
{
	raw(&type, 1);
	raw(name, strlen(name) + 1);
}

static void text(const char *name, const char *value)
{
	element(2, name);
	le32((uint32_t)strlen(value) + 1);
	raw(value, strlen(value) + 1);
}

static void number(const char *name, uint32_t value)
{
	element(16, name);
	le32(value);
}

static void one(const char *name, bool is_one)
{
	element(1, name);
	raw(is_one ? "\0\0\0\0\0\0\xf0\x3f" : "\0\0\0\0\0\0\0\0", 8);
}

/* What is between these two tells its length in front. */
static size_t open_size(void)
{
	le32(0);
	return used - 4;
}

static void close_document(size_t at)
{
	raw("", 1);
	le32_at(at, (uint32_t)(used - at));
}

static size_t open_message(uint32_t id, uint32_t to, uint32_t opcode, uint32_t flags)
{
	size_t at = open_size();

	le32(id);
	le32(to);
	le32(opcode);
	le32(flags);
	return at;
}

static void close_message(size_t at)
{
	le32_at(at, (uint32_t)(used - at));
}

static size_t open_body(void)
{
	raw("", 1);
	return open_size();
}

static void say(struct talk *t, enum xc_l7_dir dir)
{
	talk_say(t, dir, pool + begun, used - begun);
	begun = used;
}

static void begin(struct talk *t)
{
	*t = (struct talk){ .port = 27017 };
	begun = used = 0;
}

static void command(uint32_t id, uint32_t flags, const char *name, const char *collection)
{
	size_t m = open_message(id, 0, 2013, flags), d = open_body(), inner;

	text(name, collection);
	element(3, "filter");
	inner = open_size();
	text("name", "secret");
	close_document(inner);
	element(11, "hint");
	raw("^a\0i\0", 5);
	text("$db", "shop");
	close_document(d);
	close_message(m);
}

static void answer_ok(uint32_t id, uint32_t to, uint32_t flags)
{
	size_t m = open_message(id, to, 2013, flags), d = open_body();

	number("n", 1);
	one("ok", true);
	close_document(d);
	close_message(m);
}

static void answer_error(uint32_t id, uint32_t to, uint32_t code, const char *name)
{
	size_t m = open_message(id, to, 2013, 0), d = open_body();

	one("ok", false);
	text("errmsg", "not for 'secret'");
	number("code", code);
	text("codeName", name);
	close_document(d);
	close_message(m);
}

/* ---- conversations ------------------------------------------------------------------------------ */

static void commands_and_answers(void **state)
{
	static struct talk t;
	size_t m, d, a, e;

	(void)state;
	begin(&t);
	command(7, 0, "find", "users");
	command(9, 0, "aggregate", "orders");	/* asked before the first is answered */
	say(&t, XC_L7_CLIENT);
	answer_error(100, 9, 59, "CommandNotFound");
	answer_ok(101, 7, 0);
	say(&t, XC_L7_SERVER);
	/* documents beside the command, and a checksum */
	m = open_message(11, 0, 2013, 1);
	raw("\1", 1);
	a = used;
	le32(0);
	raw("documents", 10);
	d = open_size();
	text("password", "secret");
	close_document(d);
	le32_at(a, (uint32_t)(used - a));
	d = open_body();
	text("insert", "users");
	text("$db", "shop");
	close_document(d);
	le32(0xdeadbeef);
	close_message(m);
	say(&t, XC_L7_CLIENT);
	/* accepted, yet one write failed */
	m = open_message(102, 11, 2013, 0);
	d = open_body();
	number("n", 0);
	element(4, "writeErrors");
	a = open_size();
	element(3, "0");
	e = open_size();
	number("index", 0);
	number("code", 11000);
	text("errmsg", "duplicate key secret");
	close_document(e);
	close_document(a);
	one("ok", true);
	close_document(d);
	close_message(m);
	say(&t, XC_L7_SERVER);
	command(13, 2, "update", "log");	/* nobody waits for this */
	m = open_message(15, 0, 2013, 0);
	d = open_body();
	element(18, "getMore");
	raw("\1\2\3\4\5\6\7\x08", 8);
	text("collection", "users");
	text("$db", "shop");
	close_document(d);
	close_message(m);
	say(&t, XC_L7_CLIENT);
	answer_error(103, 15, 189, "PrimarySteppedDown");
	say(&t, XC_L7_SERVER);
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"answered|mongodb|9|aggregate|shop.orders|59 CommandNotFound|client_error|db.namespace=shop"
		"|db.collection.name=orders|db.response.status_code=59\n"
		"answered|mongodb|7|find|shop.users|0 |ok|db.namespace=shop|db.collection.name=users\n"
		"answered|mongodb|11|insert|shop.users|11000 |client_error|db.namespace=shop"
		"|db.collection.name=users|db.response.status_code=11000\n"
		"notice|mongodb|13|update|shop.log||unknown|db.namespace=shop|db.collection.name=log\n"
		"answered|mongodb|15|getMore|shop.users|189 PrimarySteppedDown|server_error|db.namespace=shop"
		"|db.collection.name=users|db.response.status_code=189\n");
	talk_check_properties(&t);
}

/* Before OP_MSG; still the first message of every connection. */
static void legacy_messages(void **state)
{
	static struct talk t;
	size_t m, d, q;

	(void)state;
	begin(&t);
	m = open_message(1, 0, 2004, 0);
	raw("admin.$cmd", 11);
	le32(0);
	le32(0xffffffff);
	d = open_size();
	element(3, "$query");
	q = open_size();
	number("isMaster", 1);
	close_document(q);
	number("$readPreference", 1);
	close_document(d);
	close_message(m);
	say(&t, XC_L7_CLIENT);
	m = open_message(50, 1, 1, 8);
	raw("\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 16);
	d = open_size();
	element(8, "ismaster");
	raw("\1", 1);
	one("ok", true);
	close_document(d);
	close_message(m);
	say(&t, XC_L7_SERVER);
	m = open_message(2, 0, 2004, 0);
	raw("shop.users", 11);
	le32(0);
	le32(0);
	d = open_size();
	text("name", "secret");
	close_document(d);
	close_message(m);
	m = open_message(3, 0, 2002, 0);
	raw("shop.log", 9);
	d = open_size();
	text("name", "secret");
	close_document(d);
	close_message(m);
	m = open_message(4, 0, 2005, 0);
	raw("shop.users", 11);
	le32(0);
	raw("\1\2\3\4\5\6\7\x08", 8);
	close_message(m);
	say(&t, XC_L7_CLIENT);
	m = open_message(51, 2, 1, 0);
	raw("\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 16);
	d = open_size();
	one("ok", false);	/* a user's own field */
	close_document(d);
	close_message(m);
	m = open_message(52, 4, 1, 1);
	raw("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	close_message(m);
	say(&t, XC_L7_SERVER);
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"answered|mongodb|1|isMaster|admin|0 |ok|db.namespace=admin\n"
		"notice|mongodb|3|OP_INSERT|shop.log||unknown|db.namespace=shop|db.collection.name=log\n"
		"answered|mongodb|2|OP_QUERY|shop.users|0 |ok|db.namespace=shop|db.collection.name=users\n"
		"answered|mongodb|4|OP_GET_MORE|shop.users||client_error|db.namespace=shop"
		"|db.collection.name=users\n");
	talk_check_properties(&t);
}

static void exhaust_and_compression(void **state)
{
	static struct talk t;
	size_t m, d;

	(void)state;
	begin(&t);
	m = open_message(5, 0, 2013, 0x10000);
	d = open_body();
	number("hello", 1);
	text("$db", "admin");
	close_document(d);
	close_message(m);
	say(&t, XC_L7_CLIENT);
	answer_ok(200, 5, 2);
	answer_ok(201, 200, 2);
	answer_ok(202, 201, 0);
	say(&t, XC_L7_SERVER);
	for (uint32_t id = 6; id < 8; id++) {
		m = open_message(id, 0, 2012, 2013);
		le32(100);
		raw("\1snappy", 7);
		close_message(m);
	}
	say(&t, XC_L7_CLIENT);
	m = open_message(203, 7, 2012, 2013);
	le32(100);
	raw("\1snappy", 7);
	close_message(m);
	say(&t, XC_L7_SERVER);
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|mongodb|5|hello|admin|0 |ok|db.namespace=admin\n"
				      "notice|mongodb|200|hello||0 |ok\n"
				      "notice|mongodb|201|hello||0 |ok\n"
				      "notice|mongodb|6|OP_COMPRESSED|||unknown\n"
				      "answered|mongodb|7|OP_COMPRESSED|||unknown\n");
	talk_check_properties(&t);
}

/* "ok" behind a result that is not looked at, nor captured. */
static void long_values(void **state)
{
	static struct talk t;
	static const char zeros[20000];
	size_t m, d, v;

	(void)state;
	begin(&t);
	m = open_message(5, 0, 2013, 0);
	d = open_body();
	text("find", "users");
	element(5, "blob");
	le32(sizeof(zeros));
	raw("", 1);
	raw(zeros, sizeof(zeros));
	text("$db", "shop");
	close_document(d);
	close_message(m);
	say(&t, XC_L7_CLIENT);
	m = open_message(6, 5, 2013, 0);
	d = open_body();
	element(3, "cursor");
	v = open_size();
	element(5, "blob");
	le32(sizeof(zeros));
	raw("", 1);
	raw(zeros, sizeof(zeros));
	close_document(v);
	say(&t, XC_L7_SERVER);
	one("ok", true);
	close_document(d);
	close_message(m);
	say(&t, XC_L7_SERVER);
	command(8, 0, "find", "users");
	say(&t, XC_L7_CLIENT);
	answer_ok(9, 8, 0);
	say(&t, XC_L7_SERVER);
	t.m[1].n_cap = 1000;
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"answered|mongodb|5|find|shop.users|0 |ok|db.namespace=shop|db.collection.name=users\n"
		"answered|mongodb|8|find|shop.users|0 |ok|db.namespace=shop|db.collection.name=users\n");
	t.m[0].n_cap = 50;	/* its end is not there: the next is read all the same */
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
	assert_non_null(strstr(out.text, "answered|mongodb|8|find|shop.users|0 |ok"));
}

static void near_misses(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
		ROW("GET / HTTP/1.1\r\n\r\n"),
		ROW("HTTP/1.1 200 OK\r\n\r\n"),
		ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		ROW("\x16\x03\1\2\0\1\0\1\xfc\x03\x03\1\2\3\4\5\6\7\x08"),
		ROW("\x4a\0\0\0\x0a"
		    "8.0.36\0\1\0\0\0saltsalt\0\xff\xff\x21"), /* its 1 is not OP_REPLY */
		ROW("\0\0\0\x17\0\3\0\0\0\0\0\1\0\7kcat123\0\0\0\0\0\0"),
		ROW("*1\r\n$4\r\nPING\r\n..................."),
		ROW("\x20\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\4\0\0\0\0\x0b\0\0\0\2a\0"),	/* unknown flag */
		ROW("\x20\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\x0b\0\0\0\x55"
		    "a\0"), /* type */
		ROW("\x20\0\0\0\1\0\0\0\0\0\0\0\xdc\7\0\0\xdd\7\0\0\1\0\0\0\x09"),	/* compressor */
		ROW("\x20\0\0\0\1\0\0\0\0\0\0\0\xd4\7\0\0\0\0\0\0nodot\0\0\0\0\0"),
#undef ROW
	};
	struct xc_l7_hint hint = { .port_he = 27017, .is_start = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_span in = { (const uint8_t *)rows[i].p, rows[i].n };

		assert_int_equal(xc_l7_mongodb.detect(in, &hint).percent, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_answers),
		cmocka_unit_test(legacy_messages),
		cmocka_unit_test(exhaust_and_compression),
		cmocka_unit_test(long_values),
		cmocka_unit_test(near_misses),
	};

	return XC_RUN(tests);
}
