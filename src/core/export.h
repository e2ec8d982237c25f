/* SPDX-License-Identifier: Apache-2.0 */
/* One run of features: packets of an interface or a capture become flows, windows, and rows in a file. */
#pragma once

#include "core/config.h"
#include "flow/table.h"

struct xc_export_result {
	char path[XC_PATH_LEN];		/* of the file; "-" = stdout */
	uint64_t n_rows;		/* that arrived there */
	uint64_t n_retrans_flows;	/* flows of which a row has a retransmission */
	bool is_retrans_floor;		/* ... and more, which could not be remembered */
	uint64_t n_packets;
	uint64_t n_flows;
	uint64_t n_evicted;		/* flows that made room for others */
	uint64_t n_lost_packets;	/* live: seen, but no room for their flow */
	uint64_t n_lost_samples;	/* live: latencies without room */
	uint64_t
		n_lost_truths; /* live: retransmissions and drops the kernel told of, without room */
	uint64_t n_lost_windows;	/* live: that ended before anybody could read them */
	uint64_t n_late;		/* capture: packets older than the window they count in */
	uint64_t n_other, n_cut;	/* capture: frames without IP, and too short to tell */
	bool is_truncated;		/* capture */
	bool has_cpu_limit;		/* live: a CPU quota was seen */
	bool was_interrupted;
};

/**
 * Run until --duration, the end of the capture, or a signal; then close the last window.
 * @iface: a name or "all"; not used for a capture
 * Return: 0, or a negative errno that was logged (-ENODEV: no such interface); @ret is filled in any case.
 */
int xc_export(const struct xc_config *cfg, const char *iface, struct xc_export_result *ret);
