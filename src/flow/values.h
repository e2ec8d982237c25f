/* SPDX-License-Identifier: Apache-2.0 */
/* What the getters of the columns share: making values, moments into statistics, sums of both directions. */
#pragma once

#include "flow/features.h"

#include <math.h>

#define XC_NS_PER_MS 1e6
#define XC_NS_PER_S 1e9

static const struct xc_value xc_missing = { .kind = XC_VALUE_MISSING };

static inline struct xc_value xc_u64(uint64_t x)
{
	return (struct xc_value){ .kind = XC_VALUE_U64, .u64 = x };
}

/** What is not finite is missing. */
static inline struct xc_value xc_f64(double x)
{
	return isfinite(x) ? (struct xc_value){ .kind = XC_VALUE_F64, .f64 = x } : xc_missing;
}

/** NULL and "" are missing. */
static inline struct xc_value xc_str(const char *s)
{
	return s && *s ? (struct xc_value){ .kind = XC_VALUE_STR, .str = s } : xc_missing;
}

/** 0 when there is nothing to divide by. */
static inline double xc_ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static inline double xc_mean(const struct xc_moments *m)
{
	return xc_ratio((double)m->sum, (double)m->n);
}

/** Of the population. 64 bits of mantissa or more: squares of nanoseconds need them. */
static inline double xc_variance(const struct xc_moments *m)
{
	long double n = (long double)m->n, mean, square;

	if (m->n < 2 || m->min == m->max)
		return 0;
	mean = (long double)m->sum / n;
	square = ((long double)m->sq_hi * 0x1p64L + (long double)m->sq_lo) / n;
	return square > mean * mean ? (double)(square - mean * mean) : 0;
}

/** Of the population of @n values with @sum and @square, their sum of squares; exact but for the division. */
static inline double xc_variance_of(uint64_t n, uint64_t sum, uint64_t square)
{
	unsigned __int128 a = (unsigned __int128)n * square, b = (unsigned __int128)sum * sum;

	return n && a > b ? (double)(a - b) / (double)n / (double)n : 0;
}

/** Standard deviation of a sample (n - 1). */
static inline double xc_std(const struct xc_moments *m)
{
	return m->n < 2 ? 0 : sqrt(xc_variance(m) * (double)m->n / (double)(m->n - 1));
}

/** Latency at quantile @q, ms; NAN without samples, or when their histogram was lost. */
double xc_row_latency_ms(const struct xc_row *row, double q);

/** Memory in use, 0..100: of the node or, where that is more, of the cgroup; NAN when not measured. */
static inline double xc_row_memory_percent(const struct xc_row *row)
{
	if (!row->sys)
		return NAN;
	if (!row->cgroup->has_memory)
		return row->sys->memory_percent;
	return fmax(row->sys->memory_percent, row->cgroup->memory_percent);
}

/* ---- getters that serve columns of several groups ------------------------------------------- */

static inline struct xc_value xc_get_missing(const struct xc_row *row, int arg)
{
	(void)row;
	(void)arg;
	return xc_missing;
}

static inline const void *xc_member(const void *p, int offset)
{
	return (const char *)p + offset;
}

/** @offset: of a 32-bit counter in struct xc_flow_dir; both directions. */
static inline struct xc_value xc_get_sum32(const struct xc_row *row, int offset)
{
	const uint32_t *a = xc_member(row->dir[0], offset), *b = xc_member(row->dir[1], offset);

	return xc_u64((uint64_t)*a + *b);
}

/** @offset: of a 64-bit counter in struct xc_flow_dir; both directions. */
static inline struct xc_value xc_get_sum64(const struct xc_row *row, int offset)
{
	const uint64_t *a = xc_member(row->dir[0], offset), *b = xc_member(row->dir[1], offset);

	return xc_u64(*a + *b);
}

/** @offset: of a 32-bit counter in struct xc_flow_window. */
static inline struct xc_value xc_get_window32(const struct xc_row *row, int offset)
{
	const uint32_t *x = xc_member(row->window, offset);

	return xc_u64(*x);
}

/** @offset: of a member of struct xc_sys_sample. */
static inline struct xc_value xc_get_sys_u64(const struct xc_row *row, int offset)
{
	return row->sys ? xc_u64(*(const uint64_t *)xc_member(row->sys, offset)) : xc_missing;
}

static inline struct xc_value xc_get_sys_u32(const struct xc_row *row, int offset)
{
	return row->sys ? xc_u64(*(const uint32_t *)xc_member(row->sys, offset)) : xc_missing;
}

static inline struct xc_value xc_get_sys_f64(const struct xc_row *row, int offset)
{
	return row->sys ? xc_f64(*(const double *)xc_member(row->sys, offset)) : xc_missing;
}

struct xc_value xc_get_gap_mean(const struct xc_row *row, int arg);	/* ms */
struct xc_value xc_get_gap_std(const struct xc_row *row, int arg);	/* ms */
struct xc_value xc_get_duration_s(const struct xc_row *row, int arg);
struct xc_value xc_get_latency_quantile(const struct xc_row *row, int percent);	/* ms */
