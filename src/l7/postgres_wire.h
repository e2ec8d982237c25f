/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of PostgreSQL, protocol 3: where they begin and end, and how bytes are known to be some. */
#pragma once

#include "l7/l7.h"

#define XC_PG_HEADER 5	/* tag and length */
#define XC_PG_STARTUP_MAX 10000	/* MAX_STARTUP_PACKET_LENGTH of the server */

#define XC_PG_CANCEL 80877102u
#define XC_PG_SSL 80877103u
#define XC_PG_GSSENC 80877104u
#define XC_PG_V3 0x00030000u
#define XC_PG_V3_LAST 0x00030002u

/* A message of one side: its tag, the smallest and largest length, how much of it is read. */
struct xc_pg_kind {
	char tag;
	uint32_t min, max;
	size_t head;
};

struct xc_pg_message {
	const struct xc_pg_kind *kind;
	uint64_t total;		/* bytes with tag and length */
	struct xc_span in;	/* what is read of it */
	struct xc_rd body;
};

/** The message at the front of @in, which has a header. False: @dir has none like it. */
bool xc_pg_read(enum xc_l7_dir dir, struct xc_span in, struct xc_pg_message *m);

/** Text up to a NUL, or as far as it was read. */
struct xc_span xc_pg_text(struct xc_rd *rd);

struct xc_pg_error {
	struct xc_span severity, sqlstate;
};

/** What an ErrorResponse says, but for its text: that may be anybody's data. */
struct xc_pg_error xc_pg_read_error(struct xc_pg_message *m);

/** Is @in a row of messages of @dir, as whoever joins late sees them? */
struct xc_l7_guess xc_pg_guess(struct xc_span in, enum xc_l7_dir dir);

/** See struct xc_l7_proto. */
struct xc_l7_guess xc_pg_detect(struct xc_span in, const struct xc_l7_hint *hint);
