/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "flow/hist.h"

#include <errno.h>
#include <math.h>

static int fail_from = -1;	/* realloc() fails from its nth call on; -1 = never */
static int n_calls;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size)
{
	if (fail_from >= 0 && n_calls++ >= fail_from)
		return NULL;
	return __real_realloc(p, size);
}

/* A small generator of our own: the same numbers on every machine. */
static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 11;
}

static void add(struct xc_hist *h, uint64_t ns)
{
	assert_int_equal(xc_hist_add(h, xc_hist_bucket(ns), 1), 0);
}

static void nothing_has_no_quantile(void **state)
{
	struct xc_hist h = { 0 };

	(void)state;
	assert_int_equal(xc_hist_quantile(&h, 0.5), 0);
	xc_hist_reset(&h);
	xc_hist_done(&h);
}

/* Buckets rise, and the middle of each is at most 1/128 away from everything in it. */
static void one_sample_is_told_within_one_percent(void **state)
{
	uint16_t last = 0;

	(void)state;
	for (double x = 1; x < 1.8e19; x *= 1.003) {
		uint64_t ns = (uint64_t)x, got;
		struct xc_hist h = { 0 };

		assert_true(xc_hist_bucket(ns) >= last);
		last = xc_hist_bucket(ns);
		add(&h, ns);
		got = xc_hist_quantile(&h, 0.5);
		assert_true(fabs((double)got - (double)ns) <= (double)ns / 128);
		xc_hist_done(&h);
	}
}

static void small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 128; ns++) {
		struct xc_hist h = { 0 };

		add(&h, ns);
		assert_int_equal(xc_hist_quantile(&h, 1), ns);
		xc_hist_done(&h);
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_quantiles(uint64_t *v, size_t n)
{
	static const double quantiles[] = { 0.001, 0.07, 0.5, 0.95, 0.99, 1 };
	struct xc_hist h = { 0 };

	for (size_t i = 0; i < n; i++)
		add(&h, v[i]);
	assert_int_equal(h.n, n);
	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		size_t rank = (size_t)ceil(quantiles[i] * (double)n - 1e-9);
		double exact = (double)v[(rank ? rank : 1) - 1];

		assert_true(fabs((double)xc_hist_quantile(&h, quantiles[i]) - exact) <=
			    exact / 100);
	}
	xc_hist_done(&h);
}

/* Against sorted samples: even, exponential, and two humps, which break other sketches. */
static void quantiles_agree_with_sorting(void **state)
{
	static uint64_t v[3000];
	uint64_t seed = 7;

	(void)state;
	for (size_t n = 1; n <= ARRAY_SIZE(v); n = n * 3 / 2 + 1) {
		for (size_t i = 0; i < n; i++)
			v[i] = next_random(&seed) % 1000000;
		check_quantiles(v, n);
		for (size_t i = 0; i < n; i++)
			v[i] = 1ull << next_random(&seed) % 45;
		check_quantiles(v, n);
		for (size_t i = 0; i < n; i++)
			v[i] = (i % 20 ? 50000 : 40000000) + next_random(&seed) % 5000;
		check_quantiles(v, n);
	}
}

static void nearest_rank(void **state)
{
	struct xc_hist h = { 0 };

	(void)state;
	for (uint64_t ns = 1; ns <= 100; ns++)
		add(&h, ns);
	assert_int_equal(xc_hist_quantile(&h, 0.5), 50);
	assert_int_equal(xc_hist_quantile(&h, 0.07), 7);
	assert_int_equal(xc_hist_quantile(&h, 0.95), 95);
	assert_int_equal(xc_hist_quantile(&h, 0.99), 99);
	assert_int_equal(xc_hist_quantile(&h, 1), 100);
	xc_hist_reset(&h);
	add(&h, 9);
	assert_int_equal(h.n, 1);
	assert_int_equal(xc_hist_quantile(&h, 0.5), 9);
	xc_hist_done(&h);
}

static void many_of_one_bucket_saturate(void **state)
{
	struct xc_hist h = { 0 };

	(void)state;
	assert_int_equal(xc_hist_add(&h, 5, UINT32_MAX), 0);
	assert_int_equal(xc_hist_add(&h, 5, 10), 0);
	assert_int_equal(xc_hist_add(&h, 60000, 1), 0);
	assert_int_equal(h.bucket[0].n, UINT32_MAX);
	assert_int_equal(xc_hist_quantile(&h, 0.5), 5);
	xc_hist_done(&h);
}

/* What was not counted is told, and what was counted stays. */
static void memory_may_run_out(void **state)
{
	struct xc_hist h = { 0 };

	(void)state;
	for (uint16_t no = 0; no < 8; no++)
		assert_int_equal(xc_hist_add(&h, no, 1), 0);
	fail_from = n_calls = 0;
	assert_int_equal(xc_hist_add(&h, 100, 1), -ENOMEM);
	assert_int_equal(xc_hist_add(&h, 3, 1), 0);
	fail_from = -1;
	assert_int_equal(h.n, 9);
	assert_int_equal(h.n_buckets, 8);
	xc_hist_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_no_quantile),
		cmocka_unit_test(one_sample_is_told_within_one_percent),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(quantiles_agree_with_sorting),
		cmocka_unit_test(nearest_rank),
		cmocka_unit_test(many_of_one_bucket_saturate),
		cmocka_unit_test(memory_may_run_out),
	};

	return XC_RUN(tests);
}
