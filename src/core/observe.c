/* SPDX-License-Identifier: Apache-2.0 */
#include "core/observe.h"

#include "base/log.h"
#include "core/options.h"
#include "core/run.h"
#include "core/stop.h"
#include "core/watch.h"

#include <errno.h>
#include <string.h>

#define SUMMARY_MAX_BYTES (4u << 20)
#define PAYLOAD_BUDGET                                                                             \
	16384 /* bytes of each direction nobody has asked for yet, once the ring is half full */

struct observe {
	const struct xc_config *cfg;
	struct xc_observer *observer;
	struct xc_eventfile *file;
	struct xc_summary *summary;
	struct xc_run *run;
	bool is_prompt;		/* somebody waits for the events: they go out as they come */
};

/* ---- what the run asks of it ------------------------------------------------------------------- */

static int feed(void *state, const struct xc_evt *e)
{
	return xc_observer_feed(((struct observe *)state)->observer, e);
}

static uint64_t deadline(const void *state)
{
	return xc_observer_deadline(((const struct observe *)state)->observer);
}

static bool has_enough(const void *state)
{
	const struct observe *o = state;
	struct xc_observer_stats stats;

	if (!o->cfg->observe.count)
		return false;
	xc_observer_get_stats(o->observer, &stats);
	return stats.n_events >= o->cfg->observe.count;
}

static int rest(void *state)
{
	struct observe *o = state;

	return o->is_prompt ? xc_eventfile_flush(o->file) : 0;
}

static void want(void *arg, const struct xc_segment_want *w)
{
	xc_run_want(((struct observe *)arg)->run, w);
}

/* ---- one run ------------------------------------------------------------------------------------- */

/* A file is told in full, unless somebody asked for less. */
static bool is_limited(const struct xc_config *cfg)
{
	const struct xc_option *o = xc_option_find("max-events-per-second", XC_ORIGIN_FLAG);

	return !cfg->read[0] || xc_option_origin(cfg, o)->level > XC_ORIGIN_DEFAULT;
}

static int open_output(struct observe *o)
{
	const struct xc_config *cfg = o->cfg;
	struct xc_eventfile_cfg file = { .env = { .out = stdout,
						  .has_color = xc_color_wanted(cfg, STDOUT_FILENO),
						  .width = xc_terminal_width(),
						  .is_verbose = cfg->is_verbose },
					 .format = xc_event_formats[cfg->output],
					 .max_waiting = cfg->observe.buffer_events,
					 .max_wait_ns = cfg->observe.flush_interval_ns };
	struct xc_observer_cfg observer = {
		.cfg = cfg, .is_limited = is_limited(cfg), .want = want, .want_arg = o
	};
	int r;

	r = xc_eventfile_open(&file, &o->file);
	if (!r && cfg->observe.is_summary)
		r = xc_summary_new(cfg->is_verbose, &o->summary);
	observer.file = o->file;
	observer.summary = o->summary;
	return r ? r : xc_observer_new(&observer, &o->observer);
}

static int run(struct observe *o)
{
	const struct xc_config *cfg = o->cfg;
	struct xc_taker taker = { .feed = feed,
				  .deadline = deadline,
				  .has_enough = has_enough,
				  .rest = rest,
				  .state = o };
	struct xc_source_env env = {
		.ring_bytes = (uint32_t)cfg->observe.ring_bytes,
		.max_connections = cfg->observe.max_connections,
		.with_payload = true,
		.payload_budget = PAYLOAD_BUDGET,
		.forwarded = cfg->observe.forwarded[0] ? cfg->observe.forwarded : NULL,
		.tls_uprobes = cfg->observe.tls_uprobes[0] ? cfg->observe.tls_uprobes : NULL
	};
	int r, closed;

	r = xc_run_new(cfg, &taker, &o->run);
	if (r)
		return r;
	r = xc_run_go(o->run, &env);
	closed = xc_run_free(o->run);
	o->run = NULL;
	return r ? r : closed;
}

static int put_summary(struct observe *o)
{
	struct xc_buf out = xc_buf(SUMMARY_MAX_BYTES);
	int r = 0;

	if (o->cfg->output == XC_OUTPUT_json)
		xc_summary_print_json(o->summary, &out);
	else
		xc_summary_print(o->summary, &out);
	errno = 0;
	if (out.len && (fwrite(out.p, 1, out.len, stdout) != out.len || fflush(stdout)))
		r = errno ? -errno : -EIO;
	xc_buf_done(&out);
	return r;
}

/* What is open is told of, unless enough was told. */
static int finish(struct observe *o)
{
	int r, closed;

	r = has_enough(o) ? 0 : xc_observer_end(o->observer);
	if (!r && o->summary)
		r = put_summary(o);
	closed = xc_eventfile_flush(o->file);
	r = r ? r : closed;
	return r ? xc_err(r, "cannot write the results") : 0;
}

int xc_observe(const struct xc_config *cfg, struct xc_observe_result *ret)
{
	struct observe o = { .cfg = cfg, .is_prompt = !cfg->read[0] || !strcmp(cfg->read, "-") };
	int r, finished;

	memset(ret, 0, sizeof(*ret));
	xc_stop_on_signals();
	r = open_output(&o);
	if (r)
		(void)xc_err(r, "no memory for %u connections; try a smaller --max-connections",
			     cfg->observe.max_connections);
	else
		r = run(&o);
	if (o.observer) {
		finished = finish(&o);
		r = r ? r : finished;
		xc_observer_get_stats(o.observer, &ret->stats);
	}
	xc_observer_free(o.observer);
	xc_summary_free(o.summary);
	finished = xc_eventfile_close(o.file);
	ret->was_interrupted = xc_stop_asked();
	return r ? r : finished;
}
