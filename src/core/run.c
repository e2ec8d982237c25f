/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run.h"

#include "abi/segment.h"
#include "base/log.h"
#include "core/privilege.h"
#include "core/stop.h"
#include "core/watch.h"
#include "source/host.h"

#include <errno.h>
#include <string.h>

struct xc_run {
	const struct xc_config *cfg;
	const struct xc_taker *taker;
	const struct xc_source *source;
	void *source_state;
	struct xc_recorder *recorder;
	bool is_asking;
	int error;
};

int xc_run_new(const struct xc_config *cfg, const struct xc_taker *taker, struct xc_run **ret_run)
{
	struct xc_run *run = calloc(1, sizeof(*run));

	if (!run)
		return -ENOMEM;
	run->cfg = cfg;
	run->taker = taker;
	*ret_run = run;
	return 0;
}

/* ---- records ------------------------------------------------------------------------------- */

static void ask(struct xc_run *run)
{
	struct xc_ask question;

	/* An answer comes through on_record() as well; its questions wait for the outer loop. */
	if (run->is_asking || !run->taker->next_ask)
		return;
	run->is_asking = true;
	while (run->taker->next_ask(run->taker->state, &question))
		run->source->ask(run->source_state, &question);
	run->is_asking = false;
}

/* What was encrypted stays out of files, unless somebody asks for it. */
static bool is_plaintext(const struct xc_evt *e)
{
	return e->kind == XC_EVT_SEGMENT && e->size_bytes >= sizeof(struct xc_segment_evt) &&
	       ((const struct xc_segment_evt *)e)->what == XC_SEGMENT_PLAINTEXT;
}

static void on_record(void *arg, const struct xc_evt *e)
{
	struct xc_run *run = arg;
	int r;

	if (run->recorder && (run->cfg->observe.records_plaintext || !is_plaintext(e)))
		xc_recorder_write(run->recorder, e);
	r = run->taker->feed(run->taker->state, e);
	run->error = run->error ? run->error : r;
	ask(run);
}

void xc_run_want(void *arg, const struct xc_segment_want *want)
{
	struct xc_run *run = arg;

	if (run->source && run->source->want)
		run->source->want(run->source_state, want);
}

static bool is_over(const struct xc_run *run, uint64_t end_ns)
{
	return xc_stop_asked() || run->error || (end_ns && xc_now_ns() >= end_ns) ||
	       run->taker->has_enough(run->taker->state);
}

static int rest(struct xc_run *run)
{
	return run->taker->rest ? run->taker->rest(run->taker->state) : 0;
}

static int loop(struct xc_run *run)
{
	bool is_live = !run->cfg->read[0];	/* else the end of the file is the end */
	uint64_t end_ns =
		is_live && run->cfg->duration_ns ? xc_now_ns() + run->cfg->duration_ns : 0;
	int r = 0;

	while (!r && !is_over(run, end_ns)) {
		uint64_t deadline = run->taker->deadline(run->taker->state);

		if (end_ns && end_ns < deadline)
			deadline = end_ns;
		r = run->source->poll(run->source_state, deadline);
		run->error = run->error ? run->error : rest(run);
	}
	/* what the kernel has told by now, and what was lost up to here */
	if (!r && !run->error && run->source == &xc_source_live &&
	    !run->taker->has_enough(run->taker->state))
		r = run->source->poll(run->source_state, 0);
	if (run->error)
		return xc_err(run->error, "cannot write the results");
	return r > 0 ? 0 : r;
}

/* ---- one run ------------------------------------------------------------------------------- */

static const struct xc_source *source_of(const struct xc_config *cfg)
{
	if (cfg->observe.is_mock)
		return &xc_source_mock;
	if (!cfg->read[0])
		return &xc_source_live;
	return xc_source_is_capture(cfg->read) ? &xc_source_packets : &xc_source_recording;
}

static int open_source(struct xc_run *run, struct xc_source_env *env)
{
	const struct xc_config *cfg = run->cfg;
	bool is_live;
	int r;

	run->source = source_of(cfg);
	is_live = run->source == &xc_source_live;
	env->path = cfg->read;
	env->iface = cfg->iface[0] ? cfg->iface : NULL;
	env->on_record = on_record;
	env->arg = run;
	r = xc_watch_scope(cfg, &env->scope);
	if (!r && is_live)
		r = xc_privilege_check();
	if (!r)
		r = run->source->open(env, &run->source_state);
	if (r || !is_live)
		return r;
	if (cfg->drops_privileges)
		xc_privilege_drop();
	xc_info("watching %s%s",
		env->n_netns ? "the namespaces given" : "all network namespaces of this host",
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

int xc_run_go(struct xc_run *run, struct xc_source_env *env)
{
	const char *netns[XC_WORDS_MAX];
	char scope[128];
	int r;

	env->n_netns = xc_words_list(&run->cfg->netns, netns);
	env->netns = netns;
	if (run->cfg->record_to[0]) {
		scope_text(run->cfg, scope, sizeof(scope));
		r = xc_recorder_open(run->cfg->record_to, scope, &run->recorder);
		if (r)
			return r;
	}
	r = open_source(run, env);
	return r ? r : loop(run);
}

int xc_run_free(struct xc_run *run)
{
	int r;

	if (!run)
		return 0;
	if (run->source_state)
		run->source->close(run->source_state);
	r = xc_recorder_close(run->recorder);
	if (r)
		(void)xc_err(r, "the recording %s is incomplete", run->cfg->record_to);
	free(run);
	return r;
}
