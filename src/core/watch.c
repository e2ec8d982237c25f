/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include "base/log.h"
#include "core/run.h"
#include "core/stop.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

struct watch {
	const struct xc_config *cfg;
	struct xc_engine *engine;
};

/* ---- scope --------------------------------------------------------------------------------- */

/* --cgroup: a path below the cgroup v2 mount, an absolute path, or an id. */
static int cgroup_id(const char *text, __u64 *ret_id)
{
	static const char *const roots[] = { "", "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char *end, path[XC_PATH_LEN + 32];
	struct stat st;

	*ret_id = strtoull(text, &end, 10);
	if (*text && !*end)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		(void)snprintf(path, sizeof(path), "%s%s%s", roots[i],
			       *text == '/' || !i ? "" : "/", text);
		if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
			*ret_id =
				st.st_ino; /* the inode number of a cgroup v2 directory is its id */
			return 0;
		}
	}
	return xc_err(-ENOENT, "--cgroup %s: no such cgroup v2 group", text);
}

int xc_watch_scope(const struct xc_config *cfg, struct xc_probe_cfg *ret_scope)
{
	int r;

	memset(ret_scope, 0, sizeof(*ret_scope));
	ret_scope->tgid = cfg->pid;
	if (cfg->cgroup[0]) {
		r = cgroup_id(cfg->cgroup, &ret_scope->cgroup_id);
		if (r)
			return r;
	}
	ret_scope->n_match = (uint32_t)cfg->n_filters;
	for (size_t i = 0; i < cfg->n_filters; i++)
		xc_filter_to_match(&cfg->filters[i], &ret_scope->match[i]);
	return 0;
}

/* ---- one run ------------------------------------------------------------------------------- */

static int feed(void *state, const struct xc_evt *e)
{
	return xc_engine_feed(((struct watch *)state)->engine, e);
}

static uint64_t deadline(const void *state)
{
	return xc_engine_deadline(((const struct watch *)state)->engine);
}

static bool next_ask(void *state, struct xc_ask *ret_ask)
{
	return xc_engine_next_ask(((struct watch *)state)->engine, ret_ask);
}

static bool has_enough(const void *state)
{
	const struct watch *w = state;
	struct xc_engine_stats stats;

	if (!w->cfg->count)
		return false;
	xc_engine_get_stats(w->engine, &stats);
	return stats.n_findings >= w->cfg->count;
}

/* Nothing of a capture is kept from us; of a live host payload is only read when asked for. */
static bool reads_requests(const struct xc_config *cfg)
{
	return cfg->with_requests || cfg->read[0];
}

static int run_engine(struct watch *w)
{
	const struct xc_config *cfg = w->cfg;
	struct xc_taker taker = { .feed = feed,
				  .deadline = deadline,
				  .has_enough = has_enough,
				  .next_ask = next_ask,
				  .state = w };
	struct xc_source_env env = { .ring_bytes = (uint32_t)cfg->buffer_bytes,
				     .max_connections = cfg->max_connections,
				     .with_rules = cfg->with_rules,
				     .with_trace = cfg->with_trace_rule,
				     .with_failures = true,
				     .with_payload = reads_requests(cfg) || cfg->with_payload,
				     .payload_budget = cfg->with_payload ? UINT32_MAX : 0 };
	struct xc_run *run = NULL;
	int r, closed;

	r = xc_run_new(cfg, &taker, &run);
	if (r)
		return r;
	if (reads_requests(cfg))
		r = xc_engine_read_requests(w->engine, xc_run_want, run);
	if (!r)
		r = xc_run_go(run, &env);
	closed = xc_run_free(run);
	return r ? r : closed;
}

unsigned int xc_terminal_width(void)
{
	struct winsize w = { 0 };

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) ? w.ws_col : 0;
}

int xc_watch(const struct xc_config *cfg, const struct xc_sink *sink, struct xc_watch_result *ret)
{
	struct xc_sink_env env = { .out = stdout,
				   .has_color = xc_color_wanted(cfg, STDOUT_FILENO),
				   .width = xc_terminal_width() };
	struct watch w = { .cfg = cfg };
	void *sink_state = NULL;
	int r, closed;

	memset(ret, 0, sizeof(*ret));
	xc_stop_on_signals();
	r = sink ? sink->open(&env, &sink_state) : 0;
	if (r)
		return xc_err(r, "output %s", sink->name);

	r = xc_engine_new(cfg, sink, sink_state, &w.engine);
	if (!r)
		r = run_engine(&w);
	if (w.engine)
		xc_engine_get_stats(w.engine, &ret->stats);
	closed = sink ? sink->close(sink_state) : 0;
	xc_engine_free(w.engine);
	ret->was_interrupted = xc_stop_asked();
	return r ? r : closed;
}
