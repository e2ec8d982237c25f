/* SPDX-License-Identifier: Apache-2.0 */
/* Hellos of TLS as tests make them, field by field (RFC 8446 4.1). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct made {
	uint8_t b[8192];
	size_t n;
};

static inline void made_put(struct made *m, const void *p, size_t n)
{
	assert_true(m->n + n <= sizeof(m->b));
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

static inline void made_be(struct made *m, uint64_t x, size_t n)
{
	for (size_t i = n; i > 0; i--)
		made_put(m, &(uint8_t){ (uint8_t)(x >> 8 * (i - 1)) }, 1);
}

/** Something with its length of @n bytes before it begins here. Returns what made_end() wants. */
static inline size_t made_begin(struct made *m, size_t n)
{
	made_be(m, 0, n);
	return m->n;
}

static inline void made_end(struct made *m, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		m->b[at - n + i] = (uint8_t)((m->n - at) >> 8 * (n - 1 - i));
}

/** Numbers of 2 bytes behind their length of @n bytes; the list ends with -1. */
static inline void made_list(struct made *m, size_t n, const int *list)
{
	size_t at = made_begin(m, n);

	for (; *list >= 0; list++)
		made_be(m, (uint64_t)*list, 2);
	made_end(m, at, n);
}

/* What a client says; NULL = the extension is there, but empty. */
struct made_client {
	uint16_t version;
	const int *ciphers, *extensions;	/* in this order; -1 ends them */
	const int *groups, *versions, *signatures;
	const char *name;
	const char *const *protocols;	/* NULL ends them */
};

static inline void made_protocols(struct made *m, const char *const *protocols)
{
	size_t all = made_begin(m, 2);

	for (; protocols && *protocols; protocols++) {
		made_be(m, strlen(*protocols), 1);
		made_put(m, *protocols, strlen(*protocols));
	}
	made_end(m, all, 2);
}

static inline void made_name(struct made *m, const char *name)
{
	made_be(m, strlen(name) + 3, 2);
	made_be(m, 0, 1);
	made_be(m, strlen(name), 2);
	made_put(m, name, strlen(name));
}

static inline void made_extension(struct made *m, const struct made_client *c, int type)
{
	size_t at;

	made_be(m, (uint64_t)type, 2);
	at = made_begin(m, 2);
	if (type == 0 && c->name)
		made_name(m, c->name);
	else if (type == 10 && c->groups)
		made_list(m, 2, c->groups);
	else if (type == 11)
		made_put(m, "\1\0", 2);
	else if (type == 13 && c->signatures)
		made_list(m, 2, c->signatures);
	else if (type == 16)
		made_protocols(m, c->protocols);
	else if (type == 43 && c->versions)
		made_list(m, 1, c->versions);
	else if (type == 0xfe0d)
		made_put(m, "\0\0\1\0\1", 5);
	made_end(m, at, 2);
}

/** The handshake message, its header included. */
static inline void made_client_hello(struct made *m, const struct made_client *c)
{
	size_t message, all;

	made_be(m, 1, 1);
	message = made_begin(m, 3);
	made_be(m, c->version, 2);
	for (int i = 0; i < 32; i++)
		made_be(m, (uint64_t)i, 1);
	made_be(m, 0, 1);
	made_list(m, 2, c->ciphers);
	made_put(m, "\1\0", 2);
	all = made_begin(m, 2);
	for (const int *e = c->extensions; *e >= 0; e++)
		made_extension(m, c, *e);
	made_end(m, all, 2);
	made_end(m, message, 3);
}

/** @version: chosen; 0x0304 goes into its extension, with the key of @group. @random: NULL = any. */
static inline void made_server_hello(struct made *m, uint16_t version, uint16_t cipher,
				     uint16_t group, const void *random)
{
	static const uint8_t any[32] = "any random bytes would do here.";
	size_t message, all;

	made_be(m, 2, 1);
	message = made_begin(m, 3);
	made_be(m, version > 0x0303 ? 0x0303 : version, 2);
	made_put(m, random ? random : any, 32);
	made_be(m, 0, 1);
	made_be(m, cipher, 2);
	made_be(m, 0, 1);
	all = made_begin(m, 2);
	if (version > 0x0303) {
		made_be(m, 0x002b00020000 | version, 6);
		made_be(m, random ? 0x003300020000 | group : 0x003300040000 | group, 6);
		made_be(m, 0, random ? 0 : 2);	/* a key of no bytes */
	} else {
		made_put(m, "\0\x10\0\5\0\3\2h2", 9);
	}
	made_end(m, all, 2);
	made_end(m, message, 3);
}

/** @p as the contents of one record. */
static inline void made_record(struct made *m, uint8_t type, const void *p, size_t n)
{
	made_be(m, type, 1);
	made_be(m, 0x0303, 2);
	made_be(m, n, 2);
	made_put(m, p, n);
}

/** SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3). */
static const uint8_t made_retry[32] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};
