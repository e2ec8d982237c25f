/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/hist.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Index of the first bucket that is not below @no. */
static uint32_t lower_bound(const struct xc_hist *h, uint16_t no)
{
	uint32_t lo = 0, hi = h->n_buckets;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (h->bucket[mid].no < no)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int make_room(struct xc_hist *h)
{
	uint32_t n_room = h->n_room ? h->n_room * 2 : 8;
	struct xc_hist_bucket *p;

	if (h->n_buckets < h->n_room)
		return 0;
	p = realloc(h->bucket, n_room * sizeof(*p));
	if (!p)
		return -ENOMEM;
	h->bucket = p;
	h->n_room = n_room;
	return 0;
}

int xc_hist_add(struct xc_hist *h, uint16_t no, uint32_t times)
{
	uint32_t i = lower_bound(h, no);
	int r;

	if (i == h->n_buckets || h->bucket[i].no != no) {
		r = make_room(h);
		if (r)
			return r;
		memmove(&h->bucket[i + 1], &h->bucket[i], (h->n_buckets - i) * sizeof(*h->bucket));
		h->bucket[i] = (struct xc_hist_bucket){ .no = no };
		h->n_buckets++;
	}
	if (__builtin_add_overflow(h->bucket[i].n, times, &h->bucket[i].n))
		h->bucket[i].n = UINT32_MAX;
	h->n += times;
	return 0;
}

/* The middle of a bucket: the inverse of xc_hist_bucket(). */
static uint64_t middle(uint16_t no)
{
	unsigned int shift;
	uint64_t low;

	if (no < 1u << XC_HIST_BITS)
		return no;
	shift = (no >> XC_HIST_BITS) - 1u;
	low = 1u << XC_HIST_BITS | (no & ((1u << XC_HIST_BITS) - 1));
	return (low << shift) + ((1ull << shift) >> 1);
}

uint64_t xc_hist_quantile(const struct xc_hist *h, double q)
{
	/* 0.07 * 100 is a little above 7 */
	double rank = ceil(q * (double)h->n - 1e-9);
	double n = 0;

	for (uint32_t i = 0; i < h->n_buckets; i++) {
		n += h->bucket[i].n;
		if (n >= rank)
			return middle(h->bucket[i].no);
	}
	return h->n_buckets ? middle(h->bucket[h->n_buckets - 1].no) : 0;
}

void xc_hist_reset(struct xc_hist *h)
{
	h->n = 0;
	h->n_buckets = 0;
}

void xc_hist_done(struct xc_hist *h)
{
	free(h->bucket);
	*h = (struct xc_hist){ 0 };
}
