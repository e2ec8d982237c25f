/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespaces a live source watches, and what is kept open in each. */
#pragma once

#include "abi/host.h"
#include "base/netns.h"

#include <stdbool.h>
#include <stddef.h>

#define XC_SCOPE_MAX 256

/* One watched namespace. Everything is opened once, inside it; -1 = not to be had. */
struct xc_netns {
	uint32_t inum;
	int fd;			/* of the namespace itself */
	int netstat_fd;		/* /proc/net/netstat */
	int conntrack_fd;	/* /proc/net/stat/nf_conntrack */
	int icmp4_fd;		/* raw socket: ICMP errors that arrive */
	int icmp6_fd;
	bool is_new;		/* found since the last look */
	uint64_t counters[_XC_CTR_MAX];	/* last values read */
	uint64_t counted_ns;
	char name[64];
};

struct xc_scope {
	struct xc_netns ns[XC_SCOPE_MAX];
	size_t n;
	bool is_whole_host;	/* no --netns: namespaces are found */
	bool can_enter;		/* setns() into others works */
	uint64_t n_over;	/* namespaces beyond XC_SCOPE_MAX */
};

/**
 * Open the namespaces of @names (ip-netns names, paths, pids), or find those of this host
 * when @n_names is 0. 0 or -errno (logged, with what to do).
 */
int xc_scope_open(struct xc_scope *scope, const char *const *names, size_t n_names);

/** Find namespaces that appeared since. Number of new ones. */
int xc_scope_refresh(struct xc_scope *scope);

void xc_scope_close(struct xc_scope *scope);

/** The namespace with inode @inum, or NULL. */
struct xc_netns *xc_scope_find(struct xc_scope *scope, uint32_t inum);
