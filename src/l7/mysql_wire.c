/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/mysql_wire.h"

#include "l7/frame.h"
#include "l7/sql.h"

#include <ctype.h>

#define STATEMENT_LEN 12u	/* what answers COM_STMT_PREPARE, without definitions */

enum { COM_QUERY = 3, COM_PING = 0x0e, COM_PREPARE = 0x16, COM_EXECUTE = 0x17 };

/* ---- packets --------------------------------------------------------------------------------------- */

struct xc_mysql_packet xc_mysql_read(struct xc_span in, size_t head)
{
	struct xc_rd rd = xc_rd(in);
	struct xc_mysql_packet p = { .len = (uint32_t)xc_rd_le(&rd, 3) };

	p.seq = xc_rd_u8(&rd);
	p.in = xc_span_first(xc_frame_span(in, XC_MYSQL_HEADER + (uint64_t)p.len), head);
	p.is_cut = p.in.len < head && p.in.len < XC_MYSQL_HEADER + (uint64_t)p.len;
	p.in = xc_span_from(p.in, XC_MYSQL_HEADER);
	return p;
}

uint8_t xc_mysql_first(const struct xc_mysql_packet *p)
{
	return p->in.len ? p->in.p[0] : 0;
}

uint64_t xc_mysql_int(struct xc_rd *rd)
{
	uint8_t c = xc_rd_u8(rd);

	return c < 0xfb ? c : xc_rd_le(rd, c == 0xfc ? 2 : c == 0xfd ? 3 : 8);
}

struct xc_span xc_mysql_text(struct xc_rd *rd)
{
	return xc_rd_span(rd, (size_t)xc_mysql_int(rd));
}

/* ---- detection --------------------------------------------------------------------------------------- */

bool xc_mysql_is_greeting(const struct xc_mysql_packet *p)
{
	struct xc_rd rd = xc_rd(xc_span_from(p->in, 1));
	struct xc_span version = xc_rd_cstring(&rd);

	if (p->seq || xc_mysql_first(p) != 0x0a || version.len < 3 || version.len > 64)
		return false;
	(void)xc_rd_span(&rd, 12);	/* thread, salt */
	return isdigit(version.p[0]) && xc_sql_is_text(version) &&
	       memchr(version.p, '.', version.len) && !xc_rd_u8(&rd) && !rd.is_short;
}

bool xc_mysql_is_error(const struct xc_mysql_packet *p)
{
	struct xc_span s = p->in;

	if (s.len < 9 || s.p[0] != 0xff || s.p[3] != '#')
		return false;
	for (size_t i = 4; i < 9; i++)
		if (!isdigit(s.p[i]) && !isupper(s.p[i]))
			return false;
	return true;
}

/* An error in place of the greeting: a number of the server's and a sentence. */
static bool is_refusal(const struct xc_mysql_packet *p)
{
	struct xc_rd rd = xc_rd(p->in);

	if (p->seq || xc_rd_u8(&rd) != 0xff || p->in.len != p->len || p->len < 16)
		return false;
	return xc_rd_le16(&rd) / 1000 == 1 && xc_sql_is_text(xc_rd_span(&rd, xc_rd_left(&rd)));
}

bool xc_mysql_is_definition(const struct xc_mysql_packet *p)
{
	return xc_span_starts(p->in, "\3def") || !p->in.len;
}

static bool is_statement(struct xc_span text)
{
	static const char *const words[] = { "SELECT", "INSERT", "UPDATE",   "DELETE",	 "REPLACE",
					     "SET",    "SHOW",	 "BEGIN",    "COMMIT",	 "CREATE",
					     "ALTER",  "DROP",	 "ROLLBACK", "USE",	 "CALL",
					     "WITH",   "START",	 "EXPLAIN",  "TRUNCATE", "GRANT",
					     "LOAD",   "DESC",	 "DESCRIBE" };
	size_t n = 0;

	while (n < text.len && isalpha(text.p[n]))
		n++;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (xc_span_is(xc_span_first(text, n), words[i]))
			return xc_sql_is_text(text);
	return false;
}

static struct xc_l7_guess guess_client(const struct xc_mysql_packet *p, bool is_exact)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	struct xc_span text = xc_span_from(p->in, 1);
	struct xc_rd rd = xc_rd(text);

	if (p->seq || !is_exact || !p->len)
		return g;
	if (text.len > 1 && !text.p[0] && text.p[1] == 1)
		text = xc_span_from(text, 2);	/* no query attributes */
	switch (xc_mysql_first(p)) {
	case COM_QUERY:
	case COM_PREPARE:
		g.percent = is_statement(text) ? 65 : 0;
		break;
	case COM_EXECUTE:
		(void)xc_rd_span(&rd, 4);
		g.percent = xc_rd_u8(&rd) < 16 && xc_rd_le32(&rd) == 1 && !rd.is_short ? 55 : 0;
		break;
	case COM_PING:
		g.percent = p->len == 1 ? 40 : 0;
		break;
	default:
		break;
	}
	return g;
}

/* @behind: what follows the packet. */
static struct xc_l7_guess guess_server(const struct xc_mysql_packet *p, struct xc_span behind)
{
	struct xc_l7_guess g = { .dir = XC_L7_SERVER };
	struct xc_mysql_packet next;

	if (p->seq == 1 && p->len < 512 && xc_mysql_is_error(p))
		g.percent = 85;
	if (p->seq == 1 && (p->len == 7 || p->len == STATEMENT_LEN) && !behind.len &&
	    !xc_mysql_first(p))
		g.percent = 40;
	if (p->seq != 1 || behind.len < XC_MYSQL_HEADER + 4 ||
	    (p->len > 4 && (p->len != STATEMENT_LEN || xc_mysql_first(p))))
		return g;	/* a number of columns, or a statement's */
	next = xc_mysql_read(behind, XC_MYSQL_HEADER + 48);
	if (next.seq == 2 && xc_mysql_is_definition(&next) && next.len < 4096)
		g.percent = 85;
	return g;
}

struct xc_l7_guess xc_mysql_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_SERVER }, client;
	struct xc_mysql_packet p;

	if (in.len < XC_MYSQL_HEADER + 1) {
		g.wants_more = (in.len < 3 || !in.p[2]) && (in.len < 4 || in.p[3] < 2);
		return g;
	}
	p = xc_mysql_read(in, XC_MYSQL_HEADER + 1024);
	if (!p.len || p.len > 65536)
		return g;
	if (xc_mysql_is_greeting(&p) || (hint->is_start && is_refusal(&p))) {
		g.percent = 95;
		return g;
	}
	g.wants_more = !p.seq && p.in.p[0] == 0x0a && p.in.len < 80 && p.in.len < p.len &&
		       (p.in.len < 2 || isdigit(p.in.p[1]));
	if (hint->is_start)
		return g;
	client = guess_client(&p, in.len == XC_MYSQL_HEADER + (size_t)p.len);
	if (client.percent)
		return client;
	client.wants_more = g.wants_more;
	g = guess_server(&p, xc_span_from(in, XC_MYSQL_HEADER + (size_t)p.len));
	g.wants_more = client.wants_more;
	return g;
}

ptrdiff_t xc_mysql_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at + XC_MYSQL_HEADER < in.len; at++) {
		struct xc_span rest = xc_span_from(in, at);
		struct xc_mysql_packet p = xc_mysql_read(rest, XC_MYSQL_HEADER + 1024);
		uint64_t total = XC_MYSQL_HEADER + (uint64_t)p.len;
		struct xc_l7_guess g = dir == XC_L7_CLIENT ?
					       guess_client(&p, rest.len == total) :
					       guess_server(&p, xc_span_from(rest, (size_t)total));

		if (g.percent)
			return (ptrdiff_t)at;
	}
	return -1;
}
