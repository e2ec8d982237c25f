/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash index over the slots of a fixed table: maps a 64-bit hash to slot numbers,
 * the table compares the full keys. Chained through two arrays sized at start, so
 * adding and removing never allocates and iteration order depends on the input only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XC_INDEX_END UINT32_MAX

struct xc_index {
	uint32_t *head;		/* n_buckets entries */
	uint32_t *next;		/* n_slots entries */
	uint32_t n_buckets;	/* a power of two */
	uint32_t n_slots;
};

/** Size for @n_slots slots. 0 or -ENOMEM. */
int xc_index_init(struct xc_index *ix, uint32_t n_slots);

void xc_index_done(struct xc_index *ix);

/** Forget every slot, keep the size. */
void xc_index_reset(struct xc_index *ix);

/** Add @slot under @hash. The slot must not be in the index. */
void xc_index_add(struct xc_index *ix, uint64_t hash, uint32_t slot);

/** Remove @slot, which was added under @hash. */
void xc_index_del(struct xc_index *ix, uint64_t hash, uint32_t slot);

/** First slot under @hash's bucket, or XC_INDEX_END. Compare keys: other hashes share buckets. */
static inline uint32_t xc_index_first(const struct xc_index *ix, uint64_t hash)
{
	return ix->head[hash & (ix->n_buckets - 1)];
}

static inline uint32_t xc_index_next(const struct xc_index *ix, uint32_t slot)
{
	return ix->next[slot];
}

/** A 64-bit hash of @n bytes, the same on every run and machine (replays must agree). */
uint64_t xc_hash(const void *p, size_t n);
