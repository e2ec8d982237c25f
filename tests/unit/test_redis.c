/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_redis;

static struct talk_out out;

/* A pipeline in one packet (packetbeat takes the first pair), answers cut anywhere; values are not kept. */
static void pipeline(void **state)
{
	struct talk t = { .port = 6379 };

	(void)state;
	TALK_C(&t,
	       "*3\r\n$3\r\nset\r\n$3\r\nk:1\r\n$6\r\nsecret\r\n*2\r\n$3\r\nGET\r\n$3\r\nk:1\r\n"
	       "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n"
	       "*2\r\n$4\r\nINCR\r\n$4\r\nlist\r\n");
	TALK_S(&t, "+OK\r\n$6\r\nsecret\r\n*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
	TALK_S(&t, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|redis|0|SET|k:1|0 OK|ok\n"
				      "answered|redis|0|GET|k:1|0 OK|ok\n"
				      "answered|redis|0|CONFIG GET||0 OK|ok\n"
				      "answered|redis|0|INCR|list|1 WRONGTYPE|client_error\n");
	talk_check_properties(&t);
}

/* RESP3: a push and attributes between an answer and the next are nobody's; nested values of every type. */
static void resp3(void **state)
{
	struct talk t = { .port = 6379 };

	(void)state;
	TALK_C(&t, "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$7\r\nhunter2\r\n");
	TALK_S(&t, "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n");
	TALK_C(&t, "*2\r\n$4\r\nMGET\r\n$1\r\na\r\n");
	TALK_S(&t, ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
	TALK_S(&t, "|1\r\n+ttl\r\n:3600\r\n~8\r\n_\r\n#t\r\n,1.5\r\n(12345678901234567890\r\n"
		   "!9\r\nERR inner\r\n=7\r\ntxt:abc\r\n*-1\r\n$-1\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|redis|0|HELLO||0 OK|ok\n"
				      "notice|redis|0|INVALIDATE|||unknown\n"
				      "answered|redis|0|MGET|a|0 OK|ok\n");
	assert_null(strstr(out.text, "hunter2"));
	talk_check_properties(&t);
}

static void transaction(void **state)
{
	struct talk t = { .port = 6379 };

	(void)state;
	TALK_C(&t,
	       "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*2\r\n$4\r\nLPOP\r\n$1\r\nb\r\n"
	       "*1\r\n$4\r\nEXEC\r\n");
	TALK_S(&t, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n-WRONGTYPE no list\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|redis|0|MULTI||0 OK|ok\n"
				      "answered|redis|0|INCR|a|0 QUEUED|ok\n"
				      "answered|redis|0|LPOP|b|0 QUEUED|ok\n"
				      "answered|redis|0|EXEC||1 WRONGTYPE|client_error\n");
	talk_check_properties(&t);
}

/* SUBSCRIBE is confirmed once a channel; what is published then is an array in RESP2. */
static void published(void **state)
{
	struct talk t = { .port = 6379 };

	(void)state;
	TALK_C(&t, "*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n");
	TALK_S(&t,
	       "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
	TALK_S(&t, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nvalue\r\n");
	TALK_C(&t, "*1\r\n$4\r\nPING\r\n");
	TALK_S(&t, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|redis|0|SUBSCRIBE||0 OK|ok\n"
				      "notice|redis|0|MESSAGE|||unknown\n"
				      "answered|redis|0|PING||0 OK|ok\n");
	talk_check_properties(&t);
}

static void errors(void **state)
{
	static const struct {
		const char *reply, *want;
	} rows[] = {
		{ "-MOVED 3999 127.0.0.1:6381\r\n", "1 MOVED|client_error" },
		{ "-LOADING Redis is loading the dataset in memory\r\n", "1 LOADING|server_error" },
		{ "-ERR unknown command\r\n", "1 ERR|client_error" },
		{ "-NOAUTH Authentication required.\r\n", "1 NOAUTH|client_error" },
		{ "-OOM command not allowed\r\n", "1 OOM|server_error" },
		{ "-my script says hunter2\r\n", "1 |client_error" },
		{ "$-1\r\n", "0 OK|ok" },
		{ "*0\r\n", "0 OK|ok" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct talk t = { .port = 6379 };
		char want[128];

		TALK_C(&t, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
		talk_say(&t, XC_L7_SERVER, rows[i].reply, strlen(rows[i].reply));
		talk_plain(&t, &out);
		(void)snprintf(want, sizeof(want), "answered|redis|0|GET|k|%s\n", rows[i].want);
		assert_string_equal(out.text, want);
	}
}

static void keys(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "GET k\r\n", "|GET|k|" },
		{ "object encoding k\r\n", "|OBJECT ENCODING|k|" },
		{ "XGROUP CREATE s g $\r\n", "|XGROUP CREATE|s|" },
		{ "EVAL return 1 k\r\n", "|EVAL|k|" },
		{ "EVAL return 0 argument\r\n", "|EVAL||" },
		{ "BITOP AND dest a b\r\n", "|BITOP|dest|" },
		{ "AUTH hunter2\r\n", "|AUTH||" },
		{ "ACL SETUSER u >hunter2\r\n", "|ACL SETUSER||" },
		{ "CONFIG SET requirepass hunter2\r\n", "|CONFIG SET||" },
		{ "PUBLISH channel text\r\n", "|PUBLISH||" },
		{ "PING\r\n", "|PING||" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct talk t = { .port = 6379, .only = &xc_l7_redis };

		talk_say(&t, XC_L7_CLIENT, rows[i].line, strlen(rows[i].line));
		TALK_S(&t, "+OK\r\n");
		talk_plain(&t, &out);
		assert_row(rows[i].line, out.n_lines == 1);
		assert_row(rows[i].line, strstr(out.text, rows[i].want) != NULL);
		assert_row(rows[i].line, strstr(out.text, "hunter2") == NULL);
	}
}

/* CLIENT REPLY: commands that are not answered do not shift the others. */
static void without_reply(void **state)
{
	struct talk t = { .port = 6379 };

	(void)state;
	TALK_C(&t,
	       "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"
	       "*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n");
	TALK_S(&t, ":1\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "notice|redis|0|CLIENT REPLY|||unknown\n"
				      "notice|redis|0|DEL|a||unknown\n"
				      "answered|redis|0|DEL|b|0 OK|ok\n");
}

/* MONITOR streams what others say, secrets and all. */
static void monitor(void **state)
{
	struct talk t = { .port = 6379 };

	(void)state;
	TALK_C(&t, "*1\r\n$7\r\nMONITOR\r\n");
	TALK_S(&t, "+OK\r\n+1339518083.107412 [0 127.0.0.1:60866] \"auth\" \"hunter2\"\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|redis|0|MONITOR||0 OK|ok\n"
				      "notice|redis|0|MONITOR|||unknown\n");
}

/* A value of a megabyte is not captured; the next answer is read. */
static void long_values(void **state)
{
	static char big[100000];
	struct talk t = { .port = 6379 };

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "$99990\r\n", 8);
	memcpy(big + sizeof(big) - 2, "\r\n", 2);
	TALK_C(&t, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n");
	talk_say(&t, XC_L7_SERVER, big, sizeof(big));
	t.m[1].n_cap = 512;
	TALK_S(&t, "-BUSY script\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|redis|0|GET|k|0 OK|ok\n"
				      "answered|redis|0|PING||1 BUSY|server_error\n");
}

/* Arrays within arrays without end, and a negative length (tcpdump's resp_4): no loop, no endless stack. */
static void nested_and_negative(void **state)
{
	struct talk t = { .port = 6379 };

	(void)state;
	TALK_C(&t, "*1\r\n$4\r\nPING\r\n");
	for (int i = 0; i < 40; i++)
		TALK_S(&t, "*1\r\n");
	TALK_C(&t, "*-532450017895590926\r\n$$$$$$$$");
	talk_plain(&t, &out);
	assert_null(strstr(out.text, "answered"));
}

static int percent(const char *p, size_t n, bool knows_role)
{
	struct xc_l7_hint hint = { .port_he = 6379, .is_start = true, .knows_role = knows_role };

	return xc_l7_redis.detect((struct xc_span){ guard_copy(p, n), n }, &hint).percent;
}

static void strangers(void **state)
{
	static const char *const rows[] = {
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"EHLO example.org\r\n",
		"USER anonymous\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n",
		"* OK IMAP4rev1 ready\r\n",
		"+OK POP3 ready\r\n",
		"gets key\r\n",
		"mg key v\r\n",
		"CONNECT {\"verbose\":false}\r\n",
		"*2\r\n:1\r\n:2\r\n",
		"*1\r\n$3\r\n\1\2\3\r\n",
		"*0\r\n",
		"*99999999\r\n$3\r\nGET\r\n",
		"$3\r\nGET\r\n",
	};
	static const char reply[] = "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n";
	static const char get[] = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i], percent(rows[i], strlen(rows[i]), true) == 0);
	assert_int_equal(percent(reply, sizeof(reply) - 1, false), 0);
	assert_int_equal(percent(get, sizeof(get) - 1, false), 95);
	assert_true(percent(get, 15, false) < 90);
	assert_true(percent("PING\r\n", 6, true) < 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipeline),	 cmocka_unit_test(resp3),
		cmocka_unit_test(transaction),	 cmocka_unit_test(published),
		cmocka_unit_test(errors),	 cmocka_unit_test(keys),
		cmocka_unit_test(without_reply), cmocka_unit_test(monitor),
		cmocka_unit_test(long_values),	 cmocka_unit_test(nested_and_negative),
		cmocka_unit_test(strangers),
	};

	return XC_RUN(tests);
}
