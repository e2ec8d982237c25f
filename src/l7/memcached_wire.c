/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/memcached_wire.h"

#include "base/scope.h"

#include <ctype.h>

#define LINE_MAX_BYTES 8192

/* The last one stands for commands nobody knows. */
static const struct xc_memcached_verb verbs[] = {
	{ "get", 1, 0, 2, 70, false },
	{ "gets", 1, 0, 2, 70, false },
	{ "gat", 2, 0, 3, 80, false },
	{ "gats", 2, 0, 3, 80, false },
	{ "set", 1, 4, 5, 90, false },
	{ "add", 1, 4, 5, 90, false },
	{ "replace", 1, 4, 5, 90, false },
	{ "append", 1, 4, 5, 90, false },
	{ "prepend", 1, 4, 5, 90, false },
	{ "cas", 1, 4, 6, 90, false },
	{ "delete", 1, 0, 2, 70, false },
	{ "incr", 1, 0, 3, 70, false },
	{ "decr", 1, 0, 3, 70, false },
	{ "touch", 1, 0, 3, 70, false },
	{ "mg", 1, 0, 2, 80, true },
	{ "ms", 1, 2, 3, 90, true },
	{ "md", 1, 0, 2, 80, true },
	{ "ma", 1, 0, 2, 80, true },
	{ "me", 1, 0, 2, 80, true },
	{ "mn", 0, 0, 1, 60, true },
	{ "stats", 0, 0, 1, 40, false },
	{ "version", 0, 0, 1, 40, false },
	{ "flush_all", 0, 0, 1, 60, false },
	{ "verbosity", 0, 0, 2, 40, false },
	{ "quit", 0, 0, 1, 0, false },
	{ "watch", 0, 0, 1, 0, false },
	{ "slabs", 0, 0, 2, 0, false },
	{ "lru", 0, 0, 2, 0, false },
	{ "lru_crawler", 0, 0, 2, 0, false },
	{ "cache_memlimit", 0, 0, 2, 0, false },
	{ "", 0, 0, 1, 0, false },
};

static const struct xc_memcached_opcode opcodes[] = {
	[0x00] = { "GET", 0, true, false, false },
	[0x01] = { "SET", 8, true, true, false },
	[0x02] = { "ADD", 8, true, true, false },
	[0x03] = { "REPLACE", 8, true, true, false },
	[0x04] = { "DELETE", 0, true, false, false },
	[0x05] = { "INCREMENT", 20, true, false, false },
	[0x06] = { "DECREMENT", 20, true, false, false },
	[0x07] = { "QUIT", 0, false, false, false },
	[0x08] = { "FLUSH", 0, false, false, false },
	[0x09] = { "GETQ", 0, true, false, true },
	[0x0a] = { "NOOP", 0, false, false, false },
	[0x0b] = { "VERSION", 0, false, false, false },
	[0x0c] = { "GETK", 0, true, false, false },
	[0x0d] = { "GETKQ", 0, true, false, true },
	[0x0e] = { "APPEND", 0, true, true, false },
	[0x0f] = { "PREPEND", 0, true, true, false },
	[0x10] = { "STAT", 0, false, false, false },
	[0x11] = { "SETQ", 8, true, true, true },
	[0x12] = { "ADDQ", 8, true, true, true },
	[0x13] = { "REPLACEQ", 8, true, true, true },
	[0x14] = { "DELETEQ", 0, true, false, true },
	[0x15] = { "INCREMENTQ", 20, true, false, true },
	[0x16] = { "DECREMENTQ", 20, true, false, true },
	[0x17] = { "QUITQ", 0, false, false, true },
	[0x18] = { "FLUSHQ", 0, false, false, true },
	[0x19] = { "APPENDQ", 0, true, true, true },
	[0x1a] = { "PREPENDQ", 0, true, true, true },
	[0x1b] = { "VERBOSITY", 4, false, false, false },
	[0x1c] = { "TOUCH", 4, true, false, false },
	[0x1d] = { "GAT", 4, true, false, false },
	[0x1e] = { "GATQ", 4, true, false, true },
	[0x20] = { "SASL_LIST", 0, false, false, false },
	[0x21] = { "SASL_AUTH", 0, true, true, false },
	[0x22] = { "SASL_STEP", 0, true, true, false },
	[0x23] = { "GATK", 4, true, false, false },
	[0x24] = { "GATKQ", 4, true, false, true },
};

/* ---- text: reading ------------------------------------------------------------------------------------- */

enum xc_memcached_verdict xc_memcached_line(struct xc_span in, struct xc_memcached_line *l)
{
	const uint8_t *end = in.len ? memchr(in.p, '\n', in.len) : NULL;
	size_t n = end ? (size_t)(end - in.p) : in.len, at = 0;

	l->n_words = 0;
	l->len = n + 1;
	if (n > LINE_MAX_BYTES)
		return XC_MEMCACHED_NO;
	if (end && n && in.p[n - 1] == '\r')
		n--;
	while (at < n && l->n_words < XC_MEMCACHED_WORDS) {
		size_t begin = at;

		while (at < n && in.p[at] != ' ') {
			if ((in.p[at] < ' ' || in.p[at] == 0x7f) &&
			    !(at + 1 == in.len && in.p[at] == '\r'))
				return XC_MEMCACHED_NO;
			at++;
		}
		if (at > begin)
			l->word[l->n_words++] = (struct xc_span){ in.p + begin, at - begin };
		at++;
	}
	return end ? XC_MEMCACHED_YES : XC_MEMCACHED_MAYBE;
}

bool xc_memcached_is(struct xc_span s, const char *text)
{
	return s.len == strlen(text) && (!s.len || !memcmp(s.p, text, s.len));
}

bool xc_memcached_decimal(struct xc_span s, uint64_t *ret_value)
{
	uint64_t x = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (!isdigit(s.p[i]) || i >= 18)
			return false;
		x = x * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret_value = x;
	return s.len;
}

const struct xc_memcached_verb *xc_memcached_verb(struct xc_span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (xc_memcached_is(word, verbs[i].name))
			return &verbs[i];
	return NULL;
}

const struct xc_memcached_verb *xc_memcached_command(const struct xc_memcached_line *l,
						     uint64_t *ret_value)
{
	const struct xc_memcached_verb *v = l->n_words ? xc_memcached_verb(l->word[0]) : NULL;
	uint64_t flags, x;

	*ret_value = 0;
	if (!v || l->n_words < v->n_words || (v->key && l->word[v->key].len > XC_MEMCACHED_KEY_MAX))
		return NULL;
	if (v->length && (!xc_memcached_decimal(l->word[v->length], ret_value) ||
			  *ret_value > XC_MEMCACHED_VALUE_MAX))
		return NULL;
	if (v->length == 4 && !xc_memcached_decimal(l->word[2], &flags))
		return NULL;
	if ((xc_memcached_is(l->word[0], "incr") || xc_memcached_is(l->word[0], "decr")) &&
	    !xc_memcached_decimal(l->word[2], &x))
		return NULL;
	return v;
}

bool xc_memcached_is_unknown(const struct xc_memcached_line *l)
{
	const struct xc_span word = l->word[0];

	for (size_t i = 0; i < word.len; i++)
		if (!islower(word.p[i]) && word.p[i] != '_')
			return false;
	return word.len < 16;
}

/* ---- binary: reading ----------------------------------------------------------------------------------- */

enum xc_memcached_verdict xc_memcached_header(struct xc_span in, uint8_t magic,
					      struct xc_memcached_header *h)
{
	struct xc_rd rd = xc_rd(in);
	uint8_t type;

	h->magic = xc_rd_u8(&rd);
	h->opcode = xc_rd_u8(&rd);
	h->key_len = xc_rd_be16(&rd);
	h->extras = xc_rd_u8(&rd);
	type = xc_rd_u8(&rd);
	h->status = xc_rd_be16(&rd);
	h->body = xc_rd_be32(&rd);
	h->opaque = xc_rd_be32(&rd);
	(void)xc_rd_be(&rd, 8);	/* cas */
	if (in.len && h->magic != magic)
		return XC_MEMCACHED_NO;
	if (rd.is_short)
		return XC_MEMCACHED_MAYBE;
	if (!xc_memcached_opcode(h->opcode) || type || h->key_len > XC_MEMCACHED_KEY_MAX ||
	    h->extras > 20 || h->body > XC_MEMCACHED_VALUE_MAX ||
	    h->body < (uint32_t)h->key_len + h->extras)
		return XC_MEMCACHED_NO;
	(void)xc_rd_span(&rd, h->extras);
	h->key = xc_rd_span(&rd, h->key_len);
	h->n = XC_MEMCACHED_HEADER + (size_t)h->extras + h->key_len;
	return rd.is_short ? XC_MEMCACHED_MAYBE : XC_MEMCACHED_YES;
}

bool xc_memcached_is_shape(const struct xc_memcached_header *h)
{
	const struct xc_memcached_opcode *o = &opcodes[h->opcode];
	bool is_flush = h->opcode == XC_MEMCACHED_OP_FLUSH || h->opcode == XC_MEMCACHED_OP_FLUSHQ;

	if (h->extras != o->extras && !(is_flush && h->extras == 4))
		return false;
	if (!h->key_len == o->has_key && h->opcode != XC_MEMCACHED_OP_STAT)
		return false;
	return o->has_value || h->body == (uint32_t)h->key_len + h->extras;
}

unsigned int xc_memcached_verb_row(const struct xc_memcached_verb *v)
{
	return (unsigned int)(v - verbs);
}

const struct xc_memcached_verb *xc_memcached_verb_at(unsigned int row)
{
	return &verbs[row < ARRAY_SIZE(verbs) ? row : ARRAY_SIZE(verbs) - 1];
}

const struct xc_memcached_opcode *xc_memcached_opcode(uint8_t opcode)
{
	return opcode < ARRAY_SIZE(opcodes) && opcodes[opcode].name[0] ? &opcodes[opcode] : NULL;
}
