/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_postgres;

#define READY "Z\0\0\0\5I"
#define ENDED(tag, text) tagged(tag, text, sizeof(text))

static struct talk_out out;
static uint8_t pool[1u << 18];
static size_t begun, used;

/* ---- messages, collected into a segment ------------------------------------------------------- */

static void raw(const void *p, size_t n)
{
	assert_true(used + n <= sizeof(pool));
	memcpy(pool + used, p, n);
	used += n;
}

static void be32(uint32_t x)
{
	raw((const uint8_t[4]){ (uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8),
				(uint8_t)x },
	    4);
}

static void tagged(char tag, const void *body, size_t n)
{
	raw(&tag, 1);
	be32((uint32_t)n + 4);
	raw(body, n);
}

#define MSG(tag, text) tagged(tag, text, sizeof(text) - 1)

static void startup(uint32_t code, const void *body, size_t n)
{
	be32((uint32_t)n + 8);
	be32(code);
	raw(body, n);
}

static void say(struct talk *t, enum xc_l7_dir dir)
{
	talk_say(t, dir, pool + begun, used - begun);
	begun = used;
}

static void begin(struct talk *t)
{
	*t = (struct talk){ .port = 5432 };
	begun = used = 0;
}

static void log_in(struct talk *t)
{
	static const char words[] = "user\0alice\0database\0shop\0application_name\0x\0";

	startup(0x30000, words, sizeof(words));
	say(t, XC_L7_CLIENT);
	MSG('R', "\0\0\0\5abcd");	/* MD5 password, please */
	say(t, XC_L7_SERVER);
	MSG('p', "md5secret\0");
	say(t, XC_L7_CLIENT);
	MSG('R', "\0\0\0\0");
	MSG('S', "server_version\0"
		 "16.1\0");
	MSG('K', "\0\0\0\1\0\0\0\2");
	MSG('Z', "I");
	say(t, XC_L7_SERVER);
}

#define LOGGED_IN                                                                                  \
	"answered|postgres|0|STARTUP|shop|0 |ok|network.protocol.version=3.0|db.user=alice"        \
	"|db.namespace=shop\n"

static void check(const struct talk *t, const char *want)
{
	talk_plain(t, &out);
	assert_string_equal(out.text, want);
}

/* ---- conversations ------------------------------------------------------------------------------ */

static void simple_queries(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	be32(8);
	be32(80877103);
	say(&t, XC_L7_CLIENT);
	talk_say(&t, XC_L7_SERVER, "N", 1);
	log_in(&t);
	ENDED('Q', "SELECT id, name FROM \"users\" WHERE name = 'bob' AND id = 7");
	say(&t, XC_L7_CLIENT);
	MSG('T', "\0\1id\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	MSG('D', "\0\1\0\0\0\1"
		 "7");
	MSG('N', "SNOTICE\0VNOTICE\0C00000\0Mhello\0\0");
	MSG('D', "\0\1\0\0\0\1"
		 "8");
	ENDED('C', "SELECT 2");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	ENDED('Q', "BEGIN; UPDATE t SET a=1; COMMIT");
	say(&t, XC_L7_CLIENT);
	ENDED('C', "BEGIN");
	ENDED('C', "UPDATE 3");
	MSG('A', "\0\0\0\7jobs\0secret payload\0");
	MSG('E', "SERROR\0VERROR\0C23505\0Mduplicate key value secret\0\0");
	MSG('Z', "E");
	say(&t, XC_L7_SERVER);
	ENDED('Q', "");
	ENDED('Q', "/* a 'comment */ select 1 -- don't\n, 'x'");
	MSG('X', "");
	say(&t, XC_L7_CLIENT);
	MSG('I', "");
	MSG('Z', "I");
	ENDED('C', "SELECT 0");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	check(&t,
	      "answered|postgres|0|SSL_REQUEST||0 |ok|db.postgresql.encryption=declined\n" LOGGED_IN
	      "answered|postgres|0|SELECT|SELECT id, name FROM \"users\" WHERE name = ? AND id = ?|0 |ok"
	      "|db.postgresql.command_tag=SELECT 2|db.response.returned_rows=2\n"
	      "notice|postgres|0|NOTIFY|jobs||ok\n"
	      "answered|postgres|0|BEGIN|BEGIN; UPDATE t SET a=?; COMMIT|1 23505|client_error"
	      "|db.response.status_code=23505|db.postgresql.severity=ERROR\n"
	      "answered|postgres|0|QUERY||0 |ok\n"
	      "answered|postgres|0|SELECT|select ? , ?|0 |ok"
	      "|db.postgresql.command_tag=SELECT 0|db.response.returned_rows=0\n");
	talk_check_properties(&t);
}

/* Coroot: Sync must end the read, the first frame decides. OBI: the portal is read as the statement. */
static void say_extended(struct talk *t)
{
	MSG('P', "s1\0INSERT INTO t VALUES ($1, 'x')\0\0\0");
	MSG('D', "Ss1\0");
	MSG('H', "");
	say(t, XC_L7_CLIENT);
	MSG('1', "");
	MSG('t', "\0\0");
	MSG('n', "");
	say(t, XC_L7_SERVER);
	/* portal p1 of statement s1, then the unnamed of the unnamed, then s1 again with a portal called as another statement */
	MSG('B', "p1\0s1\0\0\0\0\0\0\0");
	MSG('E', "p1\0\0\0\0\0");
	MSG('P', "\0SELECT 42\0\0\0");
	MSG('B', "\0\0\0\0\0\0\0\0");
	MSG('D', "P\0");
	MSG('E', "\0\0\0\0\1");
	MSG('C', "P\0");
	MSG('S', "");
	say(t, XC_L7_CLIENT);
	MSG('2', "");
	ENDED('C', "INSERT 0 1");
	MSG('1', "");
	MSG('2', "");
	MSG('T', "\0\0");
	MSG('D', "\0\0");
	MSG('s', "");
	MSG('3', "");
	MSG('Z', "I");
	say(t, XC_L7_SERVER);
}

static void say_failures(struct talk *t)
{
	/* what fails at Sync fails after its CommandComplete */
	MSG('B', "\0s1\0\0\0\0\0\0\0");
	MSG('E', "\0\0\0\0\0");
	MSG('S', "");
	say(t, XC_L7_CLIENT);
	MSG('2', "");
	ENDED('C', "INSERT 0 1");
	MSG('E', "SERROR\0VERROR\0C23503\0\0");
	MSG('Z', "I");
	say(t, XC_L7_SERVER);
	/* what comes behind an error is passed over up to Sync */
	MSG('P', "\0selec\0\0\0");
	MSG('B', "\0\0\0\0\0\0\0\0");
	MSG('E', "\0\0\0\0\0");
	MSG('B', "\0s1\0\0\0\0\0\0\0");
	MSG('E', "\0\0\0\0\0");
	MSG('S', "");
	MSG('S', "");
	say(t, XC_L7_CLIENT);
	MSG('E', "SERROR\0VERROR\0C42601\0\0");
	MSG('Z', "I");
	MSG('Z', "I");
	say(t, XC_L7_SERVER);
	MSG('C', "Ss1\0");
	MSG('S', "");
	MSG('B', "\0s1\0\0\0\0\0\0\0");
	MSG('E', "\0\0\0\0\0");
	MSG('S', "");
	say(t, XC_L7_CLIENT);
	MSG('3', "");
	MSG('Z', "I");
	MSG('E', "SERROR\0VERROR\0C26000\0\0");
	MSG('Z', "I");
	say(t, XC_L7_SERVER);
}

static void extended_queries(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t);
	say_extended(&t);
	say_failures(&t);
	check(&t, LOGGED_IN
	      "answered|postgres|0|PREPARE|INSERT INTO t VALUES ($1, ?)|0 |ok\n"
	      "answered|postgres|0|INSERT|INSERT INTO t VALUES ($1, ?)|0 |ok"
	      "|db.postgresql.command_tag=INSERT 0 1\n"
	      "answered|postgres|0|SELECT|SELECT ?|0 |ok|db.response.returned_rows=1\n"
	      "answered|postgres|0|INSERT|INSERT INTO t VALUES ($1, ?)|1 23503|client_error"
	      "|db.response.status_code=23503|db.postgresql.severity=ERROR\n"
	      "answered|postgres|0|SELEC|selec|1 42601|client_error"
	      "|db.response.status_code=42601|db.postgresql.severity=ERROR\n"
	      "abandoned|postgres|0|INSERT|INSERT INTO t VALUES ($1, ?)||no_answer\n"
	      "answered|postgres|0|SYNC||0 |ok\n"
	      "answered|postgres|0|CLOSE|INSERT INTO t VALUES ($1, ?)|0 |ok\n"
	      "answered|postgres|0|EXECUTE||1 26000|client_error"
	      "|db.response.status_code=26000|db.postgresql.severity=ERROR\n");
	assert_null(strstr(out.text, "secret"));
	talk_check_properties(&t);
}

static void extended_queries_disturbed(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t);
	MSG('P', "a\0SELECT 1 FROM x\0\0\0");
	MSG('B', "p\0a\0\0\0\0\0\0\0");
	MSG('D', "Pp\0");
	MSG('E', "p\0\0\0\0\0");
	say(&t, XC_L7_CLIENT);
	MSG('B', "q\0a\0\0\0\0\0\0\0");
	MSG('E', "q\0\0\0\0\0");
	MSG('S', "");
	say(&t, XC_L7_CLIENT);
	MSG('1', "");
	MSG('2', "");
	MSG('T', "\0\0");
	MSG('D', "\0\0");
	say(&t, XC_L7_SERVER);
	ENDED('C', "SELECT 1");
	MSG('2', "");
	ENDED('C', "SELECT 0");
	MSG('E', "SERROR\0VERROR\0C40001\0\0");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	MSG('F', "\0\0\0\x2a\0\0\0\0\0\0");
	say(&t, XC_L7_CLIENT);
	MSG('V', "\0\0\0\1x");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 4);
	assert_non_null(strstr(out.text, "|SELECT|SELECT ? FROM x|1 40001|client_error"));
	assert_non_null(strstr(out.text, "FUNCTION_CALL||0 |ok|db.postgresql.function_oid=42\n"));
	talk_check_properties(&t);
}

static void copy_both_ways(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	log_in(&t);
	ENDED('Q', "COPY t FROM STDIN");
	say(&t, XC_L7_CLIENT);
	MSG('G', "\0\0\1\0\0");
	say(&t, XC_L7_SERVER);
	MSG('d', "1\tsecret\n");
	MSG('d', "Q\0\0\0\5");
	MSG('c', "");
	say(&t, XC_L7_CLIENT);
	ENDED('C', "COPY 2");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	ENDED('Q', "COPY t TO STDOUT");
	say(&t, XC_L7_CLIENT);
	MSG('H', "\0\0\1\0\0");
	MSG('d', "Z\0\0\0\5I");
	MSG('c', "");
	ENDED('C', "COPY 1");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	/* in the extended protocol the Sync before the data does not count */
	MSG('P', "\0COPY t FROM STDIN\0\0\0");
	MSG('B', "\0\0\0\0\0\0\0\0");
	MSG('E', "\0\0\0\0\0");
	MSG('S', "");
	say(&t, XC_L7_CLIENT);
	MSG('1', "");
	MSG('2', "");
	MSG('G', "\0\0\1\0\0");
	say(&t, XC_L7_SERVER);
	MSG('d', "1\n");
	MSG('f', "no\0");
	MSG('S', "");
	say(&t, XC_L7_CLIENT);
	MSG('E', "SERROR\0VERROR\0C57014\0\0");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	ENDED('Q', "SELECT 1");
	say(&t, XC_L7_CLIENT);
	ENDED('C', "SELECT 1");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	check(&t, LOGGED_IN
	      "answered|postgres|0|COPY|COPY t FROM STDIN|0 |ok|db.postgresql.command_tag=COPY 2\n"
	      "answered|postgres|0|COPY|COPY t TO STDOUT|0 |ok|db.postgresql.command_tag=COPY 1\n"
	      "answered|postgres|0|COPY|COPY t FROM STDIN|1 57014|server_error"
	      "|db.response.status_code=57014|db.postgresql.severity=ERROR\n"
	      "answered|postgres|0|SELECT|SELECT ?|0 |ok|db.postgresql.command_tag=SELECT 1"
	      "|db.response.returned_rows=0\n");
	talk_check_properties(&t);
}

static void ends_by_the_server(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	startup(0x30002, "user\0u\0\0", 8);
	say(&t, XC_L7_CLIENT);
	MSG('E', "SFATAL\0VFATAL\0C28P01\0Mpassword of u\0\0");
	say(&t, XC_L7_SERVER);
	check(&t,
	      "answered|postgres|0|STARTUP||1 28P01|client_error|network.protocol.version=3.2|db.user=u"
	      "|db.response.status_code=28P01|db.postgresql.severity=FATAL\n");
	begin(&t);
	log_in(&t);
	MSG('E', "SFATAL\0VFATAL\0C57P01\0\0");
	say(&t, XC_L7_SERVER);
	check(&t, LOGGED_IN "notice|postgres|0|ERROR||1 57P01|server_error"
			    "|db.response.status_code=57P01|db.postgresql.severity=FATAL\n");
	begin(&t);
	startup(80877102, "\0\0\0\1\0\0\0\2", 8);
	say(&t, XC_L7_CLIENT);
	check(&t, "notice|postgres|0|CANCEL|||unknown\n");
}

/* The one-byte answer decides what the next bytes are; what follows 'S' is none of ours. */
static void encryption(void **state)
{
	static const char hello[] = "\x16\x03\1\0\5\1\0\0\1\0";
	static struct talk t;

	(void)state;
	begin(&t);
	be32(8);
	be32(80877104);
	say(&t, XC_L7_CLIENT);
	talk_say(&t, XC_L7_SERVER, "N", 1);
	be32(8);
	be32(80877103);
	say(&t, XC_L7_CLIENT);
	talk_say(&t, XC_L7_SERVER, "S", 1);
	talk_say(&t, XC_L7_CLIENT, hello, sizeof(hello) - 1);
	talk_plain(&t, &out);
	assert_non_null(
		strstr(out.text, "GSSENC_REQUEST||0 |ok|db.postgresql.encryption=declined\n"));
	assert_non_null(strstr(out.text, "SSL_REQUEST||0 |ok|db.postgresql.encryption=accepted\n"));
	t.only = &xc_l7_postgres;
	talk_check_properties(&t);
}

static void long_statements_and_values(void **state)
{
	static char statement[9000];
	static struct talk t;

	(void)state;
	memcpy(statement, "select ", 7);
	memset(statement + 7, 'x', sizeof(statement) - 8);
	begin(&t);
	log_in(&t);
	tagged('Q', statement, sizeof(statement));
	say(&t, XC_L7_CLIENT);
	tagged('D', statement, sizeof(statement));
	ENDED('C', "SELECT 1");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
	assert_non_null(strstr(out.text, "|db.query.text=select xxx"));
	assert_non_null(strstr(out.text, "|db.response.returned_rows=1\n"));
	/* captured in part: the statement is flagged, what comes behind it is not lost */
	t.m[t.n - 2].n_cap = 100;
	t.m[t.n - 1].n_cap = 50;
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
}

static void joined_late(void **state)
{
	static struct talk t;

	(void)state;
	begin(&t);
	t.without_start = true;
	ENDED('Q', "select 1");
	say(&t, XC_L7_CLIENT);
	ENDED('C', "SELECT 1");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	MSG('B', "\0s9\0\0\0\0\0\0\0");
	MSG('E', "\0\0\0\0\0");
	MSG('S', "");
	say(&t, XC_L7_CLIENT);
	MSG('2', "");
	ENDED('C', "DELETE 1");
	MSG('Z', "I");
	say(&t, XC_L7_SERVER);
	check(&t, "answered|postgres|0|SELECT|select ?|0 |ok|db.postgresql.command_tag=SELECT 1"
		  "|db.response.returned_rows=0\n"
		  "answered|postgres|0|EXECUTE||0 |ok|db.postgresql.command_tag=DELETE 1\n");
}

/* ---- what is not PostgreSQL ---------------------------------------------------------------------- */

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
		ROW("SSH-2.0-OpenSSH_9.2\r\n"),
		ROW("\x16\x03\1\2\0\1\0\1\xfc\x03\x03"),
		ROW("\x4a\0\0\0\x0a"
		    "8.0.36\0xxxxxxxxxxxxxxxxxxxxxxxxxx"),
		ROW("*1\r\n$4\r\nPING\r\n"),
		ROW("INFO {\"server_id\":\"x\"}\r\n"),
		ROW("AMQP\0\0\x09\x01"),
		/* Kafka: Metadata version 0 is protocol 3.0 to the eye */
		ROW("\0\0\0\x17\0\3\0\0\0\0\0\1\0\7kcat123\0\0\0\0\0\0"),
		ROW("\0\0\0\x10\0\3\0\0\1\2\3\4\0\0\0\0\0\0\0\0"),
		ROW("Q\0\0\0\x0d\1\2\3\4\5\6\7\0\0"),
		ROW("Z\0\0\0\5X"),
#undef ROW
	};
	struct xc_l7_hint hint = { .port_he = 5432, .is_start = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_span in = { (const uint8_t *)rows[i].p, rows[i].n };

		hint.is_start = true;
		assert_int_equal(xc_l7_postgres.detect(in, &hint).percent, 0);
		hint.is_start = false;
		assert_int_equal(xc_l7_postgres.detect(in, &hint).percent, 0);
	}
}

static void statements_without_literals(void **state)
{
	static const struct {
		enum xc_sql_dialect dialect;
		const char *statement, *want;
	} rows[] = {
		{ XC_SQL_STANDARD, "SELECT * FROM t1 WHERE a='it''s' AND b = $1",
		  "SELECT * FROM t1 WHERE a=? AND b = $1" },
		{ XC_SQL_STANDARD, "SELECT \"a b\", $$secret$$, $x$secret$$$x$ FROM \"t\"",
		  "SELECT \"a b\", ?, ? FROM \"t\"" },
		{ XC_SQL_STANDARD, "select 'a\\', 'secret'", "select ?" },
		{ XC_SQL_STANDARD, "select 'a\\\\', b", "select ?, b" },
		{ XC_SQL_STANDARD, "select \"a\\\", b, 'secret'", "select \"a\\\", b, ?" },
		{ XC_SQL_STANDARD, "-- don't\nselect 'secret'", "select ?" },
		{ XC_SQL_STANDARD, "select 1 /* a /* 'b */ ' */ + 0x1F, 1.5e3, x'00'",
		  "select ? + ?, ?, x?" },
		{ XC_SQL_STANDARD, "select data #>> '{a}' from t", "select data #>> ? from t" },
		{ XC_SQL_STANDARD, "select 'cut", "select ?" },
		{ XC_SQL_STANDARD, "select $$cut", "select ?" },
		{ XC_SQL_MYSQL, "select \"secret\", `it's`, 'x'", "select ?, `it's`, ?" },
		{ XC_SQL_MYSQL, "select 1 # don't\n, 'secret'", "select ? , ?" },
		{ XC_SQL_MYSQL, "select 5--'secret'", "select ?--?" },
		{ XC_SQL_MYSQL, "/*!40101 SET x='secret' */", "/*!? SET x=? */" },
		{ XC_SQL_MYSQL, "select /* a /* 'b */ 'c'", "select ?" },
		{ XC_SQL_MYSQL, "/", "/" },
		{ XC_SQL_MYSQL, "", "" },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_span s = { (const uint8_t *)rows[i].statement,
				     strlen(rows[i].statement) };

		assert_string_equal(xc_redact_sql(s, rows[i].dialect, text, sizeof(text)),
				    rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_queries),
		cmocka_unit_test(extended_queries),
		cmocka_unit_test(extended_queries_disturbed),
		cmocka_unit_test(copy_both_ways),
		cmocka_unit_test(ends_by_the_server),
		cmocka_unit_test(encryption),
		cmocka_unit_test(long_statements_and_values),
		cmocka_unit_test(joined_late),
		cmocka_unit_test(near_misses),
		cmocka_unit_test(statements_without_literals),
	};

	return XC_RUN(tests);
}
