/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/http1_head.h"

#include "l7/http.h"

#include <ctype.h>

/* A character of a token (RFC 9110 5.6.2): one bit for each of ASCII. */
static bool is_token(uint8_t c)
{
	static const uint64_t bits[2] = { 0x03ff6cfa00000000, 0x57ffffffc7fffffe };

	return c < 128 && bits[c >> 6] >> (c & 63) & 1;
}

bool xc_http1_line(struct xc_span *in, struct xc_span *ret_line)
{
	const uint8_t *end = in->len ? memchr(in->p, '\n', in->len) : NULL;

	if (!end)
		return false;
	*ret_line = (struct xc_span){ in->p, (size_t)(end - in->p) };
	*in = xc_span_from(*in, ret_line->len + 1);
	if (ret_line->len && ret_line->p[ret_line->len - 1] == '\r')
		ret_line->len--;
	return true;
}

size_t xc_http1_head_len(struct xc_span in)
{
	for (size_t at = 0; at < in.len;) {
		const uint8_t *nl = memchr(in.p + at, '\n', in.len - at);

		if (!nl)
			return 0;
		at = (size_t)(nl - in.p) + 1;
		if (at < in.len && in.p[at] == '\n')
			return at + 1;
		if (at + 1 < in.len && in.p[at] == '\r' && in.p[at + 1] == '\n')
			return at + 2;
	}
	return 0;
}

bool xc_http1_request_line(struct xc_span line, struct xc_span *method, struct xc_span *target)
{
	size_t n = 0, end;

	while (n < line.len && n <= XC_HTTP1_METHOD_MAX && is_token(line.p[n]))
		n++;
	if (!n || n > XC_HTTP1_METHOD_MAX || n >= line.len || line.p[n] != ' ')
		return false;
	end = line.len;
	if (end < n + 11 || memcmp(line.p + end - 9, " HTTP/1.", 8) || !isdigit(line.p[end - 1]))
		return false;
	*method = xc_span_first(line, n);
	*target = (struct xc_span){ line.p + n + 1, end - 9 - n - 1 };
	return target->len && target->p[0] != ' ';
}

bool xc_http1_status_line(struct xc_span line, int32_t *status, struct xc_span *reason)
{
	if (line.len < 12 || memcmp(line.p, "HTTP/1.", 7) || !isdigit(line.p[7]) ||
	    line.p[8] != ' ')
		return false;
	*status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (!isdigit(line.p[i]))
			return false;
		*status = *status * 10 + (line.p[i] - '0');
	}
	if (*status < 100 || (line.len > 12 && line.p[12] != ' '))
		return false;
	*reason = xc_span_from(line, 13);
	return true;
}

/* "5", or "5, 5" where somebody has joined two fields. */
static bool read_length(struct xc_span value, struct xc_http1_framing *f)
{
	while (value.len) {
		uint64_t n = 0;
		size_t i = 0;

		for (; i < value.len && isdigit(value.p[i]); i++) {
			if (n > (UINT64_MAX >> 8) / 10)
				return false;
			n = n * 10 + (value.p[i] - '0');
		}
		if (!i || (f->has_length && f->length != n))
			return false;
		f->has_length = true;
		f->length = n;
		value = xc_http_trim(xc_span_from(value, i));
		if (value.len && (value.p[0] != ',' || value.len == 1))
			return false;
		value = xc_http_trim(xc_span_from(value, 1));
	}
	return f->has_length;
}

/* Only the last coding decides (RFC 9112 6.3). */
static bool ends_chunked(struct xc_span value)
{
	size_t at = value.len;

	while (at && value.p[at - 1] != ',')
		at--;
	return xc_span_is(xc_http_trim(xc_span_from(value, at)), "chunked");
}

static void read_field(struct xc_span name, struct xc_span value, struct xc_http1_framing *f)
{
	switch (name.len) {
	case 7:
		if (xc_span_is(name, "upgrade"))
			f->upgrade = value;
		break;
	case 10:
		if (xc_span_is(name, "connection"))
			f->wants_upgrade |= xc_http_has(value, "upgrade");
		break;
	case 12:
		if (xc_span_is(name, "content-type"))
			f->type = value;
		break;
	case 14:
		if (xc_span_is(name, "content-length"))
			f->is_unclear |= !read_length(value, f);
		break;
	case 17:
		if (!xc_span_is(name, "transfer-encoding"))
			break;
		f->has_coding = true;
		f->is_chunked = ends_chunked(value);
		break;
	}
}

/* The next field, with the lines that continue it (obs-fold, RFC 9112 5.2). False: there is none left. */
static bool next_field(struct xc_span *in, struct xc_span *ret_field)
{
	struct xc_span more;

	if (!xc_http1_line(in, ret_field) || !ret_field->len)
		return false;
	while (in->len && (in->p[0] == ' ' || in->p[0] == '\t') && xc_http1_line(in, &more))
		ret_field->len = (size_t)(more.p + more.len - ret_field->p);
	return true;
}

static bool split_field(struct xc_span field, struct xc_span *name, struct xc_span *value)
{
	size_t n = 0;

	while (n < field.len && is_token(field.p[n]))
		n++;
	if (!n || n >= field.len || field.p[n] != ':')
		return false;
	*name = xc_span_first(field, n);
	*value = xc_http_trim(xc_span_from(field, n + 1));
	return true;
}

/* What two readers could understand in two ways (RFC 9112 6.3): the way to smuggle requests. */
static const char *ambiguity(const struct xc_http1_framing *f)
{
	if (f->has_coding && f->has_length)
		return "content-length and transfer-encoding";
	if (f->is_unclear)
		return f->has_coding ? "transfer-encoding" : "content-length";
	return NULL;
}

struct xc_http1_framing xc_http1_fields(struct xc_span in, struct xc_request *r, bool is_response)
{
	struct xc_http1_framing f = { 0 };
	struct xc_span field, name, value;
	bool is_bare[2] = { false, false };

	while (next_field(&in, &field)) {
		is_bare[field.p[field.len] == '\n'] = true;	/* a line ends in LF, or in CRLF */
		if (!split_field(field, &name, &value)) {
			f.violation = "field";
			continue;
		}
		if (memchr(field.p, '\n', field.len))
			f.violation = "folded field";
		read_field(name, value, &f);
		if (r)
			xc_http_field(r, is_response, name, value);
	}
	f.is_unclear |= f.has_coding && !f.is_chunked && !is_response;
	if (is_bare[false] && is_bare[true])
		f.violation = "line end";
	if (ambiguity(&f))
		f.violation = ambiguity(&f);
	f.has_length &= !f.has_coding && !f.is_unclear;
	if (r && f.violation)
		xc_request_attr_text(r, "crosscut.violation", f.violation);
	return f;
}

/* Is @word at @at of @in, as far as there are bytes? */
static bool is_word(struct xc_span in, size_t at, const char *word)
{
	size_t left = in.len - at, n = strlen(word);

	return !memcmp(in.p + at, word, left < n ? left : n);
}

/* Can @in, without a line end, be the beginning of a first line? */
static bool begins_line(enum xc_l7_dir dir, struct xc_span in)
{
	static const char *const methods[] = { "GET ",	   "POST ",    "PUT ",	  "HEAD ",
					       "DELETE ",  "PATCH ",   "QUERY ",  "OPTIONS ",
					       "CONNECT ", "PROPFIND " };

	if (dir == XC_L7_SERVER)
		return is_word(in, 0, "HTTP/1.");
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (is_word(in, 0, methods[i]))
			return true;
	return false;
}

static bool begins(enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_span rest = in, line, a, b;
	int32_t status;

	if (!xc_http1_line(&rest, &line))
		return false;
	return dir == XC_L7_CLIENT ? xc_http1_request_line(line, &a, &b) :
				     xc_http1_status_line(line, &status, &a);
}

bool xc_http1_may_begin(enum xc_l7_dir dir, struct xc_span in)
{
	if (memchr(in.p, '\n', in.len))
		return begins(dir, in);
	return in.len < XC_HTTP1_LINE_MAX && (dir == XC_L7_CLIENT || begins_line(dir, in));
}

/* ... as far as it is there. */
static bool is_first_line(enum xc_l7_dir dir, struct xc_span in)
{
	return in.len < XC_HTTP1_LINE_MAX && !memchr(in.p, '\n', in.len) && begins_line(dir, in);
}

ptrdiff_t xc_http1_find(enum xc_l7_dir dir, struct xc_span in)
{
	for (size_t at = 0; at < in.len; at++) {
		bool is_line = !at || in.p[at - 1] == '\n';

		if (dir == XC_L7_CLIENT ? is_line : in.p[at] == 'H' && is_word(in, at, "HTTP/1."))
			if (begins(dir, xc_span_from(in, at)) ||
			    is_first_line(dir, xc_span_from(in, at)))
				return (ptrdiff_t)at;
	}
	return -1;
}
