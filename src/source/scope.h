/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network namespaces a live source watches, and what is kept open in each. What is open
 * keeps a namespace alive, so a namespace that has neither a name nor a process any more is
 * let go at the next look: crosscut must not hold up the end of a container.
 */
#pragma once

#include "abi/host.h"
#include "base/netns.h"

#include <stdbool.h>
#include <stddef.h>

#define XC_SCOPE_MAX 256

/* One watched namespace. Everything is opened once, inside it; -1 = not to be had. */
struct xc_netns {
	uint32_t inum;		/* 0 = this slot is free */
	int fd;			/* of the namespace itself */
	int netstat_fd;		/* /proc/net/netstat */
	int conntrack_fd;	/* /proc/net/stat/nf_conntrack */
	int icmp4_fd;		/* raw socket: ICMP errors that arrive */
	int icmp6_fd;
	bool is_new;		/* found since the last look */
	bool is_gone;		/* to be let go by xc_scope_drop_gone() */
	bool is_alive;		/* found by the look that is going on */
	uint64_t counters[_XC_CTR_MAX];	/* last values read */
	uint64_t counted_ns;
	uint64_t win_probes;	/* probes of shut windows sent so far (TcpExt) */
	bool has_probed;	/* that moved; cleared by who looks for the socket */
	char name[128];	/* as it was given, or found */
};

struct xc_scope {
	struct xc_netns ns[XC_SCOPE_MAX];
	size_t n;		/* slots ever used */
	bool is_whole_host;	/* no --netns: namespaces are found */
	bool can_enter;		/* setns() into others works */
	uint64_t n_over;	/* namespaces beyond XC_SCOPE_MAX */
};

/** Open the namespace @name: a name of ip-netns, a path, a pid or "self". A descriptor to the caller, or -errno (logged). */
int xc_netns_open(const char *name);

/**
 * Open the namespaces of @names (ip-netns names, paths, pids), or find those of this host
 * when @n_names is 0. 0 or -errno (logged, with what to do).
 */
int xc_scope_open(struct xc_scope *scope, const char *const *names, size_t n_names);

/** Look for namespaces that appeared (whole host only) or ended since: sets is_new and is_gone. True = some did. */
bool xc_scope_refresh(struct xc_scope *scope);

/** Close what is open in namespaces that are gone, and free their slots. */
void xc_scope_drop_gone(struct xc_scope *scope);

void xc_scope_close(struct xc_scope *scope);

/** The namespace with inode @inum, or NULL. */
struct xc_netns *xc_scope_find(struct xc_scope *scope, uint32_t inum);
