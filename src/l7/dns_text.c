/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/dns_text.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define HEADER 12
#define NAME_WIRE_MAX 255	/* RFC 1035 2.3.4 */
#define HOPS_MAX 128		/* a name has at most so many labels */
#define POINTER 0xc0		/* RFC 1035 4.1.4 */

enum {
	A = 1,
	NS = 2,
	CNAME = 5,
	PTR = 12,
	HINFO = 13,
	MX = 15,
	TXT = 16,
	AAAA = 28,
	SRV = 33,
	DNAME = 39,
	SVCB = 64,
	HTTPS = 65,
	SPF = 99,
	CAA = 257,
};

/* ---- words ------------------------------------------------------------------------------------------ */

struct word {
	uint16_t number;
	const char *name;
};

static const struct word types[] = {
	{ 1, "A" },	     { 2, "NS" },	   { 5, "CNAME" },     { 6, "SOA" },
	{ 7, "MB" },	     { 8, "MG" },	   { 9, "MR" },	       { 10, "NULL" },
	{ 11, "WKS" },	     { 12, "PTR" },	   { 13, "HINFO" },    { 14, "MINFO" },
	{ 15, "MX" },	     { 16, "TXT" },	   { 17, "RP" },       { 18, "AFSDB" },
	{ 24, "SIG" },	     { 25, "KEY" },	   { 28, "AAAA" },     { 29, "LOC" },
	{ 33, "SRV" },	     { 35, "NAPTR" },	   { 37, "CERT" },     { 39, "DNAME" },
	{ 41, "OPT" },	     { 42, "APL" },	   { 43, "DS" },       { 44, "SSHFP" },
	{ 45, "IPSECKEY" },  { 46, "RRSIG" },	   { 47, "NSEC" },     { 48, "DNSKEY" },
	{ 49, "DHCID" },     { 50, "NSEC3" },	   { 51, "NSEC3PARAM" }, { 52, "TLSA" },
	{ 53, "SMIMEA" },    { 55, "HIP" },	   { 59, "CDS" },      { 60, "CDNSKEY" },
	{ 61, "OPENPGPKEY" }, { 62, "CSYNC" },	   { 63, "ZONEMD" },   { 64, "SVCB" },
	{ 65, "HTTPS" },     { 99, "SPF" },	   { 108, "EUI48" },   { 109, "EUI64" },
	{ 249, "TKEY" },     { 250, "TSIG" },	   { 251, "IXFR" },    { 252, "AXFR" },
	{ 253, "MAILB" },    { 254, "MAILA" },	   { 255, "ANY" },     { 256, "URI" },
	{ 257, "CAA" },	     { 32768, "TA" },	   { 32769, "DLV" },
};

static const struct word classes[] = {
	{ 1, "IN" }, { 3, "CH" }, { 4, "HS" }, { 254, "NONE" }, { 255, "ANY" },
};

static const struct word rcodes[] = {
	{ 0, "NOERROR" },   { 1, "FORMERR" },	{ 2, "SERVFAIL" },  { 3, "NXDOMAIN" },
	{ 4, "NOTIMP" },    { 5, "REFUSED" },	{ 6, "YXDOMAIN" },  { 7, "YXRRSET" },
	{ 8, "NXRRSET" },   { 9, "NOTAUTH" },	{ 10, "NOTZONE" },  { 11, "DSOTYPENI" },
	{ 16, "BADVERS" },  { 17, "BADKEY" },	{ 18, "BADTIME" },  { 19, "BADMODE" },
	{ 20, "BADNAME" },  { 21, "BADALG" },	{ 22, "BADTRUNC" }, { 23, "BADCOOKIE" },
};

static const struct word opcodes[] = {
	{ 0, "QUERY" },	 { 1, "IQUERY" }, { 2, "STATUS" },
	{ 4, "NOTIFY" }, { 5, "UPDATE" }, { 6, "DSO" },
};

static const char *find(const struct word *words, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (words[i].number == number)
			return words[i].name;
	return NULL;
}

static const char *word_or_number(const char *word, const char *prefix, uint16_t number,
				  char out[static XC_DNS_WORD])
{
	if (word)
		return word;
	(void)snprintf(out, XC_DNS_WORD, "%s%u", prefix, number);
	return out;
}

const char *xc_dns_type_str(uint16_t type, char out[static XC_DNS_WORD])
{
	return word_or_number(find(types, ARRAY_SIZE(types), type), "TYPE", type, out);
}

const char *xc_dns_class_str(uint16_t class, char out[static XC_DNS_WORD])
{
	return word_or_number(find(classes, ARRAY_SIZE(classes), class), "CLASS", class, out);
}

const char *xc_dns_rcode_str(uint16_t rcode, char out[static XC_DNS_WORD])
{
	return word_or_number(find(rcodes, ARRAY_SIZE(rcodes), rcode), "RCODE", rcode, out);
}

const char *xc_dns_opcode_str(uint8_t opcode, char out[static XC_DNS_WORD])
{
	return word_or_number(find(opcodes, ARRAY_SIZE(opcodes), opcode), "OPCODE", opcode, out);
}

/* ---- names ------------------------------------------------------------------------------------------ */

/* Where one label after the other is read; a pointer moves it. */
struct walk {
	struct xc_span message;
	struct xc_rd at;
	size_t limit;	/* a pointer has to go before this: so no name is endless */
	unsigned n_hops;
};

static bool follow(struct walk *w, uint8_t high)
{
	size_t to = (size_t)(high & ~POINTER) << 8 | xc_rd_u8(&w->at);

	if (w->at.is_short || to >= w->limit || to < HEADER || ++w->n_hops > HOPS_MAX)
		return false;
	w->limit = to;
	w->at.p = w->message.p + to;
	return true;
}

static size_t put_label(char *out, size_t n, struct xc_span label)
{
	if (n)
		out[n++] = '.';
	for (size_t i = 0; i < label.len; i++) {
		uint8_t c = label.p[i];

		if (c <= ' ' || c == '.' || c == '\\' || c == 0x7f)
			n += (size_t)snprintf(out + n, XC_DNS_NAME - n, "\\%03u", c);
		else
			out[n++] = (char)(c < 0x80 ? tolower(c) : c);
	}
	return n;
}

bool xc_dns_name(struct xc_span message, struct xc_rd *rd, char out[static XC_DNS_NAME])
{
	struct walk w = { .message = message, .at = *rd, .limit = (size_t)(rd->p - message.p) };
	size_t n = 0, wire = 1;
	bool is_away = false;

	for (uint8_t len; (len = xc_rd_u8(&w.at)) != 0;) {
		if ((len & POINTER) == POINTER) {
			if (!is_away && xc_rd_left(&w.at))
				rd->p = w.at.p + 1;
			is_away = true;
			if (follow(&w, len))
				continue;
			rd->is_short |= w.at.is_short;
			return false;
		}
		wire += len + 1u;
		if (len & POINTER || wire > NAME_WIRE_MAX)
			return false;
		n = put_label(out, n, xc_rd_span(&w.at, len));
	}
	if (!n)
		out[n++] = '.';
	out[n] = '\0';
	rd->is_short |= w.at.is_short;
	if (!is_away)
		rd->p = w.at.p;
	return !w.at.is_short;
}

bool xc_dns_record(struct xc_span message, struct xc_rd *rd, struct xc_dns_record *ret_record)
{
	if (!xc_dns_name(message, rd, ret_record->name))
		return false;
	ret_record->type = xc_rd_be16(rd);
	ret_record->class = xc_rd_be16(rd);
	ret_record->ttl = xc_rd_be32(rd);
	ret_record->data = xc_rd_span(rd, xc_rd_be16(rd));
	return !rd->is_short;
}

/* ---- data of records ---------------------------------------------------------------------------------- */

/* Text that is written to the end; what does not fit is cut. */
struct text {
	char *p;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->n, XC_DNS_DATA - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n = t->n + (size_t)n < XC_DNS_DATA ? t->n + (size_t)n : XC_DNS_DATA - 1;
}

static void put_address(struct text *t, int family, struct xc_span s)
{
	char text[INET6_ADDRSTRLEN];

	if (s.p && inet_ntop(family, s.p, text, sizeof(text)))
		put(t, "%s", text);
}

/* "quoted" (RFC 1035 5.1) */
static void put_string(struct text *t, struct xc_span s)
{
	put(t, "\"");
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c < ' ' || c == 0x7f)
			put(t, "\\%03u", c);
		else
			put(t, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	put(t, "\"");
}

static void put_strings(struct text *t, struct xc_rd *rd)
{
	while (xc_rd_left(rd) && t->n + 1 < XC_DNS_DATA) {
		struct xc_span s = xc_rd_span(rd, xc_rd_u8(rd));

		if (t->n)
			put(t, " ");
		put_string(t, s);
	}
}

static void put_name(struct text *t, struct xc_span message, struct xc_rd *rd)
{
	char name[XC_DNS_NAME];

	if (!xc_dns_name(message, rd, name))
		rd->is_short = true;
	else
		put(t, "%s%s", t->n ? " " : "", name);
}

static void put_numbers(struct text *t, struct xc_rd *rd, int n, size_t bytes)
{
	for (int i = 0; i < n; i++) {
		unsigned long long x = xc_rd_be(rd, bytes);

		put(t, "%s%llu", t->n ? " " : "", x);
	}
}

static void put_hex(struct text *t, struct xc_span s)
{
	for (size_t i = 0; i < s.len && t->n + 1 < XC_DNS_DATA; i++)
		put(t, "%02x", s.p[i]);
}

/* Value of a service parameter (RFC 9460 14.3.2): those one connects by are written out, of others only the key. False: malformed. */
static bool put_service_value(struct text *t, uint16_t key, struct xc_span value)
{
	struct xc_rd rd = xc_rd(value);
	const char *comma = "=";

	if (key == 3) {
		put(t, "=%u", xc_rd_be16(&rd));
		return !rd.is_short && !xc_rd_left(&rd);
	}
	for (; xc_rd_left(&rd) && (key == 1 || key == 4 || key == 6); comma = ",") {
		struct xc_span s = xc_rd_span(&rd, key == 1 ? xc_rd_u8(&rd) : key == 4 ? 4 : 16);

		put(t, "%s", comma);
		if (!s.len)
			return false;
		if (key == 1)
			put(t, "%.*s", (int)s.len, (const char *)s.p);
		else
			put_address(t, key == 4 ? AF_INET : AF_INET6, s);
	}
	return !rd.is_short;
}

static void put_service(struct text *t, struct xc_span message, struct xc_rd *rd)
{
	static const char *const keys[] = { "mandatory", "alpn",     "no-default-alpn", "port",
					    "ipv4hint",	 "ech",	     "ipv6hint" };

	put_numbers(t, rd, 1, 2);
	put_name(t, message, rd);
	while (xc_rd_left(rd) && t->n + 1 < XC_DNS_DATA) {
		uint16_t key = xc_rd_be16(rd);
		struct xc_span value = xc_rd_span(rd, xc_rd_be16(rd));

		if (rd->is_short)
			return;
		if (key < ARRAY_SIZE(keys))
			put(t, " %s", keys[key]);
		else
			put(t, " key%u", key);
		rd->is_short |= !put_service_value(t, key, value);
	}
}

static void put_caa(struct text *t, struct xc_rd *rd)
{
	struct xc_span tag;

	put_numbers(t, rd, 1, 1);
	tag = xc_rd_span(rd, xc_rd_u8(rd));
	put(t, " %.*s ", (int)tag.len, tag.p ? (const char *)tag.p : "");
	put_string(t, xc_rd_span(rd, xc_rd_left(rd)));
}

/* False: this type has no text of its own. */
static bool put_known(struct text *t, struct xc_span message, uint16_t type, struct xc_rd *rd)
{
	switch (type) {
	case A:
		put_address(t, AF_INET, xc_rd_span(rd, 4));
		return true;
	case AAAA:
		put_address(t, AF_INET6, xc_rd_span(rd, 16));
		return true;
	case MX:
		put_numbers(t, rd, 1, 2);
		put_name(t, message, rd);
		return true;
	case SRV:
		put_numbers(t, rd, 3, 2);
		put_name(t, message, rd);
		return true;
	case NS:
	case CNAME:
	case PTR:
	case DNAME:
		put_name(t, message, rd);
		return true;
	case XC_DNS_SOA:
		put_name(t, message, rd);
		put_name(t, message, rd);
		put_numbers(t, rd, 5, 4);
		return true;
	case TXT:
	case SPF:
	case HINFO:
		put_strings(t, rd);
		return true;
	case SVCB:
	case HTTPS:
		put_service(t, message, rd);
		return true;
	case CAA:
		put_caa(t, rd);
		return true;
	default:
		return false;
	}
}

void xc_dns_data(struct xc_span message, const struct xc_dns_record *record,
		 char out[static XC_DNS_DATA])
{
	struct xc_rd rd = xc_rd(record->data);
	struct text t = { .p = out };

	out[0] = '\0';
	if (put_known(&t, message, record->type, &rd) && !rd.is_short && !xc_rd_left(&rd))
		return;
	t.n = 0;
	put(&t, "\\# %zu ", record->data.len);	/* RFC 3597 5 */
	put_hex(&t, record->data);
}
