/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcached: text and meta commands (memcached/doc/protocol.txt), and the binary protocol (BinaryProtocolRevamped).
 * Values are passed over. A quiet command is answered only when something is to be said; what silence means is known
 * from the answer to a later one. A miss is an answer, not a failure.
 */
#include "l7/l7.h"

#include <ctype.h>

#define KEY_MAX 250
#define LINE_MAX_BYTES 8192
#define VALUE_MAX (1u << 30)	/* item_size_max is 1 MiB unless configured, 1 GiB at most */
#define WORDS 24	/* of a line that are looked at */
#define HEADER 24	/* bytes: of a binary message */
#define REQUEST_MAGIC 0x80
#define RESPONSE_MAGIC 0x81

/* r->progress: opcode or row of verbs, and */
#define QUIET 0x100
#define HAS_OPAQUE 0x200
#define IS_BINARY 0x400

/* How sure a line is this protocol's: percent. */
struct verb {
	char name[16];
	uint8_t key;	/* word that is the (first) key; 0 = none */
	uint8_t length;	/* word that is the length of the value behind the line; 0 = none */
	uint8_t n_words;	/* at least */
	uint8_t percent;
	bool is_meta;
};

static const struct verb verbs[] = {
	{ "get", 1, 0, 2, 70, false },	    { "gets", 1, 0, 2, 70, false },
	{ "gat", 2, 0, 3, 80, false },	    { "gats", 2, 0, 3, 80, false },
	{ "set", 1, 4, 5, 90, false },	    { "add", 1, 4, 5, 90, false },
	{ "replace", 1, 4, 5, 90, false },  { "append", 1, 4, 5, 90, false },
	{ "prepend", 1, 4, 5, 90, false },  { "cas", 1, 4, 6, 90, false },
	{ "delete", 1, 0, 2, 70, false },   { "incr", 1, 0, 3, 70, false },
	{ "decr", 1, 0, 3, 70, false },	    { "touch", 1, 0, 3, 70, false },
	{ "mg", 1, 0, 2, 80, true },	    { "ms", 1, 2, 3, 90, true },
	{ "md", 1, 0, 2, 80, true },	    { "ma", 1, 0, 2, 80, true },
	{ "me", 1, 0, 2, 80, true },	    { "mn", 0, 0, 1, 60, true },
	{ "stats", 0, 0, 1, 40, false },    { "version", 0, 0, 1, 40, false },
	{ "flush_all", 0, 0, 1, 60, false }, { "verbosity", 0, 0, 2, 40, false },
	{ "quit", 0, 0, 1, 0, false },	    { "watch", 0, 0, 1, 0, false },
	{ "slabs", 0, 0, 2, 0, false },	    { "lru", 0, 0, 2, 0, false },
	{ "", 0, 0, 1, 0, false },	    { "lru_crawler", 0, 0, 2, 0, false }, { "cache_memlimit", 0, 0, 2, 0, false },
};

struct opcode {
	char name[12];
	uint8_t extras;	/* bytes of a request */
	bool has_key, has_value, is_quiet;
};

static const struct opcode opcodes[] = {
	[0x00] = { "GET", 0, true, false, false },
	[0x01] = { "SET", 8, true, true, false },
	[0x02] = { "ADD", 8, true, true, false },
	[0x03] = { "REPLACE", 8, true, true, false },
	[0x04] = { "DELETE", 0, true, false, false },
	[0x05] = { "INCREMENT", 20, true, false, false },
	[0x06] = { "DECREMENT", 20, true, false, false },
	[0x07] = { "QUIT", 0, false, false, false },
	[0x08] = { "FLUSH", 0, false, false, false },
	[0x09] = { "GETQ", 0, true, false, true },
	[0x0a] = { "NOOP", 0, false, false, false },
	[0x0b] = { "VERSION", 0, false, false, false },
	[0x0c] = { "GETK", 0, true, false, false },
	[0x0d] = { "GETKQ", 0, true, false, true },
	[0x0e] = { "APPEND", 0, true, true, false },
	[0x0f] = { "PREPEND", 0, true, true, false },
	[0x10] = { "STAT", 0, false, false, false },
	[0x11] = { "SETQ", 8, true, true, true },
	[0x12] = { "ADDQ", 8, true, true, true },
	[0x13] = { "REPLACEQ", 8, true, true, true },
	[0x14] = { "DELETEQ", 0, true, false, true },
	[0x15] = { "INCREMENTQ", 20, true, false, true },
	[0x16] = { "DECREMENTQ", 20, true, false, true },
	[0x17] = { "QUITQ", 0, false, false, true },
	[0x18] = { "FLUSHQ", 0, false, false, true },
	[0x19] = { "APPENDQ", 0, true, true, true },
	[0x1a] = { "PREPENDQ", 0, true, true, true },
	[0x1b] = { "VERBOSITY", 4, false, false, false },
	[0x1c] = { "TOUCH", 4, true, false, false },
	[0x1d] = { "GAT", 4, true, false, false },
	[0x1e] = { "GATQ", 4, true, false, true },
	[0x20] = { "SASL_LIST", 0, false, false, false },
	[0x21] = { "SASL_AUTH", 0, true, true, false },
	[0x22] = { "SASL_STEP", 0, true, true, false },
	[0x23] = { "GATK", 4, true, false, false },
	[0x24] = { "GATKQ", 4, true, false, true },
};

#define OP_FLUSH 0x08
#define OP_STAT 0x10
#define OP_QUITQ 0x17
#define OP_FLUSHQ 0x18

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
	char word[16], key[KEY_MAX + 1];
};

enum verdict { NO, MAYBE, YES };

/* ---- text: reading ------------------------------------------------------------------------------------- */

struct line {
	struct xc_span word[WORDS];
	size_t n_words;
	size_t len;	/* bytes, its end included */
};

static enum verdict read_line(struct xc_span in, struct line *l)
{
	const uint8_t *end = in.len ? memchr(in.p, '\n', in.len) : NULL;
	size_t n = end ? (size_t)(end - in.p) : in.len, at = 0;

	l->n_words = 0;
	l->len = n + 1;
	if (n > LINE_MAX_BYTES)
		return NO;
	if (end && n && in.p[n - 1] == '\r')
		n--;
	while (at < n && l->n_words < WORDS) {
		size_t begin = at;

		while (at < n && in.p[at] != ' ') {
			if ((in.p[at] < ' ' || in.p[at] == 0x7f) &&
			    !(at + 1 == in.len && in.p[at] == '\r'))
				return NO;
			at++;
		}
		if (at > begin)
			l->word[l->n_words++] = (struct xc_span){ in.p + begin, at - begin };
		at++;
	}
	return end ? YES : MAYBE;
}

static bool is_text(struct xc_span s, const char *text)
{
	return s.len == strlen(text) && (!s.len || !memcmp(s.p, text, s.len));
}

static bool read_decimal(struct xc_span s, uint64_t *ret_value)
{
	uint64_t x = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (!isdigit(s.p[i]) || i >= 18)
			return false;
		x = x * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret_value = x;
	return s.len;
}

static const struct verb *find_verb(struct xc_span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (is_text(word, verbs[i].name))
			return &verbs[i];
	return NULL;
}

/* A command whose numbers are numbers; NULL: it is none. *ret_value: bytes of the value behind the line. */
static const struct verb *read_command(const struct line *l, uint64_t *ret_value)
{
	const struct verb *v = l->n_words ? find_verb(l->word[0]) : NULL;
	uint64_t flags, x;

	*ret_value = 0;
	if (!v || l->n_words < v->n_words || (v->key && l->word[v->key].len > KEY_MAX))
		return NULL;
	if (v->length && (!read_decimal(l->word[v->length], ret_value) || *ret_value > VALUE_MAX))
		return NULL;
	if (v->length == 4 && !read_decimal(l->word[2], &flags))
		return NULL;
	if ((is_text(l->word[0], "incr") || is_text(l->word[0], "decr")) &&
	    !read_decimal(l->word[2], &x))
		return NULL;
	return v;
}

/* A command we, or the server, do not know: it answers "ERROR". */
static bool is_unknown_command(const struct line *l)
{
	const struct xc_span word = l->word[0];

	for (size_t i = 0; i < word.len; i++)
		if (!islower(word.p[i]) && word.p[i] != '_')
			return false;
	return word.len < 16;
}

/* ---- binary: reading ----------------------------------------------------------------------------------- */

struct header {
	uint8_t magic, opcode, extras;
	uint16_t key_len, status;	/* status: of a response; vbucket of a request */
	uint32_t body, opaque;
	struct xc_span key;
	size_t n;	/* bytes up to the value */
};

static enum verdict read_header(struct xc_span in, uint8_t magic, struct header *h)
{
	struct xc_rd rd = xc_rd(in);
	uint8_t type;

	h->magic = xc_rd_u8(&rd);
	h->opcode = xc_rd_u8(&rd);
	h->key_len = xc_rd_be16(&rd);
	h->extras = xc_rd_u8(&rd);
	type = xc_rd_u8(&rd);
	h->status = xc_rd_be16(&rd);
	h->body = xc_rd_be32(&rd);
	h->opaque = xc_rd_be32(&rd);
	(void)xc_rd_be(&rd, 8);	/* cas */
	if (in.len && h->magic != magic)
		return NO;
	if (rd.is_short)
		return MAYBE;
	if (h->opcode >= ARRAY_SIZE(opcodes) || !opcodes[h->opcode].name[0] || type ||
	    h->key_len > KEY_MAX || h->extras > 20 || h->body > VALUE_MAX ||
	    h->body < (uint32_t)h->key_len + h->extras)
		return NO;
	(void)xc_rd_span(&rd, h->extras);
	h->key = xc_rd_span(&rd, h->key_len);
	h->n = HEADER + (size_t)h->extras + h->key_len;
	return rd.is_short ? MAYBE : YES;
}

/* Does the shape of a request fit its opcode? */
static bool is_request_shape(const struct header *h)
{
	const struct opcode *o = &opcodes[h->opcode];
	bool is_flush = h->opcode == OP_FLUSH || h->opcode == OP_FLUSHQ;

	if (h->extras != o->extras && !(is_flush && h->extras == 4))
		return false;
	if (!h->key_len == o->has_key && h->opcode != OP_STAT)
		return false;
	return o->has_value || h->body == (uint32_t)h->key_len + h->extras;
}

/* ---- detection ----------------------------------------------------------------------------------------- */

static struct xc_l7_guess memcached_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	const struct verb *verb;
	struct header h;
	struct line l;
	uint64_t value;
	enum verdict v = read_header(in, REQUEST_MAGIC, &h);

	(void)hint;
	if (v == MAYBE)
		g.wants_more =
			in.len < 2 || (in.p[1] < ARRAY_SIZE(opcodes) && opcodes[in.p[1]].name[0]);
	if (v == YES && is_request_shape(&h))
		g.percent = 95;
	if (v != NO)
		return g;
	v = read_line(in, &l);
	verb = v == YES ? read_command(&l, &value) : NULL;
	if (verb)
		g.percent = verb->percent;
	else if (v == MAYBE && l.n_words)
		g.wants_more = l.n_words > 1 ? find_verb(l.word[0]) != NULL :
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
				XC_REQUEST_GAP); /* it was answered while it waited behind a hole */
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
static void read_flags(struct xc_request *r, const struct line *l, size_t first)
{
	for (size_t i = first; i < l->n_words; i++) {
		if (l->word[i].p[0] == 'q')
			r->progress |= QUIET;
		else if (l->word[i].p[0] == 'O' &&
			 read_decimal(xc_span_from(l->word[i], 1), &r->id))
			r->progress |= HAS_OPAQUE;
	}
}

static struct xc_l7_step take_line(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;
	struct line l;
	enum verdict v = read_line(in, &l);
	const struct verb *verb;
	struct xc_request *r;
	uint64_t value;

	if (v != YES)
		return v == NO ? xc_l7_bad() : xc_l7_more();
	if (!l.n_words)
		return xc_l7_took(l.len);
	verb = read_command(&l, &value);
	if (!verb && (k->has_gap || !is_unknown_command(&l)))
		return xc_l7_bad();
	if (!verb)
		verb = find_verb((struct xc_span){ 0 });
	k->asking = r = xc_l7_open(l7);
	k->is_one_way = is_text(l.word[0], "quit") ||
			(!verb->is_meta && is_text(l.word[l.n_words - 1], "noreply"));
	if (r) {
		put_upper(r, l.word[0]);
		r->progress = (uint16_t)(verb - verbs);
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
	const struct opcode *o;
	struct header h;
	enum verdict v = read_header(in, REQUEST_MAGIC, &h);

	if (v != YES)
		return v == NO ? xc_l7_bad() : xc_l7_more();
	o = &opcodes[h.opcode];
	k->asking = xc_l7_open(l7);
	k->is_one_way = h.opcode == OP_QUITQ;
	if (k->asking) {
		xc_request_method(k->asking,
				  (struct xc_span){ (const uint8_t *)o->name, strlen(o->name) });
		xc_request_target(k->asking, h.key);
		k->asking->id = h.opaque;
		k->asking->progress =
			(uint16_t)(IS_BINARY | HAS_OPAQUE | h.opcode | (o->is_quiet ? QUIET : 0));
	}
	return go_on(l7, h.n, (uint64_t)h.body + HEADER - h.n);
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
	return in.p[0] == REQUEST_MAGIC ? take_message(l7, in) : take_line(l7, in);
}

/* ---- whose answer is it? ------------------------------------------------------------------------------- */

static const struct verb *verb_of(const struct xc_request *r)
{
	return &verbs[r->progress & 0xff];
}

/* A meta reply to a command that keeps quiet about it: never sent. */
static bool is_silenced(const struct xc_request *r, struct xc_span word)
{
	if (verb_of(r)->name[1] == 'g')
		return is_text(word, "EN");
	return is_text(word, "HD") || (is_text(word, "NF") && verb_of(r)->name[1] != 's');
}

/* Is @word one that @v can be answered with? */
static bool is_answer_of(const struct verb *v, struct xc_span word)
{
	char second = v->is_meta ? v->name[1] : '\0';

	if (is_text(word, "MN") || second == 'n')
		return is_text(word, "MN") && second == 'n';
	if (is_text(word, "VA"))
		return second == 'g' || second == 'a';
	if (is_text(word, "EN"))
		return second == 'g' || second == 'e';
	if (is_text(word, "HD") || is_text(word, "NS") || is_text(word, "EX"))
		return v->is_meta;
	return !is_text(word, "END") || !v->is_meta;
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
	"ERROR",   "CLIENT_ERROR", "SERVER_ERROR", "STORED", "NOT_STORED", "EXISTS", "NOT_FOUND",
	"END",	   "DELETED",	   "TOUCHED",	   "OK",     "VERSION",	   "RESET",  "HD",
	"EN",	   "NF",	   "NS",	   "EX",     "MN",	   "ME",     "BUSY",
	"BADCLASS", "NOSPARE",	   "NOTFULL",	   "UNSAFE", "SAME",
};

#define N_ERRORS 3

static int find_answer_word(struct xc_span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (is_text(word, words[i]))
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
	if (k->has_value && is_text(word, "END"))
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
static void read_reply_flags(struct memcached *k, const struct line *l, size_t first)
{
	for (size_t i = first; i < l->n_words; i++) {
		struct xc_span value = xc_span_from(l->word[i], 1);

		if (l->word[i].p[0] == 'O')
			k->reply.has_opaque = read_decimal(value, &k->reply.opaque);
		else if (l->word[i].p[0] == 'k')
			k->reply.key = keep(value, k->key, sizeof(k->key));
	}
}

/* VALUE <key> <flags> <bytes> [<cas>], of which END is the last */
static struct xc_l7_step take_value_line(struct xc_l7 *l7, const struct line *l)
{
	struct memcached *k = l7->state;
	uint64_t bytes;

	if (l->n_words < 4 || !read_decimal(l->word[3], &bytes) || bytes > VALUE_MAX)
		return xc_l7_bad();
	k->has_value = true;
	return take_part(l7, l->len, bytes + 2, false);
}

static bool is_middle(struct xc_span word)
{
	return is_text(word, "STAT") || is_text(word, "ITEM") || is_text(word, "PREFIX");
}

static struct xc_l7_step take_answer_line(struct xc_l7 *l7, struct xc_span in)
{
	struct memcached *k = l7->state;
	struct line l;
	enum verdict v = read_line(in, &l);
	uint64_t bytes = 0;
	bool is_va, is_number;

	if (v != YES)
		return v == NO ? xc_l7_bad() : xc_l7_more();
	if (!l.n_words)
		return xc_l7_bad();
	if (is_text(l.word[0], "VALUE"))
		return take_value_line(l7, &l);
	if (is_middle(l.word[0]))
		return take_part(l7, l.len, 0, false);
	is_va = is_text(l.word[0], "VA");
	is_number = l.n_words == 1 && read_decimal(l.word[0], &bytes);
	if (is_va && (l.n_words < 2 || !read_decimal(l.word[1], &bytes) || bytes > VALUE_MAX))
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
	struct header h;
	enum verdict v = read_header(in, RESPONSE_MAGIC, &h);

	if (v != YES)
		return v == NO ? xc_l7_bad() : xc_l7_more();
	k->reply = (struct reply){ .kind = IS_BINARY | h.opcode,
				   .has_opaque = true,
				   .opaque = h.opaque,
				   .status = h.status };
	if (h.opcode != OP_STAT)
		k->reply.key = keep(h.key, k->key, sizeof(k->key));
	/* STAT is answered by a message each, the last one is empty */
	return take_part(l7, h.n, (uint64_t)h.body + HEADER - h.n,
			 h.opcode != OP_STAT || !h.body || h.status);
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
	return in.p[0] == RESPONSE_MAGIC ? take_response(l7, in) : take_answer_line(l7, in);
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
	struct header h;
	struct line l;
	uint64_t value;

	if (read_header(in, dir == XC_L7_CLIENT ? REQUEST_MAGIC : RESPONSE_MAGIC, &h) == YES)
		return dir == XC_L7_SERVER || is_request_shape(&h);
	if (read_line(in, &l) != YES || !l.n_words)
		return false;
	if (dir == XC_L7_CLIENT)
		return read_command(&l, &value);
	return find_answer_word(l.word[0]) >= 0 || is_text(l.word[0], "VALUE") ||
	       is_text(l.word[0], "VA");
}

static ptrdiff_t memcached_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at < in.len; at++)
		if ((!at || in.p[at - 1] == '\n' || in.p[at] >= REQUEST_MAGIC) &&
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
