/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps a busy host from drowning the reader: a limit on events told, and sampling of whole connections. Failures
 * are never sampled, and a destination that fails is told of in full for a while. Time is that of the records.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A token bucket that holds one second's worth. */
struct xc_bucket {
	uint64_t per_s;		/* 0 = no limit */
	uint64_t tokens;	/* in billionths */
	uint64_t last_ns;
};

/** Take one token at @now_ns. False: there is none. */
bool xc_bucket_take(struct xc_bucket *b, uint64_t now_ns);

#define XC_SAMPLER_PLACES 4096		/* destinations remembered; a power of two */
#define XC_SAMPLER_DETAIL_NS 30000000000ull	/* how long a failure is followed by full detail */

struct xc_sampler {
	uint32_t per_million;	/* connections told of */
	struct {
		uint64_t hash;
		uint64_t failed_ns;
	} place[XC_SAMPLER_PLACES];	/* by hash; a later failure takes the place of another one */
};

/* What is asked about one event. */
struct xc_sample {
	uint64_t connection;	/* a hash of it */
	uint64_t destination;	/* a hash of its server's address and port */
	uint64_t ts_ns;
	bool is_failure;
};

/** How many events this one stands for; 0 = leave it out. Failures are remembered. */
double xc_sampler_factor(struct xc_sampler *s, const struct xc_sample *what);
