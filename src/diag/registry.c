/* SPDX-License-Identifier: Apache-2.0 */
#include "diag/pattern.h"

#include <stddef.h>

#define X(name) extern const struct xc_pattern xc_pattern_##name;
#include "patterns.list"
#undef X

const struct xc_pattern *const xc_patterns[] = {
#define X(name) &xc_pattern_##name,
#include "patterns.list"
#undef X
	NULL,
};
