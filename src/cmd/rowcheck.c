/* SPDX-License-Identifier: Apache-2.0 */
/* features --check: what flow/rowcheck.c found, in words or as one JSON object. */
#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "cmd/cmd.h"
#include "cmd/columns.h"
#include "flow/rowcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define READ_BYTES (256u << 10)
#define REPORT_MAX_BYTES (1u << 20)

/* ---- which columns are there ------------------------------------------------------------------ */

/* Names of columns, borrowed. */
struct names {
	size_t n;
	const char *v[XC_ROWCHECK_COLUMNS_MAX];
};

static bool has_column(const struct xc_rowcheck_report *r, const char *name)
{
	for (size_t i = 0; i < r->n_columns; i++)
		if (!strcmp(r->column[i].name, name))
			return true;
	return false;
}

static bool is_set(const struct xc_rowcheck_report *r, const char *name)
{
	struct xc_columns columns;
	char why[XC_COLUMNS_WHY];
	size_t n_ours = 0;

	if (xc_columns_select(name, &columns, why))
		return false;
	for (size_t i = 0; i < r->n_columns; i++)
		n_ours += r->column[i].column != NULL;
	for (size_t i = 0; i < columns.n; i++)
		if (!has_column(r, columns.v[i]->name))
			return false;
	return n_ours == columns.n;
}

/* The set of the table the file has the columns of; NULL = none exactly. */
static const char *set_of(const struct xc_rowcheck_report *r)
{
	for (const struct xc_column_set *s = xc_column_sets; s->name; s++)
		if (is_set(r, s->name))
			return s->name;
	return NULL;
}

/* The default columns that are not there, unless the file has another whole set. */
static void list_missing(const struct xc_rowcheck_report *r, struct names *out)
{
	struct xc_columns columns;
	char why[XC_COLUMNS_WHY];

	if (!r->n_columns || set_of(r) || xc_columns_select("default", &columns, why))
		return;
	for (size_t i = 0; i < columns.n; i++)
		if (!has_column(r, columns.v[i]->name))
			out->v[out->n++] = columns.v[i]->name;
}

static void list_unknown(const struct xc_rowcheck_report *r, struct names *out)
{
	for (size_t i = 0; i < r->n_columns; i++)
		if (!r->column[i].column)
			out->v[out->n++] = r->column[i].name;
}

static void list_constant(const struct xc_rowcheck_report *r, struct names *out)
{
	for (size_t i = 0; i < r->n_columns; i++)
		if (r->n_rows > 1 && r->column[i].is_constant)
			out->v[out->n++] = r->column[i].name;
}

static void list_twice(const struct xc_rowcheck_report *r, struct names *out)
{
	for (size_t i = 0; i < r->n_columns; i++)
		if (r->column[i].is_double)
			out->v[out->n++] = r->column[i].name;
}

static const struct {
	const char *kind, *key, *text;
	void (*list)(const struct xc_rowcheck_report *r, struct names *out);
} lists[] = {
	{ "wrong", "double_columns", "columns that stand twice", list_twice },
	{ "note", "unknown_columns", "not in the column table", list_unknown },
	{ "note", "missing_columns", "missing of the default columns", list_missing },
	{ "note", "constant_columns", "the same in every row", list_constant },
};

/* ---- in words ---------------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_lists(const struct xc_rowcheck_report *r, struct xc_buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct names names = { 0 };

		lists[i].list(r, &names);
		if (!names.n)
			continue;
		xc_buf_printf(out, "%s: %s: ", lists[i].kind, lists[i].text);
		for (size_t k = 0; k < names.n; k++)
			xc_buf_printf(out, "%s%s", k ? ", " : "", names.v[k]);
		xc_buf_putc(out, '\n');
	}
}

static void put_count(const char *what, const struct xc_rowcheck_count *c, struct xc_buf *out)
{
	xc_buf_printf(out, "wrong: %s: %" PRIu64 " times, first on line %" PRIu64 ": '%s'\n", what,
		      c->n, c->line, c->text);
}

static void put_faults(const struct xc_rowcheck_column *col, struct xc_buf *out)
{
	struct xc_buf what = xc_buf(512);

	for (int k = 0; k < _XC_ROWCHECK_FAULT_MAX; k++) {
		if (!col->fault[k].n)
			continue;
		xc_buf_reset(&what);
		xc_buf_printf(&what, "%s %s", col->name,
			      xc_rowcheck_fault_str((enum xc_rowcheck_fault)k));
		if (k == XC_ROWCHECK_RANGE || k == XC_ROWCHECK_NO_CHOICE) {
			xc_buf_puts(&what, " ");
			xc_columns_put_range(col->column, &what);
		}
		put_count(what.p ? what.p : col->name, &col->fault[k], out);
	}
	xc_buf_done(&what);
}

static void put_rules(const struct xc_rowcheck_label *l, struct xc_buf *out)
{
	const char *between = "; rules that fired: ";

	for (unsigned int i = 0; i < XC_ROWCHECK_LABELS; i++)
		if (l->n_hits[i]) {
			xc_buf_printf(out, "%s%s %.1f %%", between, xc_label_str(i),
				      percent(l->n_hits[i], l->n_rows));
			between = ", ";
		}
}

static void put_labels(const struct xc_rowcheck_report *r, struct xc_buf *out)
{
	for (unsigned int i = 0; i < XC_ROWCHECK_LABELS; i++) {
		const struct xc_rowcheck_label *l = &r->label[i];

		if (!l->n_rows)
			continue;
		xc_buf_printf(out, "label %u (%s): %" PRIu64 " rows, %.1f %%", i, xc_label_str(i),
			      l->n_rows, percent(l->n_rows, r->n_rows));
		put_rules(l, out);
		xc_buf_putc(out, '\n');
	}
}

static void put_text(const char *path, const struct xc_rowcheck_report *r, struct xc_buf *out)
{
	const char *set = set_of(r);

	xc_buf_put_safe(out, path);
	xc_buf_printf(out, ": %" PRIu64 " rows, %zu columns%s%s%s\n", r->n_rows, r->n_columns,
		      set ? " (" : "", set ? set : "", set ? ")" : "");
	if (!r->n_columns)
		xc_buf_puts(out, "wrong: there is no header\n");
	if (r->is_cut)
		xc_buf_puts(out, "wrong: the last row has no end\n");
	if (r->bad_rows.n)
		put_count("rows with the wrong number of fields, or a quote out of place",
			  &r->bad_rows, out);
	for (size_t i = 0; i < r->n_columns; i++)
		put_faults(&r->column[i], out);
	put_lists(r, out);
	put_labels(r, out);
	if (r->n_problems)
		xc_buf_printf(out, "%" PRIu64 " kinds of fault\n", r->n_problems);
	else
		xc_buf_puts(out, "sound\n");
}

/* ---- as JSON ----------------------------------------------------------------------------------- */

static void put_json_fault(struct xc_json *j, const char *name, const char *what,
			   const struct xc_rowcheck_count *c)
{
	xc_json_open(j, NULL, '{');
	xc_json_str(j, "column", name);
	xc_json_str(j, "fault", what);
	xc_json_uint(j, "times", c->n);
	xc_json_uint(j, "first_line", c->line);
	xc_json_str(j, "first_value", c->text);
	xc_json_close(j, '}');
}

static void put_json_faults(struct xc_json *j, const struct xc_rowcheck_report *r)
{
	xc_json_open(j, "faults", '[');
	if (r->bad_rows.n)
		put_json_fault(j, NULL, "is no row", &r->bad_rows);
	for (size_t i = 0; i < r->n_columns; i++)
		for (int k = 0; k < _XC_ROWCHECK_FAULT_MAX; k++)
			if (r->column[i].fault[k].n)
				put_json_fault(j, r->column[i].name,
					       xc_rowcheck_fault_str((enum xc_rowcheck_fault)k),
					       &r->column[i].fault[k]);
	xc_json_close(j, ']');
}

static void put_json_labels(struct xc_json *j, const struct xc_rowcheck_report *r)
{
	xc_json_open(j, "labels", '[');
	for (unsigned int i = 0; i < XC_ROWCHECK_LABELS; i++) {
		const struct xc_rowcheck_label *l = &r->label[i];

		if (!l->n_rows)
			continue;
		xc_json_open(j, NULL, '{');
		xc_json_uint(j, "label", i);
		xc_json_str(j, "name", xc_label_str(i));
		xc_json_uint(j, "rows", l->n_rows);
		xc_json_uint(j, "detected", l->n_detected);
		xc_json_open(j, "rule_hits", '[');
		for (unsigned int k = 0; k < XC_ROWCHECK_LABELS; k++)
			xc_json_uint(j, NULL, l->n_hits[k]);
		xc_json_close(j, ']');
		xc_json_close(j, '}');
	}
	xc_json_close(j, ']');
}

static void put_json(const char *path, const struct xc_rowcheck_report *r, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	xc_json_open(&j, NULL, '{');
	xc_json_str(&j, "file", path);
	xc_json_uint(&j, "rows", r->n_rows);
	xc_json_uint(&j, "columns", r->n_columns);
	xc_json_str(&j, "set", set_of(r));
	xc_json_uint(&j, "problems", r->n_problems);
	xc_json_bool(&j, "is_cut", r->is_cut);
	put_json_faults(&j, r);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct names names = { 0 };

		lists[i].list(r, &names);
		xc_json_open(&j, lists[i].key, '[');
		for (size_t k = 0; k < names.n; k++)
			xc_json_str(&j, NULL, names.v[k]);
		xc_json_close(&j, ']');
	}
	put_json_labels(&j, r);
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
}

/* ---- the file ---------------------------------------------------------------------------------- */

/* 0 or -errno (logged). */
static int read_file(const char *path, struct xc_rowcheck *check)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_close_ int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *bytes = malloc(READ_BYTES);
	ssize_t n;

	if (fd < 0)
		return xc_err(-errno, "cannot read %s", path);
	if (!bytes)
		return xc_err(-ENOMEM, "%s", path);
	while ((n = read(fd, bytes, READ_BYTES)) != 0) {
		if (n < 0)
			return xc_err(-errno, "cannot read %s", path);
		xc_rowcheck_feed(check, bytes, (size_t)n);
	}
	return 0;
}

int xc_columns_check(const struct xc_config *cfg)
{
	const struct xc_rowcheck_report *r;
	struct xc_buf out = xc_buf(REPORT_MAX_BYTES);
	struct xc_rowcheck *check = NULL;
	int status;

	status = xc_rowcheck_new(&check);
	if (status)
		return xc_err(status, "check");
	if (read_file(cfg->check, check)) {
		xc_rowcheck_free(check);
		return XC_EXIT_CANNOT;
	}
	r = xc_rowcheck_end(check);
	if (cfg->row_output == XC_ROWS_JSON)
		put_json(cfg->check, r, &out);
	else
		put_text(cfg->check, r, &out);
	if (out.p)
		(void)fwrite(out.p, 1, out.len, stdout);
	status = r->n_problems ? XC_EXIT_FINDINGS : XC_EXIT_OK;
	xc_buf_done(&out);
	xc_rowcheck_free(check);
	return status;
}
