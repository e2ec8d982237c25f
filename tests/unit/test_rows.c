/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "flow_made.h"

#include "flow/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what comes out, by name ---------------------------------------------------------------- */

#define N_MAX 8

struct output {
	size_t n;
	struct {
		struct xc_value v[XC_COLUMNS_MAX];
		char text[XC_COLUMNS_MAX][XC_ENDPOINT_LEN];
	} row[N_MAX];
	int answer;	/* what the callback returns */
};

static struct output out;

static int on_row(void *arg, const struct xc_row *row)
{
	(void)arg;
	assert_true(out.n < N_MAX);
	for (size_t i = 0; i < xc_features_count(); i++) {
		struct xc_value v = xc_feature_get(xc_feature_at(i), row);

		out.row[out.n].v[i] = v;
		if (v.kind == XC_VALUE_STR)
			(void)snprintf(out.row[out.n].text[i], XC_ENDPOINT_LEN, "%s", v.str);
	}
	out.n++;
	return out.answer;
}

static size_t column(const char *name)
{
	for (size_t i = 0; i < xc_features_count(); i++)
		if (!strcmp(xc_feature_at(i)->name, name))
			return i;
	fail_msg("no column %s", name);
	return 0;
}

static const struct xc_value *value(size_t row, const char *name)
{
	assert_true(row < out.n);
	return &out.row[row].v[column(name)];
}

static bool is_missing(size_t row, const char *name)
{
	return value(row, name)->kind == XC_VALUE_MISSING;
}

static double number(size_t row, const char *name)
{
	const struct xc_value *v = value(row, name);

	if (v->kind != XC_VALUE_U64 && v->kind != XC_VALUE_F64)
		fail_msg("%s is no number", name);
	return v->kind == XC_VALUE_U64 ? (double)v->u64 : v->f64;
}

static const char *text(size_t row, const char *name)
{
	if (value(row, name)->kind != XC_VALUE_STR)
		fail_msg("%s is no text", name);
	return out.row[row].text[column(name)];
}

static void want(size_t row, const char *name, double wanted)
{
	double got = number(row, name);

	if (fabs(got - wanted) > 1e-9 * fmax(1, fabs(wanted)))
		fail_msg("%s of row %zu is %.12g, not %.12g", name, row, got, wanted);
}

/* ---- what goes in -------------------------------------------------------------------------- */

static struct xc_flow_seen seen_of(struct made *m)
{
	return (struct xc_flow_seen){
		.key = &m->key, .flow = &m->flow, .window = &m->window, .latency = &m->latency
	};
}

static const struct xc_sys_sample no_sys;

static int close_at(struct xc_rows *rows, uint64_t no, const struct xc_flow_seen *seen, size_t n)
{
	const struct xc_rows_input in = { .no = no,
					  .window_ns = WINDOW_NS,
					  .seen = seen,
					  .n_seen = n,
					  .sys = &no_sys,
					  .label = 3 };

	out.n = 0;
	return xc_rows_close(rows, &in, on_row, NULL);
}

static void close_with(const struct xc_flow_seen *seen, size_t n, const struct xc_sys_sample *sys)
{
	const struct xc_rows_input in = { .no = NO,
					  .window_ns = WINDOW_NS,
					  .seen = seen,
					  .n_seen = n,
					  .sys = sys ? sys : &no_sys,
					  .label = 3 };
	struct xc_rows *rows;

	out.n = 0;
	assert_int_equal(xc_rows_new(NULL, &rows), 0);
	assert_int_equal(xc_rows_close(rows, &in, on_row, NULL), 0);
	xc_rows_free(rows);
}

static void close_one(struct made *m)
{
	struct xc_flow_seen seen = seen_of(m);

	close_with(&seen, 1, NULL);
	assert_int_equal(out.n, 1);
}

/* ---- identity ------------------------------------------------------------------------------- */

/* The first row of the first exporter's recorded file: the id was made elsewhere. */
static void flow_id_is_the_recorded_one(void **state)
{
	struct made v4 = made("10.103.149.109", 80, "10.0.0.254", 51424);
	struct made v6 = made("2001:db8::1", 40000, "2001:db8::2", 443);

	(void)state;
	dir(&v4, 0)->n_packets = dir(&v6, 0)->n_packets = 1;
	close_one(&v4);
	assert_string_equal(text(0, "flow_id"), "a2280051");
	assert_string_equal(text(0, "src_ip"), "10.103.149.109");
	want(0, "src_port", 80);
	assert_string_equal(text(0, "dst_ip"), "10.0.0.254");
	want(0, "dst_port", 51424);
	want(0, "protocol", 6);
	want(0, "timestamp", 1750000000);
	want(0, "anomaly_label", 3);
	close_one(&v6);
	assert_string_equal(text(0, "flow_id"), "3dea54cf");
	assert_string_equal(text(0, "src_ip"), "2001:db8::1");
}

/* 150 packets, 75000 bytes, 5 retransmissions in 5 s; and a DNS exchange. */
static void the_seeds_vectors(void **state)
{
	struct made tcp = made("10.0.0.1", 40000, "10.0.0.2", 80);
	struct made dns = made("10.0.0.1", 40001, "10.0.0.3", 53);

	(void)state;
	*dir(&tcp, 0) = (struct xc_flow_dir){ .n_packets = 100, .bytes = 70000, .n_retrans = 5 };
	*dir(&tcp, 1) = (struct xc_flow_dir){ .n_packets = 50, .bytes = 5000 };
	close_one(&tcp);
	want(0, "packet_count", 150);
	want(0, "byte_count", 75000);
	want(0, "packets_per_second", 30);
	want(0, "bytes_per_second", 15000);
	want(0, "avg_packet_size", 500);
	want(0, "retransmission_count", 5);
	want(0, "retransmission_rate", 5 / 150.0);
	want(0, "forward_packets", 100);
	want(0, "backward_bytes", 5000);
	dns.key.proto = XC_IP_UDP;
	*dir(&dns, 0) = (struct xc_flow_dir){ .n_packets = 1, .bytes = 60 };
	*dir(&dns, 1) = (struct xc_flow_dir){ .n_packets = 1, .bytes = 104 };
	close_one(&dns);
	want(0, "packet_count", 2);
	want(0, "packets_per_second", 0.4);
	want(0, "bytes_per_second", 32.8);
	want(0, "avg_packet_size", 82);
	want(0, "retransmission_rate", 0);
	want(0, "protocol", 17);
}

/* ---- one flow ------------------------------------------------------------------------------- */

/* The client is the greater end of the key here, and the lesser one in the second round. */
static void a_connection_from_packets(void **state)
{
	static const char *const clients[] = { "10.0.0.9", "10.0.0.1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		struct made m = made(clients[i], 40000, "10.0.0.5", 80);

		SEND(&m, { 0, 0, S, 100, 0, 0, 1000 }, { 10, 1, SA, 500, 101, 0, 2000 },
		     { 30, 0, A, 101, 501, 0, 1000 }, { 40, 0, P, 101, 501, 100, 1000 },
		     { 44, 1, A, 501, 201, 0, 900 }, { 50, 1, P, 501, 201, 300, 900 },
		     { 56, 0, A, 201, 801, 0, 400 }, { 60, 0, F, 201, 801, 0, 400 },
		     { 70, 1, F, 801, 202, 0, 900 }, { 90, 0, A, 202, 802, 0, 400 });
		close_one(&m);
		assert_string_equal(text(0, "src_ip"), clients[i]);
		want(0, "packet_count", 10);
		want(0, "byte_count", 10 * 40 + 400);
		want(0, "forward_packets", 6);
		want(0, "forward_bytes", 6 * 40 + 100);
		want(0, "backward_packets", 4);
		want(0, "backward_bytes", 4 * 40 + 300);
		want(0, "syn_count", 1);
		want(0, "syn_ack_count", 1);
		want(0, "fin_count", 2);
		want(0, "psh_count", 2);
		want(0, "ack_count", 9);
		want(0, "rst_count", 0);
		assert_string_equal(text(0, "connection_state"), "CLOSED");
		want(0, "connection_state_code", 4);
		want(0, "min_packet_size", 40);
		want(0, "max_packet_size", 340);
		want(0, "packet_size_variance", (100 * 100 + 300 * 300) / 10.0 - 40 * 40);
		want(0, "inter_arrival_time_mean", 10);
		want(0, "flow_duration", 0.09);
		want(0, "flow_completion_time", 0.09);
		want(0, "rtt_estimate_ms", 30);
		want(0, "latency_mean_ms", 5);
		want(0, "latency_std_ms", sqrt(2));
		want(0, "rtt_variance", 1);
		want(0, "latency_samples", 2);
		want(0, "inter_arrival_jitter", 2 / 16.0);
		want(0, "goodput_mbps", 400 * 8 / 5.0 / 1e6);
		want(0, "overhead_ratio", 0.5);
		want(0, "ttl_min", 64);
		want(0, "ttl_avg", 64);
		want(0, "ttl_stddev", 0);
		want(0, "tcp_window_min", 400);
		want(0, "tcp_window_avg", (2 * 1000 + 3 * 900 + 3 * 400) / 8.0);
		want(0, "tcp_window_drops", 1);
		want(0, "connection_rate", 0.2);
		want(0, "connection_churn", 0.2);
		want(0, "abnormal_termination_ratio", 0);
		want(0, "syn_to_synack_ratio", 1);
		want(0, "half_open_connections", 0);
		want(0, "retransmission_count", 0);
		want(0, "bidirectional_packets", 10);
		want(0, "down_up_ratio", 4 / 6.0);
		assert_string_equal(text(0, "verdict"), "FORWARDED");
		want(0, "detected_label", 0);
		assert_true(is_missing(0, "is_blocked_flow") && is_missing(0, "cpu_usage_percent"));
		assert_true(is_missing(0, "http_status_code") && is_missing(0, "payload_entropy"));
		xc_hist_done(&m.latency);
	}
}

static void what_was_sent_twice(void **state)
{
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);

	(void)state;
	SEND(&m, { 0, 0, P, 1000, 1, 100, 9 }, { 10, 0, P, 1100, 1, 100, 9 },
	     { 20, 0, P, 1100, 1, 100, 9 }, { 30, 0, P, 1000, 1, 100, 9 },
	     { 40, 1, A, 1, 1200, 0, 0 }, { 1040, 1, A, 1, 1200, 0, 9 });
	close_one(&m);
	want(0, "retransmission_count", 2);
	want(0, "consecutive_retrans", 2);
	want(0, "retransmission_rate", 2 / 6.0);
	want(0, "retransmitted_bytes", 200);
	want(0, "new_payload_bytes", 200);
	want(0, "overhead_ratio", 1 - 200 / 640.0);
	want(0, "zero_window_count", 1);
	want(0, "zero_window_duration", 1);
	want(0, "detected_label", XC_LABEL_ZERO_WINDOW);
	want(0, "fault_bits", 1 << XC_LABEL_ZERO_WINDOW | 1 << XC_LABEL_PACKET_LOSS);
	want(0, "anomaly_severity", 2);
	xc_hist_done(&m.latency);
}

static void pauses_part_active_times(void **state)
{
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);

	(void)state;
	SEND(&m, { 0, 0, S, 100, 0, 0, 1000 }, { 10, 1, SA, 500, 101, 0, 2000 },
	     { 20, 0, A, 101, 501, 0, 900 }, { 1019, 0, P, 101, 501, 10, 900 },
	     { 2019, 1, A, 501, 111, 0, 2000 }, { 2319, 0, P, 111, 501, 10, 900 },
	     { 4319, 1, A, 501, 121, 0, 2000 });
	close_one(&m);
	want(0, "forward_init_window", 1000);
	want(0, "backward_init_window", 2000);
	want(0, "active_min", 300);	/* 999 ms at 20 ms were no pause */
	want(0, "active_max", 1019);
	want(0, "active_mean", (1019 + 300) / 2.0);
	want(0, "idle_min", 1000);
	want(0, "idle_max", 2000);
	want(0, "idle_std", sqrt(2) * 500);
	xc_hist_done(&m.latency);

	SEND(&m, { 0, 0, P, 101, 501, 10, 900 }, { 10, 1, A, 501, 111, 0, 2000 });
	close_one(&m);
	assert_true(is_missing(0, "forward_init_window") && is_missing(0, "backward_init_window"));
	assert_true(is_missing(0, "active_mean") && is_missing(0, "idle_max"));
	xc_hist_done(&m.latency);
}

/* 1..100 ms, and what remains without samples or without their histogram. */
static void latencies(void **state)
{
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);
	struct xc_flow_seen seen;

	(void)state;
	dir(&m, 0)->n_packets = 100;
	for (uint64_t i = 1; i <= 100; i++) {
		xc_moments_add(&m.window.latency, i * MS);
		assert_int_equal(xc_hist_add(&m.latency, xc_hist_bucket(i * MS), 1), 0);
	}
	close_one(&m);
	assert_true(fabs(number(0, "latency_p50_ms") - 50) <= 0.5);
	assert_true(fabs(number(0, "latency_p95_ms") - 95) <= 0.95);
	assert_true(fabs(number(0, "latency_p99_ms") - 99) <= 0.99);
	assert_true(fabs(number(0, "tail_latency_ratio") - 1.98) < 0.04);
	want(0, "latency_mean_ms", 50.5);
	want(0, "rtt_variance", (100 * 100 - 1) / 12.0);
	seen = seen_of(&m);
	seen.latency = NULL;
	close_with(&seen, 1, NULL);
	assert_true(is_missing(0, "latency_p50_ms"));
	want(0, "tail_latency_ratio", 1);
	want(0, "latency_mean_ms", 50.5);
	memset(&m.window.latency, 0, sizeof(m.window.latency));
	close_with(&seen, 1, NULL);
	assert_true(is_missing(0, "latency_mean_ms") && is_missing(0, "inter_arrival_jitter"));
	assert_true(is_missing(0, "rtt_estimate_ms") && is_missing(0, "rtt_variance"));
	want(0, "latency_samples", 0);
	want(0, "tail_latency_ratio", 1);
	xc_moments_add(&m.window.latency, 1234567);
	close_with(&seen, 1, NULL);
	want(0, "latency_p99_ms", 1.234567);
	want(0, "latency_std_ms", 0);
	xc_hist_done(&m.latency);
}

static void entropy(void **state)
{
	static struct xc_payload p;
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);
	struct xc_flow_seen seen = seen_of(&m);

	(void)state;
	dir(&m, 0)->n_packets = 1;
	seen.payload = &p;
	close_with(&seen, 1, NULL);
	assert_true(is_missing(0, "payload_entropy"));
	for (p.n = 0; p.n < XC_PAYLOAD_MAX; p.n++)
		p.byte[p.n] = (uint8_t)p.n;
	close_with(&seen, 1, NULL);
	want(0, "payload_entropy", 1);
	p.n = 16;
	close_with(&seen, 1, NULL);
	want(0, "payload_entropy", 1);
	memset(p.byte, 'a', 8);
	close_with(&seen, 1, NULL);
	want(0, "payload_entropy", (8 / 16.0 * 1 + 8 * (4 / 16.0)) / 4);
	p.n = 8;
	close_with(&seen, 1, NULL);
	want(0, "payload_entropy", 0);
	p.n = 1;
	close_with(&seen, 1, NULL);
	want(0, "payload_entropy", 0);
}

/* ---- kernel and health ---------------------------------------------------------------------- */

static void what_the_kernel_knows(void **state)
{
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);
	struct xc_flow_kernel k = { .cookie = 7,
				    .n_retrans = 9,
				    .n_drops = 4,
				    .srtt_us = 1500,
				    .mdev_us = 300,
				    .tgid = 42,
				    .comm = "curl" };
	struct xc_flow_seen seen = seen_of(&m);

	(void)state;
	seen.kernel = &k;
	*dir(&m, 0) = (struct xc_flow_dir){ .n_packets = 16, .n_retrans = 3 };
	close_with(&seen, 1, NULL);
	want(0, "retransmission_count", 9);
	want(0, "seen_retransmissions", 3);
	want(0, "is_blocked_flow", 0);
	want(0, "error_rate", 0.2);
	want(0, "rtt_estimate_ms", 1.5);
	want(0, "rtt_variance", 0.09);
	want(0, "pid", 42);
	assert_string_equal(text(0, "comm"), "curl");
	assert_string_equal(text(0, "verdict"), "ERROR");
	assert_true(is_missing(0, "cgroup_id"));
	k.n_retrans = 1;	/* the other end repeats itself */
	k.n_policy_drops = 4;
	close_with(&seen, 1, NULL);
	want(0, "retransmission_count", 3);
	want(0, "is_blocked_flow", 1);
	assert_string_equal(text(0, "verdict"), "DROPPED");
}

/* No packet got past the rule that drops them; or nothing happened at all. */
static void drops_make_a_row_of_their_own(void **state)
{
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);
	struct xc_flow_kernel k = { .n_drops = 2, .n_policy_drops = 2 };
	struct xc_flow_seen seen = { .key = &m.key, .flow = &m.flow, .kernel = &k };

	(void)state;
	close_with(&seen, 1, NULL);
	assert_int_equal(out.n, 1);
	want(0, "packet_count", 0);
	want(0, "error_rate", 1);
	want(0, "is_blocked_flow", 1);
	want(0, "overhead_ratio", 0);
	assert_true(is_missing(0, "avg_packet_size") && is_missing(0, "ttl_min"));
	k = (struct xc_flow_kernel){ 0 };
	close_with(&seen, 1, NULL);
	assert_int_equal(out.n, 0);
	seen.kernel = NULL;
	close_with(&seen, 1, NULL);
	assert_int_equal(out.n, 0);
	close_with(NULL, 0, NULL);
	assert_int_equal(out.n, 0);
}

/* An ICMP error in a window without packets; the client is the greater end of the key. */
static void an_error_alone_is_a_row(void **state)
{
	struct made m = made("10.0.0.9", 40000, "10.0.0.5", 53);

	(void)state;
	m.flow.state = XC_FLOW_NEW;
	m.window = (struct xc_flow_window){ .no = NO, .n_errors = 1 };
	close_one(&m);
	assert_string_equal(text(0, "src_ip"), "10.0.0.9");
	assert_string_equal(text(0, "connection_state"), "NEW");
	assert_string_equal(text(0, "verdict"), "REJECTED");
	want(0, "packet_count", 0);
	want(0, "error_rate", 1);
}

static void verdicts(void **state)
{
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);

	(void)state;
	SEND(&m, { 0, 0, S, 100, 0, 0, 1000 }, { 1, 1, RA, 0, 101, 0, 0 });
	close_one(&m);
	assert_string_equal(text(0, "verdict"), "REJECTED");
	SEND(&m, { 0, 0, S, 100, 0, 0, 1000 });
	close_one(&m);
	assert_string_equal(text(0, "verdict"), "UNKNOWN");
	m.window.n_errors = 1;
	close_one(&m);
	assert_string_equal(text(0, "verdict"), "REJECTED");
	SEND(&m, { 0, 0, S, 100, 0, 0, 1000 }, { 1, 1, SA, 500, 101, 0, 900 },
	     { 2, 0, A, 101, 501, 0, 900 }, { 3, 1, R, 501, 0, 0, 0 });
	close_one(&m);
	assert_string_equal(text(0, "verdict"), "FORWARDED");	/* an abort is no refusal */
	m.window.n_errors = 1;
	close_one(&m);
	assert_string_equal(text(0, "verdict"), "ERROR");
}

static void health_of_the_node_and_of_the_cgroup(void **state)
{
	struct xc_sys_sample sys = {
		.is_valid = true,
		.cpu_percent = 85,
		.memory_percent = 40,
		.memory_available_mib = 900,
		.memory_pressure = 2,
		.disk_read_bytes = 3 << 20,
		.disk_latency_us = 10001,
		.disk_queue = 10.5,
		.n_zombies = 2,
		.top = "a(9.0%);b(1.0%)",
		.cgroup = { .has_cpu = true, .nr_periods = 100, .nr_throttled = 1 },
		.netns = { .listen_drops = 5 }
	};
	struct xc_sys_cgroup own = { .has_cpu = true,
				     .has_memory = true,
				     .nr_periods = 50,
				     .nr_throttled = 20,
				     .throttled_ms = 900,
				     .memory_percent = 93,
				     .memory_available_mib = 12 };
	struct xc_sys_netns netns = { .listen_overflows = 3 };
	struct made m = made("10.0.0.1", 40000, "10.0.0.5", 80);
	struct xc_flow_seen seen = seen_of(&m);

	(void)state;
	dir(&m, 0)->n_packets = 9;
	close_with(&seen, 1, &sys);
	want(0, "cpu_nr_periods", 100);
	want(0, "memory_usage_percent", 40);
	want(0, "memory_available_mb", 900);
	want(0, "tcp_listen_drops", 5);
	want(0, "cpu_contention", 1);
	want(0, "high_io_latency", 1);
	want(0, "cpu_throttled", 0);
	want(0, "zombie_processes", 2);
	want(0, "disk_read_mb", 3);
	want(0, "disk_saturated", 1);
	assert_string_equal(text(0, "process_cpu_top3"), "a(9.0%);b(1.0%)");
	want(0, "fault_bits", 1 << XC_LABEL_DISK_SATURATION);
	seen.cgroup = &own;
	seen.netns = &netns;
	close_with(&seen, 1, &sys);
	want(0, "cpu_nr_periods", 50);
	want(0, "cpu_throttle_ratio", 0.4);
	want(0, "cpu_throttled", 1);
	want(0, "memory_usage_percent", 93);
	want(0, "memory_available_mb", 12);
	want(0, "memory_critical", 1);
	want(0, "tcp_listen_overflows", 3);
	want(0, "tcp_listen_drops", 0);
	want(0, "detected_label", XC_LABEL_BACKLOG_OVERFLOW);
	want(0, "fault_bits",
	     1 << XC_LABEL_DISK_SATURATION | 1 << XC_LABEL_CPU_THROTTLING |
		     1 << XC_LABEL_MEMORY_PRESSURE | 1 << XC_LABEL_BACKLOG_OVERFLOW);
}

/* ---- all flows of a server ------------------------------------------------------------------ */

static void flows_of_one_server_add_up(void **state)
{
	struct made m[6] = {
		made("10.0.0.1", 1001, "10.0.0.5", 80), made("10.0.0.9", 1002, "10.0.0.5", 80),
		made("10.0.0.1", 1003, "10.0.0.5", 80), made("10.0.0.1", 1004, "10.0.0.5", 80),
		made("10.0.0.1", 1005, "10.0.0.5", 80), made("10.0.0.1", 1001, "10.0.0.5", 81),
	};
	struct xc_flow_seen seen[ARRAY_SIZE(m)];

	(void)state;
	SEND(&m[0], { 0, 0, S, 100, 0, 0, 1000 }, { 1, 1, SA, 500, 101, 0, 900 },
	     { 2, 0, A, 101, 501, 0, 900 }, { 3, 0, R, 101, 0, 0, 0 });
	SEND(&m[1], { 0, 0, S, 100, 0, 0, 1000 }, { 1000, 0, S, 100, 0, 0, 1000 },
	     { 1001, 1, SA, 500, 101, 0, 900 });
	SEND(&m[2], { 0, 0, P, 100, 7, 10, 1000 });
	SEND(&m[3], { 0, 0, S, 100, 0, 0, 1000 });
	SEND(&m[4], { 0, 0, S, 100, 0, 0, 1000 });
	SEND(&m[5], { 0, 0, S, 100, 0, 0, 1000 });
	for (size_t i = 0; i < ARRAY_SIZE(m); i++)
		seen[i] = seen_of(&m[i]);
	seen[3].window = NULL;			/* silent since, still waiting */
	m[3].flow.syn_ns = START_NS - 50000 * MS;
	seen[4].window = NULL;			/* waited for too long */
	seen[4].has_timed_out = true;
	m[4].flow.syn_ns = START_NS - 56000 * MS;
	close_with(seen, ARRAY_SIZE(seen), NULL);
	assert_int_equal(out.n, 4);
	for (size_t i = 0; i < 3; i++) {
		want(i, "tcp_resets", 1);
		want(i, "syn_to_synack_ratio", 1.5);
		want(i, "half_open_connections", 2);
		want(i, "connection_rate", 2 / 5.0);
		want(i, "connection_churn", 1 / 5.0);
		want(i, "abnormal_termination_ratio", 1);
	}
	want(1, "rst_count", 0);
	want(1, "retransmission_count", 1);
	want(3, "tcp_resets", 0);
	want(3, "syn_to_synack_ratio", 1);
	want(3, "half_open_connections", 1);
	want(3, "dst_port", 81);
	for (size_t i = 0; i < ARRAY_SIZE(m); i++)
		xc_hist_done(&m[i].latency);
}

static void a_flood_shows_in_every_row(void **state)
{
	static struct made m[100];
	static struct xc_flow_seen seen[100];

	(void)state;
	for (uint16_t i = 0; i < ARRAY_SIZE(m); i++) {
		m[i] = made("10.0.0.1", 1000 + i, "10.0.0.5", 80);
		SEND(&m[i], { 0, 0, S, 100, 0, 0, 1000 }, { 1, 1, SA, 500, 101, 0, 900 },
		     { 1001, 1, SA, 500, 101, 0, 900 }, { 3001, 1, SA, 500, 101, 0, 900 });
		seen[i] = seen_of(&m[i]);
		if (i >= N_MAX)
			seen[i].window = NULL;
	}
	close_with(seen, ARRAY_SIZE(seen), NULL);
	assert_int_equal(out.n, N_MAX);
	want(0, "half_open_connections", 100);
	want(0, "fault_bits", 1 << XC_LABEL_PACKET_LOSS);	/* too few SYNs in this window */
	for (size_t i = 0; i < 20; i++)
		seen[i].window = &m[i].window;
	out.answer = 0;
	out.n = 0;
	for (size_t i = N_MAX; i < 20; i++)
		m[i].window.dir[0].n_packets = m[i].window.dir[1].n_packets = 0;
	close_with(seen, ARRAY_SIZE(seen), NULL);
	assert_int_equal(out.n, N_MAX);
	want(0, "fault_bits", 1 << XC_LABEL_SYN_FLOOD);	/* SYN-ACKs again: the flood, no loss */
	want(0, "detected_label", XC_LABEL_SYN_FLOOD);
}

/* ---- what an endpoint is used to ------------------------------------------------------------ */

/* A flow with 20 latencies that alternate between @a and @b ms. */
static struct made alternating(uint16_t port, uint64_t a_us, uint64_t b_us)
{
	struct made m = made("10.0.0.1", port, "10.0.0.5", 80);

	dir(&m, 0)->n_packets = 40;
	for (int i = 0; i < 20; i++) {
		uint64_t ns = (i & 1 ? b_us : a_us) * 1000;

		xc_moments_add(&m.window.latency, ns);
		assert_int_equal(xc_hist_add(&m.latency, xc_hist_bucket(ns), 1), 0);
	}
	m.window.jitter_ns = (b_us - a_us) * 1000 * 3 / 4;
	return m;
}

static bool is_jittery(struct xc_rows *rows, uint64_t no, struct made *m)
{
	struct xc_flow_seen seen = seen_of(m);

	assert_int_equal(close_at(rows, no, &seen, 1), 0);
	return number(0, "detected_label") == XC_LABEL_LATENCY_JITTER;
}

static void jitter_is_what_an_endpoint_is_not_used_to(void **state)
{
	struct made calm = alternating(1000, 300, 400), wild = alternating(1000, 1000, 9000);
	struct made other = alternating(1000, 1000, 9000);
	struct xc_rows *rows;
	uint64_t no = NO;

	(void)state;
	other.key.port_he[other.flow.initiator ^ 1] = 81;
	assert_int_equal(xc_rows_new(NULL, &rows), 0);
	assert_false(is_jittery(rows, no++, &calm));
	assert_false(is_jittery(rows, no++, &calm));
	assert_false(is_jittery(rows, no, &wild));	/* two windows taught too little */
	xc_rows_free(rows);

	assert_int_equal(xc_rows_new(NULL, &rows), 0);
	for (int i = 0; i < 3; i++)
		assert_false(is_jittery(rows, no++, &calm));
	for (int i = 0; i < 50; i++)
		assert_true(is_jittery(rows, no++, &wild));	/* a fault is not learned */
	assert_false(is_jittery(rows, no++, &calm));
	for (int i = 0; i < 50; i++)
		assert_false(is_jittery(rows, no++, &other));	/* has always been so */
	xc_rows_free(rows);
	xc_hist_done(&calm.latency);
	xc_hist_done(&wild.latency);
	xc_hist_done(&other.latency);
}

/* More endpoints than are remembered: those of late win, and nothing breaks. */
static void what_is_learned_is_bounded(void **state)
{
	struct made calm = alternating(1000, 300, 400), wild = alternating(1000, 1000, 9000);
	struct xc_rows *rows;
	uint64_t no = NO;
	uint8_t server = calm.flow.initiator ^ 1;

	(void)state;
	assert_int_equal(xc_rows_new(NULL, &rows), 0);
	for (uint16_t port = 1; port < 6000; port++) {
		calm.key.port_he[server] = port;
		for (int i = 0; i < 3; i++)
			assert_false(is_jittery(rows, no++, &calm));
	}
	wild.key.port_he[server] = 5999;
	assert_true(is_jittery(rows, no++, &wild));
	wild.key.port_he[server] = 1;
	assert_false(is_jittery(rows, no++, &wild));
	xc_rows_free(rows);
	xc_hist_done(&calm.latency);
	xc_hist_done(&wild.latency);
}

/* ---- robustness ----------------------------------------------------------------------------- */

static void the_callback_may_stop_it(void **state)
{
	struct made m = made("10.0.0.1", 1000, "10.0.0.5", 80);
	struct xc_flow_seen seen[2] = { seen_of(&m), seen_of(&m) };
	struct xc_rows *rows;

	(void)state;
	dir(&m, 0)->n_packets = 1;
	assert_int_equal(xc_rows_new(NULL, &rows), 0);
	out.answer = -28;
	assert_int_equal(close_at(rows, NO, seen, 2), -28);
	assert_int_equal(out.n, 1);
	out.answer = 0;
	assert_int_equal(close_at(rows, NO, seen, 2), 0);
	assert_int_equal(out.n, 2);
	xc_rows_free(rows);
	xc_rows_free(NULL);
}

static void check_finite(void)
{
	for (size_t row = 0; row < out.n; row++)
		for (size_t i = 0; i < xc_features_count(); i++) {
			const struct xc_value *v = &out.row[row].v[i];

			assert_row(xc_feature_at(i)->name,
				   v->kind != XC_VALUE_F64 || isfinite(v->f64));
		}
}

/* Whatever the bytes of a flow are: no column is NaN or infinite, and nothing is read amiss. */
static void garbage_stays_finite(void **state)
{
	struct xc_sys_sample sys = { .is_valid = true,
				     .memory_percent = NAN,
				     .disk_queue = INFINITY };
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct made m = made("10.0.0.1", 1000, "10.0.0.5", 80);
		uint8_t *p = (uint8_t *)&m.flow, *w = (uint8_t *)&m.window;
		struct xc_flow_kernel k;
		struct xc_flow_seen seen = seen_of(&m);

		for (size_t i = 0; i < sizeof(m.flow); i++)
			p[i] = (uint8_t)(round < 2 ?
						 -round :
						 (int)((seed = seed * 1664525 + 1013904223) >> 24));
		for (size_t i = 0; i < sizeof(m.window); i++)
			w[i] = (uint8_t)(round < 2 ?
						 -round :
						 (int)((seed = seed * 1664525 + 1013904223) >> 24));
		memset(&k, round, sizeof(k));
		k.comm[15] = '\0';
		seen.kernel = round & 1 ? &k : NULL;
		close_with(&seen, 1, round & 2 ? &sys : NULL);
		check_finite();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_id_is_the_recorded_one),
		cmocka_unit_test(the_seeds_vectors),
		cmocka_unit_test(a_connection_from_packets),
		cmocka_unit_test(what_was_sent_twice),
		cmocka_unit_test(pauses_part_active_times),
		cmocka_unit_test(latencies),
		cmocka_unit_test(entropy),
		cmocka_unit_test(what_the_kernel_knows),
		cmocka_unit_test(drops_make_a_row_of_their_own),
		cmocka_unit_test(an_error_alone_is_a_row),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(health_of_the_node_and_of_the_cgroup),
		cmocka_unit_test(flows_of_one_server_add_up),
		cmocka_unit_test(a_flood_shows_in_every_row),
		cmocka_unit_test(jitter_is_what_an_endpoint_is_not_used_to),
		cmocka_unit_test(what_is_learned_is_bounded),
		cmocka_unit_test(the_callback_may_stop_it),
		cmocka_unit_test(garbage_stays_finite),
	};

	return XC_RUN(tests);
}
