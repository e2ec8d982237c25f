/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/baseline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT 8	/* windows: the plain mean of the first ones, then each counts for an eighth */
#define LOOK 16		/* slots compared to find one that was not used for long */

int xc_baselines_init(struct xc_baselines *b)
{
	int r;

	*b = (struct xc_baselines){ 0 };
	b->v = calloc(XC_BASELINES_MAX, sizeof(*b->v));
	if (!b->v)
		return -ENOMEM;
	r = xc_index_init(&b->index, XC_BASELINES_MAX);
	if (r)
		xc_baselines_done(b);
	return r;
}

void xc_baselines_done(struct xc_baselines *b)
{
	free(b->v);
	xc_index_done(&b->index);
	*b = (struct xc_baselines){ 0 };
}

static struct xc_baseline *find(const struct xc_baselines *b, const struct xc_server_key *key,
				uint64_t hash)
{
	for (uint32_t i = xc_index_first(&b->index, hash); i != XC_INDEX_END;
	     i = xc_index_next(&b->index, i))
		if (!memcmp(&b->v[i].key, key, sizeof(*key)))
			return &b->v[i];
	return NULL;
}

const struct xc_baseline *xc_baseline_find(const struct xc_baselines *b,
					   const struct xc_server_key *key)
{
	return find(b, key, xc_hash(key, sizeof(*key)));
}

/* A free slot, or the longest unused of the next few. */
static uint32_t make_room(struct xc_baselines *b)
{
	uint32_t oldest = b->hand;

	if (b->n < XC_BASELINES_MAX)
		return b->n++;
	for (uint32_t i = 1; i < LOOK; i++) {
		uint32_t at = (b->hand + i) % XC_BASELINES_MAX;

		if (b->v[at].last_no < b->v[oldest].last_no)
			oldest = at;
	}
	b->hand = (b->hand + LOOK) % XC_BASELINES_MAX;
	xc_index_del(&b->index, xc_hash(&b->v[oldest].key, sizeof(b->v[oldest].key)), oldest);
	return oldest;
}

void xc_baseline_learn(struct xc_baselines *b, const struct xc_server_key *key, uint64_t no,
		       double std_ms)
{
	uint64_t hash = xc_hash(key, sizeof(*key));
	struct xc_baseline *l = find(b, key, hash);

	if (!l) {
		uint32_t at = make_room(b);

		l = &b->v[at];
		*l = (struct xc_baseline){ .key = *key };
		xc_index_add(&b->index, hash, at);
	}
	l->n_windows += l->n_windows < WEIGHT;
	l->std_ms += (std_ms - l->std_ms) / l->n_windows;
	l->last_no = no;
}
