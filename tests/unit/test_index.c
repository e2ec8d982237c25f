/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "base/index.h"

#define N 500

static bool has(const struct xc_index *ix, uint64_t hash, uint32_t slot)
{
	for (uint32_t i = xc_index_first(ix, hash); i != XC_INDEX_END; i = xc_index_next(ix, i))
		if (i == slot)
			return true;
	return false;
}

/* A small generator of our own: the same numbers on every machine. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void agrees_with_a_plain_array(void **state)
{
	static bool is_in[N];
	static uint64_t hashes[N];
	struct xc_index ix;
	uint32_t seed = 1;

	(void)state;
	assert_int_equal(xc_index_init(&ix, N), 0);
	for (int round = 0; round < 20000; round++) {
		uint32_t slot = next_random(&seed) % N;

		if (is_in[slot]) {
			xc_index_del(&ix, hashes[slot], slot);
		} else {
			hashes[slot] = next_random(&seed) % 64;	/* few values: long chains */
			xc_index_add(&ix, hashes[slot], slot);
		}
		is_in[slot] = !is_in[slot];
		assert_int_equal(has(&ix, hashes[slot], slot), is_in[slot]);
	}
	for (uint32_t slot = 0; slot < N; slot++)
		assert_int_equal(has(&ix, hashes[slot], slot), is_in[slot]);
	xc_index_done(&ix);
}

static void deleting_what_is_not_there_changes_nothing(void **state)
{
	struct xc_index ix;

	(void)state;
	assert_int_equal(xc_index_init(&ix, 4), 0);
	xc_index_add(&ix, 7, 1);
	xc_index_del(&ix, 7, 2);
	xc_index_del(&ix, 8, 3);
	assert_true(has(&ix, 7, 1));
	xc_index_done(&ix);
	xc_index_done(&ix);	/* twice is legal */
}

static void no_slots_is_legal(void **state)
{
	struct xc_index ix;

	(void)state;
	assert_int_equal(xc_index_init(&ix, 0), 0);
	assert_int_equal(xc_index_first(&ix, 12345), XC_INDEX_END);
	xc_index_done(&ix);
}

/* Recordings are compared across machines: these values may never change. */
static void hash_is_the_same_for_ever(void **state)
{
	(void)state;
	assert_true(xc_hash("", 0) == xc_hash("x", 0));
	assert_true(xc_hash("crosscut", 8) == 0x5305c6d0c7917694ull);
	assert_true(xc_hash("crosscut", 8) != xc_hash("crosscuT", 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(deleting_what_is_not_there_changes_nothing),
		cmocka_unit_test(no_slots_is_legal),
		cmocka_unit_test(hash_is_the_same_for_ever),
	};

	return XC_RUN(tests);
}
