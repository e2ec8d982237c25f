/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes have just tried to connect to. A name has addresses of both families, and a
 * program tries them in turn (RFC 6724, RFC 8305): that one of them fails is no failure of
 * the program while it goes on with another.
 */
#pragma once

#include "model/case.h"

#define XC_ATTEMPTS_MAX 64u	/* the oldest make room */

struct xc_attempt {
	uint64_t ts_ns;		/* connect() was called, or failed; 0 = free */
	uint64_t cookie;	/* 0 = not known */
	struct xc_tuple tuple;	/* s* = client */
	uint32_t tgid;
	uint32_t netns;
	bool has_failed;
	bool has_no_route;	/* ... for want of a route */
};

struct xc_attempts {
	struct xc_attempt list[XC_ATTEMPTS_MAX];
	uint32_t n;		/* ever noted; the newest is the one before n */
};

/** connect() was called, after another one had failed (XC_SOCK_GOES_ON). */
void xc_attempts_goes_on(struct xc_attempts *a, const struct xc_sock_evt *e);

/** Note a case whose connect() has failed, however; others are left alone. */
void xc_attempts_failed(struct xc_attempts *a, const struct xc_case *c);

/**
 * xc_attempts_instead() - another address of the same service that the process of @c tried
 * Of the other family, and with more success: not failed (so far), or failed later than for want of a route.
 * Return: where it went; borrowed, until the next call. NULL = there was none.
 */
const struct xc_tuple *xc_attempts_instead(const struct xc_attempts *a, const struct xc_case *c);
