/* SPDX-License-Identifier: Apache-2.0 */
/* why: every failed connection, explained. */
#include "base/log.h"
#include "cmd/cmd.h"
#include "core/watch.h"

#include <inttypes.h>

static void tell_losses(const struct xc_conn_stats *s)
{
	uint64_t lost = s->lost[XC_STAT_LOST_RING] + s->lost[XC_STAT_LOST_MAP];

	if (lost)
		(void)xc_warn(0,
			      "%" PRIu64 " records were lost (ring %" PRIu64 ", tables %" PRIu64
			      "): no finding does not mean no fault; try a larger --buffer-size",
			      lost, s->lost[XC_STAT_LOST_RING], s->lost[XC_STAT_LOST_MAP]);
	if (s->n_evicted)
		(void)xc_warn(0,
			      "%" PRIu64 " cases made room before their verdict; raise --max-cases",
			      s->n_evicted);
}

static void tell_stats(const struct xc_engine_stats *s)
{
	const struct xc_conn_stats *c = &s->conn;

	xc_info("records: %" PRIu64 " taken, %" PRIu64 " unknown, %" PRIu64 " damaged",
		c->n_records, c->n_unknown, c->n_short);
	xc_info("kernel: %" PRIu64 " sent, %" PRIu64 " folded into counts, %" PRIu64
		" normal operation, %" PRIu64 " out of scope, %" PRIu64
		" lost to the ring, %" PRIu64 " lost to tables",
		c->lost[XC_STAT_EMITTED], c->lost[XC_STAT_SUPPRESSED], c->lost[XC_STAT_NOISE],
		c->lost[XC_STAT_OUT_OF_SCOPE], c->lost[XC_STAT_LOST_RING],
		c->lost[XC_STAT_LOST_MAP]);
	xc_info("cases: %" PRIu64 " opened, %" PRIu64 " evicted, %" PRIu64 " questions dropped",
		c->n_cases, c->n_evicted, c->n_asks_lost);
	xc_info("findings: %" PRIu64 " confirmed, %" PRIu64 " suspected, %" PRIu64
		" cleared, %" PRIu64 " filtered out",
		s->n_findings, s->n_suspected, s->n_cleared, s->n_filtered);
}

static int why_run(const struct xc_config *cfg, int argc, char **argv)
{
	struct xc_watch_result result;
	int r;

	(void)argc;
	(void)argv;
	r = xc_watch(cfg, xc_sinks[cfg->output], &result);
	if (cfg->with_stats)
		tell_stats(&result.stats);
	tell_losses(&result.stats.conn);
	if (r)
		return r;
	if (!cfg->is_quiet && !cfg->with_stats)
		xc_info("%" PRIu64 " connections explained", result.stats.n_findings);
	if (cfg->fail_on != XC_FAIL_ON_NEVER && result.stats.n_findings &&
	    (int)result.stats.worst + 1 >= (int)cfg->fail_on)
		return XC_EXIT_FINDINGS;
	return XC_EXIT_OK;
}

const struct xc_cmd xc_cmd_why = {
	.name = "why",
	.usage = "[options]",
	.text = "explain every failed connection: cause, evidence, confidence, alternatives, impact, fix",
	.examples =
		"crosscut why  # everything that fails on this host, until Ctrl-C\n"
		"crosscut why --to :5432 --duration 60s  # why do connections to the database fail?\n"
		"crosscut why --netns self -o json --fail-on error  # for scripts\n"
		"crosscut why -r incident.xcr  # the same answers from a recording, without root\n"
		"crosscut why -r trace.pcap  # and what packets alone can tell, from anybody's capture\n",
	.run = why_run,
};
