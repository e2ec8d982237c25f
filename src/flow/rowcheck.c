/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/rowcheck.h"

#include "base/index.h"
#include "base/scope.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SLACK 1e-6	/* printed values are rounded */

enum state {
	AT_START,	/* of a field */
	IN_PLAIN,
	IN_QUOTES,
	BEHIND_QUOTE,	/* a quote within quotes: the end, or half of a pair */
};

/* Columns whose value is the sum of two others. */
static const struct {
	const char *whole, *part[2];
} sums[] = {
	{ "packet_count", { "forward_packets", "backward_packets" } },
	{ "byte_count", { "forward_bytes", "backward_bytes" } },
};

struct xc_rowcheck {
	struct xc_rowcheck_report report;
	enum state state;
	bool is_bad;		/* the row that is being read */
	bool was_cr;
	bool has_header;
	uint64_t line;		/* of the byte that is read, from 1 */
	uint64_t row_line;	/* where the row began */
	char *record;		/* its fields, each with a NUL */
	size_t len;
	size_t field[XC_ROWCHECK_COLUMNS_MAX];	/* where each starts */
	size_t n_fields;
	double value[XC_ROWCHECK_COLUMNS_MAX];	/* of this row; NAN = none */
	int sum[ARRAY_SIZE(sums)][3];		/* column of the whole and of the parts, -1 = not there */
	int label, detected, bits;		/* likewise */
};

int xc_rowcheck_new(struct xc_rowcheck **ret_check)
{
	struct xc_rowcheck *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->record = malloc(XC_ROWCHECK_RECORD_MAX + 1);
	if (!c->record) {
		free(c);
		return -ENOMEM;
	}
	c->record[XC_ROWCHECK_RECORD_MAX] = '\0';	/* ends the fields of a row that is too long */
	c->line = c->row_line = 1;
	*ret_check = c;
	return 0;
}

void xc_rowcheck_free(struct xc_rowcheck *c)
{
	if (c)
		free(c->record);
	free(c);
}

const char *xc_rowcheck_fault_str(enum xc_rowcheck_fault fault)
{
	static const char *const names[] = {
		[XC_ROWCHECK_NO_NUMBER] = "is no number",
		[XC_ROWCHECK_NOT_FINITE] = "is not finite",
		[XC_ROWCHECK_NO_INTEGER] = "is no integer",
		[XC_ROWCHECK_NEGATIVE] = "is negative",
		[XC_ROWCHECK_RANGE] = "is out of range",
		[XC_ROWCHECK_NO_CHOICE] = "is none of its words",
		[XC_ROWCHECK_SUM] = "is not the sum of its directions",
	};

	_Static_assert(ARRAY_SIZE(names) == _XC_ROWCHECK_FAULT_MAX, "every fault has its words");
	return names[fault];
}

/* Text from a file, made fit to print. */
static void count(struct xc_rowcheck_count *to, uint64_t line, const char *text)
{
	size_t n = 0;

	if (to->n++)
		return;
	to->line = line;
	for (; text[n] && n < sizeof(to->text) - 1; n++)
		to->text[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
}

/* ---- the header ------------------------------------------------------------------------------- */

static int column_at(const struct xc_rowcheck *c, const char *name)
{
	for (size_t i = 0; i < c->report.n_columns; i++)
		if (!strcmp(c->report.column[i].name, name))
			return (int)i;
	return -1;
}

static void take_header(struct xc_rowcheck *c)
{
	for (size_t i = 0; i < c->n_fields; i++) {
		struct xc_rowcheck_column *col = &c->report.column[i];
		const char *name = c->record + c->field[i];

		for (size_t k = 0; name[k] && k < sizeof(col->name) - 1; k++)
			col->name[k] = name[k] < ' ' || name[k] > '~' ? '?' : name[k];
		col->column = xc_feature_find(name);
		col->is_double = column_at(c, col->name) >= 0;
		col->is_constant = true;
		c->report.n_columns = i + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		c->sum[i][0] = column_at(c, sums[i].whole);
		c->sum[i][1] = column_at(c, sums[i].part[0]);
		c->sum[i][2] = column_at(c, sums[i].part[1]);
	}
	c->label = column_at(c, "anomaly_label");
	c->detected = column_at(c, "detected_label");
	c->bits = column_at(c, "fault_bits");
	c->report.has_label = c->label >= 0;
	c->report.has_rules = c->bits >= 0;
	c->has_header = true;
}

/* ---- one row ---------------------------------------------------------------------------------- */

/* What the type of a column can hold; the table's own range may be narrower. */
static double type_max(const struct xc_feature *column)
{
	switch (column->type) {
	case XC_TYPE_U8:
		return UINT8_MAX;
	case XC_TYPE_U16:
		return UINT16_MAX;
	case XC_TYPE_I16:
		return INT16_MAX;
	case XC_TYPE_U32:
		return UINT32_MAX;
	default:
		return INFINITY;
	}
}

/* Which fault @x is, or _XC_ROWCHECK_FAULT_MAX. */
static enum xc_rowcheck_fault fault_of(const struct xc_feature *column, double x)
{
	if (!isfinite(x))
		return XC_ROWCHECK_NOT_FINITE;
	if (column->type != XC_TYPE_F64 && x != floor(x))
		return XC_ROWCHECK_NO_INTEGER;
	if (x < 0 && column->min >= 0)
		return XC_ROWCHECK_NEGATIVE;
	if (x < column->min - SLACK || x > column->max + SLACK || x > type_max(column))
		return XC_ROWCHECK_RANGE;
	return _XC_ROWCHECK_FAULT_MAX;
}

static void take_number(struct xc_rowcheck *c, size_t i, const char *text)
{
	struct xc_rowcheck_column *col = &c->report.column[i];
	enum xc_rowcheck_fault fault;
	double x;
	char *end;

	x = strtod(text, &end);
	if (end == text || *end) {
		count(&col->fault[XC_ROWCHECK_NO_NUMBER], c->row_line, text);
		return;
	}
	fault = fault_of(col->column, x);
	if (fault != _XC_ROWCHECK_FAULT_MAX)
		count(&col->fault[fault], c->row_line, text);
	if (!isfinite(x))
		return;
	col->min = col->n_values == 1 || x < col->min ? x : col->min;
	col->max = col->n_values == 1 || x > col->max ? x : col->max;
	c->value[i] = x;
}

/* Is @text one of "A|B|C"? */
static bool is_choice(const char *choices, const char *text)
{
	size_t n = strlen(text);

	for (; *choices; choices += strcspn(choices, "|"), choices += *choices == '|')
		if (strcspn(choices, "|") == n && !memcmp(choices, text, n))
			return true;
	return false;
}

static void take_text(struct xc_rowcheck *c, size_t i, const char *text)
{
	struct xc_rowcheck_column *col = &c->report.column[i];

	if (col->column->choices && !is_choice(col->column->choices, text))
		count(&col->fault[XC_ROWCHECK_NO_CHOICE], c->row_line, text);
}

static void take_field(struct xc_rowcheck *c, size_t i)
{
	struct xc_rowcheck_column *col = &c->report.column[i];
	const char *text = c->record + c->field[i];
	uint64_t hash;

	c->value[i] = NAN;
	if (!*text)
		return;
	hash = xc_hash(text, strlen(text));
	if (!col->n_values++)
		col->first_hash = hash;
	col->is_constant &= hash == col->first_hash;
	if (col->column && xc_feature_is_text(col->column))
		take_text(c, i, text);
	else if (col->column)
		take_number(c, i, text);
}

static void check_sums(struct xc_rowcheck *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		const int *at = c->sum[i];

		if (at[0] < 0 || at[1] < 0 || at[2] < 0)
			continue;
		/* a value that is missing (NAN) is equal to nothing and different from nothing */
		if (fabs(c->value[at[0]] - c->value[at[1]] - c->value[at[2]]) > SLACK)
			count(&c->report.column[at[0]].fault[XC_ROWCHECK_SUM], c->row_line,
			      c->record + c->field[at[0]]);
	}
}

static void take_label(struct xc_rowcheck *c)
{
	double label = c->label >= 0 ? c->value[c->label] : NAN;
	struct xc_rowcheck_label *l;

	if (!(label >= 0 && label < XC_ROWCHECK_LABELS))
		return;
	l = &c->report.label[(int)label];
	l->n_rows++;
	l->n_detected += c->detected >= 0 && c->value[c->detected] == label;
	if (c->bits < 0 || !(c->value[c->bits] >= 0 && c->value[c->bits] < 65536))
		return;
	for (unsigned int i = 0; i < XC_ROWCHECK_LABELS; i++)
		l->n_hits[i] += (unsigned int)c->value[c->bits] >> i & 1;
}

static void take_row(struct xc_rowcheck *c)
{
	char what[24];

	if (c->is_bad || c->n_fields != c->report.n_columns) {
		(void)snprintf(what, sizeof(what), "%s%zu fields", c->is_bad ? "damaged, " : "",
			       c->n_fields);
		count(&c->report.bad_rows, c->row_line, what);
		return;
	}
	for (size_t i = 0; i < c->n_fields; i++)
		take_field(c, i);
	check_sums(c);
	take_label(c);
	c->report.n_rows++;
}

/* ---- bytes ------------------------------------------------------------------------------------ */

static void put(struct xc_rowcheck *c, char byte)
{
	if (c->len < XC_ROWCHECK_RECORD_MAX)
		c->record[c->len++] = byte;
	else
		c->is_bad = true;
}

static void begin_field(struct xc_rowcheck *c)
{
	if (c->n_fields < XC_ROWCHECK_COLUMNS_MAX)
		c->field[c->n_fields++] = c->len;
	else
		c->is_bad = true;
	c->state = AT_START;
}

static void end_row(struct xc_rowcheck *c)
{
	bool is_empty = c->n_fields == 1 && c->len == 0 && c->state == AT_START;

	put(c, '\0');
	if (!is_empty && !c->has_header && c->is_bad)
		count(&c->report.bad_rows, c->row_line, "a damaged header");
	if (!is_empty && !c->has_header)
		take_header(c);
	else if (!is_empty)
		take_row(c);
	c->len = 0;
	c->n_fields = 0;
	c->is_bad = false;
	c->state = AT_START;
}

static void take_plain(struct xc_rowcheck *c, char byte)
{
	if (!c->n_fields) {
		c->row_line = c->line;
		begin_field(c);
	}
	if (byte == ',') {
		put(c, '\0');
		begin_field(c);
	} else if (byte == '\n') {
		end_row(c);
	} else if (byte == '"') {
		c->is_bad |= c->state != AT_START;
		c->state = IN_QUOTES;
	} else {
		c->is_bad |= !byte || c->state == BEHIND_QUOTE;
		c->state = c->state == AT_START ? IN_PLAIN : c->state;
		put(c, byte);
	}
}

static void take_byte(struct xc_rowcheck *c, char byte)
{
	if (c->state == IN_QUOTES && byte == '"') {
		c->state = BEHIND_QUOTE;
	} else if (c->state == IN_QUOTES) {
		put(c, byte);
	} else if (c->state == BEHIND_QUOTE && byte == '"') {
		put(c, '"');
		c->state = IN_QUOTES;
	} else if (byte == '\r') {
		c->was_cr = true;	/* nothing, if the line ends here */
		return;
	} else {
		if (c->was_cr && byte != '\n')
			c->is_bad = true;
		take_plain(c, byte);
	}
	c->was_cr = false;
	c->line += byte == '\n';
}

void xc_rowcheck_feed(struct xc_rowcheck *c, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take_byte(c, bytes[i]);
}

const struct xc_rowcheck_report *xc_rowcheck_end(struct xc_rowcheck *c)
{
	struct xc_rowcheck_report *r = &c->report;

	r->is_cut = c->n_fields != 0;
	r->n_lines = c->line - 1 + r->is_cut;
	r->n_problems = !c->has_header + r->is_cut + (r->bad_rows.n > 0);
	for (size_t i = 0; i < r->n_columns; i++) {
		r->n_problems += r->column[i].is_double;
		for (size_t k = 0; k < _XC_ROWCHECK_FAULT_MAX; k++)
			r->n_problems += r->column[i].fault[k].n > 0;
	}
	return r;
}
