/* SPDX-License-Identifier: Apache-2.0 */
/* Integers as text, without printf: events and rows have millions of them. */
#pragma once

#include <stdint.h>

#define XC_DIGITS_MAX 20	/* of a uint64_t */

/** The decimal digits of @n, at least @least of them, up to @end (exclusive). Returns where they start. */
static inline char *xc_digits(char *end, uint64_t n, int least)
{
	for (; n || least > 0; n /= 10, least--)
		*--end = (char)('0' + n % 10);
	return end;
}
