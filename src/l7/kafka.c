/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka (protocol guide, kafka.apache.org/protocol): frames with their length in front, answers paired by correlation
 * id. Messages are looked through with the schemas of kafka_schema.h, up to the topics of a request and the first error
 * of an answer; records are passed over. A broker answers in order, but Produce with acks=0 gets no answer.
 */
#include "l7/kafka_schema.h"
#include "l7/l7.h"

#include <stdlib.h>

#define REQUEST_MAX (100u << 20)	/* socket.request.max.bytes: 100 MiB unless configured */
#define RESPONSE_MAX (1u << 30)
#define CLIENT_ID_MAX 255
#define HEAD_MAX 512	/* bytes of a head, tagged fields included */
#define TOPICS_MAX 4	/* of one request that are kept */
#define TOPIC_BYTES 249	/* of a name: org.apache.kafka.common.internals.Topic */
#define NAMES 32	/* topic ids of a connection that are remembered */
#define STRANGERS_MAX 8	/* answers in a row to nothing we saw, of a connection we saw all of */
#define TOKEN_MAX 65536	/* SASL without frames of Kafka */

enum {
	KEY_PRODUCE = 0,
	KEY_METADATA = 3,
	KEY_CONTROLLED_SHUTDOWN = 7,
	KEY_SASL_HANDSHAKE = 17,
	KEY_API_VERSIONS = 18,
	KEY_CREATE_TOPICS = 19,
};

enum phase {
	HEAD,
	BODY,	/* looked through */
	TAIL,	/* of no interest */
};

/* One direction: where it is in its message. */
struct side {
	enum phase phase;
	bool is_lost;	/* where messages begin has to be found out */
	bool has_matched;	/* an answer belonged to a request */
	bool is_unread;	/* the message could not be looked through to its end */
	uint64_t left;	/* bytes of the message behind the front */
	struct xc_request *r;	/* whose message it is; NULL = nobody's we know */
	struct xc_kafka_walk walk;
};

/* Names of topics, by id (KIP-516). */
struct names {
	uint8_t n_last;
	uint8_t last[TOPIC_BYTES];	/* the name before an id */
	unsigned int n;	/* learned so far; the oldest makes room */
	struct name {
		uint8_t id[16];
		uint8_t n, text[TOPIC_BYTES];
	} name[NAMES];
};

struct kafka {
	struct side side[2];
	struct names *names;	/* owned; NULL until there is one */
	uint32_t n_tokens;	/* of SASL, not answered yet */
	uint8_t n_topics;	/* of the request at hand */
	uint8_t n_strangers;
	bool is_one_way;	/* the request at hand gets no answer */
	bool is_raw;	/* after SaslHandshake v0: tokens without a head */
	bool has_lost;	/* messages, in either direction */
};

/* The head of a request. */
struct head {
	uint32_t length;	/* of what follows it */
	int16_t key, version;
	uint32_t id;
	const struct xc_kafka_api *api;	/* NULL = the table has it not */
	bool is_flexible;
	bool is_readable;	/* the table knows this version */
	struct xc_span client_id;
	size_t n;	/* bytes up to the body */
};

enum verdict { NO, MAYBE, YES };

/* ---- reading ------------------------------------------------------------------------------------------- */

static uint32_t read_uvarint(struct xc_rd *rd)
{
	uint32_t x = 0;

	for (unsigned int shift = 0; shift < 28; shift += 7) {
		uint8_t c = xc_rd_u8(rd);

		x |= (uint32_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			break;
	}
	return x;
}

/* Tagged fields of a head (KIP-482): none are defined, so a few at most. */
static bool read_tags(struct xc_rd *rd)
{
	uint32_t n = read_uvarint(rd);

	if (n > 16)
		return false;
	for (; n && !rd->is_short; n--) {
		(void)read_uvarint(rd);
		(void)xc_rd_span(rd, read_uvarint(rd));
	}
	return true;
}

static bool is_printable(struct xc_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

/* Header version 0, 1 or 2 (RequestHeader.json): ControlledShutdown v0 has no client id, flexible ones have tags. */
static bool read_client(struct xc_rd *rd, struct head *h)
{
	int16_t n;

	if (h->key == KEY_CONTROLLED_SHUTDOWN && !h->version)
		return true;
	n = (int16_t)xc_rd_be16(rd);
	if (n < -1 || n > CLIENT_ID_MAX)
		return false;
	h->client_id = xc_rd_span(rd, n > 0 ? (size_t)n : 0);
	return is_printable(h->client_id) && (!h->is_flexible || read_tags(rd));
}

static bool is_sane(const struct head *h)
{
	return h->length >= 8 && h->length <= REQUEST_MAX && h->key >= 0 && h->key < 256 &&
	       h->version >= 0 && h->version < 128;
}

static enum verdict read_head(struct xc_span in, struct head *h)
{
	struct xc_rd rd = xc_rd(xc_span_first(in, HEAD_MAX));

	*h = (struct head){ .length = xc_rd_be32(&rd) };
	h->key = (int16_t)xc_rd_be16(&rd);
	h->version = (int16_t)xc_rd_be16(&rd);
	h->id = xc_rd_be32(&rd);
	h->api = xc_kafka_api(h->key);
	if ((in.len >= 4 && h->length > REQUEST_MAX) || (in.len && in.p[0] > REQUEST_MAX >> 24) ||
	    (!rd.is_short && !is_sane(h)))
		return NO;
	if (rd.is_short)
		return MAYBE;
	h->is_readable = h->api && h->version >= h->api->first && h->version <= h->api->last;
	h->is_flexible = h->api && xc_kafka_is_flexible(h->api, (uint8_t)h->version);
	if (!read_client(&rd, h))
		return NO;
	h->n = (size_t)(rd.p - in.p);
	if (rd.is_short)
		return in.len < HEAD_MAX ? MAYBE : NO;
	return h->n <= (size_t)h->length + 4 ? YES : NO;
}

static bool is_acks(struct xc_span value)
{
	struct xc_rd rd = xc_rd(value);
	int16_t acks = (int16_t)xc_rd_be16(&rd);

	return acks >= -1 && acks <= 1;
}

/* Does what there is of the body fit its schema? YES = all of it. */
static enum verdict fits_body(struct xc_span in, const struct head *h)
{
	struct xc_kafka_bytes b = { .left = (uint64_t)h->length + 4 - h->n };
	struct xc_kafka_item item;
	struct xc_kafka_walk w;
	enum xc_kafka_found found;

	b.in = xc_span_first(xc_span_from(in, h->n), (size_t)b.left);
	xc_kafka_walk(&w, h->api, (uint8_t)h->version, false);
	do {
		found = xc_kafka_next(&w, &b, &item);
		if (item.role == XC_KAFKA_ACKS && !is_acks(item.value))
			return NO;
	} while (found == XC_KAFKA_FIELD);
	if (found == XC_KAFKA_DONE && h->key == KEY_API_VERSIONS && b.left == 4)
		return MAYBE;	/* librdkafka puts an empty array behind version 0 */
	if (found == XC_KAFKA_DONE)
		return b.left ? NO : YES;
	return found == XC_KAFKA_BAD ? NO : MAYBE;
}

/* Is this the beginning of a request, without any doubt its bytes can dispel? MAYBE: with more bytes. */
static enum verdict fits(struct xc_span in, struct head *h, enum verdict *ret_body)
{
	enum verdict v = read_head(in, h);

	*ret_body = NO;
	if (v != YES)
		return v;
	if (h->is_readable)
		*ret_body = fits_body(in, h);
	else if (h->key == KEY_API_VERSIONS && h->version < 16)
		*ret_body = MAYBE;	/* a client newer than the table asks what it may speak */
	return *ret_body == NO ? NO : YES;
}

static struct xc_l7_guess kafka_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	enum verdict body, v;
	struct head h;

	v = fits(in, &h, &body);
	g.wants_more = v == MAYBE && hint->is_start;
	if (v != YES)
		return g;
	if (!hint->is_start)
		g.percent = body == YES ? 70 : 60;	/* told when an answer has its correlation id */
	else if (body == YES)
		g.percent = 95;
	else if (body == MAYBE && !h.client_id.len)
		g.wants_more = true;	/* zeros where others have them, too: DNS over TCP */
	else
		g.percent = h.client_id.len ? 90 : 60;
	return g;
}

/* ---- topics -------------------------------------------------------------------------------------------- */

static void remember_name(struct kafka *k, struct xc_span name)
{
	if (!k->names)
		k->names = calloc(1, sizeof(*k->names));
	if (!k->names)
		return;
	k->names->n_last = name.len <= TOPIC_BYTES ? (uint8_t)name.len : 0;
	memcpy(k->names->last, name.p, k->names->n_last);
}

static const struct name *find_name(const struct kafka *k, struct xc_span id)
{
	for (unsigned int i = 0; k->names && i < NAMES; i++)
		if (k->names->name[i].n && !memcmp(k->names->name[i].id, id.p, 16))
			return &k->names->name[i];
	return NULL;
}

/* The name before it is that of @id. */
static void learn_id(struct kafka *k, struct xc_span id)
{
	struct name *n;

	if (!k->names || !k->names->n_last || find_name(k, id))
		return;
	n = &k->names->name[k->names->n++ % NAMES];
	memcpy(n->id, id.p, 16);
	memcpy(n->text, k->names->last, k->names->n_last);
	n->n = k->names->n_last;
	k->names->n_last = 0;
}

static void put_topic(struct kafka *k, struct xc_request *r, struct xc_span name)
{
	if (k->n_topics++ >= TOPICS_MAX)
		return;
	if (k->n_topics == 1)
		xc_request_target(r, name);
	xc_request_attr(r, "messaging.destination.name", name);
}

/* By its name when a Metadata answer of this connection told it, else as 8-4-4-4-12 digits. */
static void put_topic_id(struct kafka *k, struct xc_request *r, struct xc_span id)
{
	static const uint8_t none[16];
	const struct name *known = find_name(k, id);
	uint8_t text[36], *at = text;

	if (!memcmp(id.p, none, 16))
		return;
	if (known) {
		put_topic(k, r, (struct xc_span){ known->text, known->n });
		return;
	}
	r->flags |= XC_REQUEST_UNKNOWN_FIELDS;	/* its name */
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = (uint8_t) "0123456789abcdef"[id.p[i] >> 4];
		*at++ = (uint8_t) "0123456789abcdef"[id.p[i] & 15];
	}
	put_topic(k, r, (struct xc_span){ text, sizeof(text) });
}

/* ---- fields -------------------------------------------------------------------------------------------- */

static void put_named(struct xc_request *r, const char *key, struct xc_span value)
{
	if (key)
		xc_request_attr(r, key, value);
	if (!r->target[0])
		xc_request_target(r, value);
}

static void on_request_item(struct kafka *k, struct xc_request *r, const struct xc_kafka_item *item)
{
	switch (item->role) {
	case XC_KAFKA_TOPIC:
		put_topic(k, r, item->value);
		break;
	case XC_KAFKA_TOPIC_ID:
		put_topic_id(k, r, item->value);
		break;
	case XC_KAFKA_GROUP:
		put_named(r, "messaging.consumer.group.name", item->value);
		break;
	case XC_KAFKA_TRANSACTION:
		put_named(r, "messaging.kafka.transactional_id", item->value);
		break;
	case XC_KAFKA_TARGET:
		put_named(r, NULL, item->value);
		break;
	case XC_KAFKA_ACKS:
		k->is_one_way = !item->value.p[0] && !item->value.p[1];
		if (k->is_one_way)
			xc_request_attr_text(r, "messaging.kafka.acks", "0");
		break;
	default:
		break;
	}
}

static void on_error(struct xc_request *r, int16_t code)
{
	bool is_server;
	const char *name = xc_kafka_error(code, &is_server);

	if (r->status > 0 || r->status == -1)
		return;	/* the first one counts */
	xc_request_status(r, code,
			  (struct xc_span){ (const uint8_t *)name, name ? strlen(name) : 0 });
	if (!code)
		r->result = XC_RESULT_OK;
	else
		r->result = is_server ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
}

/* Key and version are kept with the request: its answer does not tell them. */
static int16_t key_of(const struct xc_request *r)
{
	return (int16_t)(r->progress >> 8);
}

static bool tells_names(const struct xc_request *r)
{
	return key_of(r) == KEY_METADATA || key_of(r) == KEY_CREATE_TOPICS;
}

static void on_response_item(struct kafka *k, struct xc_request *r,
			     const struct xc_kafka_item *item)
{
	struct xc_rd rd = xc_rd(item->value);

	if (item->role == XC_KAFKA_TOPIC)
		remember_name(k, item->value);
	else if (item->role == XC_KAFKA_TOPIC_ID)
		learn_id(k, item->value);
	else if (item->role == XC_KAFKA_ERROR)
		on_error(r, (int16_t)xc_rd_be16(&rd));
}

/* Is everything known that is kept of the message of @r? */
static bool knows_enough(const struct kafka *k, enum xc_l7_dir dir, const struct xc_request *r)
{
	if (dir == XC_L7_CLIENT)
		return k->n_topics >= TOPICS_MAX;
	return r->status != XC_STATUS_NONE && r->status && !tells_names(r);
}

/* ---- messages ------------------------------------------------------------------------------------------ */

/* The request is complete. */
static void finish_request(struct xc_l7 *l7, struct xc_request *r)
{
	struct kafka *k = l7->state;

	if (k->side[XC_L7_CLIENT].is_unread)
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
	if (k->is_one_way)
		xc_l7_notice(l7, r);
	else
		xc_l7_sent(l7, r);
}

/* @r is about to go. Answered before it was asked to its end: what it told us may be less than the whole. */
static void leave_request(struct kafka *k, struct xc_request *r)
{
	struct side *s = &k->side[XC_L7_CLIENT];

	if (s->r != r)
		return;
	if (s->phase == BODY)
		r->flags |= XC_REQUEST_TRUNCATED;
	s->r = NULL;
	s->phase = TAIL;
}

static void finish_response(struct xc_l7 *l7, struct xc_request *r)
{
	struct kafka *k = l7->state;
	bool is_unread = k->side[XC_L7_SERVER].is_unread;

	if (r->status == XC_STATUS_NONE && !is_unread)
		on_error(r, 0);	/* no field of this answer could tell one */
	else if (!r->status && is_unread)
		xc_request_status(r, XC_STATUS_NONE, (struct xc_span){ (const uint8_t *)"", 0 });
	if (r->status == XC_STATUS_NONE) {
		r->result = XC_RESULT_NONE;
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
	}
	leave_request(k, r);
	xc_l7_answered(l7, r);
}

/* A walk that has come to the last byte has nothing left to see, or the message was too short. */
static void end_walk(struct side *s)
{
	struct xc_kafka_bytes none = { 0 };
	struct xc_kafka_item item;

	if (s->phase == BODY && xc_kafka_next(&s->walk, &none, &item) != XC_KAFKA_DONE)
		s->is_unread = true;
}

/* The message at hand is complete; @last_ns: arrival of its last byte, 0 = not known. */
static void finish(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t last_ns)
{
	struct kafka *k = l7->state;
	struct side *s = &k->side[dir];
	struct xc_request *r = s->r;

	end_walk(s);
	s->phase = HEAD;
	s->left = 0;
	s->r = NULL;
	if (!r)
		return;
	if (dir == XC_L7_CLIENT) {
		r->request_last_ns = last_ns;
		finish_request(l7, r);
	} else {
		r->response_last_ns = last_ns;
		finish_response(l7, r);
	}
}

/* @n bytes of the message at the front are done with. */
static struct xc_l7_step go_on(struct xc_l7 *l7, enum xc_l7_dir dir, size_t n)
{
	struct side *s = &((struct kafka *)l7->state)->side[dir];
	uint64_t rest = s->left;

	if (!rest) {
		finish(l7, dir, xc_l7_ns(l7, dir, n ? n - 1 : 0));
		return xc_l7_took(n);
	}
	if (s->phase == BODY)
		return xc_l7_took(n);
	s->left = 0;
	return xc_l7_skip(n, rest);
}

/* Look through what has come of the body. */
static struct xc_l7_step take_body(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct kafka *k = l7->state;
	struct side *s = &k->side[dir];
	struct xc_kafka_bytes b = { .in = xc_span_first(in, (size_t)s->left), .left = s->left };
	struct xc_kafka_item item;
	enum xc_kafka_found found;
	size_t n;

	for (;;) {
		found = xc_kafka_next(&s->walk, &b, &item);
		if (item.role && dir == XC_L7_CLIENT)
			on_request_item(k, s->r, &item);
		else if (item.role)
			on_response_item(k, s->r, &item);
		if (found != XC_KAFKA_FIELD || knows_enough(k, dir, s->r))
			break;
	}
	n = (size_t)(b.in.p - in.p);
	s->left = b.left;
	if (found == XC_KAFKA_SKIP)
		return xc_l7_skip(n, b.skip);
	if (found == XC_KAFKA_MORE)
		return n ? xc_l7_took(n) : xc_l7_more();
	s->is_unread = found == XC_KAFKA_BAD || found == XC_KAFKA_LONG;
	s->phase = TAIL;
	return go_on(l7, dir, n);
}

/* A message begins, with @left bytes behind its head. */
static void begin(struct side *s, struct xc_request *r, uint64_t left)
{
	s->r = r;
	s->left = left;
	s->phase = TAIL;
	s->is_unread = r != NULL;	/* unless it is looked through */
}

static void begin_body(struct side *s, const struct xc_kafka_api *api, uint8_t version,
		       bool is_response)
{
	s->phase = BODY;
	s->is_unread = false;
	xc_kafka_walk(&s->walk, api, version, is_response);
}

static void describe(struct xc_request *r, const struct head *h)
{
	char text[XC_REQUEST_METHOD];
	int n = snprintf(text, sizeof(text), "api_key %d", h->key);

	r->id = h->id;
	r->progress = (uint16_t)((h->key << 8) | h->version);
	r->request_bytes = (uint64_t)h->length + 4;
	if (h->api)
		xc_request_method(
			r, (struct xc_span){ (const uint8_t *)h->api->name, strlen(h->api->name) });
	else
		xc_request_method(r, (struct xc_span){ (const uint8_t *)text, (size_t)n });
	xc_request_attr_uint(r, "messaging.kafka.api_key", (uint64_t)h->key);
	xc_request_attr_uint(r, "messaging.kafka.api_version", (uint64_t)h->version);
	if (h->client_id.len)
		xc_request_attr(r, "messaging.client.id", h->client_id);
}

/* Between SaslHandshake v0 and the end of authentication: a token of the mechanism, only its length in front. */
static struct xc_l7_step take_token(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct kafka *k = l7->state;
	struct xc_rd rd = xc_rd(in);
	uint32_t n = xc_rd_be32(&rd);

	if (rd.is_short)
		return xc_l7_more();
	if (n > TOKEN_MAX)
		return xc_l7_bad();
	k->n_tokens += dir == XC_L7_CLIENT ? 1 : -1u;
	begin(&k->side[dir], NULL, n);
	return go_on(l7, dir, 4);
}

/* Is what the client says a token? A short one is all there before a head could be. */
static bool is_token(const struct kafka *k, struct xc_span in)
{
	struct xc_rd rd = xc_rd(in);
	uint32_t n = xc_rd_be32(&rd);
	enum verdict body;
	struct head h;

	if (!k->is_raw || rd.is_short)
		return false;
	return in.len - 4 >= n && n < 10 ? true : fits(in, &h, &body) == NO;
}

static struct xc_l7_step take_request(struct xc_l7 *l7, struct xc_span in)
{
	struct kafka *k = l7->state;
	struct side *s = &k->side[XC_L7_CLIENT];
	struct xc_request *r;
	struct head h;
	enum verdict v;

	if (is_token(k, in))
		return take_token(l7, XC_L7_CLIENT, in);
	v = read_head(in, &h);
	if (v != YES)
		return v == NO ? xc_l7_bad() : xc_l7_more();
	k->is_raw = h.key == KEY_SASL_HANDSHAKE && !h.version;
	k->n_topics = 0;
	k->is_one_way = false;
	r = xc_l7_open(l7);
	begin(s, r, (uint64_t)h.length + 4 - h.n);
	if (r) {
		describe(r, &h);
		if (h.is_readable)
			begin_body(s, h.api, (uint8_t)h.version, false);
	}
	return go_on(l7, XC_L7_CLIENT, h.n);
}

/* What was asked before @r will not be answered any more: its answer, or itself, was lost. */
static void give_up_before(struct xc_l7 *l7, struct xc_request *r)
{
	while (xc_l7_first(l7) != r)
		xc_l7_abandoned(l7, xc_l7_first(l7), XC_REQUEST_GAP);
}

/* An answer to nothing we know: its request was lost, was sent before our time, or waits behind a hole. */
static struct xc_l7_step take_stranger(struct xc_l7 *l7, uint32_t length)
{
	struct kafka *k = l7->state;
	bool is_late = l7->is_late[XC_L7_CLIENT] || l7->is_late[XC_L7_SERVER];

	if (++k->n_strangers > STRANGERS_MAX && !k->has_lost && !is_late)
		return xc_l7_bad();
	begin(&k->side[XC_L7_SERVER], NULL, (uint64_t)length - 4);
	return go_on(l7, XC_L7_SERVER, 8);
}

static void match(struct xc_l7 *l7, struct xc_request *r, uint32_t length)
{
	struct kafka *k = l7->state;

	k->n_strangers = 0;
	k->side[XC_L7_SERVER].has_matched = true;
	if (k->side[XC_L7_CLIENT].r && k->side[XC_L7_CLIENT].r != r && k->has_lost)
		k->side[XC_L7_CLIENT].r->flags |= XC_REQUEST_GAP;
	if (k->has_lost)
		give_up_before(l7, r);
	r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	r->response_bytes = (uint64_t)length + 4;
}

/* A head of version 1 (with tags) iff the request is flexible, but that of ApiVersions is always 0 (KIP-511). */
static struct xc_l7_step take_answer(struct xc_l7 *l7, struct xc_request *r, struct xc_span in)
{
	struct side *s = &((struct kafka *)l7->state)->side[XC_L7_SERVER];
	const struct xc_kafka_api *api = xc_kafka_api(key_of(r));
	uint8_t version = (uint8_t)r->progress;
	struct xc_rd rd = xc_rd(xc_span_first(in, HEAD_MAX));
	uint32_t length = xc_rd_be32(&rd);
	bool is_flexible = api && xc_kafka_is_flexible(api, version);
	size_t n;

	(void)xc_rd_be32(&rd);
	if (is_flexible && key_of(r) != KEY_API_VERSIONS && !read_tags(&rd))
		return xc_l7_bad();
	n = (size_t)(rd.p - in.p);
	if (rd.is_short)
		return in.len < HEAD_MAX && in.len < (uint64_t)length + 4 ? xc_l7_more() :
									    xc_l7_bad();
	if (n > (uint64_t)length + 4)
		return xc_l7_bad();
	match(l7, r, length);
	begin(s, r, (uint64_t)length + 4 - n);
	/* a broker that does not know the version of ApiVersions answers with version 0: the error stands first in all */
	if (api && version >= api->first && (version <= api->last || key_of(r) == KEY_API_VERSIONS))
		begin_body(s, api, version, true);
	return go_on(l7, XC_L7_SERVER, n);
}

/* The request that the answer in front is for; NULL: none, or these bytes are none. */
static struct xc_request *request_of(struct xc_l7 *l7, struct xc_span in, uint32_t *ret_length)
{
	struct xc_rd rd = xc_rd(in);
	uint32_t length = xc_rd_be32(&rd), id = xc_rd_be32(&rd);

	*ret_length = length;
	if (rd.is_short || length < 4 || length > RESPONSE_MAX)
		return NULL;
	return xc_l7_find(l7, id);
}

static ptrdiff_t find_answer(struct xc_l7 *l7, struct xc_span in)
{
	uint32_t length;

	for (size_t at = 0; at + 8 <= in.len; at++)
		if (request_of(l7, xc_span_from(in, at), &length))
			return (ptrdiff_t)at;
	return -1;
}

static struct xc_l7_step take_response(struct xc_l7 *l7, struct xc_span in)
{
	struct kafka *k = l7->state;
	struct xc_request *r;
	uint32_t length;

	if (k->n_tokens)
		return take_token(l7, XC_L7_SERVER, in);
	if (in.len < 8)
		return xc_l7_more();
	r = request_of(l7, in, &length);
	if (r)
		return take_answer(l7, r, in);
	if (l7->is_late[XC_L7_SERVER] && !k->side[XC_L7_SERVER].has_matched) {
		/* joined in the middle of an answer, maybe: only an id that was asked is proof */
		ptrdiff_t at = find_answer(l7, in);

		return xc_l7_took(at > 0 ? (size_t)at : in.len - 7);
	}
	if (length < 4 || length > RESPONSE_MAX)
		return xc_l7_bad();
	return take_stranger(l7, length);
}

static struct xc_l7_step kafka_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct side *s = &((struct kafka *)l7->state)->side[dir];

	if (!in.len) {	/* a skip has been passed */
		if (s->phase != HEAD && !s->left)
			finish(l7, dir, xc_l7_ns(l7, dir, 0));
		return xc_l7_took(0);
	}
	if (s->phase == HEAD)
		return dir == XC_L7_CLIENT ? take_request(l7, in) : take_response(l7, in);
	return s->phase == BODY ? take_body(l7, dir, in) : go_on(l7, dir, 0);
}

/* ---- what is missing ----------------------------------------------------------------------------------- */

/* A hole within the message at hand: where the next one begins is known all the same. */
static void gap_within(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct side *s = &((struct kafka *)l7->state)->side[dir];

	if (s->r)
		s->r->flags |= XC_REQUEST_TRUNCATED;
	s->phase = TAIL;
	s->is_unread = true;
	s->left -= n;
	if (!s->left)
		finish(l7, dir, 0);
}

static void kafka_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct kafka *k = l7->state;
	struct side *s = &k->side[dir];
	struct xc_request *r = s->r;

	if (n && s->phase != HEAD && n <= s->left) {
		gap_within(l7, dir, n);
		return;
	}
	*s = (struct side){ .is_lost = true, .has_matched = s->has_matched };
	k->has_lost = true;
	k->n_tokens = 0;
	for (struct xc_request *o = xc_l7_first(l7); o; o = xc_l7_next(o))
		if (dir == XC_L7_SERVER)
			o->flags |= XC_REQUEST_GAP;	/* it may have been answered in the hole */
	if (!r)
		return;
	if (dir == XC_L7_SERVER) {
		leave_request(k, r);
		xc_l7_abandoned(l7, r, XC_REQUEST_GAP);
	} else {
		r->flags |= XC_REQUEST_GAP;
		xc_l7_sent(l7, r);
	}
}

static ptrdiff_t kafka_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct side *s = &((struct kafka *)l7->state)->side[dir];
	ptrdiff_t at = -1;

	if (s->phase == TAIL || (!s->is_lost && !l7->is_late[dir]))
		return 0;
	if (dir == XC_L7_SERVER)
		at = find_answer(l7, in);
	for (size_t i = 0; dir == XC_L7_CLIENT && at < 0 && i < in.len; i++) {
		enum verdict body;
		struct head h;

		if (fits(xc_span_from(in, i), &h, &body) == YES)
			at = (ptrdiff_t)i;
	}
	if (at >= 0)
		s->is_lost = false;
	return at;
}

static void kafka_done(void *state)
{
	struct kafka *k = state;

	free(k->names);
}

const struct xc_l7_proto xc_l7_kafka = {
	.name = "kafka",
	.ports = { 9092, 9093, 9094, 29092 },
	.is_stream = true,
	.state_bytes = sizeof(struct kafka),
	.detect = kafka_detect,
	.parse = kafka_parse,
	.gap = kafka_gap,
	.sync = kafka_sync,
	.done = kafka_done,
};
