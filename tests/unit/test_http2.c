/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "h2.h"

extern const struct xc_l7_proto xc_l7_http2;

static struct talk_out out;

static bool is_told(const char *line)
{
	return talk_has_line(&out, line, strlen(line));
}

#define assert_told(line)                                                                          \
	do {                                                                                       \
		if (!is_told(line))                                                                \
			fail_msg("not told: %s\nbut\n%s", line, out.text);                         \
	} while (0)

/* As talk_plain(), but only what is not flagged. */
static void talk_without_doubt(const struct talk *t)
{
	struct talk_wire w = talk_wire(t, SIZE_MAX, 0, 0);
	struct talk_reader how = { 0 };

	talk_read(t, &w, &how, &out);
	free(w.seg);
}

/* ---- conversations ------------------------------------------------------------------------------------ */

#define GET "#2\n#6\n"	/* :method: GET, :scheme: http */
#define POST "#3\n#6\n"
#define ASKED "|url.scheme=http|server.address=h.example"

static void requests_of_all_kinds(struct talk *t)
{
	size_t from;

	h2_start(t);
	h2_preface();
	h2_headers(ENDS, 1, GET "@4|/one?q=secret\n@1|h.example\n!x-token|abc\n.cookie|c=d");
	h2_say(t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	h2_frame(SETTINGS, 1, 0, "", 0);
	h2_headers(0, 1, ".:status|103\n.link|</style.css>");
	h2_headers(0, 1, "#8\n+server|s/1");
	h2_frame(PING, 0, 0, "12345678", 8);
	h2_frame(DATA, 0, 1, "hello, ", 7);
	h2_frame(DATA, ENDS, 1, "world", 5);
	h2_say(t, XC_L7_SERVER);
	/* a block in three frames, the first one padded and with a priority; DATA is padded, too */
	from = h2_n;
	h2_put_be(3, 1);
	h2_put_be(0x8000000110ull, 5);
	h2_put_fields(POST "@4|/two");
	h2_put_be(0, 3);
	h2_wrap(from, HEADERS, PADDED | WEIGHTED, 3);
	from = h2_n;
	h2_put_fields("#63");	/* h.example, behind /two */
	h2_wrap(from, CONTINUATION, 0, 3);
	from = h2_n;
	h2_put_fields(".x-last|1");
	h2_wrap(from, CONTINUATION, WHOLE, 3);
	h2_say(t, XC_L7_CLIENT);
	h2_frame(WINDOW_UPDATE, 0, 0, "\0\0\1\0", 4);
	h2_say(t, XC_L7_SERVER);
	h2_frame(DATA, PADDED | ENDS, 3, "\2body\0\0", 7);
	h2_headers(ENDS, 5, GET "#62\n#63");
	h2_say(t, XC_L7_CLIENT);
	h2_headers(0, 5, "#8");
	h2_headers(ENDS, 3, "#13\n#62");	/* out of order; 404, server: s/1 */
	h2_say(t, XC_L7_SERVER);
	h2_frame(DATA, 0, 5, "part", 4);
	h2_headers(ENDS, 5, ".x-checksum|9");	/* trailers */
	h2_say(t, XC_L7_SERVER);
}

static void requests_and_their_answers(void **state)
{
	struct talk t;

	(void)state;
	requests_of_all_kinds(&t);
	talk_without_doubt(&t);
	assert_told("answered|http2|1|GET|/one|200 OK|ok|url.scheme=http|url.query=[redacted]"
		    "|server.address=h.example|http.request.header.x-token=[redacted]"
		    "|http.request.header.cookie=[redacted]|network.protocol.version=2"
		    "|http.response.header.server=s/1");
	assert_told("answered|http2|3|POST|/two|404 Not Found|client_error" ASKED
		    "|http.request.header.x-last=1|network.protocol.version=2"
		    "|http.response.header.server=s/1");
	assert_told("answered|http2|5|GET|/two|200 OK|ok" ASKED "|network.protocol.version=2"
		    "|http.response.header.x-checksum=9");
	assert_int_equal(out.n_lines, 3);
	talk_check_properties(&t);
}

static void calls_of_all_kinds(struct talk *t)
{
	h2_start(t);
	h2_preface();
	h2_headers(0, 1,
		   POST "@4|/pkg.Service/Unary\n@1|h.example\n+content-type|application/grpc");
	h2_messages(ENDS, 1, 1, 10);
	h2_say(t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	h2_headers(0, 1, "#8\n+content-type|application/grpc\n+grpc-encoding|identity");
	h2_messages(0, 1, 1, 20);
	h2_say(t, XC_L7_SERVER);
	h2_headers(ENDS, 1, "+grpc-status|0");	/* the trailers come in a segment of their own */
	h2_say(t, XC_L7_SERVER);
	h2_headers(0, 3, POST "#64\n#63\n#62");
	h2_messages(ENDS, 3, 1, 10);
	h2_say(t, XC_L7_CLIENT);
	h2_headers(ENDS, 3, "#8\n#64\n+grpc-status|12\n+grpc-message|no%20such%3A method%zz");
	h2_say(t, XC_L7_SERVER);
	h2_headers(0, 5, POST ".:path|/pkg.Service/Stream\n#63\n#62");
	h2_messages(0, 5, 1, 10);
	h2_frame(DATA, ENDS, 5, "", 0);	/* an empty frame is no message */
	h2_say(t, XC_L7_CLIENT);
	h2_headers(0, 5, "#8\n#66");
	h2_messages(0, 5, 1, 10);
	h2_messages(0, 5, 1, 10);
	h2_headers(ENDS, 5, ".grpc-status|14\n.grpc-message|");
	h2_say(t, XC_L7_SERVER);
}

#define CALL(method)                                                                               \
	"|http.request.header.content-type=application/grpc|network.protocol.version=2"            \
	"|rpc.system=grpc|rpc.service=pkg.Service|rpc.method=" method
#define REPLY "|http.response.header.content-type=application/grpc"
#define HTTP_OK "|http.response.status_code=200"

static void grpc_calls(void **state)
{
	struct talk t;

	(void)state;
	calls_of_all_kinds(&t);
	talk_without_doubt(&t);
	assert_told("answered|grpc|1|POST|/pkg.Service/Unary|0 OK|ok" ASKED CALL("Unary") REPLY
		    "|http.response.header.grpc-encoding=identity" HTTP_OK
		    "|http.response.header.grpc-status=0");
	assert_told(
		"answered|grpc|3|POST|/pkg.Service/Unary|12 no such: method%zz|server_error" ASKED
			CALL("Unary") REPLY
		"|http.response.header.grpc-status=12"
		"|http.response.header.grpc-message=no%20such%3A method%zz" HTTP_OK);
	assert_told(
		"answered|grpc|5|POST|/pkg.Service/Stream|14 UNAVAILABLE|server_error" ASKED CALL(
			"Stream") REPLY HTTP_OK "|http.response.header.grpc-status=14"
						"|http.response.header.grpc-message=");
	assert_int_equal(out.n_lines, 3);
	talk_check_properties(&t);
}

/* ---- one request at a time, with its flags and times ---------------------------------------------------- */

#define MAX_SEEN 16

struct seen {
	struct xc_request r;
	enum xc_request_stage stage;
	char error[32];
};

static struct seen seen[MAX_SEEN];
static size_t n_seen;

static void on_seen(void *arg, struct xc_session *s, const struct xc_request *r,
		    enum xc_request_stage stage)
{
	const char *error = xc_request_get(r, "error.type");

	(void)arg;
	(void)s;
	if (stage == XC_REQUEST_SENT)
		return;
	assert_true(n_seen < MAX_SEEN);
	seen[n_seen].r = *r;
	seen[n_seen].stage = stage;
	(void)snprintf(seen[n_seen++].error, sizeof(seen->error), "%s", error ? error : "");
}

/* Segment i (from 1, behind the handshake's two) comes at i ms. Those from @lost on, @n of them, do not. */
static void read_all(const struct talk *t, size_t lost, size_t n)
{
	struct talk_wire w = talk_wire(t, SIZE_MAX, 0, 0);
	struct xc_tuple tuple = talk_tuple(t);
	struct xc_l7_engine engine;
	struct xc_session s;

	n_seen = 0;
	xc_l7_engine_init(&engine, on_seen, NULL);
	engine.only = t->only;
	xc_session_init(&s, &engine, &tuple, !t->without_start);
	for (size_t i = 0; i < w.n; i++)
		if (i < lost || i >= lost + n)
			xc_session_feed(&s, &w.seg[i]);
	xc_session_done(&s);
	assert_int_equal(engine.memory.used, 0);
	xc_l7_engine_done(&engine);
	free(w.seg);
}

static const struct seen *seen_id(uint64_t id)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].r.id == id && seen[i].stage != XC_REQUEST_NOTICE)
			return &seen[i];
	fail_msg("stream %llu was not told", (unsigned long long)id);
	return NULL;
}

/* The end is END_STREAM, not the first byte of the answer; interim answers are none. */
static void times_and_bytes(void **state)
{
	const struct xc_request *r;
	struct talk t;

	(void)state;
	requests_of_all_kinds(&t);
	read_all(&t, SIZE_MAX, 0);
	r = &seen_id(3)->r;
	assert_int_equal(r->request_first_ns, 5000000);
	assert_int_equal(r->request_last_ns, 7000000);
	assert_int_equal(r->response_first_ns, 8000000);
	assert_int_equal(r->response_last_ns, 8000000);
	r = &seen_id(5)->r;
	assert_int_equal(r->request_last_ns, 7000000);
	assert_int_equal(r->response_first_ns, 8000000);
	assert_int_equal(r->response_last_ns, 9000000);
	assert_int_equal(r->response_bytes, 9 + 1 + 9 + 4 + 9 + 14);
}

static void messages_are_counted(void **state)
{
	static const struct {
		unsigned n, flags;
	} rows[] = { { 0, 0 }, { 1, 0 }, { 2, XC_REQUEST_STREAMING }, { 9, XC_REQUEST_STREAMING } };
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		h2_start(&t);
		h2_preface();
		h2_headers(0, 1, POST ".:path|/S/M\n.content-type|application/grpc+proto");
		h2_messages(ENDS, 1, rows[i].n, 5);
		h2_say(&t, XC_L7_CLIENT);
		h2_frame(SETTINGS, 0, 0, "", 0);
		h2_headers(ENDS, 1, "#8\n.grpc-status|0");
		h2_say(&t, XC_L7_SERVER);
		read_all(&t, SIZE_MAX, 0);
		assert_int_equal(seen_id(1)->r.flags, rows[i].flags);
	}
	calls_of_all_kinds(&t);
	read_all(&t, SIZE_MAX, 0);
	assert_int_equal(seen_id(1)->r.flags, 0);
	assert_int_equal(seen_id(5)->r.flags, XC_REQUEST_STREAMING);
}

/* A message in pieces is one message; its prefix may be cut anywhere. */
static void a_message_over_many_frames(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	h2_preface();
	h2_headers(0, 1, POST ".:path|/S/M\n.content-type|application/grpc");
	h2_frame(DATA, PADDED, 1,
		 "\3\0\0\0\0\x08"
		 "ab\0\0\0",
		 11);
	h2_frame(DATA, 0, 1, "cdef", 4);
	h2_frame(DATA, ENDS, 1, "gh", 2);
	h2_say(&t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "", 0);
	h2_headers(0, 1, "#8\n.content-type|application/grpc");
	h2_frame(DATA, 0, 1, "\0\0", 2);	/* half a prefix: it cannot be known what follows */
	h2_frame(DATA, 0, 1, "\0\0\1xyz", 6);
	h2_headers(ENDS, 1, ".grpc-status|0");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	assert_int_equal(seen_id(1)->r.flags, 0);
	assert_int_equal(seen_id(1)->r.status, 0);
}

/* ---- how streams end ------------------------------------------------------------------------------------- */

static void ask(struct talk *t, const char *type)
{
	h2_start(t);
	h2_preface();
	for (uint32_t stream = 1; stream <= 7; stream += 2) {
		size_t from = h2_n;

		h2_put_fields(POST ".:path|/S/M");
		h2_put_fields(type);
		h2_wrap(from, HEADERS, WHOLE | ENDS, stream);
	}
	h2_say(t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	h2_say(t, XC_L7_SERVER);
}

static void check_end(uint64_t id, enum xc_request_stage stage, int32_t status, uint32_t flags,
		      enum xc_result result)
{
	const struct seen *s = seen_id(id);

	assert_int_equal(s->stage, stage);
	assert_int_equal(s->r.status, status);
	assert_int_equal(s->r.flags, flags);
	assert_int_equal(s->r.result, result);
}

static void resets_and_goodbyes(void **state)
{
	struct talk t;

	(void)state;
	ask(&t, ".te|trailers");
	h2_headers(0, 1, "#8");
	h2_number(RST_STREAM, 1, 2, 4);
	h2_number(RST_STREAM, 5, 99, 4);
	h2_number(GOAWAY, 0, 3ull << 32 | 11, 8);
	h2_say(&t, XC_L7_SERVER);
	h2_number(RST_STREAM, 3, 8, 4);
	h2_say(&t, XC_L7_CLIENT);
	read_all(&t, SIZE_MAX, 0);
	check_end(1, XC_REQUEST_ABANDONED, 200, 0, XC_RESULT_NO_ANSWER);
	assert_string_equal(seen_id(1)->error, "INTERNAL_ERROR");
	check_end(3, XC_REQUEST_ABANDONED, XC_STATUS_NONE, 0, XC_RESULT_NO_ANSWER);
	assert_string_equal(seen_id(3)->error, "CANCEL");
	assert_string_equal(seen_id(5)->error, "unknown");
	check_end(7, XC_REQUEST_ABANDONED, XC_STATUS_NONE, 0, XC_RESULT_NO_ANSWER);
	assert_string_equal(seen_id(7)->error, "ENHANCE_YOUR_CALM");
	talk_plain(&t, &out);
	assert_told("notice|http2|0|GOAWAY||11 ENHANCE_YOUR_CALM|client_error");
}

static void grpc_without_a_status(void **state)
{
	struct talk t;

	(void)state;
	ask(&t, ".content-type|application/grpc");
	h2_headers(0, 1, "#8");
	h2_number(RST_STREAM, 1, 11, 4);
	h2_headers(ENDS, 3, ".:status|503");
	h2_headers(0, 5, "#8");
	h2_frame(DATA, ENDS, 5, "\0\0\0\0\1x", 6);
	h2_number(GOAWAY, 0, 5ull << 32, 8);
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	check_end(1, XC_REQUEST_ABANDONED, 8, XC_REQUEST_INFERRED_STATUS, XC_RESULT_NO_ANSWER);
	check_end(3, XC_REQUEST_ANSWERED, 14, XC_REQUEST_INFERRED_STATUS, XC_RESULT_SERVER_ERROR);
	check_end(5, XC_REQUEST_ANSWERED, 2, XC_REQUEST_INFERRED_STATUS, XC_RESULT_SERVER_ERROR);
	check_end(7, XC_REQUEST_ABANDONED, 14, XC_REQUEST_INFERRED_STATUS, XC_RESULT_NO_ANSWER);
	/* closed: nothing to infer a status from */
	ask(&t, ".content-type|application/grpc");
	h2_headers(0, 1, "#8");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	check_end(1, XC_REQUEST_ABANDONED, XC_STATUS_NONE, 0, XC_RESULT_NO_ANSWER);
}

/* grpc-web has its status in the body: for us it is HTTP. */
static void grpc_web_is_http(void **state)
{
	struct talk t;

	(void)state;
	ask(&t, ".content-type|application/grpc-web+proto");
	h2_headers(ENDS, 1, "#8");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	check_end(1, XC_REQUEST_ANSWERED, 200, 0, XC_RESULT_OK);
	assert_string_equal(seen_id(1)->r.protocol, "http2");
}

static void pushed_answers(void **state)
{
	struct talk t;
	size_t from;

	(void)state;
	h2_start(&t);
	h2_preface();
	h2_headers(ENDS, 1, GET "#4\n@1|h.example");
	h2_say(&t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	from = h2_n;
	h2_put_be(2, 4);
	h2_put_fields(GET "@4|/style.css\n@1|h.example");
	h2_wrap(from, PUSH_PROMISE, WHOLE, 1);
	h2_headers(ENDS, 1, "#8");
	h2_headers(0, 2, "#8\n#63");
	h2_frame(DATA, ENDS, 2, "body", 4);
	h2_say(&t, XC_L7_SERVER);
	talk_without_doubt(&t);
	assert_told("answered|http2|2|GET|/style.css|200 OK|ok|http2.pushed=true" ASKED
		    "|network.protocol.version=2");
	assert_int_equal(out.n_lines, 2);
	talk_check_properties(&t);
}

/* "101 Switching Protocols" to h2c: the answer to what was asked in HTTP/1 is stream 1. */
static void upgrade_from_http1(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	TALK_C(&t, "GET /up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n"
		   "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
	TALK_S(&t,
	       "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
	h2_preface();
	h2_headers(ENDS, 3, GET ".:path|/three");
	h2_say(&t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	h2_headers(0, 1, "#8");
	h2_frame(DATA, ENDS, 1, "hello", 5);
	h2_headers(ENDS, 3, "#9");
	h2_say(&t, XC_L7_SERVER);
	talk_without_doubt(&t);
	assert_non_null(strstr(out.text, "answered|http2|1|GET|/up|200 OK|ok|"));
	assert_non_null(strstr(out.text, "answered|http2|3|GET|/three|204 No Content|ok|"));
	assert_int_equal(out.n_lines, 2);
	talk_check_properties(&t);
}

/* ---- what is missing ------------------------------------------------------------------------------------- */

/* Fields from before our time are left out and said to be; what is sent from then on is read. */
static void joined_late(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	t.without_start = true;
	h2_headers(ENDS, 101, GET "#65\n#64");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 101, "#8\n#70");
	h2_say(&t, XC_L7_SERVER);
	h2_headers(ENDS, 103, GET "@4|/new\n#65");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 103, "#70");	/* no status we know */
	h2_say(&t, XC_L7_SERVER);
	h2_headers(ENDS, 105, GET "#62");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 105, "#14");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	assert_int_equal(n_seen, 3);
	assert_string_equal(seen_id(101)->r.method, "GET");
	assert_string_equal(seen_id(101)->r.target, "");
	assert_true(seen_id(101)->r.flags & XC_REQUEST_UNKNOWN_FIELDS);
	assert_int_equal(seen_id(101)->r.status, 200);
	assert_string_equal(seen_id(103)->r.target, "/new");
	assert_int_equal(seen_id(103)->r.status, XC_STATUS_NONE);
	assert_int_equal(seen_id(103)->r.result, XC_RESULT_NONE);
	assert_string_equal(seen_id(105)->r.target, "/new");
	assert_int_equal(seen_id(105)->r.status, 500);
	assert_false(seen_id(105)->r.flags & XC_REQUEST_UNKNOWN_FIELDS);
	assert_true(seen_id(105)->r.flags & XC_REQUEST_JOINED_LATE);
}

/* What may be a call of gRPC whose status we cannot read is not said to be well. */
static void a_call_that_cannot_be_told(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	t.without_start = true;
	h2_headers(0, 11, POST "#70\n#71\n#72");
	h2_messages(ENDS, 11, 1, 5);
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(0, 11, "#8\n#70");
	h2_messages(0, 11, 1, 5);
	h2_headers(ENDS, 11, "#71");
	h2_say(&t, XC_L7_SERVER);
	h2_headers(ENDS, 13, POST "#70\n#71\n#72");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(0, 13, "#8\n#70");
	h2_frame(DATA, ENDS, 13, "body", 4);	/* no trailers: no call */
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	assert_int_equal(seen_id(11)->r.status, 200);
	assert_int_equal(seen_id(11)->r.result, XC_RESULT_NONE);
	assert_int_equal(seen_id(13)->r.result, XC_RESULT_OK);
}

/* Answers to what was asked before our time, and trailers of it, are no requests. */
static void joined_between_request_and_answer(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	t.without_start = true;
	h2_headers(ENDS, 9, "#8\n.server|x");
	h2_say(&t, XC_L7_SERVER);
	h2_headers(ENDS, 9, ".x-trailer|1");
	h2_headers(ENDS, 11, GET ".:path|/eleven");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 11, "#8");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen_id(11)->r.target, "/eleven");
}

/* Behind a gap the table is unknown; calls that go on are followed, those that end in it are not known to. */
static void behind_a_gap(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	h2_preface();
	h2_headers(ENDS, 1, GET "@4|/long");
	h2_headers(ENDS, 3, GET "@4|/short");
	h2_say(&t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	h2_headers(0, 1, "#8\n+server|old");
	h2_say(&t, XC_L7_SERVER);
	h2_headers(ENDS, 3, "#8");
	h2_say(&t, XC_L7_SERVER);	/* segment 4: lost */
	h2_frame(DATA, 0, 1, "abc", 3);
	h2_headers(ENDS, 1, "#62");
	h2_say(&t, XC_L7_SERVER);
	h2_headers(ENDS, 5, GET "@4|/next");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 5, "#9\n+server|new");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, 4, 1);
	assert_int_equal(n_seen, 3);
	assert_int_equal(seen_id(1)->stage, XC_REQUEST_ANSWERED);
	assert_int_equal(seen_id(1)->r.flags, XC_REQUEST_GAP | XC_REQUEST_UNKNOWN_FIELDS);
	assert_int_equal(seen_id(3)->stage, XC_REQUEST_ABANDONED);
	assert_int_equal(seen_id(3)->r.result, XC_RESULT_NONE);
	assert_int_equal(seen_id(3)->r.flags, XC_REQUEST_GAP);
	assert_int_equal(seen_id(5)->r.status, 204);
}

/* A packet that was captured only in part: fields before the cut are read, the rest is said to be missing. */
static void a_block_that_was_not_captured(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	h2_preface();
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 1, GET ".:path|/cut\n+x-long|0123456789012345678901234567890123456789");
	h2_say(&t, XC_L7_CLIENT);
	t.m[1].n_cap = 40;
	h2_frame(SETTINGS, 0, 0, "", 0);
	h2_headers(ENDS, 1, "#8");
	h2_say(&t, XC_L7_SERVER);
	h2_headers(ENDS, 3, GET ".:path|/three\n#62");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 3, "#8");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	assert_string_equal(seen_id(1)->r.target, "/cut");
	assert_int_equal(seen_id(1)->r.flags, XC_REQUEST_TRUNCATED | XC_REQUEST_UNKNOWN_FIELDS);
	assert_int_equal(seen_id(3)->r.flags, XC_REQUEST_UNKNOWN_FIELDS);
	assert_int_equal(seen_id(3)->r.status, 200);
}

/* DATA that was not captured is no gap. */
static void a_body_that_was_not_captured(void **state)
{
	static const char body[9000] = "b";
	struct talk t;

	(void)state;
	h2_start(&t);
	h2_preface();
	h2_headers(ENDS, 1, GET "#4");
	h2_say(&t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "", 0);
	h2_headers(0, 1, "#8\n+server|s");
	h2_frame(DATA, ENDS, 1, body, sizeof(body));
	h2_say(&t, XC_L7_SERVER);
	t.m[1].n_cap = 4096;
	h2_headers(ENDS, 3, GET "#4");
	h2_say(&t, XC_L7_CLIENT);
	h2_headers(ENDS, 3, "#8\n#62");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	assert_int_equal(seen_id(1)->r.flags, 0);
	assert_int_equal(seen_id(1)->r.response_bytes, 9 + 11 + 9 + sizeof(body));
	assert_int_equal(seen_id(3)->r.flags, 0);
}

/* ---- what is hostile ------------------------------------------------------------------------------------- */

static void nonsense_is_not_believed(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);	/* a server that does not speak HTTP/2 at all */
	h2_preface();
	h2_headers(ENDS, 1, GET "#4");
	h2_say(&t, XC_L7_CLIENT);
	TALK_S(&t, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	read_all(&t, SIZE_MAX, 0);
	for (size_t i = 0; i < n_seen; i++)
		assert_int_not_equal(seen[i].stage, XC_REQUEST_ANSWERED);
	h2_start(&t);	/* a block of CONTINUATIONs without end */
	h2_preface();
	h2_frame(HEADERS, 0, 1, "\x82", 1);
	for (int i = 0; i < 1000; i++)
		h2_frame(CONTINUATION, 0, 1, "", 0);
	h2_say(&t, XC_L7_CLIENT);
	read_all(&t, SIZE_MAX, 0);
	h2_start(&t);	/* more padding than frame */
	h2_preface();
	h2_frame(HEADERS, WHOLE | PADDED, 1, "\x09\x82", 2);
	h2_headers(ENDS, 3, GET "#4");
	h2_say(&t, XC_L7_CLIENT);
	read_all(&t, SIZE_MAX, 0);
	for (size_t i = 0; i < n_seen; i++)
		assert_int_not_equal(seen[i].r.id, 1);
}

/* A malformed block costs its own fields and the table, not the connection. */
static void a_malformed_block(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	h2_preface();
	h2_headers(ENDS, 1, GET "+:path|/kept\n#99\n.x|y");
	h2_headers(ENDS, 3, GET "+:path|/next\n#63");
	h2_say(&t, XC_L7_CLIENT);
	h2_frame(SETTINGS, 0, 0, "", 0);
	h2_headers(ENDS, 1, "#8");
	h2_headers(ENDS, 3, "#8");
	h2_say(&t, XC_L7_SERVER);
	read_all(&t, SIZE_MAX, 0);
	assert_string_equal(seen_id(1)->r.target, "/kept");
	assert_int_equal(seen_id(1)->r.flags, XC_REQUEST_UNKNOWN_FIELDS);
	assert_string_equal(seen_id(3)->r.target, "/next");
	assert_int_equal(seen_id(3)->r.flags, XC_REQUEST_UNKNOWN_FIELDS);
}

static void passwords_of_authorities(void **state)
{
	struct talk t;

	(void)state;
	h2_start(&t);
	h2_preface();
	h2_headers(ENDS, 1, GET "#4\n.:authority|user:pass@h.example:80");
	h2_say(&t, XC_L7_CLIENT);
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "server.address=h.example:80|"));
	assert_null(strstr(out.text, "pass"));
}

/* ---- what is another protocol ----------------------------------------------------------------------------- */

static void others_are_not_taken(void **state)
{
#define ROW(text)                                                                                  \
	{                                                                                          \
		(const uint8_t *)text, sizeof(text) - 1                                            \
	}
	static const struct xc_span rows[] = {
		ROW("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		ROW("PRI * HTTP/1.1\r\n\r\n"),
		ROW("\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03 a hello of TLS, more or less"),
		ROW("\x17\x03\x03\x00\x20 what is encrypted, of TLS  "),
		ROW("*1\r\n$4\r\nPING\r\n"),
		ROW("AMQP\0\0\x09\x01"),
		ROW("\x01\0\x01\0\0\0\x05\0\x14\0\x0a\0\xce\x01\0\x01\0\0\0\x05\0\x14\0\x0a\0\xce"),
		ROW("\x4a\0\0\0\x0a"
		    "8.0.32\0\x08\0\0\0abcdefgh\0\xff\xff\xff\2\0\xff\xdf"),
		ROW("\x01\0\0\0\x0e"), /* MySQL ping */
		ROW("\0\0\0\x08\x04\xd2\x16\x2f"), /* PostgreSQL: SSL? */
		ROW("\0\0\0\x1f\0\x12\0\3\0\0\0\1\0\4test\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), /* Kafka */
		ROW("\0\0\0\x04\0\0\0\0\0"), /* Kafka: an answer with correlation id 0 */
		ROW("\0\0\0\x04\0\0\0\0\0\0\0\x04\0\0\0\0\0"),
		ROW("\x3a\0\0\0\1\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0%\0\0\0"), /* MongoDB */
		ROW("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		ROW("\0\0\0\0\x05\x0a\x03"
		    "abc\0\0\0\0\x05\x0a\x03"
		    "abc"), /* gRPC messages */
		ROW("\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\1"), /* only DATA */
		ROW("INFO {\"server_id\":\"x\"}\r\n"),
		ROW("SSH-2.0-OpenSSH_9.2\r\n"),
		ROW("\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"), /* DNS */
	};
	struct xc_l7_hint hint = { .port_he = 443 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int is_start = 0; is_start < 2; is_start++) {
			hint.is_start = is_start;
			if (xc_l7_http2.detect(rows[i], &hint).percent)
				fail_msg("row %zu is taken for HTTP/2", i);
		}
	}
#undef ROW
}

static void it_is_recognised(void **state)
{
	struct xc_l7_hint hint = { .is_start = true, .dir = XC_L7_SERVER };
	struct xc_l7_guess g;

	(void)state;
	h2_n = 0;
	h2_preface();
	for (size_t n = 1; n < 24; n++) {
		g = xc_l7_http2.detect((struct xc_span){ h2_bytes, n }, &hint);
		assert_true(!g.percent && g.wants_more);
	}
	g = xc_l7_http2.detect((struct xc_span){ h2_bytes, 24 }, &hint);
	assert_true(g.percent >= 90 && g.dir == XC_L7_CLIENT);
	g = xc_l7_http2.detect((struct xc_span){ h2_bytes + 24, h2_n - 24 }, &hint);
	assert_true(g.percent >= 90 && g.dir == XC_L7_SERVER);
	/* in the middle: a head that can be read is enough, frames alone are a suspicion */
	hint = (struct xc_l7_hint){ .dir = XC_L7_SERVER };
	h2_n = 0;
	h2_headers(ENDS, 7, GET "#70");
	g = xc_l7_http2.detect((struct xc_span){ h2_bytes, h2_n }, &hint);
	assert_true(g.percent >= 90 && g.dir == XC_L7_CLIENT);
	h2_n = 0;
	h2_number(WINDOW_UPDATE, 0, 100, 4);
	h2_frame(PING, 0, 0, "12345678", 8);
	g = xc_l7_http2.detect((struct xc_span){ h2_bytes, h2_n }, &hint);
	assert_true(g.percent > 0 && g.percent < 90 && g.dir == XC_L7_SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_and_their_answers),
		cmocka_unit_test(grpc_calls),
		cmocka_unit_test(times_and_bytes),
		cmocka_unit_test(messages_are_counted),
		cmocka_unit_test(a_message_over_many_frames),
		cmocka_unit_test(resets_and_goodbyes),
		cmocka_unit_test(grpc_without_a_status),
		cmocka_unit_test(grpc_web_is_http),
		cmocka_unit_test(pushed_answers),
		cmocka_unit_test(upgrade_from_http1),
		cmocka_unit_test(joined_late),
		cmocka_unit_test(a_call_that_cannot_be_told),
		cmocka_unit_test(joined_between_request_and_answer),
		cmocka_unit_test(behind_a_gap),
		cmocka_unit_test(a_block_that_was_not_captured),
		cmocka_unit_test(a_body_that_was_not_captured),
		cmocka_unit_test(nonsense_is_not_believed),
		cmocka_unit_test(a_malformed_block),
		cmocka_unit_test(passwords_of_authorities),
		cmocka_unit_test(others_are_not_taken),
		cmocka_unit_test(it_is_recognised),
	};

	return XC_RUN(tests);
}
