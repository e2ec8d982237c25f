/* SPDX-License-Identifier: Apache-2.0 */
/* record: the record stream of a live host in a file, complete enough to reproduce every finding. */
#include "base/log.h"
#include "cmd/cmd.h"
#include "core/watch.h"

#include <inttypes.h>

static int record_run(const struct xc_config *cfg, int argc, char **argv)
{
	struct xc_watch_result result;
	int r;

	(void)argc;
	(void)argv;
	if (!cfg->record_to[0]) {
		(void)xc_err(0, "record needs a file: crosscut record --output FILE");
		return XC_EXIT_USAGE;
	}
	/* The engine runs along: it asks the questions whose answers a replay needs. */
	r = xc_watch(cfg, NULL, &result);
	if (r)
		return r;
	xc_info("%" PRIu64 " records in %s; replay with: crosscut why -r %s",
		result.stats.conn.n_records, cfg->record_to, cfg->record_to);
	return XC_EXIT_OK;
}

const struct xc_cmd xc_cmd_record = {
	.name = "record",
	.usage = "--output FILE [options]",
	.text = "record what the kernel tells, to replay, to test with, to attach to a bug report",
	.examples = "crosscut record --output incident.xcr --duration 30s\n"
		    "crosscut record --output db.xcr --to :5432  # until Ctrl-C\n",
	.run = record_run,
};
