/* SPDX-License-Identifier: Apache-2.0 */
/* Types and their encoding: Kafka protocol guide, "Protocol Primitive Types"; KIP-482 (flexible versions). */
#include "l7/kafka_schema.h"

#include "base/scope.h"

#define STEPS_MAX 8192	/* fields of one message; then it is not looked through any further */
#define NAME_MAX_BYTES 1024	/* of what has a role: topics have at most 249 */

enum type {
	T_END,
	T_FIXED,	/* arg bytes */
	T_STRING,
	T_BYTES,
	T_STRUCT,	/* arg: its first field */
	T_MAYBE_STRUCT,	/* behind a byte that is negative when it is missing */
	T_ARRAY_OF_FIXED,
	T_ARRAY_OF_STRING,
	T_ARRAY_OF_BYTES,
	T_ARRAY_OF_STRUCT,
};

struct field {
	uint8_t type, role;
	uint8_t first, last;	/* versions */
	uint16_t arg;
};

#define F(type, role, first, last, arg)                                                            \
	{                                                                                          \
		T_##type, XC_KAFKA_##role, first, last, arg                                        \
	}
#define END                                                                                        \
	{                                                                                          \
		.type = T_END                                                                      \
	}
#include "l7/kafka_table.inc"
#undef F
#undef END

const struct xc_kafka_api *xc_kafka_api(int16_t key)
{
	if (key < 0 || (size_t)key >= ARRAY_SIZE(apis) || !apis[key].name)
		return NULL;
	return &apis[key];
}

const char *xc_kafka_error(int16_t code, bool *ret_is_server)
{
	const char *name = NULL;

	if (code == -1)
		name = "!UNKNOWN_SERVER_ERROR";
	else if (code >= 0 && (size_t)code < ARRAY_SIZE(errors))
		name = errors[code];
	*ret_is_server = !name || *name == '!';
	return name && *name == '!' ? name + 1 : name;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void took(struct xc_kafka_bytes *b, size_t n)
{
	b->in = xc_span_from(b->in, n);
	b->left -= n;
}

/* Not all of a field is there. */
static enum xc_kafka_found short_of(const struct xc_kafka_bytes *b)
{
	return b->in.len >= b->left ? XC_KAFKA_BAD : XC_KAFKA_MORE;
}

static uint32_t read_uvarint(struct xc_rd *rd)
{
	uint64_t x = 0;

	for (unsigned int shift = 0; shift < 35; shift += 7) {
		uint8_t c = xc_rd_u8(rd);

		x |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return x <= UINT32_MAX ? (uint32_t)x : UINT32_MAX;
	}
	return UINT32_MAX;
}

/* A length or count; -1 = null, < -1 = none that is allowed. @width: of the old encoding. */
static int64_t read_count(const struct xc_kafka_walk *w, struct xc_rd *rd, size_t width)
{
	if (w->is_flexible)
		return (int64_t)read_uvarint(rd) - 1;
	if (width == 2)
		return (int16_t)xc_rd_be16(rd);
	return (int32_t)xc_rd_be32(rd);
}

/* Pass over @n bytes, whether they are there or not. FIELD = done. */
static enum xc_kafka_found pass(struct xc_kafka_bytes *b, uint64_t n)
{
	if (n > b->left)
		return XC_KAFKA_BAD;
	if (n <= b->in.len) {
		took(b, (size_t)n);
		return XC_KAFKA_FIELD;
	}
	b->skip = n - b->in.len;
	took(b, b->in.len);
	b->left -= b->skip;
	return XC_KAFKA_SKIP;
}

/* ---- fields: FIELD = done with it --------------------------------------------------------------------- */

static enum xc_kafka_found take_fixed(struct xc_kafka_bytes *b, const struct field *f,
				      struct xc_kafka_item *item)
{
	if (f->role == XC_KAFKA_NONE)
		return pass(b, f->arg);
	if (b->in.len < f->arg || b->left < f->arg)
		return short_of(b);
	*item = (struct xc_kafka_item){ f->role, xc_span_first(b->in, f->arg) };
	took(b, f->arg);
	return XC_KAFKA_FIELD;
}

static enum xc_kafka_found take_text(const struct xc_kafka_walk *w, struct xc_kafka_bytes *b,
				     const struct field *f, struct xc_kafka_item *item)
{
	bool is_text = f->type == T_STRING || f->type == T_ARRAY_OF_STRING;
	struct xc_rd rd = xc_rd(xc_span_first(b->in, (size_t)b->left));
	int64_t n = read_count(w, &rd, is_text ? 2 : 4);
	size_t head = (size_t)(rd.p - b->in.p);

	if (rd.is_short)
		return short_of(b);
	if (n < -1 || (n > 0 && (uint64_t)n > b->left - head))
		return XC_KAFKA_BAD;
	if (f->role && n > 0 && n <= NAME_MAX_BYTES) {
		struct xc_span value = xc_rd_span(&rd, (size_t)n);

		if (rd.is_short)
			return XC_KAFKA_MORE;
		*item = (struct xc_kafka_item){ f->role, value };
	}
	return pass(b, head + (n > 0 ? (uint64_t)n : 0));
}

static enum xc_kafka_found push(struct xc_kafka_walk *w, struct xc_kafka_level level)
{
	if (w->depth == XC_KAFKA_DEPTH)
		return XC_KAFKA_BAD;
	w->level[w->depth++] = level;
	return XC_KAFKA_FIELD;
}

static enum xc_kafka_found take_array(struct xc_kafka_walk *w, struct xc_kafka_bytes *b,
				      const struct field *f)
{
	struct xc_kafka_level level = { .first = f->arg, .at = f->arg };
	struct xc_rd rd = xc_rd(xc_span_first(b->in, (size_t)b->left));
	int64_t n = read_count(w, &rd, 4);

	if (rd.is_short)
		return short_of(b);
	if (n < -1 || (n > 0 && (uint64_t)n > b->left))
		return XC_KAFKA_BAD;	/* no element is smaller than a byte */
	took(b, (size_t)(rd.p - b->in.p));
	if (n <= 0)
		return XC_KAFKA_FIELD;
	if (f->type == T_ARRAY_OF_FIXED)
		return pass(b, (uint64_t)n * f->arg);
	level.n_left = (uint32_t)n;
	level.is_list = f->type != T_ARRAY_OF_STRUCT;
	if (level.is_list)
		level.at = (uint16_t)(f - fields);
	return push(w, level);
}

static enum xc_kafka_found take_struct(struct xc_kafka_walk *w, struct xc_kafka_bytes *b,
				       const struct field *f)
{
	if (f->type == T_MAYBE_STRUCT) {
		bool is_null;

		if (!b->in.len || !b->left)
			return short_of(b);
		is_null = b->in.p[0] & 0x80;
		took(b, 1);
		if (is_null)
			return XC_KAFKA_FIELD;
	}
	return push(w, (struct xc_kafka_level){ .first = f->arg, .at = f->arg, .n_left = 1 });
}

static enum xc_kafka_found take_field(struct xc_kafka_walk *w, struct xc_kafka_bytes *b,
				      const struct field *f, struct xc_kafka_item *item)
{
	switch ((enum type)f->type) {
	case T_FIXED:
		return take_fixed(b, f, item);
	case T_STRING:
	case T_BYTES:
		return take_text(w, b, f, item);
	case T_STRUCT:
	case T_MAYBE_STRUCT:
		return take_struct(w, b, f);
	default:
		return take_array(w, b, f);
	}
}

/* Tagged fields, behind the others of a structure: nobody looks at them. */
static enum xc_kafka_found take_tags(struct xc_kafka_level *l, struct xc_kafka_bytes *b)
{
	struct xc_rd rd = xc_rd(xc_span_first(b->in, (size_t)b->left));
	uint32_t n;

	if (!l->is_in_tags) {
		n = read_uvarint(&rd);
		if (rd.is_short)
			return short_of(b);
		if (n > b->left)
			return XC_KAFKA_BAD;
		l->n_tags = n;
		l->is_in_tags = true;
		return pass(b, (uint64_t)(rd.p - b->in.p));
	}
	(void)read_uvarint(&rd);
	n = read_uvarint(&rd);
	if (rd.is_short)
		return short_of(b);
	l->n_tags--;
	return pass(b, (uint64_t)(rd.p - b->in.p) + n);
}

/* An element is complete. */
static void next_element(struct xc_kafka_walk *w, struct xc_kafka_level *l)
{
	l->is_in_tags = false;
	if (--l->n_left)
		l->at = l->first;
	else
		w->depth--;
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

static enum xc_kafka_found step(struct xc_kafka_walk *w, struct xc_kafka_bytes *b,
				struct xc_kafka_item *item)
{
	struct xc_kafka_level *l = &w->level[w->depth - 1];
	const struct field *f = &fields[l->at];
	enum xc_kafka_found found;

	if (l->is_list) {
		found = take_text(w, b, f, item);
		if ((found == XC_KAFKA_FIELD || found == XC_KAFKA_SKIP) && !--l->n_left)
			w->depth--;
		return found;
	}
	if (f->type == T_END) {
		if (w->depth == 1 && w->is_response)
			w->depth = 0;
		else if (w->is_flexible && (!l->is_in_tags || l->n_tags))
			return take_tags(l, b);
		else
			next_element(w, l);
		return XC_KAFKA_FIELD;
	}
	found = w->version < f->first || w->version > f->last ? XC_KAFKA_FIELD :
								take_field(w, b, f, item);
	if (found == XC_KAFKA_FIELD || found == XC_KAFKA_SKIP)
		l->at++;
	return found;
}

void xc_kafka_walk(struct xc_kafka_walk *w, const struct xc_kafka_api *api, uint8_t version,
		   bool is_response)
{
	uint16_t first = is_response ? api->response : api->request;

	*w = (struct xc_kafka_walk){ .version = version,
				     .is_flexible = xc_kafka_is_flexible(api, version),
				     .is_response = is_response,
				     .depth = 1 };
	w->level[0] = (struct xc_kafka_level){ .first = first, .at = first, .n_left = 1 };
}

enum xc_kafka_found xc_kafka_next(struct xc_kafka_walk *w, struct xc_kafka_bytes *b,
				  struct xc_kafka_item *ret_item)
{
	*ret_item = (struct xc_kafka_item){ 0 };
	while (w->depth) {
		enum xc_kafka_found found;

		if (++w->n_steps > STEPS_MAX)
			return XC_KAFKA_LONG;
		found = step(w, b, ret_item);
		if (found != XC_KAFKA_FIELD || ret_item->role)
			return found;
	}
	return XC_KAFKA_DONE;
}
