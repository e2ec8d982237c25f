/* SPDX-License-Identifier: Apache-2.0 */
/* What protocols that carry SQL share: statements, redacted the moment they are seen, and those a connection has prepared. */
#pragma once

#include "l7/l7.h"

#define XC_SQL_READ 2048	/* bytes of a statement that are looked at */
#define XC_SQL_NAME                                                                                \
	64 /* bytes of a name; longer ones are not remembered (PostgreSQL: NAMEDATALEN) */

/* A redacted statement, NUL-terminated. Counted, for prepared statements and what is bound to them share it. */
struct xc_sql {
	uint32_t n_refs;
	char text[];
};

/** Are these characters, of whatever alphabet, and not control codes? */
bool xc_sql_is_text(struct xc_span s);

/** One reference, or NULL: no memory. Only the first XC_SQL_READ bytes of @statement are looked at. */
struct xc_sql *xc_sql_new(struct xc_span statement, enum xc_sql_dialect dialect);

/** Accepts NULL. */
void xc_sql_unref(struct xc_sql *q);

/** Method, target and db.query.text of @r. NULL: the statement is not known; @r is flagged. */
void xc_sql_tell(struct xc_request *r, const struct xc_sql *q);

/** The same for a statement that is not prepared. */
void xc_sql_tell_text(struct xc_request *r, struct xc_span statement, enum xc_sql_dialect dialect);

/* Statements by name (PostgreSQL) or number (MySQL). Zeroed memory is an empty one. */
struct xc_sql_names {
	struct xc_sql_entry *entries;
	uint32_t n, cap, oldest;
};

/** @name stands for @q from now on; a reference is taken. When there are too many the oldest is forgotten. */
void xc_sql_put(struct xc_sql_names *names, struct xc_span name, struct xc_sql *q);

/** Borrowed; NULL = not known. */
struct xc_sql *xc_sql_get(const struct xc_sql_names *names, struct xc_span name);

void xc_sql_drop(struct xc_sql_names *names, struct xc_span name);

/** Forget all of them. Releases memory. */
void xc_sql_clear(struct xc_sql_names *names);
