/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doing something inside another network namespace and coming back. A socket or /proc file
 * opened inside stays in that namespace, so most things need one short visit at start.
 */
#pragma once

#include "base/scope.h"

#include <stdint.h>

/* Where we came from; -1 = we never left. */
struct xc_netns_visit {
	int back_fd;
};

/**
 * Enter the namespace of @fd (-1 = stay). Pair with xc_netns_leave(), best through
 * _cleanup_(xc_netns_leave) on the visit.
 * Return: 0, -EPERM (needs CAP_SYS_ADMIN) or another -errno; nothing changed then.
 */
int xc_netns_enter(int fd, struct xc_netns_visit *visit);

/** Go back. Ends the process when that fails: going on in a foreign namespace would be worse. */
void xc_netns_leave(struct xc_netns_visit *visit);

/** Inode number of the namespace behind @fd, 0 = not readable. */
uint32_t xc_netns_inum(int fd);
