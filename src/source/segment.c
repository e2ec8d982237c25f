/* SPDX-License-Identifier: Apache-2.0 */
#include "source/segment.h"

#include <string.h>

bool xc_segment_of_packet(const struct xc_flow_packet *k, const struct xc_flow_bytes *b,
			  struct xc_segment *ret_segment)
{
	struct xc_segment s = { .ts_ns = k->ts_ns,
				.seq = k->seq,
				.ack = k->ack,
				.tcp_flags = k->tcp_flags,
				.wire_bytes = k->payload_bytes };

	if (k->ends.proto != XC_IP_TCP && k->ends.proto != XC_IP_UDP)
		return false;
	if (k->flags & (XC_PACKET_FRAGMENT | XC_PACKET_FIRST_FRAGMENT))
		return false;
	s.tuple.sport_he = k->ends.port_he[0];
	s.tuple.dport_he = k->ends.port_he[1];
	s.tuple.proto = k->ends.proto;
	memcpy(s.tuple.saddr, k->ends.addr[0], sizeof(s.tuple.saddr));
	memcpy(s.tuple.daddr, k->ends.addr[1], sizeof(s.tuple.daddr));
	if (b->n > k->header_bytes) {
		s.data = b->data + k->header_bytes;
		s.n_bytes = b->n - k->header_bytes;
		if (s.n_bytes > s.wire_bytes)
			s.n_bytes = s.wire_bytes;
	}
	*ret_segment = s;
	return true;
}

bool xc_segment_of_record(const struct xc_segment_evt *e, struct xc_segment *ret_segment)
{
	if (e->hdr.size_bytes < sizeof(*e) || e->hdr.size_bytes - sizeof(*e) < e->n_bytes ||
	    e->n_bytes > e->wire_bytes)
		return false;
	*ret_segment = (struct xc_segment){ .ts_ns = e->hdr.ts_ns,
					    .cookie = e->cookie,
					    .netns = e->netns,
					    .tuple = e->tuple,
					    .seq = e->seq,
					    .ack = e->ack,
					    .wire_bytes = e->wire_bytes,
					    .n_bytes = e->n_bytes,
					    .data = e->data,
					    .tcp_flags = e->tcp_flags,
					    .is_outbound = e->is_outbound,
					    .is_silent = e->is_silent,
					    .has_lost = e->lost != 0 };
	return true;
}
