/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis: RESP2 and RESP3 (redis.io/docs/reference/protocol-spec). Commands are answered in order; pushes and published
 * messages are nobody's answer. Of a command its name and its first key are kept, of an answer nothing but whether it
 * is an error: values are passed over by their length.
 */
#include "l7/l7.h"
#include "l7/redis_wire.h"

#include <ctype.h>

#define ARGS_MAX (1u << 20)	/* of one command: proto-max-multibulk-len */
#define KEPT_MAX 512	/* bytes of an argument that is looked at */
#define LINE_MAX_BYTES 256	/* of a line that is looked at */
#define INLINE_MAX 65536	/* PROTO_INLINE_MAX_SIZE */
#define DEPTH_MAX 32	/* replies within each other; COMMAND DOCS has about ten */
#define MUTE_ALL 255

/* What the reply at hand is. */
enum kind {
	ANSWER,	/* to the oldest command */
	CONFIRMATION,	/* one of several, for one SUBSCRIBE */
	PUSH,	/* nobody asked */
	MAYBE_PUSH,	/* its first element tells */
};

struct redis {
	/* the command at hand */
	struct xc_request *asking;	/* NULL = nobody's we know */
	const struct xc_redis_command *command;
	uint32_t n_args, arg;	/* n_args 0: between commands */
	bool has_no_key;
	uint8_t mute;	/* commands that get no answer: CLIENT REPLY; MUTE_ALL = until further notice */
	/* the connection */
	bool is_resp3, is_subscribed, is_monitor;
	bool has_gap;	/* in what the client sent */
	uint64_t orphan_ns;	/* last reply to a command we did not see */
	/* the reply at hand */
	bool is_replying;
	bool is_in_line;	/* of a line that is passed over */
	bool is_in_bulk;	/* of a value that is passed over */
	enum kind kind;
	uint8_t depth;
	uint32_t attributes;	/* levels that are attributes: bit by depth */
	uint64_t left[DEPTH_MAX];	/* elements */
	uint64_t n_elements;	/* seen at the first level */
	uint64_t first_ns, n_bytes;
	bool is_error;
	char word[XC_REDIS_WORD_MAX + 1];	/* of the error, or of what is pushed */
};

/* ---- detection ---------------------------------------------------------------------------------------- */

/* What is published to a subscriber: the server speaks, and nothing else does. */
static bool is_published(struct xc_span in)
{
	if (!in.len || (in.p[0] != '*' && in.p[0] != '>'))
		return false;
	in = xc_span_from(in, 1);
	return xc_span_starts(in, "3\r\n$7\r\nmessage\r\n$") ||
	       xc_span_starts(in, "3\r\n$8\r\nsmessage\r\n$") ||
	       xc_span_starts(in, "4\r\n$8\r\npmessage\r\n$");
}

static struct xc_l7_guess redis_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	struct xc_span word;
	enum xc_redis_verdict v = xc_redis_is_array(in, &word);

	if (is_published(in)) {
		g.dir = XC_L7_SERVER;
		g.percent = 90;
	} else if (v == XC_REDIS_NO) {
		g.percent = hint->is_start && xc_redis_is_inline(in) ? 40 : 0;
	} else if (xc_redis_command(word)) {
		/* a reply can look like a command as well: not when all of it is there */
		g.percent = hint->knows_role || v == XC_REDIS_YES ? 95 : 60;
	} else if (word.len) {
		g.percent = hint->knows_role ? 60 : 0;	/* a module's */
	} else {
		g.wants_more = true;
	}
	return g;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static bool is_method(const struct xc_request *r, const char *name)
{
	return !strcmp(r->method, name);
}

/* SUBSCRIBE and its kin, which are confirmed channel by channel. */
static bool is_subscription(const struct xc_request *r)
{
	return strstr(r->method, "SUBSCRIBE") != NULL;
}

static void set_mute(struct redis *k, struct xc_span mode)
{
	if (xc_span_is(mode, "on"))
		k->mute = 0;
	else if (xc_span_is(mode, "off"))
		k->mute = MUTE_ALL;
	else if (xc_span_is(mode, "skip") && k->mute != MUTE_ALL)
		k->mute = 2;	/* this one and the next */
}

/* "CONFIG" and "GET" become "CONFIG GET". */
static void put_subcommand(struct xc_request *r, struct xc_span word)
{
	char text[XC_REQUEST_METHOD + XC_REDIS_WORD_MAX + 2], sub[XC_REDIS_WORD_MAX + 1];
	int n;

	if (!xc_redis_is_word(word))
		return;
	xc_redis_upper(word, sub);
	n = snprintf(text, sizeof(text), "%s %s", r->method, sub);
	xc_request_method(r, (struct xc_span){ (const uint8_t *)text, (size_t)n });
}

/* Is argument @i one that is looked at? */
static bool is_wanted(const struct redis *k, uint32_t i)
{
	const struct xc_redis_command *c = k->command;

	if (!i)
		return true;
	if (!c || !k->asking)
		return false;
	return (i == 1 && c->has_sub) || i == c->key || (i == 2 && c->key == 3) ||
	       (i == 2 && is_method(k->asking, "CLIENT REPLY"));
}

static void on_arg(struct redis *k, uint32_t i, struct xc_span value)
{
	struct xc_request *r = k->asking;
	char name[XC_REDIS_WORD_MAX + 1];

	if (!i) {
		k->command = xc_redis_command(value);
		xc_redis_upper(value, name);
		if (r)
			xc_request_method(r,
					  (struct xc_span){ (const uint8_t *)name, strlen(name) });
		return;
	}
	if (!r)
		return;
	if (i == 1 && k->command->has_sub)
		put_subcommand(r, value);
	else if (i == k->command->key && !k->has_no_key)
		xc_request_target(r, value);
	else if (i == 2 && k->command->key == 3)
		k->has_no_key = xc_span_is(value, "0");
	else if (i == 2 && !k->command->key)
		set_mute(k, value);
}

/* The command is complete with what arrived at @ns. */
static void finish_command(struct xc_l7 *l7, uint64_t ns)
{
	struct redis *k = l7->state;
	struct xc_request *r = k->asking;
	uint32_t n_args = k->n_args;
	bool is_mute = k->mute;

	k->n_args = 0;
	k->asking = NULL;
	k->mute -= k->mute && k->mute != MUTE_ALL;
	if (!r)
		return;
	r->request_last_ns = ns;
	if (is_subscription(r)) {
		k->is_subscribed = true;
		r->progress = (uint16_t)(n_args > UINT16_MAX ? UINT16_MAX : n_args - (n_args > 1));
	}
	if (is_mute)
		xc_l7_notice(l7, r);
	else if (k->has_gap && ns <= k->orphan_ns)
		xc_l7_abandoned(l7, r,
				XC_REQUEST_GAP);	/* it was answered while it waited behind a hole */
	else
		xc_l7_sent(l7, r);
}

static struct xc_request *begin_command(struct xc_l7 *l7, uint32_t n_args)
{
	struct redis *k = l7->state;

	k->asking = xc_l7_open(l7);
	k->command = NULL;
	k->n_args = n_args;
	k->arg = 0;
	k->has_no_key = false;
	return k->asking;
}

static struct xc_l7_step take_array_head(struct xc_l7 *l7, struct xc_span in)
{
	struct xc_request *r;
	int64_t n;
	size_t len;
	enum xc_redis_verdict v = xc_redis_number(in, &n, &len);

	if (v != XC_REDIS_YES)
		return v == XC_REDIS_NO ? xc_l7_bad() : xc_l7_more();
	if (n > ARGS_MAX)
		return xc_l7_bad();
	if (n <= 0)
		return xc_l7_took(len);	/* asks for nothing, and is not answered */
	r = begin_command(l7, (uint32_t)n);
	if (r)
		r->request_bytes = len;
	return xc_l7_took(len);
}

/* One line, in words. Only where its first word is a command: this is what a hole may end in. */
static struct xc_l7_step take_inline(struct xc_l7 *l7, struct xc_span in)
{
	struct redis *k = l7->state;
	const uint8_t *end = memchr(in.p, '\n', in.len);
	struct xc_span line = { in.p, end ? (size_t)(end - in.p) : 0 }, word;
	size_t n = line.len + 1;

	if (!end)
		return in.len > INLINE_MAX ? xc_l7_bad() : xc_l7_more();
	word = xc_redis_next_word(&line);
	if (!word.len)
		return xc_l7_took(n);
	if (!xc_redis_command(word))
		return xc_l7_bad();
	if (begin_command(l7, 1))
		k->asking->request_bytes = n;
	for (uint32_t i = 0; word.len; i++, word = xc_redis_next_word(&line)) {
		k->n_args = i + 1;
		if (is_wanted(k, i))
			on_arg(k, i, word);
	}
	finish_command(l7, xc_l7_ns(l7, XC_L7_CLIENT, n - 1));
	return xc_l7_took(n);
}

/* The argument in front is @len bytes behind a head of @head. */
static enum xc_redis_verdict look_at_arg(struct redis *k, struct xc_span in, size_t head,
					 uint64_t len)
{
	struct xc_span value;

	if (!is_wanted(k, k->arg))
		return XC_REDIS_YES;
	if (len > KEPT_MAX) {
		if (k->asking)
			k->asking->flags |= XC_REQUEST_TRUNCATED;	/* too long for a key */
		return k->arg ? XC_REDIS_YES : XC_REDIS_NO;
	}
	if (in.len < head + len + 2)
		return XC_REDIS_MAYBE;
	value = (struct xc_span){ in.p + head, (size_t)len };
	if (memcmp(value.p + len, "\r\n", 2) || (!k->arg && !xc_redis_is_word(value)))
		return XC_REDIS_NO;
	on_arg(k, k->arg, value);
	return XC_REDIS_YES;
}

static struct xc_l7_step take_arg(struct xc_l7 *l7, struct xc_span in)
{
	struct redis *k = l7->state;
	uint64_t len = 0;
	size_t head = 0;
	enum xc_redis_verdict v = xc_redis_bulk(in, &len, &head);

	if (v == XC_REDIS_YES)
		v = look_at_arg(k, in, head, len);
	if (v != XC_REDIS_YES)
		return v == XC_REDIS_NO ? xc_l7_bad() : xc_l7_more();
	k->arg++;
	len += head + 2;
	if (k->asking)
		k->asking->request_bytes += len;
	if (len > in.len)
		return xc_l7_skip(in.len, len - in.len);
	if (k->arg == k->n_args)
		finish_command(l7, xc_l7_ns(l7, XC_L7_CLIENT, (size_t)len - 1));
	return xc_l7_took((size_t)len);
}

static struct xc_l7_step parse_client(struct xc_l7 *l7, struct xc_span in)
{
	struct redis *k = l7->state;

	if (!in.len) {	/* an argument has been passed */
		if (k->n_args && k->arg == k->n_args)
			finish_command(l7, xc_l7_ns(l7, XC_L7_CLIENT, 0));
		return xc_l7_took(0);
	}
	if (k->n_args)
		return take_arg(l7, in);
	return in.p[0] == '*' ? take_array_head(l7, in) : take_inline(l7, in);
}

/* ---- replies ------------------------------------------------------------------------------------------- */

/* The state of the server, or of the cluster, is to blame; other errors are for the command. */
static bool is_server_error(const char *word)
{
	static const char *const words[] = { "BUSY",	   "CLUSTERDOWN", "IOERR",
					     "INPROG",	   "LOADING",	  "MASTERDOWN",
					     "MISCONF",	   "NOGOODSLAVE", "NOMASTERLINK",
					     "NOREPLICAS", "OOM",	  "READONLY",
					     "TRYAGAIN",   "UNKILLABLE" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static void put_status(const struct redis *k, struct xc_request *r)
{
	const char *word = k->is_error || !strcmp(k->word, "QUEUED") ? k->word : "OK";

	xc_request_status(r, k->is_error, (struct xc_span){ (const uint8_t *)word, strlen(word) });
	if (!k->is_error)
		r->result = XC_RESULT_OK;
	else
		r->result =
			is_server_error(k->word) ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
}

static void put_times(const struct redis *k, struct xc_request *r, uint64_t ns)
{
	if (!r->response_first_ns)
		r->response_first_ns = k->first_ns;
	r->response_last_ns = ns;
	r->response_bytes += k->n_bytes;
}

/* Nobody asked for it. */
static void finish_push(struct xc_l7 *l7, uint64_t ns)
{
	struct redis *k = l7->state;
	struct xc_request *r = xc_l7_open(l7);

	if (!r)
		return;
	xc_request_method(r, (struct xc_span){ (const uint8_t *)k->word, strlen(k->word) });
	r->request_first_ns = 0;
	r->by_server = true;
	put_times(k, r, ns);
	xc_l7_notice(l7, r);
}

/* What it has asked for changes how the connection is read. */
static void after_answer(struct xc_l7 *l7, struct xc_request *r)
{
	struct redis *k = l7->state;

	if (k->is_error)
		return;
	if (is_method(r, "MONITOR"))
		k->is_monitor = true;
	else if (is_method(r, "RESET"))
		k->is_monitor = k->is_subscribed = k->is_resp3 = false;
	else if (is_method(r, "PSYNC") || is_method(r, "SYNC"))
		xc_l7_stop_both(
			l7);	/* a replica: what follows is a dump, then commands of the server */
	if (is_method(r, "MONITOR") || is_subscription(r))
		r->flags |= XC_REQUEST_STREAMING;
}

static void finish_answer(struct xc_l7 *l7, uint64_t ns)
{
	struct redis *k = l7->state;
	struct xc_request *r = xc_l7_first(l7);

	if (!r || (k->kind == CONFIRMATION && !is_method(r, k->word))) {
		k->orphan_ns = ns;
		return;
	}
	put_times(k, r, ns);
	if (k->kind == CONFIRMATION && r->progress > 1) {
		r->progress--;
		return;
	}
	put_status(k, r);
	after_answer(l7, r);
	if (k->asking == r) {
		r->flags |= XC_REQUEST_TRUNCATED;	/* not all of the command was seen */
		k->asking = NULL;
	}
	xc_l7_answered(l7, r);
}

static void finish_reply(struct xc_l7 *l7, uint64_t ns)
{
	struct redis *k = l7->state;

	k->is_replying = false;
	if (k->kind == PUSH)
		finish_push(l7, ns);
	else
		finish_answer(l7, ns);
}

/* A value is complete, and with it those around it of which it is the last. */
static void finish_value(struct xc_l7 *l7, uint64_t ns)
{
	struct redis *k = l7->state;

	while (k->depth) {
		k->n_elements += k->depth == 1;
		if (--k->left[k->depth - 1])
			return;
		k->depth--;
		if (k->attributes >> k->depth & 1) {
			k->attributes &= ~(1u << k->depth);
			return;	/* what they belong to follows */
		}
	}
	finish_reply(l7, ns);
}

/* RESP2 sends what is published as an array: an answer may be taken for it only where one is awaited. */
static bool may_be_published(struct xc_l7 *l7)
{
	struct redis *k = l7->state;
	const struct xc_request *r = xc_l7_first(l7);

	return !k->is_resp3 && (!r || k->is_subscribed || is_subscription(r));
}

static void begin_value(struct xc_l7 *l7, uint8_t type)
{
	struct redis *k = l7->state;

	k->is_resp3 |= strchr(">%~_#,(=!|", type) != NULL;
	if (k->depth)
		return;
	if (!k->is_replying) {
		k->is_replying = true;
		k->is_error = false;
		k->word[0] = '\0';
		k->n_bytes = 0;
		k->first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	}
	k->n_elements = 0;
	k->kind = ANSWER;
	if (type == '>')
		k->kind = PUSH;
	else if (type == '*' && may_be_published(l7))
		k->kind = MAYBE_PUSH;
	else if (type == '+' && k->is_monitor && !xc_l7_first(l7))
		k->kind = PUSH;
	if (k->kind == PUSH && type == '+')
		xc_redis_upper((struct xc_span){ (const uint8_t *)"MONITOR", 7 }, k->word);
}

/* The first word of an array tells whether somebody asked for it. */
static void classify(struct redis *k, struct xc_span word)
{
	if (xc_redis_is_word(word))
		xc_redis_upper(word, k->word);
	if (strstr(k->word, "SUBSCRIBE"))
		k->kind = CONFIRMATION;
	else if (k->kind == MAYBE_PUSH)
		k->kind = strstr(k->word, "MESSAGE") ? PUSH : ANSWER;
}

static bool tells_kind(const struct redis *k)
{
	return k->depth == 1 && !k->n_elements && !k->attributes &&
	       (k->kind == PUSH || k->kind == MAYBE_PUSH);
}

/* "-ERR text": the word counts. Those within EXEC's array are its own. */
static void on_error(struct xc_l7 *l7, struct xc_span text)
{
	struct redis *k = l7->state;
	const struct xc_request *r = xc_l7_first(l7);
	struct xc_span word = xc_redis_next_word(&text);

	if (k->is_error || k->kind == PUSH || (k->depth && !(r && is_method(r, "EXEC"))))
		return;
	k->is_error = true;
	k->word[0] = '\0';
	for (size_t i = 0; i < word.len; i++)
		if (!isupper(word.p[i]) && !isdigit(word.p[i]) && word.p[i] != '_')
			return;	/* a script's own words */
	xc_redis_upper(word, k->word);
}

static void on_text(struct redis *k, struct xc_span text)
{
	if (tells_kind(k))
		classify(k, text);
	else if (!k->depth && k->kind == ANSWER && xc_span_is(text, "QUEUED"))
		xc_redis_upper(text, k->word);
}

static bool is_line_valid(uint8_t type, struct xc_span line)
{
	if (type == '_')
		return !line.len;
	if (type == '#')
		return line.len == 1 && (line.p[0] == 't' || line.p[0] == 'f');
	for (size_t i = 0; i < line.len; i++) {
		if ((type == ':' || type == '(') && !isdigit(line.p[i]) && (i || line.p[0] != '-'))
			return false;
		if (line.p[i] < ' ' && line.p[i] != '\t')
			return false;
	}
	return line.len || type == '+';
}

/* What goes up to the end of the line. @in begins with its type. */
static struct xc_l7_step take_line(struct xc_l7 *l7, struct xc_span in)
{
	struct redis *k = l7->state;
	uint8_t type = in.p[0];
	const uint8_t *end = memchr(in.p, '\r', in.len);
	struct xc_span line = xc_span_from(in, 1);
	size_t n;

	line.len = end ? (size_t)(end - line.p) : line.len;
	n = line.len + 3;
	if (n > in.len && line.len < LINE_MAX_BYTES)
		return is_line_valid('+', line) ? xc_l7_more() : xc_l7_bad();
	if ((n <= in.len && in.p[n - 1] != '\n') ||
	    !is_line_valid(type, xc_span_first(line, LINE_MAX_BYTES)))
		return xc_l7_bad();
	begin_value(l7, type);
	if (type == '-')
		on_error(l7, line);
	else if (type == '+')
		on_text(k, line);
	k->is_in_line = n > in.len;
	n = n > in.len ? in.len : n;
	k->n_bytes += n;
	if (!k->is_in_line)
		finish_value(l7, xc_l7_ns(l7, XC_L7_SERVER, n - 1));
	return xc_l7_took(n);
}

static struct xc_l7_step pass_line(struct xc_l7 *l7, struct xc_span in)
{
	struct redis *k = l7->state;
	const uint8_t *end = memchr(in.p, '\n', in.len);
	size_t n = end ? (size_t)(end - in.p) + 1 : in.len;

	k->n_bytes += n;
	k->is_in_line = !end;
	if (end)
		finish_value(l7, xc_l7_ns(l7, XC_L7_SERVER, n - 1));
	return xc_l7_took(n);
}

/* $ bulk string, = verbatim string, ! bulk error; @len bytes and a line's end behind a head of @head */
static struct xc_l7_step take_bulk(struct xc_l7 *l7, struct xc_span in, int64_t len, size_t head)
{
	struct redis *k = l7->state;
	uint64_t n = head + (len < 0 ? 0 : (uint64_t)len + 2);
	bool is_looked_at = in.p[0] == '!' || (in.p[0] == '$' && tells_kind(k));

	if (len > XC_REDIS_BULK_MAX || len < -1)
		return xc_l7_bad();
	if (is_looked_at && len <= LINE_MAX_BYTES && in.len < n)
		return xc_l7_more();
	if (in.len >= n && len >= 0 && memcmp(in.p + n - 2, "\r\n", 2))
		return xc_l7_bad();
	begin_value(l7, in.p[0]);
	if (in.p[0] == '!')
		on_error(l7, xc_span_first(xc_span_from(in, head), (size_t)len));
	else if (len >= 0 && in.len >= n)
		on_text(k, (struct xc_span){ in.p + head, (size_t)len });
	k->n_bytes += n;
	k->is_in_bulk = n > in.len;
	if (k->is_in_bulk)
		return xc_l7_skip(in.len, n - in.len);
	finish_value(l7, xc_l7_ns(l7, XC_L7_SERVER, (size_t)n - 1));
	return xc_l7_took((size_t)n);
}

/* * array, ~ set, > push, % map, | attributes of the value behind them */
static struct xc_l7_step take_aggregate(struct xc_l7 *l7, struct xc_span in, int64_t n, size_t head)
{
	struct redis *k = l7->state;
	bool is_pairs = in.p[0] == '%' || in.p[0] == '|';

	if (n < -1 || k->depth == DEPTH_MAX)
		return xc_l7_bad();
	begin_value(l7, in.p[0]);
	k->n_bytes += head;
	if (n > 0) {
		k->attributes |= (uint32_t)(in.p[0] == '|') << k->depth;
		k->left[k->depth++] = (uint64_t)n << is_pairs;
	} else if (in.p[0] != '|') {
		finish_value(l7, xc_l7_ns(l7, XC_L7_SERVER, head - 1));
	}
	return xc_l7_took(head);
}

static struct xc_l7_step parse_server(struct xc_l7 *l7, struct xc_span in)
{
	struct redis *k = l7->state;
	int64_t n = 0;
	size_t head = 0;
	enum xc_redis_verdict v;

	if (!in.len) {	/* a value has been passed */
		if (k->is_in_bulk)
			finish_value(l7, xc_l7_ns(l7, XC_L7_SERVER, 0));
		k->is_in_bulk = false;
		return xc_l7_took(0);
	}
	if (k->is_in_line)
		return pass_line(l7, in);
	if (strchr("+-:_#,(", in.p[0]) && in.p[0])
		return take_line(l7, in);
	if (!in.p[0] || !strchr("$=!*~>%|", in.p[0]))
		return xc_l7_bad();
	v = xc_redis_number(in, &n, &head);
	if (v != XC_REDIS_YES)
		return v == XC_REDIS_NO ? xc_l7_bad() : xc_l7_more();
	return strchr("$=!", in.p[0]) ? take_bulk(l7, in, n, head) :
					take_aggregate(l7, in, n, head);
}

static struct xc_l7_step redis_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	return dir == XC_L7_CLIENT ? parse_client(l7, in) : parse_server(l7, in);
}

/* ---- what is missing ----------------------------------------------------------------------------------- */

/* Commands before a hole in what the client sent keep their answers; behind one in the answers nobody knows whose is next. */
static void redis_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct redis *k = l7->state;
	struct xc_request *r = k->asking;

	(void)n;
	if (dir == XC_L7_CLIENT) {
		k->n_args = 0;
		k->asking = NULL;
		k->has_gap = true;
		if (r) {
			r->flags |= XC_REQUEST_GAP;
			xc_l7_sent(l7, r);
		}
		return;
	}
	k->is_replying = k->is_in_bulk = k->is_in_line = false;
	k->depth = 0;
	k->attributes = 0;
	k->asking = NULL;
	xc_l7_abandon_all(l7, XC_REQUEST_GAP);
}

static bool begins_reply(struct xc_span in)
{
	const uint8_t *end = memchr(in.p, '\r', in.len);
	int64_t n;
	size_t head;

	if (!in.p[0] || !strchr("+-:_#,($=!*~>%|", in.p[0]) || !end)
		return false;
	if (strchr("$=!*~>%|", in.p[0]))
		return xc_redis_number(in, &n, &head) == XC_REDIS_YES;
	return is_line_valid(in.p[0], (struct xc_span){ in.p + 1, (size_t)(end - in.p) - 1 });
}

static ptrdiff_t redis_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_span word;

	(void)l7;
	for (size_t at = 0; at < in.len; at++) {
		struct xc_span rest = xc_span_from(in, at);

		if (at && in.p[at - 1] != '\n')
			continue;
		if (dir == XC_L7_SERVER && begins_reply(rest))
			return (ptrdiff_t)at;
		if (dir == XC_L7_CLIENT && xc_redis_is_array(rest, &word) != XC_REDIS_NO &&
		    word.len)
			return (ptrdiff_t)at;
	}
	return -1;
}

const struct xc_l7_proto xc_l7_redis = {
	.name = "redis",
	.ports = { 6379, 6380, 26379 },
	.is_stream = true,
	.state_bytes = sizeof(struct redis),
	.detect = redis_detect,
	.parse = redis_parse,
	.gap = redis_gap,
	.sync = redis_sync,
};
