/* SPDX-License-Identifier: Apache-2.0 */
/* The filters --method, --path, --status, --dns and --protocol as values: reading them, and asking whether an event passes. Pure. */
#pragma once

#include "model/netevent.h"

#define XC_REQFILTERS_MAX 16
#define XC_REQFILTER_LEN 128

enum xc_reqfilter_kind {
	XC_REQFILTER_METHOD,	/* whole, whatever its case */
	XC_REQFILTER_PATH,	/* how the target begins */
	XC_REQFILTER_STATUS,	/* a number, 4xx, or a range */
	XC_REQFILTER_DNS,	/* the name asked for, or one it ends with */
	XC_REQFILTER_PROTOCOL,	/* of the application, or tcp, udp, icmp */
	_XC_REQFILTER_MAX,
};

struct xc_reqfilter {
	enum xc_reqfilter_kind kind;
	bool is_not;
	int32_t low, high;	/* STATUS: both included */
	char text[XC_REQFILTER_LEN];	/* as written, without a leading "!" */
};

/**
 * Read one filter. A leading "!" negates.
 * @ret_why: set when it is wrong: what, and what to write instead. Static.
 * Return: 0, or -EINVAL and *ret_filter is untouched.
 */
int xc_reqfilter_parse(enum xc_reqfilter_kind kind, const char *text,
		       struct xc_reqfilter *ret_filter, const char **ret_why);

/**
 * Does an event pass? Filters of one kind are alternatives, all kinds given must hold, and no negated filter may match.
 * What an event does not have matches nothing: a connection has no method.
 */
bool xc_reqfilters_hold(const struct xc_reqfilter *filters, size_t n, const struct xc_netevent *e);
