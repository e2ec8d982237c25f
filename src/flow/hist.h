/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log-linear histogram of nanoseconds: 64 buckets an octave, so that no quantile is wrong by more
 * than 1 % (half a bucket: 1/128). Sparse: a few samples take a few bytes, any number a bounded few KB.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define XC_HIST_BITS 6	/* 1 << bits buckets an octave */

struct xc_hist {
	uint64_t n;
	uint32_t n_buckets, n_room;
	struct xc_hist_bucket {
		uint16_t no;
		uint16_t _pad0;
		uint32_t n;
	} * bucket; /* by rising no; owned */
};

/* Bucket of @ns; rises with it. The same in the kernel half (integers only). Pure. */
static inline uint16_t xc_hist_bucket(uint64_t ns)
{
	unsigned int octave = 63 - (unsigned int)__builtin_clzll(ns | 1);

	if (octave < XC_HIST_BITS)
		return (uint16_t)ns;
	return (uint16_t)((octave - XC_HIST_BITS + 1) << XC_HIST_BITS |
			  ((ns >> (octave - XC_HIST_BITS)) & ((1u << XC_HIST_BITS) - 1)));
}

/** Count @times samples of bucket @no. 0 or -ENOMEM (not counted). */
int xc_hist_add(struct xc_hist *h, uint16_t no, uint32_t times);

/** Value at nearest rank ceil(@q * n), the middle of its bucket, in ns; 0 without samples. @q in (0, 1]. Pure. */
uint64_t xc_hist_quantile(const struct xc_hist *h, double q);

/** Forget the samples, keep the memory. */
void xc_hist_reset(struct xc_hist *h);

/** Release the memory. */
void xc_hist_done(struct xc_hist *h);
