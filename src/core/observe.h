/* SPDX-License-Identifier: Apache-2.0 */
/* One run of observe: a source, the observer, and the events it tells on stdout, or their summary. */
#pragma once

#include "core/observer.h"

struct xc_observe_result {
	struct xc_observer_stats stats;
	bool was_interrupted;	/* SIGINT or SIGTERM */
};

/**
 * Run until --duration, --count, the end of the file, or a signal.
 * Return: 0, or a negative errno that was logged; @ret is filled in any case.
 */
int xc_observe(const struct xc_config *cfg, struct xc_observe_result *ret);
