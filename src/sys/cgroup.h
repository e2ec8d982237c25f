/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU quotas and memory limits, of cgroup v1, v2, or a bit of both (each controller is in one
 * hierarchy only). The groups of the CPU hierarchy are kept in a table with the counters last
 * read, so that what is told is what happened within a window, whoever asks first and how often.
 */
#pragma once

#include "base/index.h"
#include "model/sys.h"

#include <stddef.h>

#define XC_CGROUPS_MAX 2048	/* groups kept; those beyond count for their nearest kept ancestor */
#define XC_CGROUP_DEPTH 16
#define XC_CGROUP_PATH 1024	/* a group with a longer path is not known */
#define XC_CGROUP_OWNERS 512	/* processes whose group is remembered */

/* Where one controller is. */
struct xc_cgroup_mount {
	int fd;			/* -1 = nowhere */
	bool is_v2;
	char *root;		/* path of the mounted group within the hierarchy, "" = its root; owned */
};

/* Counters of cpu.stat. */
enum { XC_CPU_PERIODS, XC_CPU_THROTTLED, XC_CPU_THROTTLED_NS, _XC_CPU_MAX };

struct xc_cgroup {
	char *path;		/* below the mount: "" or "/a/b"; owned; NULL = this slot is free */
	uint64_t id;		/* inode of the directory: the id of a v2 group */
	uint32_t parent;	/* slot; XC_INDEX_END = none */
	uint32_t walk_no;	/* found by this walk last */
	uint64_t window_no;	/* gain is of this window */
	bool has_quota;
	bool is_leaf;		/* no group below, which its count of links tells */
	uint64_t v[_XC_CPU_MAX], gain[_XC_CPU_MAX];
};

/* A process, or (v2) a group by its id, and what was found for it in a window. */
struct xc_cgroup_owner {
	uint64_t key;		/* 0 = empty */
	uint64_t window_no;
	bool is_known;
	char *cpu, *memory;	/* paths below the mounts; owned; NULL = not in it */
	struct xc_sys_cgroup what;
};

struct xc_cgroups {
	int root_fd;		/* borrowed */
	struct xc_cgroup_mount cpu, memory;
	struct xc_cgroup *group;	/* XC_CGROUPS_MAX */
	struct xc_index index;	/* by path */
	uint32_t n;		/* slots ever used */
	uint32_t walk_no;
	uint64_t walked_ns, window_no;
	uint32_t n_walked;	/* directories met by the walk that is going on */
	bool is_cut;		/* there were more groups than are kept */
	struct xc_cgroup_owner owner[XC_CGROUP_OWNERS];
};

/** Take the first readings. 0 or -ENOMEM. @root_fd: directory that stands for /. */
int xc_cgroups_init(struct xc_cgroups *c, int root_fd, uint64_t now_ns);

void xc_cgroups_done(struct xc_cgroups *c);

/** A window ends: read all groups with a quota; @ret_node: sum of the topmost. False = there were more than are kept. */
bool xc_cgroups_sample(struct xc_cgroups *c, uint64_t now_ns, struct xc_sys_cgroup *ret_node);

/** What xc_health_cgroup() promises. */
bool xc_cgroups_of(struct xc_cgroups *c, uint32_t tgid, uint64_t cgroup2_id,
		   struct xc_sys_cgroup *ret_cgroup);
