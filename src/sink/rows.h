/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a row format, and the file rows go to. Formats are pure: a row becomes text at
 * the end of a buffer. The file holds whole rows only, whatever happens while it is written.
 */
#pragma once

#include "base/buf.h"
#include "flow/features.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * struct xc_row_format - one way to write rows
 * @begin: what stands before the first row; NULL = nothing
 * @put: one row with what ends it. @is_zero: a value that is missing becomes 0 or an empty
 *	string, else nothing (CSV) or null (JSON)
 */
struct xc_row_format {
	const char *name;
	bool has_schema;	/* a Table Schema stands beside the file */
	void (*begin)(const struct xc_columns *columns, struct xc_buf *out);
	void (*put)(const struct xc_columns *columns, const struct xc_row *row, bool is_zero,
		    struct xc_buf *out);
};

extern const struct xc_row_format xc_rows_csv, xc_rows_json;

/** The columns as a Table Schema (frictionless standards, JSON), each with unit and role. */
void xc_rows_schema(const struct xc_columns *columns, struct xc_buf *out);

/* ---- the file --------------------------------------------------------------------- */

struct xc_rowfile_cfg {
	const char *path;	/* "-" = stdout */
	const struct xc_row_format *format;
	const struct xc_columns *columns;
	bool is_zero;		/* see xc_row_format */
};

struct xc_rowfile;

/**
 * Create the file, and PATH.schema.json beside it when the format has one. A file that is not
 * empty is left alone (-EEXIST). Everything in @cfg is borrowed until xc_rowfile_close().
 * Return: 0 or -errno (logged).
 */
int xc_rowfile_open(const struct xc_rowfile_cfg *cfg, struct xc_rowfile **ret_file);

/** Add a row; it is written later. 0, or the -errno of an earlier or this write (logged once). */
int xc_rowfile_put(struct xc_rowfile *f, const struct xc_row *row);

/** Write what is held back. 0 or -errno (logged once): then the file ends with the last row that was written whole. */
int xc_rowfile_flush(struct xc_rowfile *f);

/**
 * Flush and close. Accepts NULL.
 * @ret_n_rows: rows that arrived in the file
 * Return: 0, or the first -errno of any write.
 */
int xc_rowfile_close(struct xc_rowfile *f, uint64_t *ret_n_rows);
