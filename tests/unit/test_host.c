/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about the hosts, and what of it concerns a case. */
#include "records.h"

#include "conn/host.h"

#include <arpa/inet.h>

static struct xc_host host;

static int reset(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	return 0;
}

static void addr(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET6, text, out) == 1)
		return;
	out[10] = out[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, out + 12), 1);
}

static void listen_on(const char *text, uint16_t port, uint32_t netns, uint64_t cookie,
		      uint32_t flags)
{
	struct xc_sock_evt e = { .what = XC_SOCK_LISTEN,
				 .netns = netns,
				 .cookie = cookie,
				 .flags = flags,
				 .hdr = { .ts_ns = T0 },
				 .owner = { .tgid = 100 + (uint32_t)cookie } };

	addr(text, e.tuple.saddr);
	e.tuple.sport_he = port;
	e.tuple.proto = IPPROTO_TCP;
	xc_host_listener(&host, &e);
}

static const struct xc_host_listener *who_takes(const char *text, uint16_t port, uint32_t netns)
{
	uint8_t a[16];

	addr(text, a);
	return xc_host_find_listener(&host, netns, a, port, IPPROTO_TCP);
}

static void a_listener_takes_what_the_kernel_would_give_it(void **state)
{
	static const struct {
		const char *bound;
		bool is_v6only;
		const char *to;
		bool takes;
	} rows[] = {
		{ "10.0.0.2", false, "10.0.0.2", true },
		{ "10.0.0.2", false, "10.0.0.3", false },
		{ "0.0.0.0", false, "10.0.0.2", true },
		{ "0.0.0.0", false, "2001:db8::2", false },
		{ "::", false, "2001:db8::2", true },
		{ "::", false, "10.0.0.2", true },
		{ "::", true, "10.0.0.2", false },
		{ "::", true, "2001:db8::2", true },
		{ "127.0.0.1", false, "10.0.0.2", false },
		{ "127.0.0.1", false, "127.0.0.1", true },
		{ "2001:db8::2", false, "2001:db8::2", true },
		{ "2001:db8::2", false, "2001:db8::3", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)reset(state);
		listen_on(rows[i].bound, 80, NS_SERVER, 1,
			  rows[i].is_v6only ? XC_SOCK_F_V6ONLY : 0);
		assert_row(rows[i].bound,
			   (who_takes(rows[i].to, 80, NS_SERVER) != NULL) == rows[i].takes);
		assert_null(who_takes(rows[i].to, 81, NS_SERVER));
		assert_null(who_takes(rows[i].to, 80, NS_CLIENT));
		assert_row(rows[i].bound, (who_takes(rows[i].to, 80, 0) != NULL) == rows[i].takes);
	}
}

static void a_listener_comes_and_goes(void **state)
{
	struct xc_sock_evt gone = *(const struct xc_sock_evt *)SOCK(
		500, .what = XC_SOCK_UNLISTEN, .netns = NS_SERVER, .cookie = 1,
		.tuple = { .saddr = ANY4, .sport_he = 80, .proto = IPPROTO_TCP });

	(void)state;
	listen_on("0.0.0.0", 80, NS_SERVER, 1, 0);
	xc_host_listener(&host, &gone);
	assert_int_equal(who_takes("10.0.0.2", 80, NS_SERVER)->fact.gone_ns, T0 + 500 * MS);
	listen_on("0.0.0.0", 80, NS_SERVER, 2, 0);	/* started again: the same entry */
	assert_int_equal(host.n_listeners, 1);
	assert_int_equal(who_takes("10.0.0.2", 80, NS_SERVER)->fact.gone_ns, 0);
	assert_int_equal(who_takes("10.0.0.2", 80, NS_SERVER)->fact.owner.tgid, 102);
	listen_on("0.0.0.0", 80, NS_SERVER, 3, 0);	/* SO_REUSEPORT: another one beside it */
	assert_int_equal(host.n_listeners, 2);
	gone.cookie = 2;
	xc_host_listener(&host, &gone);
	assert_int_equal(who_takes("10.0.0.2", 80, NS_SERVER)->fact.owner.tgid, 103);
	gone.tuple.sport_he = 9;			/* never heard of */
	xc_host_listener(&host, &gone);
	assert_int_equal(host.n_listeners, 2);
}

static void a_full_table_forgets_the_oldest_and_counts(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < XC_HOST_LISTENERS + 10; i++)
		listen_on("0.0.0.0", (uint16_t)(1 + i), NS_SERVER, 1, 0);
	assert_int_equal(host.n_evicted, 10);
	assert_null(who_takes("10.0.0.2", 10, NS_SERVER));
	assert_non_null(who_takes("10.0.0.2", 11, NS_SERVER));
	assert_non_null(who_takes("10.0.0.2", XC_HOST_LISTENERS + 10, NS_SERVER));
}

static void have_address(const char *text, uint32_t netns, bool is_gone)
{
	struct xc_addr_evt e = { .netns = netns, .is_gone = is_gone };

	addr(text, e.addr);
	xc_host_address(&host, &e);
}

static uint32_t netns_of(const char *text)
{
	uint8_t a[16];

	addr(text, a);
	return xc_host_netns_of(&host, a);
}

static void an_address_names_a_namespace_when_only_one_has_it(void **state)
{
	(void)state;
	have_address("10.0.0.2", NS_SERVER, false);
	have_address("10.0.0.2", NS_SERVER, false);
	assert_int_equal(netns_of("10.0.0.2"), NS_SERVER);
	assert_int_equal(netns_of("10.0.0.3"), 0);
	have_address("10.0.0.2", NS_CLIENT, false);
	assert_int_equal(netns_of("10.0.0.2"), 0);
	have_address("10.0.0.2", NS_SERVER, true);
	assert_int_equal(netns_of("10.0.0.2"), NS_CLIENT);
	have_address("10.9.9.9", NS_SERVER, true);	/* gone before it was known */
	assert_int_equal(host.n_addrs, 2);
}

/* ---- joining ------------------------------------------------------------------------------- */

static struct xc_case a_case(void)
{
	return (struct xc_case){ .tuple = FLOW(40000),
				 .now_ns = T0 + 1000 * MS,
				 .client = { .netns = NS_CLIENT } };
}

static void the_server_is_where_the_facts_are(void **state)
{
	struct xc_case c;

	c = a_case();
	xc_host_join(&host, &c, 30000 * MS);
	assert_false(c.has_server_view);

	c = a_case();	/* it sent a RST */
	c.n_resets = 1;
	c.resets[0] = (struct xc_reset_fact){ .by_server = true, .e = { .netns = NS_SERVER } };
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.server.netns, NS_SERVER);

	c = a_case();	/* it dropped the SYN in INPUT; a router's drop says nothing */
	c.n_drops = 2;
	c.drops[0] = (struct xc_drop_fact){ .to_server = true,
					    .e = { .hook = XC_HOOK_FORWARD, .netns = NS_ROUTER } };
	c.drops[1] = (struct xc_drop_fact){ .to_server = true,
					    .e = { .hook = XC_HOOK_INPUT, .netns = NS_SERVER } };
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.server.netns, NS_SERVER);

	c = a_case();	/* one listener is bound to exactly that address */
	listen_on("10.0.0.2", 80, NS_SERVER, 1, 0);
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.server.netns, NS_SERVER);
	assert_int_equal(c.server.owner.tgid, 101);
	assert_true(c.server.is_owner_listeners);

	(void)reset(state);
	c = a_case();	/* one namespace has the address */
	have_address("10.0.0.2", NS_SERVER, false);
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.server.netns, NS_SERVER);

	c = a_case();	/* loopback never leaves the namespace */
	addr("127.0.0.1", c.tuple.daddr);
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.server.netns, NS_CLIENT);
}

static void a_listener_anywhere_else_is_no_server_of_ours(void **state)
{
	struct xc_case c = a_case();

	(void)state;
	listen_on("0.0.0.0", 80, NS_ROUTER, 1, 0);
	listen_on("127.0.0.1", 80, NS_ROUTER, 2, 0);
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_listeners, 1);	/* it would fit, so it may be told */
	assert_int_equal(c.server.owner.tgid, 0);	/* but nobody is accused */
}

static void near_misses_are_told_once_the_server_is_known(void **state)
{
	struct xc_case c = a_case();

	(void)state;
	c.server.netns = NS_SERVER;
	listen_on("127.0.0.1", 80, NS_SERVER, 1, 0);
	listen_on("10.0.0.2", 443, NS_SERVER, 2, 0);
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_listeners, 1);
	assert_false(c.listeners[0].fits);
}

static void only_deaths_of_the_servers_process_count(void **state)
{
	struct xc_case c = a_case();

	(void)state;
	xc_host_proc(&host, (const void *)PROC(900, .what = XC_PROC_EXIT, .owner = { .tgid = 70 }));
	xc_host_proc(&host, (const void *)PROC(901, .what = XC_PROC_EXIT, .owner = { .tgid = 71 }));
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_procs, 0);
	c.server.owner.tgid = 70;
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_procs, 1);
	xc_host_join(&host, &c, 50 * MS);	/* too long ago */
	assert_int_equal(c.n_procs, 0);
}

static void only_its_own_next_hops_count(void **state)
{
	static const uint8_t gateway[16] = OTHER_IP;
	struct xc_case c = a_case();

	(void)state;
	xc_host_neigh(&host, (const void *)NEIGH(900, .addr = OTHER_IP, .netns = NS_CLIENT,
						 .nud_state = 0x20));
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_neighs, 0);
	c.client.is_seen = true;
	memcpy(c.client.last.nexthop, gateway, 16);
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_neighs, 1);
	xc_host_neigh(&host, (const void *)NEIGH(950, .addr = OTHER_IP, .netns = NS_CLIENT,
						 .nud_state = 1));
	assert_int_equal(host.n_neighs, 1);	/* one entry per neighbour, the newest state */
	c.client.netns = NS_SERVER;		/* the same address in another namespace */
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_neighs, 0);
}

static void counters_add_up_until_they_rest(void **state)
{
	struct xc_case c = a_case();

	(void)state;
	c.server.netns = NS_SERVER;
	xc_host_counted(&host, (const void *)COUNTERS(
				       100, .netns = NS_SERVER,
				       .v = { [XC_CTR_LISTEN_DROPS] = 2, [XC_CTR_CT_COUNT] = 9 }));
	xc_host_counted(&host, (const void *)COUNTERS(
				       200, .netns = NS_SERVER,
				       .v = { [XC_CTR_LISTEN_DROPS] = 3, [XC_CTR_CT_COUNT] = 7 }));
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.counters.v[XC_CTR_LISTEN_DROPS], 5);
	assert_int_equal(c.counters.v[XC_CTR_CT_COUNT], 7);	/* a level, not a delta */
	assert_int_equal(c.counters_first_ns, T0 + 100 * MS);
	xc_host_counted(&host, (const void *)COUNTERS(20000, .netns = NS_SERVER,
						      .v = { [XC_CTR_LISTEN_DROPS] = 1 }));
	c.now_ns = T0 + 20000 * MS;
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.counters.v[XC_CTR_LISTEN_DROPS], 1);
	c.now_ns = T0 + 40000 * MS;
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.counters.netns, 0);
}

static void notes_follow_their_namespace_and_cgroup(void **state)
{
	struct xc_case c = a_case();

	(void)state;
	c.server.owner.cgroup_id = 555;
	xc_host_noted(&host, (const void *)NOTE(0, .id = NS_CLIENT, .key = "a", .value = "1"));
	xc_host_noted(&host, (const void *)NOTE(0, .id = NS_ROUTER, .key = "b", .value = "2"));
	xc_host_noted(&host, (const void *)NOTE(0, .id = 555, .key = "c", .value = "3"));
	xc_host_noted(&host, (const void *)NOTE(0, .id = 0, .key = "d", .value = "4"));
	xc_host_noted(&host, (const void *)NOTE(1, .id = NS_CLIENT, .key = "a", .value = "5"));
	xc_host_join(&host, &c, 30000 * MS);
	assert_int_equal(c.n_notes, 2);
	assert_string_equal(xc_case_note(&c, "a"), "5");
	assert_string_equal(xc_case_note(&c, "c"), "3");
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_listener_takes_what_the_kernel_would_give_it),
		TEST(a_listener_comes_and_goes),
		TEST(a_full_table_forgets_the_oldest_and_counts),
		TEST(an_address_names_a_namespace_when_only_one_has_it),
		TEST(the_server_is_where_the_facts_are),
		TEST(a_listener_anywhere_else_is_no_server_of_ours),
		TEST(near_misses_are_told_once_the_server_is_known),
		TEST(only_deaths_of_the_servers_process_count),
		TEST(only_its_own_next_hops_count),
		TEST(counters_add_up_until_they_rest),
		TEST(notes_follow_their_namespace_and_cgroup),
	};

	return XC_RUN(tests);
}
