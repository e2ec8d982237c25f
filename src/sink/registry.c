/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/sink.h"

#include <stddef.h>

#define X(name) extern const struct xc_sink xc_sink_##name;
#include "sinks.list"
#undef X

const struct xc_sink *const xc_sinks[] = {
#define X(name) &xc_sink_##name,
#include "sinks.list"
#undef X
	NULL,
};
