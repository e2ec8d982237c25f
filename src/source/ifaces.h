/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pair of programs on interfaces of one network namespace, those that appear later too. With
 * TCX (6.6) the kernel takes the programs off when this process ends, however it ends. Before, they
 * are filters of a clsact qdisc: one of ours that a killed process left is replaced at the next
 * start (two of us on one interface would replace each other), and a qdisc that we made is taken
 * away at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XC_IFACES_MAX 4096

/* Which programs to attach; descriptors are borrowed. */
struct xc_ifaces_cfg {
	const char *name;	/* NULL or "all" */
	int netns_fd;		/* -1 = our own; borrowed */
	int in_fd, out_fd;	/* for interfaces with an Ethernet header */
	int in_l3_fd, out_l3_fd;	/* for those without */
	bool without_tcx;
	uint8_t place;		/* of the filters: those of different places do not replace each other */
};

struct xc_ifaces;

/** Attach to what is there. 0, -ENODEV (no such interface; logged with those there are) or -errno (logged). */
int xc_ifaces_open(const struct xc_ifaces_cfg *cfg, struct xc_ifaces **ret_ifaces);

/** Readable when interfaces may have come or gone: then call xc_ifaces_refresh(). */
int xc_ifaces_fd(const struct xc_ifaces *ifs);

/** Attach to new ones, forget those that are gone. */
void xc_ifaces_refresh(struct xc_ifaces *ifs);

/** How many are watched. */
uint32_t xc_ifaces_count(const struct xc_ifaces *ifs);

bool xc_ifaces_has_tcx(const struct xc_ifaces *ifs);

/** Detach. Accepts NULL. */
void xc_ifaces_close(struct xc_ifaces *ifs);
