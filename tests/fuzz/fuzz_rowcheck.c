/* SPDX-License-Identifier: Apache-2.0 */
/* The checker of CSV files: never reads or writes beyond its row, and tells the same however the file is cut. */
#include "flow/rowcheck.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct xc_rowcheck *check(const uint8_t *data, size_t len, size_t piece)
{
	struct xc_rowcheck *c;

	if (xc_rowcheck_new(&c))
		abort();
	for (size_t at = 0; at < len; at += piece)
		xc_rowcheck_feed(c, (const char *)data + at, len - at < piece ? len - at : piece);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct xc_rowcheck *whole, *cut;
	const struct xc_rowcheck_report *a, *b;
	uint64_t n = 0;

	if (!len)
		return 0;
	whole = check(data, len, len);
	cut = check(data, len, 1 + data[0] % 7);
	a = xc_rowcheck_end(whole);
	b = xc_rowcheck_end(cut);
	if (a->n_rows != b->n_rows || a->n_problems != b->n_problems || a->n_lines != b->n_lines)
		abort();
	for (size_t i = 0; i < XC_ROWCHECK_LABELS; i++)
		n += a->label[i].n_rows;
	if (n > a->n_rows || a->n_columns > XC_ROWCHECK_COLUMNS_MAX)
		abort();
	xc_rowcheck_free(whole);
	xc_rowcheck_free(cut);
	return 0;
}
