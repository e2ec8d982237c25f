/* SPDX-License-Identifier: Apache-2.0 */
/* Flows counted once: each hash is new exactly once, and a full set says so. */
#include "xctest.h"

#include "core/flowset.h"

static void a_hash_is_new_once(void **state)
{
	struct xc_flowset set = { 0 };

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 10000; i++)
			assert_int_equal(xc_flowset_add(&set, i * 0x9e3779b97f4a7c15u), !round);
	assert_int_equal(set.n, 10000);
	assert_false(set.is_full);
	xc_flowset_done(&set);
	assert_int_equal(set.n, 0);
}

/* Hashes that all want one slot: slow, and right. */
static void collisions_are_told_apart(void **state)
{
	struct xc_flowset set = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		assert_true(xc_flowset_add(&set, i << 40 | 7));
	for (uint64_t i = 0; i < 300; i++)
		assert_false(xc_flowset_add(&set, i << 40 | 7));
	xc_flowset_done(&set);
}

static void it_has_a_maximum_and_says_so(void **state)
{
	struct xc_flowset set = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= XC_FLOWSET_MAX + 10u; i++)
		(void)xc_flowset_add(&set, i);
	assert_int_equal(set.n, XC_FLOWSET_MAX);
	assert_true(set.is_full);
	xc_flowset_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_is_new_once),
		cmocka_unit_test(collisions_are_told_apart),
		cmocka_unit_test(it_has_a_maximum_and_says_so),
	};

	return XC_RUN(tests);
}
