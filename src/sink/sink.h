/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of a sink: where findings go. */
#pragma once

#include "model/finding.h"

#include <stdbool.h>
#include <stdio.h>

struct xc_sink_env {
	FILE *out;		/* borrowed */
	bool has_color;
	unsigned int width;	/* columns of the terminal; 0 = no limit */
	bool is_verbose;	/* leave nothing out */
};

/**
 * struct xc_sink - one output format
 * @open: 0 or -errno. Ownership of *ret_sink to the caller.
 * @emit: write one finding and flush it; 0 or -errno
 * @tick: time has passed to @now_ns (record time); summaries of repeats go out. May be NULL.
 * @close: write what is still held back. Accepts NULL. 0 or the first -errno of any write.
 */
struct xc_sink {
	const char *name;
	const char *text;
	int (*open)(const struct xc_sink_env *env, void **ret_sink);
	int (*emit)(void *sink, const struct xc_finding *f);
	void (*tick)(void *sink, uint64_t now_ns);
	int (*close)(void *sink);
};

extern const struct xc_sink *const xc_sinks[];	/* NULL-terminated, by enum xc_output */
