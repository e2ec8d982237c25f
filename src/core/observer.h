/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, events out: connections, and what is asked and answered on them. Knows no clock: a replay tells the same. */
#pragma once

#include "core/config.h"
#include "core/policy.h"
#include "core/summary.h"
#include "l7/table.h"
#include "sink/events.h"

struct xc_observer;

struct xc_observer_cfg {
	const struct xc_config *cfg;	/* borrowed */
	struct xc_eventfile *file;	/* borrowed; NULL = no events */
	struct xc_summary *summary;	/* borrowed; NULL = none */
	bool is_limited;		/* max_events_per_second holds */
	xc_want_fn want;		/* tells the source what is wanted; may be NULL */
	void *want_arg;
};

struct xc_observer_stats {
	struct xc_l7_table_stats table;
	uint64_t n_records, n_damaged;
	uint64_t n_events;	/* told, or counted in the summary */
	uint64_t n_filtered;	/* left out by filters */
	uint64_t n_unsampled;	/* ... by sampling */
	uint64_t n_suppressed;	/* ... by the limit on events */
	uint64_t
		n_over_budget; /* records that came without payload because nobody wanted it in time */
	uint64_t lost[_XC_STAT_MAX];	/* by the kernel half */
};

/** 0 or -ENOMEM. */
int xc_observer_new(const struct xc_observer_cfg *cfg, struct xc_observer **ret_observer);

/** Take one record. 0, or the -errno of the output. */
int xc_observer_feed(struct xc_observer *o, const struct xc_evt *e);

/** When time alone makes it act; UINT64_MAX = never. */
uint64_t xc_observer_deadline(const struct xc_observer *o);

/** The records have ended: tell of what is still open. 0, or the -errno of the output. */
int xc_observer_end(struct xc_observer *o);

void xc_observer_get_stats(const struct xc_observer *o, struct xc_observer_stats *ret_stats);

/** Accepts NULL. */
void xc_observer_free(struct xc_observer *o);
