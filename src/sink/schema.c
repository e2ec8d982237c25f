/* SPDX-License-Identifier: Apache-2.0 */
/* The columns as a Table Schema (specs.frictionlessdata.io/table-schema); unit, role, group and scope are ours. */
#include "base/json.h"
#include "sink/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *type_of(const struct xc_feature *c)
{
	if (xc_feature_is_text(c))
		return "string";
	return c->type == XC_TYPE_F64 ? "number" : "integer";
}

static void put_bound(struct xc_json *j, const char *key, double bound)
{
	if (isfinite(bound))
		xc_json_fixed(j, key, bound, bound == floor(bound) ? 0 : 3);
}

/* "A|B" as ["A","B"]. */
static void put_choices(struct xc_json *j, const char *choices)
{
	char word[64];

	xc_json_open(j, "enum", '[');
	for (; *choices; choices += strcspn(choices, "|"), choices += *choices == '|') {
		(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(choices, "|"), choices);
		xc_json_str(j, NULL, word);
	}
	xc_json_close(j, ']');
}

static void put_field(struct xc_json *j, const struct xc_feature *c)
{
	xc_json_open(j, NULL, '{');
	xc_json_str(j, "name", c->name);
	xc_json_str(j, "type", type_of(c));
	xc_json_str(j, "description", c->meaning);
	xc_json_str(j, "unit", c->unit);
	xc_json_str(j, "role", xc_feature_role_str(c));
	xc_json_str(j, "group", xc_feature_group_str(c));
	xc_json_str(j, "scope", c->scope);
	xc_json_open(j, "constraints", '{');
	if (!xc_feature_is_text(c)) {
		put_bound(j, "minimum", c->min);
		put_bound(j, "maximum", c->max);
	} else if (c->choices) {
		put_choices(j, c->choices);
	}
	xc_json_close(j, '}');
	xc_json_close(j, '}');
}

void xc_rows_schema(const struct xc_columns *columns, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	xc_json_open(&j, NULL, '{');
	xc_json_open(&j, "fields", '[');
	for (size_t i = 0; i < columns->n; i++) {
		xc_buf_puts(out, "\n");	/* one a line, for people; white space to JSON */
		put_field(&j, columns->v[i]);
	}
	xc_json_close(&j, ']');
	xc_json_open(&j, "missingValues", '[');
	xc_json_str(&j, NULL, "");
	xc_json_close(&j, ']');
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
}
