/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/number.h"

#include "base/digits.h"

#include <math.h>
#include <stdio.h>

#define DECIMALS 6
#define DECIMALS_MAX 12
#define EXACT_MAX 1e15	/* integers below are exact in a double, with room to spare */

void xc_put_uint(struct xc_buf *out, uint64_t n)
{
	char text[XC_DIGITS_MAX], *end = text + sizeof(text), *start = xc_digits(end, n, 1);

	xc_buf_put(out, start, (size_t)(end - start));
}

/* @x in [0, EXACT_MAX) with @decimals places, without zeros at the end. */
static void put_fixed(struct xc_buf *out, double x, int decimals)
{
	static const double scale[] = { 1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
					1e7, 1e8, 1e9, 1e10, 1e11, 1e12 };
	char text[XC_DIGITS_MAX + 2 + DECIMALS_MAX], *end = text + sizeof(text), *start;
	uint64_t n = (uint64_t)(x * scale[decimals] + 0.5), whole = 1;

	while (decimals > 1 && !(n % 10)) {
		n /= 10;
		decimals--;
	}
	for (int i = 0; i < decimals; i++)
		whole *= 10;
	start = xc_digits(end, n % whole, decimals);
	*--start = '.';
	start = xc_digits(start, n / whole, 1);
	xc_buf_put(out, start, (size_t)(end - start));
}

void xc_put_real(struct xc_buf *out, double x)
{
	int decimals = DECIMALS;

	if (!isfinite(x))
		x = 0;
	if (x < 0) {
		xc_buf_putc(out, '-');
		x = -x;
	}
	if (x >= EXACT_MAX) {
		xc_buf_printf(out, "%.17g", x);
		return;
	}
	if (x == (double)(uint64_t)x)
		decimals = 1;
	else if (x >= 1e9)	/* 15 digits are what a double holds */
		decimals = x >= 1e12 ? 1 : 3;
	for (double least = 0.1; x < least && decimals > 1 && decimals < DECIMALS_MAX; least /= 10)
		decimals++;
	put_fixed(out, x, decimals);
}
