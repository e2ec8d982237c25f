/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/hello.h"

#include "base/scope.h"
#include "l7/tls_names.h"

#include <ctype.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>

#define RANDOM 32
#define LIST_MAX 512	/* ciphers, extensions: more are no fingerprint */
#define TEXT_MAX 512	/* of a list in an attribute */
#define DRAFT_SHORT_MAX                                                                            \
	0x7f15 /* up to draft 21 of TLS 1.3 a ServerHello has no session and no compression */

#define DRAFT_RETRY_CIPHER 0x7f13	/* draft 19: a HelloRetryRequest names the cipher */

/* Extensions (IANA, TLS ExtensionType Values). */
enum {
	SERVER_NAME = 0,
	SUPPORTED_GROUPS = 10,
	POINT_FORMATS = 11,
	SIGNATURE_ALGORITHMS = 13,
	ALPN = 16,
	PRE_SHARED_KEY = 41,
	SUPPORTED_VERSIONS = 43,
	KEY_SHARE_DRAFT = 40,	/* up to draft 22 */
	KEY_SHARE = 51,
	ENCRYPTED_HELLO = 0xfe0d,
};

/* ---- reading ------------------------------------------------------------------------------------------ */

static bool is_retry(struct xc_span random)
{
	/* SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3) */
	static const uint8_t retry[RANDOM] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
		0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
		0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	return random.p && !memcmp(random.p, retry, RANDOM);
}

static void read_client(struct xc_rd *rd, struct xc_hello *h)
{
	(void)xc_rd_span(rd, RANDOM);
	(void)xc_rd_span(rd, xc_rd_u8(rd));	/* session */
	h->ciphers = xc_rd_span(rd, xc_rd_be16(rd));
	(void)xc_rd_span(rd, xc_rd_u8(rd));	/* compression */
}

static void read_server(struct xc_rd *rd, struct xc_hello *h)
{
	/* TLS 1.3 itself never says 1.3 here */
	bool is_short =
		h->version == 0x0304 || (h->version >> 8 == 0x7f && h->version <= DRAFT_SHORT_MAX);

	h->is_retry = is_retry(xc_rd_span(rd, RANDOM));
	if (!is_short)
		(void)xc_rd_span(rd, xc_rd_u8(rd));	/* session */
	h->ciphers = xc_rd_span(rd, 2);
	if (!is_short)
		(void)xc_rd_u8(rd);	/* compression */
}

static void read_retry(struct xc_rd *rd, struct xc_hello *h)
{
	h->is_retry = true;
	if (h->version >= DRAFT_RETRY_CIPHER)
		h->ciphers = xc_rd_span(rd, 2);
}

bool xc_hello_read(struct xc_span body, enum xc_hello_type type, struct xc_hello *ret_hello)
{
	struct xc_hello h = { .is_client = type == XC_HELLO_CLIENT };
	struct xc_rd rd = xc_rd(body);

	h.version = xc_rd_be16(&rd);
	if (h.version >> 8 != 3 && h.version >> 8 != 0x7f)
		return false;
	if (h.is_client)
		read_client(&rd, &h);
	else if (type == XC_HELLO_RETRY)
		read_retry(&rd, &h);
	else
		read_server(&rd, &h);
	/* before TLS 1.2 there may be none */
	if (xc_rd_left(&rd))
		h.extensions = xc_rd_span(&rd, xc_rd_be16(&rd));
	if (rd.is_short || xc_rd_left(&rd) || h.ciphers.len % 2)
		return false;
	if (!h.ciphers.len && !h.is_retry)
		return false;
	*ret_hello = h;
	return true;
}

static bool next_extension(struct xc_rd *rd, uint16_t *ret_type, struct xc_span *ret_data)
{
	if (!xc_rd_left(rd))
		return false;
	*ret_type = xc_rd_be16(rd);
	*ret_data = xc_rd_span(rd, xc_rd_be16(rd));
	return !rd->is_short;
}

/* The bytes of an extension; p = NULL: there is none. */
static struct xc_span extension(const struct xc_hello *h, uint16_t wanted)
{
	struct xc_rd rd = xc_rd(h->extensions);
	struct xc_span data;
	uint16_t type;

	while (next_extension(&rd, &type, &data))
		if (type == wanted)
			return data;
	return (struct xc_span){ 0 };
}

/* A list behind its length of @n bytes. */
static struct xc_span list_in(struct xc_span data, size_t n)
{
	struct xc_rd rd = xc_rd(data);

	return xc_rd_span(&rd, xc_rd_be(&rd, n));
}

/* Values meant to be ignored (RFC 8701). */
static bool is_grease(uint16_t x)
{
	return (x & 0x0f0f) == 0x0a0a && x >> 8 == (x & 0xff);
}

uint16_t xc_hello_version(const struct xc_hello *h)
{
	struct xc_span chosen = extension(h, SUPPORTED_VERSIONS);

	return chosen.len == 2 ? (uint16_t)(chosen.p[0] << 8 | chosen.p[1]) : h->version;
}

uint16_t xc_hello_cipher(const struct xc_hello *h)
{
	return h->ciphers.len == 2 ? (uint16_t)(h->ciphers.p[0] << 8 | h->ciphers.p[1]) : 0;
}

/* ---- numbers -------------------------------------------------------------------------------------------- */

struct numbers {
	size_t n;
	bool is_full;
	uint16_t x[LIST_MAX];
};

static void add(struct numbers *l, uint16_t x)
{
	if (is_grease(x))
		return;
	if (l->n == LIST_MAX)
		l->is_full = true;
	else
		l->x[l->n++] = x;
}

static struct numbers numbers_of(struct xc_span s)
{
	struct xc_rd rd = xc_rd(s);
	struct numbers l = { 0 };

	while (xc_rd_left(&rd) >= 2)
		add(&l, xc_rd_be16(&rd));
	return l;
}

static struct numbers extensions_of(const struct xc_hello *h)
{
	struct xc_rd rd = xc_rd(h->extensions);
	struct numbers l = { 0 };
	struct xc_span data;
	uint16_t type;

	while (next_extension(&rd, &type, &data))
		add(&l, type);
	return l;
}

static int compare(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void sort(struct numbers *l)
{
	qsort(l->x, l->n, sizeof(l->x[0]), compare);
}

static void put_hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", p[i]);
}

/* ---- JA3, JA3S: MD5 of "version,ciphers,extensions[,groups,point formats]", numbers joined by "-" -------- */

static void md5_text(struct md5_ctx *md5, const char *text)
{
	md5_update(md5, strlen(text), (const uint8_t *)text);
}

static void md5_field(struct md5_ctx *md5, const struct numbers *l)
{
	char text[8];

	md5_text(md5, ",");
	for (size_t i = 0; i < l->n; i++) {
		(void)snprintf(text, sizeof(text), "%s%u", i ? "-" : "", l->x[i]);
		md5_text(md5, text);
	}
}

static struct numbers point_formats_of(const struct xc_hello *h)
{
	struct xc_span formats = list_in(extension(h, POINT_FORMATS), 1);
	struct numbers l = { 0 };

	for (size_t i = 0; i < formats.len; i++)
		add(&l, formats.p[i]);
	return l;
}

static void put_ja3(const struct xc_hello *h, struct xc_request *r)
{
	struct numbers ciphers = numbers_of(h->ciphers), extensions = extensions_of(h);
	struct numbers groups = numbers_of(list_in(extension(h, SUPPORTED_GROUPS), 2));
	struct numbers formats = point_formats_of(h);
	uint8_t digest[MD5_DIGEST_SIZE];
	char text[2 * MD5_DIGEST_SIZE + 1];
	struct md5_ctx md5;

	if (ciphers.is_full || extensions.is_full || groups.is_full)
		return;
	md5_init(&md5);
	(void)snprintf(text, sizeof(text), "%u", h->version);
	md5_text(&md5, text);
	md5_field(&md5, &ciphers);
	md5_field(&md5, &extensions);
	if (h->is_client) {
		md5_field(&md5, &groups);
		md5_field(&md5, &formats);
	}
	md5_digest(&md5, sizeof(digest), digest);
	put_hex(digest, sizeof(digest), text);
	xc_request_attr_text(r, h->is_client ? "tls.client.ja3" : "tls.server.ja3s", text);
}

/* ---- JA4 (FoxIO, technical_details/JA4.md) ------------------------------------------------------------------ */

#define JA4_HASH 6	/* bytes that are kept of SHA-256 */

static void sha_numbers(struct sha256_ctx *sha, const struct numbers *l)
{
	char text[8];

	for (size_t i = 0; i < l->n; i++) {
		int n = snprintf(text, sizeof(text), "%s%04x", i ? "," : "", l->x[i]);

		sha256_update(sha, (size_t)n, (const uint8_t *)text);
	}
}

/* "a,b,c" or "a,b,c_d,e"; nothing at all is twelve zeros. */
static void ja4_hash(const struct numbers *a, const struct numbers *b, char out[static 13])
{
	uint8_t digest[JA4_HASH] = { 0 };
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha_numbers(&sha, a);
	if (b->n)
		sha256_update(&sha, 1, (const uint8_t *)"_");
	sha_numbers(&sha, b);
	if (a->n)
		sha256_digest(&sha, sizeof(digest), digest);
	put_hex(digest, sizeof(digest), out);
}

static const char *ja4_version(const struct xc_hello *h)
{
	struct numbers offered = numbers_of(list_in(extension(h, SUPPORTED_VERSIONS), 1));
	uint16_t version = offered.n ? 0 : h->version;

	for (size_t i = 0; i < offered.n; i++)
		version = offered.x[i] > version ? offered.x[i] : version;
	switch (version) {
	case 0x0304:
		return "13";
	case 0x0303:
		return "12";
	case 0x0302:
		return "11";
	case 0x0301:
		return "10";
	case 0x0300:
		return "s3";
	default:
		return "00";
	}
}

/* First and last character of the first protocol; of its hex form when one of them is no letter or digit. */
static void ja4_alpn(const struct xc_hello *h, char out[static 3])
{
	struct xc_span name = list_in(list_in(extension(h, ALPN), 2), 1);
	char hex[5];

	(void)snprintf(out, 3, "00");
	if (!name.len)
		return;
	put_hex(name.p, 1, hex);
	put_hex(name.p + name.len - 1, 1, hex + 2);
	out[0] = hex[0];
	out[1] = hex[3];
	if (!isalnum(name.p[0]) || !isalnum(name.p[name.len - 1]))
		return;
	out[0] = (char)name.p[0];
	out[1] = (char)name.p[name.len - 1];
}

static void put_ja4(const struct xc_hello *h, char transport, struct xc_request *r)
{
	struct numbers ciphers = numbers_of(h->ciphers), all = extensions_of(h), some = { 0 };
	struct numbers signatures = numbers_of(list_in(extension(h, SIGNATURE_ALGORITHMS), 2));
	char text[64], alpn[3], hashes[2][13];

	if (ciphers.is_full || all.is_full || signatures.is_full)
		return;
	for (size_t i = 0; i < all.n; i++)
		if (all.x[i] != SERVER_NAME && all.x[i] != ALPN)
			add(&some, all.x[i]);
	sort(&ciphers);
	sort(&some);
	ja4_hash(&ciphers, &(struct numbers){ 0 }, hashes[0]);
	ja4_hash(&some, &signatures, hashes[1]);
	ja4_alpn(h, alpn);
	(void)snprintf(text, sizeof(text), "%c%s%c%02zu%02zu%s_%s_%s", transport, ja4_version(h),
		       extension(h, SERVER_NAME).p ? 'd' : 'i', ciphers.n < 99 ? ciphers.n : 99,
		       all.n < 99 ? all.n : 99, alpn, hashes[0], hashes[1]);
	xc_request_attr_text(r, "tls.client.ja4", text);
}

/* ---- what they say --------------------------------------------------------------------------------------------- */

/* "a,b,c", whole ones only. */
static void join(char text[static TEXT_MAX], struct xc_span s)
{
	size_t n = strlen(text);

	if (n + s.len + 2 > TEXT_MAX)
		return;
	if (n)
		text[n++] = ',';
	memcpy(text + n, s.p, s.len);
	text[n + s.len] = '\0';
}

static void tell_name(const struct xc_hello *h, struct xc_request *r)
{
	struct xc_span list = list_in(extension(h, SERVER_NAME), 2);
	struct xc_span name = list_in(xc_span_from(list, 1), 2);

	/* the only type there is: a host name (RFC 6066 3) */
	if (!list.len || list.p[0] || !name.len)
		return;
	xc_request_target(r, name);
	xc_request_attr(r, "tls.client.server_name", name);
}

static void tell_versions(const struct xc_hello *h, struct xc_request *r)
{
	struct numbers offered = numbers_of(list_in(extension(h, SUPPORTED_VERSIONS), 1));
	char text[TEXT_MAX] = "", word[XC_TLS_WORD];

	if (!offered.n)
		add(&offered, h->version);
	for (size_t i = 0; i < offered.n; i++) {
		const char *version = xc_tls_version_str(offered.x[i], word);

		join(text, (struct xc_span){ (const uint8_t *)version, strlen(version) });
	}
	xc_request_attr_text(r, "tls.client.supported_versions", text);
}

static void tell_protocols(const struct xc_hello *h, struct xc_request *r)
{
	struct xc_rd rd = xc_rd(list_in(extension(h, ALPN), 2));
	char text[TEXT_MAX] = "";

	while (xc_rd_left(&rd)) {
		struct xc_span name = xc_rd_span(&rd, xc_rd_u8(&rd));

		if (name.len)
			join(text, name);
	}
	if (text[0])
		xc_request_attr_text(
			r, h->is_client ? "tls.client.next_protocols" : "tls.next_protocol", text);
}

void xc_hello_tell_client(const struct xc_hello *h, char transport, struct xc_request *r)
{
	struct xc_span ech = extension(h, ENCRYPTED_HELLO);

	xc_request_method(r, (struct xc_span){ (const uint8_t *)"ClientHello", 11 });
	tell_name(h, r);
	tell_versions(h, r);
	tell_protocols(h, r);
	/* type 0: this hello hides another one; its name is that of the front (RFC 9849 5). It may be GREASE as well */
	if (ech.len && !ech.p[0])
		xc_request_attr_text(r, "tls.client.ech", "outer");
	put_ja3(h, r);
	put_ja4(h, transport, r);
}

static void tell_group(const struct xc_hello *h, struct xc_request *r)
{
	struct xc_span share = extension(h, KEY_SHARE);
	char word[XC_TLS_WORD];

	if (!share.p && xc_hello_version(h) != 0x0304)
		share = extension(h, KEY_SHARE_DRAFT);
	if (share.len < 2)
		return;
	xc_request_attr_text(r, h->is_retry ? "tls.hello_retry_request.curve" : "tls.curve",
			     xc_tls_group_str((uint16_t)(share.p[0] << 8 | share.p[1]), word));
}

void xc_hello_tell_server(const struct xc_hello *h, struct xc_request *r)
{
	char word[XC_TLS_WORD];

	if (h->is_retry) {
		xc_request_attr_text(r, "tls.hello_retry_request", "true");
		tell_group(h, r);
		return;
	}
	xc_request_attr_text(r, "tls.protocol.version",
			     xc_tls_version_str(xc_hello_version(h), word));
	xc_request_attr_text(r, "tls.cipher", xc_tls_cipher_str(xc_hello_cipher(h), word));
	tell_group(h, r);
	tell_protocols(h, r);
	if (extension(h, PRE_SHARED_KEY).len)
		xc_request_attr_text(r, "tls.resumed", "true");
	put_ja3(h, r);
}
