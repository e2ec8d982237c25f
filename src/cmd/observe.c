/* SPDX-License-Identifier: Apache-2.0 */
/* observe: the stream of network events, L3 to L7, with the process they belong to. */
#include "base/log.h"
#include "cmd/cmd.h"
#include "core/observe.h"

#include <errno.h>
#include <inttypes.h>

/* ---- what the user has to know afterwards --------------------------------------------------- */

static void tell_losses(const struct xc_observer_stats *s)
{
	uint64_t lost = s->lost[XC_STAT_LOST_RING] + s->lost[XC_STAT_LOST_MAP];

	if (lost)
		(void)xc_warn(0,
			      "%" PRIu64 " records were lost (ring %" PRIu64 ", tables %" PRIu64
			      "): requests are missing; try a larger --buffer-size",
			      lost, s->lost[XC_STAT_LOST_RING], s->lost[XC_STAT_LOST_MAP]);
	if (s->table.n_evicted)
		(void)xc_warn(
			0, "%" PRIu64 " connections made room for others; raise --max-connections",
			s->table.n_evicted);
	if (s->table.l7.n_refused)
		(void)xc_warn(0, "%" PRIu64 " requests found no room and are missing",
			      s->table.l7.n_refused);
	if (s->table.n_no_memory)
		(void)xc_warn(0, "%" PRIu64 " connections found no memory and are missing",
			      s->table.n_no_memory);
	if (s->n_suppressed)
		(void)xc_warn(
			0,
			"%" PRIu64
			" events were above the limit and not told; raise --max-events-per-second",
			s->n_suppressed);
	if (s->n_damaged)
		(void)xc_warn(0, "%" PRIu64 " records are damaged", s->n_damaged);
}

static void tell_stats(const struct xc_observer_stats *s)
{
	const struct xc_l7_table_stats *t = &s->table;

	xc_info("records: %" PRIu64 " taken, %" PRIu64 " damaged, %" PRIu64
		" without the payload somebody wanted too late",
		s->n_records, s->n_damaged, s->n_over_budget);
	xc_info("kernel: %" PRIu64 " sent, %" PRIu64 " out of scope, %" PRIu64
		" lost to the ring, %" PRIu64 " lost to tables",
		s->lost[XC_STAT_EMITTED], s->lost[XC_STAT_OUT_OF_SCOPE], s->lost[XC_STAT_LOST_RING],
		s->lost[XC_STAT_LOST_MAP]);
	xc_info("connections: %" PRIu64 " seen, %" PRIu64 " timed out, %" PRIu64
		" made room for others",
		t->n_opened, t->n_timed_out, t->n_evicted);
	xc_info("segments: %" PRIu64 " read, %" PRIu64 " gaps (%" PRIu64 " bytes), %" PRIu64
		" desynchronised, %" PRIu64 " protocols revoked, %" PRIu64 " bytes without room",
		t->l7.n_segments, t->l7.n_gaps, t->l7.gap_bytes, t->l7.n_desyncs, t->l7.n_revoked,
		t->bytes_refused);
	xc_info("requests: %" PRIu64 " read, %" PRIu64 " refused", t->l7.n_requests,
		t->l7.n_refused);
	xc_info("events: %" PRIu64 " told, %" PRIu64 " filtered out, %" PRIu64
		" left out by sampling, %" PRIu64 " above the limit",
		s->n_events, s->n_filtered, s->n_unsampled, s->n_suppressed);
}

static void tell(const struct xc_config *cfg, const struct xc_observer_stats *s)
{
	if (cfg->with_stats)
		tell_stats(s);
	tell_losses(s);
	if (cfg->read[0] && s->n_records && !s->table.l7.n_segments)
		(void)xc_warn(
			0, "%s holds no payload: only what `crosscut observe --record` writes does",
			cfg->read);
	else if (!cfg->is_quiet && !cfg->with_stats)
		xc_info("%" PRIu64 " events%s", s->n_events,
			cfg->observe.is_summary ? " counted" : "");
}

/* ---- the command ----------------------------------------------------------------------------- */

static int check_usage(const struct xc_config *cfg)
{
	const struct xc_observe_config *o = &cfg->observe;

	if (cfg->read[0] && o->is_mock)
		return xc_err(0, "--read and --mock exclude each other; leave one out"),
		       XC_EXIT_USAGE;
	if (o->tls_uprobes[0] && (cfg->read[0] || o->is_mock))
		return xc_err(0, "--tls-uprobes reads processes of this host, live"), XC_EXIT_USAGE;
	if (o->forwarded[0] && (cfg->read[0] || o->is_mock))
		return xc_err(0, "--forwarded reads packets of this host, live"), XC_EXIT_USAGE;
	if (o->forwarded[0] && !strcmp(o->forwarded, "all"))
		return xc_err(0,
			      "--forwarded wants one interface: on all of them every packet would pass twice"),
		       XC_EXIT_USAGE;
	if (o->forwarded[0] && cfg->netns.n > 1)
		return xc_err(0, "--forwarded wants one --netns: the one with the interface"),
		       XC_EXIT_USAGE;
	if (!o->with_core && !cfg->read[0] && !o->is_mock)
		return xc_err(0,
			      "enable_core is off, but there is no other way to run on a kernel"),
		       XC_EXIT_USAGE;
	return XC_EXIT_OK;
}

static int observe_run(const struct xc_config *cfg, int argc, char **argv)
{
	static struct xc_observe_result result;
	int r;

	(void)argc;
	(void)argv;
	r = check_usage(cfg);
	if (r)
		return r;
	if (cfg->record_to[0])
		xc_info("%s will hold payload as it was on the wire: treat it like a capture",
			cfg->record_to);
	r = xc_observe(cfg, &result);
	tell(cfg, &result.stats);
	return r == -ENODEV ? XC_EXIT_CANNOT : r;
}

const struct xc_cmd xc_cmd_observe = {
	.name = "observe",
	.usage = "[options]",
	.text = "tell who says what to whom: connections, requests, answers, with process, status and latency",
	.examples =
		"crosscut observe  # every request of this host, as it is answered, until Ctrl-C\n"
		"crosscut observe --to :443 -o json  # all about connections to this port, one object a line\n"
		"crosscut observe --errors --min-latency 100ms --path /api  # slow failures of an API\n"
		"crosscut observe --dns example.com --count 10  # the next ten DNS events of a domain\n"
		"crosscut observe --summary -d 60s  # rates, errors, p50, p95, p99 of every server\n"
		"crosscut observe -r capture.pcap --status 5xx  # what failed in a capture; needs no root\n"
		"crosscut observe --forwarded docker0  # also what containers say to other hosts\n"
		"crosscut observe --mock --count 20  # what it looks like, without root\n",
	.run = observe_run,
};
