/* SPDX-License-Identifier: Apache-2.0 */
/* One record added to one case. */
#include "records.h"

#include "conn/evidence.h"

#include <errno.h>

static const struct xc_kernel_names no_names;

static struct xc_case fresh(void)
{
	return (struct xc_case){ .tuple = FLOW(40000) };
}

static void add_sock(struct xc_case *c, const struct xc_evt *e)
{
	xc_evidence_sock(c, (const struct xc_sock_evt *)e);
}

static void add_drop(struct xc_case *c, const struct xc_evt *e)
{
	xc_evidence_drop(c, &no_names, (const struct xc_drop_evt *)e);
}

/* ---- what became of it ---------------------------------------------------------------------- */

#define CLOSED(ms, tuple_, from, ...)                                                              \
	SOCK(ms, .tuple = tuple_, .what = XC_SOCK_CLOSED, .state = XC_TCP_CLOSE,                   \
	     .state_old = XC_TCP_##from, __VA_ARGS__)

static void the_end_of_a_socket_tells_the_outcome(void **state)
{
	const struct {
		const char *what;
		const struct xc_evt *e;
		enum xc_outcome outcome;
		int error;
	} rows[] = {
		{ "refused", CLOSED(5, FLOW(40000), SYN_SENT, .sk_err = ECONNREFUSED),
		  XC_OUTCOME_REFUSED, ECONNREFUSED },
		{ "the error is in the error queue",
		  CLOSED(5, FLOW(40000), SYN_SENT, .flags = XC_SOCK_F_ERRQ,
			 .errq_errno = EHOSTUNREACH),
		  XC_OUTCOME_REFUSED, EHOSTUNREACH },
		{ "an old error queue entry is none",
		  CLOSED(5, FLOW(40000), SYN_SENT, .errq_errno = EHOSTUNREACH), XC_OUTCOME_GAVE_UP,
		  0 },
		{ "closed while connecting", CLOSED(5, FLOW(40000), SYN_SENT, .open_ns = T0),
		  XC_OUTCOME_GAVE_UP, 0 },
		{ "never had a port", CLOSED(5, FLOW(0), SYN_SENT, .open_ns = T0),
		  XC_OUTCOME_REFUSED, EADDRNOTAVAIL },
		{ "reset", CLOSED(5, FLOW(40000), ESTABLISHED, .sk_err = ECONNRESET),
		  XC_OUTCOME_BROKEN, ECONNRESET },
		{ "closed in peace", CLOSED(5, FLOW(40000), LAST_ACK), XC_OUTCOME_CLOSED, 0 },
		{ "the server's end", CLOSED(5, BACK(40000), ESTABLISHED, .sk_err = ETIMEDOUT),
		  XC_OUTCOME_BROKEN, ETIMEDOUT },
		{ "its process died", SOCK(5, .tuple = BACK(40000), .what = XC_SOCK_DIED),
		  XC_OUTCOME_BROKEN, 0 },
		{ "connected after all",
		  SOCK(5, .tuple = FLOW(40000), .what = XC_SOCK_ESTABLISHED,
		       .state = XC_TCP_ESTABLISHED),
		  XC_OUTCOME_RECOVERED, 0 },
		{ "an error of a datagram socket",
		  SOCK(5,
		       .tuple = { .saddr = CLIENT_IP,
				  .daddr = SERVER_IP,
				  .sport_he = 40000,
				  .dport_he = 80,
				  .proto = IPPROTO_UDP },
		       .what = XC_SOCK_ERROR, .sk_err = ECONNREFUSED),
		  XC_OUTCOME_BROKEN, ECONNREFUSED },
		{ "an error report of TCP is not the end",
		  SOCK(5, .tuple = FLOW(40000), .what = XC_SOCK_ERROR, .sk_err = ECONNREFUSED),
		  XC_OUTCOME_PENDING, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_case c = fresh();

		add_sock(&c, rows[i].e);
		assert_row(rows[i].what, c.outcome == rows[i].outcome);
		assert_row(rows[i].what, c.error == rows[i].error);
		assert_row(rows[i].what, (c.ended_ns != 0) == (c.outcome != XC_OUTCOME_PENDING &&
							       c.outcome != XC_OUTCOME_RECOVERED));
	}
}

static void the_clients_word_counts(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	add_sock(&c, CLOSED(1, BACK(40000), ESTABLISHED));
	assert_int_equal(c.outcome, XC_OUTCOME_CLOSED);
	add_sock(&c, CLOSED(2, FLOW(40000), ESTABLISHED, .sk_err = ECONNRESET));
	assert_int_equal(c.outcome, XC_OUTCOME_BROKEN);
	add_sock(&c, CLOSED(3, BACK(40000), ESTABLISHED, .sk_err = ETIMEDOUT));
	assert_int_equal(c.error, ECONNRESET);
	assert_true(c.server.has_error);
}

static void waiting_is_counted_from_the_call(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	add_sock(&c, SYN_RETRANS(1000, 40000, 1));
	assert_int_equal(c.waited_ns, 1000 * MS);
	add_sock(&c, CLOSED(1700, FLOW(40000), SYN_SENT, .open_ns = T0));
	assert_int_equal(c.waited_ns, 1700 * MS);
}

/* ---- what was resent ---------------------------------------------------------------------------- */

#define RESENT(ms, ...)                                                                            \
	SOCK(ms, .tuple = FLOW(40000), .what = XC_SOCK_RETRANS, .state = XC_TCP_ESTABLISHED,       \
	     .mss_bytes = 1448, __VA_ARGS__)

static void resends_are_told_apart(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	add_sock(&c,
		 SYN_RETRANS(0, 40000, 0, .retrans_err = -EPERM)); /* a kernel without the count */
	add_sock(&c, SYN_RETRANS(1, 40000, 0, .retrans_err = -EBUSY));
	assert_int_equal(c.n_syn_retrans, 2);
	assert_int_equal(c.client.n_err_eperm, 1);
	assert_int_equal(c.client.n_err_ebusy, 1);
	assert_int_equal(c.client.n_retrans, 0);
	add_sock(&c, RESENT(10, .seg_bytes = 1448, .seg_seq = 1, .snd_una = 1));
	add_sock(&c, RESENT(20, .seg_bytes = 1448, .seg_seq = 1, .snd_una = 1));
	add_sock(&c, RESENT(30, .seg_bytes = 100, .seg_seq = 5, .snd_una = 2));
	add_sock(&c, RESENT(40, .seg_bytes = 1448, .seg_seq = 9, .snd_una = 9));
	assert_int_equal(c.client.n_retrans, 4);
	assert_int_equal(c.client.n_retrans_full, 3);
	assert_int_equal(c.client.n_full_seqs, 2);
	assert_int_equal(c.client.n_retrans_small, 1);
	assert_int_equal(c.client.first_retrans_ns, T0 + 10 * MS);
	assert_int_equal(c.client.second_retrans_ns, T0 + 20 * MS);
	assert_int_equal(c.client.second_full_ns, T0 + 20 * MS);
	assert_true(c.was_established);
	add_sock(&c, SOCK(50, .tuple = BACK(40000), .what = XC_SOCK_SYNACK_RETRANS,
			  .netns = NS_SERVER, .owner = { .tgid = 7 }));
	assert_int_equal(c.server.n_synack_retrans, 1);
	assert_int_equal(c.server.owner.tgid, 7);
	assert_false(c.server.is_seen);		/* a listener's word is no socket of this flow */
}

static void a_closing_socket_keeps_its_next_hop(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	add_sock(&c, SYN_RETRANS(0, 40000, 1, .nexthop = OTHER_IP,
				 .owner = { .tgid = 9, .cgroup_id = 3 }));
	add_sock(&c, CLOSED(1, FLOW(40000), SYN_SENT));
	assert_int_equal(c.client.last.nexthop[15], 3);
	assert_int_equal(c.client.owner.tgid, 9);
	assert_int_equal(c.client.last.state, XC_TCP_CLOSE);
}

static void stuck_since_the_first_scan(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	add_sock(&c,
		 SOCK(5, .tuple = FLOW(40000), .what = XC_SOCK_SCAN, .state = XC_TCP_ESTABLISHED));
	add_sock(&c,
		 SOCK(9, .tuple = FLOW(40000), .what = XC_SOCK_SCAN, .state = XC_TCP_ESTABLISHED));
	add_sock(&c, SOCK(9, .tuple = FLOW(40000), .what = XC_SOCK_RST_RCVD,
			  .state = XC_TCP_ESTABLISHED));
	assert_int_equal(c.client.stuck_ns, T0 + 5 * MS);
	assert_int_equal(c.client.n_rst_rcvd, 1);
}

/* ---- drops, resets, ICMP, routes, rules ------------------------------------------------------------ */

static void the_same_drop_is_one_fact(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		add_drop(&c, DROP(i, .tuple = FLOW(40000), .sym = "nf_hook_slow", .location = 1,
				  .seq = i / 2, .count = i + 1));
	assert_int_equal(c.n_drops, 1);
	assert_int_equal(c.drops[0].e.count, 5);
	assert_int_equal(c.drops[0].n_seqs, 3);
	assert_int_equal(c.drops[0].e.hdr.ts_ns, T0);	/* the first one */
	add_drop(&c, DROP(9, .tuple = BACK(40000), .sym = "nf_hook_slow", .location = 1));
	assert_int_equal(c.n_drops, 2);
	assert_false(c.drops[1].to_server);
	add_drop(&c, DROP(9, .tuple = FLOW(40000), .sym = "nf_hook_slow", .location = 1,
			  .hook = XC_HOOK_FORWARD));
	add_drop(&c,
		 DROP(9, .tuple = FLOW(40000), .sym = "nf_hook_slow", .location = 1, .netns = 5));
	assert_int_equal(c.n_drops, 4);
	for (uint64_t i = 0; i < 20; i++)
		add_drop(&c, DROP(9, .tuple = FLOW(40000), .location = 100 + i));
	assert_int_equal(c.n_drops, XC_CASE_DROPS);
}

static void a_drop_on_its_way_out_tells_the_owner(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	add_drop(&c, DROP(0, .tuple = BACK(40000), .hook = XC_HOOK_OUTPUT, .netns = NS_SERVER,
			  .owner = { .tgid = 7 }));
	assert_int_equal(c.server.netns, NS_SERVER);
	assert_int_equal(c.client.owner.tgid, 0);
	add_drop(&c, DROP(0, .tuple = FLOW(40000), .hook = XC_HOOK_OUTPUT, .netns = NS_CLIENT,
			  .owner = { .tgid = 9 }));
	assert_int_equal(c.client.netns, NS_CLIENT);
	assert_int_equal(c.client.owner.tgid, 9);
}

static void resets_and_errors_know_their_side(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	xc_evidence_reset(&c, &no_names,
			  (const void *)RESET(0, .tuple = BACK(40000), .netns = NS_SERVER,
					      .owner = { .tgid = 7 }));
	xc_evidence_reset(&c, &no_names,
			  (const void *)RESET(1, .tuple = FLOW(40000), .netns = NS_CLIENT));
	assert_true(c.resets[0].by_server && !c.resets[1].by_server);
	assert_string_equal(c.resets[0].name, "no reason given");
	assert_int_equal(c.server.owner.tgid, 7);
	assert_int_equal(c.client.netns, NS_CLIENT);
	for (int i = 0; i < 10; i++)
		xc_evidence_reset(&c, &no_names, (const void *)RESET(2, .tuple = FLOW(40000)));
	assert_int_equal(c.n_resets, XC_CASE_RESETS);
	for (int i = 0; i < 3; i++)
		xc_evidence_icmp(&c, (const void *)ICMP(0, .tuple = FLOW(40000), .family = 4,
							.type = 3, .code = 1));
	xc_evidence_icmp(
		&c, (const void *)ICMP(0, .tuple = BACK(40000), .family = 4, .type = 3, .code = 1));
	assert_int_equal(c.n_icmps, 2);
	assert_int_equal(c.icmps[0].count, 3);
	assert_true(c.icmps[0].to_client && !c.icmps[1].to_client);
	for (uint8_t i = 0; i < 10; i++)
		xc_evidence_icmp(&c, (const void *)ICMP(0, .tuple = FLOW(40000), .family = 4,
							.type = 3, .code = i));
	assert_int_equal(c.n_icmps, XC_CASE_ICMPS);
}

static void a_route_of_the_next_table_settles_it(void **state)
{
	struct xc_case c = fresh();

	(void)state;
	xc_evidence_route(&c, (const void *)ROUTE(0, .err = -EAGAIN, .netns = NS_CLIENT,
						  .owner = { .tgid = 9 }));
	assert_int_equal(c.error, ENETUNREACH);
	assert_int_equal(c.outcome, XC_OUTCOME_REFUSED);
	xc_evidence_route(&c, (const void *)ROUTE(1, .err = -EACCES));
	assert_int_equal(c.error, EACCES);
	for (int i = 0; i < 5; i++)
		xc_evidence_route(&c, (const void *)ROUTE(1, .err = -EACCES));
	assert_int_equal(c.n_routes, XC_CASE_ROUTES);
	xc_evidence_route(&c, (const void *)ROUTE(2, .err = 0));
	assert_int_equal(c.n_routes, 0);
	assert_int_equal(c.outcome, XC_OUTCOME_RECOVERED);
	xc_evidence_denied(&c, (const void *)DENIED(3, .err = -EPERM, .by = XC_DENIED_CGROUP,
						    .netns = NS_CLIENT));
	assert_int_equal(c.outcome, XC_OUTCOME_REFUSED);
	assert_int_equal(c.error, EPERM);
}

static void a_better_proof_replaces_a_weaker_one(void **state)
{
	static const uint8_t how[] = { XC_RULE_EVALUATED, XC_RULE_TRACED, XC_RULE_COUNTED };
	struct xc_case c = fresh();

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(how); i++)
		xc_evidence_rule(&c, (const void *)RULE(0, .netns = 5, .hook = XC_HOOK_INPUT,
							.how = how[i], .handle = i));
	assert_int_equal(c.n_rules, 1);
	assert_int_equal(c.rules[0].handle, 1);
	for (uint32_t i = 0; i < 10; i++)
		xc_evidence_rule(&c,
				 (const void *)RULE(0, .netns = 100 + i, .hook = XC_HOOK_INPUT));
	assert_int_equal(c.n_rules, XC_CASE_RULES);
}

static void icmp_errors_as_the_application_sees_them(void **state)
{
	static const struct {
		uint8_t family, type, code;
		int error;
	} rows[] = {
		{ 4, 3, 0, ENETUNREACH },  { 4, 3, 1, EHOSTUNREACH }, { 4, 3, 2, ENOPROTOOPT },
		{ 4, 3, 3, ECONNREFUSED }, { 4, 3, 4, EMSGSIZE },     { 4, 3, 13, EHOSTUNREACH },
		{ 4, 3, 200, EHOSTUNREACH }, { 4, 11, 0, EHOSTUNREACH }, { 4, 8, 0, 0 },
		{ 6, 1, 0, ENETUNREACH },  { 6, 1, 1, EACCES },	      { 6, 1, 3, EHOSTUNREACH },
		{ 6, 1, 4, ECONNREFUSED }, { 6, 1, 99, EHOSTUNREACH }, { 6, 2, 0, EMSGSIZE },
		{ 6, 3, 0, EHOSTUNREACH }, { 6, 128, 0, 0 },	      { 5, 3, 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(xc_icmp_errno(rows[i].family, rows[i].type, rows[i].code),
				 rows[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_socket_tells_the_outcome),
		cmocka_unit_test(the_clients_word_counts),
		cmocka_unit_test(waiting_is_counted_from_the_call),
		cmocka_unit_test(resends_are_told_apart),
		cmocka_unit_test(a_closing_socket_keeps_its_next_hop),
		cmocka_unit_test(stuck_since_the_first_scan),
		cmocka_unit_test(the_same_drop_is_one_fact),
		cmocka_unit_test(a_drop_on_its_way_out_tells_the_owner),
		cmocka_unit_test(resets_and_errors_know_their_side),
		cmocka_unit_test(a_route_of_the_next_table_settles_it),
		cmocka_unit_test(a_better_proof_replaces_a_weaker_one),
		cmocka_unit_test(icmp_errors_as_the_application_sees_them),
	};

	return XC_RUN(tests);
}
