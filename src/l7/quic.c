/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC, as far as anybody on the path can read it: the Initial packets, whose keys follow from what the client sends first
 * (RFC 9001 5.2; version 2: RFC 9369). In them is the TLS handshake's beginning. The request is the ClientHello, its answer the
 * ServerHello; everything behind is encrypted with keys nobody else has.
 */
#include "base/scope.h"
#include "l7/hello.h"
#include "l7/l7.h"
#include "l7/tls_names.h"

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <stdio.h>

#define TIMEOUT_NS 10000000000ull	/* clients give up after about that time */
#define ID_MAX 20			/* bytes of a connection id (RFC 9000 17.2) */
#define ID_MIN 8			/* ... of the first one a client makes up (7.2) */
#define DATAGRAM_MIN 1200		/* of a client's Initial (14.1) */
#define PACKET_MAX                                                                                 \
	4096 /* larger ones are not looked at: none fits into a datagram of the Internet */
#define CRYPTO_MAX 16384		/* of the handshake's stream */
#define SALT 20
#define KEY 16
#define IV 12
#define TAG 16

/* First byte of a packet (RFC 9000 17.2) */
enum { LONG_HEADER = 0x80, FIXED_BIT = 0x40, TYPE_SHIFT = 4 };

/* Frames an Initial packet may have (RFC 9000 12.4) */
enum {
	PADDING = 0x00,
	PING = 0x01,
	ACK = 0x02,
	ACK_ECN = 0x03,
	CRYPTO = 0x06,
	CONNECTION_CLOSE = 0x1c,
};

enum { CRYPTO_ERROR = 0x100 };	/* + the alert (RFC 9000 20.1) */

struct version {
	uint32_t number;
	const char *name;
	const char *label;	/* of its keys */
	uint8_t initial, retry;	/* types of packets */
	uint8_t salt[SALT];
};

static const struct version versions[] = {
	{ 0x00000001, "1", "quic", 0, 3, { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34,
					   0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
					   0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a } },
	{ 0x6b3343cf, "2", "quicv2", 1, 0, { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6,
					     0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
					     0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 } },
	{ 0xff00001d, "draft-29", "quic", 0, 3, { 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2,
						  0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61,
						  0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99 } },
};

struct keys {
	uint8_t key[KEY], iv[IV], hp[KEY];
};

/* The stream of the handshake in one direction, from many frames in any order. */
struct crypto {
	uint8_t *bytes;
	bool *has;	/* each byte */
	size_t cap;
	size_t n_done;	/* messages that have been read */
	bool is_through;	/* nothing more is wanted */
};

struct quic {
	const struct version *version;	/* NULL = no keys yet */
	struct keys keys[2];
	struct crypto crypto[2];
	uint64_t first_ns;	/* first Initial of the client */
	uint64_t bytes[2];	/* datagrams until the hello was complete */
	bool has_new_start;	/* the server asked for another attempt: Retry, or another version */
};

/* ---- reading ------------------------------------------------------------------------------------------ */

/* RFC 9000 16 */
static uint64_t varint(struct xc_rd *rd)
{
	uint8_t first = xc_rd_u8(rd);
	uint64_t x = first & 0x3f;

	for (int i = (1 << (first >> 6)) - 1; i > 0; i--)
		x = x << 8 | xc_rd_u8(rd);
	return x;
}

static const struct version *find_version(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (versions[i].number == number)
			return &versions[i];
	return NULL;
}

struct packet {
	uint32_t number;	/* of the version; 0 = this is about versions */
	const struct version *version;	/* NULL = one we do not know */
	uint8_t type;
	struct xc_span to, from;	/* connection ids */
	struct xc_span whole;	/* header and payload */
	size_t n_header;	/* up to the packet number */
	struct xc_span rest;	/* of the datagram */
};

/* A packet with a long header. False: it is none, or cut. */
static bool read_packet(struct xc_span in, struct packet *p)
{
	struct xc_rd rd = xc_rd(in);
	uint8_t first = xc_rd_u8(&rd);
	uint64_t len;

	p->number = xc_rd_be32(&rd);
	p->version = find_version(p->number);
	p->type = first >> TYPE_SHIFT & 3;
	p->to = xc_rd_span(&rd, xc_rd_u8(&rd));
	p->from = xc_rd_span(&rd, xc_rd_u8(&rd));
	p->whole = in;
	p->n_header = 0;
	p->rest = (struct xc_span){ rd.p, xc_rd_left(&rd) };
	if (rd.is_short || !(first & LONG_HEADER) || p->to.len > ID_MAX || p->from.len > ID_MAX)
		return false;
	if (!p->version)
		return !p->number;
	if (!(first & FIXED_BIT))
		return false;
	if (p->type == p->version->retry)
		return true;
	if (p->type == p->version->initial)
		(void)xc_rd_span(&rd, varint(&rd));	/* token */
	len = varint(&rd);
	p->n_header = in.len - xc_rd_left(&rd);
	(void)xc_rd_span(&rd, len);
	p->whole = xc_span_first(in, p->n_header + len);
	p->rest = (struct xc_span){ rd.p, xc_rd_left(&rd) };
	return !rd.is_short;
}

static bool is_initial(const struct packet *p)
{
	return p->version && p->n_header && p->type == p->version->initial;
}

/* ---- keys (RFC 9001 5.2, RFC 8446 7.1) ------------------------------------------------------------------ */

static void expand(const uint8_t *secret, const char *prefix, const char *label, size_t n,
		   uint8_t *out)
{
	struct hmac_sha256_ctx hmac;
	uint8_t info[64];
	int len = snprintf((char *)info + 3, sizeof(info) - 3, "tls13 %s%s", prefix, label);

	info[0] = 0;
	info[1] = (uint8_t)n;
	info[2] = (uint8_t)len;
	info[3 + len] = 0;	/* no context */
	hmac_sha256_set_key(&hmac, SHA256_DIGEST_SIZE, secret);
	hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE,
		    (size_t)len + 4, info, n, out);
}

static void make_keys(const struct version *v, const uint8_t *initial, const char *side,
		      struct keys *k)
{
	uint8_t secret[SHA256_DIGEST_SIZE];

	expand(initial, side, " in", sizeof(secret), secret);
	expand(secret, v->label, " key", KEY, k->key);
	expand(secret, v->label, " iv", IV, k->iv);
	expand(secret, v->label, " hp", KEY, k->hp);
}

static void make_both(const struct version *v, struct xc_span id, struct keys keys[2])
{
	struct hmac_sha256_ctx hmac;
	uint8_t initial[SHA256_DIGEST_SIZE];

	hmac_sha256_set_key(&hmac, SALT, v->salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, id.len,
		     id.p, initial);
	make_keys(v, initial, "client", &keys[XC_L7_CLIENT]);
	make_keys(v, initial, "server", &keys[XC_L7_SERVER]);
}

/* ---- protection (RFC 9001 5.3, 5.4) ------------------------------------------------------------------------ */

/* What a packet's header was before it was protected. Returns its length, the packet number included. */
static size_t bare_header(const struct packet *p, const struct keys *k, uint8_t *header)
{
	const uint8_t *sample = p->whole.p + p->n_header + 4;
	uint8_t mask[AES_BLOCK_SIZE];
	struct aes128_ctx aes;
	size_t n_number;

	aes128_set_encrypt_key(&aes, k->hp);
	aes128_encrypt(&aes, sizeof(mask), mask, sample);
	memcpy(header, p->whole.p, p->n_header + 4);
	header[0] ^= mask[0] & 0x0f;
	n_number = (header[0] & 3u) + 1;
	for (size_t i = 0; i < n_number; i++)
		header[p->n_header + i] ^= mask[1 + i];
	return p->n_header + n_number;
}

/* The payload in clear, in @out; p = NULL: these are not its keys. */
static struct xc_span open_packet(const struct packet *p, const struct keys *k,
				  uint8_t out[static PACKET_MAX])
{
	uint8_t header[PACKET_MAX], nonce[IV], tag[TAG];
	struct gcm_aes128_ctx gcm;
	struct xc_span sealed;
	size_t n;

	if (p->whole.len > PACKET_MAX || p->whole.len < p->n_header + 4 + AES_BLOCK_SIZE)
		return (struct xc_span){ 0 };
	n = bare_header(p, k, header);
	sealed = xc_span_from(p->whole, n);
	if (sealed.len < TAG)
		return (struct xc_span){ 0 };
	memcpy(nonce, k->iv, IV);
	/* of the first packets the number is as short as it is sent (RFC 9000 A.3) */
	for (size_t i = 1; i <= n - p->n_header; i++)
		nonce[IV - i] ^= header[n - i];
	gcm_aes128_set_key(&gcm, k->key);
	gcm_aes128_set_iv(&gcm, IV, nonce);
	gcm_aes128_update(&gcm, n, header);
	sealed.len -= TAG;
	gcm_aes128_decrypt(&gcm, sealed.len, out, sealed.p);
	gcm_aes128_digest(&gcm, TAG, tag);
	if (memcmp(tag, sealed.p + sealed.len, TAG) != 0)
		return (struct xc_span){ 0 };
	return (struct xc_span){ out, sealed.len };
}

/* The proof is in the bytes: only a client's Initial can be opened with the keys it names. */
static struct xc_l7_guess quic_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	uint8_t clear[PACKET_MAX];
	struct keys keys[2];
	struct packet p;

	(void)hint;
	if (in.len < DATAGRAM_MIN || !read_packet(in, &p) || !is_initial(&p) || p.to.len < ID_MIN)
		return g;
	make_both(p.version, p.to, keys);
	if (open_packet(&p, &keys[XC_L7_CLIENT], clear).p)
		g.percent = 100;
	return g;
}

/* ---- the handshake's stream ---------------------------------------------------------------------------------- */

static void forget_crypto(struct crypto *c)
{
	free(c->bytes);
	free(c->has);
	*c = (struct crypto){ 0 };
}

static bool make_room(struct crypto *c, size_t n)
{
	size_t cap = c->cap ? c->cap : 2048;
	uint8_t *bytes;
	bool *has;

	while (cap < n)
		cap *= 2;
	if (cap == c->cap)
		return true;
	bytes = realloc(c->bytes, cap);
	if (bytes)
		c->bytes = bytes;
	has = realloc(c->has, cap * sizeof(*has));
	if (has)
		c->has = has;
	if (!bytes || !has)
		return false;
	memset(c->has + c->cap, 0, (cap - c->cap) * sizeof(*has));
	c->cap = cap;
	return true;
}

static void put_crypto(struct crypto *c, uint64_t offset, struct xc_span data)
{
	if (c->is_through || offset > CRYPTO_MAX || data.len > CRYPTO_MAX - offset ||
	    !make_room(c, offset + data.len))
		return;
	memcpy(c->bytes + offset, data.p, data.len);
	memset(c->has + offset, true, data.len);
}

/* The next whole message; empty: it is not all there. */
static struct xc_span next_message(struct crypto *c)
{
	size_t n = c->n_done, len;

	while (n < c->cap && c->has[n])
		n++;
	n -= c->n_done;
	if (n < 4)
		return (struct xc_span){ 0 };
	len = (size_t)c->bytes[c->n_done + 1] << 16 | (size_t)c->bytes[c->n_done + 2] << 8 |
	      c->bytes[c->n_done + 3];
	if (n < 4 + len)
		return (struct xc_span){ 0 };
	c->n_done += 4 + len;
	return (struct xc_span){ c->bytes + c->n_done - 4 - len, 4 + len };
}

static void through(struct crypto *c)
{
	forget_crypto(c);
	c->is_through = true;
}

/* ---- hellos ---------------------------------------------------------------------------------------------------- */

static void take_client_hello(struct xc_l7 *l7, struct xc_span body)
{
	struct quic *q = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	struct xc_hello h;

	if (!xc_hello_read(body, XC_HELLO_CLIENT, &h))
		return;
	if (r) {	/* another attempt */
		xc_request_unset(r, "quic.version");
		xc_request_attr_text(r, "quic.version", q->version->name);
		r->request_bytes += q->bytes[XC_L7_CLIENT];
		if (!q->has_new_start)
			r->flags |= XC_REQUEST_GAP;
		return;
	}
	r = xc_l7_open(l7);
	if (!r)
		return;
	xc_hello_tell_client(&h, 'q', r);
	xc_request_attr_text(r, "quic.version", q->version->name);
	r->request_bytes = q->bytes[XC_L7_CLIENT];
	r->request_first_ns = q->first_ns;
	r->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, 0);
	xc_l7_sent(l7, r);
}

static void set_response(struct xc_l7 *l7, struct xc_request *r)
{
	struct quic *q = l7->state;

	r->response_bytes = q->bytes[XC_L7_SERVER];
	r->response_first_ns = r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
}

/* True: it was the server's last word in clear. */
static bool take_server_hello(struct xc_l7 *l7, struct xc_span body)
{
	struct xc_request *r = xc_l7_first(l7);
	struct xc_hello h;

	if (!xc_hello_read(body, XC_HELLO_SERVER, &h))
		return false;
	if (r)
		xc_hello_tell_server(&h, r);
	if (h.is_retry)
		return false;
	if (r) {
		set_response(l7, r);
		r->result = XC_RESULT_OK;
		xc_l7_answered(l7, r);
	}
	xc_l7_stop_both(l7);
	return true;
}

static void take_messages(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	struct crypto *c = &((struct quic *)l7->state)->crypto[dir];
	struct xc_span m;

	while (!c->is_through && (m = next_message(c)).len) {
		bool is_last = true;

		if (dir == XC_L7_CLIENT && m.p[0] == XC_HELLO_CLIENT)
			take_client_hello(l7, xc_span_from(m, 4));
		else if (dir == XC_L7_SERVER && m.p[0] == XC_HELLO_SERVER)
			is_last = take_server_hello(l7, xc_span_from(m, 4));
		if (is_last)
			through(c);
	}
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

/* RFC 9000 20.1 */
static const char *error_str(uint64_t code, char word[static XC_TLS_WORD])
{
	static const char *const names[] = {
		"NO_ERROR",
		"INTERNAL_ERROR",
		"CONNECTION_REFUSED",
		"FLOW_CONTROL_ERROR",
		"STREAM_LIMIT_ERROR",
		"STREAM_STATE_ERROR",
		"FINAL_SIZE_ERROR",
		"FRAME_ENCODING_ERROR",
		"TRANSPORT_PARAMETER_ERROR",
		"CONNECTION_ID_LIMIT_ERROR",
		"PROTOCOL_VIOLATION",
		"INVALID_TOKEN",
		"APPLICATION_ERROR",
		"CRYPTO_BUFFER_EXCEEDED",
		"KEY_UPDATE_ERROR",
		"AEAD_LIMIT_REACHED",
		"NO_VIABLE_PATH",
	};

	if (code < ARRAY_SIZE(names))
		return names[code];
	if (code >> 8 == CRYPTO_ERROR >> 8)
		return xc_tls_alert_str((uint8_t)code, word);
	(void)snprintf(word, XC_TLS_WORD, "0x%llx", (unsigned long long)code);
	return word;
}

static void take_close(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t code)
{
	struct xc_request *r = xc_l7_first(l7);
	char word[XC_TLS_WORD];
	const char *name = error_str(code, word);

	xc_l7_stop_both(l7);
	if (!r)
		return;
	xc_request_status(r, (int32_t)(code & INT32_MAX),
			  (struct xc_span){ (const uint8_t *)name, strlen(name) });
	if (dir == XC_L7_SERVER)
		set_response(l7, r);
	if (!code) {	/* it does not want any more */
		xc_l7_abandoned(l7, r, 0);
		return;
	}
	if (code >> 8 == CRYPTO_ERROR >> 8)
		xc_request_attr_text(r, "tls.alert.description", name);
	r->result = dir == XC_L7_SERVER ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
	xc_l7_answered(l7, r);
}

static void pass_ack(struct xc_rd *rd, bool has_ecn)
{
	uint64_t n;

	(void)varint(rd);	/* largest, delay, number of ranges, first range */
	(void)varint(rd);
	n = varint(rd);
	(void)varint(rd);
	for (; n && !rd->is_short; n--) {
		(void)varint(rd);
		(void)varint(rd);
	}
	for (int i = 0; has_ecn && i < 3; i++)
		(void)varint(rd);
}

/* One frame. False: there is none that can be read. */
static bool take_frame(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_rd *rd)
{
	struct crypto *c = &((struct quic *)l7->state)->crypto[dir];
	struct xc_span data;
	uint64_t x;

	switch (varint(rd)) {
	case PADDING:
	case PING:
		return true;
	case ACK:
		pass_ack(rd, false);
		return true;
	case ACK_ECN:
		pass_ack(rd, true);
		return true;
	case CRYPTO:
		x = varint(rd);
		data = xc_rd_span(rd, varint(rd));
		if (data.len)
			put_crypto(c, x, data);
		return true;
	case CONNECTION_CLOSE:
		x = varint(rd);
		if (!rd->is_short)
			take_close(l7, dir, x);
		return false;
	default:
		return false;
	}
}

/* ---- packets ------------------------------------------------------------------------------------------------------ */

/* Keys change when the client begins anew with an id the server gave it (Retry), or in another version. */
static struct xc_span open_client(struct quic *q, const struct packet *p, uint64_t now_ns,
				  uint8_t clear[static PACKET_MAX])
{
	struct keys keys[2];
	struct xc_span payload = { 0 };

	if (q->version)
		payload = open_packet(p, &q->keys[XC_L7_CLIENT], clear);
	if (payload.p)
		return payload;
	make_both(p->version, p->to, keys);
	payload = open_packet(p, &keys[XC_L7_CLIENT], clear);
	if (!payload.p)
		return payload;
	q->version = p->version;
	memcpy(q->keys, keys, sizeof(keys));
	if (!q->first_ns)
		q->first_ns = now_ns;
	for (int i = 0; i < 2; i++) {
		forget_crypto(&q->crypto[i]);
		q->bytes[i] = 0;
	}
	return payload;
}

static void note_resent(struct xc_l7 *l7)
{
	struct xc_request *r = xc_l7_first(l7);

	if (!r)
		return;
	r->flags |= XC_REQUEST_RESENT;
	r->resent_ns = xc_l7_ns(l7, XC_L7_CLIENT, 0);
}

static void take_initial(struct xc_l7 *l7, enum xc_l7_dir dir, const struct packet *p,
			 size_t n_wire)
{
	struct quic *q = l7->state;
	uint8_t clear[PACKET_MAX];
	struct xc_span payload = { 0 };
	struct xc_rd rd;

	if (dir == XC_L7_CLIENT)
		payload = open_client(q, p, xc_l7_ns(l7, dir, 0), clear);
	else if (q->version)
		payload = open_packet(p, &q->keys[dir], clear);
	if (!payload.len)
		return;
	q->bytes[dir] += n_wire;
	if (dir == XC_L7_CLIENT && q->crypto[dir].is_through && payload.p[0] == CRYPTO)
		note_resent(l7);	/* it acknowledges once it has been answered */
	rd = xc_rd(payload);
	while (xc_rd_left(&rd) && take_frame(l7, dir, &rd))
		;
	take_messages(l7, dir);
}

/* "1,draft-29,0x0a1a2a3a" */
static void take_versions(struct xc_l7 *l7, struct xc_span list)
{
	struct quic *q = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	struct xc_rd rd = xc_rd(list);
	char text[256];
	size_t n = 0;

	q->has_new_start = true;
	while (r && xc_rd_left(&rd) >= 4 && n + 16 < sizeof(text)) {
		uint32_t number = xc_rd_be32(&rd);
		const struct version *v = find_version(number);
		const char *comma = n ? "," : "";

		if ((number & 0x0f0f0f0f) == 0x0a0a0a0a)
			continue;	/* reserved to be ignored (RFC 9000 15) */
		n += (size_t)(v ? snprintf(text + n, sizeof(text) - n, "%s%s", comma, v->name) :
				  snprintf(text + n, sizeof(text) - n, "%s0x%08x", comma, number));
	}
	if (n)
		xc_request_attr_text(r, "quic.server.supported_versions", text);
}

static void take_retry(struct xc_l7 *l7)
{
	struct quic *q = l7->state;
	struct xc_request *r = xc_l7_first(l7);

	q->has_new_start = true;
	if (r)
		xc_request_attr_text(r, "quic.retry", "true");
}

/* Who sends a short header has all keys: the answer was there, but not seen. */
static void take_short(struct xc_l7 *l7)
{
	xc_l7_abandon_all(l7, XC_REQUEST_GAP);
	xc_l7_stop_both(l7);
}

static struct xc_l7_step quic_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct packet p;
	size_t n_wire = in.len;

	for (struct xc_span rest = in; rest.len; rest = p.rest, n_wire = 0) {
		if (!(rest.p[0] & LONG_HEADER)) {
			if (rest.p == in.p && rest.p[0] & FIXED_BIT)
				take_short(l7);
			break;
		}
		if (!read_packet(rest, &p))
			break;
		if (!p.version) {
			if (dir == XC_L7_SERVER)
				take_versions(l7, p.rest);
			break;
		}
		if (is_initial(&p))
			take_initial(l7, dir, &p, n_wire);
		else if (p.type == p.version->retry && dir == XC_L7_SERVER)
			take_retry(l7);
		if (!p.n_header)
			break;	/* a Retry is alone in its datagram */
	}
	return xc_l7_took(in.len);
}

static void quic_done(void *state)
{
	struct quic *q = state;

	forget_crypto(&q->crypto[XC_L7_CLIENT]);
	forget_crypto(&q->crypto[XC_L7_SERVER]);
}

const struct xc_l7_proto xc_l7_quic = {
	.name = "quic",
	.ports = { 443, 853, 8443, 4433 },
	.is_datagram = true,
	.timeout_ns = TIMEOUT_NS,
	.state_bytes = sizeof(struct quic),
	.detect = quic_detect,
	.parse = quic_parse,
	.done = quic_done,
};
