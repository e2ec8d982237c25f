/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON, one object a line, the columns as keys. */
#include "base/json.h"
#include "sink/number.h"
#include "sink/rows.h"

static void put_missing(struct xc_buf *out, const struct xc_feature *column, bool is_zero)
{
	if (!is_zero)
		xc_buf_puts(out, "null");
	else if (xc_feature_is_text(column))
		xc_buf_puts(out, "\"\"");
	else
		xc_buf_puts(out, column->type == XC_TYPE_F64 ? "0.0" : "0");
}

static void put_value(struct xc_buf *out, const struct xc_feature *column, const struct xc_row *row,
		      bool is_zero)
{
	struct xc_value v = xc_feature_get(column, row);
	struct xc_json text = xc_json(out);

	switch (v.kind) {
	case XC_VALUE_MISSING:
		put_missing(out, column, is_zero);
		break;
	case XC_VALUE_U64:
		xc_put_uint(out, v.u64);
		break;
	case XC_VALUE_F64:
		xc_put_real(out, v.f64);
		break;
	case XC_VALUE_STR:
		xc_json_str(&text, NULL, v.str);
		break;
	}
}

static void json_put(const struct xc_columns *columns, const struct xc_row *row, bool is_zero,
		     struct xc_buf *out)
{
	for (size_t i = 0; i < columns->n; i++) {
		xc_buf_puts(out, i ? ",\"" : "{\"");
		xc_buf_puts(out, columns->v[i]->name);
		xc_buf_puts(out, "\":");
		put_value(out, columns->v[i], row, is_zero);
	}
	xc_buf_puts(out, "}\n");
}

const struct xc_row_format xc_rows_json = {
	.name = "json",
	.put = json_put,
};
