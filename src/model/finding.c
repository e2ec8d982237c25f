/* SPDX-License-Identifier: Apache-2.0 */
#include "model/finding.h"

#include "base/scope.h"

#include <stdio.h>

struct timespec xc_finding_time(const struct xc_finding *f)
{
	int64_t ns = (int64_t)(f->reported_ns + (uint64_t)f->wall_offset_ns);
	int64_t sec = ns / 1000000000, rest = ns % 1000000000;

	if (rest < 0) {
		sec--;
		rest += 1000000000;
	}
	return (struct timespec){ .tv_sec = (time_t)sec, .tv_nsec = (long)rest };
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
