/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, findings out: what is said, to whom it belongs, and what is kept back. */
#include "records.h"

#include "core/engine.h"

#include <errno.h>

#define GRACE 40
#define N_KEPT 600

/* A sink that remembers. */
static struct {
	struct xc_finding f[N_KEPT];
	size_t n;
	size_t n_ticks;
	int error;
} kept;

static int keep(void *sink, const struct xc_finding *f)
{
	(void)sink;
	if (kept.n < N_KEPT)
		kept.f[kept.n++] = *f;
	return kept.error;
}

static void count_tick(void *sink, uint64_t now_ns)
{
	(void)sink;
	(void)now_ns;
	kept.n_ticks++;
}

static const struct xc_sink keeper = { .name = "keeper", .emit = keep, .tick = count_tick };
static struct xc_config cfg;

static int reset(void **state)
{
	(void)state;
	memset(&kept, 0, sizeof(kept));
	xc_config_default(&cfg);
	cfg.grace_ns = GRACE * MS;
	return 0;
}

static struct xc_engine *fresh(const struct xc_sink *sink)
{
	static char names[16384] __attribute__((aligned(8)));
	struct xc_engine *e;

	assert_int_equal(xc_engine_new(&cfg, sink, NULL, &e), 0);
	assert_int_equal(xc_engine_feed(e, enum_record(names, XC_ENUM_DROP_REASON)), 0);
	assert_int_equal(xc_engine_feed(e, enum_record(names, XC_ENUM_RST_REASON)), 0);
	return e;
}

static void feed(struct xc_engine *e, const struct xc_evt *evt)
{
	assert_int_equal(xc_engine_feed(e, evt), 0);
}

static const struct xc_finding *last(void)
{
	assert_true(kept.n > 0);
	return &kept.f[kept.n - 1];
}

#define GAVE_UP(ms, port, ...)                                                                     \
	SOCK(ms, .tuple = FLOW(port), .netns = NS_CLIENT, .what = XC_SOCK_CLOSED, .open_ns = T0,   \
	     .state = XC_TCP_CLOSE, .state_old = XC_TCP_SYN_SENT, .flags = XC_SOCK_F_CLIENT,       \
	     .syn_retrans = 1, .write_seq = ISN(port) + 1, .cookie = (port), __VA_ARGS__)
#define CONNECTED(ms, port)                                                                        \
	SOCK(ms, .tuple = FLOW(port), .netns = NS_CLIENT, .what = XC_SOCK_ESTABLISHED,             \
	     .state = XC_TCP_ESTABLISHED, .state_old = XC_TCP_SYN_SENT, .flags = XC_SOCK_F_CLIENT, \
	     .write_seq = ISN(port) + 1)

static struct xc_engine_stats stats_of(struct xc_engine *e)
{
	struct xc_engine_stats s;

	xc_engine_get_stats(e, &s);
	return s;
}

/* ---- the life of one story --------------------------------------------------------------- */

static void suspected_then_confirmed(void **state)
{
	struct xc_engine *e = fresh(&keeper);
	struct xc_engine_stats s;

	(void)state;
	feed(e, TICK(0, .wall_offset_ns = 1000));
	feed(e, SYN_DROP(10, 40000));
	feed(e, SYN_RETRANS(20, 40000, 1, .owner = { .tgid = 9, .comm = "curl" }));
	assert_int_equal(xc_engine_deadline(e), T0 + (10 + GRACE) * MS);
	feed(e, TICK(10 + GRACE, .wall_offset_ns = 1000));
	assert_int_equal(kept.n, 1);
	assert_int_equal(last()->status, XC_STATUS_SUSPECTED);
	assert_int_equal(last()->severity, XC_SEVERITY_WARNING);
	assert_string_equal(last()->pattern_id, "filter-drop");
	assert_int_equal(last()->id, 1);
	assert_int_equal(last()->replaces, 0);
	assert_int_equal(last()->wall_offset_ns, 1000);
	assert_int_equal(last()->reported_ns, T0 + (10 + GRACE) * MS);
	assert_int_equal(last()->first_signal_ns, T0 + 10 * MS);

	feed(e, TICK(500));
	assert_int_equal(kept.n, 1);	/* nothing new, nothing said */

	feed(e, GAVE_UP(2000, 40000));
	feed(e, TICK(2000 + GRACE));
	assert_int_equal(kept.n, 2);
	assert_int_equal(last()->status, XC_STATUS_CONFIRMED);
	assert_int_equal(last()->severity, XC_SEVERITY_ERROR);
	assert_int_equal(last()->replaces, 1);
	assert_int_equal(last()->client.tgid, 9);

	feed(e, SYN_DROP(2100, 40000));	/* an afterthought */
	feed(e, TICK(2200));
	assert_int_equal(kept.n, 2);
	s = stats_of(e);
	assert_int_equal(s.n_suspected, 1);
	assert_int_equal(s.n_findings, 1);
	assert_int_equal(s.worst, XC_SEVERITY_ERROR);
	assert_int_equal(kept.n_ticks, 5);
	xc_engine_free(e);
}

static void a_suspicion_is_taken_back_by_name(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	feed(e, SYN_RETRANS(1000, 40000, 1));
	feed(e, SYN_RETRANS(2000, 40000, 2));
	feed(e, SYN_RETRANS(3000, 40000, 3));
	feed(e, TICK(3100));
	assert_int_equal(last()->status, XC_STATUS_SUSPECTED);
	assert_string_equal(last()->pattern_id, "black-hole");
	feed(e, CONNECTED(3500, 40000));
	feed(e, TICK(3600));
	assert_int_equal(kept.n, 2);
	assert_int_equal(last()->status, XC_STATUS_CLEARED);
	assert_int_equal(last()->replaces, 1);
	assert_string_equal(last()->pattern_id, "black-hole");
	assert_int_equal(last()->group, kept.f[0].group);
	assert_int_equal(stats_of(e).n_cleared, 1);
	assert_int_equal(stats_of(e).n_findings, 0);
	/* the next trouble of that connection is a new story */
	feed(e, DROP(4000, .tuple = FLOW(40000), .reason = REASON(TC_INGRESS), .netns = NS_SERVER,
		     .count = 1, .tcp_flags = XC_TCP_ACK, .first_ns = T0 + 4000 * MS));
	feed(e, TICK(4100));
	assert_int_equal(kept.n, 3);
	assert_int_equal(last()->replaces, 0);
	xc_engine_free(e);
}

static void a_better_cause_replaces_a_worse_one(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	feed(e, SYN_RETRANS(3000, 40000, 3));
	feed(e, TICK(3100));
	assert_string_equal(last()->pattern_id, "black-hole");
	feed(e, SYN_DROP(3200, 40000));
	feed(e, TICK(3300));
	assert_string_equal(last()->pattern_id, "filter-drop");
	assert_int_equal(last()->replaces, 1);
	assert_int_equal(last()->id, 2);
	xc_engine_free(e);
}

static void an_unexplained_failure_is_told_once(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	feed(e, GAVE_UP(100, 40000, .sk_err = EPERM));
	feed(e, TICK(200));
	assert_string_equal(last()->pattern_id, "unknown");
	assert_int_equal(last()->error, EPERM);
	feed(e, GAVE_UP(201, 40000, .sk_err = EPERM));
	feed(e, TICK(400));
	assert_int_equal(kept.n, 1);
	xc_engine_free(e);
}

static void nothing_is_said_of_a_healthy_connection(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	feed(e, SYN_RETRANS(1000, 40000, 1));	/* one lost SYN, then all is well */
	feed(e, CONNECTED(1010, 40000));
	feed(e, SOCK(2000, .tuple = FLOW(40000), .what = XC_SOCK_CLOSED, .state = XC_TCP_CLOSE,
		     .state_old = XC_TCP_LAST_ACK, .flags = XC_SOCK_F_CLIENT));
	feed(e, TICK(3000));
	assert_int_equal(kept.n, 0);
	xc_engine_free(e);
}

/* ---- addresses of both families --------------------------------------------------------------- */

#define SERVER_IP6                                                                                 \
	{                                                                                          \
		0xfd, 0, [15] = 2                                                                  \
	}
#define CLIENT_IP6                                                                                 \
	{                                                                                          \
		0xfd, 0, [15] = 1                                                                  \
	}
#define CURL                                                                                       \
	{                                                                                          \
		.tgid = 9, .comm = "curl"                                                          \
	}
#define FLOW6(port)                                                                                \
	{                                                                                          \
		.saddr = CLIENT_IP6, .daddr = SERVER_IP6, .sport_he = (port), .dport_he = 80,      \
		.proto = IPPROTO_TCP                                                               \
	}
#define NO_ROUTE(ms, to, ...)                                                                      \
	ROUTE(ms, .daddr = to, .netns = NS_CLIENT, .table = 254, .err = -ENETUNREACH,              \
	      .dport_he = 80, .proto = IPPROTO_TCP, .owner = CURL, .is_local_output = 1,           \
	      __VA_ARGS__)
#define REFUSED(ms, flow, id)                                                                      \
	SOCK(ms, .tuple = flow, .netns = NS_CLIENT, .what = XC_SOCK_CLOSED, .open_ns = T0,         \
	     .state = XC_TCP_CLOSE, .state_old = XC_TCP_SYN_SENT, .flags = XC_SOCK_F_CLIENT,       \
	     .sk_err = ECONNREFUSED, .cookie = (id), .owner = CURL)
#define GOES_ON(ms, pid)                                                                           \
	SOCK(ms, .tuple = FLOW(0), .netns = NS_CLIENT, .what = XC_SOCK_GOES_ON, .cookie = 5,       \
	     .state_old = XC_TCP_CLOSE, .state = XC_TCP_SYN_SENT, .owner = { .tgid = (pid) })

/* Of each finding the first letter of its severity: what is said, in turn. */
static void an_address_that_is_done_without_is_no_failure(void **state)
{
	const struct xc_evt *none = TICK(3);
	const struct {
		const char *what;
		const struct xc_evt *evt[3];
		const char *said;
	} rows[] = {
		{ "no route to one", { NO_ROUTE(0, SERVER_IP6), GOES_ON(1, 9), none }, "" },
		{ "asked twice for a route",
		  { NO_ROUTE(0, SERVER_IP6), NO_ROUTE(0, SERVER_IP6, .saddr = CLIENT_IP6),
		    GOES_ON(1, 9) },
		  "" },
		{ "asked twice, nothing else tried",
		  { NO_ROUTE(0, SERVER_IP6), NO_ROUTE(0, SERVER_IP6, .saddr = CLIENT_IP6), none },
		  "e" },
		{ "another process goes on",
		  { NO_ROUTE(0, SERVER_IP6), GOES_ON(1, 10), none },
		  "e" },
		{ "much later", { NO_ROUTE(0, SERVER_IP6), TICK(1100), GOES_ON(1101, 9) }, "e" },
		{ "refused by one", { REFUSED(0, FLOW6(40000), 4), GOES_ON(1, 9), none }, "i" },
		{ "refused by both",
		  { REFUSED(0, FLOW6(40000), 4), GOES_ON(1, 9), REFUSED(2, FLOW(40001), 5) },
		  "ee" },
		{ "no route, and refused by the other",
		  { NO_ROUTE(0, SERVER_IP6), GOES_ON(1, 9), REFUSED(2, FLOW(40001), 5) },
		  "e" },
		{ "refused, and no route to the other",
		  { REFUSED(0, FLOW(40001), 5), NO_ROUTE(1, SERVER_IP6), none },
		  "e" },
		{ "no route to either",
		  { NO_ROUTE(0, SERVER_IP6), NO_ROUTE(0, SERVER_IP, .saddr = ANY4), none },
		  "ee" },
		{ "two addresses of one family",
		  { REFUSED(0, FLOW(40000), 4), GOES_ON(1, 9), none },
		  "e" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_engine *e;
		char said[8] = "";

		(void)reset(state);
		e = fresh(&keeper);
		for (size_t n = 0; n < ARRAY_SIZE(rows[i].evt); n++)
			feed(e, rows[i].evt[n]);
		feed(e, TICK(2000));
		for (size_t n = 0; n < kept.n && n < sizeof(said) - 1; n++)
			said[n] = *xc_severity_str(kept.f[n].severity);
		assert_row(rows[i].what, !strcmp(said, rows[i].said));
		xc_engine_free(e);
	}
}

/* ---- who else ------------------------------------------------------------------------------- */

static void flows_of_one_cause_are_one_group(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	for (uint16_t i = 0; i < 500; i++)
		feed(e, GAVE_UP(10, (uint16_t)(40000 + i), .sk_err = ETIMEDOUT));
	for (uint16_t i = 0; i < 500; i++)
		feed(e, SYN_DROP(11, (uint16_t)(40000 + i)));
	feed(e, TICK(100));
	assert_int_equal(kept.n, 500);
	for (size_t i = 0; i < kept.n; i++) {
		assert_int_equal(kept.f[i].group, kept.f[0].group);
		assert_int_equal(kept.f[i].n_same, i + 1);
		assert_int_equal(kept.f[i].id, i + 1);
	}
	assert_string_equal(kept.f[0].impact, "this connection only, so far");
	assert_string_equal(
		kept.f[1].impact,
		"2 connections hit by this cause in 0.0 s, also 10.0.0.1:40000 > 10.0.0.2:80");
	assert_string_equal(
		kept.f[499].impact,
		"500 connections hit by this cause in 0.0 s, also 10.0.0.1:40498 > 10.0.0.2:80, "
		"10.0.0.1:40497 > 10.0.0.2:80");
	xc_engine_free(e);
}

static void impact_never_names_the_flow_itself(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	feed(e, SYN_RETRANS(0, 40000, 1));
	feed(e, SYN_DROP(1, 40000));
	feed(e, SYN_RETRANS(2, 40001, 1));
	feed(e, SYN_DROP(3, 40001));
	feed(e, TICK(100));
	assert_int_equal(kept.n, 2);
	feed(e, GAVE_UP(200, 40000));
	feed(e, GAVE_UP(201, 40001));
	feed(e, TICK(300));
	assert_int_equal(kept.n, 4);
	for (size_t i = 2; i < 4; i++) {
		char own[XC_ENDPOINT_LEN];

		assert_int_equal(kept.f[i].n_same,
				 2); /* counted once, however often it is spoken of */
		(void)xc_endpoint_str(kept.f[i].tuple.saddr, kept.f[i].tuple.sport_he, own);
		assert_null(strstr(kept.f[i].impact, own));
		assert_non_null(strstr(kept.f[i].impact, "2 connections"));
	}
	xc_engine_free(e);
}

static void a_group_ends_with_the_window(void **state)
{
	struct xc_engine *e;

	cfg.correlation_window_ns = 1000 * MS;
	(void)state;
	e = fresh(&keeper);
	feed(e, GAVE_UP(0, 40000, .sk_err = ETIMEDOUT));
	feed(e, SYN_DROP(0, 40000));
	feed(e, TICK(100));
	feed(e, GAVE_UP(5000, 40001, .sk_err = ETIMEDOUT));
	feed(e, SYN_DROP(5000, 40001));
	feed(e, TICK(5100));
	assert_int_equal(kept.n, 2);
	assert_int_equal(last()->n_same, 1);
	assert_int_equal(last()->group, kept.f[0].group);
	xc_engine_free(e);
}

static void group_numbers_are_exact_in_every_reader(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	for (uint16_t i = 0; i < 50; i++) {
		feed(e, GAVE_UP(0, 40000 + i, .sk_err = EPERM));
		feed(e, DROP(0, .tuple = FLOW(40000 + i), .reason = REASON(TC_INGRESS),
			     .netns = 20u + i, .tcp_flags = XC_TCP_SYN, .count = 1));
	}
	feed(e, TICK(100));
	assert_int_equal(kept.n, 50);
	for (size_t i = 0; i < kept.n; i++) {
		assert_true(kept.f[i].group > 0 && kept.f[i].group < 1ull << 53);
		assert_true(!i || kept.f[i].group != kept.f[i - 1].group);	/* other namespaces */
	}
	xc_engine_free(e);
}

/* ---- what is kept back ------------------------------------------------------------------------- */

static void filter(enum xc_filter_kind kind, const char *text)
{
	const char *why;

	assert_int_equal(xc_filter_parse(kind, text, &cfg.filters[cfg.n_filters++], &why), 0);
}

static void only_what_was_asked_for_is_told(void **state)
{
	static const struct {
		const char *what;
		const char *from, *to, *port;
		uint32_t pid;
		enum xc_severity min;
		bool is_told;
	} rows[] = {
		{ .what = "no filter", .is_told = true },
		{ .what = "from its client", .from = "10.0.0.1", .is_told = true },
		{ .what = "from its server", .from = "10.0.0.2" },
		{ .what = "not from its client", .from = "!10.0.0.1" },
		{ .what = "to its server", .to = "10.0.0.2:80", .is_told = true },
		{ .what = "to another port", .to = ":81" },
		{ .what = "its port", .port = "80", .is_told = true },
		{ .what = "another port", .port = "81" },
		{ .what = "its process", .pid = 9, .is_told = true },
		{ .what = "another process", .pid = 10 },
		{ .what = "errors only", .min = XC_SEVERITY_ERROR, .is_told = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_engine *e;

		(void)reset(state);
		if (rows[i].from)
			filter(XC_FILTER_FROM, rows[i].from);
		if (rows[i].to)
			filter(XC_FILTER_TO, rows[i].to);
		if (rows[i].port)
			filter(XC_FILTER_PORT, rows[i].port);
		cfg.pid = rows[i].pid;
		cfg.min_severity = rows[i].min;
		e = fresh(&keeper);
		feed(e, GAVE_UP(0, 40000, .sk_err = ETIMEDOUT, .owner = { .tgid = 9 }));
		feed(e, TICK(100));
		assert_row(rows[i].what, (kept.n == 1) == rows[i].is_told);
		assert_row(rows[i].what, stats_of(e).n_filtered == !rows[i].is_told);
		assert_row(rows[i].what, stats_of(e).n_findings == rows[i].is_told);
		xc_engine_free(e);
	}
}

static void what_was_never_said_is_not_taken_back(void **state)
{
	struct xc_engine *e;

	(void)state;
	cfg.min_severity = XC_SEVERITY_ERROR;
	e = fresh(&keeper);
	feed(e, SYN_RETRANS(3000, 40000, 3));	/* suspected: a warning, kept back */
	feed(e, TICK(3100));
	feed(e, CONNECTED(3200, 40000));
	feed(e, TICK(3300));
	assert_int_equal(kept.n, 0);
	xc_engine_free(e);
}

/* ---- the world around ---------------------------------------------------------------------------- */

static void a_sink_that_fails_is_told_to_the_caller(void **state)
{
	struct xc_engine *e = fresh(&keeper);

	(void)state;
	kept.error = -EPIPE;
	feed(e, GAVE_UP(0, 40000, .sk_err = ETIMEDOUT));
	feed(e, GAVE_UP(0, 40001, .sk_err = ETIMEDOUT));
	assert_int_equal(xc_engine_feed(e, TICK(100)), -EPIPE);
	assert_int_equal(kept.n, 2);
	xc_engine_free(e);
}

static void without_a_sink_it_only_asks(void **state)
{
	struct xc_engine *e = fresh(NULL);
	struct xc_ask a;

	(void)state;
	feed(e, SYN_DROP(0, 40000));
	assert_true(xc_engine_next_ask(e, &a));
	assert_int_equal(a.kind, XC_ASK_RULE);
	assert_int_equal(a.drop.netns, NS_SERVER);
	feed(e, GAVE_UP(1, 40000));
	feed(e, TICK(100));
	assert_int_equal(stats_of(e).n_findings, 1);
	xc_engine_free(e);
	xc_engine_free(NULL);
}

static void the_same_records_give_the_same_findings(void **state)
{
	static struct xc_finding first[N_KEPT];
	size_t n = 0;

	for (int round = 0; round < 2; round++) {
		struct xc_engine *e;

		(void)reset(state);
		e = fresh(&keeper);
		for (uint16_t i = 0; i < 50; i++) {
			feed(e, SYN_DROP(i, (uint16_t)(40000 + i % 20)));
			feed(e, SYN_RETRANS(i, (uint16_t)(40000 + i % 30), i));
			feed(e, GAVE_UP(i, (uint16_t)(40000 + i % 40),
					.sk_err = i % 2 ? ETIMEDOUT : 0));
			feed(e, TICK(100 + i * 30u));
		}
		if (!round) {
			n = kept.n;
			memcpy(first, kept.f, sizeof(first));
		}
		xc_engine_free(e);
	}
	assert_int_equal(kept.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(kept.f[i].id, first[i].id);
		assert_int_equal(kept.f[i].group, first[i].group);
		assert_string_equal(kept.f[i].impact, first[i].impact);
		assert_string_equal(kept.f[i].summary, first[i].summary);
		assert_true(kept.f[i].confidence == first[i].confidence);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(suspected_then_confirmed),
		TEST(a_suspicion_is_taken_back_by_name),
		TEST(a_better_cause_replaces_a_worse_one),
		TEST(an_unexplained_failure_is_told_once),
		TEST(nothing_is_said_of_a_healthy_connection),
		TEST(an_address_that_is_done_without_is_no_failure),
		TEST(flows_of_one_cause_are_one_group),
		TEST(impact_never_names_the_flow_itself),
		TEST(a_group_ends_with_the_window),
		TEST(group_numbers_are_exact_in_every_reader),
		TEST(only_what_was_asked_for_is_told),
		TEST(what_was_never_said_is_not_taken_back),
		TEST(a_sink_that_fails_is_told_to_the_caller),
		TEST(without_a_sink_it_only_asks),
		TEST(the_same_records_give_the_same_findings),
	};

	return XC_RUN(tests);
}
