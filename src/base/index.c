/* SPDX-License-Identifier: Apache-2.0 */
#include "base/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int xc_index_init(struct xc_index *ix, uint32_t n_slots)
{
	uint32_t n_buckets = 16;

	while (n_buckets < n_slots)
		n_buckets *= 2;
	*ix = (struct xc_index){ .n_buckets = n_buckets, .n_slots = n_slots };
	ix->head = malloc(sizeof(*ix->head) * n_buckets);
	ix->next = malloc(sizeof(*ix->next) * (n_slots ? n_slots : 1));
	if (!ix->head || !ix->next) {
		xc_index_done(ix);
		return -ENOMEM;
	}
	xc_index_reset(ix);
	return 0;
}

void xc_index_done(struct xc_index *ix)
{
	free(ix->head);
	free(ix->next);
	*ix = (struct xc_index){ 0 };
}

void xc_index_reset(struct xc_index *ix)
{
	memset(ix->head, 0xff, sizeof(*ix->head) * ix->n_buckets);
}

void xc_index_add(struct xc_index *ix, uint64_t hash, uint32_t slot)
{
	uint32_t *head = &ix->head[hash & (ix->n_buckets - 1)];

	ix->next[slot] = *head;
	*head = slot;
}

void xc_index_del(struct xc_index *ix, uint64_t hash, uint32_t slot)
{
	uint32_t *at = &ix->head[hash & (ix->n_buckets - 1)];

	while (*at != XC_INDEX_END && *at != slot)
		at = &ix->next[*at];
	if (*at == slot)
		*at = ix->next[slot];
}

/* FNV-1a with a final mix (public domain): short keys, no secrets, no attacker-chosen order matters
 * because every table that uses it is bounded and evicts. */
uint64_t xc_hash(const void *p, size_t n)
{
	const unsigned char *b = p;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}
