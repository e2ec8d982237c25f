/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/hpack.h"

#include "base/scope.h"
#include "l7/huffman.h"

#include <errno.h>
#include <stdlib.h>

#define TABLE_DEFAULT 4096	/* RFC 9113 6.5.2 */
#define OVERHEAD 32	/* of an entry (RFC 7541 4.1) */
#define RING_FIRST 16
#define INTEGER_MAX (1u << 28)	/* more than any length or index can be */

struct xc_hpack_entry {
	uint32_t size;
	uint16_t n_name, n_value;
	bool is_known, is_cut, is_secret;
	uint8_t text[];	/* name, value */
};

/* RFC 7541, appendix A; index 1 comes first. */
static const struct {
	const char *name, *value;
} statics[] = {
	{ ":authority", "" },
	{ ":method", "GET" },
	{ ":method", "POST" },
	{ ":path", "/" },
	{ ":path", "/index.html" },
	{ ":scheme", "http" },
	{ ":scheme", "https" },
	{ ":status", "200" },
	{ ":status", "204" },
	{ ":status", "206" },
	{ ":status", "304" },
	{ ":status", "400" },
	{ ":status", "404" },
	{ ":status", "500" },
	{ "accept-charset", "" },
	{ "accept-encoding", "gzip, deflate" },
	{ "accept-language", "" },
	{ "accept-ranges", "" },
	{ "accept", "" },
	{ "access-control-allow-origin", "" },
	{ "age", "" },
	{ "allow", "" },
	{ "authorization", "" },
	{ "cache-control", "" },
	{ "content-disposition", "" },
	{ "content-encoding", "" },
	{ "content-language", "" },
	{ "content-length", "" },
	{ "content-location", "" },
	{ "content-range", "" },
	{ "content-type", "" },
	{ "cookie", "" },
	{ "date", "" },
	{ "etag", "" },
	{ "expect", "" },
	{ "expires", "" },
	{ "from", "" },
	{ "host", "" },
	{ "if-match", "" },
	{ "if-modified-since", "" },
	{ "if-none-match", "" },
	{ "if-range", "" },
	{ "if-unmodified-since", "" },
	{ "last-modified", "" },
	{ "link", "" },
	{ "location", "" },
	{ "max-forwards", "" },
	{ "proxy-authenticate", "" },
	{ "proxy-authorization", "" },
	{ "range", "" },
	{ "referer", "" },
	{ "refresh", "" },
	{ "retry-after", "" },
	{ "server", "" },
	{ "set-cookie", "" },
	{ "strict-transport-security", "" },
	{ "transfer-encoding", "" },
	{ "user-agent", "" },
	{ "vary", "" },
	{ "via", "" },
	{ "www-authenticate", "" },
};

/* A literal: as much of it as is kept, and how long it was. */
struct text {
	struct xc_span span;
	size_t len;
};

/* One block being decoded. */
struct block {
	struct xc_hpack *h;
	struct xc_rd rd;
	xc_hpack_fn fn;
	void *arg;
	uint8_t name[XC_HPACK_TEXT_MAX], value[XC_HPACK_TEXT_MAX];
};

/* ---- the table ----------------------------------------------------------------------------------- */

static struct xc_hpack_entry *entry_at(const struct xc_hpack *h, uint32_t age)
{
	return h->ring[(h->newest - age) & (h->n_ring - 1)];
}

static void drop_oldest(struct xc_hpack *h)
{
	struct xc_hpack_entry *e = entry_at(h, --h->n);

	h->size -= e->size;
	free(e);
}

static void drop_all(struct xc_hpack *h)
{
	while (h->n)
		drop_oldest(h);
}

void xc_hpack_init(struct xc_hpack *h, bool (*hides)(struct xc_span name))
{
	*h = (struct xc_hpack){ .max = TABLE_DEFAULT, .hides = hides };
}

void xc_hpack_lose(struct xc_hpack *h)
{
	drop_all(h);
	h->has_past = true;
	h->max = UINT32_MAX;
}

void xc_hpack_done(struct xc_hpack *h)
{
	drop_all(h);
	free(h->ring);
	h->ring = NULL;
	h->n_ring = 0;
}

/* Entries leave while there is more than @max; what is older than one of them has left before it. */
static void evict(struct xc_hpack *h, uint32_t max)
{
	while (h->n && h->size > max) {
		drop_oldest(h);
		h->has_past = false;
	}
	if (!max)
		h->has_past = false;
}

static bool make_slot(struct xc_hpack *h)
{
	uint32_t n = h->n_ring ? h->n_ring * 2 : RING_FIRST;
	struct xc_hpack_entry **ring;

	if (h->n < h->n_ring)
		return true;
	ring = calloc(n, sizeof(struct xc_hpack_entry *));
	if (!ring)
		return false;
	for (uint32_t i = 0; i < h->n; i++)
		ring[h->n - 1 - i] = entry_at(h, i);
	free(h->ring);
	h->ring = ring;
	h->n_ring = n;
	h->newest = h->n - 1;
	return true;
}

static struct xc_hpack_entry *entry_new(const struct xc_hpack_field *f, uint32_t size)
{
	size_t n_value = f->is_secret ? 0 : f->value.len;
	struct xc_hpack_entry *e = malloc(sizeof(*e) + f->name.len + n_value);

	if (!e)
		return NULL;
	*e = (struct xc_hpack_entry){ .size = size,
				      .n_name = (uint16_t)f->name.len,
				      .n_value = (uint16_t)n_value,
				      .is_known = f->is_known,
				      .is_cut = f->is_cut,
				      .is_secret = f->is_secret };
	if (f->name.len)
		memcpy(e->text, f->name.p, f->name.len);
	if (n_value)
		memcpy(e->text + f->name.len, f->value.p, n_value);
	return e;
}

/* @f becomes the newest entry, of @size. Its name may be that of an entry that leaves: copied first. */
static void insert(struct xc_hpack *h, const struct xc_hpack_field *f, uint32_t size)
{
	struct xc_hpack_entry *e;

	if (size > h->max) {	/* it is not kept, but everything makes room for it */
		evict(h, 0);
		return;
	}
	e = entry_new(f, size);
	evict(h, h->max - size);
	if (!e || !make_slot(h)) {
		free(e);
		drop_all(h);
		h->has_past = true;
		return;
	}
	h->newest = (h->newest + 1) & (h->n_ring - 1);
	h->ring[h->newest] = e;
	h->n++;
	h->size += size;
	while (h->size > XC_HPACK_KEPT_MAX) {
		drop_oldest(h);
		h->has_past = true;
	}
}

static struct xc_span text_span(const char *s)
{
	return (struct xc_span){ (const uint8_t *)s, strlen(s) };
}

/* The field with @index. False: there is no such. */
static bool look_up(const struct xc_hpack *h, uint32_t index, struct xc_hpack_field *f)
{
	const struct xc_hpack_entry *e;
	uint32_t age;

	*f = (struct xc_hpack_field){ 0 };
	if (!index)
		return false;
	if (index <= ARRAY_SIZE(statics)) {
		f->name = text_span(statics[index - 1].name);
		f->value = text_span(statics[index - 1].value);
		f->is_known = true;
		return true;
	}
	age = index - 1 - (uint32_t)ARRAY_SIZE(statics);
	if (age >= h->n)
		return h->has_past && age < h->max / OVERHEAD;
	e = entry_at(h, age);
	f->name = (struct xc_span){ e->text, e->n_name };
	f->value = (struct xc_span){ e->text + e->n_name, e->n_value };
	f->is_known = e->is_known;
	f->is_cut = e->is_cut;
	f->is_secret = e->is_secret;
	return true;
}

/* ---- the wire ------------------------------------------------------------------------------------ */

/* RFC 7541 5.1, behind the @first byte, of which @bits belong to it. False: too large, or cut. */
static bool read_integer(struct xc_rd *rd, uint8_t first, unsigned bits, uint32_t *ret_n)
{
	uint32_t mask = (1u << bits) - 1;
	uint64_t n = first & mask;
	unsigned shift = 0;
	uint8_t b = 0x80;

	if (n < mask)
		b = 0;
	for (; b & 0x80; shift += 7) {
		b = xc_rd_u8(rd);
		if (rd->is_short || shift > 28)
			return false;
		n += (uint64_t)(b & 0x7f) << shift;
	}
	*ret_n = (uint32_t)n;
	return n < INTEGER_MAX;
}

/* RFC 7541 5.2; decoded into @room when it has to be. */
static bool read_text(struct xc_rd *rd, uint8_t room[XC_HPACK_TEXT_MAX], struct text *ret_text)
{
	uint8_t first = xc_rd_u8(rd);
	struct xc_span raw;
	ssize_t len;
	uint32_t n;

	if (rd->is_short || !read_integer(rd, first, 7, &n))
		return false;
	raw = xc_rd_span(rd, n);
	if (rd->is_short)
		return false;
	if (!(first & 0x80)) {
		*ret_text = (struct text){ xc_span_first(raw, XC_HPACK_TEXT_MAX), n };
		return true;
	}
	len = xc_huffman_decode(raw, room, XC_HPACK_TEXT_MAX);
	if (len < 0)
		return false;
	*ret_text = (struct text){
		xc_span_first((struct xc_span){ room, (size_t)len }, XC_HPACK_TEXT_MAX), (size_t)len
	};
	return true;
}

/* A field written out, its name perhaps by index; @bits of @first are that. */
static bool take_literal(struct block *b, uint8_t first, unsigned bits)
{
	bool is_inserted = first & 0x40, is_never = !is_inserted && first & 0x10;
	struct xc_hpack_field f = { .is_known = true };
	struct text name, value;
	uint32_t index;

	if (!read_integer(&b->rd, first, bits, &index))
		return false;
	if (index ? !look_up(b->h, index, &f) : !read_text(&b->rd, b->name, &name))
		return false;
	if (index)
		name = (struct text){ f.name, f.name.len };
	if (!read_text(&b->rd, b->value, &value))
		return false;
	f.name = name.span;
	f.value = f.is_known ? value.span : (struct xc_span){ 0 };
	f.is_cut = name.span.len < name.len || value.span.len < value.len;
	f.is_secret = is_never || (b->h->hides && b->h->hides(f.name));
	b->fn(b->arg, &f);
	if (is_inserted)
		insert(b->h, &f, (uint32_t)(name.len + value.len + OVERHEAD));
	return true;
}

static bool take_indexed(struct block *b, uint8_t first)
{
	struct xc_hpack_field f;
	uint32_t index;

	if (!read_integer(&b->rd, first, 7, &index) || !look_up(b->h, index, &f))
		return false;
	b->fn(b->arg, &f);
	return true;
}

static bool take_size(struct block *b, uint8_t first)
{
	uint32_t max;

	if (!read_integer(&b->rd, first, 5, &max))
		return false;
	b->h->max = max;
	evict(b->h, max);
	return true;
}

static bool take_field(struct block *b, uint8_t first)
{
	if (first & 0x80)
		return take_indexed(b, first);
	return take_literal(b, first, first & 0x40 ? 6 : 4);
}

int xc_hpack_decode(struct xc_hpack *h, struct xc_span in, xc_hpack_fn fn, void *arg)
{
	bool is_sound = true, has_begun = false;
	struct block b;

	b.h = h;
	b.rd = xc_rd(in);
	b.fn = fn;
	b.arg = arg;
	while (is_sound && xc_rd_left(&b.rd)) {
		uint8_t first = xc_rd_u8(&b.rd);

		if ((first & 0xe0) ==
		    0x20) { /* changes of size come before the fields (RFC 7541 4.2) */
			is_sound = !has_begun && take_size(&b, first);
		} else {
			has_begun = true;
			is_sound = take_field(&b, first);
		}
	}
	if (is_sound && !b.rd.is_short)
		return 0;
	xc_hpack_lose(h);
	return -EBADMSG;
}
