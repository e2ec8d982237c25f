/* SPDX-License-Identifier: Apache-2.0 */
/* features --list and docs/features.md, from the column table. */
#include "cmd/columns.h"

#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "cmd/cmd.h"
#include "core/options.h"
#include "flow/features.h"

#include <math.h>
#include <string.h>

#define LIST_MAX_BYTES (1u << 20)
#define INDENT 6

void xc_columns_put_range(const struct xc_feature *f, struct xc_buf *out)
{
	if (f->choices)
		xc_buf_puts(out, f->choices);
	else if (xc_feature_is_text(f) || (isinf(f->min) && isinf(f->max)))
		return;
	else if (isinf(f->max))
		xc_buf_printf(out, ">= %.15g", f->min);
	else
		xc_buf_printf(out, "%.15g..%.15g", f->min, f->max);
}

/* The names of the sets it is in, with blanks between. */
static void put_sets(const struct xc_feature *f, struct xc_buf *out)
{
	const char *between = "";

	for (const struct xc_column_set *s = xc_column_sets; s->name; s++)
		if (xc_feature_is_in(f, s->name)) {
			xc_buf_printf(out, "%s%s", between, s->name);
			between = " ";
		}
}

/* ---- --list --------------------------------------------------------------------------------- */

static void put_text(const struct xc_feature *f, struct xc_buf *out)
{
	struct xc_buf range = xc_buf(256), sets = xc_buf(256);

	xc_columns_put_range(f, &range);
	put_sets(f, &sets);
	xc_buf_printf(out, "  %-28s %-4s %-13s %-12s %-16s %-8s %s\n", f->name,
		      xc_feature_type_str(f), f->unit, range.p ? range.p : "-", f->scope,
		      xc_feature_role_str(f), sets.p ? sets.p : "-");
	xc_buf_printf(out, "%*s", INDENT, "");
	xc_help_wrap(out, f->meaning, INDENT);
	xc_buf_done(&range);
	xc_buf_done(&sets);
}

static void put_bound(struct xc_json *j, const char *key, const struct xc_feature *f, double bound)
{
	if (xc_feature_is_text(f) || isinf(bound))
		xc_json_null(j, key);
	else
		xc_json_fixed(j, key, bound, bound == floor(bound) ? 0 : 3);
}

static void put_json(const struct xc_feature *f, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	xc_json_open(&j, NULL, '{');
	xc_json_str(&j, "name", f->name);
	xc_json_str(&j, "type", xc_feature_type_str(f));
	xc_json_str(&j, "unit", f->unit);
	put_bound(&j, "minimum", f, f->min);
	put_bound(&j, "maximum", f, f->max);
	xc_json_str(&j, "choices", f->choices);
	xc_json_str(&j, "scope", f->scope);
	xc_json_str(&j, "group", xc_feature_group_str(f));
	xc_json_str(&j, "role", xc_feature_role_str(f));
	xc_json_open(&j, "sets", '[');
	for (const struct xc_column_set *s = xc_column_sets; s->name; s++)
		if (xc_feature_is_in(f, s->name))
			xc_json_str(&j, NULL, s->name);
	xc_json_close(&j, ']');
	xc_json_str(&j, "meaning", f->meaning);
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
}

/* Those of --columns when it was given, else every one there is. */
static int choose(const struct xc_config *cfg, struct xc_columns *ret_columns)
{
	const struct xc_option *o = xc_option_of_cmd("columns", XC_CMD_features);
	char why[XC_COLUMNS_WHY];

	if (xc_option_origin(cfg, o)->level > XC_ORIGIN_DEFAULT) {
		if (!xc_columns_select(cfg->columns, ret_columns, why))
			return XC_EXIT_OK;
		(void)xc_err(0, "--columns: %s", why);
		return XC_EXIT_USAGE;
	}
	ret_columns->n = xc_features_count();
	for (size_t i = 0; i < ret_columns->n; i++)
		ret_columns->v[i] = xc_feature_at(i);
	return XC_EXIT_OK;
}

int xc_columns_print(const struct xc_config *cfg)
{
	struct xc_buf out = xc_buf(LIST_MAX_BYTES);
	static struct xc_columns columns;
	const char *group = "";
	int r;

	r = choose(cfg, &columns);
	for (size_t i = 0; !r && i < columns.n; i++) {
		const struct xc_feature *f = columns.v[i];

		if (cfg->row_output == XC_ROWS_JSON) {
			put_json(f, &out);
			continue;
		}
		if (strcmp(group, xc_feature_group_str(f)))
			xc_buf_printf(&out, "%s%s\n", i ? "\n" : "", xc_feature_group_str(f));
		group = xc_feature_group_str(f);
		put_text(f, &out);
	}
	if (out.p)
		(void)fwrite(out.p, 1, out.len, stdout);
	xc_buf_done(&out);
	return r;
}

/* ---- docs/features.md ------------------------------------------------------------------------ */

static void put_row(const struct xc_feature *f, struct xc_buf *out)
{
	struct xc_buf cell = xc_buf(256);

	xc_buf_printf(out, "| `%s` ", f->name);
	xc_markdown_cell(xc_feature_type_str(f), out);
	xc_markdown_cell(f->unit, out);
	xc_columns_put_range(f, &cell);
	xc_markdown_cell(cell.p, out);
	xc_markdown_cell(f->scope, out);
	xc_markdown_cell(xc_feature_role_str(f), out);
	xc_markdown_cell(f->meaning, out);
	xc_buf_reset(&cell);
	put_sets(f, &cell);
	xc_markdown_cell(cell.p, out);
	xc_buf_puts(out, "|\n");
	xc_buf_done(&cell);
}

static const char intro[] =
	"`crosscut features` writes one row for each flow and window (`--window`) in which it had a packet.\n"
	"`src` is who began. Windows are aligned to multiples of their length since the epoch. Scope `flow` is\n"
	"the flow of the row, `endpoint` all flows to the same server address, port and protocol, `cgroup`\n"
	"that of the local socket, `netns` that of the responder, `node` this host; `window` is within the\n"
	"window, `lifetime` since the flow began, `gauge` at the window's end.\n\n"
	"A value that was not measured is 0 or empty; with `--missing empty` nothing is written, which\n"
	"pandas reads as NaN. Read `flow_id` as text (`dtype={\"flow_id\": str}`): some look like numbers.\n"
	"Role `id` must not be given to a model; `label` is the answer, or a rule's opinion of it.\n"
	"The same table stands beside each CSV as `FILE.schema.json` (Table Schema), and\n"
	"`crosscut features --check FILE` compares a CSV with it.\n";

void xc_columns_markdown(struct xc_buf *out)
{
	const char *group = "";

	xc_buf_puts(out, intro);
	xc_buf_puts(out, "\n| `--columns` | what is in it |\n|---|---|\n");
	for (const struct xc_column_set *s = xc_column_sets; s->name; s++) {
		xc_buf_printf(out, "| `%s` ", s->name);
		xc_markdown_cell(s->text, out);
		xc_buf_puts(out, "|\n");
	}
	for (size_t i = 0; i < xc_features_count(); i++) {
		const struct xc_feature *f = xc_feature_at(i);

		if (strcmp(group, xc_feature_group_str(f)))
			xc_buf_printf(
				out,
				"\n## %s\n\n| column | type | unit | range | scope | role | definition | sets |\n"
				"|---|---|---|---|---|---|---|---|\n",
				xc_feature_group_str(f));
		group = xc_feature_group_str(f);
		put_row(f, out);
	}
}
