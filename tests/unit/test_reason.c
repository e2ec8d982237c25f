/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "base/scope.h"
#include "model/case.h"
#include "model/finding.h"
#include "model/reason.h"

static void numbers_mean_what_the_running_kernel_says(void **state)
{
	struct xc_enum_names n = { 0 };

	(void)state;
	assert_null(xc_names_get(&n, 7));
	assert_int_equal(xc_names_ours(&n, 7), 0);
	xc_names_learn_drop(&n, 7, "SKB_DROP_REASON_NETFILTER_DROP");
	assert_string_equal(xc_names_get(&n, 7), "NETFILTER_DROP");
	assert_int_equal(xc_names_ours(&n, 7), XC_DROP_NETFILTER_DROP);
	xc_names_learn_drop(&n, 7, "NO_SOCKET");	/* another kernel's table, without the prefix */
	assert_int_equal(xc_names_ours(&n, 7), XC_DROP_NO_SOCKET);
	xc_names_learn_drop(&n, 8, "SKB_DROP_REASON_OF_NEXT_YEAR");
	assert_string_equal(xc_names_get(&n, 8), "OF_NEXT_YEAR");
	assert_int_equal(xc_names_ours(&n, 8), XC_DROP_OTHER);
	xc_names_learn_rst(&n, 9, "SK_RST_REASON_TCP_STATE");
	assert_int_equal(xc_names_ours(&n, 9), XC_RST_TCP_STATE);
}

static void numbers_outside_the_table_are_unknown(void **state)
{
	struct xc_enum_names n = { 0 };
	char name[100];

	(void)state;
	memset(name, 'A', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	xc_names_learn_drop(&n, XC_ENUM_VALUES, "NO_SOCKET");
	xc_names_learn_drop(&n, UINT32_MAX, "NO_SOCKET");
	assert_null(xc_names_get(&n, XC_ENUM_VALUES));
	assert_int_equal(xc_names_ours(&n, UINT32_MAX), 0);
	xc_names_learn_drop(&n, XC_ENUM_VALUES - 1, name);
	assert_int_equal(strlen(xc_names_get(&n, XC_ENUM_VALUES - 1)), sizeof(n.names[0]) - 1);
}

static void places_stand_for_reasons_on_old_kernels(void **state)
{
	(void)state;
	assert_int_equal(xc_drop_from_place("nf_hook_slow"), XC_DROP_NETFILTER_DROP);
	assert_int_equal(xc_drop_from_place("veth_xdp_rcv_skb"), XC_DROP_XDP);
	assert_int_equal(xc_drop_from_place("nf_hook_slow_list"), XC_DROP_OTHER);
	assert_int_equal(xc_drop_from_place(""), XC_DROP_OTHER);
	assert_true(xc_place_is_noise("skb_rbtree_purge"));
	assert_true(xc_place_is_noise("udp_destruct_common"));
	assert_false(xc_place_is_noise("ip_error"));
	assert_false(xc_place_is_noise("ip6_pkt_drop"));
	assert_false(xc_place_is_noise(""));	/* hidden names say nothing */
}

static void everything_printed_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < _XC_LAYER_MAX; i++)
		assert_true(xc_layer_str((enum xc_layer)i)[0]);
	for (int i = 0; i < _XC_SEVERITY_MAX; i++)
		assert_true(xc_severity_str((enum xc_severity)i)[0]);
	for (int i = 0; i < _XC_STATUS_MAX; i++)
		assert_true(xc_status_str((enum xc_status)i)[0]);
	for (unsigned int i = 0; i < 256; i++)
		assert_true(xc_hook_str((uint8_t)i)[0]);
	assert_string_equal(xc_hook_str(XC_HOOK_FORWARD), "FORWARD");
	assert_string_equal(xc_hook_str(_XC_HOOK_MAX), "?");
}

static void finds_facts_in_a_case(void **state)
{
	static const struct xc_case c = {
		.n_drops = 3,
		.drops = { { .why = XC_DROP_XDP, .name = "1" },
			   { .why = XC_DROP_NETFILTER_DROP,
			     .name = "2",
			     .e = { .netns = 5, .hook = XC_HOOK_INPUT } },
			   { .why = XC_DROP_XDP, .name = "3" } },
		.n_resets = 1,
		.resets = { { .why = XC_RST_TCP_STATE, .name = "r" } },
		.n_notes = 1,
		.notes = { { .key = "k", .value = "v" } },
		.n_rules = 2,
		.rules = { { .netns = 5, .hook = XC_HOOK_FORWARD, .text = "a" },
			   { .netns = 5, .hook = XC_HOOK_INPUT, .text = "b" } },
	};
	size_t i = 0;

	(void)state;
	assert_string_equal(xc_case_next_drop(&c, XC_DROP_XDP, &i)->name, "1");
	assert_string_equal(xc_case_next_drop(&c, XC_DROP_XDP, &i)->name, "3");
	assert_null(xc_case_next_drop(&c, XC_DROP_XDP, &i));
	assert_null(xc_case_drop(&c, XC_DROP_NO_SOCKET));
	assert_string_equal(xc_case_reset(&c, XC_RST_TCP_STATE)->name, "r");
	assert_null(xc_case_reset(&c, XC_RST_NO_SOCKET));
	assert_string_equal(xc_case_note(&c, "k"), "v");
	assert_null(xc_case_note(&c, "K"));
	assert_string_equal(xc_case_rule(&c, &c.drops[1])->text, "b");
	assert_null(xc_case_rule(&c, &c.drops[0]));
	assert_string_equal(xc_dev_or("eth0", "?"), "eth0");
	assert_string_equal(xc_dev_or("", "that interface"), "that interface");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_mean_what_the_running_kernel_says),
		cmocka_unit_test(numbers_outside_the_table_are_unknown),
		cmocka_unit_test(places_stand_for_reasons_on_old_kernels),
		cmocka_unit_test(everything_printed_has_a_name),
		cmocka_unit_test(finds_facts_in_a_case),
	};

	return XC_RUN(tests);
}
