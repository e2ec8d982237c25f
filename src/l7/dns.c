/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over UDP and TCP (RFC 1035, 7766), with what multicast DNS makes of it (RFC 6762). A query and its answer share
 * id, name, type and class; the same query again is the same request.
 */
#include "l7/dns_text.h"
#include "l7/l7.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADER 12
#define MESSAGE_MAX                                                                                \
	65000 /* of a longer message only so much is looked at; a stream does not hold more */
#define TIMEOUT_NS 5000000000ull	/* a resolver asks again, or gives up, after it (resolv.conf(5)) */
#define MULTICAST_QUESTIONS 64	/* in one message */
#define PORT_MDNS 5353
#define PORT_LLMNR 5355

/* RFC 1035 4.1.1 */
enum {
	IS_ANSWER = 0x8000,
	AUTHORITATIVE = 0x0400,
	TRUNCATED = 0x0200,
	RECURSION_DESIRED = 0x0100,
	RECURSION_AVAILABLE = 0x0080,
	RESERVED = 0x0040,
	RCODE = 0x000f,
};

enum { QUERY = 0, INVERSE = 1, UPDATE = 5 };
enum { UNICAST_WANTED = 0x8000 };	/* in the class of a multicast question (RFC 6762 5.4) */

struct message {
	struct xc_span all;
	uint16_t id, flags;
	uint16_t n_questions, n_answers, n_authorities, n_additional;
	uint16_t type, class;	/* of the first question; 0 = there is none */
	char name[XC_DNS_NAME];
	struct xc_rd records;	/* behind the questions */
};

/* ---- reading ------------------------------------------------------------------------------------------ */

static uint8_t opcode(const struct message *m)
{
	return m->flags >> 11 & 15;
}

static bool is_answer(const struct message *m)
{
	return m->flags & IS_ANSWER;
}

static bool read_questions(struct message *m)
{
	char name[XC_DNS_NAME];

	m->name[0] = '\0';
	for (uint16_t i = 0; i < m->n_questions; i++) {
		uint16_t type, class;

		if (!xc_dns_name(m->all, &m->records, i ? name : m->name))
			return false;
		type = xc_rd_be16(&m->records);
		class = xc_rd_be16(&m->records);
		if (i)
			continue;
		m->type = type;
		m->class = class;
	}
	return !m->records.is_short;
}

/* The header and the questions. False: it is not DNS; or is_short: there may be more of it. */
static bool read_message(struct xc_span in, struct message *m)
{
	m->all = in;
	m->records = xc_rd(in);
	m->id = xc_rd_be16(&m->records);
	m->flags = xc_rd_be16(&m->records);
	m->n_questions = xc_rd_be16(&m->records);
	m->n_answers = xc_rd_be16(&m->records);
	m->n_authorities = xc_rd_be16(&m->records);
	m->n_additional = xc_rd_be16(&m->records);
	m->type = m->class = 0;
	if (m->n_questions > MULTICAST_QUESTIONS || opcode(m) > UPDATE || opcode(m) == 3)
		return false;
	return read_questions(m);
}

static uint32_t n_records(const struct message *m)
{
	return (uint32_t)m->n_answers + m->n_authorities + m->n_additional;
}

/* ---- is it DNS? ---------------------------------------------------------------------------------------- */

/* NetBIOS names have the same format: one label of 32 letters from A to P (RFC 1001 14.1). */
static bool is_netbios(const char *name)
{
	return strspn(name, "abcdefghijklmnop") == 32 && (!name[32] || name[32] == '.');
}

static bool has_known_question(const struct message *m, bool is_multicast)
{
	uint16_t class = is_multicast ? m->class & ~UNICAST_WANTED : m->class;
	char type_text[XC_DNS_WORD], class_text[XC_DNS_WORD];

	return xc_dns_type_str(m->type, type_text) != type_text &&
	       xc_dns_class_str(class, class_text) != class_text && !is_netbios(m->name);
}

static bool is_plausible(const struct message *m, bool is_multicast)
{
	if (m->flags & RCODE && (!is_answer(m) || (m->flags & RCODE) > 11))
		return false;
	if (is_multicast)
		return m->n_questions || (is_answer(m) && m->n_answers);
	if (m->n_questions != 1)
		return false;
	if (is_answer(m))
		return true;
	if (opcode(m) != UPDATE && (m->n_authorities > 1 || m->n_additional > 4))
		return false;
	return opcode(m) == QUERY ? !m->n_answers : true;
}

/* Does it end where its records do? */
static bool is_whole(const struct message *m)
{
	struct xc_rd rd = m->records;
	struct xc_dns_record record;

	for (uint32_t i = n_records(m); i > 0; i--)
		if (!xc_dns_record(m->all, &rd, &record))
			return false;
	return !xc_rd_left(&rd);
}

static uint8_t percent_of(struct xc_span in, uint16_t port_he)
{
	bool is_multicast = port_he == PORT_MDNS;
	bool is_home = is_multicast || port_he == 53 || port_he == PORT_LLMNR;
	struct message m;

	if (in.len < HEADER || !read_message(in, &m) || !is_plausible(&m, is_multicast))
		return 0;
	if (m.n_questions && !has_known_question(&m, is_multicast))
		return is_home && !is_netbios(m.name) && is_whole(&m) ? 60 : 0;
	if (!is_whole(&m))
		return is_home ? 60 : 0;
	if (m.flags & RESERVED || (!is_home && !strcmp(m.name, ".")))
		return 60;
	return is_home ? 95 : 92;
}

static enum xc_l7_dir sender(struct xc_span message)
{
	return message.p[2] & 0x80 ? XC_L7_SERVER : XC_L7_CLIENT;
}

/* The message at the front of a stream, as far as it is there; too short to be one: 0 bytes. */
static struct xc_span framed(struct xc_span in, size_t *ret_len)
{
	struct xc_rd rd = xc_rd(in);

	*ret_len = xc_rd_be16(&rd);
	return rd.is_short || *ret_len < HEADER ? xc_span_first(in, 0) :
						  xc_span_first(xc_span_from(in, 2), *ret_len);
}

static struct xc_l7_guess dns_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { 0 };
	struct xc_span message = in;
	size_t len = in.len;
	struct message m;

	if (!hint->is_datagram)
		message = framed(in, &len);
	if (message.len < HEADER) {
		g.wants_more = !hint->is_datagram && (in.len < 2 || len >= HEADER) && in.len < 14;
		return g;
	}
	g.dir = sender(message);
	if (message.len == len)
		g.percent = percent_of(message, hint->port_he);
	else
		g.wants_more =
			read_message(message, &m) ? is_plausible(&m, false) : m.records.is_short;
	return g;
}

/* ---- a query ---------------------------------------------------------------------------------------------- */

static bool is_multicast_port(const struct xc_l7 *l7)
{
	return l7->is_datagram &&
	       (l7->server_port_he == PORT_MDNS || l7->server_port_he == PORT_LLMNR);
}

static void put_flag(struct xc_request *r, const char *key, const struct message *m, uint16_t bit)
{
	xc_request_attr_text(r, key, m->flags & bit ? "true" : "false");
}

static struct xc_span text(const char *s)
{
	return (struct xc_span){ (const uint8_t *)s, strlen(s) };
}

static void set_question(struct xc_l7 *l7, struct xc_request *r, const struct message *m)
{
	char word[XC_DNS_WORD];
	uint16_t class = is_multicast_port(l7) ? m->class & ~UNICAST_WANTED : m->class;

	r->id = m->id;
	if (!m->n_questions)
		return;
	xc_request_method(r, text(xc_dns_type_str(m->type, word)));
	xc_request_target(r, text(m->name));
	xc_request_attr_text(r, "dns.question.class", xc_dns_class_str(class, word));
	if (m->n_questions > 1)
		xc_request_attr_uint(r, "dns.question.count", m->n_questions);
	if (opcode(m) != QUERY)
		xc_request_attr_text(r, "dns.opcode", xc_dns_opcode_str(opcode(m), word));
}

static bool is_same(const struct xc_request *r, const struct message *m)
{
	const char *class = xc_request_get(r, "dns.question.class");
	size_t n = strlen(r->target);
	char word[XC_DNS_WORD];

	if (r->id != m->id)
		return false;
	if (!m->n_questions)
		return true;	/* some refuse without repeating what was asked */
	if (strncmp(r->target, m->name, n) || (m->name[n] && strlen(m->name) < XC_REQUEST_TARGET))
		return false;
	return !strcmp(r->method, xc_dns_type_str(m->type, word)) && class &&
	       !strcmp(class, xc_dns_class_str(m->class, word));
}

static struct xc_request *find(struct xc_l7 *l7, const struct message *m)
{
	struct xc_request *r = xc_l7_first(l7);

	while (r && !is_same(r, m))
		r = xc_l7_next(r);
	return r;
}

static void count_retry(struct xc_request *r, uint64_t now_ns)
{
	const char *before = xc_request_get(r, "dns.retries");
	unsigned long n = before ? strtoul(before, NULL, 10) : 0;

	xc_request_unset(r, "dns.retries");
	xc_request_attr_uint(r, "dns.retries", n + 1);
	r->flags |= XC_REQUEST_RESENT;
	r->resent_ns = now_ns;
}

static void take_query(struct xc_l7 *l7, enum xc_l7_dir dir, const struct message *m, size_t n_wire)
{
	uint64_t now_ns = xc_l7_ns(l7, dir, 0);
	struct xc_request *r = m->n_questions ? find(l7, m) : NULL;

	if (r) {
		r->request_bytes += n_wire;
		count_retry(r, now_ns);
		return;
	}
	r = xc_l7_open(l7);
	if (!r)
		return;
	set_question(l7, r, m);
	if (!m->n_questions && opcode(m) == INVERSE)
		xc_request_method(r, text("IQUERY"));
	put_flag(r, "dns.flags.recursion_desired", m, RECURSION_DESIRED);
	r->request_bytes = n_wire;
	r->request_first_ns = now_ns;
	r->request_last_ns = xc_l7_ns(l7, dir, n_wire - 1);
	if (l7->is_cut)
		r->flags |= XC_REQUEST_TRUNCATED;
	/* whoever answers a multicast does so from another address, or to everybody */
	if (is_multicast_port(l7))
		xc_l7_notice(l7, r);
	else
		xc_l7_sent(l7, r);
}

/* ---- an answer --------------------------------------------------------------------------------------------- */

/*
 * Who is to blame. REFUSED and NOTIMP are a server that will not or cannot serve this client: its policy, not the
 * question, has to change. SERVFAIL is its own failure, or that of a server it asked.
 */
static enum xc_result result_of(uint16_t rcode)
{
	switch (rcode) {
	case 0:
		return XC_RESULT_OK;
	case 2:	/* SERVFAIL */
	case 4:	/* NOTIMP */
	case 5:	/* REFUSED */
		return XC_RESULT_SERVER_ERROR;
	default:
		return XC_RESULT_CLIENT_ERROR;
	}
}

static void put_answer(struct xc_request *r, const struct message *m,
		       const struct xc_dns_record *record, bool is_multicast)
{
	char line[XC_DNS_NAME + XC_DNS_DATA + 64], data[XC_DNS_DATA];
	char type[XC_DNS_WORD], class[XC_DNS_WORD];
	/* RFC 6762 10.2: the highest bit tells that it replaces what is cached */
	uint16_t n = is_multicast ? record->class & ~UNICAST_WANTED : record->class;

	xc_dns_data(m->all, record, data);
	(void)snprintf(line, sizeof(line), "%s %s %s %u %s", record->name,
		       xc_dns_type_str(record->type, type), xc_dns_class_str(n, class), record->ttl,
		       data);
	xc_request_attr_text(r, "dns.answer", line);
}

/* What the records say beside the answers. */
struct summary {
	uint16_t rcode;
	bool ends_with_soa;
	bool is_malformed;
};

static struct summary read_records(struct xc_l7 *l7, struct xc_request *r, const struct message *m)
{
	struct summary s = { .rcode = m->flags & RCODE };
	struct xc_rd rd = m->records;
	struct xc_dns_record record;
	uint32_t n = n_records(m);

	for (uint32_t i = 0; i < n; i++) {
		if (!xc_dns_record(m->all, &rd, &record)) {
			s.is_malformed = true;
			break;
		}
		if (record.type == XC_DNS_OPT && i >= m->n_answers)
			s.rcode |= (uint16_t)(record.ttl >> 24 << 4);	/* RFC 6891 6.1.3 */
		if (i >= m->n_answers)
			continue;
		s.ends_with_soa = record.type == XC_DNS_SOA;
		if (!r->method[0]) {
			char word[XC_DNS_WORD];

			xc_request_method(r, text(xc_dns_type_str(record.type, word)));
			xc_request_target(r, text(record.name));
		}
		if (!(r->flags & XC_REQUEST_TRUNCATED))
			put_answer(r, m, &record, is_multicast_port(l7));
	}
	if (s.is_malformed)
		r->flags |= l7->is_cut || m->all.len >= MESSAGE_MAX ? XC_REQUEST_TRUNCATED :
								      XC_REQUEST_UNKNOWN_FIELDS;
	return s;
}

/* A zone is sent in many messages, from its SOA record to the same again (RFC 5936 2.2). */
static bool is_transfer(const struct xc_request *r)
{
	return !strcmp(r->method, "AXFR") || !strcmp(r->method, "IXFR");
}

static void fill_answer(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_request *r,
			const struct message *m, size_t n_wire)
{
	if (!r->response_first_ns) {
		r->response_first_ns = xc_l7_ns(l7, dir, 0);
		put_flag(r, "dns.flags.authoritative", m, AUTHORITATIVE);
		put_flag(r, "dns.flags.truncated", m, TRUNCATED);
		put_flag(r, "dns.flags.recursion_available", m, RECURSION_AVAILABLE);
	}
	r->response_last_ns = xc_l7_ns(l7, dir, n_wire - 1);
	r->response_bytes += n_wire;
	r->progress =
		(uint16_t)(r->progress + m->n_answers < UINT16_MAX ? r->progress + m->n_answers :
								     UINT16_MAX);
}

/* Nobody asked for it, as far as we know: multicast is meant so; the query of any other was not seen. */
static struct xc_request *open_unasked(struct xc_l7 *l7, const struct message *m)
{
	bool is_multicast = is_multicast_port(l7);
	struct xc_request *r;

	if (!l7->is_datagram && (m->type == XC_DNS_AXFR || m->type == XC_DNS_IXFR))
		return NULL;	/* the rest of a transfer that was given up */
	r = xc_l7_open(l7);
	if (!r)
		return NULL;
	set_question(l7, r, m);
	r->by_server = true;
	r->request_first_ns = 0;
	if (!is_multicast)
		r->flags |= XC_REQUEST_GAP;
	return r;
}

static bool has_more(const struct xc_request *r, const struct message *m, const struct summary *s)
{
	if (!is_transfer(r) || s->rcode || s->is_malformed || !m->n_answers)
		return false;
	/* the SOA record alone: there is nothing newer (RFC 1995 4) */
	return !s->ends_with_soa || (r->progress == 1 && m->type == XC_DNS_AXFR);
}

static void take_answer(struct xc_l7 *l7, enum xc_l7_dir dir, const struct message *m,
			size_t n_wire)
{
	struct xc_request *asked = is_multicast_port(l7) ? NULL : find(l7, m);
	struct xc_request *r = asked ? asked : open_unasked(l7, m);
	char word[XC_DNS_WORD];
	struct summary s;

	if (!r)
		return;
	fill_answer(l7, dir, r, m, n_wire);
	s = read_records(l7, r, m);
	if (asked && has_more(r, m, &s)) {
		r->flags |= XC_REQUEST_STREAMING;
		return;
	}
	xc_request_attr_uint(r, "dns.answer.count", r->progress);
	xc_request_status(r, s.rcode, text(xc_dns_rcode_str(s.rcode, word)));
	r->result = result_of(s.rcode);
	if (asked)
		xc_l7_answered(l7, r);
	else
		xc_l7_notice(l7, r);
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

/* @n_wire: bytes of it on the wire, at the front of what parse() was given. */
static enum xc_l7_what take_message(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				    size_t n_wire)
{
	struct message m;

	if (!read_message(in, &m))
		return m.records.is_short && l7->is_cut ? XC_L7_MORE : XC_L7_BAD;
	/* not by direction: of two that both use port 53, or 5353, either may ask */
	if (is_answer(&m))
		take_answer(l7, dir, &m, n_wire);
	else
		take_query(l7, dir, &m, n_wire);
	return XC_L7_TOOK;
}

static struct xc_l7_step dns_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_l7_step x = { .n = in.len };
	struct xc_span message = in;
	size_t len = in.len, want;

	if (!l7->is_datagram)
		message = framed(in, &len);
	if (in.len < 2)
		return xc_l7_more();
	if (len < HEADER)
		return xc_l7_bad();
	want = len < MESSAGE_MAX ? len : MESSAGE_MAX;
	if (message.len < want && !l7->is_cut)
		return xc_l7_more();
	message = xc_span_first(message, want);
	if (!l7->is_datagram) {
		x.n = message.len + 2;
		x.skip = len - message.len;
	}
	x.what = take_message(l7, dir, message, x.n);
	return x;
}

/* Answers find their query by its id, so a hole costs only what was in it: but nobody knows whose answers those were. */
static void dns_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	(void)n;
	if (dir == XC_L7_SERVER)
		xc_l7_abandon_all(l7, XC_REQUEST_GAP);
}

static ptrdiff_t dns_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	for (size_t at = 0; at + 2 + HEADER <= in.len; at++) {
		size_t len;
		struct xc_span message = framed(xc_span_from(in, at), &len);

		if (message.len && message.len == len && sender(message) == dir &&
		    percent_of(message, l7->server_port_he) > 60)
			return (ptrdiff_t)at;
	}
	return -1;
}

const struct xc_l7_proto xc_l7_dns = {
	.name = "dns",
	.ports = { 53, PORT_MDNS, PORT_LLMNR },
	.is_stream = true,
	.is_datagram = true,
	.timeout_ns = TIMEOUT_NS,
	.detect = dns_detect,
	.parse = dns_parse,
	.gap = dns_gap,
	.sync = dns_sync,
};
