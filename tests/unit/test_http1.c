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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_answer),
		cmocka_unit_test(pipelined_head_chunks_and_interim),
	};

	return XC_RUN(tests);
}
