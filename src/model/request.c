/* SPDX-License-Identifier: Apache-2.0 */
#include "model/request.h"

#include "base/scope.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void xc_request_reset(struct xc_request *r, const char *protocol)
{
	struct xc_buf attrs = r->attrs;

	xc_buf_reset(&attrs);
	attrs.max = XC_REQUEST_ATTRS;
	r->protocol = protocol;
	r->id = 0;
	r->method[0] = '\0';
	r->target[0] = '\0';
	r->status_text[0] = '\0';
	memset(&r->status, 0, sizeof(*r) - offsetof(struct xc_request, status));
	r->status = XC_STATUS_NONE;
	r->status_text[0] = '\0';
	r->attrs = attrs;
}

/* Cut to @size, not within a character of UTF-8 (RFC 3629); a NUL becomes a space. */
static void copy(char *out, size_t size, struct xc_span text)
{
	size_t n = text.len < size ? text.len : size - 1;

	if (n < text.len)
		while (n && (text.p[n] & 0xc0) == 0x80)
			n--;
	memcpy(out, text.p, n);
	for (size_t i = 0; i < n; i++)
		if (!out[i])
			out[i] = ' ';
	out[n] = '\0';
}

void xc_request_method(struct xc_request *r, struct xc_span text)
{
	if (text.p)
		copy(r->method, sizeof(r->method), text);
}

void xc_request_target(struct xc_request *r, struct xc_span text)
{
	if (text.p)
		copy(r->target, sizeof(r->target), text);
}

void xc_request_status(struct xc_request *r, int32_t status, struct xc_span text)
{
	r->status = status;
	if (text.p)
		copy(r->status_text, sizeof(r->status_text), text);
}

/* ---- attributes: "key\0value\0" again and again, whole ones only ---------------------------- */

static void put_pair(struct xc_request *r, const char *prefix, struct xc_span key,
		     struct xc_span value)
{
	size_t n_prefix = strlen(prefix), at = r->attrs.len;

	if (r->attrs.len + n_prefix + key.len + value.len + 3 > r->attrs.max) {
		r->flags |= XC_REQUEST_TRUNCATED;
		return;
	}
	xc_buf_put(&r->attrs, prefix, n_prefix);
	for (size_t i = 0; i < key.len; i++)
		xc_buf_putc(&r->attrs, key.p[i] ? (char)tolower(key.p[i]) : ' ');
	xc_buf_putc(&r->attrs, '\0');
	for (size_t i = 0; i < value.len; i++)
		xc_buf_putc(&r->attrs, value.p[i] ? (char)value.p[i] : ' ');
	xc_buf_putc(&r->attrs, '\0');
	if (!r->attrs.is_full)
		return;
	r->attrs.len = at;	/* memory ran out: no half of a pair stays */
	r->attrs.is_full = false;
	r->flags |= XC_REQUEST_TRUNCATED;
}

void xc_request_attr(struct xc_request *r, const char *key, struct xc_span value)
{
	put_pair(r, key, (struct xc_span){ 0 }, value);
}

void xc_request_attr_text(struct xc_request *r, const char *key, const char *value)
{
	put_pair(r, key, (struct xc_span){ 0 },
		 (struct xc_span){ (const uint8_t *)value, strlen(value) });
}

void xc_request_attr_uint(struct xc_request *r, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);

	put_pair(r, key, (struct xc_span){ 0 },
		 (struct xc_span){ (const uint8_t *)text, (size_t)n });
}

/* Header fields that carry a secret or a person's session. */
static bool is_secret(struct xc_span name)
{
	static const char *const secrets[] = {
		"authorization",
		"proxy-authorization",
		"cookie",
		"set-cookie",
		"x-api-key",
		"x-auth-token",
		"x-amz-security-token",
		"x-csrf-token",
		"x-vault-token",
		"api-key",
		"authentication-info",
	};

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (xc_span_is(name, secrets[i]))
			return true;
	return false;
}

void xc_request_header(struct xc_request *r, bool is_response, struct xc_span name,
		       struct xc_span value)
{
	static const char hidden[] = "[redacted]";
	const char *prefix = is_response ? "http.response.header." : "http.request.header.";

	if (is_secret(name))
		value = (struct xc_span){ (const uint8_t *)hidden, sizeof(hidden) - 1 };
	put_pair(r, prefix, name, value);
}

const char *xc_request_next(const struct xc_request *r, const char *at, const char **ret_value)
{
	const char *end = r->attrs.p + r->attrs.len;

	if (!r->attrs.len)
		return NULL;
	if (at) {
		at += strlen(at) + 1;	/* over the key, then over its value */
		at += strlen(at) + 1;
	} else {
		at = r->attrs.p;
	}
	if (at >= end)
		return NULL;
	*ret_value = at + strlen(at) + 1;
	return at;
}

const char *xc_request_get(const struct xc_request *r, const char *key)
{
	const char *value = NULL;

	for (const char *k = xc_request_next(r, NULL, &value); k; k = xc_request_next(r, k, &value))
		if (!strcmp(k, key))
			return value;
	return NULL;
}

/* ---- times and words ------------------------------------------------------------------------- */

static uint64_t between(uint64_t from, uint64_t to)
{
	return from && to > from ? to - from : 0;
}

uint64_t xc_request_first_byte_ns(const struct xc_request *r)
{
	return between(r->request_first_ns, r->response_first_ns);
}

uint64_t xc_request_last_byte_ns(const struct xc_request *r)
{
	return between(r->request_first_ns, r->response_last_ns);
}

const char *xc_result_str(enum xc_result result)
{
	static const char *const words[] = { "unknown", "ok", "client_error", "no_answer",
					     "server_error" };

	return (size_t)result < ARRAY_SIZE(words) ? words[result] : "unknown";
}

/* ---- statements without their literals --------------------------------------------------------- */

static bool is_word(uint8_t c)
{
	return isalnum(c) || c == '_' || c == '$' || c >= 0x80;
}

/* Behind the quoted text that begins at @i: quotes are doubled or escaped within. */
static size_t behind_quote(struct xc_span s, size_t i)
{
	uint8_t quote = s.p[i++];

	for (; i < s.len; i++) {
		if (s.p[i] == '\\' && quote != '`')
			i++;
		else if (s.p[i] == quote && (i + 1 >= s.len || s.p[i + 1] != quote))
			return i + 1;
		else if (s.p[i] == quote)
			i++;
	}
	return s.len;
}

/* Behind $tag$ ... $tag$ (PostgreSQL), or @i: it is none. */
static size_t behind_dollar(struct xc_span s, size_t i)
{
	size_t end = i + 1;

	while (end < s.len && s.p[end] != '$' && is_word(s.p[end]))
		end++;
	if (end >= s.len || s.p[end] != '$' || isdigit(s.p[i + 1]))
		return i;
	for (size_t n = end + 1 - i, at = end + 1; at + n <= s.len; at++)
		if (!memcmp(s.p + at, s.p + i, n))
			return at + n;
	return s.len;
}

static size_t behind_literal(struct xc_span s, size_t i, bool is_in_word)
{
	uint8_t c = s.p[i];

	if (c == '\'' || c == '"')
		return behind_quote(
			s, i); /* MySQL takes "text" for a literal, so nothing of it is kept */
	if (is_in_word)
		return i;
	if (c == '$')
		return behind_dollar(s, i);
	while (i < s.len && isdigit(c) && (is_word(s.p[i]) || s.p[i] == '.'))
		i++;
	return i;
}

const char *xc_redact_sql(struct xc_span statement, char *out, size_t size)
{
	bool is_in_word = false, is_after_space = true;
	size_t n = 0;

	for (size_t i = 0; i < statement.len && n + 1 < size;) {
		uint8_t c = statement.p[i];
		size_t end = behind_literal(statement, i, is_in_word);

		if (end > i) {
			out[n++] = '?';
			i = end;
			is_in_word = is_after_space = false;
			continue;
		}
		i++;
		if (isspace(c) || !c) {
			if (!is_after_space)
				out[n++] = ' ';
			is_after_space = true;
			is_in_word = false;
			continue;
		}
		out[n++] = (char)c;
		is_after_space = false;
		is_in_word = is_word(c);
	}
	while (n && out[n - 1] == ' ')
		n--;
	if (size)
		out[n] = '\0';
	return out;
}
