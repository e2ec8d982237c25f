/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MongoDB (MongoDB Wire Protocol; bsonspec.org). Of a document only its own elements are looked at, one after the other,
 * and their values are passed over however long they are: so the "ok" behind a result of megabytes is read. Answers tell
 * the request they are for. Compressed messages are paired, but not read.
 */
#include "l7/bson.h"
#include "l7/frame.h"

#include <ctype.h>

#define HEADER 16
#define MESSAGE_MAX 48000000u	/* maxMessageSizeBytes */
#define NAME_MAX_BYTES 256	/* of an element; of what we look for none is longer */
#define VALUE_HEAD 512	/* bytes of a value that are looked at */

enum opcode {
	OP_REPLY = 1,
	OP_UPDATE = 2001,
	OP_INSERT = 2002,
	OP_QUERY = 2004,
	OP_GET_MORE = 2005,
	OP_DELETE = 2006,
	OP_KILL_CURSORS = 2007,
	OP_COMPRESSED = 2012,
	OP_MSG = 2013,
};

enum { CHECKSUM_PRESENT = 1, MORE_TO_COME = 2, EXHAUST_ALLOWED = 1 << 16 };
enum { CURSOR_NOT_FOUND = 1, QUERY_FAILURE = 2 };

enum phase { MESSAGE, SECTION, ELEMENT, REST };

/* What a server's document says. */
struct answer {
	bool has_ok, is_ok, has_code;
	int32_t code;
	int32_t write_code;	/* of the first write that failed; 0 = none */
	char code_name[XC_REQUEST_STATUS_TEXT];
};

/* One direction: where it is in its message. */
struct side {
	enum phase phase;
	enum opcode opcode;
	uint32_t id, to, flags;
	uint64_t left;	/* bytes of the message */
	uint32_t n_elements;	/* of the document so far */
	bool is_cut;
};

struct mongodb {
	struct side side[2];
	struct xc_request *asking;	/* its message is being read */
	char database[128], collection[128];	/* ... what it is about */
	struct answer answer;
	uint32_t exhaust_id;	/* the server goes on answering this message of its own */
	bool has_exhaust;
	uint32_t exhaust_flags;	/* what was in doubt of the request */
	char exhaust_method[XC_REQUEST_METHOD];
};

/* ---- detection --------------------------------------------------------------------------------------- */

static bool is_opcode(uint32_t code)
{
	return code == OP_REPLY || (code >= OP_UPDATE && code <= OP_KILL_CURSORS && code != 2003) ||
	       code == OP_COMPRESSED || code == OP_MSG;
}

static bool is_header(struct xc_rd rd)
{
	uint32_t len = xc_rd_le32(&rd);

	(void)xc_rd_le(&rd, 8);
	return len >= HEADER + 5 && len <= MESSAGE_MAX && is_opcode(xc_rd_le32(&rd)) &&
	       !rd.is_short;
}

/* The beginning of a document: its size, and an element with a name. Or an empty one. */
static bool is_document(struct xc_rd *rd)
{
	uint32_t size = xc_rd_le32(rd);
	uint8_t type = xc_rd_u8(rd), c;
	size_t n = 0;

	if (rd->is_short || size < 5 || size > MESSAGE_MAX)
		return false;
	if (!type)
		return size == 5;
	if (type > 0x13)
		return false;
	while ((c = xc_rd_u8(rd)) && n++ < 64)
		if (!isalnum(c) && !strchr("_$.-", c))
			return false;
	return n && (!c || rd->is_short);
}

static bool is_full_name(struct xc_rd *rd)
{
	struct xc_span name = xc_rd_cstring(rd);

	for (size_t i = 0; i < name.len; i++)
		if (!isgraph(name.p[i]))
			return false;
	return name.len >= 3 && name.len < 256 && memchr(name.p, '.', name.len);
}

static uint8_t weight(uint32_t opcode, struct xc_rd *rd)
{
	uint32_t first = xc_rd_le32(rd), n;

	switch (opcode) {
	case OP_MSG:
		if (first & ~(uint32_t)(CHECKSUM_PRESENT | MORE_TO_COME | EXHAUST_ALLOWED))
			return 0;
		return !xc_rd_u8(rd) && is_document(rd) ? 95 : 0;
	case OP_QUERY:
		if (first > 0xff || !is_full_name(rd))
			return 0;
		(void)xc_rd_le(rd, 8);
		return is_document(rd) ? 95 : 0;
	case OP_REPLY:
		(void)xc_rd_span(rd, 12);
		n = xc_rd_le32(rd);
		if (rd->is_short || first > 15 || n > 100000)
			return 0;
		return !n || is_document(rd) ? 90 : 0;
	case OP_COMPRESSED:
		(void)xc_rd_le32(rd);
		return is_opcode(first) && xc_rd_u8(rd) <= 3 && !rd->is_short ? 90 : 0;
	default:
		return !first && is_full_name(rd) ? 60 : 0;
	}
}

static struct xc_l7_guess guess(struct xc_span in)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	struct xc_rd rd = xc_rd(in);
	uint32_t len = xc_rd_le32(&rd), opcode;

	(void)xc_rd_le32(&rd);
	if (xc_rd_le32(&rd))
		g.dir = XC_L7_SERVER;	/* it answers */
	opcode = xc_rd_le32(&rd);
	if (rd.is_short) {
		g.wants_more = in.len < 4 || (len >= HEADER + 5 && len <= MESSAGE_MAX);
		return g;
	}
	if (len < HEADER + 5 || len > MESSAGE_MAX || !is_opcode(opcode))
		return g;
	if (opcode != OP_COMPRESSED && (opcode == OP_REPLY) != (g.dir == XC_L7_SERVER) &&
	    opcode != OP_MSG)
		return g;
	g.percent = weight(opcode, &rd);
	g.wants_more = !g.percent && rd.is_short && in.len < len;
	return g;
}

static struct xc_l7_guess mongodb_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	(void)hint;
	return guess(in);
}

/* ---- what elements say --------------------------------------------------------------------------------- */

static void keep(char *out, size_t size, struct xc_span text)
{
	size_t n = text.len < size ? text.len : size - 1;

	if (n)
		memcpy(out, text.p, n);
	out[n] = '\0';
}

/* Commands whose value is the name of a collection. */
static bool has_collection(struct xc_span command)
{
	static const char *const words[] = {
		"find",		 "insert",	"update",      "delete",      "aggregate",
		"findAndModify", "count",	"distinct",    "create",      "drop",
		"createIndexes", "dropIndexes", "listIndexes", "mapReduce",   "collStats",
		"validate",	 "compact",	"collMod",     "killCursors", "reIndex"
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (xc_span_is(command, words[i]))
			return true;
	return false;
}

static void take_command_element(struct mongodb *m, const struct xc_bson *e, bool is_first)
{
	if (is_first && m->asking)
		xc_request_method(m->asking, e->name);
	if ((is_first && has_collection(e->name)) ||
	    (!is_first && xc_span_is(e->name, "collection")))
		keep(m->collection, sizeof(m->collection), xc_bson_text(e));
	if (xc_span_is(e->name, "$db"))
		keep(m->database, sizeof(m->database), xc_bson_text(e));
}

static void take_answer_element(struct answer *a, const struct xc_bson *e)
{
	if (xc_span_is(e->name, "ok")) {
		a->has_ok = true;
		a->is_ok = xc_bson_number(e) != 0;
	} else if (xc_span_is(e->name, "code")) {
		a->code = (int32_t)xc_bson_number(e);
		a->has_code = true;
	} else if (xc_span_is(e->name, "codeName")) {
		keep(a->code_name, sizeof(a->code_name), xc_bson_text(e));
	} else if (xc_span_is(e->name, "$err")) {
		a->has_ok = true;
	} else if (xc_span_is(e->name, "writeErrors") && !a->write_code) {
		a->write_code = xc_bson_code(e->value, true);
	} else if (xc_span_is(e->name, "writeConcernError") && !a->write_code) {
		a->write_code = xc_bson_code(e->value, false);
	}
}

/* ---- messages -------------------------------------------------------------------------------------------- */

static const char *word_of(enum opcode opcode)
{
	switch (opcode) {
	case OP_UPDATE:
		return "OP_UPDATE";
	case OP_INSERT:
		return "OP_INSERT";
	case OP_QUERY:
		return "OP_QUERY";
	case OP_GET_MORE:
		return "OP_GET_MORE";
	case OP_DELETE:
		return "OP_DELETE";
	case OP_KILL_CURSORS:
		return "OP_KILL_CURSORS";
	case OP_COMPRESSED:
		return "OP_COMPRESSED";
	default:
		return "";
	}
}

static void tell_target(struct mongodb *m, struct xc_request *r)
{
	char target[sizeof(m->database) + sizeof(m->collection)];

	(void)snprintf(target, sizeof(target), "%s%s%s", m->database,
		       m->database[0] && m->collection[0] ? "." : "", m->collection);
	xc_request_target(r, (struct xc_span){ (const uint8_t *)target, strlen(target) });
	if (m->database[0])
		xc_request_attr_text(r, "db.namespace", m->database);
	if (m->collection[0])
		xc_request_attr_text(r, "db.collection.name", m->collection);
}

static bool asks_for_nothing(const struct side *s)
{
	return (s->opcode == OP_MSG && (s->flags & MORE_TO_COME)) || s->opcode == OP_UPDATE ||
	       s->opcode == OP_INSERT || s->opcode == OP_DELETE || s->opcode == OP_KILL_CURSORS;
}

static void finish_request(struct xc_l7 *l7, uint64_t ns)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[XC_L7_CLIENT];
	struct xc_request *r = m->asking;

	m->asking = NULL;
	if (!r)
		return;
	r->request_last_ns = ns;
	tell_target(m, r);
	if (s->is_cut)
		r->flags |= XC_REQUEST_TRUNCATED;
	if (asks_for_nothing(s))
		xc_l7_notice(l7, r);
	else
		xc_l7_sent(l7, r);
}

/* Codes that tell of the server: internal, network, time, elections, shutdown. */
static bool is_servers_fault(int32_t code)
{
	static const uint16_t codes[] = { 1,	 6,	7,     8,     24,    46,    50,	   89,
					  91,	 133,	134,   189,   202,   262,   8000,  9001,
					  10058, 10107, 11600, 11602, 13388, 13435, 13436, 14031 };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

static void set_status(struct xc_request *r, const struct answer *a)
{
	int32_t code = a->is_ok ? a->write_code : a->code;
	struct xc_span name = { (const uint8_t *)a->code_name,
				a->is_ok ? 0 : strlen(a->code_name) };

	if (!a->has_ok) {
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
		return;
	}
	if (a->is_ok && !code) {
		xc_request_status(r, 0, name);
		r->result = XC_RESULT_OK;
		return;
	}
	xc_request_status(r, a->is_ok || a->has_code ? code : XC_STATUS_NONE, name);
	if (r->status != XC_STATUS_NONE)
		xc_request_attr_uint(r, "db.response.status_code", (uint32_t)code);
	r->result = is_servers_fault(code) ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
}

static void set_reply_status(struct xc_request *r, const struct side *s, const struct answer *a)
{
	bool is_command = strncmp(r->method, "OP_", 3) != 0;

	if (is_command || (s->flags & QUERY_FAILURE)) {
		set_status(r, a);
	} else if (s->flags & CURSOR_NOT_FOUND) {
		xc_request_status(r, XC_STATUS_NONE,
				  (struct xc_span){ (const uint8_t *)"CursorNotFound", 14 });
		r->result = XC_RESULT_CLIENT_ERROR;
	} else {
		xc_request_status(r, 0, (struct xc_span){ 0 });
		r->result = XC_RESULT_OK;
	}
}

/* The server goes on where it has answered once: what it says now is asked for by nobody. */
static struct xc_request *open_exhaust(struct xc_l7 *l7)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[XC_L7_SERVER];
	struct xc_request *r = NULL;

	if (m->has_exhaust && s->to == m->exhaust_id)
		r = xc_l7_open(l7);
	if (!r)
		return NULL;
	r->id = s->to;
	r->by_server = true;
	r->flags |= XC_REQUEST_STREAMING | m->exhaust_flags;
	r->request_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	xc_request_method_text(r, m->exhaust_method);
	return r;
}

/* Whether a compressed message wanted an answer could not be read; those before the one that got it did not. */
static void end_compressed_before(struct xc_l7 *l7, const struct xc_request *r)
{
	struct xc_request *o = xc_l7_first(l7);

	while (o && o != r) {
		struct xc_request *next = xc_l7_next(o);

		if (!strcmp(o->method, "OP_COMPRESSED"))
			xc_l7_notice(l7, o);
		o = next;
	}
}

static void remember_exhaust(struct mongodb *m, struct xc_request *r)
{
	struct side *s = &m->side[XC_L7_SERVER];

	m->has_exhaust = s->opcode == OP_MSG && (s->flags & MORE_TO_COME);
	if (!m->has_exhaust)
		return;
	r->flags |= XC_REQUEST_STREAMING;
	m->exhaust_id = s->id;
	m->exhaust_flags = r->flags & (XC_REQUEST_GAP | XC_REQUEST_TRUNCATED);
	memcpy(m->exhaust_method, r->method, sizeof(m->exhaust_method));
}

static void finish_answer(struct xc_l7 *l7, uint64_t ns)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[XC_L7_SERVER];
	struct xc_request *r = xc_l7_find(l7, s->to), *notice = r ? NULL : open_exhaust(l7);
	struct xc_request *told = r ? r : notice;

	if (!told)
		return;
	told->response_last_ns = ns;
	if (told == m->asking) {
		told->flags |= XC_REQUEST_GAP;	/* answered before its end was seen */
		m->asking = NULL;
	}
	if (s->is_cut)
		told->flags |= XC_REQUEST_TRUNCATED;
	if (s->opcode == OP_COMPRESSED)
		told->flags |= XC_REQUEST_UNKNOWN_FIELDS;
	else if (s->opcode == OP_REPLY)
		set_reply_status(told, s, &m->answer);
	else
		set_status(told, &m->answer);
	remember_exhaust(m, told);
	if (notice) {
		notice->request_last_ns = ns;
		xc_l7_notice(l7, notice);
		return;
	}
	end_compressed_before(l7, r);
	xc_l7_answered(l7, r);
}

/* @at: last byte of the message in what parse() was given. */
static void finish(struct xc_l7 *l7, enum xc_l7_dir dir, size_t at)
{
	struct mongodb *m = l7->state;
	uint64_t ns = xc_l7_ns(l7, dir, at);

	if (dir == XC_L7_CLIENT)
		finish_request(l7, ns);
	else
		finish_answer(l7, ns);
	m->side[dir] = (struct side){ .phase = MESSAGE };
}

/* @n bytes more of the message are done with, however many are there. */
static struct xc_l7_step pass(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in, uint64_t n)
{
	struct side *s = &((struct mongodb *)l7->state)->side[dir];
	struct xc_l7_step x;

	if (n > s->left)
		return xc_l7_bad();
	x = xc_frame_pass(in, n);
	s->left -= n;
	if (!s->left && !x.skip)
		finish(l7, dir, x.n - 1);
	return x;
}

static struct xc_l7_step pass_rest(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct side *s = &((struct mongodb *)l7->state)->side[dir];

	s->phase = REST;
	return pass(l7, dir, in, s->left);
}

/* The bytes wanted are not there. */
static struct xc_l7_step want_more(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct side *s = &((struct mongodb *)l7->state)->side[dir];

	if (!l7->is_cut)
		return in.len >= s->left ? xc_l7_bad() : xc_l7_more();
	s->is_cut = true;
	return pass_rest(l7, dir, in);
}

/* "database.collection" */
static void take_full_name(struct mongodb *m, struct xc_span name)
{
	const uint8_t *dot = name.len ? memchr(name.p, '.', name.len) : NULL;
	size_t n = dot ? (size_t)(dot - name.p) : name.len;

	keep(m->database, sizeof(m->database), xc_span_first(name, n));
	if (xc_span_is(xc_span_from(name, n + 1), "$cmd"))
		return;
	keep(m->collection, sizeof(m->collection), xc_span_from(name, n + 1));
}

/* What is between the header and the first document. */
static struct xc_l7_step take_legacy(struct xc_l7 *l7, struct xc_span in)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[XC_L7_CLIENT];
	struct xc_rd rd = xc_rd(in);

	(void)xc_rd_span(&rd, HEADER + 4);
	if (s->opcode == OP_KILL_CURSORS || s->opcode == OP_COMPRESSED)
		return pass_rest(l7, XC_L7_CLIENT, in);
	take_full_name(m, xc_rd_cstring(&rd));
	if (rd.is_short) {
		s->phase = MESSAGE;
		return want_more(l7, XC_L7_CLIENT, in);
	}
	if (s->opcode != OP_QUERY || m->collection[0])
		return pass_rest(l7, XC_L7_CLIENT, in);
	(void)xc_rd_span(&rd, 8 + 4);	/* skip, return; size of the command */
	if (rd.is_short)
		return want_more(l7, XC_L7_CLIENT, in);
	s->phase = ELEMENT;
	return pass(l7, XC_L7_CLIENT, in, (uint64_t)(rd.p - in.p));
}

static void begin_request(struct xc_l7 *l7)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[XC_L7_CLIENT];
	struct xc_request *r = m->asking = xc_l7_open(l7);

	m->database[0] = m->collection[0] = '\0';
	if (!r)
		return;
	r->id = s->id;
	r->request_bytes = s->left;
	xc_request_method_text(r, word_of(s->opcode));
	if (s->opcode == OP_COMPRESSED)
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
}

static void begin_answer(struct xc_l7 *l7)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[XC_L7_SERVER];
	struct xc_request *r = xc_l7_find(l7, s->to);

	m->answer = (struct answer){ 0 };
	if (!r)
		return;
	r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	r->response_bytes += s->left;
}

/* Bytes of a message in front of its first section or document, where that is the same for all. */
static size_t fixed_bytes(enum opcode opcode)
{
	return opcode == OP_REPLY ? HEADER + 20 + 4 : HEADER + 4;
}

/* Legacy messages of a client have a name of any length; as much of it as can be of use. */
static size_t head_bytes(const struct side *s)
{
	return s->opcode == OP_MSG || s->opcode == OP_REPLY ? fixed_bytes(s->opcode) :
							      HEADER + VALUE_HEAD;
}

static struct xc_l7_step take_header(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[dir];
	struct xc_rd rd = xc_rd(in);

	if (in.len < HEADER)
		return xc_l7_more();
	if (!is_header(rd))
		return xc_l7_bad();
	*s = (struct side){ .left = xc_rd_le32(&rd) };
	s->id = xc_rd_le32(&rd);
	s->to = xc_rd_le32(&rd);
	s->opcode = (enum opcode)xc_rd_le32(&rd);
	if (!xc_frame_is_here(l7, in, s->left, head_bytes(s)) || in.len < HEADER + 4)
		return xc_l7_more();
	s->flags = xc_rd_le32(&rd);
	if (dir == XC_L7_CLIENT)
		begin_request(l7);
	else
		begin_answer(l7);
	s->phase = s->opcode == OP_REPLY ? ELEMENT : SECTION;
	if (s->opcode == OP_COMPRESSED ||
	    (s->opcode == OP_REPLY && s->left <= fixed_bytes(OP_REPLY)))
		return pass_rest(l7, dir, in);
	if (s->opcode != OP_MSG && s->opcode != OP_REPLY)
		return dir == XC_L7_CLIENT ? take_legacy(l7, xc_frame_span(in, s->left)) :
					     xc_l7_bad();
	return pass(l7, dir, in, fixed_bytes(s->opcode));
}

/* A section of OP_MSG: the document of the command, or a row of documents that go with it. */
static struct xc_l7_step take_section(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct side *s = &((struct mongodb *)l7->state)->side[dir];
	struct xc_rd rd = xc_rd(in);
	uint8_t kind;
	uint32_t size;

	if ((s->flags & CHECKSUM_PRESENT) && s->left == 4)
		return pass_rest(l7, dir, in);
	kind = xc_rd_u8(&rd);
	size = xc_rd_le32(&rd);
	if (rd.is_short)
		return want_more(l7, dir, in);
	if (kind > 1 || size < 5 || size > s->left - 1)
		return xc_l7_bad();
	if (kind == 1)
		return pass(l7, dir, in, 1 + (uint64_t)size);
	s->phase = ELEMENT;
	s->n_elements = 0;
	return pass(l7, dir, in, 5);
}

/* Old drivers wrap a command: {$query: {the command}, $readPreference: ...} */
static bool is_wrapper(const struct side *s, const struct xc_bson *e)
{
	return s->opcode == OP_QUERY && !s->n_elements && e->type == 3 &&
	       (xc_span_is(e->name, "$query") || xc_span_is(e->name, "query"));
}

static struct xc_l7_step take_element(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct mongodb *m = l7->state;
	struct side *s = &m->side[dir];
	struct xc_rd rd;
	struct xc_bson e;
	size_t n_head;

	in = xc_frame_span(in, s->left);
	rd = xc_rd(in);
	if (in.len && !in.p[0]) {	/* the end of the document */
		s->phase = s->opcode == OP_MSG ? SECTION : REST;
		return s->opcode == OP_MSG ? pass(l7, dir, in, 1) : pass_rest(l7, dir, in);
	}
	if (!xc_bson_next(&rd, &e)) {
		bool is_odd = !rd.is_short && in.len > NAME_MAX_BYTES + VALUE_HEAD;

		return is_odd || in.len > 2 * (NAME_MAX_BYTES + VALUE_HEAD) ?
			       xc_l7_bad() :
			       want_more(l7, dir, in);
	}
	n_head = (size_t)(rd.p - in.p);
	if (xc_rd_left(&rd) < 4 && xc_rd_left(&rd) < s->left - n_head)
		return want_more(l7, dir, in);
	if (e.name.len > NAME_MAX_BYTES || e.n_value > s->left - n_head)
		return xc_l7_bad();
	if (in.len < n_head + (e.n_value < VALUE_HEAD ? e.n_value : VALUE_HEAD))
		return want_more(l7, dir, in);
	if (is_wrapper(s, &e))
		return pass(l7, dir, in, n_head + 4);
	if (dir == XC_L7_CLIENT)
		take_command_element(m, &e, !s->n_elements);
	else
		take_answer_element(&m->answer, &e);
	s->n_elements++;
	return pass(l7, dir, in, n_head + e.n_value);
}

static struct xc_l7_step mongodb_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct side *s = &((struct mongodb *)l7->state)->side[dir];

	if (!in.len) {
		if (s->phase != MESSAGE && !s->left)
			finish(l7, dir, 0);
		return xc_l7_more();
	}
	switch (s->phase) {
	case MESSAGE:
		return take_header(l7, dir, in);
	case SECTION:
		return take_section(l7, dir, in);
	case ELEMENT:
		return take_element(l7, dir, in);
	default:
		return xc_l7_bad();
	}
}

/* ---- what is missing ---------------------------------------------------------------------------------------- */

static void mongodb_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct mongodb *m = l7->state;

	(void)n;
	m->side[dir] = (struct side){ .phase = MESSAGE };
	if (dir == XC_L7_CLIENT) {
		if (m->asking)
			xc_l7_abandoned(l7, m->asking, XC_REQUEST_GAP);
		m->asking = NULL;
		return;
	}
	m->has_exhaust = false;
	for (struct xc_request *r = xc_l7_first(l7); r; r = xc_l7_next(r))
		r->flags |= XC_REQUEST_GAP;	/* its answer may have been lost */
}

static ptrdiff_t mongodb_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at + HEADER < in.len; at++) {
		struct xc_l7_guess g = guess(xc_span_from(in, at));

		if (g.percent && g.dir == dir)
			return (ptrdiff_t)at;
	}
	return -1;
}

const struct xc_l7_proto xc_l7_mongodb = {
	.name = "mongodb",
	.ports = { 27017, 27018, 27019 },
	.is_stream = true,
	.state_bytes = sizeof(struct mongodb),
	.detect = mongodb_detect,
	.parse = mongodb_parse,
	.gap = mongodb_gap,
	.sync = mongodb_sync,
};
