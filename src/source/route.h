/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about routes, answered by the kernel. */
#pragma once

#include "source/scope.h"
#include "source/source.h"

/**
 * Deliver "route to ADDRESS" = error of a lookup in @ns from saddr to daddr of @t: -ENETUNREACH, -EHOSTUNREACH (an
 * unreachable route), -EACCES (prohibit) or -EINVAL (blackhole), in decimal. Nothing when there is a route.
 */
void xc_route_answer(struct xc_netns *ns, const struct xc_tuple *t,
		     const struct xc_source_env *env);
