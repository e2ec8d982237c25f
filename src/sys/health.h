/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health of the host, window by window: /proc, /sys and the cgroups below a directory that
 * stands for /. Each window: xc_health_sample() when it ends, then any number of questions for the
 * groups and namespaces of its flows. Nothing is an error here: what a kernel does not tell is 0,
 * and the has_* and is_* of the values say so. Every counter is what happened within the window,
 * in the first one since xc_health_new(); never since boot.
 */
#pragma once

#include "model/sys.h"

#include <stdbool.h>
#include <stdint.h>

#define XC_HEALTH_NETNS_MAX 256

struct xc_health;

/** Take the first readings, of the host at @root ("/"). Ownership of *ret_health to the caller. 0, -ENOMEM, or no such directory (-errno). */
int xc_health_new(const char *root, uint64_t now_ns, struct xc_health **ret_health);

/** Accepts NULL. */
void xc_health_free(struct xc_health *h);

/** A window ends at @now_ns: fill *ret_sample with what happened since the last call. */
void xc_health_sample(struct xc_health *h, uint64_t now_ns, struct xc_sys_sample *ret_sample);

/**
 * The group that owns a socket, by its process (@tgid, 0 = not known) or by its v2 id (0 = not
 * known): CPU of the nearest group upwards with a quota, memory of the nearest with a limit.
 * False = the group is not known (any more); *ret_cgroup is all 0 then.
 */
bool xc_health_cgroup(struct xc_health *h, uint32_t tgid, uint64_t cgroup2_id,
		      struct xc_sys_cgroup *ret_cgroup);

/**
 * The listeners of the network namespace with inode @inum. @ns_fd: a descriptor of it, borrowed,
 * used when the namespace was not asked for before (-1 = the own one). Counting begins with the
 * first question, so ask once at start for those that matter; one not asked for within a minute
 * is let go, because what is kept open keeps a namespace alive.
 * False = it cannot be had; *ret_netns is all 0 then.
 */
bool xc_health_netns(struct xc_health *h, uint32_t inum, int ns_fd, struct xc_sys_netns *ret_netns);
