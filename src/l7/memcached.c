/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcached: text and meta commands (memcached/doc/protocol.txt), and the binary protocol (BinaryProtocolRevamped).
 * Values are passed over. A quiet command is answered only when something is to be said; what silence means is known
 * from the answer to a later one. A miss is an answer, not a failure.
 */
#include "l7/l7.h"
#include "l7/memcached_wire.h"

#include <ctype.h>

/* r->progress: opcode or row of verbs, and */
#define QUIET 0x100
#define HAS_OPAQUE 0x200
#define IS_BINARY 0x400

/* One answer, or one part of one. */
struct reply {
	uint16_t kind;	/* IS_BINARY and the opcode; 0 = text */
	bool has_opaque;
	uint64_t opaque;
	struct xc_span key;	/* when it tells it */
	struct xc_span word;	/* text; empty: a number */
	uint16_t status;	/* binary */
};

struct memcached {
	struct xc_request *asking;	/* its value is being sent */
	bool is_in_value[2];	/* a value is passed over */
	bool is_one_way;	/* the command at hand */
	bool is_watching;	/* the server says what it likes from here on */
	bool has_gap;	/* in what the client sent */
	uint64_t orphan_ns;	/* last answer to a command we did not see */
	/* the answer at hand */
	bool is_replying, has_value;
	bool is_last;	/* behind the value that is passed over it is complete */
	uint64_t first_ns, n_bytes;
	struct reply reply;	/* its spans point into these: */
	char word[16], key[XC_MEMCACHED_KEY_MAX + 1];
};

/* ---- detection ----------------------------------------------------------------------------------------- */

static struct xc_l7_guess memcached_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	const struct xc_memcached_verb *verb;
	struct xc_memcached_header h;
	struct xc_memcached_line l;
	uint64_t value;
	enum xc_memcached_verdict v = xc_memcached_header(in, XC_MEMCACHED_REQUEST_MAGIC, &h);

	(void)hint;
	if (v == XC_MEMCACHED_MAYBE)
		g.wants_more = in.len < 2 || xc_memcached_opcode(in.p[1]);
	if (v == XC_MEMCACHED_YES && xc_memcached_is_shape(&h))
		g.percent = 95;
	if (v != XC_MEMCACHED_NO)
		return g;
	v = xc_memcached_line(in, &l);
	verb = v == XC_MEMCACHED_YES ? xc_memcached_command(&l, &value) : NULL;
	if (verb)
		g.percent = verb->percent;
	else if (v == XC_MEMCACHED_MAYBE && l.n_words)
		g.wants_more = l.n_words > 1 ? xc_memcached_verb(l.word[0]) != NULL :
					       in.len < 16 && islower(in.p[0]);
	return g;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

/* The command is complete with what arrived at @ns. */
static void finish_command(struct xc_l7 *l7, uint64_t ns)
{
	struct memcached *k = l7->state;
	struct xc_request *r = k->asking;

	k->asking = NULL;
	if (!r)
		return;
	r->request_last_ns = ns;
	if (r->progress & QUIET)
		r->result = XC_RESULT_OK;	/* if nothing is heard of it */
	if (k->is_one_way)
		xc_l7_notice(l7, r);
	else if (k->has_gap && ns <= k->orphan_ns)
		xc_l7_abandoned(l7, r,
				XC_REQUEST_GAP);	/* it was answered while it waited behind a hole */
	else
		xc_l7_sent(l7, r);
}

/* A command of @n bytes, and @value bytes behind it. */
static struct xc_l7_step go_on(struct xc_l7 *l7, size_t n, uint64_t value)
{
	struct memcached *k = l7->state;

	if (k->asking)
		k->asking->request_bytes = n + value;
	k->is_in_value[XC_L7_CLIENT] = value;
	if (value)
		return xc_l7_skip(n, value);
	finish_command(l7, xc_l7_ns(l7, XC_L7_CLIENT, n - 1));
	return xc_l7_took(n);
}

static void put_upper(struct xc_request *r, struct xc_span word)
{
	uint8_t text[XC_REQUEST_METHOD];
	size_t n = word.len < sizeof(text) ? word.len : sizeof(text);

	for (size_t i = 0; i < n; i++)
		text[i] = (uint8_t)toupper(word.p[i]);
	xc_request_method(r, (struct xc_span){ text, n });
}

/* Flags of a meta command: q quiet, O<token> opaque. */
static void read_flags(struct xc_request *r, const struct xc_memcached_line *l, size_t first)
{
	for (size_t i = first; i < l->n_words; i++) {
		if (l->word[i].p[0] == 'q')
			r->progress |= QUIET;
		else if (l->word[i].p[0] == 'O' &&
			 xc_memcached_decimal(xc_span_from(l->word[i], 1), &r->id))
			r->progress |= HAS_OPAQUE;
	}
}

static struct xc_l7_step take_line(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;
	struct xc_memcached_line l;
	enum xc_memcached_verdict v = xc_memcached_line(in, &l);
	const struct xc_memcached_verb *verb;
	struct xc_request *r;
	uint64_t value;

	if (v != XC_MEMCACHED_YES)
		return v == XC_MEMCACHED_NO ? xc_l7_bad() : xc_l7_more();
	if (!l.n_words)
		return xc_l7_took(l.len);
	verb = xc_memcached_command(&l, &value);
	if (!verb && (k->has_gap || !xc_memcached_is_unknown(&l)))
		return xc_l7_bad();
	if (!verb)
		verb = xc_memcached_verb((struct xc_span){ 0 });
	k->asking = r = xc_l7_open(l7);
	k->is_one_way = xc_memcached_is(l.word[0], "quit") ||
			(!verb->is_meta && xc_memcached_is(l.word[l.n_words - 1], "noreply"));
	if (r) {
		put_upper(r, l.word[0]);
		r->progress = (uint16_t)xc_memcached_verb_row(verb);
		if (verb->key)
			xc_request_target(r, l.word[verb->key]);
		if (verb->is_meta)
			read_flags(r, &l, verb->n_words);
	}
	return go_on(l7, l.len, verb->length ? value + 2 : 0);
}

static struct xc_l7_step take_message(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;
	const struct xc_memcached_opcode *o;
	struct xc_memcached_header h;
	enum xc_memcached_verdict v = xc_memcached_header(in, XC_MEMCACHED_REQUEST_MAGIC, &h);

	if (v != XC_MEMCACHED_YES)
		return v == XC_MEMCACHED_NO ? xc_l7_bad() : xc_l7_more();
	o = xc_memcached_opcode(h.opcode);
	k->asking = xc_l7_open(l7);
	k->is_one_way = h.opcode == XC_MEMCACHED_OP_QUITQ;
	if (k->asking) {
		xc_request_method(k->asking,
				  (struct xc_span){ (const uint8_t *)o->name, strlen(o->name) });
		xc_request_target(k->asking, h.key);
		k->asking->id = h.opaque;
		k->asking->progress =
			(uint16_t)(IS_BINARY | HAS_OPAQUE | h.opcode | (o->is_quiet ? QUIET : 0));
	}
	return go_on(l7, h.n, (uint64_t)h.body + XC_MEMCACHED_HEADER - h.n);
}

static struct xc_l7_step parse_client(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;

	if (!in.len) {
		if (k->is_in_value[XC_L7_CLIENT])
			finish_command(l7, xc_l7_ns(l7, XC_L7_CLIENT, 0));
		k->is_in_value[XC_L7_CLIENT] = false;
		return xc_l7_took(0);
	}
	return in.p[0] == XC_MEMCACHED_REQUEST_MAGIC ? take_message(l7, in) : take_line(l7, in);
}

/* ---- whose answer is it? ------------------------------------------------------------------------------- */

static const struct xc_memcached_verb *verb_of(const struct xc_request *r)
{
	return xc_memcached_verb_at(r->progress & 0xff);
}

/* A meta reply to a command that keeps quiet about it: never sent. */
static bool is_silenced(const struct xc_request *r, struct xc_span word)
{
	if (verb_of(r)->name[1] == 'g')
		return xc_memcached_is(word, "EN");
	return xc_memcached_is(word, "HD") ||
	       (xc_memcached_is(word, "NF") && verb_of(r)->name[1] != 's');
}

/* Is @word one that @v can be answered with? */
static bool is_answer_of(const struct xc_memcached_verb *v, struct xc_span word)
{
	char second = v->is_meta ? v->name[1] : '\0';

	if (xc_memcached_is(word, "MN") || second == 'n')
		return xc_memcached_is(word, "MN") && second == 'n';
	if (xc_memcached_is(word, "VA"))
		return second == 'g' || second == 'a';
	if (xc_memcached_is(word, "EN"))
		return second == 'g' || second == 'e';
	if (xc_memcached_is(word, "HD") || xc_memcached_is(word, "NS") ||
	    xc_memcached_is(word, "EX"))
		return v->is_meta;
	return !xc_memcached_is(word, "END") || !v->is_meta;
}

/* Can the reply be for @r, as far as both tell? */
static bool can_be_for(const struct xc_request *r, const struct reply *x)
{
	if ((r->progress & IS_BINARY) != (x->kind & IS_BINARY))
		return false;
	if (x->has_opaque && (r->progress & HAS_OPAQUE) && r->id != x->opaque)
		return false;
	if (x->key.len && r->target[0] &&
	    (strlen(r->target) != x->key.len || memcmp(r->target, x->key.p, x->key.len)))
		return false;
	if (x->kind & IS_BINARY)
		return (r->progress & 0xff) == (x->kind & 0xff);
	if (!is_answer_of(verb_of(r), x->word))
		return false;
	return !(r->progress & QUIET) || !is_silenced(r, x->word);
}

/* Was nothing said about @r, up to the answer of a later one? Then all is well, but we were not told. */
static void answered_by_silence(struct xc_l7 *l7, struct xc_request *r)
{
	r->flags |= XC_REQUEST_INFERRED_STATUS;
	xc_l7_answered(l7, r);
}

static struct xc_request *find_from(struct xc_request *r, const struct reply *x)
{
	while (r && !can_be_for(r, x))
		r = xc_l7_next(r);
	return r;
}

/* The command that the reply is for; those before it were kept quiet about, or their answers were lost. */
static struct xc_request *pick(struct xc_l7 *l7, const struct reply *x)
{
	struct xc_request *r = find_from(xc_l7_first(l7), x), *o;

	for (o = xc_l7_first(l7); r && o != r; o = xc_l7_first(l7)) {
		if (o->progress & QUIET)
			answered_by_silence(l7, o);
		else
			xc_l7_abandoned(l7, o, XC_REQUEST_GAP);
	}
	if (r && (r->progress & QUIET) && find_from(xc_l7_next(r), x))
		r->flags |= XC_REQUEST_INFERRED_STATUS;	/* or for a later one */
	return r;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Words that end an answer in text; the first of them are errors. */
static const char *const words[] = {
	"ERROR",    "CLIENT_ERROR", "SERVER_ERROR", "STORED", "NOT_STORED", "EXISTS", "NOT_FOUND",
	"END",	    "DELETED",	    "TOUCHED",	    "OK",     "VERSION",    "RESET",  "HD",
	"EN",	    "NF",	    "NS",	    "EX",     "MN",	    "ME",     "BUSY",
	"BADCLASS", "NOSPARE",	    "NOTFULL",	    "UNSAFE", "SAME",
};

#define N_ERRORS 3

static int find_answer_word(struct xc_span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (xc_memcached_is(word, words[i]))
			return (int)i;
	return -1;
}

static const char *status_name(uint16_t status)
{
	static const struct {
		uint16_t status;
		const char *name;
	} rows[] = {
		{ 0x00, "SUCCESS" },
		{ 0x01, "KEY_NOT_FOUND" },
		{ 0x02, "KEY_EXISTS" },
		{ 0x03, "VALUE_TOO_LARGE" },
		{ 0x04, "INVALID_ARGUMENTS" },
		{ 0x05, "ITEM_NOT_STORED" },
		{ 0x06, "NON_NUMERIC_VALUE" },
		{ 0x07, "WRONG_VBUCKET" },
		{ 0x20, "AUTHENTICATION_ERROR" },
		{ 0x21, "AUTHENTICATION_CONTINUE" },
		{ 0x81, "UNKNOWN_COMMAND" },
		{ 0x82, "OUT_OF_MEMORY" },
		{ 0x83, "NOT_SUPPORTED" },
		{ 0x84, "INTERNAL_ERROR" },
		{ 0x85, "BUSY" },
		{ 0x86, "TEMPORARY_FAILURE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			return rows[i].name;
	return "";
}

static enum xc_result binary_result(uint16_t status)
{
	if (status >= 0x82)
		return status == 0x83 ? XC_RESULT_CLIENT_ERROR : XC_RESULT_SERVER_ERROR;
	if (status == 0x07)
		return XC_RESULT_SERVER_ERROR;
	return status <= 0x02 || status == 0x05 || status == 0x21 ? XC_RESULT_OK :
								    XC_RESULT_CLIENT_ERROR;
}

static void put_status(const struct memcached *k, struct xc_request *r)
{
	const struct reply *x = &k->reply;
	struct xc_span word = x->word;
	int i = find_answer_word(word);

	if (x->kind & IS_BINARY) {
		const char *name = status_name(x->status);

		xc_request_status(r, x->status,
				  (struct xc_span){ (const uint8_t *)name, strlen(name) });
		r->result = binary_result(x->status);
		return;
	}
	if (k->has_value && xc_memcached_is(word, "END"))
		word = (struct xc_span){ (const uint8_t *)"VALUE", 5 };
	xc_request_status(r, i >= 0 && i < N_ERRORS,
			  word.len ? word : (struct xc_span){ (const uint8_t *)"", 0 });
	r->result = XC_RESULT_OK;
	if (r->status)
		r->result = i == 2 ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
}

static void finish_answer(struct xc_l7 *l7, uint64_t ns)
{
	struct memcached *k = l7->state;
	struct xc_request *r = pick(l7, &k->reply);

	k->is_replying = false;
	if (!r) {
		k->orphan_ns = ns;
		return;
	}
	put_status(k, r);
	r->response_first_ns = k->first_ns;
	r->response_last_ns = ns;
	r->response_bytes = k->n_bytes;
	if (k->asking == r) {
		r->flags |= XC_REQUEST_TRUNCATED;	/* not all of the command was seen */
		k->asking = NULL;
	}
	if (!strcmp(r->method, "WATCH") && !r->status) {
		r->flags |= XC_REQUEST_STREAMING;
		k->is_watching = true;
	}
	xc_l7_answered(l7, r);
}

/* @n bytes, and @value bytes behind them, belong to the answer at hand; @is_last: it ends with them. */
static struct xc_l7_step take_part(struct xc_l7 *l7, size_t n, uint64_t value, bool is_last)
{
	struct memcached *k = l7->state;

	if (!k->is_replying)
		k->n_bytes = 0;
	if (!k->is_replying)
		k->first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	k->is_replying = true;
	k->n_bytes += n + value;
	k->is_last = is_last;
	k->is_in_value[XC_L7_SERVER] = value;
	if (value)
		return xc_l7_skip(n, value);
	if (is_last)
		finish_answer(l7, xc_l7_ns(l7, XC_L7_SERVER, n - 1));
	return xc_l7_took(n);
}

static struct xc_span keep(struct xc_span s, char *out, size_t size)
{
	size_t n = s.len < size ? s.len : size;

	if (n)
		memcpy(out, s.p, n);
	return (struct xc_span){ (const uint8_t *)out, n };
}

/* Flags of a meta answer: O<token> and k<key> tell whose it is. */
static void read_reply_flags(struct memcached *k, const struct xc_memcached_line *l, size_t first)
{
	for (size_t i = first; i < l->n_words; i++) {
		struct xc_span value = xc_span_from(l->word[i], 1);

		if (l->word[i].p[0] == 'O')
			k->reply.has_opaque = xc_memcached_decimal(value, &k->reply.opaque);
		else if (l->word[i].p[0] == 'k')
			k->reply.key = keep(value, k->key, sizeof(k->key));
	}
}

/* VALUE <key> <flags> <bytes> [<cas>], of which END is the last */
static struct xc_l7_step take_value_line(struct xc_l7 *l7, const struct xc_memcached_line *l)
{
	struct memcached *k = l7->state;
	uint64_t bytes;

	if (l->n_words < 4 || !xc_memcached_decimal(l->word[3], &bytes) ||
	    bytes > XC_MEMCACHED_VALUE_MAX)
		return xc_l7_bad();
	k->has_value = true;
	return take_part(l7, l->len, bytes + 2, false);
}

static bool is_middle(struct xc_span word)
{
	return xc_memcached_is(word, "STAT") || xc_memcached_is(word, "ITEM") ||
	       xc_memcached_is(word, "PREFIX");
}

static struct xc_l7_step take_answer_line(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;
	struct xc_memcached_line l;
	enum xc_memcached_verdict v = xc_memcached_line(in, &l);
	uint64_t bytes = 0;
	bool is_va, is_number;

	if (v != XC_MEMCACHED_YES)
		return v == XC_MEMCACHED_NO ? xc_l7_bad() : xc_l7_more();
	if (!l.n_words)
		return xc_l7_bad();
	if (xc_memcached_is(l.word[0], "VALUE"))
		return take_value_line(l7, &l);
	if (is_middle(l.word[0]))
		return take_part(l7, l.len, 0, false);
	is_va = xc_memcached_is(l.word[0], "VA");
	is_number = l.n_words == 1 && xc_memcached_decimal(l.word[0], &bytes);
	if (is_va && (l.n_words < 2 || !xc_memcached_decimal(l.word[1], &bytes) ||
		      bytes > XC_MEMCACHED_VALUE_MAX))
		return xc_l7_bad();
	if (!is_va && !is_number && find_answer_word(l.word[0]) < 0)
		return xc_l7_bad();
	k->has_value &= k->is_replying;
	k->reply = (struct reply){ 0 };
	if (!is_number)
		k->reply.word = keep(l.word[0], k->word, sizeof(k->word));
	if (l.word[0].len == 2)
		read_reply_flags(k, &l, is_va ? 2 : 1);
	return take_part(l7, l.len, is_va ? bytes + 2 : 0, true);
}

static struct xc_l7_step take_response(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;
	struct xc_memcached_header h;
	enum xc_memcached_verdict v = xc_memcached_header(in, XC_MEMCACHED_RESPONSE_MAGIC, &h);

	if (v != XC_MEMCACHED_YES)
		return v == XC_MEMCACHED_NO ? xc_l7_bad() : xc_l7_more();
	k->reply = (struct reply){ .kind = IS_BINARY | h.opcode,
				   .has_opaque = true,
				   .opaque = h.opaque,
				   .status = h.status };
	if (h.opcode != XC_MEMCACHED_OP_STAT)
		k->reply.key = keep(h.key, k->key, sizeof(k->key));
	/* STAT is answered by a message each, the last one is empty */
	return take_part(l7, h.n, (uint64_t)h.body + XC_MEMCACHED_HEADER - h.n,
			 h.opcode != XC_MEMCACHED_OP_STAT || !h.body || h.status);
}

static struct xc_l7_step parse_server(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;

	if (!in.len) {
		if (k->is_in_value[XC_L7_SERVER] && k->is_last)
			finish_answer(l7, xc_l7_ns(l7, XC_L7_SERVER, 0));
		k->is_in_value[XC_L7_SERVER] = false;
		return xc_l7_took(0);
	}
	if (k->is_watching)
		return xc_l7_skip(in.len, UINT64_MAX);
	return in.p[0] == XC_MEMCACHED_RESPONSE_MAGIC ? take_response(l7, in) :
							take_answer_line(l7, in);
}

static struct xc_l7_step memcached_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	return dir == XC_L7_CLIENT ? parse_client(l7, in) : parse_server(l7, in);
}

/* ---- what is missing ----------------------------------------------------------------------------------- */

/* Commands before a hole in what the client sent keep their answers; behind one in the answers nobody knows whose is next. */
static void memcached_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct memcached *k = l7->state;
	struct xc_request *r = k->asking;

	(void)n;
	k->is_in_value[dir] = false;
	k->asking = NULL;
	if (dir == XC_L7_CLIENT) {
		k->has_gap = true;
		if (r) {
			r->flags |= XC_REQUEST_GAP;
			xc_l7_sent(l7, r);
		}
		return;
	}
	k->is_replying = false;
	xc_l7_abandon_all(l7, XC_REQUEST_GAP);
}

static bool begins_message(enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_memcached_header h;
	struct xc_memcached_line l;
	uint64_t value;

	if (xc_memcached_header(in,
				dir == XC_L7_CLIENT ? XC_MEMCACHED_REQUEST_MAGIC :
						      XC_MEMCACHED_RESPONSE_MAGIC,
				&h) == XC_MEMCACHED_YES)
		return dir == XC_L7_SERVER || xc_memcached_is_shape(&h);
	if (xc_memcached_line(in, &l) != XC_MEMCACHED_YES || !l.n_words)
		return false;
	if (dir == XC_L7_CLIENT)
		return xc_memcached_command(&l, &value);
	return find_answer_word(l.word[0]) >= 0 || xc_memcached_is(l.word[0], "VALUE") ||
	       xc_memcached_is(l.word[0], "VA");
}

static ptrdiff_t memcached_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at < in.len; at++)
		if ((!at || in.p[at - 1] == '\n' || in.p[at] >= XC_MEMCACHED_REQUEST_MAGIC) &&
		    begins_message(dir, xc_span_from(in, at)))
			return (ptrdiff_t)at;
	return -1;
}

const struct xc_l7_proto xc_l7_memcached = {
	.name = "memcached",
	.ports = { 11211 },
	.is_stream = true,
	.state_bytes = sizeof(struct memcached),
	.detect = memcached_detect,
	.parse = memcached_parse,
	.gap = memcached_gap,
	.sync = memcached_sync,
};
