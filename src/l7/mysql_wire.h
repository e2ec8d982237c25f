/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of MySQL and MariaDB, and how bytes are known to be some. */
#pragma once

#include "l7/l7.h"

#define XC_MYSQL_HEADER 4

struct xc_mysql_packet {
	uint32_t len;	/* of the payload */
	uint8_t seq;
	struct xc_span in;	/* payload, as far as it is read */
	bool is_cut;	/* ... which is less than wanted */
};

/** The packet at the front of @in, which has a header; of its payload what is in the first @head bytes. */
struct xc_mysql_packet xc_mysql_read(struct xc_span in, size_t head);

/** The first byte of the payload, which tells what it is; 0 of an empty one. */
uint8_t xc_mysql_first(const struct xc_mysql_packet *p);

/** An integer of 1, 3, 4 or 9 bytes ("length-encoded"). */
uint64_t xc_mysql_int(struct xc_rd *rd);

/** Text with such a length in front. */
struct xc_span xc_mysql_text(struct xc_rd *rd);

/** Protocol version 10 and a version of the server? */
bool xc_mysql_is_greeting(const struct xc_mysql_packet *p);

/** An error with "#" and SQLSTATE behind its number? */
bool xc_mysql_is_error(const struct xc_mysql_packet *p);

/** Of a column or parameter? */
bool xc_mysql_is_definition(const struct xc_mysql_packet *p);

/** See struct xc_l7_proto. */
struct xc_l7_guess xc_mysql_detect(struct xc_span in, const struct xc_l7_hint *hint);
ptrdiff_t xc_mysql_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in);
