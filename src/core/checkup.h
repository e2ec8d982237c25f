/* SPDX-License-Identifier: Apache-2.0 */
/* What works here: every probe loaded and attached, every privilege looked at, and a real failure told. */
#pragma once

#include "core/config.h"

#define XC_CHECKS_MAX 40

enum xc_check_state { XC_CHECK_OK, XC_CHECK_PART, XC_CHECK_NO };

struct xc_check {
	char name[20];
	enum xc_check_state state;
	bool is_required;
	char text[160];
	char lacks[320];
	char without[480];
	char remedy[240];
};

struct xc_checkup {
	struct xc_check checks[XC_CHECKS_MAX];
	size_t n;
	bool works;	/* nothing required is missing */
};

/** Attaches and detaches everything once; takes about a second. */
void xc_checkup_run(const struct xc_config *cfg, struct xc_checkup *ret_checkup);
