/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that fail, for `why`: segments in, facts about connections out. Time is that of the records. */
#pragma once

#include "abi/segment.h"
#include "conn/conn.h"
#include "core/policy.h"

struct xc_trouble;

struct xc_trouble_cfg {
	uint32_t max_conns;
	void (*failed)(void *arg, const struct xc_failed_request *r);
	void *failed_arg;
	xc_want_fn want;	/* of a socket's next packets; may be NULL */
	void *want_arg;
};

/** 0 or -ENOMEM. */
int xc_trouble_new(const struct xc_trouble_cfg *cfg, struct xc_trouble **ret_trouble);

/** Accepts NULL. */
void xc_trouble_free(struct xc_trouble *t);

void xc_trouble_feed(struct xc_trouble *t, const struct xc_segment_evt *e);

/** Time has passed. */
void xc_trouble_tick(struct xc_trouble *t, uint64_t now_ns);

/** When time alone makes it act; UINT64_MAX = never. */
uint64_t xc_trouble_deadline(const struct xc_trouble *t);
