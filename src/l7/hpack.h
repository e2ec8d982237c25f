/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed header fields of HTTP/2 (RFC 7541), decoded also by one who joined late. The dynamic table is a window of
 * the insertions seen so far, counted from the newest as the wire does: a reference into it is exact, whatever was there
 * before and however large the table is, because an encoder refers only to what is still in it. A reference behind the
 * window is unknown. Fields are self-delimiting, so one that is unknown does not hide the next.
 */
#pragma once

#include "base/rd.h"

#define XC_HPACK_TEXT_MAX 4096	/* bytes of a name or value; the rest is cut */
#define XC_HPACK_KEPT_MAX                                                                          \
	16384 /* size (RFC 7541 4.1) of the entries that are kept; older ones become unknown */

/* One field; spans die on return. */
struct xc_hpack_field {
	struct xc_span name, value;
	bool is_known;	/* false: name and value are empty */
	bool is_cut;
	bool is_secret;	/* its sender wants it in no table (never indexed: RFC 7541 7.1.3), or hides(); value may be empty */
};

typedef void (*xc_hpack_fn)(void *arg, const struct xc_hpack_field *f);

struct xc_hpack_entry;

/* What one direction's encoder has in its table. */
struct xc_hpack {
	struct xc_hpack_entry **ring;
	uint32_t n_ring;	/* slots; a power of two */
	uint32_t newest;	/* slot */
	uint32_t n;	/* entries */
	uint32_t size;	/* of them, at least: names may be unknown */
	uint32_t max;	/* size of the encoder's table; UINT32_MAX = not known */
	bool has_past;	/* there may be entries older than ours */
	bool (*hides)(struct xc_span name); /* values of such fields are not kept; NULL = none */
};

/** An empty table as at the start of a connection. */
void xc_hpack_init(struct xc_hpack *h, bool (*hides)(struct xc_span name));

/** Something was not seen: whatever is in the table is unknown, and how large it is, too. */
void xc_hpack_lose(struct xc_hpack *h);

/**
 * A whole header block: @fn is told its fields in order. 0, or -EBADMSG: malformed from there on; what the table holds
 * is unknown then.
 */
int xc_hpack_decode(struct xc_hpack *h, struct xc_span block, xc_hpack_fn fn, void *arg);

/** Release the entries; init() makes it usable again. Zeroed memory is fine. */
void xc_hpack_done(struct xc_hpack *h);
