/* SPDX-License-Identifier: Apache-2.0 */
/* A connection table to feed and to look at. */
#pragma once

#include "records.h"

#include "conn/conn.h"

#define GRACE 40

static inline struct xc_conn *fresh(uint32_t max_cases)
{
	static char names[16384] __attribute__((aligned(8)));
	struct xc_conn_cfg cfg = { .max_cases = max_cases,
				   .grace_ns = GRACE * MS,
				   .window_ns = 30000 * MS,
				   .syn_timeout_ns = 5000 * MS,
				   .arp_timeout_ns = 1000 * MS };
	struct xc_conn *t = xc_conn_new(&cfg);

	assert_non_null(t);
	xc_conn_feed(t, enum_record(names, XC_ENUM_DROP_REASON));
	xc_conn_feed(t, enum_record(names, XC_ENUM_RST_REASON));
	return t;
}

static inline uint64_t n_cases(struct xc_conn *t)
{
	struct xc_conn_stats s;

	xc_conn_get_stats(t, &s);
	return s.n_cases;
}

/* Let @ms pass and take the case that is due then, settled as @how. NULL = none is. */
static inline const struct xc_case *look_and(struct xc_conn *t, uint64_t ms, enum xc_settle how)
{
	static struct xc_case copy;
	const struct xc_case *c;
	struct xc_said *said;

	xc_conn_feed(t, TICK(ms, .wall_offset_ns = 5));
	c = xc_conn_due(t, &said);
	if (!c)
		return NULL;
	copy = *c;
	xc_conn_settle(t, how);
	return &copy;
}

static inline const struct xc_case *look(struct xc_conn *t, uint64_t ms)
{
	return look_and(t, ms, XC_SETTLE_WAIT);
}

static inline bool is_flow(const struct xc_case *c, uint16_t port)
{
	return c && xc_tuple_equal(&c->tuple, &(struct xc_tuple)FLOW(port));
}
