/* SPDX-License-Identifier: Apache-2.0 */
/* Which flow a record belongs to, and which way round it is. */
#include "conn_table.h"

#include <errno.h>

/* ---- which way round ------------------------------------------------------------------------ */

static void the_client_is_who_began(void **state)
{
	static const struct xc_tuple there = FLOW(40000), back = BACK(40000);
	static const struct xc_tuple low_first = { .saddr = SERVER_IP,
						   .daddr = CLIENT_IP,
						   .sport_he = 80,
						   .dport_he = 40000,
						   .proto = IPPROTO_UDP };
	const struct {
		const char *what;
		const struct xc_evt *e;
		bool is_client_first;	/* the server's address is the source of the record */
	} rows[] = {
		{ "a SYN was dropped",
		  DROP(0, .tuple = there, .reason = REASON(XDP), .tcp_flags = XC_TCP_SYN), true },
		{ "a SYN-ACK was dropped",
		  DROP(0, .tuple = back, .reason = REASON(XDP),
		       .tcp_flags = XC_TCP_SYN | XC_TCP_ACK),
		  true },
		{ "a SYN from a low port was dropped",
		  DROP(0, .tuple = back, .reason = REASON(XDP), .tcp_flags = XC_TCP_SYN), false },
		{ "a SYN was answered with a RST",
		  RESET(0, .tuple = back, .trigger_flags = XC_TCP_SYN), true },
		{ "the socket called connect()",
		  SOCK(0, .tuple = there, .what = XC_SOCK_CLOSED, .flags = XC_SOCK_F_CLIENT),
		  true },
		{ "the socket was connecting",
		  SOCK(0, .tuple = there, .what = XC_SOCK_CLOSED, .state_old = XC_TCP_SYN_SENT,
		       .state = XC_TCP_CLOSE),
		  true },
		{ "a SYN-ACK was resent", SOCK(0, .tuple = back, .what = XC_SOCK_SYNACK_RETRANS),
		  true },
		{ "a server's process died", SOCK(0, .tuple = back, .what = XC_SOCK_DIED), true },
		{ "a request was being answered",
		  SOCK(0, .tuple = back, .what = XC_SOCK_RETRANS, .state = XC_TCP_SYN_RECV), true },
		{ "nothing but ports: the low one serves",
		  ICMP(0, .tuple = low_first, .family = 4, .type = 3), true },
		{ "a call without a packet",
		  DENIED(0, .tuple = there, .by = XC_DENIED_CGROUP, .err = -EPERM), true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_conn *t = fresh(4);
		const struct xc_case *c;

		xc_conn_feed(t, rows[i].e);
		c = look(t, GRACE);
		assert_row(rows[i].what, c);
		assert_row(rows[i].what, (c->tuple.dport_he == 80) == rows[i].is_client_first);
		xc_conn_free(t);
	}
}

static void a_listener_tells_the_server_better_than_a_port(void **state)
{
	static const struct xc_tuple from_high = { .saddr = SERVER_IP,
						   .daddr = CLIENT_IP,
						   .sport_he = 50051,
						   .dport_he = 40000,
						   .proto = IPPROTO_TCP };
	struct xc_conn *t = fresh(4);

	(void)state;
	xc_conn_feed(t, SOCK(0, .what = XC_SOCK_LISTEN, .netns = NS_SERVER,
			     .tuple = { .saddr = ANY4, .sport_he = 50051, .proto = IPPROTO_TCP }));
	xc_conn_feed(t,
		     DROP(1, .tuple = from_high, .reason = REASON(XDP), .tcp_flags = XC_TCP_ACK));
	assert_int_equal(look(t, 100)->tuple.dport_he, 50051);
	xc_conn_free(t);
}

static void a_wrong_guess_is_corrected_with_all_it_led_to(void **state)
{
	/* two high ports: the first record makes its sender the client */
	static const struct xc_tuple reply = { .saddr = SERVER_IP,
					       .daddr = CLIENT_IP,
					       .sport_he = 50051,
					       .dport_he = 40000,
					       .proto = IPPROTO_TCP };
	static const struct xc_tuple request = { .saddr = CLIENT_IP,
						 .daddr = SERVER_IP,
						 .sport_he = 40000,
						 .dport_he = 50051,
						 .proto = IPPROTO_TCP };
	struct xc_conn *t = fresh(4);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t, DROP(0, .tuple = reply, .reason = REASON(XDP), .tcp_flags = XC_TCP_ACK,
			     .count = 1));
	xc_conn_feed(t, RESET(1, .tuple = reply, .netns = NS_SERVER, .trigger_flags = XC_TCP_ACK));
	xc_conn_feed(t, ICMP(2, .tuple = request, .family = 4, .type = 3, .code = 13));
	xc_conn_feed(t, SOCK(3, .tuple = request, .netns = NS_CLIENT, .what = XC_SOCK_RST_RCVD,
			     .state = XC_TCP_ESTABLISHED, .flags = XC_SOCK_F_CLIENT));
	c = look(t, 100);
	assert_true(xc_tuple_equal(&c->tuple, &request));
	assert_false(c->drops[0].to_server);
	assert_true(c->resets[0].by_server);
	assert_true(c->icmps[0].to_client);
	assert_int_equal(c->client.n_rst_rcvd, 1);
	assert_int_equal(c->server.netns, NS_SERVER);
	assert_int_equal(n_cases(t), 1);
	xc_conn_free(t);
}

/* ---- one flow, several tuples --------------------------------------------------------------- */

static void behind_nat_the_original_tuple_counts(void **state)
{
	static const struct xc_tuple translated = { .saddr = CLIENT_IP,
						    .daddr = OTHER_IP,
						    .sport_he = 40000,
						    .dport_he = 8080,
						    .proto = IPPROTO_TCP };
	struct xc_conn *t = fresh(4);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t,
		     DROP(0, .tuple = translated, .orig = FLOW(40000), .netns = NS_SERVER,
			  .count = 1, .reason = REASON(NETFILTER_DROP), .tcp_flags = XC_TCP_SYN));
	xc_conn_feed(t, SYN_RETRANS(1, 40000, 1));
	c = look(t, 100);
	assert_true(is_flow(c, 40000));
	assert_int_equal(c->n_drops, 1);
	assert_true(c->drops[0].to_server);
	assert_int_equal(c->drops[0].e.tuple.dport_he, 8080);
	assert_int_equal(n_cases(t), 1);
	xc_conn_free(t);
}

static void without_conntracks_word_the_syn_itself_tells(void **state)
{
	static const struct xc_tuple translated = { .saddr = CLIENT_IP,
						    .daddr = OTHER_IP,
						    .sport_he = 40000,
						    .dport_he = 8080,
						    .proto = IPPROTO_TCP };
	struct xc_conn *t = fresh(4);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t, DROP(0, .tuple = translated, .netns = NS_SERVER, .reason = REASON(XDP),
			     .count = 1, .tcp_flags = XC_TCP_SYN, .seq = ISN(40000)));
	xc_conn_feed(t, SYN_RETRANS(1, 40000, 1));
	c = look(t, 100);
	assert_true(is_flow(c, 40000));
	assert_true(c->drops[0].to_server);
	assert_int_equal(n_cases(t), 1);
	xc_conn_free(t);
}

static void a_port_used_again_is_known_behind_nat_too(void **state)
{
	static const struct xc_tuple translated = { .saddr = CLIENT_IP,
						    .daddr = OTHER_IP,
						    .sport_he = 40000,
						    .dport_he = 8080,
						    .proto = IPPROTO_TCP };
	struct xc_conn *t = fresh(4);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t, SYN_RETRANS(0, 40000, 3, .cookie = 1));
	assert_non_null(look(t, 100));
	xc_conn_feed(t, SOCK(200, .tuple = FLOW(40000), .netns = NS_CLIENT, .what = XC_SOCK_RETRANS,
			     .state = XC_TCP_SYN_SENT, .state_old = XC_TCP_SYN_SENT, .cookie = 2,
			     .flags = XC_SOCK_F_CLIENT, .write_seq = 5001));
	xc_conn_feed(t, DROP(201, .tuple = translated, .netns = NS_SERVER, .reason = REASON(XDP),
			     .count = 1, .tcp_flags = XC_TCP_SYN, .seq = 5000));
	c = look(t, 300);
	assert_true(is_flow(c, 40000));
	assert_int_equal(c->n_drops, 1);
	assert_int_equal(n_cases(t), 2);
	xc_conn_free(t);
}

/* A call that never found a port has sent no SYN, so it has no number of its own. */
static void calls_without_a_syn_are_not_one_flow(void **state)
{
	struct xc_conn *t = fresh(4);

	(void)state;
	for (uint8_t host = 2; host < 4; host++) {
		struct xc_sock_evt e = *(const struct xc_sock_evt *)SOCK(
			host, .tuple = FLOW(0), .netns = NS_CLIENT, .what = XC_SOCK_CLOSED,
			.cookie = host, .state = XC_TCP_CLOSE, .state_old = XC_TCP_SYN_SENT,
			.flags = XC_SOCK_F_CLIENT);

		e.tuple.daddr[15] = host;
		xc_conn_feed(t, &e.hdr);
	}
	assert_int_equal(look(t, 100)->tuple.daddr[15], 2);
	assert_int_equal(look(t, 100)->tuple.daddr[15], 3);
	xc_conn_free(t);
}

static void loopback_of_two_namespaces_is_two_flows(void **state)
{
	static const struct xc_tuple local = { .saddr = LOOPBACK,
					       .daddr = LOOPBACK,
					       .sport_he = 40000,
					       .dport_he = 80,
					       .proto = IPPROTO_TCP };
	struct xc_conn *t = fresh(4);

	(void)state;
	xc_conn_feed(t, RESET(0, .tuple = local, .netns = NS_CLIENT));
	xc_conn_feed(t, RESET(1, .tuple = local, .netns = NS_SERVER));
	assert_int_equal(n_cases(t), 2);
	xc_conn_feed(t, RESET(2, .tuple = BACK(1), .netns = NS_CLIENT));
	xc_conn_feed(t, RESET(3, .tuple = FLOW(1), .netns = NS_SERVER));
	assert_int_equal(n_cases(t), 3);	/* real addresses mean the same everywhere */
	xc_conn_free(t);
}

static void a_port_used_again_is_another_connection(void **state)
{
	struct xc_conn *t = fresh(4);
	const struct xc_case *c;

	(void)state;
	xc_conn_feed(t, SYN_RETRANS(0, 40000, 3, .cookie = 1));
	xc_conn_feed(t, SYN_RETRANS(1, 40000, 4, .cookie = 1));
	assert_int_equal(look(t, 100)->n_syn_retrans, 4);
	xc_conn_feed(t, SYN_RETRANS(200, 40000, 1, .cookie = 2));
	c = look(t, 300);
	assert_int_equal(c->n_syn_retrans, 1);
	assert_int_equal(c->first_ns, T0 + 200 * MS);
	assert_int_equal(n_cases(t), 2);
	xc_conn_free(t);
}

static void a_call_that_fails_again_is_another_failure(void **state)
{
	struct xc_conn *t = fresh(4);
	static const uint8_t server[16] = SERVER_IP;

	(void)state;
	for (uint64_t ms = 0; ms < 3000; ms += 1000) {
		struct xc_route_evt e = { .hdr = { .ts_ns = T0 + ms * MS,
						   .size_bytes = sizeof(e),
						   .kind = XC_EVT_ROUTE },
					  .netns = NS_CLIENT,
					  .err = -ENETUNREACH,
					  .proto = IPPROTO_TCP };

		memcpy(e.daddr, server, 16);
		xc_conn_feed(t, &e.hdr);
		e.hdr.ts_ns += MS;	/* the next table of the same lookup */
		xc_conn_feed(t, &e.hdr);
		assert_int_equal(look_and(t, ms + 100, XC_SETTLE_DONE)->n_routes, 2);
	}
	assert_int_equal(n_cases(t), 3);
	xc_conn_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_is_who_began),
		cmocka_unit_test(a_listener_tells_the_server_better_than_a_port),
		cmocka_unit_test(a_wrong_guess_is_corrected_with_all_it_led_to),
		cmocka_unit_test(behind_nat_the_original_tuple_counts),
		cmocka_unit_test(without_conntracks_word_the_syn_itself_tells),
		cmocka_unit_test(a_port_used_again_is_known_behind_nat_too),
		cmocka_unit_test(calls_without_a_syn_are_not_one_flow),
		cmocka_unit_test(loopback_of_two_namespaces_is_two_flows),
		cmocka_unit_test(a_port_used_again_is_another_connection),
		cmocka_unit_test(a_call_that_fails_again_is_another_failure),
	};

	return XC_RUN(tests);
}
