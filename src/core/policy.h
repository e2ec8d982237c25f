/* SPDX-License-Identifier: Apache-2.0 */
/* What a session wants of the next bytes, as the source is told it (model/segment.h). */
#pragma once

#include "l7/table.h"
#include "model/segment.h"

typedef void (*xc_want_fn)(void *arg, const struct xc_segment_want *want);

/** Tell what is wanted of direction @dir of @c; nothing for a capture. */
void xc_policy_tell(const struct xc_l7_conn *c, enum xc_l7_dir dir, struct xc_l7_want w,
		    xc_want_fn fn, void *arg);

/** Nothing is wanted of the socket @cookie: its other end is read. */
void xc_policy_silence(uint64_t cookie, xc_want_fn fn, void *arg);
