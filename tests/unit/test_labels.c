/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "flow/labels.h"

#include <math.h>

#define BIT(label) (1u << XC_LABEL_##label)

struct row {
	const char *what;
	struct xc_label_facts f;
	unsigned int bits;	/* wanted */
	enum xc_label label;	/* wanted */
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct xc_detected d = xc_labels_detect(&xc_label_defaults, &rows[i].f);

		if (d.fault_bits != rows[i].bits)
			fail_msg("%s: bits %x, not %x", rows[i].what, d.fault_bits, rows[i].bits);
		assert_row(rows[i].what, d.label == rows[i].label);
		assert_row(rows[i].what, d.confidence >= 0 && d.confidence <= 1);
		assert_row(rows[i].what, !d.severity == !d.label);
		assert_row(rows[i].what,
			   !d.label || d.confidence >= 0.5 || rows[i].f.lost_share > 0);
	}
}

#define CHECK(rows) check(rows, ARRAY_SIZE(rows))

/* A busy healthy flow. */
#define BUSY .is_tcp = true, .n_packets = 1000, .window_s = 5

static void healthy(void **state)
{
	static const struct row rows[] = {
		{ "nothing measured", { 0 }, 0, XC_LABEL_NORMAL },
		{ "busy",
		  { BUSY, .n_syns = 500, .n_syn_acks = 500, .n_completed = 500 },
		  0,
		  XC_LABEL_NORMAL },
		{ "half open for a moment",
		  { BUSY, .n_syns = 500, .n_syn_acks = 500, .n_completed = 470, .n_half_open = 30 },
		  0,
		  XC_LABEL_NORMAL },
	};

	(void)state;
	CHECK(rows);
}

static void throttling(void **state)
{
	static const struct row rows[] = {
		{ "throttled",
		  { BUSY, .cpu_periods = 50, .cpu_throttled = 40 },
		  BIT(CPU_THROTTLING),
		  XC_LABEL_CPU_THROTTLING },
		{ "at the threshold",
		  { BUSY, .cpu_periods = 50, .cpu_throttled = 5 },
		  0,
		  XC_LABEL_NORMAL },
		{ "one more",
		  { BUSY, .cpu_periods = 50, .cpu_throttled = 6 },
		  BIT(CPU_THROTTLING),
		  XC_LABEL_CPU_THROTTLING },
		{ "too few periods",
		  { BUSY, .cpu_periods = 4, .cpu_throttled = 4 },
		  0,
		  XC_LABEL_NORMAL },
		{ "just enough periods",
		  { BUSY, .cpu_periods = 5, .cpu_throttled = 4 },
		  BIT(CPU_THROTTLING),
		  XC_LABEL_CPU_THROTTLING },
		{ "no quota", { BUSY }, 0, XC_LABEL_NORMAL },
	};

	(void)state;
	CHECK(rows);
}

static void loss(void **state)
{
	static const struct row rows[] = {
		{ "a quarter", { BUSY, .n_retrans = 250 }, BIT(PACKET_LOSS), XC_LABEL_PACKET_LOSS },
		{ "at the threshold", { BUSY, .n_retrans = 50 }, 0, XC_LABEL_NORMAL },
		{ "one more", { BUSY, .n_retrans = 51 }, BIT(PACKET_LOSS), XC_LABEL_PACKET_LOSS },
		{ "one of few",
		  { .is_tcp = true, .n_packets = 10, .n_retrans = 1 },
		  0,
		  XC_LABEL_NORMAL },
		{ "two of few",
		  { .is_tcp = true, .n_packets = 10, .n_retrans = 2 },
		  BIT(PACKET_LOSS),
		  XC_LABEL_PACKET_LOSS },
		{ "one of few, after one of the window before",
		  { .is_tcp = true, .n_packets = 1, .n_retrans = 1, .retrans_run = 2 },
		  BIT(PACKET_LOSS),
		  XC_LABEL_PACKET_LOSS },
		{ "one of few, the first",
		  { .is_tcp = true, .n_packets = 10, .n_retrans = 1, .retrans_run = 1 },
		  0,
		  XC_LABEL_NORMAL },
		{ "one of 19",
		  { .is_tcp = true, .n_packets = 19, .n_retrans = 1 },
		  0,
		  XC_LABEL_NORMAL },
		{ "spurious ones",
		  { BUSY, .n_retrans = 60, .n_spurious = 10 },
		  0,
		  XC_LABEL_NORMAL },
		{ "more spurious than any",
		  { BUSY, .n_retrans = 1, .n_spurious = 10 },
		  0,
		  XC_LABEL_NORMAL },
		{ "a full listener makes clients repeat",
		  { .is_tcp = true,
		    .n_packets = 4,
		    .n_retrans = 3,
		    .is_unanswered = true,
		    .listen_overflows = 9 },
		  BIT(BACKLOG_OVERFLOW),
		  XC_LABEL_BACKLOG_OVERFLOW },
		{ "but not who is answered",
		  { BUSY, .n_retrans = 90, .listen_overflows = 9 },
		  BIT(BACKLOG_OVERFLOW) | BIT(PACKET_LOSS),
		  XC_LABEL_BACKLOG_OVERFLOW },
		{ "nobody answers, for no such reason",
		  { .is_tcp = true, .n_packets = 4, .n_retrans = 3, .is_unanswered = true },
		  BIT(PACKET_LOSS),
		  XC_LABEL_PACKET_LOSS },
	};

	(void)state;
	CHECK(rows);
}

/* Jitter of 8 ms where 0.2 ms are usual. */
#define JITTERY                                                                                    \
	.is_tcp = true, .n_packets = 100, .n_latencies = 8, .latency_p50_ms = 10,                  \
	.latency_std_ms = 9, .latency_spread_ms = 8, .jitter_ms = 8, .baseline_std_ms = 0.2,       \
	.n_baseline_windows = 3

static struct xc_label_facts jittery(void)
{
	return (struct xc_label_facts){ JITTERY };
}

static void jitter(void **state)
{
	static const struct row base[] = {
		{ "jitter", { JITTERY }, BIT(LATENCY_JITTER), XC_LABEL_LATENCY_JITTER },
	};
	struct row near[9] = {
		{ .what = "too few samples" },	   { .what = "steady beside the median" },
		{ .what = "below half a ms" },	   { .what = "as usual here" },
		{ .what = "nothing learned yet" }, { .what = "at twice the usual" },
		{ .what = "at half the median" },  { .what = "without samples" },
		{ .what = "but for a few" }
	};

	(void)state;
	CHECK(base);
	for (size_t i = 0; i < ARRAY_SIZE(near); i++)
		near[i].f = jittery();
	near[0].f.n_latencies = 7;
	near[1].f.latency_p50_ms = 17;
	near[2].f.jitter_ms = 0.5;
	near[2].f.latency_p50_ms = 0.1;
	near[3].f.baseline_std_ms = 6;
	near[4].f.n_baseline_windows = 2;
	near[5].f.baseline_std_ms = 4.5;
	near[6].f.latency_p50_ms = 16;
	near[7].f = (struct xc_label_facts){ BUSY, .n_baseline_windows = 8 };
	near[8].f.latency_spread_ms = 0.5;
	CHECK(near);
}

/* A peer that is stopped or full answers late, but the path is steady. */
static void a_slow_peer_is_no_jitter(void **state)
{
	struct row rows[3] = {
		{ .what = "throttled",
		  .bits = BIT(CPU_THROTTLING),
		  .label = XC_LABEL_CPU_THROTTLING },
		{ .what = "somebody else throttled",
		  .bits = BIT(CPU_THROTTLING) | BIT(LATENCY_JITTER),
		  .label = XC_LABEL_LATENCY_JITTER },
		{ .what = "shut", .bits = BIT(ZERO_WINDOW), .label = XC_LABEL_ZERO_WINDOW },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i].f = jittery();
	rows[0].f.cpu_periods = rows[1].f.cpu_periods = 50;
	rows[0].f.cpu_throttled = rows[1].f.cpu_throttled = 40;
	rows[0].f.has_own_cgroup = true;
	rows[2].f.zero_window_s = 2;
	CHECK(rows);
}

static void flood(void **state)
{
	static const struct row rows[] = {
		{ "unanswered",
		  { BUSY, .n_syns = 500, .n_syn_acks = 20 },
		  BIT(SYN_FLOOD),
		  XC_LABEL_SYN_FLOOD },
		{ "at the threshold",
		  { BUSY, .n_syns = 200, .n_syn_acks = 20 },
		  0,
		  XC_LABEL_NORMAL },
		{ "never answered", { BUSY, .n_syns = 20 }, BIT(SYN_FLOOD), XC_LABEL_SYN_FLOOD },
		{ "too few", { BUSY, .n_syns = 19 }, 0, XC_LABEL_NORMAL },
		{ "cookies answer all",
		  { BUSY, .n_syns = 700, .n_syn_acks = 700, .n_half_open = 64, .n_completed = 69 },
		  BIT(SYN_FLOOD),
		  XC_LABEL_SYN_FLOOD },
		{ "a few half open",
		  { BUSY, .n_syns = 700, .n_syn_acks = 700, .n_half_open = 63, .n_completed = 69 },
		  0,
		  XC_LABEL_NORMAL },
		{ "many half open, but as many complete",
		  { BUSY, .n_syns = 700, .n_syn_acks = 700, .n_half_open = 64, .n_completed = 70 },
		  0,
		  XC_LABEL_NORMAL },
		{ "half open from before",
		  { BUSY, .n_syns = 19, .n_syn_acks = 19, .n_half_open = 640 },
		  0,
		  XC_LABEL_NORMAL },
		{ "datagrams", { .n_packets = 9, .n_syns = 500 }, 0, XC_LABEL_NORMAL },
	};

	(void)state;
	CHECK(rows);
}

static void memory_and_disk(void **state)
{
	static const struct row rows[] = {
		{ "full and waited for",
		  { BUSY, .memory_percent = 95, .memory_pressure = 0.5 },
		  BIT(MEMORY_PRESSURE),
		  XC_LABEL_MEMORY_PRESSURE },
		{ "full of caches", { BUSY, .memory_percent = 95 }, 0, XC_LABEL_NORMAL },
		{ "full, no PSI",
		  { BUSY, .memory_percent = 95, .memory_pressure = -1 },
		  BIT(MEMORY_PRESSURE),
		  XC_LABEL_MEMORY_PRESSURE },
		{ "at the threshold",
		  { BUSY, .memory_percent = 90, .memory_pressure = 5 },
		  0,
		  XC_LABEL_NORMAL },
		{ "long queue",
		  { BUSY, .disk_queue = 30 },
		  BIT(DISK_SATURATION),
		  XC_LABEL_DISK_SATURATION },
		{ "queue at the threshold", { BUSY, .disk_queue = 10 }, 0, XC_LABEL_NORMAL },
		{ "slow, but no queue",
		  { BUSY, .disk_queue = 2, .disk_latency_us = 90000 },
		  0,
		  XC_LABEL_NORMAL },
	};

	(void)state;
	CHECK(rows);
}

static void listeners_windows_resets(void **state)
{
	static const struct row rows[] = {
		{ "overflow",
		  { BUSY, .listen_overflows = 1 },
		  BIT(BACKLOG_OVERFLOW),
		  XC_LABEL_BACKLOG_OVERFLOW },
		{ "drops only", { BUSY, .listen_drops = 1 }, 0, XC_LABEL_NORMAL },
		{ "overflow, datagrams",
		  { .n_packets = 9, .listen_overflows = 1 },
		  0,
		  XC_LABEL_NORMAL },
		{ "six zero windows",
		  { BUSY, .n_zero_windows = 6 },
		  BIT(ZERO_WINDOW),
		  XC_LABEL_ZERO_WINDOW },
		{ "five", { BUSY, .n_zero_windows = 5 }, 0, XC_LABEL_NORMAL },
		{ "one, for long",
		  { BUSY, .n_zero_windows = 1, .zero_window_s = 0.51 },
		  BIT(ZERO_WINDOW),
		  XC_LABEL_ZERO_WINDOW },
		{ "one, half a second",
		  { BUSY, .n_zero_windows = 1, .zero_window_s = 0.5 },
		  0,
		  XC_LABEL_NORMAL },
		{ "many resets",
		  { BUSY, .n_resets = 51 },
		  BIT(CONNECTION_CHURN),
		  XC_LABEL_CONNECTION_CHURN },
		{ "fifty", { BUSY, .n_resets = 50 }, 0, XC_LABEL_NORMAL },
	};

	(void)state;
	CHECK(rows);
}

static void requests(void **state)
{
	static const struct row rows[] = {
		{ "NXDOMAIN",
		  { .n_packets = 2, .dns_rcode = 3 },
		  BIT(DNS_FAILURE),
		  XC_LABEL_DNS_FAILURE },
		{ "SERVFAIL",
		  { .n_packets = 2, .dns_rcode = 2 },
		  BIT(DNS_FAILURE),
		  XC_LABEL_DNS_FAILURE },
		{ "REFUSED",
		  { .n_packets = 2, .dns_rcode = 5 },
		  BIT(DNS_FAILURE),
		  XC_LABEL_DNS_FAILURE },
		{ "NOTIMP", { .n_packets = 2, .dns_rcode = 4 }, 0, XC_LABEL_NORMAL },
		{ "no answer",
		  { .n_packets = 2, .n_dns_timeouts = 1 },
		  BIT(DNS_FAILURE),
		  XC_LABEL_DNS_FAILURE },
		{ "503", { BUSY, .http_status = 503 }, BIT(HTTP_ERROR), XC_LABEL_HTTP_ERROR },
		{ "500", { BUSY, .http_status = 500 }, BIT(HTTP_ERROR), XC_LABEL_HTTP_ERROR },
		{ "499", { BUSY, .http_status = 499 }, 0, XC_LABEL_NORMAL },
		{ "200", { BUSY, .http_status = 200 }, 0, XC_LABEL_NORMAL },
	};

	(void)state;
	CHECK(rows);
}

/* Everything at once, then without the first of the list, and so on. */
static void the_most_specific_comes_first(void **state)
{
	static const enum xc_label order[] = { 7, 4, 9, 8, 10, 11, 2, 3, 1, 5, 6 };
	struct xc_label_facts f = { JITTERY,
				    .listen_overflows = 1,
				    .n_syns = 500,
				    .n_resets = 500,
				    .n_zero_windows = 50,
				    .dns_rcode = 3,
				    .http_status = 500,
				    .n_retrans = 50,
				    .cpu_periods = 50,
				    .cpu_throttled = 50,
				    .memory_percent = 99,
				    .memory_pressure = 9,
				    .disk_queue = 99 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct xc_detected d = xc_labels_detect(&xc_label_defaults, &f);

		assert_int_equal(d.label, order[i]);
		assert_true(d.fault_bits & 1u << order[i]);
		switch (order[i]) {
		case XC_LABEL_BACKLOG_OVERFLOW:
			f.listen_overflows = 0;
			break;
		case XC_LABEL_SYN_FLOOD:
			f.n_syns = 0;
			break;
		case XC_LABEL_CONNECTION_CHURN:
			f.n_resets = 0;
			break;
		case XC_LABEL_ZERO_WINDOW:
			f.n_zero_windows = 0;
			break;
		case XC_LABEL_DNS_FAILURE:
			f.dns_rcode = 0;
			break;
		case XC_LABEL_HTTP_ERROR:
			f.http_status = 0;
			break;
		case XC_LABEL_PACKET_LOSS:
			f.n_retrans = 0;
			break;
		case XC_LABEL_LATENCY_JITTER:
			f.jitter_ms = 0;
			break;
		case XC_LABEL_CPU_THROTTLING:
			f.cpu_throttled = 0;
			break;
		case XC_LABEL_MEMORY_PRESSURE:
			f.memory_percent = 0;
			break;
		default:
			f.disk_queue = 0;
		}
	}
	assert_int_equal(xc_labels_detect(&xc_label_defaults, &f).fault_bits, 0);
}

static void confidence_tells_how_far_and_how_sure(void **state)
{
	struct xc_label_facts near = { BUSY, .n_retrans = 51 }, far = { BUSY, .n_retrans = 500 };
	struct xc_label_facts sure = { BUSY, .n_retrans = 500, .has_kernel_retrans = true,
				       .n_dup_acks = 9 };
	struct xc_label_facts lossy = sure, almost = { BUSY, .n_retrans = 49 }, calm = { BUSY };
	const struct xc_label_cfg *cfg = &xc_label_defaults;

	(void)state;
	lossy.lost_share = 0.5;
	assert_true(xc_labels_detect(cfg, &near).confidence <
		    xc_labels_detect(cfg, &far).confidence);
	assert_true(xc_labels_detect(cfg, &far).confidence <
		    xc_labels_detect(cfg, &sure).confidence);
	assert_true(fabs(xc_labels_detect(cfg, &sure).confidence - 0.97) < 1e-9);
	assert_true(fabs(xc_labels_detect(cfg, &lossy).confidence - 0.485) < 1e-9);
	assert_true(fabs(xc_labels_detect(cfg, &almost).confidence - 0.51) < 1e-9);
	assert_true(fabs(xc_labels_detect(cfg, &calm).confidence - 1) < 1e-9);
	assert_int_equal(xc_labels_detect(cfg, &near).severity, 1);
	assert_int_equal(xc_labels_detect(cfg, &far).severity, 3);
	assert_false(xc_labels_detect(cfg, &near).needs_action);
	assert_true(xc_labels_detect(cfg, &far).needs_action);
	assert_false(xc_labels_detect(cfg, &lossy).needs_action);
	assert_int_equal(xc_labels_detect(cfg, &calm).severity, 0);
}

static void thresholds_can_be_set(void **state)
{
	struct xc_label_cfg cfg = xc_label_defaults;
	struct xc_label_facts f = { BUSY, .n_resets = 40, .http_status = 404 };

	(void)state;
	cfg.resets = 30;
	cfg.http_error = 400;
	assert_int_equal(xc_labels_detect(&cfg, &f).fault_bits,
			 BIT(CONNECTION_CHURN) | BIT(HTTP_ERROR));
}

static void labels_have_names(void **state)
{
	(void)state;
	assert_string_equal(xc_label_str(0), "Normal");
	assert_string_equal(xc_label_str(XC_LABEL_HTTP_ERROR), "HTTP error");
	assert_int_equal(XC_LABEL_HTTP_ERROR, 11);
	assert_null(xc_label_str(12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),
		cmocka_unit_test(throttling),
		cmocka_unit_test(loss),
		cmocka_unit_test(jitter),
		cmocka_unit_test(a_slow_peer_is_no_jitter),
		cmocka_unit_test(flood),
		cmocka_unit_test(memory_and_disk),
		cmocka_unit_test(listeners_windows_resets),
		cmocka_unit_test(requests),
		cmocka_unit_test(the_most_specific_comes_first),
		cmocka_unit_test(confidence_tells_how_far_and_how_sure),
		cmocka_unit_test(thresholds_can_be_set),
		cmocka_unit_test(labels_have_names),
	};

	return XC_RUN(tests);
}
