/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "model/request.h"

static struct xc_span span(const char *text)
{
	return (struct xc_span){ (const uint8_t *)text, strlen(text) };
}

static void text_is_cut_at_a_character(void **state)
{
	static char text[XC_REQUEST_TARGET + 8];
	struct xc_request r = { 0 };

	(void)state;
	xc_request_reset(&r, "http");
	memset(text, 'a', XC_REQUEST_TARGET - 2);
	(void)strcpy(text + XC_REQUEST_TARGET - 2, "\xe2\x82\xac");	/* a euro sign across the end */
	xc_request_target(&r, span(text));
	assert_int_equal(strlen(r.target), XC_REQUEST_TARGET - 2);
	text[XC_REQUEST_TARGET - 1] = '\0';
	xc_request_target(&r, span(text));
	assert_int_equal(strlen(r.target), XC_REQUEST_TARGET - 1);	/* fits to the last byte */
	xc_request_method(&r, (struct xc_span){ (const uint8_t *)"A\0B", 3 });
	assert_string_equal(r.method, "A B");
	xc_buf_done(&r.attrs);
}

static void attributes_come_back(void **state)
{
	struct xc_request r = { 0 };
	const char *value;
	const char *key;

	(void)state;
	xc_request_reset(&r, "http");
	assert_null(xc_request_next(&r, NULL, &value));
	assert_null(xc_request_get(&r, "a"));
	xc_request_attr_text(&r, "a", "1");
	xc_request_attr_uint(&r, "b", UINT64_MAX);
	xc_request_attr(&r, "c", (struct xc_span){ 0 });
	xc_request_attr(&r, "d", (struct xc_span){ (const uint8_t *)"x\0\r\ny", 5 });
	key = xc_request_next(&r, NULL, &value);
	assert_string_equal(key, "a");
	assert_string_equal(value, "1");
	key = xc_request_next(&r, key, &value);
	assert_string_equal(value, "18446744073709551615");
	key = xc_request_next(&r, key, &value);
	assert_string_equal(key, "c");
	assert_string_equal(value, "");
	assert_string_equal(xc_request_get(&r, "d"), "x   y");
	xc_request_reset(&r, "dns");
	assert_null(xc_request_get(&r, "a"));
	assert_int_equal(r.status, XC_STATUS_NONE);
	xc_buf_done(&r.attrs);
}

static void attributes_are_bounded(void **state)
{
	static char big[XC_REQUEST_ATTRS];
	struct xc_request r = { 0 };
	const char *value;
	size_t n = 0;

	(void)state;
	xc_request_reset(&r, "http");
	memset(big, 'x', sizeof(big) - 1);
	xc_request_attr_text(&r, "big", big);
	assert_int_equal(r.flags, XC_REQUEST_TRUNCATED);
	assert_null(xc_request_get(&r, "big"));
	xc_request_attr_text(&r, "small", "1");	/* still fits */
	assert_string_equal(xc_request_get(&r, "small"), "1");
	for (int i = 0; i < 5000; i++)
		xc_request_attr_text(&r, "k", "v");
	for (const char *k = xc_request_next(&r, NULL, &value); k;
	     k = xc_request_next(&r, k, &value))
		n += strlen(k) + strlen(value) + 2;
	assert_int_equal(n, r.attrs.len);
	assert_true(n < XC_REQUEST_ATTRS && n > XC_REQUEST_ATTRS - 8);
	xc_buf_done(&r.attrs);
}

static void secrets_are_not_kept(void **state)
{
	static const char *const secret[] = { "Authorization",	     "COOKIE",
					      "set-cookie",	     "X-Api-Key",
					      "Proxy-Authorization", "x-amz-security-token" };
	static const char *const open[] = { "Host", "Cookies", "Authorizatio", "X-Api-Keys", "A" };
	struct xc_request r = { 0 };
	const char *value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(secret); i++) {
		xc_request_reset(&r, "http");
		xc_request_header(&r, i & 1, span(secret[i]), span("s3cr3t"));
		assert_non_null(xc_request_next(&r, NULL, &value));
		assert_row(secret[i], !strcmp(value, "[redacted]"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(open); i++) {
		xc_request_reset(&r, "http");
		xc_request_header(&r, false, span(open[i]), span("value"));
		assert_non_null(xc_request_next(&r, NULL, &value));
		assert_row(open[i], !strcmp(value, "value"));
	}
	xc_request_reset(&r, "http");
	xc_request_header(&r, true, span(""),
			  span("value")); /* a name without a letter is no crash */
	xc_request_header(&r, true, span("Content-TYPE"), span("a"));
	assert_string_equal(xc_request_get(&r, "http.response.header.content-type"), "a");
	xc_buf_done(&r.attrs);
}

static void times_that_are_not_known_are_none(void **state)
{
	struct xc_request r = { .request_first_ns = 10 };

	(void)state;
	assert_int_equal(xc_request_first_byte_ns(&r), 0);
	r.response_first_ns = 15;
	r.response_last_ns = 9;	/* before it was asked: the capture is wrong */
	assert_int_equal(xc_request_first_byte_ns(&r), 5);
	assert_int_equal(xc_request_last_byte_ns(&r), 0);
	assert_string_equal(xc_result_str(XC_RESULT_NO_ANSWER), "no_answer");
	assert_string_equal(xc_result_str((enum xc_result)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_at_a_character),
		cmocka_unit_test(attributes_come_back),
		cmocka_unit_test(attributes_are_bounded),
		cmocka_unit_test(secrets_are_not_kept),
		cmocka_unit_test(times_that_are_not_known_are_none),
	};

	return XC_RUN(tests);
}
