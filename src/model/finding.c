/* SPDX-License-Identifier: Apache-2.0 */
#include "model/finding.h"

#include "base/scope.h"
#include "base/wall.h"

#include <stdio.h>

struct timespec xc_finding_time(const struct xc_finding *f)
{
	return xc_wall_time(f->reported_ns, f->wall_offset_ns);
}

const char *xc_confidence_str(double confidence, char out[8])
{
	double percent = confidence * 100;

	if (percent > 99.9)
		percent = 99.9;
	(void)snprintf(out, 8, percent >= 99.5 ? "%.1f%%" : "%.0f%%", percent);
	return out;
}

const char *xc_layer_str(enum xc_layer layer)
{
	static const char *const names[] = {
		[XC_LAYER_L2] = "L2", [XC_LAYER_L3] = "L3",	    [XC_LAYER_FILTER] = "filter",
		[XC_LAYER_L4] = "L4", [XC_LAYER_SOCKET] = "socket", [XC_LAYER_PROCESS] = "process",
		[XC_LAYER_L7] = "L7",
	};

	_Static_assert(ARRAY_SIZE(names) == _XC_LAYER_MAX, "every layer has a name");
	return names[layer];
}

const char *xc_severity_str(enum xc_severity severity)
{
	static const char *const names[] = { "info", "warning", "error" };

	_Static_assert(ARRAY_SIZE(names) == _XC_SEVERITY_MAX, "every severity has a name");
	return names[severity];
}

const char *xc_status_str(enum xc_status status)
{
	static const char *const names[] = { "suspected", "confirmed", "cleared" };

	_Static_assert(ARRAY_SIZE(names) == _XC_STATUS_MAX, "every status has a name");
	return names[status];
}
