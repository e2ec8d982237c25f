/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that tell their length: how much of one a parser waits for, and how it gets past the rest. */
#pragma once

#include "l7/l7.h"

/** Are the first @head bytes of a message of @total bytes there, or all of it, or as much as there will ever be? */
static inline bool xc_frame_is_here(const struct xc_l7 *l7, struct xc_span in, uint64_t total,
				    size_t head)
{
	return in.len >= (total < head ? total : head) || l7->is_cut;
}

/** Past a message of @total bytes, however many of them are there. */
static inline struct xc_l7_step xc_frame_pass(struct xc_span in, uint64_t total)
{
	size_t n = in.len < total ? in.len : (size_t)total;

	return xc_l7_skip(n, total - n);
}

/** The part of a message of @total bytes that is there. */
static inline struct xc_span xc_frame_span(struct xc_span in, uint64_t total)
{
	return xc_span_first(in, total < in.len ? (size_t)total : in.len);
}
