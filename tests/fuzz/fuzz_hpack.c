/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header blocks of one direction: a byte that says at which of them somebody joins, then blocks, each behind its length
 * (2 bytes, big-endian). Who joins late reads every field as who was there from the start, or does not know it.
 */
#include "l7/hpack.h"

#include <stdlib.h>

#define FIELDS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct fields {
	size_t n;
	uint64_t hash[FIELDS_MAX];	/* of name and value; 0 = unknown */
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t mix(uint64_t hash, struct xc_span s)
{
	hash = hash * 1099511628211u + s.len;
	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ s.p[i]) * 1099511628211u;
	return hash;
}

static void on_field(void *arg, const struct xc_hpack_field *f)
{
	struct fields *fields = arg;

	check(f->name.len <= XC_HPACK_TEXT_MAX && f->value.len <= XC_HPACK_TEXT_MAX);
	check(f->is_known || (!f->name.len && !f->value.len));
	if (fields->n < FIELDS_MAX)
		fields->hash[fields->n] = f->is_known ? mix(mix(1, f->name), f->value) | 1 : 0;
	fields->n++;
}

static void check_late(const struct fields *want, const struct fields *got)
{
	check(got->n == want->n);
	for (size_t i = 0; i < got->n && i < FIELDS_MAX; i++)
		check(!got->hash[i] || !want->hash[i] || got->hash[i] == want->hash[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fields want, got;
	struct xc_rd rd = xc_rd((struct xc_span){ data, len });
	unsigned joined = xc_rd_u8(&rd) & 0x0f;
	struct xc_hpack whole, late;
	int r = 0;

	xc_hpack_init(&whole, NULL);
	xc_hpack_init(&late, NULL);
	xc_hpack_lose(&late);
	for (unsigned i = 0; xc_rd_left(&rd) && !r; i++) {
		size_t n = xc_rd_be16(&rd);
		struct xc_span block = xc_rd_span(&rd, n < xc_rd_left(&rd) ? n : xc_rd_left(&rd));

		want.n = got.n = 0;
		r = xc_hpack_decode(&whole, block, on_field, &want);
		check(whole.size <= XC_HPACK_KEPT_MAX && whole.size <= whole.max);
		if (i < joined)
			continue;
		check(!xc_hpack_decode(&late, block, on_field, &got) || r);
		if (!r)
			check_late(&want, &got);
	}
	xc_hpack_done(&whole);
	xc_hpack_done(&late);
	return 0;
}
