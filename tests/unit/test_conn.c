/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, cases out: what is worth a case, when it is looked at, what is asked. */
#include "conn_table.h"

#include <errno.h>
#include <stdint.h>

/* ---- grace and queues ---------------------------------------------------------------------- */

static void a_case_is_looked_at_after_the_grace_time(void **state)
{
	struct xc_conn *t = fresh(8);
	struct xc_said *said;

	(void)state;
	assert_true(xc_conn_deadline(t) == UINT64_MAX);
	xc_conn_feed(t, SYN_DROP(10, 40000));
	assert_null(xc_conn_due(t, &said));
	assert_int_equal(xc_conn_deadline(t), T0 + (10 + GRACE) * MS);
	/* more evidence does not put the look off */
	xc_conn_feed(t, SYN_RETRANS(30, 40000, 1));
	assert_int_equal(xc_conn_deadline(t), T0 + (10 + GRACE) * MS);
	assert_null(look(t, 10 + GRACE - 1));
	assert_true(is_flow(look(t, 10 + GRACE), 40000));
	assert_null(look(t, 10 + GRACE));
	assert_true(xc_conn_deadline(t) == UINT64_MAX);
	xc_conn_free(t);
}

static void time_never_runs_backwards(void **state)
{
	struct xc_conn *t = fresh(8);

	(void)state;
	xc_conn_feed(t, TICK(500, .wall_offset_ns = 7));
	xc_conn_feed(t, SYN_DROP(100, 40000));	/* another CPU's record, late */
	assert_int_equal(xc_conn_now(t), T0 + 500 * MS);
	assert_int_equal(xc_conn_wall_offset(t), 7);
	assert_int_equal(xc_conn_deadline(t), T0 + (500 + GRACE) * MS);
	xc_conn_free(t);
}

static void what_waits_is_looked_at_again(void **state)
{
	struct xc_conn *t = fresh(8);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t, SYN_RETRANS(0, 40000, 1));
	assert_non_null(look(t, GRACE));
	assert_null(look(t, 900));
	xc_conn_feed(t, SYN_RETRANS(1000, 40000, 2));
	c = look(t, 1000 + GRACE);
	assert_true(is_flow(c, 40000));
	assert_int_equal(c->n_syn_retrans, 2);
	assert_int_equal(n_cases(t), 1);
	xc_conn_free(t);
}

static void what_is_done_is_not_told_twice(void **state)
{
	struct xc_conn *t = fresh(8);

	(void)state;
	xc_conn_feed(t, SYN_DROP(0, 40000));
	assert_non_null(look_and(t, GRACE, XC_SETTLE_DONE));
	xc_conn_feed(t, SYN_DROP(100, 40000));	/* trickles in */
	assert_null(look(t, 100 + GRACE));
	assert_int_equal(n_cases(t), 1);
	xc_conn_feed(t, SYN_DROP(2500, 40000));	/* after two seconds it is another story */
	assert_non_null(look(t, 2500 + GRACE));
	assert_int_equal(n_cases(t), 2);
	xc_conn_free(t);
}

static void silence_is_forgotten_after_the_longest_connect(void **state)
{
	struct xc_conn *t = fresh(8);

	(void)state;
	xc_conn_feed(t, SYN_RETRANS(0, 40000, 1));
	assert_non_null(look(t, GRACE));
	assert_null(look(t, 129000));
	xc_conn_feed(t, SYN_RETRANS(129001, 40000, 6));	/* still known */
	assert_int_equal(n_cases(t), 1);
	assert_non_null(look(t, 130000));
	assert_null(look(t, 270000));
	xc_conn_feed(t, SYN_RETRANS(270001, 40000, 1));
	assert_int_equal(n_cases(t), 2);
	xc_conn_free(t);
}

static void a_connection_that_lives_starts_over(void **state)
{
	struct xc_conn *t = fresh(8);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t, SYN_RETRANS(0, 40000, 1, .owner = { .tgid = 9, .comm = "curl" }));
	xc_conn_feed(t, SOCK(20, .tuple = FLOW(40000), .netns = NS_CLIENT,
			     .what = XC_SOCK_ESTABLISHED, .state_old = XC_TCP_SYN_SENT,
			     .state = XC_TCP_ESTABLISHED, .flags = XC_SOCK_F_CLIENT));
	c = look_and(t, GRACE, XC_SETTLE_AGAIN);
	assert_int_equal(c->outcome, XC_OUTCOME_RECOVERED);
	xc_conn_feed(t, DROP(100, .tuple = FLOW(40000), .reason = REASON(NETFILTER_DROP),
			     .netns = NS_SERVER, .tcp_flags = XC_TCP_ACK, .count = 1));
	c = look(t, 100 + GRACE);
	assert_true(is_flow(c, 40000));
	assert_int_equal(c->outcome, XC_OUTCOME_PENDING);
	assert_int_equal(c->n_syn_retrans, 0);
	assert_true(c->was_established);
	assert_int_equal(c->client.owner.tgid, 9);
	xc_conn_free(t);
}

static void success_without_trouble_opens_nothing(void **state)
{
	struct xc_conn *t = fresh(8);

	(void)state;
	xc_conn_feed(t, SOCK(0, .tuple = FLOW(40000), .what = XC_SOCK_ESTABLISHED,
			     .state = XC_TCP_ESTABLISHED, .flags = XC_SOCK_F_CLIENT));
	assert_int_equal(n_cases(t), 0);
	xc_conn_free(t);
}

static void the_oldest_makes_room_and_is_counted(void **state)
{
	struct xc_conn *t = fresh(4);
	struct xc_conn_stats s;

	(void)state;
	for (uint16_t i = 0; i < 6; i++)
		xc_conn_feed(t, SYN_DROP(i, (uint16_t)(40000 + i)));
	xc_conn_get_stats(t, &s);
	assert_int_equal(s.n_cases, 6);
	assert_int_equal(s.n_evicted, 2);
	for (uint16_t i = 2; i < 6; i++)
		assert_true(is_flow(look_and(t, 100, XC_SETTLE_DONE), (uint16_t)(40000 + i)));
	assert_null(look(t, 100));
	/* what is done makes room first, and nobody misses it */
	xc_conn_feed(t, SYN_DROP(101, 50000));
	xc_conn_get_stats(t, &s);
	assert_int_equal(s.n_evicted, 2);
	xc_conn_free(t);
}

static void quiet_cases_make_room_before_due_ones(void **state)
{
	struct xc_conn *t = fresh(2);

	(void)state;
	xc_conn_feed(t, SYN_DROP(0, 40000));
	assert_non_null(look(t, GRACE));
	xc_conn_feed(t, SYN_DROP(100, 40001));
	xc_conn_feed(t, SYN_DROP(101, 40002));
	assert_true(is_flow(look(t, 200), 40001));
	assert_true(is_flow(look(t, 200), 40002));
	xc_conn_free(t);
}

/* ---- what is worth a case --------------------------------------------------------------------- */

/* At file scope the records last. */
static const struct {
	const char *what;
	const struct xc_evt *e;
	bool opens;
} noise[] = {
	{ "a RST for nobody",
	  DROP(0, .tuple = FLOW(1), .reason = REASON(NO_SOCKET), .tcp_flags = XC_TCP_RST), false },
	{ "a segment for nobody",
	  DROP(0, .tuple = FLOW(1), .reason = REASON(NO_SOCKET), .tcp_flags = XC_TCP_ACK), true },
	{ "a reason nobody knows", DROP(0, .tuple = FLOW(1), .reason = 3, .tcp_flags = XC_TCP_ACK),
	  false },
	{ "no reason, no route error",
	  DROP(0, .tuple = FLOW(1), .reason = REASON(NOT_SPECIFIED), .sym = "ip_error"), false },
	{ "no reason, a route error",
	  DROP(0, .tuple = FLOW(1), .reason = REASON(NOT_SPECIFIED), .sym = "ip_error",
	       .route_err = -EINVAL),
	  true },
	{ "no reason, a place that means nothing",
	  DROP(0, .tuple = FLOW(1), .reason = REASON(NOT_SPECIFIED), .sym = "skb_release",
	       .route_err = -EINVAL),
	  false },
	{ "XDP gives no reason",
	  DROP(0, .tuple = FLOW(1), .reason = REASON(NOT_SPECIFIED), .sym = "do_xdp_generic"),
	  true },
	{ "a frame for another host",
	  DROP(0, .tuple = FLOW(1), .reason = REASON(OTHERHOST), .netns = NS_SERVER), false },
	{ "neighbour discovery",
	  DROP(0, .tuple = { .saddr = CLIENT_IP, .daddr = SERVER_IP, .proto = IPPROTO_ICMPV6 },
	       .icmp_type = 135, .reason = REASON(NETFILTER_DROP)),
	  false },
	{ "a ping",
	  DROP(0, .tuple = { .saddr = CLIENT_IP, .daddr = SERVER_IP, .proto = IPPROTO_ICMP },
	       .icmp_type = 8, .reason = REASON(NETFILTER_DROP)),
	  true },
	{ "an IPv6 ping",
	  DROP(0, .tuple = { .saddr = { 0x20 }, .daddr = { 0x30 }, .proto = IPPROTO_ICMPV6 },
	       .icmp_type = 128, .reason = REASON(NETFILTER_DROP)),
	  true },
	{ "an ICMP error about a flow",
	  DROP(0, .tuple = FLOW(1), .is_quoted = 1, .reason = REASON(NETFILTER_DROP),
	       .icmp_type = 3),
	  true },
	{ "a table that had the route", ROUTE(0, .daddr = SERVER_IP, .err = 0), false },
	{ "nobody had the route", ROUTE(0, .daddr = SERVER_IP, .err = -EAGAIN), true },
	{ "a neighbour alone", NEIGH(0, .addr = SERVER_IP, .nud_state = 0x20), false },
	{ "a process alone", PROC(0, .what = XC_PROC_EXIT, .owner = { .tgid = 7 }), false },
	{ "a rule for no drop", RULE(0, .tuple = FLOW(1), .netns = NS_SERVER, .text = "drop"),
	  false },
};

static void noise_opens_nothing(void **state)
{
	static const uint8_t mdns[16] = { [10] = 0xff, [11] = 0xff, 224, 0, 0, 251 };
	struct xc_conn *t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(noise); i++) {
		t = fresh(4);
		xc_conn_feed(t, noise[i].e);
		assert_row(noise[i].what, (n_cases(t) == 1) == noise[i].opens);
		xc_conn_free(t);
	}
	t = fresh(4);
	for (int is_source = 0; is_source < 2; is_source++) {
		struct xc_drop_evt e = {
			.hdr = { .ts_ns = T0, .size_bytes = sizeof(e), .kind = XC_EVT_DROP },
			.tuple = FLOW(1),
			.reason = REASON(NETFILTER_DROP)
		};

		memcpy(is_source ? e.tuple.saddr : e.tuple.daddr, mdns, 16);
		xc_conn_feed(t, &e.hdr);
	}
	assert_int_equal(n_cases(t), 0);
	xc_conn_free(t);
}

static void a_wrong_mac_needs_our_own_address(void **state)
{
	struct xc_conn *t = fresh(4);

	(void)state;
	xc_conn_feed(t, ADDR(0, .addr = SERVER_IP, .netns = NS_SERVER, .dev = "eth0"));
	xc_conn_feed(t, DROP(1, .tuple = FLOW(1), .reason = REASON(OTHERHOST), .netns = NS_ROUTER));
	assert_int_equal(n_cases(t), 0);
	xc_conn_feed(t, DROP(2, .tuple = FLOW(1), .reason = REASON(OTHERHOST), .netns = NS_SERVER));
	assert_int_equal(n_cases(t), 1);
	xc_conn_free(t);
}

static void a_kernel_without_reasons_tells_by_the_place(void **state)
{
	struct xc_conn_cfg cfg = { .max_cases = 4,
				   .grace_ns = GRACE * MS,
				   .window_ns = 30000 * MS };
	struct xc_conn *t = xc_conn_new(&cfg);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t, DROP(0, .tuple = FLOW(1), .sym = "nft_do_chain", .tcp_flags = XC_TCP_SYN,
			     .count = 1));
	c = look(t, GRACE);
	assert_int_equal(c->drops[0].why, XC_DROP_NETFILTER_DROP);
	assert_string_equal(c->drops[0].name, "no reason given");
	xc_conn_feed(t,
		     DROP(100, .tuple = FLOW(2), .sym = "kfree_skb_list", .tcp_flags = XC_TCP_SYN));
	assert_int_equal(n_cases(t), 1);
	xc_conn_free(t);
}

/* ---- the host wakes its cases ------------------------------------------------------------------- */

static void news_about_the_host_wake_what_they_concern(void **state)
{
	const struct {
		const char *what;
		const struct xc_evt *e;
		bool wakes;
	} rows[] = {
		{ "its neighbour",
		  NEIGH(200, .addr = SERVER_IP, .netns = NS_CLIENT, .nud_state = 0x20), true },
		{ "its next hop",
		  NEIGH(200, .addr = OTHER_IP, .netns = NS_CLIENT, .nud_state = 0x20), true },
		{ "another neighbour",
		  NEIGH(200, .addr = LOOPBACK, .netns = NS_CLIENT, .nud_state = 0x20), false },
		{ "the server's process", PROC(200, .what = XC_PROC_EXIT, .owner = { .tgid = 70 }),
		  true },
		{ "another process", PROC(200, .what = XC_PROC_EXIT, .owner = { .tgid = 71 }),
		  false },
		{ "its listener is full",
		  SOCK(200, .what = XC_SOCK_LISTEN,
		       .tuple = { .saddr = ANY4, .sport_he = 80, .proto = IPPROTO_TCP },
		       .netns = NS_SERVER, .listener_full = 1),
		  true },
		{ "its listener has room",
		  SOCK(200, .what = XC_SOCK_LISTEN,
		       .tuple = { .saddr = ANY4, .sport_he = 80, .proto = IPPROTO_TCP },
		       .netns = NS_SERVER),
		  false },
		{ "listeners turned somebody away",
		  COUNTERS(200, .netns = NS_SERVER, .v = { [XC_CTR_LISTEN_DROPS] = 1 }), true },
		{ "counters of something else",
		  COUNTERS(200, .netns = NS_SERVER, .v = { [XC_CTR_SYNCOOKIES_SENT] = 1 }), false },
		{ "the rule for its drop",
		  RULE(200, .tuple = FLOW(40000), .netns = NS_SERVER, .hook = XC_HOOK_INPUT,
		       .text = "drop"),
		  true },
		{ "the rule for a drop elsewhere",
		  RULE(200, .tuple = FLOW(40000), .netns = NS_ROUTER, .hook = XC_HOOK_INPUT,
		       .text = "drop"),
		  false },
		{ "a value that was looked up",
		  NOTE(200, .id = NS_SERVER, .key = "k", .value = "v"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_conn *t = fresh(4);

		xc_conn_feed(t, SYN_RETRANS(0, 40000, 1, .nexthop = OTHER_IP));
		xc_conn_feed(t, SYN_DROP(1, 40000));
		xc_conn_feed(t, SOCK(2, .tuple = BACK(40000), .netns = NS_SERVER,
				     .what = XC_SOCK_RETRANS, .state = XC_TCP_ESTABLISHED,
				     .owner = { .tgid = 70, .comm = "srv" }));
		assert_non_null(look(t, 100));
		xc_conn_feed(t, rows[i].e);
		assert_row(rows[i].what, (look(t, 300) != NULL) == rows[i].wakes);
		xc_conn_free(t);
	}
}

static void a_full_listener_is_a_case_of_its_own(void **state)
{
	struct xc_conn *t = fresh(4);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t,
		     SOCK(0, .what = XC_SOCK_LISTEN, .netns = NS_SERVER, .accept_queue = 3,
			  .accept_max = 2, .listener_full = 1,
			  .tuple = { .saddr = SERVER_IP, .sport_he = 80, .proto = IPPROTO_TCP }));
	assert_int_equal(n_cases(t), 0);	/* nobody was turned away */
	xc_conn_feed(t, COUNTERS(50, .netns = NS_CLIENT, .v = { [XC_CTR_LISTEN_OVERFLOWS] = 4 }));
	assert_int_equal(n_cases(t), 0);	/* by another host's listener */
	xc_conn_feed(t, COUNTERS(60, .netns = NS_SERVER, .v = { [XC_CTR_LISTEN_OVERFLOWS] = 4 }));
	c = look(t, 200);
	assert_true(c->is_listener);
	assert_int_equal(c->tuple.dport_he, 80);
	assert_int_equal(c->server.netns, NS_SERVER);
	assert_int_equal(c->n_listeners, 1);
	assert_int_equal(c->counters.v[XC_CTR_LISTEN_OVERFLOWS], 4);
	xc_conn_free(t);
}

static void waiting_too_long_is_a_failure(void **state)
{
	struct xc_conn *t = fresh(4);

	(void)state;
	xc_conn_feed(t, NEIGH(0, .addr = SERVER_IP, .netns = NS_CLIENT, .nud_state = 1));
	xc_conn_feed(t, SYN_RETRANS(900, 40000, 1));
	assert_false(look(t, 950)->is_overdue);
	xc_conn_feed(t, SYN_RETRANS(2000, 40000, 2));
	assert_true(look(t, 2100)->is_neigh_overdue);
	xc_conn_feed(t, SYN_RETRANS(5000, 40000, 5));
	assert_true(look(t, 5100)->is_overdue);
	xc_conn_free(t);
}

/* ---- questions ------------------------------------------------------------------------------ */

static size_t n_asked(struct xc_conn *t, enum xc_ask_kind kind)
{
	struct xc_ask a;
	size_t n = 0;

	while (xc_conn_next_ask(t, &a))
		n += a.kind == kind;
	return n;
}

static void evidence_raises_questions(void **state)
{
	const struct {
		const char *what;
		const struct xc_evt *e;
		enum xc_ask_kind kind;
		size_t n;
	} rows[] = {
		{ "which rule?", SYN_DROP(0, 1), XC_ASK_RULE, 1 },
		{ "is conntrack full?", SYN_DROP(0, 1), XC_ASK_SYSCTL, 2 },
		{ "which TC program?", DROP(0, .tuple = FLOW(1), .reason = REASON(TC_INGRESS)),
		  XC_ASK_PROGRAMS, 1 },
		{ "which cgroup program?",
		  DROP(0, .tuple = FLOW(1), .reason = REASON(BPF_CGROUP_EGRESS)), XC_ASK_PROGRAMS,
		  1 },
		{ "how is rp_filter set?",
		  DROP(0, .tuple = FLOW(1), .reason = REASON(IP_RPFILTER), .dev = "eth0"),
		  XC_ASK_SYSCTL, 2 },
		{ "does it forward?", DROP(0, .tuple = FLOW(1), .reason = REASON(IP_INADDRERRORS)),
		  XC_ASK_SYSCTL, 2 },
		{ "which program denied it?",
		  DENIED(0, .tuple = FLOW(1), .by = XC_DENIED_CGROUP, .err = -EPERM),
		  XC_ASK_PROGRAMS, 1 },
		{ "how large is its memory?",
		  PROC(0, .what = XC_PROC_OOM, .owner = { .tgid = 1, .cgroup_id = 5 }),
		  XC_ASK_CGROUP, 1 },
		{ "an exit raises none",
		  PROC(0, .what = XC_PROC_EXIT, .owner = { .tgid = 1, .cgroup_id = 5 }),
		  XC_ASK_CGROUP, 0 },
		{ "how many ports are there?",
		  SOCK(0, .tuple = FLOW(0), .what = XC_SOCK_CLOSED, .state_old = XC_TCP_SYN_SENT,
		       .state = XC_TCP_CLOSE),
		  XC_ASK_SYSCTL, 1 },
		{ "how are listeners set?",
		  COUNTERS(0, .netns = 5, .v = { [XC_CTR_LISTEN_DROPS] = 1 }), XC_ASK_SYSCTL, 3 },
		{ "a full link raises none",
		  DROP(0, .tuple = FLOW(1), .reason = REASON(QDISC_DROP)), XC_ASK_SYSCTL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_conn *t = fresh(4);

		xc_conn_feed(t, rows[i].e);
		assert_row(rows[i].what, n_asked(t, rows[i].kind) == rows[i].n);
		xc_conn_free(t);
	}
}

static void a_rule_is_asked_for_twice_and_no_more(void **state)
{
	struct xc_conn *t = fresh(4);
	size_t n = 0;

	(void)state;
	for (uint64_t i = 0; i < 6; i++) {
		struct xc_drop_evt e = *(const struct xc_drop_evt *)SYN_DROP(0, 40000);

		e.hdr.ts_ns += i * 100 * MS;
		e.count = i + 1;
		xc_conn_feed(t, &e.hdr);
		n += n_asked(t, XC_ASK_RULE);
	}
	assert_int_equal(n, 2);	/* the second time its counter has moved */
	xc_conn_free(t);
}

/* The question of the client for OTHER_IP, its next hop, kept out somewhere. */
#define ARP_DROP(ms, reason_, ...)                                                                 \
	DROP(ms, .tuple = { .saddr = CLIENT_IP, .daddr = OTHER_IP }, .nexthop = OTHER_IP,          \
	     .is_arp = 1, .icmp_type = 1, .hook = XC_HOOK_INPUT, .reason = REASON(reason_),        \
	     .count = 1, __VA_ARGS__)
#define WAITING(ms)                                                                                \
	SOCK(ms, .tuple = FLOW(40000), .netns = NS_CLIENT, .what = XC_SOCK_RETRANS,                \
	     .state = XC_TCP_SYN_SENT, .state_old = XC_TCP_SYN_SENT, .syn_retrans = 1,             \
	     .flags = XC_SOCK_F_CLIENT, .retrans_err = -EBUSY, .nexthop = OTHER_IP)

static void what_keeps_the_neighbour_away_is_evidence(void **state)
{
	const struct xc_evt *none = TICK(0);
	const struct xc_evt *missed = NEIGH(9, .addr = OTHER_IP, .nud_state = 1, .probes = 2);
	const struct {
		const char *what;
		const struct xc_evt *before, *neigh, *after;
		uint32_t n_drops;
	} rows[] = {
		{ "dropped before", ARP_DROP(0, NETFILTER_DROP), missed, none, 1 },
		{ "dropped after", none, missed, ARP_DROP(20, NETFILTER_DROP), 1 },
		{ "told twice", ARP_DROP(0, NETFILTER_DROP), missed, ARP_DROP(20, NETFILTER_DROP),
		  1 },
		{ "for no reason that counts", ARP_DROP(0, OTHERHOST), missed, none, 0 },
		{ "for one that has answered", ARP_DROP(0, NETFILTER_DROP), none, none, 0 },
		{ "for another neighbour",
		  DROP(0, .tuple = { .saddr = CLIENT_IP, .daddr = LOOPBACK }, .nexthop = LOOPBACK,
		       .is_arp = 1, .icmp_type = 1, .reason = REASON(NETFILTER_DROP)),
		  NEIGH(9, .addr = LOOPBACK, .nud_state = 1), none, 0 },
		{ "the answer",
		  DROP(0, .tuple = { .saddr = OTHER_IP, .daddr = CLIENT_IP }, .nexthop = OTHER_IP,
		       .is_arp = 1, .icmp_type = 2, .reason = REASON(TC_INGRESS)),
		  missed, none, 1 },
		{ "what the server asks, of whom nothing else is known",
		  DROP(0, .tuple = { .saddr = SERVER_IP, .daddr = OTHER_IP }, .nexthop = OTHER_IP,
		       .is_arp = 1, .icmp_type = 1, .reason = REASON(XDP)),
		  missed, none, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_conn *t = fresh(4);
		const struct xc_case *c;

		xc_conn_feed(t, rows[i].before);
		assert_row(rows[i].what, n_cases(t) == 0);	/* nobody's connection */
		xc_conn_feed(t, rows[i].neigh);
		xc_conn_feed(t, WAITING(10));
		xc_conn_feed(t, rows[i].after);
		c = look(t, 10 + GRACE);
		assert_row(rows[i].what, c && c->n_drops == rows[i].n_drops);
		assert_row(rows[i].what, !c->n_drops || c->drops[0].e.first_ns >= c->first_ns);
		assert_row(rows[i].what, n_asked(t, XC_ASK_RULE) == 0);	/* rulesets are of IP */
		xc_conn_free(t);
	}
}

static void the_way_back_is_asked_for_once(void **state)
{
	struct xc_conn *t = fresh(4);

	(void)state;
	xc_conn_feed(t, SYN_RETRANS(0, 40000, 1));
	assert_non_null(look(t, GRACE));
	assert_int_equal(n_asked(t, XC_ASK_ROUTE), 0);	/* nobody knows where the server is */
	xc_conn_feed(t, ADDR(50, .addr = SERVER_IP, .netns = NS_SERVER, .dev = "eth0"));
	for (uint64_t i = 1; i < 4; i++) {
		xc_conn_feed(t, SYN_RETRANS(i * 1000, 40000, i + 1));
		assert_non_null(look(t, i * 1000 + GRACE));
		assert_int_equal(n_asked(t, XC_ASK_ROUTE), i == 1);
	}
	xc_conn_free(t);
}

static void questions_nobody_takes_are_counted(void **state)
{
	struct xc_conn *t = fresh(512);
	struct xc_conn_stats s;

	(void)state;
	for (uint16_t i = 0; i < 100; i++)
		xc_conn_feed(t, SYN_DROP(i, i));
	xc_conn_get_stats(t, &s);
	assert_int_equal(s.n_asks_lost, 300 - 64);
	assert_true(n_asked(t, XC_ASK_RULE) > 20);
	xc_conn_free(t);
}

/* ---- damage and losses ------------------------------------------------------------------------- */

static void damaged_and_foreign_records_are_counted(void **state)
{
	static const size_t sizes[_XC_EVT_MAX] = {
		[XC_EVT_ENUM] = sizeof(struct xc_enum_evt),
		[XC_EVT_TICK] = sizeof(struct xc_tick_evt),
		[XC_EVT_SOCK] = sizeof(struct xc_sock_evt),
		[XC_EVT_RESET] = sizeof(struct xc_reset_evt),
		[XC_EVT_DROP] = sizeof(struct xc_drop_evt),
		[XC_EVT_ICMP] = sizeof(struct xc_icmp_evt),
		[XC_EVT_NEIGH] = sizeof(struct xc_neigh_evt),
		[XC_EVT_ROUTE] = sizeof(struct xc_route_evt),
		[XC_EVT_DENIED] = sizeof(struct xc_denied_evt),
		[XC_EVT_PROC] = sizeof(struct xc_proc_evt),
		[XC_EVT_COUNTERS] = sizeof(struct xc_counters_evt),
		[XC_EVT_RULE] = sizeof(struct xc_rule_evt),
		[XC_EVT_NOTE] = sizeof(struct xc_note_evt),
		[XC_EVT_ADDR] = sizeof(struct xc_addr_evt),
	};
	struct xc_conn *t = fresh(8);
	struct xc_conn_stats s;
	uint64_t n_short = 0;

	(void)state;
	for (uint16_t kind = 1; kind < XC_EVT_END; kind++)
		for (uint32_t len = sizeof(struct xc_evt); len < sizes[kind]; len++, n_short++) {
			/* exactly as long, so that a sanitizer sees one byte too many */
			_cleanup_free_ struct xc_evt *e = calloc(1, len);

			assert_non_null(e);
			*e = (struct xc_evt){ .ts_ns = T0, .size_bytes = len, .kind = kind };
			xc_conn_feed(t, e);
		}
	for (uint32_t kind = _XC_EVT_MAX; kind <= UINT16_MAX; kind += 997)
		xc_conn_feed(t, &(struct xc_evt){
					.ts_ns = T0, .size_bytes = 16, .kind = (uint16_t)kind });
	xc_conn_feed(t, &(struct xc_evt){ .ts_ns = T0, .size_bytes = 16 });
	xc_conn_get_stats(t, &s);
	assert_int_equal(s.n_short, n_short);
	assert_int_equal(s.n_unknown, (UINT16_MAX - _XC_EVT_MAX) / 997 + 2);
	assert_int_equal(s.n_cases, 0);
	xc_conn_free(t);
}

static void a_longer_record_of_a_later_version_is_read(void **state)
{
	struct {
		struct xc_reset_evt e;
		uint8_t more[40];
	} later = {
		.e = { .hdr = { .ts_ns = T0, .size_bytes = sizeof(later), .kind = XC_EVT_RESET },
		       .tuple = BACK(40000),
		       .trigger_flags = XC_TCP_SYN }
	};
	struct xc_conn *t = fresh(4);

	(void)state;
	xc_conn_feed(t, &later.e.hdr);
	assert_true(is_flow(look(t, 100), 40000));
	xc_conn_free(t);
}

static void losses_count_from_when_the_case_was_opened(void **state)
{
	struct xc_conn *t = fresh(4);
	const struct xc_case *c;
	struct xc_said *said;

	(void)state;
	xc_conn_feed(t, TICK(0, .lost = { [XC_STAT_LOST_RING] = 100, [XC_STAT_NOISE] = 9 }));
	xc_conn_feed(t, SYN_DROP(1, 40000));
	xc_conn_feed(t, TICK(2, .lost = { [XC_STAT_LOST_RING] = 103,
					  [XC_STAT_LOST_MAP] = 2,
					  [XC_STAT_NOISE] = 99 }));
	xc_conn_feed(t, SYN_DROP(3, 40001));
	xc_conn_feed(t, TICK(100, .lost = { [XC_STAT_LOST_RING] = 104, [XC_STAT_LOST_MAP] = 2 }));
	c = xc_conn_due(t, &said);
	assert_int_equal(c->lost, 6);
	xc_conn_settle(t, XC_SETTLE_DONE);
	c = xc_conn_due(t, &said);
	assert_int_equal(c->lost, 1);
	xc_conn_settle(t, XC_SETTLE_DONE);
	xc_conn_free(t);
}

static void broken_enum_records_teach_what_they_can(void **state)
{
	struct {
		struct xc_enum_evt e;
		char names[40];
	} r = { .e = { .hdr = { .ts_ns = T0, .size_bytes = sizeof(r), .kind = XC_EVT_ENUM },
		       .which = XC_ENUM_DROP_REASON,
		       .n = 1000 } };
	struct xc_conn_cfg cfg = { .max_cases = 4,
				   .grace_ns = GRACE * MS,
				   .window_ns = 30000 * MS };
	struct xc_conn *t = xc_conn_new(&cfg);

	(void)state;
	memcpy(r.names,
	       "7=NETFILTER_DROP\0"
	       "999999=XDP\0"
	       "no equals sign\0",
	       40);
	xc_conn_feed(t, &r.e.hdr);
	xc_conn_feed(t,
		     DROP(1, .tuple = FLOW(1), .reason = 7, .tcp_flags = XC_TCP_SYN, .count = 1));
	assert_string_equal(look(t, 100)->drops[0].name, "NETFILTER_DROP");
	xc_conn_free(t);
	xc_conn_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_case_is_looked_at_after_the_grace_time),
		cmocka_unit_test(time_never_runs_backwards),
		cmocka_unit_test(what_waits_is_looked_at_again),
		cmocka_unit_test(what_is_done_is_not_told_twice),
		cmocka_unit_test(silence_is_forgotten_after_the_longest_connect),
		cmocka_unit_test(a_connection_that_lives_starts_over),
		cmocka_unit_test(success_without_trouble_opens_nothing),
		cmocka_unit_test(the_oldest_makes_room_and_is_counted),
		cmocka_unit_test(quiet_cases_make_room_before_due_ones),
		cmocka_unit_test(noise_opens_nothing),
		cmocka_unit_test(a_wrong_mac_needs_our_own_address),
		cmocka_unit_test(a_kernel_without_reasons_tells_by_the_place),
		cmocka_unit_test(news_about_the_host_wake_what_they_concern),
		cmocka_unit_test(a_full_listener_is_a_case_of_its_own),
		cmocka_unit_test(waiting_too_long_is_a_failure),
		cmocka_unit_test(evidence_raises_questions),
		cmocka_unit_test(a_rule_is_asked_for_twice_and_no_more),
		cmocka_unit_test(what_keeps_the_neighbour_away_is_evidence),
		cmocka_unit_test(the_way_back_is_asked_for_once),
		cmocka_unit_test(questions_nobody_takes_are_counted),
		cmocka_unit_test(damaged_and_foreign_records_are_counted),
		cmocka_unit_test(a_longer_record_of_a_later_version_is_read),
		cmocka_unit_test(losses_count_from_when_the_case_was_opened),
		cmocka_unit_test(broken_enum_records_teach_what_they_can),
	};

	return XC_RUN(tests);
}
