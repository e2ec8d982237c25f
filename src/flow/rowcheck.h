/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a CSV of feature rows sound? Reads RFC 4180 piece by piece and compares with the column table:
 * names, types, ranges, sums that must agree, labels. Keeps counts and first places, never rows. Pure.
 */
#pragma once

#include "flow/features.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XC_ROWCHECK_COLUMNS_MAX 512
#define XC_ROWCHECK_RECORD_MAX (1u << 20)	/* bytes of one row */
#define XC_ROWCHECK_LABELS 12

/* What can be wrong with the values of one column. */
enum xc_rowcheck_fault {
	XC_ROWCHECK_NO_NUMBER,	/* text in a column of numbers */
	XC_ROWCHECK_NOT_FINITE,	/* nan, inf */
	XC_ROWCHECK_NO_INTEGER,	/* a fraction in a column of integers */
	XC_ROWCHECK_NEGATIVE,	/* ... and may not be */
	XC_ROWCHECK_RANGE,	/* beyond the range of the table */
	XC_ROWCHECK_NO_CHOICE,	/* none of the words the column can have */
	XC_ROWCHECK_SUM,	/* differs from the sum of its parts */
	_XC_ROWCHECK_FAULT_MAX,
};

/* How often, where first, and the text that stood there. */
struct xc_rowcheck_count {
	uint64_t n;
	uint64_t line;		/* from 1 */
	char text[24];
};

struct xc_rowcheck_column {
	char name[64];
	const struct xc_feature *column;	/* NULL = not one of ours */
	bool is_double;			/* the name stands twice in the header */
	uint64_t n_values;		/* not empty */
	bool is_constant;		/* all of them the same text */
	uint64_t first_hash;
	double min, max;		/* of numbers */
	struct xc_rowcheck_count fault[_XC_ROWCHECK_FAULT_MAX];
};

/* Rows of one anomaly_label. */
struct xc_rowcheck_label {
	uint64_t n_rows;
	uint64_t n_detected;			/* detected_label is the same */
	uint64_t n_hits[XC_ROWCHECK_LABELS];	/* rule i fired (fault_bits) */
};

struct xc_rowcheck_report {
	uint64_t n_rows, n_lines;
	struct xc_rowcheck_column column[XC_ROWCHECK_COLUMNS_MAX];
	size_t n_columns;
	struct xc_rowcheck_count
		bad_rows; /* too few or too many fields, a quote out of place, too long */
	bool is_cut;				/* the last row has no end */
	bool has_label, has_rules;		/* anomaly_label; fault_bits */
	struct xc_rowcheck_label label[XC_ROWCHECK_LABELS];
	uint64_t n_problems;			/* kinds of what is wrong; 0 = the file is sound */
};

struct xc_rowcheck;

/** 0 or -ENOMEM. */
int xc_rowcheck_new(struct xc_rowcheck **ret_check);

/** Accepts NULL. */
void xc_rowcheck_free(struct xc_rowcheck *check);

/** The next @n bytes of the file, cut anywhere. */
void xc_rowcheck_feed(struct xc_rowcheck *check, const char *bytes, size_t n);

/** The file is over. Borrowed from @check. */
const struct xc_rowcheck_report *xc_rowcheck_end(struct xc_rowcheck *check);

/** What a fault is called: "is no number". */
const char *xc_rowcheck_fault_str(enum xc_rowcheck_fault fault);
