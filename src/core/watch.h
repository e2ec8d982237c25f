/* SPDX-License-Identifier: Apache-2.0 */
/* One run: a source, the engine, a sink and perhaps a recording, until somebody ends it. */
#pragma once

#include "core/engine.h"

struct xc_watch_result {
	struct xc_engine_stats stats;
	bool was_interrupted;	/* SIGINT or SIGTERM */
};

/**
 * Run until --duration, --count, the end of the recording, or a signal.
 * @sink: NULL = none
 * Return: 0, or a negative errno that was logged; @ret is filled in any case.
 */
int xc_watch(const struct xc_config *cfg, const struct xc_sink *sink, struct xc_watch_result *ret);

/** Scope filters and process filters as the BPF programs take them. 0 or -errno (logged). */
int xc_watch_scope(const struct xc_config *cfg, struct xc_probe_cfg *ret_scope);

/** Columns of the terminal on stdout; 0 = it is none. */
unsigned int xc_terminal_width(void);
