/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMQP 0-9-1 (AMQP 0-9-1 specification; RabbitMQ's extensions of it). Methods that have an answer are paired on their channel; the
 * others, publish and deliver before all, are notices. Content is passed over.
 */
#include "l7/frame.h"

#define HEADER 7	/* type, channel, size */
#define FRAME_END 0xce
#define HEAD_BYTES (HEADER + 1024)
#define FRAME_MAX (16u << 20)
#define GREETING "AMQP\0\0\x09\x01"
#define GREETING_LEN 8

enum { FRAME_METHOD = 1, FRAME_CONTENT = 2, FRAME_BODY = 3, FRAME_HEARTBEAT = 8 };
enum {
	CONNECTION = 10,
	CHANNEL = 20,
	EXCHANGE = 40,
	QUEUE = 50,
	BASIC = 60,
	CONFIRM = 85,
	TX = 90
};
enum { CLOSE_CONNECTION = 50, CLOSE_CHANNEL = 40 };

enum role {
	ASKS,
	ANSWERS,
	TELLS,	/* asks for nothing */
	CLOSES,
	NOTHING,	/* of no interest */
};

/*
 * A method. @args: what it carries, as far as it is read: h 2 bytes, l 4, L 8, s a short text, t the one it is about, x exchange,
 * k routing key, b bits, c reply code, m reply text, w the method at fault.
 */
struct method {
	uint8_t class_id, id;
	enum role role;
	uint8_t of;	/* ANSWERS: the id of what it answers */
	uint8_t no_wait;	/* ASKS: the bit that says not to answer */
	const char *name, *args;
};

static const struct method methods[] = {
	{ CONNECTION, 0, ASKS, 0, 0, "protocol-header", "" },	/* stands for the greeting */
	{ CONNECTION, 10, ANSWERS, 0, 0, "connection.start", "" },
	{ CONNECTION, 11, ASKS, 0, 0, "connection.start-ok", "" },	/* with a secret */
	{ CONNECTION, 20, ANSWERS, 11, 0, "connection.secure", "" },
	{ CONNECTION, 21, ASKS, 0, 0, "connection.secure-ok", "" },	/* likewise */
	{ CONNECTION, 30, ANSWERS, 11, 0, "connection.tune", "" },
	{ CONNECTION, 31, NOTHING, 0, 0, "connection.tune-ok", "" },
	{ CONNECTION, 40, ASKS, 0, 0, "connection.open", "t" },
	{ CONNECTION, 41, ANSWERS, 40, 0, "connection.open-ok", "" },
	{ CONNECTION, CLOSE_CONNECTION, CLOSES, 0, 0, "connection.close", "cmw" },
	{ CONNECTION, 51, ANSWERS, CLOSE_CONNECTION, 0, "connection.close-ok", "" },
	{ CONNECTION, 60, TELLS, 0, 0, "connection.blocked", "t" },
	{ CONNECTION, 61, TELLS, 0, 0, "connection.unblocked", "" },
	{ CONNECTION, 70, ASKS, 0, 0, "update-secret", "" },
	{ CONNECTION, 71, ANSWERS, 70, 0, "update-secret-ok", "" },
	{ CHANNEL, 10, ASKS, 0, 0, "channel.open", "" },
	{ CHANNEL, 11, ANSWERS, 10, 0, "channel.open-ok", "" },
	{ CHANNEL, 20, ASKS, 0, 0, "channel.flow", "" },
	{ CHANNEL, 21, ANSWERS, 20, 0, "channel.flow-ok", "" },
	{ CHANNEL, CLOSE_CHANNEL, CLOSES, 0, 0, "channel.close", "cmw" },
	{ CHANNEL, 41, ANSWERS, CLOSE_CHANNEL, 0, "channel.close-ok", "" },
	{ EXCHANGE, 10, ASKS, 0, 0x10, "exchange.declare", "htsb" },
	{ EXCHANGE, 11, ANSWERS, 10, 0, "exchange.declare-ok", "" },
	{ EXCHANGE, 20, ASKS, 0, 0x02, "exchange.delete", "htb" },
	{ EXCHANGE, 21, ANSWERS, 20, 0, "exchange.delete-ok", "" },
	{ EXCHANGE, 30, ASKS, 0, 0x01, "exchange.bind", "htxkb" },
	{ EXCHANGE, 31, ANSWERS, 30, 0, "exchange.bind-ok", "" },
	{ EXCHANGE, 40, ASKS, 0, 0x01, "exchange.unbind", "htxkb" },
	{ EXCHANGE, 51, ANSWERS, 40, 0, "exchange.unbind-ok", "" },
	{ QUEUE, 10, ASKS, 0, 0x10, "queue.declare", "htb" },
	{ QUEUE, 11, ANSWERS, 10, 0, "queue.declare-ok", "" },
	{ QUEUE, 20, ASKS, 0, 0x01, "queue.bind", "htxkb" },
	{ QUEUE, 21, ANSWERS, 20, 0, "queue.bind-ok", "" },
	{ QUEUE, 30, ASKS, 0, 0x01, "queue.purge", "htb" },
	{ QUEUE, 31, ANSWERS, 30, 0, "queue.purge-ok", "" },
	{ QUEUE, 40, ASKS, 0, 0x04, "queue.delete", "htb" },
	{ QUEUE, 41, ANSWERS, 40, 0, "queue.delete-ok", "" },
	{ QUEUE, 50, ASKS, 0, 0, "queue.unbind", "htxk" },
	{ QUEUE, 51, ANSWERS, 50, 0, "queue.unbind-ok", "" },
	{ BASIC, 10, ASKS, 0, 0, "basic.qos", "" },
	{ BASIC, 11, ANSWERS, 10, 0, "basic.qos-ok", "" },
	{ BASIC, 20, ASKS, 0, 0x08, "basic.consume", "htsb" },
	{ BASIC, 21, ANSWERS, 20, 0, "basic.consume-ok", "" },
	{ BASIC, 30, ASKS, 0, 0x01, "basic.cancel", "tb" },
	{ BASIC, 31, ANSWERS, 30, 0, "basic.cancel-ok", "" },
	{ BASIC, 40, TELLS, 0, 0, "basic.publish", "hxk" },
	{ BASIC, 50, TELLS, 0, 0, "basic.return", "cmxk" },
	{ BASIC, 60, TELLS, 0, 0, "basic.deliver", "sLbxk" },
	{ BASIC, 70, ASKS, 0, 0, "basic.get", "ht" },
	{ BASIC, 71, ANSWERS, 70, 0, "basic.get-ok", "Lbxk" },
	{ BASIC, 72, ANSWERS, 70, 0, "basic.get-empty", "" },
	{ BASIC, 80, TELLS, 0, 0, "basic.ack", "" },
	{ BASIC, 90, TELLS, 0, 0, "basic.reject", "" },
	{ BASIC, 100, TELLS, 0, 0, "basic.recover-async", "" },
	{ BASIC, 110, ASKS, 0, 0, "basic.recover", "" },
	{ BASIC, 111, ANSWERS, 110, 0, "basic.recover-ok", "" },
	{ BASIC, 120, TELLS, 0, 0, "basic.nack", "" },
	{ CONFIRM, 10, ASKS, 0, 0x01, "confirm.select", "b" },
	{ CONFIRM, 11, ANSWERS, 10, 0, "confirm.select-ok", "" },
	{ TX, 10, ASKS, 0, 0, "tx.select", "" },
	{ TX, 11, ANSWERS, 10, 0, "tx.select-ok", "" },
	{ TX, 20, ASKS, 0, 0, "tx.commit", "" },
	{ TX, 21, ANSWERS, 20, 0, "tx.commit-ok", "" },
	{ TX, 30, ASKS, 0, 0, "tx.rollback", "" },
	{ TX, 31, ANSWERS, 30, 0, "tx.rollback-ok", "" },
};

struct frame {
	uint8_t type;
	uint16_t channel;
	uint64_t total;	/* with header and end */
	struct xc_span in;	/* what is read of it */
	const struct method *method;	/* of a method frame; NULL = none we know */
	bool is_cut;
};

/* What a method carries. */
struct args {
	struct xc_span target, exchange, key, text;
	bool has_exchange, has_code;
	uint16_t code, class_id, method_id;
	uint8_t bits;
};

/* ---- frames --------------------------------------------------------------------------------------- */

static const struct method *method_of(uint16_t class_id, uint16_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].class_id == class_id && methods[i].id == id)
			return &methods[i];
	return NULL;
}

/* The frame at the front of @in, which has a header. False: there is none like it. */
static bool read_frame(struct xc_span in, struct frame *f)
{
	struct xc_rd rd = xc_rd(in);
	uint16_t class_id, id;
	uint32_t size;

	f->type = xc_rd_u8(&rd);
	f->channel = xc_rd_be16(&rd);
	size = xc_rd_be32(&rd);
	f->total = HEADER + (uint64_t)size + 1;
	f->in = xc_span_first(xc_frame_span(in, f->total), HEAD_BYTES);
	f->is_cut = f->in.len < f->total && f->in.len < HEAD_BYTES;
	f->method = NULL;
	if (rd.is_short || size > FRAME_MAX ||
	    (in.len >= f->total && in.p[f->total - 1] != FRAME_END))
		return false;
	if (f->type == FRAME_HEARTBEAT)
		return !size;
	if (f->type != FRAME_METHOD)
		return f->type == FRAME_CONTENT || f->type == FRAME_BODY;
	class_id = xc_rd_be16(&rd);
	id = xc_rd_be16(&rd);
	f->method = id ? method_of(class_id, id) : NULL;
	return size >= 4 && (f->method || rd.is_short);
}

static struct xc_span rd_short_text(struct xc_rd *rd)
{
	return xc_rd_span(rd, xc_rd_u8(rd));
}

static void read_arg(struct xc_rd *rd, char type, struct args *a)
{
	switch (type) {
	case 'h':
		(void)xc_rd_be16(rd);
		break;
	case 'L':
		(void)xc_rd_be(rd, 8);
		break;
	case 's':
		(void)rd_short_text(rd);
		break;
	case 't':
		a->target = rd_short_text(rd);
		break;
	case 'x':
		a->exchange = rd_short_text(rd);
		a->has_exchange = !rd->is_short;
		break;
	case 'k':
		a->key = rd_short_text(rd);
		break;
	case 'b':
		a->bits = xc_rd_u8(rd);
		break;
	case 'c':
		a->code = xc_rd_be16(rd);
		a->has_code = !rd->is_short;
		break;
	case 'm':
		a->text = rd_short_text(rd);
		break;
	default:
		a->class_id = xc_rd_be16(rd);
		a->method_id = xc_rd_be16(rd);
		break;
	}
}

static struct args read_args(const struct frame *f)
{
	struct xc_rd rd = xc_rd(xc_span_from(f->in, HEADER + 4));
	struct args a = { 0 };

	for (const char *p = f->method->args; *p; p++)
		read_arg(&rd, *p, &a);
	return a;
}

/* ---- detection ------------------------------------------------------------------------------------- */

/* Who sends such a method; most that ask are the client's, most that answer the server's. */
static bool is_servers(const struct method *m)
{
	static const char *const words[] = { "basic.deliver", "basic.return", "connection.blocked",
					     "connection.unblocked" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(m->name, words[i]))
			return true;
	return m->role == ANSWERS;
}

/* A whole frame with a method only one side can send. */
static struct xc_l7_guess guess(struct xc_span in)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	struct frame f;

	if (in.len < HEADER || !read_frame(in, &f))
		return g;
	g.wants_more = f.type == FRAME_METHOD && in.len < f.total && in.len < HEAD_BYTES;
	if (!f.method || in.len < f.total || f.method->role == CLOSES || f.method->class_id == TX)
		return g;
	g.dir = is_servers(f.method) ? XC_L7_SERVER : XC_L7_CLIENT;
	g.percent = 85;
	return g;
}

static struct xc_l7_guess amqp_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	size_t n = in.len < GREETING_LEN ? in.len : GREETING_LEN;

	if (!memcmp(in.p, GREETING, n)) {
		g.percent = n == GREETING_LEN ? 98 : 0;
		g.wants_more = n < GREETING_LEN;
		return g;
	}
	return hint->is_start ? g : guess(in);
}

/* ---- requests --------------------------------------------------------------------------------------- */

static uint16_t key_of(uint16_t class_id, uint16_t id)
{
	return (uint16_t)(class_id << 8 | id);
}

/* A message is for its exchange; the default one has no name and passes it to the queue the key names. */
static void describe(struct xc_request *r, const struct frame *f, const struct args *a)
{
	bool is_message = f->method->class_id == BASIC && a->has_exchange;
	struct xc_span target = is_message ? a->exchange.len ? a->exchange : a->key : a->target;

	xc_request_target(r, target);
	if (f->is_cut)
		r->flags |= XC_REQUEST_TRUNCATED;
	if (!is_message)
		return;
	xc_request_attr(r, "messaging.destination.name", target);
	if (a->key.len)
		xc_request_attr(r, "messaging.rabbitmq.destination.routing_key", a->key);
	xc_request_attr_text(r, "messaging.operation.name", strchr(f->method->name, '.') + 1);
}

/* "NOT_FOUND - no queue 'x' in vhost '/'": the word alone, for the rest may tell of data. */
static struct xc_span word_of(struct xc_span text)
{
	for (size_t i = 0; i + 3 <= text.len; i++)
		if (!memcmp(text.p + i, " - ", 3))
			return xc_span_first(text, i);
	return text;
}

static void set_code(struct xc_request *r, const struct args *a)
{
	bool is_servers_fault =
		a->code == 320 || a->code == 506 || a->code == 540 || a->code == 541;

	xc_request_status(r, a->code, word_of(a->text));
	r->result = a->code == 200   ? XC_RESULT_OK :
		    is_servers_fault ? XC_RESULT_SERVER_ERROR :
				       XC_RESULT_CLIENT_ERROR;
}

static struct xc_request *open_method(struct xc_l7 *l7, enum xc_l7_dir dir, const struct frame *f)
{
	struct xc_request *r = xc_l7_open(l7);
	size_t end = f->in.len ? f->in.len - 1 : 0;

	if (!r)
		return NULL;
	r->id = f->channel;
	r->by_server = dir == XC_L7_SERVER;
	r->request_first_ns = xc_l7_ns(l7, dir, 0);
	r->request_last_ns = xc_l7_ns(l7, dir, end);
	if (r->by_server)
		r->response_bytes = f->total;
	else
		r->request_bytes = f->total;
	if (f->method)
		xc_request_method_text(r, f->method->name);
	return r;
}

static void take_notice(struct xc_l7 *l7, enum xc_l7_dir dir, const struct frame *f,
			const struct args *a)
{
	struct xc_request *r = open_method(l7, dir, f);

	if (!r)
		return;
	describe(r, f, a);
	if (a->has_code)
		set_code(r, a);
	xc_l7_notice(l7, r);
}

static void take_question(struct xc_l7 *l7, const struct frame *f, const struct args *a)
{
	struct xc_request *r = open_method(l7, XC_L7_CLIENT, f);
	uint8_t id = f->method->id;

	if (!r)
		return;
	if (f->method->class_id == CONNECTION && id == 21)
		id = 11;	/* what answers it answers that */
	r->progress = key_of(f->method->class_id, id);
	describe(r, f, a);
	xc_l7_sent(l7, r);
}

/*
 * The oldest request on @channel with @key. A channel answers in order: what is before it was not answered in what we saw.
 */
static struct xc_request *find(struct xc_l7 *l7, uint16_t channel, uint16_t key)
{
	struct xc_request *r = xc_l7_first(l7), *next;

	while (r && (r->id != channel || r->progress != key))
		r = xc_l7_next(r);
	for (struct xc_request *o = xc_l7_first(l7); r && o != r; o = next) {
		next = xc_l7_next(o);
		if (o->id == channel)
			xc_l7_abandoned(l7, o, XC_REQUEST_GAP);
	}
	return r;
}

static void answer(struct xc_l7 *l7, struct xc_request *r, const struct frame *f)
{
	r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, f->in.len - 1);
	r->response_bytes = f->total;
	if (r->result == XC_RESULT_NONE)
		r->result = XC_RESULT_OK;
	xc_l7_answered(l7, r);
}

static void take_answer(struct xc_l7 *l7, const struct frame *f)
{
	const struct method *m = f->method;
	struct xc_request *r = find(l7, f->channel, key_of(m->class_id, m->of));

	if (!r)
		return;
	if (!strcmp(m->name, "basic.get-empty"))
		xc_request_status(r, XC_STATUS_NONE,
				  (struct xc_span){ (const uint8_t *)"empty", 5 });
	answer(l7, r, f);
}

/* Whose answer it is that the server closes: the method it names, or what the client waits for while it logs in. */
static struct xc_request *at_fault(struct xc_l7 *l7, const struct frame *f, const struct args *a)
{
	struct xc_request *r = xc_l7_first(l7);
	uint16_t key = key_of(a->class_id, a->method_id);

	if (f->method->class_id == CHANNEL)
		return find(l7, f->channel, key);
	while (r && r->progress >> 8 != CONNECTION && (!key || r->progress != key))
		r = xc_l7_next(r);
	return r;
}

static void take_close(struct xc_l7 *l7, enum xc_l7_dir dir, const struct frame *f, struct args *a)
{
	const struct method *m = method_of(a->class_id, a->method_id);
	struct xc_request *r;

	if (dir == XC_L7_CLIENT) {
		take_question(l7, f, a);
		return;
	}
	r = a->has_code ? at_fault(l7, f, a) : NULL;
	if (r) {
		set_code(r, a);
		if (f->is_cut)
			r->flags |= XC_REQUEST_TRUNCATED;
		answer(l7, r, f);
	}
	if (m && m->id)
		a->target = (struct xc_span){ (const uint8_t *)m->name, strlen(m->name) };
	take_notice(l7, dir, f, a);
}

static void take_method(struct xc_l7 *l7, enum xc_l7_dir dir, const struct frame *f)
{
	struct args a = read_args(f);
	bool is_client = dir == XC_L7_CLIENT;

	switch (f->method->role) {
	case ASKS:
		/* the few the server may send, cancel and flow, want nothing we could see fail */
		if (is_client && !(a.bits & f->method->no_wait))
			take_question(l7, f, &a);
		else
			take_notice(l7, dir, f, &a);
		break;
	case ANSWERS:
		if (!is_client)
			take_answer(l7, f);
		break;
	case TELLS:
		take_notice(l7, dir, f, &a);
		break;
	case CLOSES:
		take_close(l7, dir, f, &a);
		break;
	case NOTHING:
		break;
	}
}

/* The client's first bytes. From the server: it speaks this version only, and closes. */
static struct xc_l7_step take_greeting(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct frame f = { .total = GREETING_LEN, .in = xc_span_first(in, GREETING_LEN) };
	struct xc_request *r;
	struct args a = { 0 };

	if (in.len < GREETING_LEN)
		return xc_l7_more();
	if (memcmp(in.p, "AMQP", 4) != 0)
		return xc_l7_bad();
	f.method = method_of(CONNECTION, 0);
	if (dir == XC_L7_CLIENT) {
		take_question(l7, &f, &a);
		return xc_l7_took(GREETING_LEN);
	}
	r = find(l7, 0, key_of(CONNECTION, 0));
	if (r) {
		r->result = XC_RESULT_CLIENT_ERROR;
		answer(l7, r, &f);
	}
	return xc_l7_took(GREETING_LEN);
}

static struct xc_l7_step amqp_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct frame f;

	if (!in.len)
		return xc_l7_more();
	if (in.p[0] == 'A')
		return take_greeting(l7, dir, in);
	if (in.len < HEADER)
		return xc_l7_more();
	if (!read_frame(in, &f))
		return xc_l7_bad();
	if (f.type == FRAME_METHOD && !xc_frame_is_here(l7, in, f.total, HEAD_BYTES))
		return xc_l7_more();
	if (f.type == FRAME_METHOD && !f.method)
		return xc_l7_more();	/* cut within its name */
	if (f.method)
		take_method(l7, dir, &f);
	return xc_frame_pass(in, f.total);
}

/* ---- what is missing --------------------------------------------------------------------------------- */

static void amqp_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	(void)n;
	if (dir == XC_L7_SERVER)
		xc_l7_abandon_all(l7, XC_REQUEST_GAP);
}

static ptrdiff_t amqp_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	(void)dir;
	for (size_t at = 0; at + HEADER < in.len; at++) {
		struct xc_span rest = xc_span_from(in, at);
		struct frame f;

		if (rest.p[0] == FRAME_METHOD && read_frame(rest, &f) && f.method &&
		    rest.len >= f.total)
			return (ptrdiff_t)at;
	}
	return -1;
}

const struct xc_l7_proto xc_l7_amqp = {
	.name = "amqp",
	.ports = { 5672 },
	.is_stream = true,
	.detect = amqp_detect,
	.parse = amqp_parse,
	.gap = amqp_gap,
	.sync = amqp_sync,
};
