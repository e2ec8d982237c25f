/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include <stddef.h>

#define X(name) extern const struct xc_probe xc_probe_##name;
#include "probes.list"
#undef X

const struct xc_probe *const xc_probes[] = {
#define X(name) &xc_probe_##name,
#include "probes.list"
#undef X
	NULL,
};
