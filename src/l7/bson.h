/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of a BSON document (bsonspec.org), one after the other. */
#pragma once

#include "base/rd.h"

struct xc_bson {
	uint8_t type;
	struct xc_span name;
	uint64_t n_value;	/* bytes of its value */
	struct xc_rd value;	/* ... as far as it is there */
};

/** The next element; @rd stays in front of its value. False: it is cut, there is none, or it cannot be read. */
bool xc_bson_next(struct xc_rd *rd, struct xc_bson *e);

/** Text; empty where the value is none, or is cut. */
struct xc_span xc_bson_text(const struct xc_bson *e);

/** A number, or a truth, as an integer; what is behind the point of a double is lost. */
int64_t xc_bson_number(const struct xc_bson *e);

/** "code" among the elements of the document at @rd, or of the first document in an array; 0 = none. */
int32_t xc_bson_code(struct xc_rd rd, bool is_array);
