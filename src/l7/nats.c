/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NATS client protocol (NATS documentation, "Client Protocol"). A line tells what it is and how many bytes follow; those
 * are passed over. PING is answered by PONG. What else a client says is answered, with +OK or -ERR, only when its CONNECT asks for that
 * ("verbose"); otherwise it is a notice, as are messages.
 */
#include "l7/l7.h"

#include <ctype.h>
#include <strings.h>

#define LINE_MAX_BYTES 4096	/* max_control_line of the server */
#define OPTIONS_MAX 32768	/* INFO and CONNECT: a JSON object with tokens and lists of servers */
#define PAYLOAD_MAX (64u << 20)
#define MAX_WORDS 6

enum answer { NO_ANSWER, OK, PONG };	/* xc_request.progress: what it waits for */

enum operation {
	OP_INFO,
	OP_CONNECT,
	OP_PUB,
	OP_HPUB,
	OP_SUB,
	OP_UNSUB,
	OP_MSG,
	OP_HMSG,
	OP_PING,
	OP_PONG,
	OP_OK,
	OP_ERR,
	_OP_MAX,
};

/* Words behind the name, without those that may be left out; one word may be. size: the last is the length of what follows. */
static const struct {
	const char *name;
	bool from[2];	/* by enum xc_l7_dir */
	uint8_t n_words;
	bool has_optional, has_size;
	uint8_t percent;	/* that a line is of NATS */
} operations[] = {
	[OP_INFO] = { "INFO", { false, true }, 0, false, false, 95 },
	[OP_CONNECT] = { "CONNECT", { true, false }, 0, false, false, 95 },
	[OP_PUB] = { "PUB", { true, false }, 2, true, true, 70 },
	[OP_HPUB] = { "HPUB", { true, false }, 3, true, true, 80 },
	[OP_SUB] = { "SUB", { true, false }, 2, true, false, 55 },
	[OP_UNSUB] = { "UNSUB", { true, false }, 1, true, false, 45 },
	[OP_MSG] = { "MSG", { false, true }, 3, true, true, 75 },
	[OP_HMSG] = { "HMSG", { false, true }, 4, true, true, 80 },
	[OP_PING] = { "PING", { true, true }, 0, false, false, 0 },	/* Redis has it, too, */
	[OP_PONG] = { "PONG", { true, true }, 0, false, false, 30 },
	[OP_OK] = { "+OK", { false, true }, 0, false, false, 0 },	/* and this */
	[OP_ERR] = { "-ERR", { false, true }, 0, false, false, 0 },
};
_Static_assert(ARRAY_SIZE(operations) == _OP_MAX, "a row for each");

struct nats {
	bool is_verbose;
	bool is_greeted;	/* TLS may begin behind INFO */
	bool has_connected;
};

struct line {
	enum operation op;
	size_t n;	/* bytes, with its end */
	struct xc_span rest;	/* behind the name */
	struct xc_span words[MAX_WORDS];
	uint8_t n_words;
	uint64_t size;	/* of what follows, without its line end; */
	uint64_t header_size;	/* of it, headers (HPUB, HMSG) */
};

/* ---- lines ------------------------------------------------------------------------------------------ */

static struct xc_span next_word(struct xc_span *s)
{
	struct xc_span word;
	size_t n = 0;

	while (s->len && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = xc_span_from(*s, 1);
	while (n < s->len && isgraph(s->p[n]))
		n++;
	word = xc_span_first(*s, n);
	*s = xc_span_from(*s, n);
	return word;
}

static bool read_size(struct xc_span word, uint64_t *ret_size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < word.len; i++) {
		if (!isdigit(word.p[i]) || n > PAYLOAD_MAX)
			return false;
		n = n * 10 + (word.p[i] - '0');
	}
	*ret_size = n;
	return word.len && n <= PAYLOAD_MAX;
}

static bool is_object(struct xc_span s)
{
	struct xc_span word = next_word(&s);

	return word.len && word.p[0] == '{';
}

/* Do the words fit the operation? */
static bool read_words(struct line *l)
{
	struct xc_span rest = l->rest;
	uint8_t want = operations[l->op].n_words;

	if (l->op == OP_INFO || l->op == OP_CONNECT)
		return is_object(rest);
	if (l->op == OP_ERR)
		return true;
	for (struct xc_span word; (word = next_word(&rest)).len; l->words[l->n_words++] = word)
		if (l->n_words == MAX_WORDS)
			return false;
	if (rest.len || l->n_words < want || l->n_words > want + operations[l->op].has_optional)
		return false;
	if (operations[l->op].has_size && !read_size(l->words[l->n_words - 1], &l->size))
		return false;
	if ((l->op == OP_HPUB || l->op == OP_HMSG) &&
	    !read_size(l->words[l->n_words - 2], &l->header_size))
		return false;
	return l->header_size <= l->size;
}

/* The line at the front of @in. False: it is none of @dir; or it is not all there, then l->n is 0. */
static bool read_line(struct xc_span in, enum xc_l7_dir dir, struct line *l)
{
	const uint8_t *end = in.len ? memchr(in.p, '\n', in.len) : NULL;
	struct xc_span text, name;

	*l = (struct line){ 0 };
	if (!end)
		return false;
	l->n = (size_t)(end - in.p) + 1;
	text = xc_span_first(in, l->n - 1);
	if (text.len && text.p[text.len - 1] == '\r')
		text.len--;
	if (!text.len || !isgraph(text.p[0]))
		return false;
	name = next_word(&text);
	l->rest = text;
	for (l->op = 0; l->op < _OP_MAX; l->op++)
		if (operations[l->op].from[dir] && xc_span_is(name, operations[l->op].name))
			return read_words(l);
	return false;
}

/* Is @in, which has no end, the beginning of such a line? */
static bool may_be_line(struct xc_span in, enum xc_l7_dir dir)
{
	struct xc_span rest = in, name = next_word(&rest);

	for (size_t i = 0; i < _OP_MAX; i++) {
		const char *want = operations[i].name;

		if (!operations[i].from[dir] || (rest.len && !xc_span_is(name, want)) ||
		    name.len > strlen(want))
			continue;
		if (rest.len || !strncasecmp((const char *)name.p, want, name.len))
			return true;
	}
	return false;
}

static struct xc_l7_guess nats_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = hint->dir };
	struct line l;

	for (int dir = 0; dir < 2; dir++) {
		if (read_line(in, (enum xc_l7_dir)dir, &l) && operations[l.op].percent) {
			g.percent = operations[l.op].percent;
			if (!operations[l.op].from[!dir])
				g.dir = (enum xc_l7_dir)dir;
			return g;
		}
		g.wants_more |= !l.n && may_be_line(in, (enum xc_l7_dir)dir);
	}
	return g;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static struct xc_request *open_line(struct xc_l7 *l7, enum xc_l7_dir dir, const struct line *l)
{
	struct xc_request *r = xc_l7_open(l7);
	uint64_t bytes = l->n + (operations[l->op].has_size ? l->size + 2 : 0);

	if (!r)
		return NULL;
	xc_request_method_text(r, operations[l->op].name);
	r->by_server = dir == XC_L7_SERVER;
	r->request_first_ns = xc_l7_ns(l7, dir, 0);
	r->request_last_ns = xc_l7_ns(l7, dir, l->n - 1);
	if (r->by_server)
		r->response_bytes = bytes;
	else
		r->request_bytes = bytes;
	return r;
}

static void describe(struct xc_request *r, const struct line *l)
{
	bool is_message = operations[l->op].has_size;

	if (l->op != OP_SUB && !is_message)
		return;
	xc_request_target(r, l->words[0]);
	xc_request_attr(r, "messaging.destination.name", l->words[0]);
	if (is_message)
		xc_request_attr_uint(r, "messaging.message.body.size", l->size - l->header_size);
	else if (l->n_words == 3)
		xc_request_attr(r, "messaging.consumer.group.name", l->words[1]);
}

/* @waits_for: what will answer it. */
static void take_request(struct xc_l7 *l7, const struct line *l, enum answer waits_for)
{
	struct xc_request *r = open_line(l7, XC_L7_CLIENT, l);

	if (!r)
		return;
	describe(r, l);
	r->progress = (uint16_t)waits_for;
	if (waits_for == NO_ANSWER)
		xc_l7_notice(l7, r);
	else
		xc_l7_sent(l7, r);
}

static void set_error(struct xc_request *r, struct xc_span text)
{
	size_t n;

	while (text.len && (text.p[0] == ' ' || text.p[0] == '\''))
		text = xc_span_from(text, 1);
	while (text.len && text.p[text.len - 1] == '\'')
		text.len--;
	for (n = 0; n < text.len && text.p[n] != '"'; n++)
		;	/* behind it is the subject */
	while (n && text.p[n - 1] == ' ')
		n--;
	xc_request_status(r, 1, xc_span_first(text, n));
	r->result = XC_RESULT_CLIENT_ERROR;
}

static void take_notice(struct xc_l7 *l7, const struct line *l)
{
	struct xc_request *r = open_line(l7, XC_L7_SERVER, l);

	if (!r)
		return;
	describe(r, l);
	if (l->op == OP_ERR)
		set_error(r, l->rest);
	xc_l7_notice(l7, r);
}

/* Answers come in order: what is before the oldest that waits for @what was not answered in what we saw. */
static struct xc_request *find(struct xc_l7 *l7, enum answer what)
{
	struct xc_request *r = xc_l7_first(l7);

	while (r && r->progress != what)
		r = xc_l7_next(r);
	while (r && xc_l7_first(l7) != r)
		xc_l7_abandoned(l7, xc_l7_first(l7), XC_REQUEST_GAP);
	return r;
}

static void answer(struct xc_l7 *l7, struct xc_request *r, const struct line *l)
{
	r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, l->n - 1);
	r->response_bytes = l->n;
	if (l->op == OP_ERR)
		set_error(r, l->rest);
	else if (r->status == XC_STATUS_NONE) {
		xc_request_status(r, 0, (struct xc_span){ 0 });
		r->result = XC_RESULT_OK;
	}
	/* what it complains of in this way the server confirms all the same */
	if (l->op != OP_ERR || strcmp(r->status_text, "Invalid Publish Subject") != 0)
		xc_l7_answered(l7, r);
}

static void take_answer(struct xc_l7 *l7, const struct line *l)
{
	struct xc_request *r = xc_l7_first(l7);

	if (l->op != OP_ERR)
		r = find(l7, l->op == OP_PONG ? PONG : OK);
	else if (r && r->progress != OK)
		r = NULL;	/* not about it: PING cannot fail */
	if (r)
		answer(l7, r, l);
	if (l->op == OP_ERR)
		take_notice(l7, l);	/* also of what nobody waits for */
}

/* Is "@key":true among the options? What else they hold is not looked at: there are secrets among them. */
static bool is_option(struct xc_span options, const char *key, bool if_absent)
{
	size_t n = strlen(key);

	for (size_t i = 0; i + n + 2 < options.len; i++) {
		struct xc_span at = xc_span_from(options, i + n + 2);

		if (options.p[i] != '"' || memcmp(options.p + i + 1, key, n) != 0 ||
		    options.p[i + n + 1] != '"')
			continue;
		while (at.len && (isspace(at.p[0]) || at.p[0] == ':'))
			at = xc_span_from(at, 1);
		return xc_span_starts(at, "true");
	}
	return if_absent;
}

static void take_client_line(struct xc_l7 *l7, const struct line *l)
{
	struct nats *n = l7->state;

	if (l->op == OP_CONNECT) {
		n->has_connected = true;
		n->is_verbose = is_option(l->rest, "verbose", true);
	}
	if (l->op == OP_PING)
		take_request(l7, l, PONG);
	else if (l->op != OP_PONG)
		take_request(l7, l, n->is_verbose ? OK : NO_ANSWER);
}

static void take_server_line(struct xc_l7 *l7, const struct line *l)
{
	struct nats *n = l7->state;

	n->is_greeted |= l->op == OP_INFO;
	if (l->op == OP_OK || l->op == OP_PONG || l->op == OP_ERR)
		take_answer(l7, l);
	else
		take_notice(l7, l);
}

static struct xc_l7_step nats_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct nats *n = l7->state;
	struct line l;

	if (!in.len)
		return xc_l7_more();
	if (dir == XC_L7_CLIENT && in.p[0] == 0x16 && n->is_greeted && !n->has_connected) {
		xc_l7_become(l7, xc_l7_proto_named("tls"));
		return xc_l7_took(0);
	}
	if (in.p[0] == '\r' || in.p[0] == '\n')
		return xc_l7_took(1);
	if (!read_line(in, dir, &l)) {
		bool is_object_line =
			in.len > 7 && (in.p[0] | 0x20) == (dir == XC_L7_CLIENT ? 'c' : 'i');

		if (l.n || in.len > (is_object_line ? OPTIONS_MAX : LINE_MAX_BYTES) ||
		    !may_be_line(in, dir))
			return xc_l7_bad();
		return xc_l7_more();
	}
	if (dir == XC_L7_CLIENT)
		take_client_line(l7, &l);
	else
		take_server_line(l7, &l);
	return operations[l.op].has_size ? xc_l7_skip(l.n, l.size + 2) : xc_l7_took(l.n);
}

/* ---- what is missing -------------------------------------------------------------------------------------- */

static void nats_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	(void)n;
	if (dir == XC_L7_SERVER)
		xc_l7_abandon_all(l7, XC_REQUEST_GAP);
}

static ptrdiff_t nats_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at < in.len; at++) {
		struct line l;

		if ((!at || in.p[at - 1] == '\n') && read_line(xc_span_from(in, at), dir, &l))
			return (ptrdiff_t)at;
	}
	return -1;
}

const struct xc_l7_proto xc_l7_nats = {
	.name = "nats",
	.ports = { 4222 },
	.is_stream = true,
	.state_bytes = sizeof(struct nats),
	.detect = nats_detect,
	.parse = nats_parse,
	.gap = nats_gap,
	.sync = nats_sync,
};
