/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and messages of memcached, and the tables of its commands. All pure. */
#pragma once

#include "base/rd.h"

#define XC_MEMCACHED_KEY_MAX 250
#define XC_MEMCACHED_VALUE_MAX                                                                     \
	(1u << 30) /* item_size_max: 1 MiB unless configured, 1 GiB at most */
#define XC_MEMCACHED_WORDS 24	/* of a line that are looked at */
#define XC_MEMCACHED_HEADER 24	/* bytes: of a binary message */
#define XC_MEMCACHED_REQUEST_MAGIC 0x80
#define XC_MEMCACHED_RESPONSE_MAGIC 0x81
#define XC_MEMCACHED_OP_FLUSH 0x08
#define XC_MEMCACHED_OP_STAT 0x10
#define XC_MEMCACHED_OP_QUITQ 0x17
#define XC_MEMCACHED_OP_FLUSHQ 0x18

enum xc_memcached_verdict {
	XC_MEMCACHED_NO,
	XC_MEMCACHED_MAYBE,	/* with more bytes */
	XC_MEMCACHED_YES,
};

/* A command of the text protocol. */
struct xc_memcached_verb {
	char name[16];
	uint8_t key;	/* word that is the (first) key; 0 = none */
	uint8_t length;	/* word that is the length of the value behind the line; 0 = none */
	uint8_t n_words;	/* at least */
	uint8_t percent;	/* how sure a line with it is this protocol's */
	bool is_meta;
};

/* A command of the binary protocol. */
struct xc_memcached_opcode {
	char name[12];
	uint8_t extras;	/* bytes of a request */
	bool has_key, has_value, is_quiet;
};

struct xc_memcached_line {
	struct xc_span word[XC_MEMCACHED_WORDS];
	size_t n_words;
	size_t len;	/* bytes, its end included */
};

struct xc_memcached_header {
	uint8_t magic, opcode, extras;
	uint16_t key_len, status;	/* status: of a response; vbucket of a request */
	uint32_t body, opaque;
	struct xc_span key;
	size_t n;	/* bytes up to the value */
};

/** The line in front, in words; NO: it has control characters, or is too long. */
enum xc_memcached_verdict xc_memcached_line(struct xc_span in, struct xc_memcached_line *l);

/** Is @s the text @text? Case matters in this protocol. */
bool xc_memcached_is(struct xc_span s, const char *text);

/** Digits only, at most 18 of them. */
bool xc_memcached_decimal(struct xc_span s, uint64_t *ret_value);

/** The command with this name, or NULL; that without a name stands for those nobody knows. */
const struct xc_memcached_verb *xc_memcached_verb(struct xc_span word);

/** Its number, and back. */
unsigned int xc_memcached_verb_row(const struct xc_memcached_verb *v);
const struct xc_memcached_verb *xc_memcached_verb_at(unsigned int row);

/** A command whose numbers are numbers; NULL: it is none. *ret_value: bytes of the value behind the line. */
const struct xc_memcached_verb *xc_memcached_command(const struct xc_memcached_line *l,
						     uint64_t *ret_value);

/** Could it be a command that we, or the server, do not know? It is answered with "ERROR". */
bool xc_memcached_is_unknown(const struct xc_memcached_line *l);

/** The row of an opcode, or NULL. */
const struct xc_memcached_opcode *xc_memcached_opcode(uint8_t opcode);

/** The head of a message with this magic, its key included. */
enum xc_memcached_verdict xc_memcached_header(struct xc_span in, uint8_t magic,
					      struct xc_memcached_header *h);

/** Does the shape of a request fit its opcode? */
bool xc_memcached_is_shape(const struct xc_memcached_header *h);
