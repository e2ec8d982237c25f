/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/rows.h"

#include "abi/flow_packet.h"
#include "flow/baseline.h"
#include "flow/features.h"
#include "flow/values.h"
#include "model/net.h"

#include <errno.h>
#include <nettle/md5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF_OPEN_NS 60000000000ull	/* FEATURES half_open_connections: a SYN of the last 60 s */

struct xc_rows {
	struct xc_label_cfg labels;
	struct xc_baselines baselines;
	/* of the window that is closed; room for one server a flow */
	struct xc_index index;
	struct xc_server *server;
	uint32_t *server_of;	/* by index in seen */
	uint32_t n_servers, n_room;
	uint64_t n_packets;
};

/* A row made of kernel events only has no window of its own. */
static const struct xc_flow_window no_window;

int xc_rows_new(const struct xc_label_cfg *labels, struct xc_rows **ret_rows)
{
	struct xc_rows *rows = calloc(1, sizeof(*rows));

	if (!rows || xc_baselines_init(&rows->baselines)) {
		free(rows);
		return -ENOMEM;
	}
	rows->labels = labels ? *labels : xc_label_defaults;
	*ret_rows = rows;
	return 0;
}

static void free_window(struct xc_rows *rows)
{
	xc_index_done(&rows->index);
	free(rows->server);
	free(rows->server_of);
	rows->server = NULL;
	rows->server_of = NULL;
	rows->n_room = 0;
}

void xc_rows_free(struct xc_rows *rows)
{
	if (!rows)
		return;
	xc_baselines_done(&rows->baselines);
	free_window(rows);
	free(rows);
}

static int make_room(struct xc_rows *rows, size_t n)
{
	rows->n_servers = 0;
	rows->n_packets = 0;
	if (n <= rows->n_room) {
		xc_index_reset(&rows->index);
		return 0;
	}
	free_window(rows);
	if (n > UINT32_MAX / 2)
		return -ENOMEM;
	n += n / 4;
	rows->server = malloc(n * sizeof(*rows->server));
	rows->server_of = malloc(n * sizeof(*rows->server_of));
	if (!rows->server || !rows->server_of || xc_index_init(&rows->index, (uint32_t)n)) {
		free_window(rows);
		return -ENOMEM;
	}
	rows->n_room = (uint32_t)n;
	return 0;
}

/* ---- the server endpoints ------------------------------------------------------------------- */

/* A window that only knows of an ICMP error was not told who talks to whom. */
static bool has_spoken(const struct xc_flow_seen *seen)
{
	return seen->window && seen->window->state;
}

static uint8_t initiator_of(const struct xc_flow_seen *seen)
{
	return (has_spoken(seen) ? seen->window->initiator : seen->flow->initiator) & 1;
}

static uint8_t state_of(const struct xc_flow_seen *seen)
{
	return has_spoken(seen) ? seen->window->state : seen->flow->state;
}

/* The server @seen talks to; its sums start at what it is used to. */
static uint32_t server_of(struct xc_rows *rows, const struct xc_flow_seen *seen)
{
	uint8_t responder = initiator_of(seen) ^ 1;
	struct xc_server_key key = { .port_he = seen->key->port_he[responder],
				     .proto = seen->key->proto };
	const struct xc_baseline *baseline;
	struct xc_server *s;
	uint64_t hash;

	memcpy(key.addr, seen->key->addr[responder], sizeof(key.addr));
	hash = xc_hash(&key, sizeof(key));
	for (uint32_t i = xc_index_first(&rows->index, hash); i != XC_INDEX_END;
	     i = xc_index_next(&rows->index, i))
		if (!memcmp(&rows->server[i].key, &key, sizeof(key)))
			return i;
	s = &rows->server[rows->n_servers];
	*s = (struct xc_server){ .key = key };
	baseline = xc_baseline_find(&rows->baselines, &key);
	if (baseline) {
		s->baseline_std_ms = baseline->std_ms;
		s->n_baseline_windows = baseline->n_windows;
	}
	xc_index_add(&rows->index, hash, rows->n_servers);
	return rows->n_servers++;
}

static bool is_half_open(const struct xc_flow_seen *seen, uint64_t end_ns)
{
	uint64_t syn_ns = seen->flow->syn_ns;

	return seen->key->proto == XC_IP_TCP && state_of(seen) == XC_FLOW_NEW && syn_ns &&
	       syn_ns + HALF_OPEN_NS > end_ns;
}

/* What one flow adds to its server. */
static void add_up(struct xc_server *s, const struct xc_flow_seen *seen, uint64_t end_ns)
{
	const struct xc_flow_window *w = seen->window;
	const struct xc_flow *f = seen->flow;

	s->n_half_open += is_half_open(seen, end_ns);
	s->n_timed_out += seen->has_timed_out;
	if (!w)
		return;
	for (int i = 0; i < 2; i++) {
		s->n_syns += w->dir[i].n_flags[1] - w->dir[i].n_syn_acks;
		s->n_syn_acks += w->dir[i].n_syn_acks;
		s->n_resets += w->dir[i].n_flags[2];
	}
	/* of a TCP connection that was under way already nobody knows when it began */
	if (seen->key->proto != XC_IP_TCP || f->syn_ns)
		s->n_connections += w->n_connections;
	s->n_completed += w->handshake_ns && f->handshake_ns && state_of(seen) != XC_FLOW_NEW;
	s->n_ended_fin += w->n_ended_fin;
	s->n_ended_rst += w->n_ended_rst;
}

static void sum_servers(struct xc_rows *rows, const struct xc_rows_input *in)
{
	uint64_t end_ns = (in->no + 1) * in->window_ns;

	for (size_t i = 0; i < in->n_seen; i++) {
		const struct xc_flow_seen *seen = &in->seen[i];

		rows->server_of[i] = server_of(rows, seen);
		add_up(&rows->server[rows->server_of[i]], seen, end_ns);
		if (seen->window)
			rows->n_packets += (uint64_t)seen->window->dir[0].n_packets +
					   seen->window->dir[1].n_packets;
	}
}

static void learn(struct xc_rows *rows, uint64_t no)
{
	for (uint32_t i = 0; i < rows->n_servers; i++) {
		const struct xc_server *s = &rows->server[i];

		if (s->n_stds && !s->is_jittery)
			xc_baseline_learn(&rows->baselines, &s->key, no, s->std_sum_ms / s->n_stds);
	}
}

/* ---- one row -------------------------------------------------------------------------------- */

/* Did it have a packet, or did the kernel do something to it? */
static bool has_row(const struct xc_flow_seen *seen)
{
	const struct xc_flow_window *w = seen->window;
	const struct xc_flow_kernel *k = seen->kernel;

	if (w && (w->dir[0].n_packets || w->dir[1].n_packets || w->n_errors))
		return true;
	return k && (k->n_drops || k->n_retrans);
}

static void identify(struct xc_row *row)
{
	static const char hex[] = "0123456789abcdef";
	const struct xc_flow_key *key = row->seen->key;
	uint8_t client = row->initiator, digest[MD5_DIGEST_SIZE];
	char flow[2 * XC_ENDPOINT_LEN + 24];
	struct md5_ctx md5;
	int n;

	(void)xc_addr_str(key->addr[client], row->src_ip);
	(void)xc_addr_str(key->addr[!client], row->dst_ip);
	n = snprintf(flow, sizeof(flow), "%s:%u->%s:%u:%u", row->src_ip, key->port_he[client],
		     row->dst_ip, key->port_he[!client], key->proto);
	md5_init(&md5);
	md5_update(&md5, (size_t)n, (const uint8_t *)flow);
	md5_digest(&md5, sizeof(digest), digest);
	for (int i = 0; i < 8; i++)
		row->flow_id[i] = hex[digest[i / 2] >> (i & 1 ? 0 : 4) & 15];
}

/* Reset before it was established: nothing listens there, or a firewall says no. */
static bool is_refused(const struct xc_row *row)
{
	const struct xc_flow_half *responder = &row->flow->half[!row->initiator];

	return row->dir[1]->n_flags[2] && row->flow->syn_ns && !(responder->has & XC_HALF_SYN);
}

static const char *verdict_of(const struct xc_row *row)
{
	bool is_answered = row->flow->n_packets[!row->initiator] > 0;

	if (row->kernel && row->kernel->n_policy_drops)
		return "DROPPED";
	if (is_refused(row) || (row->window->n_errors && !is_answered))
		return "REJECTED";
	if (row->window->n_errors || (row->kernel && row->kernel->n_drops))
		return "ERROR";
	return is_answered ? "FORWARDED" : "UNKNOWN";
}

/* What is not measured stays NULL. */
static void set_health(struct xc_row *row)
{
	const struct xc_sys_sample *sys = row->in->sys;

	row->sys = sys->is_valid ? sys : NULL;
	row->cgroup = row->seen->cgroup ? row->seen->cgroup : row->sys ? &sys->cgroup : NULL;
	row->netns = row->seen->netns ? row->seen->netns : row->sys ? &sys->netns : NULL;
}

static void fill_row(struct xc_row *row, const struct xc_rows_input *in,
		     const struct xc_flow_seen *seen, const struct xc_server *server)
{
	*row = (struct xc_row){ .in = in,
				.seen = seen,
				.flow = seen->flow,
				.window = seen->window ? seen->window : &no_window,
				.server = server,
				.kernel = seen->kernel,
				.window_s = (double)in->window_ns / XC_NS_PER_S,
				.initiator = initiator_of(seen),
				.state = state_of(seen) };
	for (int i = 0; i < 2; i++) {
		const struct xc_flow_dir *d = &row->window->dir[row->initiator ^ i];

		row->dir[i] = d;
		row->n_packets += d->n_packets;
		row->n_bytes += d->bytes;
		row->n_retrans += d->n_retrans;
		row->zero_window_ns += d->zero_window_ns;
	}
	/* what a rule drops behind the socket is sent again without being seen; what the other end sends
	 * again is seen, but not counted here: so each may know what the other does not */
	if (seen->kernel && seen->kernel->n_retrans > row->n_retrans)
		row->n_retrans = seen->kernel->n_retrans;
	set_health(row);
	row->verdict = verdict_of(row);
	identify(row);
}

static void state_flow(const struct xc_row *row, struct xc_label_facts *f)
{
	const struct xc_flow_window *w = row->window;
	const struct xc_flow_dir *a = row->dir[0], *b = row->dir[1];

	f->is_tcp = row->seen->key->proto == XC_IP_TCP;
	f->n_packets = row->n_packets;
	f->n_retrans = row->n_retrans;
	f->n_spurious = (uint64_t)a->n_spurious + b->n_spurious;
	f->retrans_run =
		a->retrans_run_max > b->retrans_run_max ? a->retrans_run_max : b->retrans_run_max;
	f->n_dup_acks = (uint64_t)a->n_dup_acks + b->n_dup_acks;
	f->n_drops = row->kernel ? row->kernel->n_drops : 0;
	f->has_kernel_retrans = row->kernel && row->kernel->n_retrans;
	f->is_unanswered = b->n_packets == b->n_syn_acks;
	f->n_zero_windows = (uint64_t)a->n_zero_windows + b->n_zero_windows;
	f->zero_window_s = (double)row->zero_window_ns / XC_NS_PER_S;
	f->n_latencies = w->latency.n;
	f->latency_std_ms = xc_std(&w->latency) / XC_NS_PER_MS;
	f->jitter_ms = (double)w->jitter_ns / XC_NS_PER_MS;
}

static void state_requests(const struct xc_row *row, struct xc_label_facts *f)
{
	const struct xc_flow_requests *q = row->seen->requests;

	if (!q)
		return;
	f->n_dns_timeouts = q->n_dns_timeouts;
	if (q->n_dns_failures > q->n_dns_timeouts && q->dns.status > 0)
		f->dns_rcode = (uint8_t)q->dns.status;
	if (q->http.status > 0)
		f->http_status = (uint16_t)q->http.status;
}

static void state_server(const struct xc_row *row, struct xc_label_facts *f)
{
	const struct xc_server *s = row->server;

	f->n_syns = s->n_syns;
	f->n_syn_acks = s->n_syn_acks;
	f->n_completed = s->n_completed;
	f->n_half_open = s->n_half_open;
	f->n_resets = s->n_resets;
	f->n_ended_rst = s->n_ended_rst;
	f->n_ended = s->n_ended_fin + s->n_ended_rst;
	f->baseline_std_ms = s->baseline_std_ms;
	f->n_baseline_windows = s->n_baseline_windows;
}

static void state_health(const struct xc_row *row, struct xc_label_facts *f)
{
	if (row->cgroup) {
		f->has_own_cgroup = row->seen->cgroup != NULL;
		f->cpu_periods = row->cgroup->nr_periods;
		f->cpu_throttled = row->cgroup->nr_throttled;
		f->cpu_throttled_s = row->cgroup->throttled_ms / 1e3;
	}
	if (row->netns) {
		f->listen_overflows = row->netns->listen_overflows;
		f->listen_drops = row->netns->listen_drops;
	}
	if (!row->sys)
		return;
	f->memory_percent = xc_row_memory_percent(row);
	f->memory_pressure = row->sys->memory_pressure;
	f->swap_percent = row->sys->swap_percent;
	f->oom_kills = row->sys->oom_kills;
	f->disk_queue = row->sys->disk_queue;
	f->disk_latency_us = row->sys->disk_latency_us;
}

static void detect(struct xc_rows *rows, struct xc_row *row, struct xc_server *server)
{
	struct xc_label_facts f = { .window_s = row->window_s };

	state_flow(row, &f);
	state_requests(row, &f);
	state_server(row, &f);
	state_health(row, &f);
	f.lost_share = xc_ratio((double)row->in->n_lost,
				(double)row->in->n_lost + (double)rows->n_packets);
	/* quantiles are worth their search only where the rule may look at them */
	if (f.n_latencies >= rows->labels.jitter_min_samples) {
		double p50_ms = xc_row_latency_ms(row, 0.5);
		double p85_ms = xc_row_latency_ms(row, 0.85);

		f.latency_p50_ms =
			isfinite(p50_ms) ? p50_ms : xc_mean(&row->window->latency) / XC_NS_PER_MS;
		f.latency_spread_ms = isfinite(p85_ms) ? p85_ms - p50_ms : f.latency_std_ms;
	}
	row->detected = xc_labels_detect(&rows->labels, &f);
	if (f.n_latencies < rows->labels.jitter_min_samples)
		return;
	server->std_sum_ms += f.latency_std_ms;
	server->n_stds++;
	server->is_jittery |= row->detected.fault_bits >> XC_LABEL_LATENCY_JITTER & 1;
}

int xc_rows_close(struct xc_rows *rows, const struct xc_rows_input *in, xc_row_fn on_row, void *arg)
{
	struct xc_row row;
	int r;

	if (!in->n_seen)
		return 0;
	r = make_room(rows, in->n_seen);
	if (r)
		return r;
	sum_servers(rows, in);
	for (size_t i = 0; i < in->n_seen; i++) {
		struct xc_server *server = &rows->server[rows->server_of[i]];

		if (!has_row(&in->seen[i]))
			continue;
		fill_row(&row, in, &in->seen[i], server);
		detect(rows, &row, server);
		r = on_row(arg, &row);
		if (r)
			return r;
	}
	learn(rows, in->no);
	return 0;
}
