/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as CSV (RFC 4180, but lines end with LF as pandas, awk and the network collector write
 * them). Text that a spreadsheet would run as a formula gets a ' in front; numbers never do.
 */
#include "sink/number.h"
#include "sink/rows.h"

#include <string.h>

static const char replacement[] =
	"\xef\xbf\xbd"; /* U+FFFD: a file with broken UTF-8 is refused by pandas */

/* Up to the next byte that cannot stand as it is. */
static size_t plain_len(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != '"' && !((unsigned char)s[n] & 0x80))
		n++;
	return n;
}

static void put_text(struct xc_buf *out, const char *s)
{
	bool is_quoted = s[strcspn(s, ",\"\n\r")] != '\0';

	if (is_quoted)
		xc_buf_putc(out, '"');
	if (*s && strchr("=+-@\t\r", *s))
		xc_buf_putc(out, '\'');
	while (*s) {
		size_t n = plain_len(s);

		xc_buf_put(out, s, n);
		s += n;
		if (*s == '"') {
			xc_buf_puts(out, "\"\"");
			s++;
		} else if (*s) {
			n = xc_utf8_len(s);
			xc_buf_put(out, n ? s : replacement, n ? n : sizeof(replacement) - 1);
			s += n ? n : 1;
		}
	}
	if (is_quoted)
		xc_buf_putc(out, '"');
}

static void put_missing(struct xc_buf *out, const struct xc_feature *column, bool is_zero)
{
	if (is_zero && !xc_feature_is_text(column))
		xc_buf_puts(out, column->type == XC_TYPE_F64 ? "0.0" : "0");
}

static void csv_begin(const struct xc_columns *columns, struct xc_buf *out)
{
	for (size_t i = 0; i < columns->n; i++) {
		if (i)
			xc_buf_putc(out, ',');
		xc_buf_puts(out, columns->v[i]->name);
	}
	xc_buf_putc(out, '\n');
}

static void csv_put(const struct xc_columns *columns, const struct xc_row *row, bool is_zero,
		    struct xc_buf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < columns->n; i++) {
		struct xc_value v = xc_feature_get(columns->v[i], row);

		if (i)
			xc_buf_putc(out, ',');
		switch (v.kind) {
		case XC_VALUE_MISSING:
			put_missing(out, columns->v[i], is_zero);
			break;
		case XC_VALUE_U64:
			xc_put_uint(out, v.u64);
			break;
		case XC_VALUE_F64:
			xc_put_real(out, v.f64);
			break;
		case XC_VALUE_STR:
			put_text(out, v.str);
			break;
		}
	}
	if (out->len == start)	/* an empty line would be no row to many readers */
		xc_buf_puts(out, "\"\"");
	xc_buf_putc(out, '\n');
}

const struct xc_row_format xc_rows_csv = {
	.name = "csv",
	.has_schema = true,
	.begin = csv_begin,
	.put = csv_put,
};
