/* SPDX-License-Identifier: Apache-2.0 */
#include "model/record.h"

#include "abi/host.h"
#include "abi/packet.h"
#include "abi/path.h"
#include "abi/segment.h"
#include "abi/sock.h"
#include "base/scope.h"

#include <stddef.h>
#include <string.h>

static const uint32_t min_size[_XC_EVT_MAX] = {
	[XC_EVT_ENUM] = sizeof(struct xc_enum_evt),
	[XC_EVT_TICK] = sizeof(struct xc_tick_evt),
	[XC_EVT_SOCK] = sizeof(struct xc_sock_evt),
	[XC_EVT_RESET] = sizeof(struct xc_reset_evt),
	[XC_EVT_DROP] = sizeof(struct xc_drop_evt),
	[XC_EVT_ICMP] = sizeof(struct xc_icmp_evt),
	[XC_EVT_NEIGH] = sizeof(struct xc_neigh_evt),
	[XC_EVT_ROUTE] = sizeof(struct xc_route_evt),
	[XC_EVT_DENIED] = sizeof(struct xc_denied_evt),
	[XC_EVT_PROC] = sizeof(struct xc_proc_evt),
	[XC_EVT_COUNTERS] = sizeof(struct xc_counters_evt),
	[XC_EVT_RULE] = sizeof(struct xc_rule_evt),
	[XC_EVT_NOTE] = sizeof(struct xc_note_evt),
	[XC_EVT_ADDR] = sizeof(struct xc_addr_evt),
	[XC_EVT_END] = sizeof(struct xc_end_evt),
	[XC_EVT_SEGMENT] = sizeof(struct xc_segment_evt),
};

/* Every text field of every record. The strings of XC_EVT_ENUM are told apart by who reads them. */
#define TEXT(kind_, type, field)                                                                   \
	{                                                                                          \
		kind_, offsetof(struct type, field), sizeof(((struct type *)0)->field)             \
	}
static const struct {
	uint16_t kind, offset, size;
} texts[] = {
	TEXT(XC_EVT_SOCK, xc_sock_evt, owner.comm),
	TEXT(XC_EVT_SOCK, xc_sock_evt, dev),
	TEXT(XC_EVT_RESET, xc_reset_evt, owner.comm),
	TEXT(XC_EVT_DROP, xc_drop_evt, owner.comm),
	TEXT(XC_EVT_DROP, xc_drop_evt, dev),
	TEXT(XC_EVT_DROP, xc_drop_evt, out_dev),
	TEXT(XC_EVT_DROP, xc_drop_evt, sym),
	TEXT(XC_EVT_ICMP, xc_icmp_evt, dev),
	TEXT(XC_EVT_NEIGH, xc_neigh_evt, dev),
	TEXT(XC_EVT_ROUTE, xc_route_evt, owner.comm),
	TEXT(XC_EVT_DENIED, xc_denied_evt, owner.comm),
	TEXT(XC_EVT_PROC, xc_proc_evt, owner.comm),
	TEXT(XC_EVT_RULE, xc_rule_evt, engine),
	TEXT(XC_EVT_RULE, xc_rule_evt, table),
	TEXT(XC_EVT_RULE, xc_rule_evt, chain),
	TEXT(XC_EVT_RULE, xc_rule_evt, text),
	TEXT(XC_EVT_NOTE, xc_note_evt, key),
	TEXT(XC_EVT_NOTE, xc_note_evt, value),
	TEXT(XC_EVT_ADDR, xc_addr_evt, dev),
	TEXT(XC_EVT_SEGMENT, xc_segment_evt, owner.comm),
};

uint32_t xc_record_min_size(uint16_t kind)
{
	return kind < ARRAY_SIZE(min_size) ? min_size[kind] : 0;
}

static bool is_segment_sound(const struct xc_segment_evt *e)
{
	return e->n_bytes <= e->hdr.size_bytes - sizeof(*e) && e->n_bytes <= e->wire_bytes;
}

bool xc_record_is_sound(const struct xc_evt *e)
{
	if (e->kind >= ARRAY_SIZE(min_size) || e->size_bytes < min_size[e->kind])
		return true;
	if (e->kind == XC_EVT_SEGMENT && !is_segment_sound((const struct xc_segment_evt *)e))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].kind == e->kind &&
		    !memchr((const char *)e + texts[i].offset, '\0', texts[i].size))
			return false;
	return true;
}
