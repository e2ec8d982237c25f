/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each server endpoint is used to: the deviation of latency in windows that were not
 * jittery, smoothed. Bounded: the endpoint not seen for longest makes room.
 */
#pragma once

#include "base/index.h"
#include "flow/features.h"

#define XC_BASELINES_MAX 4096	/* endpoints; 48 bytes each */

struct xc_baselines {
	struct xc_index index;
	struct xc_baseline {
		struct xc_server_key key;
		uint32_t n_windows;	/* learned from; stops counting at the weight of the mean */
		uint64_t last_no;	/* window it was learned in last */
		double std_ms;
	} * v;
	uint32_t n;
	uint32_t hand;		/* where the search for room goes on */
};

/** 0 or -ENOMEM. */
int xc_baselines_init(struct xc_baselines *b);

void xc_baselines_done(struct xc_baselines *b);

/** What the endpoint of @s is used to; NULL = nothing yet. Borrowed until the next call. */
const struct xc_baseline *xc_baseline_find(const struct xc_baselines *b,
					   const struct xc_server_key *key);

/** Window @no was not jittery, and the mean of its flows' deviations was @std_ms. */
void xc_baseline_learn(struct xc_baselines *b, const struct xc_server_key *key, uint64_t no,
		       double std_ms);
