/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/sql.h"

#include <ctype.h>
#include <stdlib.h>

#define MAX_NAMES 256	/* of one connection; drivers keep 250 prepared statements or fewer */

struct xc_sql_entry {
	struct xc_sql *sql;
	uint8_t len;
	uint8_t name[XC_SQL_NAME];
};

/* ---- one statement --------------------------------------------------------------------------- */

bool xc_sql_is_text(struct xc_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 && !isspace(s.p[i]))
			return false;
	return true;
}

struct xc_sql *xc_sql_new(struct xc_span statement, enum xc_sql_dialect dialect)
{
	char text[XC_SQL_READ + 1];
	struct xc_sql *q;
	size_t n;

	n = strlen(
		xc_redact_sql(xc_span_first(statement, XC_SQL_READ), dialect, text, sizeof(text)));
	q = malloc(sizeof(*q) + n + 1);
	if (!q)
		return NULL;
	q->n_refs = 1;
	memcpy(q->text, text, n + 1);
	return q;
}

void xc_sql_unref(struct xc_sql *q)
{
	if (q && !--q->n_refs)
		free(q);
}

/* The first keyword in upper case; "QUERY" where there is none. */
static void tell_keyword(struct xc_request *r, const char *text)
{
	char word[XC_REQUEST_METHOD];
	size_t n = 0;

	/* what stands behind "!" is no comment to MySQL */
	text += strspn(text, "( ;/*!?");
	while (n < sizeof(word) - 1 && isalpha((unsigned char)text[n])) {
		word[n] = (char)toupper((unsigned char)text[n]);
		n++;
	}
	if (n)
		xc_request_method(r, (struct xc_span){ (const uint8_t *)word, n });
	else
		xc_request_method(r, (struct xc_span){ (const uint8_t *)"QUERY", 5 });
}

static void tell(struct xc_request *r, const char *text)
{
	struct xc_span all = { (const uint8_t *)text, strlen(text) };

	tell_keyword(r, text);
	xc_request_target(r, all);
	if (strlen(r->target) < all.len)
		xc_request_attr(r, "db.query.text", all);
}

void xc_sql_tell(struct xc_request *r, const struct xc_sql *q)
{
	if (q)
		tell(r, q->text);
	else
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
}

void xc_sql_tell_text(struct xc_request *r, struct xc_span statement, enum xc_sql_dialect dialect)
{
	char text[XC_SQL_READ + 1];

	tell(r, xc_redact_sql(xc_span_first(statement, XC_SQL_READ), dialect, text, sizeof(text)));
}

/* ---- by name --------------------------------------------------------------------------------- */

static struct xc_sql_entry *find(const struct xc_sql_names *names, struct xc_span name)
{
	for (uint32_t i = 0; i < names->n; i++) {
		struct xc_sql_entry *e = &names->entries[i];

		if (e->len == name.len && (!name.len || !memcmp(e->name, name.p, name.len)))
			return e;
	}
	return NULL;
}

/* A place for one more. NULL: no memory. */
static struct xc_sql_entry *add(struct xc_sql_names *names)
{
	struct xc_sql_entry *e;

	if (names->n == MAX_NAMES) {
		e = &names->entries[names->oldest++ % MAX_NAMES];
		xc_sql_unref(e->sql);
		return e;
	}
	if (names->n == names->cap) {
		uint32_t cap = names->cap ? names->cap * 2 : 4;

		e = realloc(names->entries, cap * sizeof(*e));
		if (!e)
			return NULL;
		names->entries = e;
		names->cap = cap;
	}
	return &names->entries[names->n++];
}

void xc_sql_put(struct xc_sql_names *names, struct xc_span name, struct xc_sql *q)
{
	struct xc_sql_entry *e;

	xc_sql_drop(names, name);
	if (!q || name.len > XC_SQL_NAME)
		return;
	e = add(names);
	if (!e)
		return;
	e->sql = q;
	e->len = (uint8_t)name.len;
	if (name.len)
		memcpy(e->name, name.p, name.len);
	q->n_refs++;
}

struct xc_sql *xc_sql_get(const struct xc_sql_names *names, struct xc_span name)
{
	struct xc_sql_entry *e = find(names, name);

	return e ? e->sql : NULL;
}

void xc_sql_drop(struct xc_sql_names *names, struct xc_span name)
{
	struct xc_sql_entry *e = find(names, name);

	if (!e)
		return;
	xc_sql_unref(e->sql);
	*e = names->entries[--names->n];
}

void xc_sql_clear(struct xc_sql_names *names)
{
	while (names->n)
		xc_sql_unref(names->entries[--names->n].sql);
	free(names->entries);
	*names = (struct xc_sql_names){ 0 };
}
