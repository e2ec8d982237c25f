/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/postgres_wire.h"

#include "l7/frame.h"
#include "l7/sql.h"

#include <ctype.h>

#define HEAD_SQL (XC_PG_HEADER + XC_SQL_NAME + XC_SQL_READ)
#define HEAD_NAMES (XC_PG_HEADER + 4 * XC_SQL_NAME)
#define HEAD_ERROR 512	/* severity and code come first */
#define MESSAGE_MAX (1u << 30)	/* PQ_LARGE_MESSAGE_LIMIT */

/* ---- messages -------------------------------------------------------------------------------------- */

static const struct xc_pg_kind client_kinds[] = {
	{ 'Q', 5, MESSAGE_MAX, HEAD_SQL },     { 'P', 8, MESSAGE_MAX, HEAD_SQL },
	{ 'B', 12, MESSAGE_MAX, HEAD_NAMES },  { 'D', 6, 4096, HEAD_NAMES },
	{ 'E', 9, 4096, HEAD_NAMES },	       { 'C', 6, 4096, HEAD_NAMES },
	{ 'H', 4, 4, XC_PG_HEADER },	       { 'S', 4, 4, XC_PG_HEADER },
	{ 'X', 4, 4, XC_PG_HEADER },	       { 'F', 14, MESSAGE_MAX, XC_PG_HEADER + 4 },
	{ 'd', 4, MESSAGE_MAX, XC_PG_HEADER }, { 'c', 4, 4, XC_PG_HEADER },
	{ 'f', 5, 65536, XC_PG_HEADER },       { 'p', 4, 65536, XC_PG_HEADER },
};

static const struct xc_pg_kind server_kinds[] = {
	{ 'D', 6, MESSAGE_MAX, XC_PG_HEADER },
	{ 'C', 5, 128, XC_PG_HEADER + 128 },
	{ 'Z', 5, 5, XC_PG_HEADER + 1 },
	{ 'T', 6, 1u << 20, XC_PG_HEADER },
	{ 'E', 5, 65536, HEAD_ERROR },
	{ 'N', 5, 65536, XC_PG_HEADER },
	{ 'S', 6, 65536, XC_PG_HEADER },
	{ 'R', 8, 65536, XC_PG_HEADER },
	{ 'K', 12, 4 + 4 + 256, XC_PG_HEADER },
	{ 'A', 10, 65536, HEAD_NAMES },
	{ '1', 4, 4, XC_PG_HEADER },
	{ '2', 4, 4, XC_PG_HEADER },
	{ '3', 4, 4, XC_PG_HEADER },
	{ 'n', 4, 4, XC_PG_HEADER },
	{ 's', 4, 4, XC_PG_HEADER },
	{ 'I', 4, 4, XC_PG_HEADER },
	{ 't', 6, 1u << 20, XC_PG_HEADER },
	{ 'G', 7, 65536, XC_PG_HEADER },
	{ 'H', 7, 65536, XC_PG_HEADER },
	{ 'W', 7, 65536, XC_PG_HEADER },
	{ 'd', 4, MESSAGE_MAX, XC_PG_HEADER },
	{ 'c', 4, 4, XC_PG_HEADER },
	{ 'V', 8, MESSAGE_MAX, XC_PG_HEADER },
	{ 'v', 12, 65536, XC_PG_HEADER },
};

static const struct xc_pg_kind *kind_of(enum xc_l7_dir dir, uint8_t tag)
{
	const struct xc_pg_kind *k = dir == XC_L7_CLIENT ? client_kinds : server_kinds;
	size_t n = dir == XC_L7_CLIENT ? ARRAY_SIZE(client_kinds) : ARRAY_SIZE(server_kinds);

	for (size_t i = 0; i < n; i++)
		if (k[i].tag == (char)tag)
			return &k[i];
	return NULL;
}

bool xc_pg_read(enum xc_l7_dir dir, struct xc_span in, struct xc_pg_message *m)
{
	uint32_t len;

	m->body = xc_rd(in);
	m->kind = kind_of(dir, xc_rd_u8(&m->body));
	len = xc_rd_be32(&m->body);
	if (!m->kind || m->body.is_short || len < m->kind->min || len > m->kind->max)
		return false;
	m->total = 1 + (uint64_t)len;
	m->in = xc_span_first(xc_frame_span(in, m->total), m->kind->head);
	m->body.end = m->in.p + m->in.len;
	return true;
}

struct xc_span xc_pg_text(struct xc_rd *rd)
{
	size_t left = xc_rd_left(rd);
	const uint8_t *nul = left ? memchr(rd->p, 0, left) : NULL;

	return nul ? xc_rd_cstring(rd) : xc_rd_span(rd, left);
}

struct xc_pg_error xc_pg_read_error(struct xc_pg_message *m)
{
	struct xc_pg_error e = { 0 };

	for (uint8_t type; (type = xc_rd_u8(&m->body));) {
		struct xc_span value = xc_rd_cstring(&m->body);

		if (type == 'V' || (type == 'S' && !e.severity.len))
			e.severity = value;	/* V is never translated (since 9.6) */
		if (type == 'C')
			e.sqlstate = value;
	}
	return e;
}

/* ---- detection ------------------------------------------------------------------------------------- */

/* "user\0name\0database\0..." */
static bool is_startup_text(struct xc_span s)
{
	struct xc_rd rd = xc_rd(s);
	bool has_user = false;

	while (xc_rd_left(&rd) > 1) {
		struct xc_span key = xc_rd_cstring(&rd), value = xc_rd_cstring(&rd);

		if (!key.len || !xc_sql_is_text(key) || !xc_sql_is_text(value))
			return false;
		has_user |= xc_span_is(key, "user");
	}
	return !rd.is_short && has_user && xc_rd_left(&rd) == 1 && !*rd.p;
}

/* What comes before any tag. */
static struct xc_l7_guess detect_startup(struct xc_span in)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	struct xc_rd rd = xc_rd(in);
	uint32_t len = xc_rd_be32(&rd), code = xc_rd_be32(&rd);

	if (rd.is_short) {
		g.wants_more = in.len && !in.p[0] && (in.len < 2 || !in.p[1]);
		return g;
	}
	if (len == 8 && (code == XC_PG_SSL || code == XC_PG_GSSENC))
		g.percent = 98;
	if (len >= 16 && len <= 268 && code == XC_PG_CANCEL)
		g.percent = 98;
	if (code < XC_PG_V3 || code > XC_PG_V3_LAST || len < 15 || len > XC_PG_STARTUP_MAX)
		return g;
	if (in.len < len)
		g.wants_more = in.len < 9 || isalpha(in.p[8]) || in.p[8] == '_';
	else if (is_startup_text((struct xc_span){ in.p + 8, len - 8 }))
		g.percent = 98;
	return g;
}

/* How sure a whole message makes that this is PostgreSQL. */
static uint8_t weight(enum xc_l7_dir dir, const struct xc_pg_message *m, uint8_t before)
{
	struct xc_rd rd = m->body;

	if (dir == XC_L7_SERVER) {
		if (m->kind->tag == 'Z' && memchr("ITE", m->in.p[XC_PG_HEADER], 3))
			return 85;
		return 0;
	}
	if (m->kind->tag == 'Q') {
		struct xc_span text = xc_pg_text(&rd);

		return text.len > 1 && isalpha(text.p[0]) && xc_sql_is_text(text) &&
				       !xc_rd_left(&rd) ?
			       60 :
			       0;
	}
	return (m->kind->tag == 'S' || m->kind->tag == 'H') && before && strchr("PBDEC", before) ?
		       80 :
		       0;
}

struct xc_l7_guess xc_pg_guess(struct xc_span in, enum xc_l7_dir dir)
{
	struct xc_l7_guess g = { .dir = dir };
	uint8_t before = 0;
	struct xc_pg_message m;

	while (in.len >= XC_PG_HEADER) {
		uint8_t percent;

		if (!xc_pg_read(dir, in, &m))
			return (struct xc_l7_guess){ .dir = dir };
		if (m.total > in.len && m.in.len < m.kind->head) {
			before |= m.kind->tag == 'Q' &&
				  xc_sql_is_text(xc_span_from(m.in, XC_PG_HEADER));
			break;
		}
		percent = weight(dir, &m, before);
		g.percent = percent > g.percent ? percent : g.percent;
		before = (uint8_t)m.kind->tag;
		in = xc_span_from(in, m.total < in.len ? (size_t)m.total : in.len);
	}
	g.wants_more = before && !g.percent;
	return g;
}

struct xc_l7_guess xc_pg_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = detect_startup(in), server;

	if (g.percent || g.wants_more || hint->is_start)
		return g;
	g = xc_pg_guess(in, XC_L7_CLIENT);
	server = xc_pg_guess(in, XC_L7_SERVER);
	return server.percent > g.percent || (!g.percent && server.wants_more) ? server : g;
}
