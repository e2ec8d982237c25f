/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three-valued logic (Kleene): a condition over a packet we know only partly. The
 * values are ordered so that AND is the minimum, OR the maximum and NOT a mirror.
 */
#pragma once

#include <stdbool.h>

enum xc_tri {
	XC_NO,
	XC_MAYBE,
	XC_YES,
};

static inline enum xc_tri xc_tri(bool b)
{
	return b ? XC_YES : XC_NO;
}

static inline enum xc_tri xc_tri_and(enum xc_tri a, enum xc_tri b)
{
	return a < b ? a : b;
}

static inline enum xc_tri xc_tri_or(enum xc_tri a, enum xc_tri b)
{
	return a > b ? a : b;
}

static inline enum xc_tri xc_tri_not(enum xc_tri a)
{
	return (enum xc_tri)(XC_YES - a);
}
