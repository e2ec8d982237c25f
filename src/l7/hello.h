/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hellos of TLS (RFC 8446 4.1, RFC 5246 7.4.1), whatever carries them: TCP or QUIC. What both sides say of themselves in
 * clear, and the fingerprints made of it: JA3, JA3S (MD5) and JA4 (SHA-256). Pure.
 */
#pragma once

#include "model/request.h"

/* Handshake messages in clear (RFC 8446 4, RFC 5246 7.4). */
enum xc_hello_type {
	XC_HELLO_CLIENT = 1,
	XC_HELLO_SERVER = 2,
	XC_HELLO_RETRY = 6,	/* of drafts of TLS 1.3; later ones are a ServerHello */
	XC_HELLO_CERTIFICATE = 11,
	XC_HELLO_KEY_EXCHANGE = 12,
};

struct xc_hello {
	bool is_client;
	bool is_retry;		/* HelloRetryRequest (RFC 8446 4.1.4): the client shall say hello again */
	uint16_t version;	/* as in its field; the real one may be an extension */
	struct xc_span ciphers;	/* offered; of a server: the one chosen; 2 bytes each */
	struct xc_span extensions;	/* with their headers */
};

/** Read the body of a handshake message. False: it is none, or not all there. */
bool xc_hello_read(struct xc_span body, enum xc_hello_type type, struct xc_hello *ret_hello);

/** The version a server chose. */
uint16_t xc_hello_version(const struct xc_hello *h);

/** The cipher a server chose. */
uint16_t xc_hello_cipher(const struct xc_hello *h);

/** What a client says: method, target (the server's name), attributes. @transport: 't' = TCP, 'q' = QUIC (JA4). */
void xc_hello_tell_client(const struct xc_hello *h, char transport, struct xc_request *r);

/** What a server says. */
void xc_hello_tell_server(const struct xc_hello *h, struct xc_request *r);
