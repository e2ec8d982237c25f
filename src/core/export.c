/* SPDX-License-Identifier: Apache-2.0 */
#include "core/export.h"

#include "base/index.h"
#include "base/log.h"
#include "core/around.h"
#include "core/flowset.h"
#include "core/payload.h"
#include "core/privilege.h"
#include "core/stop.h"
#include "core/watch.h"
#include "flow/features.h"
#include "sink/rows.h"
#include "source/capture.h"
#include "source/host.h"
#include "source/scope.h"
#include "source/segment.h"
#include "source/source.h"
#include "source/taps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SEGMENT_RING_BYTES (8u << 20)
#define SEGMENT_PERIOD_NS 20000000ull	/* a ring lasts longer than that */

struct run {
	const struct xc_config *cfg;
	struct xc_export_result *result;
	struct xc_columns columns;
	struct xc_rows *rows;
	struct xc_rowfile *file;
	struct xc_flowset retrans_flows;
	struct xc_flow_seen *seen;	/* of the window that is closed, without those filtered out */
	size_t n_room;
	struct xc_sys_sample sys;
	int ns_fd;	/* the namespace of --netns; -1 = our own */
	struct xc_around *around;	/* NULL = a capture */
	struct xc_taps *taps;
	struct xc_payload *payload;	/* NULL = no requests are read */
	void *segments;			/* the live source they come from; NULL = a capture */
	bool has_ended;			/* its namespace is gone */
	int64_t wall_offset_ns;
	uint64_t n_untracked;		/* packets, up to the last window */
};

/* ---- one window ---------------------------------------------------------------------------- */

static int on_row(void *arg, const struct xc_row *row)
{
	struct run *run = arg;

	if (row->n_retrans)
		(void)xc_flowset_add(&run->retrans_flows,
				     xc_hash(row->seen->key, sizeof(*row->seen->key)));
	return xc_rowfile_put(run->file, row);
}

/* The flow as its client began it. */
static struct xc_tuple tuple_of(const struct xc_flow_seen *seen)
{
	unsigned int client = (seen->window ? seen->window->initiator : seen->flow->initiator) & 1;
	struct xc_tuple t = { .sport_he = seen->key->port_he[client],
			      .dport_he = seen->key->port_he[!client],
			      .proto = seen->key->proto };

	memcpy(t.saddr, seen->key->addr[client], sizeof(t.saddr));
	memcpy(t.daddr, seen->key->addr[!client], sizeof(t.daddr));
	return t;
}

static bool make_room(struct run *run, size_t n)
{
	struct xc_flow_seen *seen;

	if (n <= run->n_room)
		return true;
	seen = reallocarray(run->seen, n, sizeof(*seen));
	if (!seen)
		return false;
	run->seen = seen;
	run->n_room = n;
	return true;
}

/* Packets that are in no row, since the last window. */
static uint64_t untracked_since(struct run *run)
{
	uint64_t before = run->n_untracked;
	struct xc_taps_stats stats;

	if (!run->taps)
		return 0;
	xc_taps_get_stats(run->taps, &stats);
	run->n_untracked = stats.n_untracked_packets;
	return run->n_untracked - before;
}

/* Packets were filtered whichever way they go; --from and --to need to know who began. */
static int on_window(void *arg, uint64_t no, const struct xc_flow_seen *seen, size_t n_seen)
{
	struct run *run = arg;
	const struct xc_config *cfg = run->cfg;
	struct xc_rows_input in = { .no = no,
				    .window_ns = cfg->window_ns,
				    .sys = &run->sys,
				    .label = (uint8_t)cfg->label };
	int r;

	if (!make_room(run, n_seen))
		return xc_err(-ENOMEM, "a window of %zu flows", n_seen);
	if (run->around)
		xc_around_sample(run->around, &run->sys);
	for (size_t i = 0; i < n_seen; i++) {
		struct xc_tuple t = tuple_of(&seen[i]);

		if (!xc_filters_hold(cfg->filters, cfg->n_filters, &t))
			continue;
		run->seen[in.n_seen] = seen[i];
		if (run->around)
			xc_around_place(run->around, &run->seen[in.n_seen]);
		if (run->payload)
			run->seen[in.n_seen].requests =
				xc_payload_of(run->payload, seen[i].key, no);
		in.n_seen++;
	}
	in.n_lost = untracked_since(run);
	in.seen = run->seen;
	r = xc_rows_close(run->rows, &in, on_row, run);
	if (run->payload)
		xc_payload_end(run->payload, no);
	return r;
}

/* Once the source is open: a run that cannot start leaves no file. */
static int open_file(struct run *run)
{
	const struct xc_config *cfg = run->cfg;
	bool is_json = cfg->row_output == XC_ROWS_JSON;
	struct xc_rowfile_cfg file = { .path = run->result->path,
				       .format = is_json ? &xc_rows_json : &xc_rows_csv,
				       .columns = &run->columns,
				       .is_zero = cfg->missing == XC_MISSING_ZERO };

	if (cfg->out[0])
		(void)snprintf(run->result->path, sizeof(run->result->path), "%s", cfg->out);
	else
		(void)snprintf(run->result->path, sizeof(run->result->path),
			       "ml_features_hybrid_%lld.%s", (long long)time(NULL),
			       is_json ? "json" : "csv");
	return xc_rowfile_open(&file, &run->file);
}

/* ---- captures ------------------------------------------------------------------------------ */

static bool ends_hold(const struct xc_config *cfg, const struct xc_flow_ends *ends)
{
	struct xc_tuple t = { .sport_he = ends->port_he[0],
			      .dport_he = ends->port_he[1],
			      .proto = ends->proto };
	struct xc_tuple back;

	memcpy(t.saddr, ends->addr[0], sizeof(t.saddr));
	memcpy(t.daddr, ends->addr[1], sizeof(t.daddr));
	back = xc_tuple_swap(&t);
	return xc_filters_hold(cfg->filters, cfg->n_filters, &t) ||
	       xc_filters_hold(cfg->filters, cfg->n_filters, &back);
}

static void want(void *arg, const struct xc_segment_want *w)
{
	struct run *run = arg;

	if (run->segments)
		xc_source_live.want(run->segments, w);
}

static int open_payload(struct run *run)
{
	struct xc_payload_cfg cfg = { .window_ns = run->cfg->window_ns,
				      .max_flows = run->cfg->max_flows,
				      .idle_ns = run->cfg->idle_timeout_ns,
				      .want = want,
				      .arg = run };
	int r;

	if (run->cfg->without_requests)
		return 0;
	r = xc_payload_new(&cfg, &run->payload);
	return r ? xc_err(r, "requests of %u flows; try a smaller --max-flows", cfg.max_flows) : 0;
}

/* Either way round, and ICMP errors that speak of such a flow. */
static bool is_wanted(const struct xc_config *cfg, const struct xc_flow_packet *k)
{
	return !cfg->n_filters || ends_hold(cfg, &k->ends) ||
	       (k->flags & XC_PACKET_QUOTES && ends_hold(cfg, &k->quoted));
}

static int read_packets(struct run *run, struct xc_capture *capture, struct xc_flow_table *table)
{
	struct xc_flow_packet packet;
	struct xc_flow_bytes bytes;
	struct xc_segment segment;
	/* who writes the pipe is interrupted too, and then hands over what it still holds */
	bool is_pipe = !strcmp(run->cfg->read, "-");
	int r;

	for (;;) {
		r = xc_stop_asked() && !is_pipe ? 0 : xc_capture_next(capture, &packet, &bytes);
		if (r <= 0)
			break;
		if (!is_wanted(run->cfg, &packet))
			continue;
		r = xc_flow_table_add(table, &packet, &bytes);
		if (r)
			return r;
		if (run->payload && xc_segment_of_packet(&packet, &bytes, &segment))
			xc_payload_feed(run->payload, &segment);
	}
	return r ? r : xc_flow_table_flush(table);
}

static void tell_table(struct run *run, const struct xc_capture *capture,
		       const struct xc_flow_table *table)
{
	struct xc_export_result *ret = run->result;
	struct xc_flow_table_stats flows;
	struct xc_capture_stats frames;

	xc_flow_table_get_stats(table, &flows);
	xc_capture_get_stats(capture, &frames);
	ret->n_packets = flows.n_packets;
	ret->n_flows = flows.n_flows;
	ret->n_evicted = flows.n_evicted;
	ret->n_late = flows.n_late;
	ret->n_other = frames.n_other;
	ret->n_cut = frames.n_cut;
	ret->is_truncated = frames.is_truncated;
}

static int run_capture(struct run *run)
{
	const struct xc_config *cfg = run->cfg;
	struct xc_flow_table_cfg limits = { .window_ns = cfg->window_ns,
					    .idle_ns = cfg->idle_timeout_ns,
					    .max_flows = cfg->max_flows };
	struct xc_flow_table *table = NULL;
	struct xc_capture *capture = NULL;
	int r;

	r = xc_capture_open(cfg->read, &capture);
	if (r)
		return r;
	r = xc_flow_table_new(&limits, on_window, run, &table);
	if (r)
		(void)xc_err(r, "a table of %u flows; try a smaller --max-flows", cfg->max_flows);
	else
		r = open_payload(run);
	if (!r)
		r = open_file(run);
	if (!r)
		r = read_packets(run, capture, table);
	if (run->file)
		tell_table(run, capture, table);
	xc_flow_table_free(table);
	xc_capture_close(capture);
	return r;
}

/* ---- live ---------------------------------------------------------------------------------- */

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void on_record(void *arg, const struct xc_evt *e)
{
	struct run *run = arg;

	if (e->kind == XC_EVT_SEGMENT)
		xc_payload_record(run->payload, (const struct xc_segment_evt *)e,
				  run->wall_offset_ns);
}

/* What sockets of the namespace send and receive, beside what its interfaces count. */
static int open_segments(struct run *run, const char *iface, const struct xc_probe_cfg *scope)
{
	const struct xc_config *cfg = run->cfg;
	const char *netns = cfg->netns.n ? cfg->netns.v[0] : "self";
	struct xc_source_env env = { .netns = &netns,
				     .n_netns = 1,
				     .scope = *scope,
				     .ring_bytes = SEGMENT_RING_BYTES,
				     .max_connections = cfg->max_flows,
				     .with_payload = true,
				     .forwarded = cfg->with_forwarded ? iface : NULL,
				     .on_record = on_record,
				     .arg = run };

	return run->payload ? xc_source_live.open(&env, &run->segments) : 0;
}

/* Wait for the next window, and take what sockets said meanwhile. 0 or -errno. */
static int poll_both(struct run *run, uint64_t deadline_ns)
{
	struct timespec wall;
	uint64_t now = xc_now_ns();
	int r = 0;

	if (!run->segments)
		return xc_taps_poll(run->taps, deadline_ns);
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	run->wall_offset_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - (int64_t)now;
	r = xc_source_live.poll(run->segments, now);
	if (r > 0) {	/* the namespace is gone */
		xc_source_live.close(run->segments);
		run->segments = NULL;
		run->has_ended = true;
	}
	xc_payload_tick(run->payload, now + (uint64_t)run->wall_offset_ns);
	if (r < 0)
		return r;
	return xc_taps_poll(run->taps, min_ns(deadline_ns, now + SEGMENT_PERIOD_NS));
}

static int watch(struct run *run)
{
	const struct xc_config *cfg = run->cfg;
	uint64_t now = xc_now_ns(), grow = now + cfg->output_interval_ns;
	uint64_t end = cfg->features_duration_ns ? now + cfg->features_duration_ns : UINT64_MAX;
	int r = 0;

	for (; !r && !xc_stop_asked() && !run->has_ended && now < end; now = xc_now_ns()) {
		r = poll_both(run, min_ns(end, grow));
		if (!r && xc_now_ns() >= grow) {
			r = xc_rowfile_flush(run->file);
			grow += cfg->output_interval_ns;
		}
	}
	return r ? r : xc_taps_flush(run->taps);
}

static void tell_taps(struct run *run)
{
	struct xc_export_result *ret = run->result;
	struct xc_taps_stats stats;

	xc_taps_get_stats(run->taps, &stats);
	ret->n_packets = stats.n_packets;
	ret->n_flows = stats.n_flows;
	ret->n_evicted = stats.n_evicted;
	ret->n_lost_packets = stats.n_untracked_packets;
	ret->n_lost_samples = stats.n_lost_latencies;
	ret->n_lost_truths = stats.n_lost_truths;
	ret->n_lost_windows = stats.n_late_windows;
	ret->has_cpu_limit = xc_around_has_cpu_limit(run->around);
}

static int open_taps(struct run *run, const char *iface)
{
	const struct xc_config *cfg = run->cfg;
	struct xc_taps_cfg taps = { .iface = iface,
				    .netns = cfg->netns.n ? cfg->netns.v[0] : NULL,
				    .window_ns = cfg->window_ns,
				    .idle_ns = cfg->idle_timeout_ns,
				    .max_flows = cfg->max_flows };
	int r;

	r = xc_privilege_check();
	if (r)
		return r;
	r = xc_watch_scope(cfg, &taps.scope);
	if (!r)
		r = open_payload(run);
	if (!r)
		r = open_segments(run, iface, &taps.scope);
	return r ? r : xc_taps_open(&taps, on_window, run, &run->taps);
}

static int run_live(struct run *run, const char *iface)
{
	const struct xc_config *cfg = run->cfg;
	int r;

	if (cfg->netns.n) {
		run->ns_fd = xc_netns_open(cfg->netns.v[0]);
		if (run->ns_fd < 0)
			return run->ns_fd;
	}
	r = open_taps(run, iface);
	if (!r)
		r = xc_around_new(run->ns_fd, &run->around);
	if (!r)
		r = open_file(run);
	if (r)
		return r;
	if (cfg->drops_privileges)
		xc_privilege_drop();
	xc_info("watching %s%s", strcmp(iface, "all") ? iface : "all interfaces",
		cfg->features_duration_ns ? "" : "; Ctrl-C ends it");
	r = watch(run);
	tell_taps(run);
	return r;
}

/* ---- one run ------------------------------------------------------------------------------- */

static int choose_columns(struct run *run)
{
	char why[XC_COLUMNS_WHY];
	int r;

	r = xc_columns_select(run->cfg->columns, &run->columns, why);
	if (r)
		(void)xc_err(0, "--columns: %s", why);
	return r;
}

static int run_all(struct run *run, const char *iface)
{
	int r;

	r = choose_columns(run);
	if (r)
		return r;
	r = xc_rows_new(NULL, &run->rows);
	if (r)
		return xc_err(r, "rows");
	return run->cfg->read[0] ? run_capture(run) : run_live(run, iface);
}

int xc_export(const struct xc_config *cfg, const char *iface, struct xc_export_result *ret)
{
	struct run run = { .cfg = cfg, .result = ret, .ns_fd = -1 };
	int r, closed;

	memset(ret, 0, sizeof(*ret));
	xc_stop_on_signals();
	r = run_all(&run, iface);
	xc_taps_close(run.taps);
	xc_around_free(run.around);
	xc_source_live.close(run.segments);
	xc_payload_free(run.payload);
	closed = xc_rowfile_close(run.file, &ret->n_rows);
	ret->n_retrans_flows = run.retrans_flows.n;
	ret->is_retrans_floor = run.retrans_flows.is_full;
	ret->was_interrupted = xc_stop_asked();
	xc_rows_free(run.rows);
	xc_flowset_done(&run.retrans_flows);
	free(run.seen);
	xc_closep(&run.ns_fd);
	return r ? r : closed;
}
