/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about the hosts around the connections: listeners, processes that died,
 * neighbours that do not answer, counters that moved, values that were looked up. Fixed
 * tables; the oldest entry makes room and is counted.
 */
#pragma once

#include "model/case.h"

#define XC_HOST_LISTENERS 1024
#define XC_HOST_PROCS 64
#define XC_HOST_NEIGHS 256
#define XC_HOST_COUNTERS 256
#define XC_HOST_NOTES 256
#define XC_HOST_ADDRS 512
#define XC_HOST_NEIGH_DROPS 32

struct xc_host_listener {
	struct xc_listener_fact fact;
	uint64_t cookie;
	uint16_t port_he;
	uint8_t proto;
};

struct xc_host_counters {
	struct xc_counters_evt sum;	/* deltas summed since first_ns */
	uint64_t first_ns;
	uint64_t last_ns;
};

struct xc_host {
	struct xc_host_listener listeners[XC_HOST_LISTENERS];
	struct xc_proc_evt procs[XC_HOST_PROCS];
	struct xc_neigh_evt neighs[XC_HOST_NEIGHS];
	struct xc_host_counters counters[XC_HOST_COUNTERS];
	struct xc_note_evt notes[XC_HOST_NOTES];
	struct xc_addr_evt addrs[XC_HOST_ADDRS];
	struct xc_drop_evt neigh_drops[XC_HOST_NEIGH_DROPS];
	uint32_t n_listeners, n_procs, n_neighs, n_counters, n_notes, n_addrs, n_neigh_drops;
	uint64_t n_evicted;
};

/** A socket that listens, stopped listening, or (UDP) is bound. */
void xc_host_listener(struct xc_host *h, const struct xc_sock_evt *e);

void xc_host_proc(struct xc_host *h, const struct xc_proc_evt *e);
void xc_host_neigh(struct xc_host *h, const struct xc_neigh_evt *e);

/** A message of ARP or neighbour discovery that was dropped. */
void xc_host_neigh_drop(struct xc_host *h, const struct xc_drop_evt *e);

/** Does it ask for a next hop of @c, or answer? */
bool xc_host_is_about_next_hop(const struct xc_case *c, const struct xc_drop_evt *e);

/** The next such message not older than @since_ns that is about a next hop of @c which does not answer; NULL = none. *@i: where to go on. */
const struct xc_drop_evt *xc_host_next_neigh_drop(const struct xc_host *h, const struct xc_case *c,
						  uint64_t since_ns, uint32_t *i);

void xc_host_counted(struct xc_host *h, const struct xc_counters_evt *e);
void xc_host_noted(struct xc_host *h, const struct xc_note_evt *e);

void xc_host_address(struct xc_host *h, const struct xc_addr_evt *e);

/** The namespace that has @addr; 0 = none, or more than one. */
uint32_t xc_host_netns_of(const struct xc_host *h, const uint8_t addr[16]);

/** The listener that takes connections to @addr:@port of @netns (0 = any namespace), or NULL. */
const struct xc_host_listener *xc_host_find_listener(const struct xc_host *h, uint32_t netns,
						     const uint8_t addr[16], uint16_t port_he,
						     uint8_t proto);

/** Copy what concerns @c from the host tables into it. @window_ns: how far back to look. */
void xc_host_join(const struct xc_host *h, struct xc_case *c, uint64_t window_ns);
