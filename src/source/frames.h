/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a capture file. The plain format (pcap 2.4, nearly every file) is read in place, which takes half the
 * time of libpcap's copying; pcapng and everything else goes through libpcap. Either may be gzip'ed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct xc_frame {
	uint64_t ts_ns;		/* since the epoch */
	uint32_t len;		/* on the wire */
	uint32_t n;		/* captured */
	const uint8_t *data;	/* until the next call */
};

struct xc_frames;

/** "-" = stdin. 0 or -errno (logged). */
int xc_frames_open(const char *path, struct xc_frames **ret_frames);

/** Link type, as libpcap numbers it (DLT_*). */
int xc_frames_link(const struct xc_frames *f);

/** The next frame. Return: 1, 0 = the end (look at xc_frames_is_cut()), or -errno (logged). */
int xc_frames_next(struct xc_frames *f, struct xc_frame *ret_frame);

/** Did the file end within a frame, or was it damaged from there on? Then a line was logged. */
bool xc_frames_is_cut(const struct xc_frames *f);

/** Accepts NULL. */
void xc_frames_close(struct xc_frames *f);
