/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_http1;

static struct talk_out out;

static void a_request_and_its_answer(void **state)
{
	struct talk t = { .port = 80 };

	(void)state;
	TALK_C(&t,
	       "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nAuthorization: Basic c2VjcmV0\r\n\r\n");
	TALK_S(&t, "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello");
	talk_plain(&t, &out);
	assert_string_equal(out.text,
			    "answered|http|0|GET|/a/b|404 Not Found|client_error"
			    "|url.query=[redacted]|network.protocol.version=1.1"
			    "|http.request.header.host=example.org|server.address=example.org"
			    "|http.request.header.authorization=[redacted]"
			    "|http.response.header.content-length=5\n");
	talk_check_properties(&t);
}

static void pipelined_head_chunks_and_interim(void **state)
{
	struct talk t = { .port = 80 };

	(void)state;
	TALK_C(&t, "HEAD /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "4;x=y\r\nabcd\r\n0\r\nT: v\r\n\r\nGET /3 HTTP/1.0\r\n\r\n");
	TALK_S(&t, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
		   "HTTP/1.1 503 Nope\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
	TALK_S(&t, "HTTP/1.0 200 OK\r\n\r\nup to the end");
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 3);
	assert_non_null(strstr(out.text, "|HEAD|/1|200 OK|ok"));
	assert_non_null(strstr(out.text, "|POST|/2|503 Nope|server_error"));
	assert_non_null(strstr(out.text, "|GET|/3|200 OK|ok"));
	talk_check_properties(&t);
}

/* ---- what a conversation comes to, in short --------------------------------------------------------- */

/* Of the attributes only those that say more than a field of the head. */
static bool is_told(const char *key)
{
	return !strncmp(key, "crosscut.", 9) || !strncmp(key, "server.", 7) ||
	       !strncmp(key, "graphql.", 8) || !strncmp(key, "error.", 6);
}

static void on_short(void *arg, struct xc_session *s, const struct xc_request *r,
		     enum xc_request_stage stage)
{
	static const char *const results[] = { "?", "ok", "client", "none", "server" };
	static const char *const stages[] = { "", "", "", "abandoned ", "notice " };
	struct talk_out *o = arg;
	const char *value;

	(void)s;
	if (stage == XC_REQUEST_SENT)
		return;
	o->n += (size_t)snprintf(o->text + o->n, 512, "%s%s %s", stages[stage], r->method,
				 r->target);
	if (r->status != XC_STATUS_NONE)
		o->n += (size_t)snprintf(o->text + o->n, 64, " %d", r->status);
	o->n += (size_t)snprintf(o->text + o->n, 64, " %s", results[r->result]);
	if (r->flags)
		o->n += (size_t)snprintf(o->text + o->n, 64, " flags=%x", r->flags);
	for (const char *k = xc_request_next(r, NULL, &value); k; k = xc_request_next(r, k, &value))
		if (is_told(k))
			o->n += (size_t)snprintf(o->text + o->n, 512, " %s=%s", k, value);
	o->n += (size_t)snprintf(o->text + o->n, 4, "; ");
}

/* What one side says: '>' client, '<' server; in turns, one segment each. */
struct row {
	const char *what;
	const char *said[6];
	const char *want;
};

static void check_row(const struct row *row)
{
	struct talk t = { .port = 80 };
	struct xc_l7_engine engine;
	struct xc_session s;
	struct xc_tuple tuple = talk_tuple(&t);
	struct talk_wire w;

	for (size_t i = 0; i < ARRAY_SIZE(row->said) && row->said[i]; i++)
		talk_say(&t, row->said[i][0] == '>' ? XC_L7_CLIENT : XC_L7_SERVER, row->said[i] + 1,
			 strlen(row->said[i]) - 1);
	w = talk_wire(&t, SIZE_MAX, 0, 0);
	out.n = 0;
	out.text[0] = '\0';
	xc_l7_engine_init(&engine, on_short, &out);
	engine.only = &xc_l7_http1;
	xc_session_init(&s, &engine, &tuple, true);
	for (size_t i = 0; i < w.n; i++)
		xc_session_feed(&s, &w.seg[i]);
	xc_session_done(&s);
	xc_l7_engine_done(&engine);
	free(w.seg);
	while (out.n && strchr("; ", out.text[out.n - 1]))
		out.text[--out.n] = '\0';
	if (strcmp(out.text, row->want))
		fail_msg("%s: \"%s\", not \"%s\"", row->what, out.text, row->want);
}

#define G(path) "GET " path " HTTP/1.1\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define V " crosscut.violation="

static void requests_of_all_kinds(void **state)
{
	static const struct row rows[] = {
		{ "absolute form",
		  { ">GET http://user:secret@example.org:8080/x?y HTTP/1.1\r\nHost: other\r\n\r\n",
		    "<" OK },
		  "GET /x 200 ok server.address=example.org server.port=8080" },
		{ "absolute form without path",
		  { ">GET http://example.org?q HTTP/1.1\r\n\r\n", "<" OK },
		  "GET / 200 ok server.address=example.org" },
		{ "asterisk form", { ">OPTIONS * HTTP/1.1\r\n\r\n", "<" OK }, "OPTIONS * 200 ok" },
		{ "IPv6 host",
		  { ">GET / HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n\r\n", "<" OK },
		  "GET / 200 ok server.address=[2001:db8::1] server.port=81" },
		{ "IPv6 host without port",
		  { ">GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", "<" OK },
		  "GET / 200 ok server.address=[2001:db8::1]" },
		{ "other methods",
		  { ">QUERY /q HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}PROPFIND /p HTTP/1.1\r\n\r\n"
		    "TRACE /t HTTP/1.1\r\n\r\n",
		    "<" OK OK OK },
		  "QUERY /q 200 ok; PROPFIND /p 200 ok; TRACE /t 200 ok" },
		{ "LF alone",
		  { ">GET / HTTP/1.1\nHost: a\n\n", "<HTTP/1.1 200 OK\n\n" },
		  "GET / 200 ok server.address=a" },
		{ "empty lines before a message",
		  { ">\r\n\r\n" G("/1") "\r\n" G("/2"), "<\r\n" OK OK },
		  "GET /1 200 ok; GET /2 200 ok" },
		{ "HTTP/0.9 is not taken", { ">GET /\r\n", "<hello" }, "" },
		{ "another protocol's version", { ">OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" }, "" },
		{ "HTTP/2 is not taken", { ">PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

static void answers_of_all_kinds(void **state)
{
	static const struct row rows[] = {
		{ "204, 304 and HEAD have no body",
		  { ">" G("/1") G("/2") "HEAD /3 HTTP/1.1\r\n\r\n" G("/4"),
		    "<HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\nHTTP/1.1 304 Same\r\nContent-Length: 9"
		    "\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" OK },
		  "GET /1 204 ok; GET /2 304 ok; HEAD /3 200 ok; GET /4 200 ok" },
		{ "205 says how long it is",
		  { ">" G("/1") G("/2"), "<HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n" OK },
		  "GET /1 205 ok; GET /2 200 ok" },
		{ "interim answers",
		  { ">" G("/1"),
		    "<HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 103 Early\r\n"
		    "Link: </s>\r\n\r\n",
		    "<" OK },
		  "GET /1 200 ok" },
		{ "no reason phrase",
		  { ">" G("/"), "<HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n" },
		  "GET / 503 server" },
		{ "up to the end",
		  { ">" G("/"), "<HTTP/1.0 200 OK\r\n\r\nabc", "<def" },
		  "GET / 200 ok" },
		{ "a coding that is not chunked goes up to the end",
		  { ">" G("/1"),
		    "<HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nHTTP/1.1 500 X\r\n\r\n" },
		  "GET /1 200 ok" },
		{ "the last coding decides",
		  { ">" G("/1") G("/2"),
		    "<HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" OK },
		  "GET /1 200 ok; GET /2 200 ok" },
		{ "chunks with extensions and a trailer",
		  { ">" G("/1") G("/2"),
		    "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0003;a=\"b;c\"\r\nxyz\r\nA \r\n"
		    "0123456789\r\n000\r\nX: y\r\nZ: w\r\n\r\n" OK },
		  "GET /1 200 ok; GET /2 200 ok" },
		{ "half a body",
		  { ">" G("/"), "<HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234" },
		  "abandoned GET / 200 none" },
		{ "half a chunk",
		  { ">" G("/"),
		    "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n01234" },
		  "abandoned GET / 200 none" },
		{ "no answer",
		  { ">" G("/1") G("/2"), "<" OK },
		  "GET /1 200 ok; abandoned GET /2 none" },
		{ "an answer nobody asked for", { "<HTTP/1.1 408 Timeout\r\n\r\n" }, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

static void order_of_things(void **state)
{
	static const struct row rows[] = {
		{ "Expect: the body comes when it may",
		  { ">PUT /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
		    "<HTTP/1.1 100 Continue\r\n\r\n", ">abcd" G("/2"), "<" OK OK },
		  "PUT /1 200 ok; GET /2 200 ok" },
		{ "answered before it was asked to its end",
		  { ">PUT /1 HTTP/1.1\r\nContent-Length: 8\r\n\r\nabcd",
		    "<HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", ">efgh" G("/2"), "<" OK },
		  "PUT /1 413 client; GET /2 200 ok" },
		{ "refused in the middle of chunks",
		  { ">PUT /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n",
		    "<HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
		    ">2\r\nef\r\n0\r\n\r\n" G("/2"), "<" OK },
		  "PUT /1 403 client; GET /2 200 ok" },
		{ "errors do not end a connection",
		  { ">" G("/1"), "<HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nerr", ">" G("/2"),
		    "<HTTP/1.1 400 X\r\nContent-Length: 3\r\n\r\nerr", ">" G("/3"), "<" OK },
		  "GET /1 500 server; GET /2 400 client; GET /3 200 ok" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

static void other_protocols_follow(void **state)
{
	static const struct row rows[] = {
		{ "CONNECT, refused, then again",
		  { ">CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n",
		    "<HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", ">" G("/2"), "<" OK },
		  "CONNECT db.example:5432 407 client server.address=db.example server.port=5432; "
		  "GET /2 200 ok" },
		{ "CONNECT: what follows is unknown",
		  { ">CONNECT db.example:5432 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n",
		    ">\x01\x02\x03 GET / HTTP/1.1\r\n\r\n" },
		  "CONNECT db.example:5432 200 ok server.address=db.example server.port=5432" },
		{ "Upgrade without Connection is none",
		  { ">GET /1 HTTP/1.1\r\nUpgrade: x\r\n\r\n" G("/2"), "<" OK OK },
		  "GET /1 200 ok; GET /2 200 ok" },
		{ "Upgrade with a body, refused",
		  { ">POST /1 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nab" G(
			    "/2"),
		    "<" OK OK },
		  "POST /1 200 ok; GET /2 200 ok" },
		{ "Upgrade with chunks, refused early",
		  { ">POST /1 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked"
		    "\r\n\r\n2\r\nab\r\n",
		    "<" OK, ">0\r\n\r\n" G("/2"), "<" OK },
		  "POST /1 200 ok; GET /2 200 ok" },
		{ "Upgrade behind other requests",
		  { ">" G("/1") "GET /2 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" G(
			    "/3"),
		    "<" OK, "<" OK OK },
		  "GET /1 200 ok; GET /2 200 ok; GET /3 200 ok" },
		{ "Upgrade, granted",
		  { ">GET /1 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
		    "<HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n\x01\x02\x03", ">\x01\x02\x03" },
		  "GET /1 101 ok" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

/* RFC 9112 6.3: where a body ends decides what is the next request. What could be read in two ways says so. */
static void ambiguous_messages(void **state)
{
	static const struct row rows[] = {
		{ "both lengths: the chunks win",
		  { ">POST /1 HTTP/1.1\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "0\r\n\r\n" G("/2"),
		    "<" OK OK },
		  "POST /1 200 ok" V "content-length and transfer-encoding; GET /2 200 ok" },
		{ "two lengths that differ: nothing behind it is read",
		  { ">POST /1 HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd" G(
			    "/2"),
		    "<HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n" },
		  "POST /1 400 client" V "content-length" },
		{ "the same length twice",
		  { ">POST /1 HTTP/1.1\r\nContent-Length: 4, 4\r\nContent-Length: 4\r\n\r\nabcd" G(
			    "/2"),
		    "<" OK OK },
		  "POST /1 200 ok; GET /2 200 ok" },
		{ "a length that is none",
		  { ">POST /1 HTTP/1.1\r\nContent-Length: +4\r\n\r\nabcd" G("/2"), "<" OK },
		  "POST /1 200 ok" V "content-length" },
		{ "a length beyond reason",
		  { ">POST /1 HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabcd" G("/2"),
		    "<" OK },
		  "POST /1 200 ok" V "content-length" },
		{ "a coding that does not end",
		  { ">POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" G(
			    "/2"),
		    "<" OK },
		  "POST /1 200 ok" V "transfer-encoding" },
		{ "space before the colon: it is no such field",
		  { ">POST /1 HTTP/1.1\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" G(
			    "/2"),
		    "<" OK OK },
		  "POST /1 200 ok" V "field; GET /2 200 ok" },
		{ "a folded field belongs to the one before",
		  { ">POST /1 HTTP/1.1\r\nX: a\r\n Content-Length: 50\r\n\r\n" G("/2"), "<" OK OK },
		  "POST /1 200 ok" V "folded field; GET /2 200 ok" },
		{ "a coding in a folded field",
		  { ">POST /1 HTTP/1.1\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n" G("/2"),
		    "<" OK OK },
		  "POST /1 200 ok" V "folded field; GET /2 200 ok" },
		{ "one LF among CRLFs",
		  { ">POST /1 HTTP/1.1\r\nX: a\nContent-Length: 3\r\n\r\nabc" G("/2"), "<" OK OK },
		  "POST /1 200 ok" V "line end; GET /2 200 ok" },
		{ "a bare CR ends no line",
		  { ">POST /1 HTTP/1.1\r\nX: a\rContent-Length: 3\r\n\r\n" G("/2"), "<" OK OK },
		  "POST /1 200 ok; GET /2 200 ok" },
		{ "of an answer, too",
		  { ">" G("/1"),
		    "<HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcdefg" },
		  "GET /1 200 ok" V "content-length" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

static void plain_text_to_a_port_that_wants_tls(void **state)
{
	static const struct row rows[] = {
		{ "an alert",
		  { ">" G("/"), "<\x15\x03\x03"
				"\0" },
		  "abandoned GET / none crosscut.mismatch=tls" },
		{ "nginx",
		  { ">" G("/"),
		    "<HTTP/1.1 400 Bad Request\r\nContent-Length: 90\r\n\r\n<html><title>400 The "
		    "plain HTTP request was sent to HTTPS port</title>0123456789012345678901234567" },
		  "GET / 400 client crosscut.mismatch=tls" },
		{ "Go",
		  { ">" G("/"), "<HTTP/1.0 400 Bad Request\r\n\r\n",
		    "<Client sent an HTTP request to an HTTPS server.\n" },
		  "GET / 400 client crosscut.mismatch=tls" },
		{ "Apache, in chunks",
		  { ">" G("/"),
		    "<HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n41\r\nReason: ",
		    "<You're speaking plain HTTP to an SSL-enabled server port.\r\n0\r\n\r\n" },
		  "GET / 400 client crosscut.mismatch=tls" },
		{ "any other 400",
		  { ">" G("/"), "<HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad" },
		  "GET / 400 client" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

/* ---- GraphQL --------------------------------------------------------------------------------------------- */

#define POST_JSON(length)                                                                                     \
	">POST /graphql HTTP/1.1\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: " length \
	"\r\n\r\n"
#define JSON_OK(length)                                                                            \
	"<HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n"
#define OP(type, name) " graphql.operation.type=" type " graphql.operation.name=" name

static void graphql_over_http(void **state)
{
	static const struct row rows[] = {
		{ "a query",
		  { POST_JSON("48") "{\"query\":\"query Who($id: ID!) { user { name }}\"}",
		    JSON_OK("11") "{\"data\":{}}" },
		  "POST /graphql 200 ok" OP("query", "Who") },
		{ "the body comes later, and the answer tells of errors",
		  { POST_JSON("27"), ">{\"query\":\"mutation ", ">Add{a}\"}",
		    JSON_OK("26") "{\"errors\":[{\"message\":1}]}" },
		  "POST /graphql 200 server flags=40" OP("mutation", "Add") " error.type=graphql" },
		{ "no errors in an empty list",
		  { POST_JSON("15") "{\"query\":\"{a}\"}",
		    JSON_OK("22") "{\"data\":1,\"errors\":[]}" },
		  "POST /graphql 200 ok graphql.operation.type=query" },
		{ "pipelined behind it",
		  { POST_JSON("15") "{\"query\":\"{a}\"}" G("/2"), "<" OK OK },
		  "POST /graphql 200 ok graphql.operation.type=query; GET /2 200 ok" },
		{ "in chunks",
		  { ">POST /g HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "f\r\n{\"query\":\"{a}\"}\r\n0\r\n\r\n" G("/2"),
		    "<" OK OK },
		  "POST /g 200 ok graphql.operation.type=query; GET /2 200 ok" },
		{ "in the URL",
		  { ">" G("/g?query=query%20Q%7Ba%7D&variables=%7B%22a%22:1%7D"), "<" OK },
		  "GET /g 200 ok" OP("query", "Q") },
		{ "another query language in the URL",
		  { ">" G("/api/v1/query?query=%7Bjob%3D%22x%22%7D"), "<" OK },
		  "GET /api/v1/query 200 ok" },
		{ "JSON that is none",
		  { POST_JSON("26") "{\"query\":{\"match\":{\"a\":1}}", "<" OK },
		  "POST /graphql 200 ok" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

static void graphql_properties(void **state)
{
	struct talk t = { .port = 80, .only = &xc_l7_http1 };

	(void)state;
	TALK_C(&t,
	       "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n"
	       "{\"query\":\"mutation Add {a b}\"}"
	       "GET /2 HTTP/1.1\r\n\r\n");
	TALK_S(&t, "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
	TALK_S(&t, OK);
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
	talk_check_properties(&t);
}

/* ---- detection ------------------------------------------------------------------------------------------- */

static void only_http_is_taken(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int percent;	/* -1: wants more */
	} rows[] = {
		{ "GET / HTTP/1.1\r\n", 16, 95 },
		{ "\r\nGET / HTTP/1.1\r\n", 18, 95 },
		{ "HTTP/1.1 200 OK\r\n", 17, 95 },
		{ "HTTP/1.1 200\r\n", 14, 95 },
		{ "GE", 2, -1 },
		{ "HTTP/1.", 7, -1 },
		{ "GET /a", 6, -1 },
		{ "GET /\r\n", 7, 0 },
		{ "HTTP/1.1 20 OK\r\n", 16, 0 },
		{ "HTTP/2 200 OK\r\n", 15, 0 },
		{ "PRI * HTTP/2.0\r\n", 16, 0 },
		{ "SIP/2.0 200 OK\r\n", 16, 0 },
		{ "INVITE sip:a@b SIP/2.0\r\n", 24, 0 },
		{ "220 mail ESMTP\r\n", 16, 0 },
		{ "SSH-2.0-OpenSSH_9.2\r\n", 21, 0 },
		{ "*1\r\n$4\r\nPING\r\n", 14, 0 },
		{ "INFO {}\r\n", 9, 0 },
		{ "set a 0 0 1\r\nb\r\n", 16, 0 },
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 12, 0 },
		{ "\x00\x00\x00\x12\x04\x00\x00\x00\x00\x00\n", 11, 0 },
		{ "AMQP\x00\x00\x09\x01\n", 9, 0 },
	};
	struct xc_l7_hint hint = { .port_he = 80, .is_start = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_span in = { guard_copy(rows[i].bytes, rows[i].n), rows[i].n };
		struct xc_l7_guess g = xc_l7_http1.detect(in, &hint);

		assert_row(rows[i].bytes, g.percent == (rows[i].percent > 0 ? rows[i].percent : 0));
		assert_row(rows[i].bytes, g.percent || g.wants_more == (rows[i].percent < 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_answer),
		cmocka_unit_test(pipelined_head_chunks_and_interim),
		cmocka_unit_test(requests_of_all_kinds),
		cmocka_unit_test(answers_of_all_kinds),
		cmocka_unit_test(order_of_things),
		cmocka_unit_test(other_protocols_follow),
		cmocka_unit_test(ambiguous_messages),
		cmocka_unit_test(plain_text_to_a_port_that_wants_tls),
		cmocka_unit_test(graphql_over_http),
		cmocka_unit_test(graphql_properties),
		cmocka_unit_test(only_http_is_taken),
	};

	return XC_RUN(tests);
}
