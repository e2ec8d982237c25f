/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include "base/log.h"
#include "core/privilege.h"
#include "core/stop.h"
#include "source/source.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

struct run {
	const struct xc_config *cfg;
	const struct xc_source *source;
	void *source_state;
	struct xc_engine *engine;
	struct xc_recorder *recorder;
	uint64_t first_ns;	/* record time of the first record */
	bool is_asking;
	int error;
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

/* ---- records ------------------------------------------------------------------------------- */

static void on_record(void *arg, const struct xc_evt *e)
{
	struct run *run = arg;
	struct xc_ask ask;
	int r;

	if (!run->first_ns)
		run->first_ns = e->ts_ns;
	if (run->recorder)
		xc_recorder_write(run->recorder, e);
	r = xc_engine_feed(run->engine, e);
	run->error = run->error ? run->error : r;
	/* An answer comes through here as well; its questions wait for the outer loop. */
	if (run->is_asking)
		return;
	run->is_asking = true;
	while (xc_engine_next_ask(run->engine, &ask))
		run->source->ask(run->source_state, &ask);
	run->is_asking = false;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool is_over(const struct run *run, uint64_t end_ns)
{
	struct xc_engine_stats stats;

	if (xc_stop_asked() || run->error)
		return true;
	if (end_ns && now_ns() >= end_ns)
		return true;
	if (!run->cfg->count)
		return false;
	xc_engine_get_stats(run->engine, &stats);
	return stats.n_findings >= run->cfg->count;
}

static int loop(struct run *run)
{
	bool is_live = !run->cfg->read[0];	/* else the end of the file is the end */
	uint64_t end_ns = is_live && run->cfg->duration_ns ? now_ns() + run->cfg->duration_ns : 0;
	int r = 0;

	while (!r && !is_over(run, end_ns)) {
		uint64_t deadline = xc_engine_deadline(run->engine);

		if (end_ns && end_ns < deadline)
			deadline = end_ns;
		r = run->source->poll(run->source_state, deadline);
	}
	if (run->error)
		return xc_err(run->error, "cannot write the results");
	return r > 0 ? 0 : r;
}

/* ---- one run ------------------------------------------------------------------------------- */

static int open_source(struct run *run, const char *const *netns, size_t n_netns)
{
	const struct xc_config *cfg = run->cfg;
	struct xc_source_env env = {
		.path = cfg->read,
		.netns = netns,
		.n_netns = n_netns,
		.iface = cfg->iface[0] ? cfg->iface : NULL,
		.ring_bytes = (uint32_t)cfg->buffer_bytes,
		.max_connections = cfg->max_connections,
		.with_rules = cfg->with_rules,
		.with_trace = cfg->with_trace_rule,
		.with_failures = true,
		.on_record = on_record,
		.arg = run,
	};
	int r;

	run->source = !cfg->read[0]		      ? &xc_source_live :
		      xc_source_is_capture(cfg->read) ? &xc_source_packets :
							&xc_source_recording;
	r = xc_watch_scope(cfg, &env.scope);
	if (r)
		return r;
	if (!cfg->read[0]) {
		r = xc_privilege_check();
		if (r)
			return r;
	}
	r = run->source->open(&env, &run->source_state);
	if (r || cfg->read[0])
		return r;
	if (cfg->drops_privileges)
		xc_privilege_drop();
	xc_info("watching %s%s",
		n_netns ? "the namespaces given" : "all network namespaces of this host",
		cfg->duration_ns ? "" : "; Ctrl-C ends it");
	return 0;
}

static void scope_text(const struct xc_config *cfg, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < cfg->netns.n && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s--netns %s", n ? " " : "",
				      cfg->netns.v[i]);
	for (size_t i = 0; i < cfg->n_filters && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " " : "",
				      cfg->filters[i].text);
}

static int run_all(struct run *run)
{
	const char *netns[XC_WORDS_MAX];
	size_t n = xc_words_list(&run->cfg->netns, netns);
	char scope[128];
	int r;

	if (run->cfg->record_to[0]) {
		scope_text(run->cfg, scope, sizeof(scope));
		r = xc_recorder_open(run->cfg->record_to, scope, &run->recorder);
		if (r)
			return r;
	}
	r = open_source(run, netns, n);
	return r ? r : loop(run);
}

static unsigned int terminal_width(void)
{
	struct winsize w = { 0 };

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) ? w.ws_col : 0;
}

static int close_run(struct run *run, const struct xc_sink *sink, void *sink_state)
{
	int r, first;

	if (run->source_state)
		run->source->close(run->source_state);
	first = sink ? sink->close(sink_state) : 0;
	r = xc_recorder_close(run->recorder);
	if (r)
		(void)xc_err(r, "the recording %s is incomplete", run->cfg->record_to);
	return first ? first : r;
}

int xc_watch(const struct xc_config *cfg, const struct xc_sink *sink, struct xc_watch_result *ret)
{
	struct xc_sink_env env = { .out = stdout,
				   .has_color = xc_color_wanted(cfg, STDOUT_FILENO),
				   .width = terminal_width() };
	struct run run = { .cfg = cfg };
	void *sink_state = NULL;
	int r, closed;

	memset(ret, 0, sizeof(*ret));
	xc_stop_on_signals();
	r = sink ? sink->open(&env, &sink_state) : 0;
	if (r)
		return xc_err(r, "output %s", sink->name);

	r = xc_engine_new(cfg, sink, sink_state, &run.engine);
	if (!r)
		r = run_all(&run);
	if (run.engine)
		xc_engine_get_stats(run.engine, &ret->stats);
	closed = close_run(&run, sink, sink_state);
	xc_engine_free(run.engine);
	ret->was_interrupted = xc_stop_asked();
	return r ? r : closed;
}
