/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL, protocol 3.0 to 3.2 (PostgreSQL documentation, "Frontend/Backend Protocol"). A request is a Query, an
 * Execute with the Parse, Bind and Describe before it, or what a Sync or Flush ends without any Execute. Each of their messages has
 * its reply, in order; ReadyForQuery answers Sync, and ends a Query. So an error after the rows is never missed, and
 * pipelines are paired message by message.
 */
#include "l7/frame.h"
#include "l7/postgres_wire.h"
#include "l7/sql.h"

/* xc_request.progress: replies still to come, and: */
enum {
	COUNT = 0x0fff,
	IS_OPEN = 0x1000,	/* more of its messages may follow */
	IS_FAILED = 0x2000,
	IS_WHOLE = 0x4000,	/* its replies are not counted: ReadyForQuery ends it */
	IS_LAST = 0x8000,	/* ReadyForQuery comes behind its replies */
};

struct postgres {
	bool has_started;	/* what the client sends has tags */
	char awaiting;		/* the one byte that answers SSLRequest (S) or GSSENCRequest (G); 0 = none */
	bool may_be_tls;	/* that byte was lost */
	bool has_failed;	/* the server passes over everything up to Sync */
	struct xc_request *building;	/* its Execute, Flush or Sync is still to come */
	const char *word;	/* ... what it does, as far as is known, */
	struct xc_sql *about;	/* ... and to which statement */
	struct xc_request *unit;	/* the latest since Sync */
	struct xc_request *asking;	/* whose message is being skipped */
	uint64_t
		idle_ns; /* ReadyForQuery came for nobody we knew: what was asked before it has been answered */
	uint64_t n_rows;	/* of the answer at hand */
	char tag[32];		/* ... its CommandComplete */
	struct xc_sql_names statements, portals;
};

/* ---- the queue ------------------------------------------------------------------------------------- */

static void stop_building(struct postgres *pg)
{
	xc_sql_unref(pg->about);
	pg->building = NULL;
	pg->word = NULL;
	pg->about = NULL;
}

static void forget_pointers(struct postgres *pg, const struct xc_request *r)
{
	if (!r || pg->building == r)
		stop_building(pg);
	if (!r || pg->unit == r)
		pg->unit = NULL;
	if (!r || pg->asking == r)
		pg->asking = NULL;
}

static void drop(struct xc_l7 *l7, struct xc_request *r, uint32_t flags)
{
	forget_pointers(l7->state, r);
	xc_l7_abandoned(l7, r, flags);
}

static void drop_all(struct xc_l7 *l7)
{
	struct postgres *pg = l7->state;

	forget_pointers(pg, NULL);
	pg->has_failed = false;
	pg->n_rows = 0;
	pg->tag[0] = '\0';
	xc_l7_abandon_all(l7, XC_REQUEST_GAP);
}

/* It is read. Behind a hole that may be so late that its answer has passed. */
static void tell_sent(struct xc_l7 *l7, struct xc_request *r)
{
	const struct postgres *pg = l7->state;

	xc_l7_sent(l7, r);
	if (r->request_first_ns < pg->idle_ns)
		drop(l7, r, XC_REQUEST_GAP);
}

/* No more messages belong to the request that is built. */
static void end_building(struct xc_l7 *l7)
{
	struct postgres *pg = l7->state;
	struct xc_request *r = pg->building;

	if (!r)
		return;
	xc_request_method_text(r, "EXECUTE");
	xc_sql_tell(r, pg->about);
	if (pg->word)
		xc_request_method_text(r, pg->word);
	r->progress &= (uint16_t)~IS_OPEN;
	stop_building(pg);
	tell_sent(l7, r);
}

static bool has_rows(const struct postgres *pg)
{
	return pg->n_rows || !strncmp(pg->tag, "SELECT", 6) || !strncmp(pg->tag, "FETCH", 5);
}

/* Its answer is complete. */
static void finish(struct xc_l7 *l7, struct xc_request *r)
{
	struct postgres *pg = l7->state;

	if (r == pg->building)
		end_building(l7);	/* the server closes in the middle of it */
	forget_pointers(pg, r);
	if (!(r->progress & IS_FAILED)) {
		xc_request_status(r, 0, (struct xc_span){ 0 });
		r->result = XC_RESULT_OK;
		if (pg->tag[0])
			xc_request_attr_text(r, "db.postgresql.command_tag", pg->tag);
		if (has_rows(pg))
			xc_request_attr_uint(r, "db.response.returned_rows", pg->n_rows);
	}
	pg->n_rows = 0;
	pg->tag[0] = '\0';
	xc_l7_answered(l7, r);
}

static bool is_complete(const struct xc_request *r)
{
	return (r->progress & IS_FAILED) || !(r->progress & (COUNT | IS_OPEN | IS_WHOLE));
}

/* Whom the next reply is for; NULL = nobody we know. Those before it have all of theirs. */
static struct xc_request *answering(struct xc_l7 *l7)
{
	struct xc_request *r = xc_l7_first(l7);

	while (r && is_complete(r) && !(r->progress & IS_LAST)) {
		finish(l7, r);
		r = xc_l7_first(l7);
	}
	return r;
}

/*
 * Whom an error is about. Behind all replies of the last request we know, it is about a message we have not seen: perhaps
 * the Sync, and then about that request after all.
 */
static struct xc_request *failing(struct xc_l7 *l7)
{
	struct xc_request *r = xc_l7_first(l7);

	while (r && xc_l7_next(r) && is_complete(r) && !(r->progress & IS_LAST)) {
		finish(l7, r);
		r = xc_l7_first(l7);
	}
	if (!r || !is_complete(r) || (r->progress & IS_LAST))
		return r;
	drop(l7, r, XC_REQUEST_GAP);
	return NULL;
}

static void expect_reply(struct xc_request *r)
{
	if ((r->progress & COUNT) < COUNT)
		r->progress++;
}

/* ---- the client's messages --------------------------------------------------------------------------- */

static void note_cut(struct xc_request *r, const struct xc_pg_message *m)
{
	if (m->in.len < m->total && m->in.len < m->kind->head)
		r->flags |= XC_REQUEST_TRUNCATED;
}

static void sent(struct xc_l7 *l7, struct xc_request *r, const struct xc_pg_message *m)
{
	r->request_bytes += m->total;
	r->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, m->in.len - 1);
	note_cut(r, m);
	((struct postgres *)l7->state)->asking = r;
}

/* A request that is nothing but this message. */
static struct xc_request *open_whole(struct xc_l7 *l7, const struct xc_pg_message *m,
				     const char *word)
{
	struct postgres *pg = l7->state;
	struct xc_request *r = xc_l7_open(l7);

	if (!r)
		return NULL;
	xc_request_method_text(r, word);
	r->progress = IS_WHOLE | IS_LAST;
	sent(l7, r, m);
	stop_building(pg);
	pg->unit = NULL;
	return r;
}

/* What SQL itself does to prepared statements is not followed: nothing is known of them any more. */
static void forget_prepared(struct postgres *pg, const struct xc_request *r)
{
	static const char *const words[] = { "DEALLOCATE", "DISCARD", "PREPARE" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(r->method, words[i]))
			xc_sql_clear(&pg->statements);
}

static void take_query(struct xc_l7 *l7, struct xc_pg_message *m)
{
	struct xc_request *r = open_whole(l7, m, "QUERY");

	if (!r)
		return;
	xc_sql_tell_text(r, xc_pg_text(&m->body), XC_SQL_STANDARD);
	forget_prepared(l7->state, r);
	tell_sent(l7, r);
}

static void take_function_call(struct xc_l7 *l7, struct xc_pg_message *m)
{
	struct xc_request *r = open_whole(l7, m, "FUNCTION_CALL");

	if (!r)
		return;
	xc_request_attr_uint(r, "db.postgresql.function_oid", xc_rd_be32(&m->body));
	tell_sent(l7, r);
}

/* The request the messages of the extended protocol are collected in. */
static void build(struct xc_l7 *l7, const struct xc_pg_message *m)
{
	struct postgres *pg = l7->state;
	struct xc_request *r = pg->building;

	if (!r && m->kind->tag == 'C' && pg->unit)
		r = pg->unit;	/* to close is the end of an Execute, not a request */
	if (!r) {
		r = pg->building = pg->unit = xc_l7_open(l7);
		if (r)
			r->progress = IS_OPEN;
	}
	if (!r)
		return;
	expect_reply(r);
	sent(l7, r, m);
}

/* What the request that is built does: the first message that is more than a Close tells. NULL = what the statement says. */
static void tell_building(struct postgres *pg, const char *word, struct xc_sql *q)
{
	if (!pg->building || (pg->word && strcmp(pg->word, "CLOSE") != 0 && word))
		return;
	xc_sql_unref(pg->about);
	pg->word = word;
	pg->about = q;
	if (q)
		q->n_refs++;
}

static void take_parse(struct xc_l7 *l7, struct xc_pg_message *m)
{
	struct postgres *pg = l7->state;
	struct xc_span name = xc_pg_text(&m->body);
	struct xc_sql *q = xc_sql_new(xc_pg_text(&m->body), XC_SQL_STANDARD);

	xc_sql_put(&pg->statements, name, q);
	tell_building(pg, "PREPARE", q);
	xc_sql_unref(q);
}

/* Bind names the portal first, then the statement. */
static void take_bind(struct xc_l7 *l7, struct xc_pg_message *m)
{
	struct postgres *pg = l7->state;
	struct xc_span portal = xc_pg_text(&m->body), statement = xc_pg_text(&m->body);
	struct xc_sql *q = m->body.is_short ? NULL : xc_sql_get(&pg->statements, statement);

	xc_sql_put(&pg->portals, portal, q);
	tell_building(pg, "BIND", q);
}

/* Describe and Close say which of the two a name is of. */
static void take_named(struct xc_l7 *l7, struct xc_pg_message *m)
{
	struct postgres *pg = l7->state;
	bool is_close = m->kind->tag == 'C';
	struct xc_sql_names *names = xc_rd_u8(&m->body) == 'S' ? &pg->statements : &pg->portals;
	struct xc_span name = xc_pg_text(&m->body);

	tell_building(pg, is_close ? "CLOSE" : "DESCRIBE", xc_sql_get(names, name));
	if (is_close)
		xc_sql_drop(names, name);
}

static void take_execute(struct xc_l7 *l7, struct xc_pg_message *m)
{
	struct postgres *pg = l7->state;

	tell_building(pg, NULL, xc_sql_get(&pg->portals, xc_pg_text(&m->body)));
	end_building(l7);
}

/* ReadyForQuery will tell that the server has come to this place. */
static void take_sync(struct xc_l7 *l7, const struct xc_pg_message *m)
{
	struct postgres *pg = l7->state;

	end_building(l7);
	if (!pg->unit) {
		struct xc_request *r = open_whole(l7, m, "SYNC");

		if (r)
			r->progress = IS_LAST;
		if (r)
			tell_sent(l7, r);
		return;
	}
	pg->unit->progress |= IS_LAST;
	sent(l7, pg->unit, m);
	pg->unit = NULL;
}

/* Data of COPY belong to the oldest request: nothing else is answered before they end. */
static void take_copy_data(struct xc_l7 *l7, const struct xc_pg_message *m)
{
	struct xc_request *r = xc_l7_first(l7);

	if (r)
		sent(l7, r, m);
}

static struct xc_l7_step take_tagged(struct xc_l7 *l7, struct xc_span in)
{
	struct xc_pg_message m;

	if (in.len < XC_PG_HEADER)
		return xc_l7_more();
	if (!xc_pg_read(XC_L7_CLIENT, in, &m))
		return xc_l7_bad();
	if (!xc_frame_is_here(l7, in, m.total, m.kind->head))
		return xc_l7_more();
	switch (m.kind->tag) {
	case 'Q':
		take_query(l7, &m);
		break;
	case 'F':
		take_function_call(l7, &m);
		break;
	case 'P':
		build(l7, &m);
		take_parse(l7, &m);
		break;
	case 'B':
		build(l7, &m);
		take_bind(l7, &m);
		break;
	case 'D':
	case 'C':
		build(l7, &m);
		take_named(l7, &m);
		break;
	case 'E':
		build(l7, &m);
		take_execute(l7, &m);
		break;
	case 'H':
		end_building(l7);
		break;
	case 'S':
		take_sync(l7, &m);
		break;
	case 'd':
	case 'c':
	case 'f':
		take_copy_data(l7, &m);
		break;
	default:	/* secrets, and Terminate */
		break;
	}
	return xc_frame_pass(in, m.total);
}

/* ---- before there are tags ---------------------------------------------------------------------------- */

static void take_parameters(struct xc_request *r, struct xc_span in)
{
	struct xc_rd rd = xc_rd(in);

	while (xc_rd_left(&rd)) {
		struct xc_span key = xc_rd_cstring(&rd), value = xc_rd_cstring(&rd);

		if (rd.is_short || !key.len)
			return;
		if (xc_span_is(key, "user"))
			xc_request_attr(r, "db.user", value);
		if (xc_span_is(key, "database")) {
			xc_request_attr(r, "db.namespace", value);
			xc_request_target(r, value);
		}
	}
}

static void take_startup(struct xc_l7 *l7, const struct xc_pg_message *m, uint32_t code)
{
	struct postgres *pg = l7->state;
	struct xc_request *r = open_whole(l7, m, "STARTUP");

	pg->has_started = true;
	if (!r)
		return;
	xc_request_attr_text(r, "network.protocol.version",
			     code == XC_PG_V3	   ? "3.0" :
			     code == XC_PG_V3_LAST ? "3.2" :
						     "3.1");
	take_parameters(r, xc_span_from(m->in, 8));
	tell_sent(l7, r);
}

static void take_encryption(struct xc_l7 *l7, const struct xc_pg_message *m, uint32_t code)
{
	struct postgres *pg = l7->state;
	struct xc_request *r =
		open_whole(l7, m, code == XC_PG_SSL ? "SSL_REQUEST" : "GSSENC_REQUEST");

	pg->awaiting = code == XC_PG_SSL ? 'S' : 'G';
	if (r)
		tell_sent(l7, r);
}

/* Nobody answers; the server just closes. */
static void take_cancel(struct xc_l7 *l7, const struct xc_pg_message *m)
{
	struct xc_request *r = open_whole(l7, m, "CANCEL");

	if (!r)
		return;
	forget_pointers(l7->state, r);
	xc_l7_notice(l7, r);
}

static struct xc_l7_step take_untagged(struct xc_l7 *l7, struct xc_span in)
{
	static const struct xc_pg_kind whole = { 0, 0, 0, XC_PG_STARTUP_MAX };
	struct xc_rd rd = xc_rd(in);
	uint32_t len = xc_rd_be32(&rd), code = xc_rd_be32(&rd);
	struct xc_pg_message m = { .kind = &whole, .total = len, .in = xc_frame_span(in, len) };

	if (rd.is_short)
		return xc_l7_more();
	if (len < 8 || len > XC_PG_STARTUP_MAX)
		return xc_l7_bad();
	if (!xc_frame_is_here(l7, in, len, XC_PG_STARTUP_MAX))
		return xc_l7_more();
	if (code >= XC_PG_V3 && code <= XC_PG_V3_LAST)
		take_startup(l7, &m, code);
	else if (len == 8 && (code == XC_PG_SSL || code == XC_PG_GSSENC))
		take_encryption(l7, &m, code);
	else if (code == XC_PG_CANCEL)
		take_cancel(l7, &m);
	else
		return xc_l7_bad();
	return xc_frame_pass(in, len);
}

static struct xc_l7_step take_client(struct xc_l7 *l7, struct xc_span in)
{
	struct postgres *pg = l7->state;

	if (!in.len) {
		if (pg->asking)
			pg->asking->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, 0);
		return xc_l7_more();
	}
	if (pg->awaiting)
		return xc_l7_more();	/* the answer tells what these bytes are */
	if (pg->may_be_tls && in.p[0] == 0x16) {
		xc_l7_become(l7, xc_l7_proto_named("tls"));
		return xc_l7_took(0);
	}
	pg->may_be_tls = false;
	if (!pg->has_started && in.p[0])
		pg->has_started = true;	/* joined late */
	return pg->has_started ? take_tagged(l7, in) : take_untagged(l7, in);
}

/* ---- the server's messages ------------------------------------------------------------------------------ */

/* 'S' and 'G' accept encryption, 'N' declines. An old server sends an error. */
static struct xc_l7_step take_encryption_answer(struct xc_l7 *l7, uint8_t answer)
{
	struct postgres *pg = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	bool is_accepted = answer != 'N';

	pg->awaiting = 0;
	if (r) {
		r->response_first_ns = r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
		r->response_bytes = 1;
		forget_pointers(pg, r);
		xc_request_status(r, 0, (struct xc_span){ 0 });
		xc_request_attr_text(r, "db.postgresql.encryption",
				     is_accepted ? "accepted" : "declined");
		r->result = XC_RESULT_OK;
		xc_l7_answered(l7, r);
	}
	if (answer == 'S')
		xc_l7_become(l7, xc_l7_proto_named("tls"));
	if (answer == 'G')
		xc_l7_stop_both(l7);
	return xc_l7_took(1);
}

/* Classes of SQLSTATE that tell of the server, not of what was asked of it. */
static bool is_servers_fault(struct xc_span sqlstate)
{
	static const char *const classes[] = { "08", "53", "57", "58", "F0", "XX" };

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (xc_span_starts(sqlstate, classes[i]))
			return true;
	return false;
}

static void set_error(struct xc_request *r, const struct xc_pg_error *e)
{
	xc_request_status(r, 1, e->sqlstate);
	xc_request_attr(r, "db.response.status_code", e->sqlstate);
	xc_request_attr(r, "db.postgresql.severity", e->severity);
	r->result = is_servers_fault(e->sqlstate) ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
	r->progress |= IS_FAILED;
}

/* A message nobody asked for. */
static struct xc_request *open_notice(struct xc_l7 *l7, const struct xc_pg_message *m,
				      const char *word)
{
	struct xc_request *r = xc_l7_open(l7);

	if (!r)
		return NULL;
	xc_request_method_text(r, word);
	note_cut(r, m);
	r->by_server = true;
	r->request_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	r->request_last_ns = xc_l7_ns(l7, XC_L7_SERVER, m->in.len - 1);
	r->response_bytes = m->total;
	r->result = XC_RESULT_OK;
	return r;
}

static void take_error(struct xc_l7 *l7, struct xc_pg_message *m, struct xc_request *r)
{
	struct postgres *pg = l7->state;
	struct xc_pg_error e = xc_pg_read_error(m);
	bool is_fatal = xc_span_is(e.severity, "FATAL") || xc_span_is(e.severity, "PANIC");

	if (!r && is_fatal) {
		r = open_notice(l7, m, "ERROR");
		if (r)
			set_error(r, &e);
		if (r)
			xc_l7_notice(l7, r);
		return;
	}
	if (!r)
		return;
	if (xc_span_is(e.sqlstate, "42P05"))
		xc_sql_clear(&pg->statements);	/* a name stands for what it stood for before */
	xc_l7_proven(l7);
	set_error(r, &e);
	pg->has_failed = true;
	pg->awaiting = 0;
	r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, m->in.len - 1);
	if (is_fatal)
		finish(l7, r);	/* the server closes; ReadyForQuery never comes */
}

static void take_command_complete(struct postgres *pg, struct xc_pg_message *m)
{
	struct xc_span tag = xc_pg_text(&m->body);

	if (tag.len >= sizeof(pg->tag))
		tag.len = sizeof(pg->tag) - 1;
	memcpy(pg->tag, tag.p, tag.len);
	pg->tag[tag.len] = '\0';
}

/* The server has done what was asked up to Sync, or a whole Query. */
static void take_ready(struct xc_l7 *l7)
{
	struct postgres *pg = l7->state;
	struct xc_request *r;
	bool is_last = false, has_failed = pg->has_failed;

	pg->has_failed = false;
	if (!xc_l7_first(l7))
		pg->idle_ns = xc_l7_ns(l7, XC_L7_SERVER, XC_PG_HEADER);
	while (!is_last && (r = xc_l7_first(l7))) {
		is_last = r->progress & IS_LAST;
		if (is_last)
			r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, XC_PG_HEADER);
		if (is_last && !r->response_first_ns)
			r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
		if (r->progress & IS_OPEN)
			drop(l7, r, XC_REQUEST_GAP);	/* its Sync was not seen */
		else if (is_complete(r) || (is_last && (r->progress & IS_WHOLE)))
			finish(l7, r);
		else if (has_failed)
			drop(l7, r, 0);	/* passed over, as what came before it failed */
		else if (is_last)
			drop(l7, r, XC_REQUEST_GAP);
		else
			return;
	}
}

/* Count a reply. False: the one it is for cannot have such a one. */
static bool count_reply(const struct postgres *pg, struct xc_request *r, char tag)
{
	if (!r || pg->has_failed || (r->progress & IS_WHOLE))
		return true;
	if (!(r->progress & COUNT))
		return false;
	if (strchr("123TnCIsV", tag))
		r->progress--;
	return true;
}

/*
 * The server takes no notice of a Sync that comes while it waits for COPY data: the one behind them counts. Without data from
 * the client nothing of the kind happens.
 */
static void take_copy_in(struct postgres *pg, struct xc_request *r)
{
	if (!r || (r->progress & IS_WHOLE))
		return;
	r->progress &= (uint16_t)~IS_LAST;
	pg->unit = r;
}

static bool take_reply(struct xc_l7 *l7, struct xc_pg_message *m, struct xc_request *r)
{
	struct postgres *pg = l7->state;

	if (r) {
		r->response_bytes += m->total;
		if (!r->response_first_ns)
			r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
		r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, m->in.len - 1);
		note_cut(r, m);
	}
	switch (m->kind->tag) {
	case 'E':
		take_error(l7, m, r);
		return true;
	case 'R':
	case 'K':
	case 'v':
		return true;
	case 'D':
		pg->n_rows++;
		break;
	case 'C':
		take_command_complete(pg, m);
		break;
	case 'G':
	case 'W':
		take_copy_in(pg, r);
		break;
	default:
		break;
	}
	return count_reply(pg, r, m->kind->tag);
}

static void take_notification(struct xc_l7 *l7, struct xc_pg_message *m)
{
	struct xc_request *r = open_notice(l7, m, "NOTIFY");

	if (!r)
		return;
	(void)xc_rd_be32(&m->body);	/* process */
	xc_request_target(r, xc_pg_text(&m->body));
	xc_l7_notice(l7, r);
}

static struct xc_l7_step take_server(struct xc_l7 *l7, struct xc_span in)
{
	struct postgres *pg = l7->state;
	struct xc_pg_message m;

	if (pg->awaiting && in.len && (in.p[0] == 'N' || in.p[0] == (uint8_t)pg->awaiting))
		return take_encryption_answer(l7, in.p[0]);
	if (in.len < XC_PG_HEADER)
		return xc_l7_more();
	if (!xc_pg_read(XC_L7_SERVER, in, &m))
		return xc_l7_bad();
	if (!xc_frame_is_here(l7, in, m.total, m.kind->head))
		return xc_l7_more();
	switch (m.kind->tag) {
	case 'Z':
		if (!memchr("ITE", m.in.p[XC_PG_HEADER], 3))
			return xc_l7_bad();
		take_ready(l7);
		break;
	case 'A':
		take_notification(l7, &m);
		break;
	case 'S':
	case 'N':
		break;
	default:
		if (!take_reply(l7, &m, m.kind->tag == 'E' ? failing(l7) : answering(l7)))
			return xc_l7_bad();
	}
	return xc_frame_pass(in, m.total);
}

static struct xc_l7_step postgres_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	return dir == XC_L7_CLIENT ? take_client(l7, in) : take_server(l7, in);
}

/* ---- what is missing -------------------------------------------------------------------------------------- */

/*
 * Requests before a hole in what the client sent keep their answers, which come first. Behind a hole in what the server sent
 * nobody can tell whose answer comes next.
 */
static void postgres_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct postgres *pg = l7->state;

	(void)n;
	if (dir == XC_L7_CLIENT) {
		if (pg->building)
			pg->building->flags |= XC_REQUEST_GAP;
		end_building(l7);
		forget_pointers(pg, NULL);
		pg->has_started = true;
		return;
	}
	pg->may_be_tls = pg->awaiting;
	pg->awaiting = 0;
	drop_all(l7);
}

static ptrdiff_t postgres_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at < in.len; at++) {
		struct xc_span rest = xc_span_from(in, at);

		if (dir == XC_L7_SERVER && rest.p[0] != 'Z')
			continue;	/* the one place where both sides are at rest */
		if (xc_pg_guess(rest, dir).percent)
			return (ptrdiff_t)at;
	}
	return -1;
}

/* What has all of its replies and waits only to see whether an error follows. */
static void postgres_end(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	struct xc_request *r = dir == XC_L7_SERVER ? answering(l7) : NULL;

	if (r && (r->progress & IS_FAILED))
		finish(l7, r);
}

static void postgres_done(void *state)
{
	struct postgres *pg = state;

	stop_building(pg);
	xc_sql_clear(&pg->statements);
	xc_sql_clear(&pg->portals);
}

const struct xc_l7_proto xc_l7_postgres = {
	.name = "postgres",
	.ports = { 5432, 5433, 6432, 26257 },
	.is_stream = true,
	.state_bytes = sizeof(struct postgres),
	.detect = xc_pg_detect,
	.parse = postgres_parse,
	.gap = postgres_gap,
	.sync = postgres_sync,
	.end = postgres_end,
	.done = postgres_done,
};
