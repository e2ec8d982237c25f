/* SPDX-License-Identifier: Apache-2.0 */
/* Capture and flow table alone, without rows: capture_flows CAPTURE. What `crosscut features` adds comes on top. */
#include "base/scope.h"
#include "flow/table.h"
#include "source/capture.h"

#include <inttypes.h>

static int on_window(void *arg, uint64_t no, const struct xc_flow_seen *seen, size_t n_seen)
{
	uint64_t *n_rows = arg;

	(void)no;
	for (size_t i = 0; i < n_seen; i++)
		*n_rows += seen[i].window != NULL;
	return 0;
}

XC_DEFINE_FREEP(struct xc_capture, xc_capture_close)
XC_DEFINE_FREEP(struct xc_flow_table, xc_flow_table_free)

int main(int argc, char **argv)
{
	static const struct xc_flow_table_cfg cfg = { 5000000000u, 120000000000u, 100000 };
	_cleanup_(xc_capture_closep) struct xc_capture *capture = NULL;
	_cleanup_(xc_flow_table_freep) struct xc_flow_table *table = NULL;
	struct xc_flow_table_stats stats;
	struct xc_flow_packet k;
	struct xc_flow_bytes b;
	uint64_t n_rows = 0;

	if (argc < 2 || xc_capture_open(argv[1], &capture) ||
	    xc_flow_table_new(&cfg, on_window, &n_rows, &table))
		return 1;
	while (xc_capture_next(capture, &k, &b) == 1)
		if (xc_flow_table_add(table, &k, &b))
			return 1;
	if (xc_flow_table_flush(table))
		return 1;
	xc_flow_table_get_stats(table, &stats);
	(void)printf("%" PRIu64 " packets, %" PRIu64 " flows, %" PRIu64 " rows, %zu MB, %" PRIu64
		     " evicted\n",
		     stats.n_packets, stats.n_flows, n_rows, stats.memory_bytes >> 20,
		     stats.n_evicted);
	return 0;
}
