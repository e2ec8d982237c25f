/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flowset.h"

#include <stdlib.h>

#define FIRST_SLOTS 1024u

/* Where @hash is, or would be. */
static uint64_t *find(uint64_t *slot, size_t n_slots, uint64_t hash)
{
	size_t at = hash & (n_slots - 1);

	while (slot[at] && slot[at] != hash)
		at = (at + 1) & (n_slots - 1);
	return &slot[at];
}

/* At most half of the slots are taken, so that searches are short. */
static bool grow(struct xc_flowset *set)
{
	size_t n_slots = set->n_slots ? set->n_slots * 2 : FIRST_SLOTS;
	uint64_t *slot;

	if (set->n >= XC_FLOWSET_MAX)
		return false;
	slot = calloc(n_slots, sizeof(*slot));
	if (!slot)
		return false;
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slot[i])
			*find(slot, n_slots, set->slot[i]) = set->slot[i];
	free(set->slot);
	set->slot = slot;
	set->n_slots = n_slots;
	return true;
}

bool xc_flowset_add(struct xc_flowset *set, uint64_t hash)
{
	uint64_t *slot;

	hash += !hash;
	if (set->n * 2 >= set->n_slots && !grow(set)) {
		set->is_full = true;
		return false;
	}
	slot = find(set->slot, set->n_slots, hash);
	if (*slot)
		return false;
	*slot = hash;
	set->n++;
	return true;
}

void xc_flowset_done(struct xc_flowset *set)
{
	free(set->slot);
	*set = (struct xc_flowset){ 0 };
}
