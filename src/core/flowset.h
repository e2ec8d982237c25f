/* SPDX-License-Identifier: Apache-2.0 */
/* Which flows were counted already: 64-bit hashes of their keys. Grows up to a maximum. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XC_FLOWSET_MAX (1u << 20)	/* flows; 16 MiB */

struct xc_flowset {
	uint64_t *slot;		/* open addressing; 0 = free */
	size_t n, n_slots;	/* n_slots is a power of two, or 0 */
	bool is_full;		/* some could not be remembered: n is a lower bound */
};

/** True = @hash was not there before. When the set is full: false, and is_full. */
bool xc_flowset_add(struct xc_flowset *set, uint64_t hash);

void xc_flowset_done(struct xc_flowset *set);
