/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host around the flows of a live window: its health, and for each flow the cgroup and the
 * network namespace of its local socket.
 */
#pragma once

#include "flow/rows.h"

struct xc_around;

/**
 * Begin to measure.
 * @ns_fd: the network namespace that is watched, borrowed until xc_around_free(); -1 = the own one
 * Return: 0 or -errno (logged). Ownership of *ret_around to the caller.
 */
int xc_around_new(int ns_fd, struct xc_around **ret_around);

/** Accepts NULL. */
void xc_around_free(struct xc_around *a);

/** A window has ended: what the host did meanwhile. Its netns is the one that is watched. */
void xc_around_sample(struct xc_around *a, struct xc_sys_sample *ret_sys);

/** Set cgroup and netns of a flow of that window. They are valid until the next xc_around_sample(). */
void xc_around_place(struct xc_around *a, struct xc_flow_seen *seen);

/** Was there a CPU quota, of the node or of any flow so far? */
bool xc_around_has_cpu_limit(const struct xc_around *a);
