/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/bson.h"

/* Bytes of a value, from what it begins with; UINT64_MAX = it cannot be told. */
static uint64_t value_bytes(uint8_t type, struct xc_rd rd)
{
	static const uint8_t fixed[] = {
		[1] = 8, [7] = 12, [8] = 1, [9] = 8, [16] = 4, [17] = 8, [18] = 8, [19] = 16
	};

	switch (type) {
	case 2:
	case 13:
	case 14:
		return 4 + (uint64_t)xc_rd_le32(&rd);
	case 3:
	case 4:
	case 15:
		return xc_rd_le32(&rd);
	case 5:
		return 5 + (uint64_t)xc_rd_le32(&rd);
	case 12:
		return 16 + (uint64_t)xc_rd_le32(&rd);
	case 6:
	case 10:
	case 0x7f:
	case 0xff:
		return 0;
	case 11: {
		struct xc_span pattern = xc_rd_cstring(&rd), options = xc_rd_cstring(&rd);

		return rd.is_short ? UINT64_MAX : pattern.len + options.len + 2;
	}
	default:
		return type < sizeof(fixed) && fixed[type] ? fixed[type] : UINT64_MAX;
	}
}

struct xc_span xc_bson_text(const struct xc_bson *e)
{
	struct xc_rd rd = e->value;
	uint32_t n = xc_rd_le32(&rd);

	return e->type == 2 && n ? xc_rd_span(&rd, n - 1) : (struct xc_span){ 0 };
}

int64_t xc_bson_number(const struct xc_bson *e)
{
	struct xc_rd rd = e->value;
	uint64_t bits;
	double d;

	switch (e->type) {
	case 1:
		bits = xc_rd_le(&rd, 8);
		memcpy(&d, &bits, sizeof(d));
		return d > -1e9 && d < 1e9 ? (int64_t)d : 1;
	case 8:
		return xc_rd_u8(&rd);
	case 16:
		return (int32_t)xc_rd_le32(&rd);
	case 18:
		return (int64_t)xc_rd_le(&rd, 8);
	default:
		return 0;
	}
}

bool xc_bson_next(struct xc_rd *rd, struct xc_bson *e)
{
	e->type = xc_rd_u8(rd);
	if (rd->is_short || !e->type)
		return false;
	e->name = xc_rd_cstring(rd);
	e->value = *rd;
	e->n_value = rd->is_short ? UINT64_MAX : value_bytes(e->type, *rd);
	return e->n_value != UINT64_MAX;
}

int32_t xc_bson_code(struct xc_rd rd, bool is_array)
{
	struct xc_bson e;

	(void)xc_rd_le32(&rd);
	while (xc_bson_next(&rd, &e)) {
		if (is_array && e.type == 3)
			return xc_bson_code(e.value, false);
		if (xc_span_is(e.name, "code"))
			return (int32_t)xc_bson_number(&e);
		(void)xc_rd_span(&rd, (size_t)e.n_value);
	}
	return 0;
}
