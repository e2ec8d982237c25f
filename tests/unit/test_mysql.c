/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_mysql;

#define PLAIN 0x0008a209u	/* 4.1, a database, secure connection, plugin; no CLIENT_DEPRECATE_EOF */
#define MODERN (PLAIN | 0x01000000u)
#define OK_TEXT "\0\0\0\2\0\0\0"
#define EOF_TEXT "\xfe\0\0\2\0"
#define OK_EOF_TEXT "\xfe\0\0\2\0\0\0"
#define DEF "\3def\4shop\1t\1t\1a\1a\x0c\x3f\0\x0b\0\0\0\3\0\0\0\0\0"

static struct talk_out out;
static uint8_t *pool;
static size_t begun, used;

#define POOL (36u << 20)

static void raw(const void *p, size_t n)
{
	assert_true(used + n <= POOL);
	memcpy(pool + used, p, n);
	used += n;
}

static void packet(uint8_t seq, const void *p, size_t n)
{
	raw((const uint8_t[4]){ (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), seq }, 4);
	raw(p, n);
}

#define P(seq, text) packet(seq, text, sizeof(text) - 1)

static void say(struct talk *t, enum xc_l7_dir dir)
{
	talk_say(t, dir, pool + begun, used - begun);
	begun = used;
}

static void begin(struct talk *t)
{
	if (!pool)
		pool = malloc(POOL);
	assert_non_null(pool);
	*t = (struct talk){ .port = 3306 };
	begun = used = 0;
}

static void greet(struct talk *t)
{
	P(0,
	  "\x0a"
	  "8.0.36\0\1\0\0\0saltsalt\0\xff\xff\x21\2\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0"
	  "mysql_native_password\0");
	say(t, XC_L7_SERVER);
}

static void log_in(struct talk *t, uint32_t caps)
{
	uint8_t login[64] = { (uint8_t)caps, (uint8_t)(caps >> 8), (uint8_t)(caps >> 16),
			      (uint8_t)(caps >> 24) };

	greet(t);
	memcpy(login + 32, "alice\0\6secretshop\0", 18);
	packet(1, login, 32 + 18);
	say(t, XC_L7_CLIENT);
	P(2, "\xfe"
	     "caching_sha2_password\0salt");
	say(t, XC_L7_SERVER);
	P(3, "secret");
	say(t, XC_L7_CLIENT);
	P(4, "\1\3");
	P(5, OK_TEXT);
	say(t, XC_L7_SERVER);
}

#define LOGGED_IN "answered|mysql|0|CONNECT|shop|0 |ok|db.user=alice|db.namespace=shop\n"

static void check(const struct talk *t, const char *want)
{
	talk_plain(t, &out);
	assert_string_equal(out.text, want);
}

static void commands_and_results(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t, PLAIN);
	P(0, "\3SELECT a FROM t WHERE b = 'it' AND c = \"secret\"");
	say(&t, XC_L7_CLIENT);
	P(1, "\1");
	P(2, DEF);
	P(3, EOF_TEXT);
	P(4, "\1"
	     "7");
	P(5, "\xfb");
	P(6, EOF_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\3CALL p()");
	say(&t, XC_L7_CLIENT);
	P(1, "\1");	/* two results and what CALL itself says */
	P(2, DEF);
	P(3, "\xfe\0\0\x0a\0");
	P(4, "\1"
	     "7");
	P(5, "\xfe\0\0\x0a\0");
	P(6, "\1");
	P(7, DEF);
	P(8, "\xfe\0\0\x0a\0");
	P(9, "\xfe\0\0\x0a\0");
	P(10, OK_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\3SELECT a FROM u");
	say(&t, XC_L7_CLIENT);
	P(1, "\1");
	P(2, DEF);
	P(3, EOF_TEXT);
	P(4, "\1"
	     "7");
	P(5, "\xff\xb5\4#HY000Lost: secret");	/* an error after the rows */
	say(&t, XC_L7_SERVER);
	P(0, "\2nowhere");
	say(&t, XC_L7_CLIENT);
	P(1, "\xff\x19\4#42000Unknown database 'nowhere'");
	say(&t, XC_L7_SERVER);
	P(0, "\4t\0%");
	say(&t, XC_L7_CLIENT);
	P(1, DEF);
	P(2, EOF_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\x09");
	say(&t, XC_L7_CLIENT);
	P(1, "Uptime: 5");
	say(&t, XC_L7_SERVER);
	P(0, "\1");
	say(&t, XC_L7_CLIENT);
	check(&t, LOGGED_IN
	      "answered|mysql|0|SELECT|SELECT a FROM t WHERE b = ? AND c = ?|0 |ok|db.response.returned_rows=2\n"
	      "answered|mysql|0|CALL|CALL p()|0 |ok|db.response.returned_rows=1\n"
	      "answered|mysql|0|SELECT|SELECT a FROM u|1205 HY000|server_error"
	      "|db.response.status_code=1205|db.response.returned_rows=1\n"
	      "answered|mysql|0|INIT_DB|nowhere|1049 42000|client_error|db.namespace=nowhere"
	      "|db.response.status_code=1049\n"
	      "answered|mysql|0|FIELD_LIST|t|0 |ok\n"
	      "answered|mysql|0|STATISTICS||0 |ok\n"
	      "notice|mysql|0|QUIT|||unknown\n");
	talk_check_properties(&t);
}

static void prepared_statements(struct talk *t, uint32_t caps)
{
	bool is_old = caps == PLAIN;

	begin(t);
	log_in(t, caps);
	P(0, "\x16SELECT a FROM t WHERE a = ? AND b = 'secret'");
	say(t, XC_L7_CLIENT);
	P(1, "\0\7\0\0\0\1\0\1\0\0\0\0");
	P(2, DEF);
	if (is_old)
		P(3, EOF_TEXT);
	packet(is_old ? 4 : 3, DEF, sizeof(DEF) - 1);
	if (is_old)
		P(5, EOF_TEXT);
	say(t, XC_L7_SERVER);
	P(0, "\x18\7\0\0\0\0\0secret");	/* long data, without an answer */
	P(0, "\x17\7\0\0\0\0\1\0\0\0\0\1\3\0\1\0\0\0");
	say(t, XC_L7_CLIENT);
	P(1, "\1");
	P(2, DEF);
	if (is_old)
		P(3, EOF_TEXT);
	packet(is_old ? 4 : 3, "\0\0\7\0\0\0", 6);
	if (is_old)
		P(5, EOF_TEXT);
	else
		P(4, OK_EOF_TEXT);
	say(t, XC_L7_SERVER);
	P(0, "\x17\7\0\0\0\1\1\0\0\0\0\1\3\0\1\0\0\0");	/* with a cursor: no rows */
	say(t, XC_L7_CLIENT);
	P(1, "\1");
	P(2, DEF);
	if (is_old)
		P(3, "\xfe\0\0\x42\0");
	else
		P(3, "\xfe\0\0\x42\0\0\0");
	say(t, XC_L7_SERVER);
	P(0, "\x1c\7\0\0\0\5\0\0\0");
	say(t, XC_L7_CLIENT);
	P(1, "\0\0\7\0\0\0");
	if (is_old)
		P(2, "\xfe\0\0\x82\0");
	else
		P(2, "\xfe\0\0\x82\0\0\0");
	say(t, XC_L7_SERVER);
	P(0, "\x19\7\0\0\0");	/* no answer either: the next is the answer of what comes next */
	P(0, "\x17\7\0\0\0\0\1\0\0\0");
	say(t, XC_L7_CLIENT);
	P(1, "\xff\xdb\4#HY000Unknown prepared statement");
	say(t, XC_L7_SERVER);
	P(0, "\x0e");
	say(t, XC_L7_CLIENT);
	P(1, OK_TEXT);
	say(t, XC_L7_SERVER);
}

#define STATEMENT "SELECT a FROM t WHERE a = ? AND b = ?"
#define PREPARED                                                                                   \
	LOGGED_IN                                                                                  \
	"answered|mysql|0|PREPARE|" STATEMENT "|0 |ok\n"                                           \
	"answered|mysql|0|SELECT|" STATEMENT "|0 |ok|db.response.returned_rows=1\n"                \
	"answered|mysql|0|SELECT|" STATEMENT "|0 |ok|db.response.returned_rows=0\n"                \
	"answered|mysql|0|STMT_FETCH|" STATEMENT "|0 |ok|db.response.returned_rows=1\n"            \
	"notice|mysql|0|STMT_CLOSE|" STATEMENT "||unknown\n"                                       \
	"answered|mysql|0|EXECUTE||1243 HY000|client_error|db.response.status_code=1243\n"         \
	"answered|mysql|0|PING||0 |ok\n"

static void statements_by_number(void **state)
{
	static struct talk t;

	(void)state;
	prepared_statements(&t, MODERN);
	check(&t, PREPARED);
	talk_check_properties(&t);
	prepared_statements(&t, PLAIN);
	check(&t, PREPARED);
	talk_check_properties(&t);
}

/* Packets of 16 MB go on in the next; the answer is numbered behind them. */
static void huge_packets(void **state)
{
	static struct talk t;
	uint8_t *huge;
	const size_t full = 0xffffff;

	(void)state;
	begin(&t);
	huge = calloc(1, full);
	assert_non_null(huge);
	memset(huge, 'x', full);
	memcpy(huge, "\3SELECT ", 8);
	log_in(&t, MODERN);
	packet(0, huge, full);
	P(1, "\1x");
	say(&t, XC_L7_CLIENT);
	P(2, "\1");
	P(3, DEF);
	huge[0] = 0xfe;	/* a text of more than 16 MB, not the end */
	packet(4, huge, full);
	P(5, "");
	P(6, OK_EOF_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\x0e");
	say(&t, XC_L7_CLIENT);
	P(1, OK_TEXT);
	say(&t, XC_L7_SERVER);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 3);
	assert_non_null(strstr(out.text, "|0 |ok|db.query.text=SELECT xxx"));
	assert_non_null(strstr(out.text, "|db.response.returned_rows=1\n"));
	assert_non_null(strstr(out.text, "PING||0 |ok\n"));
	free(huge);
}

static void what_is_not_followed(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t, MODERN);
	P(0, "\3LOAD DATA LOCAL INFILE 'secret' INTO TABLE t");
	say(&t, XC_L7_CLIENT);
	P(1, "\xfbsecret");
	say(&t, XC_L7_SERVER);
	P(2, "1,2,secret\n");
	say(&t, XC_L7_CLIENT);
	check(&t, LOGGED_IN
	      "abandoned|mysql|0|LOAD|LOAD DATA LOCAL INFILE ? INTO TABLE t||no_answer\n");
	talk_check_properties(&t);
	begin(&t);
	log_in(&t, MODERN | 0x20);	/* compression */
	P(0, "\0\0\0\x0d\0\0\0\3SELECT 1");
	say(&t, XC_L7_CLIENT);
	check(&t, LOGGED_IN);
	begin(&t);
	greet(&t);
	P(1, "\x00\xaa\0\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	say(&t, XC_L7_CLIENT);
	talk_say(&t, XC_L7_CLIENT, "\x16\3\1\0\5\1\0\0\1\0", 10);
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "notice|mysql|0|SSL_REQUEST|||unknown\n"));
	begin(&t);
	P(0, "\xff\x10\4Too many connections");
	say(&t, XC_L7_SERVER);
	t.only = &xc_l7_mysql;
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"notice|mysql|0|ERROR||1040 |server_error|db.response.status_code=1040\n");
}

static void query_attributes(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t, MODERN | 1u << 27);
	P(0, "\3\0\1SELECT 1");
	P(0, "\3\2\1\0\1\xfe\0\5trace\3\0\1n\6secret\1\0\0\0SELECT 2");
	P(0, "\3\1\1\1\1\6\0\1xSELECT 3");
	P(0, "\3\5\1\0");
	say(&t, XC_L7_CLIENT);
	for (int i = 0; i < 4; i++)
		P(1, OK_TEXT);
	say(&t, XC_L7_SERVER);
	check(&t, LOGGED_IN "answered|mysql|0|SELECT|SELECT ?|0 |ok\n"
			    "answered|mysql|0|SELECT|SELECT ?|0 |ok\n"
			    "answered|mysql|0|SELECT|SELECT ?|0 |ok\n"
			    "answered|mysql|0|QUERY||0 |ok\n");
}

static void mariadb(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t, MODERN);
	P(0, "\x16"
	     "DELETE FROM t");
	say(&t, XC_L7_CLIENT);
	P(1, "\0\7\0\0\0\0\0\0\0\0\0\0");
	say(&t, XC_L7_SERVER);
	P(0, "\x17\xff\xff\xff\xff\0\1\0\0\0");	/* the statement prepared last */
	say(&t, XC_L7_CLIENT);
	P(1, "\xff\xff\xff\1\1\0\0\0\4step");	/* progress */
	P(2, OK_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\3SELECT 1");
	say(&t, XC_L7_CLIENT);
	P(1, "\1\0");	/* the client remembers the columns */
	P(2, "\1"
	     "1");
	P(3, OK_EOF_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\x11"
	     "bob\0\6secret");
	say(&t, XC_L7_CLIENT);
	P(1, "\xfemysql_native_password\0salt");
	say(&t, XC_L7_SERVER);
	P(2, "secret");
	say(&t, XC_L7_CLIENT);
	P(3, "\xff\x15\4#28000Access denied");
	say(&t, XC_L7_SERVER);
	check(&t, LOGGED_IN "answered|mysql|0|PREPARE|DELETE FROM t|0 |ok\n"
			    "answered|mysql|0|DELETE|DELETE FROM t|0 |ok\n"
			    "answered|mysql|0|SELECT|SELECT ?|0 |ok|db.response.returned_rows=1\n"
			    "answered|mysql|0|CHANGE_USER||1045 28000|client_error|db.user=bob"
			    "|db.response.status_code=1045\n");
	talk_check_properties(&t);
}

static void joined_late(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	t.without_start = true;
	P(0, "\3select 1");
	say(&t, XC_L7_CLIENT);
	P(1, "\1");
	P(2, DEF);
	P(3, EOF_TEXT);
	P(4, "\1"
	     "1");
	P(5, EOF_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\x16select ?");
	say(&t, XC_L7_CLIENT);
	P(1, "\0\7\0\0\0\1\0\1\0\0\0\0");
	P(2, DEF);
	P(3, EOF_TEXT);
	P(4, DEF);
	P(5, EOF_TEXT);
	say(&t, XC_L7_SERVER);
	P(0, "\x17\x08\0\0\0\0\1\0\0\0");
	say(&t, XC_L7_CLIENT);
	P(1, OK_TEXT);
	say(&t, XC_L7_SERVER);
	check(&t, "answered|mysql|0|SELECT|select ?|0 |ok|db.response.returned_rows=1\n"
		  "answered|mysql|0|PREPARE|select ?|0 |ok\n"
		  "answered|mysql|0|EXECUTE||0 |ok\n");
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
		ROW("\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\0\0\xff\xff\0\5\0\0\x40\0"),	/* HTTP/2 */
		ROW("\0\0\0\x17\0\3\0\0\0\0\0\1\0\7kcat123\0\0\0\0\0\0"),	/* Kafka */
		ROW("\x16\x03\1\2\0\1\0\1\xfc\x03\x03"),
		ROW("\0\0\0\x08\4\xd2\x16\x2f"),	/* PostgreSQL */
		ROW("*1\r\n$4\r\nPING\r\n"),
		ROW("AMQP\0\0\x09\x01"),
		ROW("\x0a\0\0\0\3sElephant."),
		ROW("\x24\0\0\0\x0a"
		    "8x0\0\1\0\0\0saltsalt\0\xff\xff\x21\2\0\xff\xff\x15\0\0\0\0"),
		ROW("\7\0\0\1\1\0\0\2\0\0\0"),
		ROW("\x05\0\0\1\xff\x10\4#4"),
#undef ROW
	};
	struct xc_l7_hint hint = { .port_he = 3306 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_span in = { (const uint8_t *)rows[i].p, rows[i].n };

		hint.is_start = true;
		assert_int_equal(xc_l7_mysql.detect(in, &hint).percent, 0);
		hint.is_start = false;
		assert_int_equal(xc_l7_mysql.detect(in, &hint).percent, 0);
	}
}

static int free_pool(void **state)
{
	(void)state;
	free(pool);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_results),
		cmocka_unit_test(statements_by_number),
		cmocka_unit_test(huge_packets),
		cmocka_unit_test(what_is_not_followed),
		cmocka_unit_test(query_attributes),
		cmocka_unit_test(mariadb),
		cmocka_unit_test(joined_late),
		cmocka_unit_test_teardown(near_misses, free_pool),
	};

	return XC_RUN(tests);
}
