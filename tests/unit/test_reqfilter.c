/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on requests as values: what is read, what is refused, and what passes. */
#include "xctest.h"

#include "core/reqfilter.h"

#include <errno.h>
#include <netinet/in.h>

static struct xc_reqfilter read_ok(enum xc_reqfilter_kind kind, const char *text)
{
	struct xc_reqfilter f;
	const char *why;

	if (xc_reqfilter_parse(kind, text, &f, &why))
		fail_msg("%s: %s", text, why);
	return f;
}

static void reads_status(void **state)
{
	static const struct {
		const char *text;
		int low, high;	/* -1 = refused */
	} rows[] = {
		{ "404", 404, 404 },  { "4xx", 400, 499 },
		{ "5XX", 500, 599 },  { "500-599", 500, 599 },
		{ "0", 0, 0 },	      { "0-14", 0, 14 },
		{ "599-500", -1, 0 }, { "", -1, 0 },
		{ "x", -1, 0 },	      { "4xxx", -1, 0 },
		{ "404-", -1, 0 },    { "-1", -1, 0 },
		{ "40 4", -1, 0 },    { "999999999999", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_reqfilter f = { .low = -7 };
		const char *why = NULL;
		int r = xc_reqfilter_parse(XC_REQFILTER_STATUS, rows[i].text, &f, &why);

		assert_row(rows[i].text, (r == 0) == (rows[i].low >= 0));
		assert_row(rows[i].text, r ? why && f.low == -7 : !why);
		assert_row(rows[i].text, r || (f.low == rows[i].low && f.high == rows[i].high));
	}
}

static void refuses_what_cannot_be(void **state)
{
	char longer[200];
	struct xc_reqfilter f;
	const char *why;

	(void)state;
	memset(longer, 'a', sizeof(longer));
	longer[199] = '\0';
	assert_int_equal(xc_reqfilter_parse(XC_REQFILTER_PATH, longer, &f, &why), -EINVAL);
	assert_int_equal(xc_reqfilter_parse(XC_REQFILTER_METHOD, "", &f, &why), -EINVAL);
	assert_int_equal(xc_reqfilter_parse(XC_REQFILTER_METHOD, "!", &f, &why), -EINVAL);
	assert_int_equal(xc_reqfilter_parse(XC_REQFILTER_PROTOCOL, "smtp", &f, &why), -EINVAL);
	assert_int_equal(xc_reqfilter_parse(XC_REQFILTER_PROTOCOL, "http", &f, &why), 0);
	assert_int_equal(xc_reqfilter_parse(XC_REQFILTER_PROTOCOL, "grpc", &f, &why), 0);
}

/* ---- matching ------------------------------------------------------------------------------------ */

static struct xc_request request(const char *protocol, const char *method, const char *target,
				 int status)
{
	struct xc_request r = { 0 };

	xc_request_reset(&r, protocol);
	xc_request_method(&r, (struct xc_span){ (const uint8_t *)method, strlen(method) });
	xc_request_target(&r, (struct xc_span){ (const uint8_t *)target, strlen(target) });
	r.status = status;
	return r;
}

static void one_filter_matches(void **state)
{
	static const struct {
		enum xc_reqfilter_kind kind;
		const char *filter, *protocol, *method, *target;
		int status;
		bool holds;
	} rows[] = {
		{ XC_REQFILTER_METHOD, "get", "http", "GET", "/", 200, true },
		{ XC_REQFILTER_METHOD, "GE", "http", "GET", "/", 200, false },
		{ XC_REQFILTER_METHOD, "!GET", "http", "GET", "/", 200, false },
		{ XC_REQFILTER_METHOD, "!GET", "http", "PUT", "/", 200, true },
		{ XC_REQFILTER_PATH, "/api", "http", "GET", "/api/1", 200, true },
		{ XC_REQFILTER_PATH, "/api", "http", "GET", "/ap", 200, false },
		{ XC_REQFILTER_PATH, "/api", "http", "GET", "/x/api", 200, false },
		{ XC_REQFILTER_STATUS, "4xx", "http", "GET", "/", 404, true },
		{ XC_REQFILTER_STATUS, "4xx", "http", "GET", "/", 500, false },
		{ XC_REQFILTER_STATUS, "4xx", "http", "GET", "/", XC_STATUS_NONE, false },
		{ XC_REQFILTER_STATUS, "0", "grpc", "m", "/s/m", 0, true },
		{ XC_REQFILTER_DNS, "example.com", "dns", "A", "example.com", 0, true },
		{ XC_REQFILTER_DNS, "Example.COM.", "dns", "A", "a.b.example.com", 0, true },
		{ XC_REQFILTER_DNS, ".example.com", "dns", "A", "a.example.com.", 0, true },
		{ XC_REQFILTER_DNS, "example.com", "dns", "A", "badexample.com", 0, false },
		{ XC_REQFILTER_DNS, "example.com", "dns", "A", "com", 0, false },
		{ XC_REQFILTER_DNS, "example.com", "http", "GET", "example.com", 0, false },
		{ XC_REQFILTER_PROTOCOL, "http", "http2", "GET", "/", 200, true },
		{ XC_REQFILTER_PROTOCOL, "http2", "http", "GET", "/", 200, false },
		{ XC_REQFILTER_PROTOCOL, "grpc", "grpc", "m", "/", 0, true },
		{ XC_REQFILTER_PROTOCOL, "tcp", "http", "GET", "/", 200, true },
		{ XC_REQFILTER_PROTOCOL, "udp", "http", "GET", "/", 200, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_reqfilter f = read_ok(rows[i].kind, rows[i].filter);
		struct xc_request r =
			request(rows[i].protocol, rows[i].method, rows[i].target, rows[i].status);
		struct xc_netevent e = { .tuple.proto = IPPROTO_TCP,
					 .request = &r,
					 .l7_protocol = r.protocol };

		assert_row(rows[i].filter, xc_reqfilters_hold(&f, 1, &e) == rows[i].holds);
	}
}

static void kinds_are_joined_and_alternatives_are_not(void **state)
{
	struct xc_reqfilter f[] = { read_ok(XC_REQFILTER_METHOD, "GET"),
				    read_ok(XC_REQFILTER_METHOD, "PUT"),
				    read_ok(XC_REQFILTER_STATUS, "5xx") };
	struct xc_request r = request("http", "PUT", "/", 503);
	struct xc_netevent e = { .request = &r, .l7_protocol = "http" }, bare = { 0 };

	(void)state;
	assert_true(xc_reqfilters_hold(f, 3, &e));
	r.status = 200;
	assert_false(xc_reqfilters_hold(f, 3, &e));
	assert_true(xc_reqfilters_hold(f, 2, &e));
	assert_false(xc_reqfilters_hold(f, 2, &bare));	/* a connection has no method */
	assert_true(xc_reqfilters_hold(f, 0, &bare));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_status),
		cmocka_unit_test(refuses_what_cannot_be),
		cmocka_unit_test(one_filter_matches),
		cmocka_unit_test(kinds_are_joined_and_alternatives_are_not),
	};

	return XC_RUN(tests);
}
