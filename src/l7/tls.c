/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS over TCP, as far as it is in clear: the hellos, the certificate before TLS 1.3, alerts (RFC 8446, 5246). The request is
 * the handshake: asked by the ClientHello, answered by the ServerHello, and told as answered when both sides have begun to
 * encrypt, because until then either may refuse what the other said. Nothing behind that is looked at; a refusal that is
 * encrypted (TLS 1.3: of a certificate) is not seen.
 */
#include "l7/cert.h"
#include "l7/hello.h"
#include "l7/l7.h"
#include "l7/tls_names.h"

#define RECORD_HEADER 5
#define RECORD_MAX (16384 + 2048)	/* RFC 5246 6.2.3 */
#define MESSAGE_HEADER 4
#define MESSAGE_MAX 16384	/* of a longer message only so much is read */
#define SSL2_HEADER 2

/* Records (RFC 8446 5.1) */
enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

enum { ALERT_WARNING = 1, ALERT_FATAL = 2, ALERT_CLOSE_NOTIFY = 0 };

enum { SSL2_CLIENT_HELLO = 1, SSL2_SERVER_HELLO = 4, SSL2 = 0x0002 };

struct side {
	uint32_t record_left;	/* of the handshake record at hand */
	uint32_t message_left;	/* of a handshake message, that nobody wants */
	bool is_encrypted;	/* nothing but alerts can be read any more */
	bool is_blind;		/* where handshake messages begin is not known, after a gap */
};

struct tls {
	struct side side[2];
	bool has_answer;	/* a ServerHello was seen */
	bool awaits_hello;	/* the client was told to say hello again */
	uint16_t cipher;	/* chosen */
};

/* ---- what it looks like ------------------------------------------------------------------------------- */

static size_t record_len(struct xc_span in)
{
	return (size_t)in.p[3] << 8 | in.p[4];
}

/* As far as the bytes go, could this be the header of a record? */
static bool is_record(struct xc_span in)
{
	if (in.len && (in.p[0] < CHANGE_CIPHER_SPEC || in.p[0] > APPLICATION_DATA))
		return false;
	if ((in.len > 1 && in.p[1] != 3) || (in.len > 2 && in.p[2] > 4))
		return false;
	if (in.len < RECORD_HEADER)
		return true;
	return record_len(in) <= RECORD_MAX && (record_len(in) || in.p[0] == APPLICATION_DATA);
}

/* A hello that begins its record: type, length, version. */
static bool is_hello(struct xc_span in)
{
	if (!is_record(in) || (in.len && in.p[0] != HANDSHAKE))
		return false;
	if (in.len > 5 && in.p[5] != XC_HELLO_CLIENT && in.p[5] != XC_HELLO_SERVER)
		return false;
	if (in.len > 6 && in.p[6])
		return false;	/* 64 KB is more than any */
	return in.len <= 9 || in.p[9] == 3 || in.p[9] == 0x7f;
}

/* Whole records one behind the other, up to the end, or at least two of them. */
static bool is_chain(struct xc_span in)
{
	size_t n = 0;

	while (in.len >= RECORD_HEADER && is_record(in)) {
		size_t len = RECORD_HEADER + record_len(in);

		n++;
		if (len >= in.len)
			return len == in.len || n > 1;
		in = xc_span_from(in, len);
	}
	return false;
}

/* A hello in the format of SSL 2 (RFC 5246 E.2): its lengths have to add up. */
static bool is_ssl2_hello(struct xc_span in)
{
	struct xc_rd rd = xc_rd(in);
	uint16_t len = xc_rd_be16(&rd);
	uint8_t type = xc_rd_u8(&rd);
	uint16_t version = xc_rd_be16(&rd), ciphers = xc_rd_be16(&rd), session = xc_rd_be16(&rd);
	uint16_t challenge = xc_rd_be16(&rd);

	return !rd.is_short && len & 0x8000 && type == SSL2_CLIENT_HELLO &&
	       (version == SSL2 || version >> 8 == 3) && ciphers && ciphers % 3 == 0 &&
	       (!session || session == 16) && challenge >= 16 && challenge <= 32 &&
	       (len & 0x7fff) == 9 + ciphers + session + challenge;
}

static bool is_clear_alert(struct xc_span in)
{
	return in.len >= 7 && in.p[0] == ALERT && record_len(in) == 2 &&
	       (in.p[5] == ALERT_WARNING || in.p[5] == ALERT_FATAL);
}

static struct xc_l7_guess tls_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = hint->dir };

	if (is_ssl2_hello(in)) {
		g.percent = 90;
		g.dir = XC_L7_CLIENT;
		return g;
	}
	if (in.len < 10 && is_hello(in))
		g.wants_more = true;
	if (!is_record(in) || in.len < 7)
		return g;
	if (in.len >= 10 && is_hello(in)) {
		g.percent = 95;
		g.dir = in.p[5] == XC_HELLO_CLIENT ? XC_L7_CLIENT : XC_L7_SERVER;
	} else if (is_clear_alert(in)) {
		g.percent = 90;
	} else if (!hint->is_start && in.p[0] == APPLICATION_DATA) {
		g.percent = is_chain(in) ? 60 : 0;
	}
	return g;
}

/* ---- handshake messages ----------------------------------------------------------------------------------- */

/* Bytes of the handshake without the headers of records between them. */
struct unframed {
	uint8_t bytes[MESSAGE_HEADER + MESSAGE_MAX];
	size_t n;
	size_t n_used;		/* bytes of the stream */
	uint32_t record_left;
	bool is_bad;
	bool is_whole;		/* all of a message */
};

/* The first @want bytes, or what is there of them. */
static void unframe(struct unframed *u, struct xc_span in, uint32_t record_left, size_t want)
{
	u->n = 0;
	u->n_used = 0;
	u->record_left = record_left;
	u->is_bad = false;
	while (u->n < want) {
		struct xc_span rest = xc_span_from(in, u->n_used);
		size_t n = want - u->n;

		if (!u->record_left) {
			u->is_bad = !is_record(rest) || (rest.len && rest.p[0] != HANDSHAKE);
			if (u->is_bad || rest.len < RECORD_HEADER)
				return;
			u->record_left = (uint32_t)record_len(rest);
			u->n_used += RECORD_HEADER;
			continue;
		}
		n = n < u->record_left ? n : u->record_left;
		n = n < rest.len ? n : rest.len;
		if (!n)
			return;
		memcpy(u->bytes + u->n, rest.p, n);
		u->n += n;
		u->n_used += n;
		u->record_left -= (uint32_t)n;
	}
}

static void finish_if_done(struct xc_l7 *l7)
{
	struct tls *t = l7->state;
	struct xc_request *r = xc_l7_first(l7);

	if (!t->has_answer || !t->side[XC_L7_CLIENT].is_encrypted ||
	    !t->side[XC_L7_SERVER].is_encrypted)
		return;
	if (r) {
		r->result = XC_RESULT_OK;
		xc_l7_answered(l7, r);
	}
	xc_l7_stop_both(l7);
}

static void take_client_hello(struct xc_l7 *l7, struct xc_span body, const struct unframed *u)
{
	struct tls *t = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	struct xc_hello h;

	if (r) {	/* again, as it was told to */
		r->request_bytes += u->n_used;
		if (!t->awaits_hello)
			r->flags |= XC_REQUEST_GAP;
		t->awaits_hello = false;
		return;
	}
	r = xc_l7_open(l7);
	if (!r)
		return;
	if (u->is_whole && xc_hello_read(body, XC_HELLO_CLIENT, &h)) {
		xc_hello_tell_client(&h, 't', r);
	} else {
		xc_request_method(r, (struct xc_span){ (const uint8_t *)"ClientHello", 11 });
		r->flags |= u->is_whole ? XC_REQUEST_UNKNOWN_FIELDS : XC_REQUEST_TRUNCATED;
	}
	r->request_bytes = u->n_used;
	r->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, u->n_used - 1);
	xc_l7_sent(l7, r);
}

/* A ServerHello whose ClientHello was not seen. */
static struct xc_request *open_unasked(struct xc_l7 *l7)
{
	struct xc_request *r = xc_l7_open(l7);

	if (!r)
		return NULL;
	xc_request_method(r, (struct xc_span){ (const uint8_t *)"ServerHello", 11 });
	r->by_server = true;
	r->request_first_ns = 0;
	r->flags |= XC_REQUEST_GAP;
	return r;
}

static void take_server_hello(struct xc_l7 *l7, struct xc_span body, enum xc_hello_type type,
			      const struct unframed *u)
{
	struct tls *t = l7->state;
	struct xc_request *asked = xc_l7_first(l7), *r = asked ? asked : open_unasked(l7);
	struct xc_hello h;
	bool is_read = u->is_whole && xc_hello_read(body, type, &h);

	t->has_answer = !is_read || !h.is_retry;
	t->awaits_hello = !t->has_answer;
	t->cipher = is_read ? xc_hello_cipher(&h) : 0;
	if (!r)
		return;
	if (is_read)
		xc_hello_tell_server(&h, r);
	else
		r->flags |= u->is_whole ? XC_REQUEST_UNKNOWN_FIELDS : XC_REQUEST_TRUNCATED;
	r->response_bytes += u->n_used;
	if (t->has_answer) {
		r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
		r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, u->n_used - 1);
	}
	if (!asked)
		xc_l7_notice(l7, r);
	finish_if_done(l7);
}

/* The first certificate is the server's own (RFC 5246 7.4.2). */
static void take_certificate(struct xc_l7 *l7, struct xc_span body)
{
	struct xc_request *r = xc_l7_first(l7);
	struct xc_rd rd = xc_rd(body);
	size_t len;

	(void)xc_rd_be(&rd, 3);
	len = xc_rd_be(&rd, 3);
	if (r && !rd.is_short)
		xc_cert_tell(xc_span_first((struct xc_span){ rd.p, xc_rd_left(&rd) }, len), r);
}

/* The group of an ephemeral key is only here, before TLS 1.3 (RFC 8422 5.4). */
static void take_key_exchange(struct xc_l7 *l7, struct xc_span body)
{
	struct tls *t = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	char word[XC_TLS_WORD];

	if (!r || body.len < 3 || body.p[0] != 3 ||
	    strncmp(xc_tls_cipher_str(t->cipher, word), "TLS_ECDHE", 9) != 0)
		return;
	xc_request_attr_text(r, "tls.curve",
			     xc_tls_group_str((uint16_t)(body.p[1] << 8 | body.p[2]), word));
}

/* How much of a message of this type and length is looked at. */
static size_t wanted_of(enum xc_l7_dir dir, uint8_t type, size_t len)
{
	size_t max = 0;

	if (dir == XC_L7_CLIENT)
		max = type == XC_HELLO_CLIENT ? MESSAGE_MAX : 0;
	else if (type == XC_HELLO_SERVER || type == XC_HELLO_RETRY || type == XC_HELLO_CERTIFICATE)
		max = MESSAGE_MAX;
	else if (type == XC_HELLO_KEY_EXCHANGE)
		max = 3;
	return len < max ? len : max;
}

static void take_message(struct xc_l7 *l7, enum xc_l7_dir dir, const struct unframed *u)
{
	struct xc_span body = { u->bytes + MESSAGE_HEADER, u->n - MESSAGE_HEADER };
	enum xc_hello_type type = u->bytes[0];

	if (dir == XC_L7_CLIENT) {
		if (type == XC_HELLO_CLIENT)
			take_client_hello(l7, body, u);
		return;
	}
	if (type == XC_HELLO_SERVER || type == XC_HELLO_RETRY)
		take_server_hello(l7, body, type, u);
	else if (type == XC_HELLO_CERTIFICATE)
		take_certificate(l7, body);
	else if (type == XC_HELLO_KEY_EXCHANGE)
		take_key_exchange(l7, body);
}

/* @n bytes are done with, and what is left of a message nobody wants, up to the end of its record. */
static struct xc_l7_step pass_message(struct side *side, size_t n)
{
	uint32_t left =
		side->message_left < side->record_left ? side->message_left : side->record_left;

	side->message_left -= left;
	side->record_left -= left;
	return xc_l7_skip(n, left);
}

static struct xc_l7_step take_handshake(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct side *side = &((struct tls *)l7->state)->side[dir];
	struct unframed u;
	size_t len, wanted;

	unframe(&u, in, side->record_left, MESSAGE_HEADER);
	if (u.is_bad)
		return xc_l7_bad();
	if (u.n < MESSAGE_HEADER)
		return xc_l7_more();
	len = (size_t)u.bytes[1] << 16 | (size_t)u.bytes[2] << 8 | u.bytes[3];
	wanted = wanted_of(dir, u.bytes[0], len);
	unframe(&u, in, side->record_left, MESSAGE_HEADER + wanted);
	if (u.is_bad)
		return xc_l7_bad();
	if (u.n < MESSAGE_HEADER + wanted && !l7->is_cut)
		return xc_l7_more();
	u.is_whole = u.n == MESSAGE_HEADER + len;
	take_message(l7, dir, &u);
	side->message_left = (uint32_t)(len - (u.n - MESSAGE_HEADER));
	side->record_left = u.record_left;
	return pass_message(side, u.n_used);
}

/* ---- other records ------------------------------------------------------------------------------------------- */

static void set_alert(struct xc_request *r, uint8_t description, enum xc_l7_dir dir)
{
	char word[XC_TLS_WORD];
	const char *name = xc_tls_alert_str(description, word);

	xc_request_status(r, description, (struct xc_span){ (const uint8_t *)name, strlen(name) });
	if (description != ALERT_CLOSE_NOTIFY)
		r->result = dir == XC_L7_SERVER ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
}

static void tell_alert(struct xc_l7 *l7, enum xc_l7_dir dir, const uint8_t *alert, uint64_t now_ns)
{
	struct xc_request *asked = xc_l7_first(l7), *r = xc_l7_open(l7);
	char word[XC_TLS_WORD];

	if (!r)
		return;
	xc_request_method(r, (struct xc_span){ (const uint8_t *)"Alert", 5 });
	if (asked)
		xc_request_target(r, (struct xc_span){ (const uint8_t *)asked->target,
						       strlen(asked->target) });
	else
		r->flags |= XC_REQUEST_GAP;	/* of a handshake nobody saw */
	xc_request_attr_text(r, "tls.alert.level", alert[0] == ALERT_FATAL ? "fatal" : "warning");
	xc_request_attr_text(r, "tls.alert.description", xc_tls_alert_str(alert[1], word));
	set_alert(r, alert[1], dir);
	r->by_server = dir == XC_L7_SERVER;
	r->request_first_ns = r->request_last_ns = now_ns;
	xc_l7_notice(l7, r);
}

/* The handshake ends here. */
static void end_by_alert(struct xc_l7 *l7, enum xc_l7_dir dir, uint8_t description, uint64_t now_ns)
{
	struct tls *t = l7->state;
	struct xc_request *r = xc_l7_first(l7);

	xc_l7_stop_both(l7);
	if (!r)
		return;
	set_alert(r, description, dir);
	if (dir == XC_L7_CLIENT && !t->has_answer)
		r->flags |= XC_REQUEST_GAP;	/* it does not like what was not seen */
	if (dir == XC_L7_SERVER && !r->response_first_ns)
		r->response_first_ns = now_ns;
	if (dir == XC_L7_SERVER)
		r->response_last_ns = now_ns;
	if (description == ALERT_CLOSE_NOTIFY)
		xc_l7_abandoned(l7, r, 0);
	else
		xc_l7_answered(l7, r);
}

static struct xc_l7_step take_alert(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	const uint8_t *alert = in.p + RECORD_HEADER;
	uint64_t now_ns;

	if (record_len(in) != 2)
		return xc_l7_skip(RECORD_HEADER, record_len(in));	/* encrypted */
	if (in.len < RECORD_HEADER + 2)
		return xc_l7_more();
	if (!is_clear_alert(in))
		return xc_l7_bad();
	now_ns = xc_l7_ns(l7, dir, RECORD_HEADER + 1);
	tell_alert(l7, dir, alert, now_ns);
	if (alert[0] == ALERT_FATAL || alert[1] == ALERT_CLOSE_NOTIFY)
		end_by_alert(l7, dir, alert[1], now_ns);
	return xc_l7_took(RECORD_HEADER + 2);
}

/* From here on @dir is encrypted; @is_data: and what was the handshake is over for it. */
static void encrypted(struct xc_l7 *l7, enum xc_l7_dir dir, bool is_data)
{
	struct tls *t = l7->state;
	struct xc_request *r = xc_l7_first(l7);

	/* what a middlebox is shown before the second hello (RFC 8446 D.4) means nothing */
	if (t->awaits_hello && !is_data)
		return;
	t->side[dir].is_encrypted = true;
	/* the server's hello was lost, or both were */
	if (is_data && !t->has_answer && (!r || dir == XC_L7_SERVER)) {
		xc_l7_abandon_all(l7, XC_REQUEST_GAP);
		xc_l7_stop_both(l7);
		return;
	}
	finish_if_done(l7);
}

/* ---- SSL 2 ------------------------------------------------------------------------------------------------------ */

static struct xc_l7_step take_ssl2_client(struct xc_l7 *l7, struct xc_span in)
{
	size_t len = SSL2_HEADER + ((size_t)(in.p[0] & 0x7f) << 8 | in.p[1]);
	uint16_t version = (uint16_t)(in.p[3] << 8 | in.p[4]);
	struct xc_request *r = xc_l7_open(l7);
	char word[XC_TLS_WORD];

	if (!r)
		return xc_l7_skip(0, len);
	xc_request_method(r, (struct xc_span){ (const uint8_t *)"ClientHello", 11 });
	xc_request_attr_text(r, "tls.client.supported_versions", xc_tls_version_str(version, word));
	xc_request_attr_text(r, "tls.client.ssl2", "true");
	r->request_bytes = len;
	r->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, in.len < len ? in.len - 1 : len - 1);
	xc_l7_sent(l7, r);
	return xc_l7_skip(0, len);
}

/* A server of SSL 2 answers: everything behind is of another protocol than ours. */
static struct xc_l7_step take_ssl2_server(struct xc_l7 *l7, struct xc_span in)
{
	struct xc_request *r = xc_l7_first(l7);

	r->response_bytes = SSL2_HEADER + ((size_t)(in.p[0] & 0x7f) << 8 | in.p[1]);
	r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, 2);
	r->result = XC_RESULT_OK;
	xc_request_attr_text(r, "tls.protocol.version", "ssl2");
	xc_l7_answered(l7, r);
	xc_l7_stop_both(l7);
	return xc_l7_stop();
}

/* What is sent is no TLS: a server of plain HTTP answers a hello so (RFC 9112 4). */
static struct xc_l7_step take_http(struct xc_l7 *l7, struct xc_span in)
{
	struct xc_request *r = xc_l7_first(l7);

	xc_request_attr_text(r, "crosscut.mismatch", "http");
	r->response_first_ns = r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	xc_l7_abandon_all(l7, 0);
	xc_l7_stop_both(l7);
	return xc_l7_took(in.len);
}

/* How an answer of HTTP begins; one of HTTP/0.9 is nothing but its body. At least @in.len bytes of it match. */
static bool may_be_http(struct xc_span in, size_t *ret_len)
{
	static const char *const begins[] = { "HTTP/1.", "<!DOCTYPE", "<html", "<HTML" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		*ret_len = strlen(begins[i]);
		if (!memcmp(in.p, begins[i], in.len < *ret_len ? in.len : *ret_len))
			return true;
	}
	return false;
}

static struct xc_l7_step take_other(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_request *r = xc_l7_first(l7);
	size_t len;

	if (dir == XC_L7_CLIENT && !r && is_ssl2_hello(in))
		return take_ssl2_client(l7, in);
	if (dir == XC_L7_SERVER && r && in.p[0] & 0x80 && xc_request_get(r, "tls.client.ssl2")) {
		if (in.len < 3)
			return xc_l7_more();
		if (in.p[2] == SSL2_SERVER_HELLO)
			return take_ssl2_server(l7, in);
	}
	if (dir == XC_L7_SERVER && r && may_be_http(in, &len))
		return in.len < len ? xc_l7_more() : take_http(l7, in);
	return xc_l7_bad();
}

/* ---- records ------------------------------------------------------------------------------------------------------ */

static struct xc_l7_step tls_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct tls *t = l7->state;
	struct side *side = &t->side[dir];

	if (!in.len)
		return xc_l7_more();
	if (side->record_left && side->message_left)
		return pass_message(side, 0);
	if (side->record_left)
		return take_handshake(l7, dir, in);
	if (!is_record(in))
		return take_other(l7, dir, in);
	if (in.len < RECORD_HEADER)
		return xc_l7_more();
	switch (in.p[0]) {
	case HANDSHAKE:
		if (side->is_encrypted || side->is_blind)
			return xc_l7_skip(RECORD_HEADER, record_len(in));
		if (!side->message_left)
			return take_handshake(l7, dir, in);
		side->record_left = (uint32_t)record_len(in);
		return xc_l7_took(RECORD_HEADER);
	case ALERT:
		return take_alert(l7, dir, in);
	default:
		encrypted(l7, dir, in.p[0] == APPLICATION_DATA);
		if (dir == XC_L7_SERVER && side->is_encrypted && t->has_answer)
			return xc_l7_stop();
		return xc_l7_skip(RECORD_HEADER, record_len(in));
	}
}

static void tls_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct tls *t = l7->state;

	(void)n;
	t->side[dir] = (struct side){ .is_encrypted = t->side[dir].is_encrypted, .is_blind = true };
	if (xc_l7_first(l7))
		xc_l7_first(l7)->flags |= XC_REQUEST_GAP;
}

static ptrdiff_t tls_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	(void)dir;
	for (size_t at = 0; at + RECORD_HEADER <= in.len; at++)
		if (is_chain(xc_span_from(in, at)) ||
		    (at + 10 <= in.len && is_hello(xc_span_from(in, at))))
			return (ptrdiff_t)at;
	return -1;
}

const struct xc_l7_proto xc_l7_tls = {
	.name = "tls",
	.ports = { 443, 8443, 6443, 10250, 2379, 993, 636, 853 },
	.is_stream = true,
	.state_bytes = sizeof(struct tls),
	.detect = tls_detect,
	.parse = tls_parse,
	.gap = tls_gap,
	.sync = tls_sync,
};
