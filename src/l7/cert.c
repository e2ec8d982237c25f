/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/cert.h"

#include <ctype.h>
#include <stdio.h>

#define NAMES_TEXT 512

/* DER tags (X.690 8.1.2) */
enum {
	OCTETS = 0x04,
	OID = 0x06,
	UTC_TIME = 0x17,
	GENERALIZED_TIME = 0x18,
	SEQUENCE = 0x30,
	SET = 0x31,
	VERSION = 0xa0,
	EXTENSIONS = 0xa3,
	DNS_NAME = 0x82,	/* of a GeneralName */
};

static bool next_header(struct xc_rd *rd, uint8_t *ret_tag, size_t *ret_len)
{
	*ret_tag = xc_rd_u8(rd);
	*ret_len = xc_rd_u8(rd);
	if (*ret_len > 0x83 || *ret_len == 0x80)
		return false;	/* longer than any message, or of no definite length */
	if (*ret_len > 0x80)
		*ret_len = xc_rd_be(rd, *ret_len & 0x7f);
	return !rd->is_short;
}

static bool next(struct xc_rd *rd, uint8_t *ret_tag, struct xc_span *ret_value)
{
	size_t len;

	if (!next_header(rd, ret_tag, &len))
		return false;
	*ret_value = xc_rd_span(rd, len);
	return !rd->is_short;
}

/* The next element, which must have this tag. */
static bool expect(struct xc_rd *rd, uint8_t tag, struct xc_span *ret_value)
{
	uint8_t got;

	return next(rd, &got, ret_value) && got == tag;
}

/* Into a sequence, as far as it is there. */
static bool enter(struct xc_rd *rd, bool *is_cut)
{
	uint8_t tag;
	size_t len;

	if (!next_header(rd, &tag, &len) || tag != SEQUENCE)
		return false;
	*is_cut |= len > xc_rd_left(rd);
	*rd = xc_rd(xc_span_first((struct xc_span){ rd->p, xc_rd_left(rd) }, len));
	return true;
}

/* ---- whom it names ------------------------------------------------------------------------------------ */

/* The last common name of a distinguished name. */
static struct xc_span common_name(struct xc_span name)
{
	static const uint8_t cn[] = { 0x55, 4, 3 };	/* 2.5.4.3 */
	struct xc_span found = { 0 }, set, pair, oid, value;
	struct xc_rd sets = xc_rd(name);
	uint8_t tag;

	while (xc_rd_left(&sets) && expect(&sets, SET, &set)) {
		struct xc_rd rd = xc_rd(set), one;

		if (!expect(&rd, SEQUENCE, &pair))
			continue;
		one = xc_rd(pair);
		if (expect(&one, OID, &oid) && next(&one, &tag, &value) && oid.len == sizeof(cn) &&
		    !memcmp(oid.p, cn, sizeof(cn)))
			found = value;
	}
	return found;
}

static bool equal(struct xc_span a, struct xc_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (tolower(a.p[i]) != tolower(b.p[i]))
			return false;
	return true;
}

/* A "*" stands for one whole label, the first (RFC 9525 6.3). */
static bool matches(struct xc_span pattern, struct xc_span name)
{
	const uint8_t *dot = name.len ? memchr(name.p, '.', name.len) : NULL;

	if (!xc_span_starts(pattern, "*."))
		return equal(pattern, name);
	return dot && dot > name.p &&
	       equal(xc_span_from(pattern, 1), xc_span_from(name, (size_t)(dot - name.p)));
}

struct names {
	char text[NAMES_TEXT];
	size_t n;
	bool has_any, has_match;
};

static void add_name(struct names *names, struct xc_span name, struct xc_span wanted)
{
	names->has_any = true;
	names->has_match |= matches(name, wanted);
	if (names->n + name.len + 2 > sizeof(names->text))
		return;
	if (names->n)
		names->text[names->n++] = ',';
	memcpy(names->text + names->n, name.p, name.len);
	names->n += name.len;
}

/* subjectAltName (RFC 5280 4.2.1.6). False: malformed. */
static bool read_names(struct xc_span data, struct xc_span wanted, struct names *names)
{
	struct xc_rd rd = xc_rd(data);
	struct xc_span list, name;
	uint8_t tag;

	if (!expect(&rd, SEQUENCE, &list))
		return false;
	rd = xc_rd(list);
	while (xc_rd_left(&rd)) {
		if (!next(&rd, &tag, &name))
			return false;
		if (tag == DNS_NAME && name.len)
			add_name(names, name, wanted);
	}
	return true;
}

static bool read_extension(struct xc_span one, struct xc_span wanted, struct names *names)
{
	static const uint8_t alt_name[] = { 0x55, 0x1d, 17 };	/* 2.5.29.17 */
	struct xc_rd rd = xc_rd(one);
	struct xc_span oid, value;
	uint8_t tag;

	if (!expect(&rd, OID, &oid))
		return false;
	if (oid.len != sizeof(alt_name) || memcmp(oid.p, alt_name, sizeof(alt_name)))
		return true;
	do {
		if (!next(&rd, &tag, &value))
			return false;
	} while (tag != OCTETS);	/* it may be marked critical */
	return read_names(value, wanted, names);
}

/* False: they are not all there. */
static bool read_extensions(struct xc_rd *rd, struct xc_span wanted, struct names *names)
{
	struct xc_span all, one;
	struct xc_rd list;
	uint8_t tag;

	do {
		if (!xc_rd_left(rd))
			return true;	/* none */
		if (!next(rd, &tag, &all))
			return false;
	} while (tag != EXTENSIONS);
	list = xc_rd(all);
	if (!expect(&list, SEQUENCE, &all))
		return false;
	list = xc_rd(all);
	while (xc_rd_left(&list))
		if (!expect(&list, SEQUENCE, &one) || !read_extension(one, wanted, names))
			return false;
	return true;
}

/* ---- until when ------------------------------------------------------------------------------------------ */

/* "2049-12-31T23:59:59Z" (RFC 5280 4.1.2.5). */
static void tell_end(struct xc_span validity, struct xc_request *r)
{
	struct xc_rd rd = xc_rd(validity);
	char text[24], century[3] = "20";
	struct xc_span from, to;
	uint8_t tag;

	if (!next(&rd, &tag, &from) || !next(&rd, &tag, &to))
		return;
	if (to.len != (tag == UTC_TIME ? 13 : 15) || (tag != UTC_TIME && tag != GENERALIZED_TIME))
		return;
	for (size_t i = 0; i + 1 < to.len; i++)
		if (!isdigit(to.p[i]))
			return;
	if (tag == GENERALIZED_TIME)
		memcpy(century, to.p, 2);
	else if (to.p[0] >= '5')
		memcpy(century, "19", 2);
	to = xc_span_from(to, tag == GENERALIZED_TIME ? 2 : 0);
	(void)snprintf(text, sizeof(text), "%s%.2s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century,
		       (const char *)to.p, (const char *)to.p + 2, (const char *)to.p + 4,
		       (const char *)to.p + 6, (const char *)to.p + 8, (const char *)to.p + 10);
	xc_request_attr_text(r, "tls.server.certificate.not_after", text);
}

/* ---- all of it --------------------------------------------------------------------------------------------- */

static void tell_names(struct xc_rd *rd, bool is_cut, struct xc_span subject, struct xc_request *r)
{
	const char *sni = xc_request_get(r, "tls.client.server_name");
	struct xc_span wanted = { (const uint8_t *)sni, sni ? strlen(sni) : 0 };
	struct names names = { .n = 0 };
	bool is_all = read_extensions(rd, wanted, &names) && !is_cut;
	bool is_clear = wanted.len && (names.has_match || is_all);

	/* without any, the common name counts, for clients of old */
	if (is_all && !names.has_any)
		names.has_match = matches(subject, wanted);
	/* from here on @wanted may have moved */
	if (names.n)
		xc_request_attr(r, "tls.server.certificate.names",
				(struct xc_span){ (const uint8_t *)names.text, names.n });
	if (is_clear)
		xc_request_attr_text(r, "tls.server.certificate.name_match",
				     names.has_match ? "true" : "false");
}

void xc_cert_tell(struct xc_span der, struct xc_request *r)
{
	struct xc_rd rd = xc_rd(der), before;
	struct xc_span skipped, validity, subject;
	bool is_cut = false;
	uint8_t tag;

	if (!enter(&rd, &is_cut) || !enter(&rd, &is_cut))
		return;
	before = rd;
	if (!next(&rd, &tag, &skipped))
		return;
	if (tag != VERSION)
		rd = before;
	/* serial number, signature, issuer */
	for (int i = 0; i < 3; i++)
		if (!next(&rd, &tag, &skipped))
			return;
	if (!expect(&rd, SEQUENCE, &validity) || !expect(&rd, SEQUENCE, &subject))
		return;
	subject = common_name(subject);
	if (subject.len)
		xc_request_attr(r, "tls.server.certificate.subject", subject);
	tell_end(validity, r);
	tell_names(&rd, is_cut, subject, r);
}
