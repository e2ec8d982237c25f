/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "flow/requests.h"

#define MS 1000000ull

static const struct xc_flow_key web = { .addr = { { [15] = 1 }, { [15] = 2 } },
					.port_he = { 40000, 80 },
					.proto = 6 };
static const struct xc_flow_key resolver = { .addr = { { [15] = 1 }, { [15] = 3 } },
					     .port_he = { 40001, 53 },
					     .proto = 17 };

static struct xc_requests *t;

static int set_up(void **state)
{
	(void)state;
	return xc_requests_new(4, &t);
}

static int tear_down(void **state)
{
	(void)state;
	xc_requests_free(t);
	return 0;
}

/* A request at @ms, answered after @latency_ms (0 = never). */
static struct xc_request make(const char *protocol, const char *target, int32_t status, uint64_t ms,
			      uint64_t latency_ms)
{
	struct xc_request r = { .protocol = protocol,
				.status = status,
				.request_first_ns = ms * MS };

	(void)snprintf(r.target, sizeof(r.target), "%s", target);
	r.response_first_ns = latency_ms ? (ms + latency_ms) * MS : 0;
	r.response_last_ns = r.response_first_ns;
	r.result = status == XC_STATUS_NONE ? XC_RESULT_NO_ANSWER :
		   status >= 500	    ? XC_RESULT_SERVER_ERROR :
		   status >= 400	    ? XC_RESULT_CLIENT_ERROR :
					      XC_RESULT_OK;
	return r;
}

static void add(const struct xc_flow_key *key, uint64_t no, struct xc_request r)
{
	xc_requests_add(t, key, no, &r,
			r.status == XC_STATUS_NONE ? XC_REQUEST_ABANDONED : XC_REQUEST_ANSWERED);
}

static void the_worst_then_the_slowest_stands_for_all(void **state)
{
	const struct xc_flow_requests *s;

	(void)state;
	add(&web, 1, make("http", "/slow", 200, 1000, 900));
	add(&web, 1, make("http", "/404", 404, 2000, 5));
	s = xc_requests_find(t, &web, 1);
	assert_string_equal(s->http.target, "/404");
	add(&web, 1, make("http", "/500", 500, 3000, 2));
	add(&web, 1, make("http", "/503", 503, 3100, 7));
	add(&web, 1, make("http", "/late", 200, 3200, 9000));
	assert_string_equal(s->http.target, "/503");
	assert_int_equal(s->http.status, 503);
	assert_int_equal(s->http.first_byte_ns, 7 * MS);
	assert_int_equal(s->n_http, 5);
	assert_int_equal(s->n_http_4xx, 1);
	assert_int_equal(s->n_http_5xx, 2);
	assert_int_equal(s->http_latency.n, 5);
	assert_string_equal(s->protocol, "http");
	assert_null(xc_requests_find(t, &web, 2));
}

static void a_request_under_way_is_there_until_something_is_known(void **state)
{
	struct xc_request r = make("http", "/open", XC_STATUS_NONE, 1000, 0);
	const struct xc_flow_requests *s;

	(void)state;
	r.result = XC_RESULT_NONE;
	xc_requests_add(t, &web, 1, &r, XC_REQUEST_SENT);
	s = xc_requests_find(t, &web, 1);
	assert_string_equal(s->http.target, "/open");
	assert_int_equal(s->n_http, 0);
	add(&web, 1, make("http", "/done", 200, 1000, 1));
	assert_string_equal(s->http.target, "/done");
}

static void time_outs_are_counted_and_have_no_code(void **state)
{
	const struct xc_flow_requests *s;

	(void)state;
	add(&resolver, 1, make("dns", "a.example", XC_STATUS_NONE, 1000, 0));
	s = xc_requests_find(t, &resolver, 1);
	assert_int_equal(s->n_dns_timeouts, 1);
	assert_int_equal(s->n_dns_failures, 1);
	assert_false(s->dns.is_set);
}

/* The rows of RFC 1535 search lists: the name as typed exists, or does with a later suffix. */
static void a_search_list_that_ends_well_is_no_failure(void **state)
{
	static const struct {
		const char *missing, *found;
		uint64_t after_ms;
		unsigned int n_failures;
	} rows[] = {
		{ "db.prod.svc.local", "db.svc.local", 2, 0 },
		{ "db.svc.local", "db", 2, 0 },
		{ "db.svc.local", "other.svc.local", 2, 1 },
		{ "db.svc.local", "db.svc.local", 2,
		  1 }, /* the other record type of the same name */
		{ "db.svc.local", "db.local", 1500, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		add(&resolver, i, make("dns", rows[i].missing, 3, 1000 + i * 10000, 1));
		add(&resolver, i,
		    make("dns", rows[i].found, 0, 1000 + i * 10000 + rows[i].after_ms, 1));
		assert_int_equal(xc_requests_find(t, &resolver, i)->n_dns_failures,
				 rows[i].n_failures);
		assert_int_equal(xc_requests_find(t, &resolver, i)->n_dns, 2);
		xc_requests_end(t, i);
	}
}

static void windows_end_and_what_finds_no_room_is_counted(void **state)
{
	(void)state;
	for (uint64_t no = 1; no <= 6; no++)
		xc_requests_speaks(t, &web, no, "redis");
	assert_int_equal(xc_requests_n_refused(t), 2);
	assert_string_equal(xc_requests_find(t, &web, 4)->protocol, "redis");
	xc_requests_end(t, 3);
	assert_null(xc_requests_find(t, &web, 3));
	assert_non_null(xc_requests_find(t, &web, 4));
	xc_requests_speaks(t, &web, 7, "redis");
	assert_non_null(xc_requests_find(t, &web, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_worst_then_the_slowest_stands_for_all, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_request_under_way_is_there_until_something_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_outs_are_counted_and_have_no_code, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_search_list_that_ends_well_is_no_failure, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(windows_end_and_what_finds_no_room_is_counted,
						set_up, tear_down),
	};

	return XC_RUN(tests);
}
