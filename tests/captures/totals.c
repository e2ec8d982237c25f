/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crosscut counts in a capture, summed over its windows and flows, as JSON for test_captures.py:
 *	totals CAPTURE [WINDOW_MS [MAX_FLOWS [IDLE_MS]]]
 */
#include "base/scope.h"
#include "flow/table.h"
#include "source/capture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_WINDOW_MS 5000
#define DEFAULT_MAX_FLOWS 100000
#define N_HANDSHAKES 4096

/* Sums of what windows hold; the names are those of struct xc_flow_dir and struct xc_flow_window. */
#define DIR_SUMS(S)                                                                                \
	S(n_packets)                                                                               \
	S(bytes)                                                                                   \
	S(header_bytes)                                                                            \
	S(new_bytes)                                                                               \
	S(retrans_bytes)                                                                           \
	S(zero_window_ns)                                                                          \
	S(n_syn_acks)                                                                              \
	S(n_data)                                                                                  \
	S(n_retrans)                                                                               \
	S(n_out_of_order)                                                                          \
	S(n_zero_windows)                                                                          \
	S(n_dup_acks)                                                                              \
	S(n_keepalives)                                                                            \
	S(n_window_probes)                                                                         \
	S(n_gaps)                                                                                  \
	S(n_fast)                                                                                  \
	S(n_spurious)                                                                              \
	S(n_wire_retrans)                                                                          \
	S(n_wire_out_of_order)                                                                     \
	S(n_holes_lost)                                                                            \
	S(n_window_drops)
#define WINDOW_SUMS(S)                                                                             \
	S(n_connections)                                                                           \
	S(n_ended_fin)                                                                             \
	S(n_ended_rst)                                                                             \
	S(n_errors)                                                                                \
	S(n_reversals)

struct totals {
#define S(name) uint64_t name;
	DIR_SUMS(S)
	WINDOW_SUMS(S)
#undef S
	uint64_t n_flags[8];
	uint64_t n_gaps_between, gap_ns, n_latencies, latency_ns, n_in_histograms, n_sampled;
	uint64_t n_rows, n_half_open, n_timed_out;
	uint64_t tcp_connections, udp_connections, tcp_new_bytes;
};

static void add_dir(struct totals *t, const struct xc_flow_dir *d)
{
#define S(name) t->name += d->name;
	DIR_SUMS(S)
#undef S
	for (int i = 0; i < 8; i++)
		t->n_flags[i] += d->n_flags[i];
}

static void add_seen(struct totals *t, const struct xc_flow_seen *seen)
{
	const struct xc_flow_window *w = seen->window;

	t->n_timed_out += seen->has_timed_out;
	t->n_half_open += !w && !seen->has_timed_out;
	if (!w)
		return;
	t->n_rows++;
#define S(name) t->name += w->name;
	WINDOW_SUMS(S)
#undef S
	if (seen->key->proto == XC_IP_TCP) {
		t->tcp_connections += w->n_connections;
		t->tcp_new_bytes += w->dir[0].new_bytes + w->dir[1].new_bytes;
	}
	if (seen->key->proto == XC_IP_UDP)
		t->udp_connections += w->n_connections;
	t->n_gaps_between += w->gap.n;
	t->gap_ns += w->gap.sum;
	t->n_latencies += w->latency.n;
	t->latency_ns += w->latency.sum;
	t->n_in_histograms += seen->latency ? seen->latency->n : 0;
	t->n_sampled += seen->payload ? seen->payload->n : 0;
	add_dir(t, &w->dir[0]);
	add_dir(t, &w->dir[1]);
}

static int on_window(void *arg, uint64_t no, const struct xc_flow_seen *seen, size_t n_seen)
{
	(void)no;
	for (size_t i = 0; i < n_seen; i++)
		add_seen(arg, &seen[i]);
	return 0;
}

/* TCP connections in the order of their first packets, as Wireshark numbers its streams. */
struct streams {
	struct {
		struct xc_flow_key key;
		uint64_t handshake_ns;
	} stream[N_HANDSHAKES];
	uint32_t n;
};

static void follow(struct streams *s, const struct xc_flow_key *key, const struct xc_flow *f,
		   bool is_new)
{
	uint32_t at = s->n;

	if (is_new && s->n < N_HANDSHAKES) {
		s->stream[s->n].handshake_ns = 0;
		s->stream[s->n++].key = *key;
		at = s->n;
	}
	while (at-- > 0)
		if (!memcmp(&s->stream[at].key, key, sizeof(*key)))
			break;
	if (at < s->n && f->handshake_ns)
		s->stream[at].handshake_ns = f->handshake_ns;
}

static int add_packet(struct xc_flow_table *table, struct streams *s, struct xc_flow_packet *k,
		      const struct xc_flow_bytes *b)
{
	struct xc_flow_table_stats before, after;
	const struct xc_flow *f;
	struct xc_flow_key key;
	int r;

	xc_flow_table_get_stats(table, &before);
	r = xc_flow_table_add(table, k, b);
	if (r || k->ends.proto != XC_IP_TCP)
		return r;
	(void)xc_flow_key_of(&k->ends, &key);
	f = xc_flow_table_find(table, &key);
	xc_flow_table_get_stats(table, &after);
	if (f)
		follow(s, &key, f, after.n_flows > before.n_flows);
	return 0;
}

static void print_number(const char *name, uint64_t value)
{
	(void)printf("\"%s\":%" PRIu64 ",", name, value);
}

static void print_table(const struct xc_flow_table *table)
{
	struct xc_flow_table_stats t;

	xc_flow_table_get_stats(table, &t);
	print_number("flows", t.n_flows);
	print_number("taken", t.n_packets);
	print_number("evicted", t.n_evicted);
	print_number("expired", t.n_expired);
	print_number("windows", t.n_windows);
	print_number("late", t.n_late);
	print_number("memory_bytes", t.memory_bytes);
}

static void print_totals(const struct totals *t)
{
	static const char *const flags[] = {
		"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"
	};

#define S(name) print_number(#name, t->name);
	DIR_SUMS(S)
	WINDOW_SUMS(S)
	S(n_gaps_between)
	S(gap_ns)
	S(n_latencies)
	S(latency_ns)
	S(n_in_histograms)
	S(n_sampled)
	S(n_rows)
	S(n_half_open)
	S(n_timed_out)
	S(tcp_connections)
	S(udp_connections)
	S(tcp_new_bytes)
#undef S
	for (int i = 0; i < 8; i++)
		print_number(flags[i], t->n_flags[i]);
}

static void print_streams(const struct streams *s)
{
	(void)printf("\"handshakes\":{");
	for (uint32_t i = 0, n = 0; i < s->n; i++)
		if (s->stream[i].handshake_ns)
			(void)printf("%s\"%u\":%" PRIu64, n++ ? "," : "", i,
				     s->stream[i].handshake_ns);
	(void)printf("}}\n");
}

XC_DEFINE_FREEP(struct xc_capture, xc_capture_close)
XC_DEFINE_FREEP(struct xc_flow_table, xc_flow_table_free)

static int run(const char *path, const struct xc_flow_table_cfg *cfg)
{
	_cleanup_(xc_capture_closep) struct xc_capture *capture = NULL;
	_cleanup_(xc_flow_table_freep) struct xc_flow_table *table = NULL;
	static struct streams streams;
	struct totals totals = { 0 };
	struct xc_capture_stats stats;
	struct xc_flow_packet k;
	struct xc_flow_bytes b;
	int r = xc_capture_open(path, &capture);

	if (r || xc_flow_table_new(cfg, on_window, &totals, &table))
		return 1;
	while ((r = xc_capture_next(capture, &k, &b)) == 1)
		if (add_packet(table, &streams, &k, &b))
			return 1;
	if (r || xc_flow_table_flush(table))
		return 1;
	xc_capture_get_stats(capture, &stats);
	(void)printf("{");
	print_number("frames", stats.n_frames);
	print_number("packets", stats.n_packets);
	print_number("other", stats.n_other);
	print_number("cut", stats.n_cut);
	print_number("is_truncated", stats.is_truncated);
	print_table(table);
	print_totals(&totals);
	print_streams(&streams);
	return 0;
}

int main(int argc, char **argv)
{
	struct xc_flow_table_cfg cfg = { .window_ns = DEFAULT_WINDOW_MS * 1000000ull,
					 .max_flows = DEFAULT_MAX_FLOWS };

	if (argc < 2)
		return 2;
	if (argc > 2)
		cfg.window_ns = strtoull(argv[2], NULL, 10) * 1000000u;
	if (argc > 3)
		cfg.max_flows = (uint32_t)strtoul(argv[3], NULL, 10);
	if (argc > 4)
		cfg.idle_ns = strtoull(argv[4], NULL, 10) * 1000000u;
	return run(argv[1], &cfg);
}
