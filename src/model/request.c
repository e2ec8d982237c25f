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

void xc_request_method_text(struct xc_request *r, const char *text)
{
	xc_request_method(r, (struct xc_span){ (const uint8_t *)text, strlen(text) });
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

static char *put_lower(char *out, struct xc_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		*out++ = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c ? c : ' ');
	}
	*out = '\0';
	return out + 1;
}

static void put_pair(struct xc_request *r, const char *prefix, struct xc_span key,
		     struct xc_span value)
{
	size_t n_prefix = strlen(prefix), n = n_prefix + key.len + value.len + 2;
	char *out = r->attrs.len + n < r->attrs.max ? xc_buf_extend(&r->attrs, n) : NULL;

	if (!out) {
		r->attrs.is_full = false;	/* no half of a pair, but shorter ones still fit */
		r->flags |= XC_REQUEST_TRUNCATED;
		return;
	}
	memcpy(out, prefix, n_prefix);
	out = put_lower(out + n_prefix, key);
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.p[i];

		out[i] = (char)(c && c != '\r' && c != '\n' ? c : ' ');
	}
	out[value.len] = '\0';
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

/* ... or a person's session. */
bool xc_request_is_secret(struct xc_span name)
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
		if (name.len && (name.p[0] | 0x20) == secrets[i][0] && xc_span_is(name, secrets[i]))
			return true;
	return false;
}

void xc_request_header(struct xc_request *r, bool is_response, struct xc_span name,
		       struct xc_span value)
{
	static const char hidden[] = "[redacted]";
	const char *prefix = is_response ? "http.response.header." : "http.request.header.";

	if (xc_request_is_secret(name))
		value = (struct xc_span){ (const uint8_t *)hidden, sizeof(hidden) - 1 };
	put_pair(r, prefix, name, value);
}

const char *xc_request_next(const struct xc_request *r, const char *at, const char **ret_value)
{
	const char *end;

	if (!r->attrs.len)
		return NULL;
	end = r->attrs.p + r->attrs.len;
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

void xc_request_unset(struct xc_request *r, const char *key)
{
	const char *value = xc_request_get(r, key);
	char *at, *end;

	if (!value)
		return;
	at = r->attrs.p + (value - r->attrs.p) - strlen(key) - 1;
	end = at + strlen(key) + 1 + strlen(value) + 1;
	memmove(at, end, r->attrs.len - (size_t)(end - r->attrs.p));
	r->attrs.len -= (size_t)(end - at);
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

bool xc_request_is_same_search(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");

	return n && n == strcspn(b, ".") && !memcmp(a, b, n) && strcmp(a, b);
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

static bool has_pair(struct xc_span s, size_t i, const char *pair)
{
	return i + 1 < s.len && s.p[i] == (uint8_t)pair[0] && s.p[i + 1] == (uint8_t)pair[1];
}

/*
 * Behind what is quoted from @i on; a quote within is doubled. In text a backslash hides a quote as well, or not, as the
 * server is set up: then nothing of what follows can be told from text, and all of it counts as quoted.
 */
static size_t behind_quote(struct xc_span s, size_t i, bool is_text)
{
	uint8_t quote = s.p[i++];
	bool is_escaped = false;

	for (; i < s.len; i++) {
		if (s.p[i] == '\\' && is_text) {
			is_escaped = !is_escaped;
			continue;
		}
		if (s.p[i] == quote) {
			if (is_escaped)
				return s.len;
			if (i + 1 >= s.len || s.p[i + 1] != quote)
				return i + 1;
			i++;
		}
		is_escaped = false;
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

/* Behind the comment that begins at @i, or @i. Comments go: values hide in them, and quotes in them are none. */
static size_t behind_comment(struct xc_span s, size_t i, enum xc_sql_dialect dialect)
{
	bool is_mysql = dialect == XC_SQL_MYSQL;
	size_t depth = 0;

	if ((is_mysql && s.p[i] == '#') ||
	    (has_pair(s, i, "--") && (!is_mysql || i + 2 >= s.len || isspace(s.p[i + 2])))) {
		while (i < s.len && s.p[i] != '\n')
			i++;
		return i;
	}
	if (!has_pair(s, i, "/*") || (is_mysql && i + 2 < s.len && s.p[i + 2] == '!'))
		return i;	/* what follows the exclamation mark is carried out */
	for (; i < s.len; i++) {
		if (has_pair(s, i, "/*") && (!is_mysql || !depth)) {
			depth++;
			i++;
		} else if (has_pair(s, i, "*/")) {
			i++;
			if (!--depth)
				return i + 1;
		}
	}
	return s.len;
}

static size_t behind_literal(struct xc_span s, size_t i, enum xc_sql_dialect dialect,
			     bool is_in_word)
{
	uint8_t c = s.p[i];

	if (c == '\'' || (c == '"' && dialect == XC_SQL_MYSQL))
		return behind_quote(s, i, true);
	if (is_in_word)
		return i;
	if (c == '$' && dialect != XC_SQL_MYSQL)
		return behind_dollar(s, i);
	while (i < s.len && isdigit(c) && (is_word(s.p[i]) || s.p[i] == '.'))
		i++;
	return i;
}

/* Behind the quoted name that begins at @i, or @i. */
static size_t behind_name(struct xc_span s, size_t i, enum xc_sql_dialect dialect)
{
	return s.p[i] == (dialect == XC_SQL_MYSQL ? '`' : '"') ? behind_quote(s, i, false) : i;
}

const char *xc_redact_sql(struct xc_span s, enum xc_sql_dialect dialect, char *out, size_t size)
{
	bool is_in_word = false;
	size_t n = 0, end;

	for (size_t i = 0; i < s.len && n + 1 < size; i = end) {
		uint8_t c = s.p[i];

		end = behind_comment(s, i, dialect);
		if (end > i || isspace(c) || !c) {
			end = end > i ? end : i + 1;
			if (n && out[n - 1] != ' ')
				out[n++] = ' ';
			is_in_word = false;
			continue;
		}
		end = behind_literal(s, i, dialect, is_in_word);
		if (end > i) {
			out[n++] = '?';
			is_in_word = false;
			continue;
		}
		end = behind_name(s, i, dialect);
		is_in_word = end == i && is_word(c);
		end = end > i ? end : i + 1;
		for (; i < end && n + 1 < size; i++)
			out[n++] = s.p[i] ? (char)s.p[i] : ' ';
	}
	while (n && out[n - 1] == ' ')
		n--;
	if (size)
		out[n] = '\0';
	return out;
}
