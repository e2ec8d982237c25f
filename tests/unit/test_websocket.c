/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "talk.h"

extern const struct xc_l7_proto xc_l7_websocket;

static struct talk_out out;

#define UPGRADE                                                                                    \
	"GET /chat HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define GRANTED                                                                                    \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"        \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
/* RFC 6455 5.7: "Hello", masked and not */
#define HELLO_C "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
#define HELLO_S "\x81\x05Hello"
#define CLOSE_C(hi, lo) "\x88\x82\x00\x00\x00\x00" hi lo
#define CLOSE_S(hi, lo) "\x88\x02" hi lo

/* The lines of WebSocket alone. */
static const char *notice(void)
{
	return strstr(out.text, "notice|");
}

static void told(const char *want)
{
	assert_non_null(notice());
	if (strcmp(notice(), want))
		fail_msg("told\n%sbut expected\n%s", notice(), want);
}

static void messages_and_a_close(void **state)
{
	struct talk t = { .port = 80 };

	(void)state;
	TALK_C(&t, UPGRADE);
	TALK_S(&t, GRANTED HELLO_S);	/* behind the head in one segment */
	TALK_C(&t, HELLO_C HELLO_C);
	TALK_S(&t, "\x01\x03Hel\x89\x00\x80\x02lo");	/* fragments, and a ping among them */
	TALK_C(&t, "\x8a\x80\x01\x02\x03\x04");
	TALK_C(&t, "\x88\x82\x37\xfa\x21\x3d\x34\x12");	/* 1000, masked */
	TALK_S(&t, CLOSE_S("\x03", "\xe8"));
	talk_plain(&t, &out);
	assert_int_equal(out.n_lines, 2);
	assert_non_null(strstr(out.text, "answered|http|0|GET|/chat|101 Switching Protocols|ok|"));
	told("notice|websocket|0|CLOSE||1000 Normal Closure|ok|websocket.client.messages=2"
	     "|websocket.server.messages=2|websocket.closed_by=client\n");
	talk_check_properties(&t);
}

static void long_messages_are_passed_over(void **state)
{
	static uint8_t frame[10 + 70000];
	struct talk t = { .port = 80 };

	(void)state;
	memcpy(frame, "\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70", 10);
	TALK_C(&t, UPGRADE);
	TALK_S(&t, GRANTED);
	talk_say(&t, XC_L7_SERVER, frame, sizeof(frame));
	t.m[t.n - 1].n_cap = 200;
	TALK_S(&t, "\x82\x7e\x00\x7e");
	talk_say(&t, XC_L7_SERVER, frame + 10, 126);
	TALK_S(&t, CLOSE_S("\x03", "\xf3"));
	talk_plain(&t, &out);
	told("notice|websocket|0|CLOSE||1011 Internal Error|server_error|websocket.client.messages=0"
	     "|websocket.server.messages=2|websocket.closed_by=server\n");
}

static void codes_and_whom_they_blame(void **state)
{
	static const struct {
		const char *client, *server;
		size_t n_client, n_server;
		const char *want;
	} rows[] = {
		{ "", CLOSE_S("\x03", "\xe9"), 0, 4, "1001 Going Away|ok|" },
		{ "", CLOSE_S("\x03", "\xea"), 0, 4, "1002 Protocol Error|client_error|" },
		{ CLOSE_C("\x03", "\xea"), "", 8, 0, "1002 Protocol Error|server_error|" },
		{ "", CLOSE_S("\x03", "\xf5"), 0, 4, "1013 Try Again Later|server_error|" },
		{ "", CLOSE_S("\x0f", "\xa0"), 0, 4, "4000 |unknown|" },
		{ "", "\x88\x00", 0, 2, "1005 No Status Received|ok|" },
		{ "", "", 0, 0, "1006 Abnormal Closure|no_answer|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct talk t = { .port = 80 };

		TALK_C(&t, UPGRADE);
		TALK_S(&t, GRANTED);
		TALK_C(&t, HELLO_C);
		if (rows[i].n_client)
			talk_say(&t, XC_L7_CLIENT, rows[i].client, rows[i].n_client);
		if (rows[i].n_server)
			talk_say(&t, XC_L7_SERVER, rows[i].server, rows[i].n_server);
		talk_plain(&t, &out);
		assert_row(rows[i].want, notice() && strstr(notice(), rows[i].want));
	}
}

/* Whatever ends it without a Close, a reset too, is told. */
static void a_connection_without_end(void **state)
{
	struct talk t = { .only = &xc_l7_websocket, .without_start = true };

	(void)state;
	TALK_C(&t, HELLO_C);
	TALK_S(&t, HELLO_S);
	talk_plain(&t, &out);
	told("notice|websocket|0|CLOSE||1006 Abnormal Closure|no_answer|websocket.client.messages=1"
	     "|websocket.server.messages=1\n");
}

/* RFC 6455 5: none of these is a frame. */
static void what_is_no_frame(void **state)
{
	static const struct {
		enum xc_l7_dir dir;
		const char *bytes;
		size_t n;
	} rows[] = {
		{ XC_L7_SERVER, "\x83\x01x", 3 },	/* an opcode that is none */
		{ XC_L7_SERVER, "\xa1\x01x", 3 },	/* RSV2 */
		{ XC_L7_SERVER, "\x09\x00", 2 },	/* half a ping */
		{ XC_L7_SERVER, "\x89\x7e\x00\x80", 4 },	/* a long one */
		{ XC_L7_SERVER, "\x82\x7e\x00\x05Hello", 9 },	/* a length that fits 7 bits */
		{ XC_L7_SERVER, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10 },
		{ XC_L7_SERVER, "\x80\x01x", 3 },	/* goes on with nothing */
		{ XC_L7_SERVER, "\x01\x01x\x81\x01y", 6 },	/* begins anew within a message */
	};
	struct xc_l7_engine engine;
	struct talk_out o = { .n = 0 };
	struct talk_reader reader = { .out = &o };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct talk t = { .only = &xc_l7_websocket };
		struct xc_tuple tuple = talk_tuple(&t);
		struct talk_wire w;
		struct xc_session s;

		talk_say(&t, rows[i].dir, guard_copy(rows[i].bytes, rows[i].n), rows[i].n);
		w = talk_wire(&t, SIZE_MAX, 0, 0);
		xc_l7_engine_init(&engine, talk_on_request, &reader);
		xc_session_init(&s, &engine, &tuple, true);
		xc_session_speaks(&s, &xc_l7_websocket);
		for (size_t k = 0; k < w.n; k++)
			xc_session_feed(&s, &w.seg[k]);
		assert_true(engine.stats.n_desyncs > 0);
		xc_session_done(&s);
		xc_l7_engine_done(&engine);
		free(w.seg);
	}
}

/* RFC 6455 5.1 wants all of a client masked, and nothing of a server; not everybody does so. */
static void masks_of_the_wrong_side(void **state)
{
	struct talk t = { .only = &xc_l7_websocket };

	(void)state;
	TALK_C(&t, HELLO_S CLOSE_S("\x03", "\xe8"));
	TALK_S(&t, HELLO_C CLOSE_C("\x03", "\xe8"));
	talk_plain(&t, &out);
	told("notice|websocket|0|CLOSE||1000 Normal Closure|ok|websocket.client.messages=1"
	     "|websocket.server.messages=1|websocket.closed_by=client\n");
}

static void frames_alone(void **state)
{
	struct talk t = { .only = &xc_l7_websocket };

	(void)state;
	TALK_C(&t, HELLO_C);
	TALK_S(&t, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");	/* compressed (RFC 7692 7.2.3.1) */
	TALK_S(&t, HELLO_S HELLO_S);
	TALK_S(&t, CLOSE_S("\x03", "\xf0"));
	TALK_C(&t, CLOSE_C("\x03", "\xf0"));
	talk_plain(&t, &out);
	told("notice|websocket|0|CLOSE||1008 Policy Violation|client_error|websocket.client.messages=1"
	     "|websocket.server.messages=3|websocket.closed_by=server\n");
	talk_check_properties(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_and_a_close),
		cmocka_unit_test(long_messages_are_passed_over),
		cmocka_unit_test(codes_and_whom_they_blame),
		cmocka_unit_test(a_connection_without_end),
		cmocka_unit_test(what_is_no_frame),
		cmocka_unit_test(masks_of_the_wrong_side),
		cmocka_unit_test(frames_alone),
	};

	return XC_RUN(tests);
}
