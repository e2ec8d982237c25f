/* SPDX-License-Identifier: Apache-2.0 */
/* Segments (model/segment.h) from what sources have: packets of a capture, records of the kernel. */
#pragma once

#include "abi/flow_packet.h"
#include "abi/segment.h"
#include "model/segment.h"

/**
 * Payload as captured, without what pads the frame. Borrows the bytes.
 * Return: false = no TCP or UDP, or a fragment (only the first has ports, and none has all bytes).
 */
bool xc_segment_of_packet(const struct xc_flow_packet *k, const struct xc_flow_bytes *b,
			  struct xc_segment *ret_segment);

/** A record of what XC_SEGMENT_PACKET or XC_SEGMENT_PLAINTEXT; borrows its data. False: it is damaged. */
bool xc_segment_of_record(const struct xc_segment_evt *e, struct xc_segment *ret_segment);
