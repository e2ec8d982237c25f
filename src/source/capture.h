/* SPDX-License-Identifier: Apache-2.0 */
/* Captures (pcap, pcapng, gzip'ed ones too) as packets: Ethernet, Linux cooked, raw, null and PPP links. */
#pragma once

#include "abi/flow_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xc_capture_stats {
	uint64_t n_frames;	/* read */
	uint64_t n_packets;	/* IP packets delivered */
	uint64_t n_other;	/* frames without IP */
	uint64_t n_cut;		/* IP packets captured too short to tell their flow, or malformed */
	bool is_truncated;	/* the file ends within a frame, or is damaged from there on; logged */
};

struct xc_capture;

/** Is it a capture, by its first bytes? Pure. @n >= 4. */
bool xc_capture_is(const uint8_t *p, size_t n);

/** "-" = stdin. 0 or -errno (logged). */
int xc_capture_open(const char *path, struct xc_capture **ret_capture);

/**
 * The next packet: facts with ts_ns (ns since the epoch) and, until the next call, its captured
 * bytes from the IP header on.
 * Return: 1, 0 = the end (look at is_truncated), or -errno (logged).
 */
int xc_capture_next(struct xc_capture *c, struct xc_flow_packet *ret_packet,
		    struct xc_flow_bytes *ret_bytes);

void xc_capture_get_stats(const struct xc_capture *c, struct xc_capture_stats *ret_stats);

/** Accepts NULL. */
void xc_capture_close(struct xc_capture *c);
