/* SPDX-License-Identifier: Apache-2.0 */
/* The limit on events, sampling, and the summary: how much is told, and that failures always are. */
#include "xctest.h"

#include "base/index.h"
#include "core/limit.h"
#include "core/summary.h"

#include <math.h>
#include <netinet/in.h>

#define S 1000000000ull

static unsigned int take(struct xc_bucket *b, unsigned int n, uint64_t now_ns)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < n; i++)
		got += xc_bucket_take(b, now_ns);
	return got;
}

static void a_bucket_holds_one_second(void **state)
{
	struct xc_bucket b = { .per_s = 100 };

	(void)state;
	assert_int_equal(take(&b, 250, 5 * S), 100);
	assert_int_equal(take(&b, 250, 5 * S + S / 10), 10);
	assert_int_equal(take(&b, 250, 5 * S + S / 10 + S / 200), 0);
	assert_int_equal(take(&b, 250, 5 * S + S / 10 + S / 100), 1);
	assert_int_equal(take(&b, 250, 5 * S), 0);	/* time that goes back gives nothing */
	assert_int_equal(take(&b, 250, 500 * S), 100);
}

static void no_limit_is_none(void **state)
{
	struct xc_bucket b = { 0 };

	(void)state;
	assert_int_equal(take(&b, 100000, 1), 100000);
}

static void a_million_a_second_does_not_overflow(void **state)
{
	struct xc_bucket b = { .per_s = 1000000000 };

	(void)state;
	assert_int_equal(take(&b, 1000, S), 1000);
	assert_int_equal(take(&b, 1000, 10000000 * S), 1000);
}

/* ---- sampling -------------------------------------------------------------------------------------- */

static double sum_of_factors(struct xc_sampler *s, uint32_t n, uint64_t destination, uint32_t *told)
{
	double sum = 0;

	*told = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct xc_sample what = { .connection = xc_hash(&i, sizeof(i)),
					  .destination = destination,
					  .ts_ns = S };
		double factor = xc_sampler_factor(s, &what);

		sum += factor;
		*told += factor > 0;
	}
	return sum;
}

static void the_factor_makes_up_for_what_is_left_out(void **state)
{
	static struct xc_sampler s = { .per_million = 100000 };
	uint32_t told;
	double sum = sum_of_factors(&s, 100000, 1, &told);

	(void)state;
	assert_true(told > 9500 && told < 10500);
	assert_true(fabs(sum - 100000) < 5000);
	s.per_million = 1000000;
	assert_true(sum_of_factors(&s, 1000, 1, &told) == 1000 && told == 1000);
	s.per_million = 0;
	assert_true(sum_of_factors(&s, 1000, 1, &told) == 0);
}

static void failures_are_told_and_bring_detail_for_30_s(void **state)
{
	static struct xc_sampler s = { .per_million = 0 };
	struct xc_sample ok = { .connection = 7, .destination = 42, .ts_ns = S };
	struct xc_sample bad = ok, other = ok;

	(void)state;
	bad.is_failure = true;
	other.destination = 43;
	assert_true(xc_sampler_factor(&s, &ok) == 0);
	assert_true(xc_sampler_factor(&s, &bad) == 1);
	ok.ts_ns = other.ts_ns = 30 * S;
	assert_true(xc_sampler_factor(&s, &ok) == 1);
	assert_true(xc_sampler_factor(&s, &other) == 0);
	ok.ts_ns = 31 * S;
	assert_true(xc_sampler_factor(&s, &ok) == 0);
}

/* ---- the summary ----------------------------------------------------------------------------------- */

static void routes_lose_their_ids(void **state)
{
	static const struct {
		const char *path, *route;
	} rows[] = {
		{ "/", "/" },
		{ "/users/17/cart", "/users/{id}/cart" },
		{ "/users/17", "/users/{id}" },
		{ "/o/123e4567-e89b-12d3-a456-426614174000/x", "/o/{id}/x" },
		{ "/deadbeef01", "/{id}" },
		{ "/feed", "/feed" },
		{ "/facade/bed", "/facade/bed" },
		{ "/v1/items", "/v1/items" },
		{ "//7/", "//{id}/" },
		{ "", "" },
	};
	char out[96], small[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(xc_summary_route(rows[i].path, out, sizeof(out)),
				    rows[i].route);
	assert_string_equal(xc_summary_route("/aaaa/17/bbbb", small, sizeof(small)), "/aaaa/{");
	assert_string_equal(xc_summary_route("/abcdefghijkl", small, sizeof(small)), "/abcdef");
}

static struct xc_netevent answer(struct xc_request *r, uint64_t ts_ns, uint64_t took_ns)
{
	struct xc_netevent e = { .type = XC_NETEVENT_HTTP_RESPONSE,
				 .ts_ns = ts_ns,
				 .tuple = { .daddr = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 2 },
					    .dport_he = 80,
					    .proto = IPPROTO_TCP },
				 .l7_protocol = "http",
				 .request = r,
				 .stage = XC_REQUEST_ANSWERED,
				 .result = r->result,
				 .first_byte_ns = took_ns / 2,
				 .last_byte_ns = took_ns };

	return e;
}

static void the_summary_counts_and_ranks(void **state)
{
	struct xc_request r = { .protocol = "http", .method = "GET", .target = "/users/1" };
	struct xc_buf out = xc_buf(65536);
	struct xc_summary *s;

	(void)state;
	assert_int_equal(xc_summary_new(true, &s), 0);
	for (uint64_t i = 1; i <= 100; i++) {
		struct xc_netevent e;

		r.result = i <= 10 ? XC_RESULT_SERVER_ERROR : XC_RESULT_OK;
		e = answer(&r, i * S / 10, i * 1000000);
		xc_summary_add(s, &e);
		e.stage = XC_REQUEST_SENT;	/* a request is counted when it ends */
		xc_summary_add(s, &e);
	}
	xc_summary_print_json(s, &out);
	assert_non_null(strstr(out.p, "\"route\":\"/users/{id}\",\"requests\":100,\"errors\":10,"
				      "\"seconds\":9.900000,\"per_second\":10.101"));
	assert_int_equal(strcspn(out.p, "\n"), out.len - 1);
	xc_buf_reset(&out);
	xc_summary_print(s, &out);
	assert_non_null(strstr(out.p, "10.0.0.2:80"));
	assert_non_null(strstr(out.p, "10.0%"));
	xc_buf_done(&out);
	xc_summary_free(s);
}

static void what_finds_no_row_is_counted_among_others(void **state)
{
	struct xc_request r = { .protocol = "http", .result = XC_RESULT_OK };
	struct xc_buf out = xc_buf(4 << 20);
	struct xc_summary *s;
	struct xc_netevent e;

	(void)state;
	assert_int_equal(xc_summary_new(false, &s), 0);
	for (uint32_t i = 0; i < XC_SUMMARY_ROWS + 100; i++) {
		e = answer(&r, S + i, 1000);
		e.tuple.dport_he = (uint16_t)i;
		e.tuple.daddr[15] = (uint8_t)(i >> 16);
		xc_summary_add(s, &e);
	}
	xc_summary_print(s, &out);
	assert_non_null(strstr(out.p, "(others)"));
	assert_non_null(strstr(strstr(out.p, "(others)"), " 101 "));
	xc_buf_done(&out);
	xc_summary_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_holds_one_second),
		cmocka_unit_test(no_limit_is_none),
		cmocka_unit_test(a_million_a_second_does_not_overflow),
		cmocka_unit_test(the_factor_makes_up_for_what_is_left_out),
		cmocka_unit_test(failures_are_told_and_bring_detail_for_30_s),
		cmocka_unit_test(routes_lose_their_ids),
		cmocka_unit_test(the_summary_counts_and_ranks),
		cmocka_unit_test(what_finds_no_row_is_counted_among_others),
	};

	return XC_RUN(tests);
}
