/* SPDX-License-Identifier: Apache-2.0 */
/* The words and numbers of Redis: its commands, and the smallest pieces of RESP. All pure. */
#pragma once

#include "base/rd.h"

#define XC_REDIS_WORD_MAX 23	/* a command's name, with its subcommand */
#define XC_REDIS_BULK_MAX (512u << 20)	/* proto-max-bulk-len */

enum xc_redis_verdict { XC_REDIS_NO, XC_REDIS_MAYBE, XC_REDIS_YES };	/* MAYBE: with more bytes */

struct xc_redis_command {
	char name[20];
	uint8_t key;	/* argument that is the first key; 0 = none, 3 = behind a count that may be 0 */
	bool has_sub;	/* the next word is part of its name */
};

/** The command @word, whatever its case; NULL: not known. */
const struct xc_redis_command *xc_redis_command(struct xc_span word);

/** Could it be the name of a command? Letters first, and not too long. */
bool xc_redis_is_word(struct xc_span s);

/** @s in upper case, cut to what fits. */
void xc_redis_upper(struct xc_span s, char out[XC_REDIS_WORD_MAX + 1]);

/** The next word of a line, which moves behind it; empty at its end. */
struct xc_span xc_redis_next_word(struct xc_span *line);

/** "X<number>\r\n", X being any byte. *ret_len: bytes of all of it. */
enum xc_redis_verdict xc_redis_number(struct xc_span in, int64_t *ret_value, size_t *ret_len);

/** "$<length>\r\n" with a length an argument can have. *ret_head: bytes of all of it. */
enum xc_redis_verdict xc_redis_bulk(struct xc_span in, uint64_t *ret_len, size_t *ret_head);

/** An array of bulk strings only, as far as it has come, that begins with a word: *ret_word, empty when that has not come. */
enum xc_redis_verdict xc_redis_is_array(struct xc_span in, struct xc_span *ret_word);

/** A line that begins with the name of a command: "PING\r\n". Other protocols have such lines. */
bool xc_redis_is_inline(struct xc_span in);
