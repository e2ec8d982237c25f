/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/graphql.h"

#include "l7/http.h"

#include <ctype.h>

#define DEPTH_MAX 64

/* What a document says of its operation. */
struct operation {
	struct xc_span type, name;	/* empty = not known */
	bool is_one;
};

/* ---- JSON, as far as it is there (RFC 8259) ------------------------------------------------------ */

static void skip_space(struct xc_rd *rd)
{
	while (xc_rd_left(rd) && strchr(" \t\r\n", rd->p[0]) && rd->p[0])
		rd->p++;
}

static bool take_char(struct xc_rd *rd, char c)
{
	skip_space(rd);
	if (!xc_rd_left(rd) || rd->p[0] != (uint8_t)c)
		return false;
	rd->p++;
	return true;
}

/* A string without its quotes, escapes left in; up to the end when its own end is not there. */
static struct xc_span take_string(struct xc_rd *rd)
{
	struct xc_span s = { 0 };

	if (!take_char(rd, '"'))
		return s;
	s.p = rd->p;
	while (xc_rd_left(rd) && rd->p[0] != '"')
		rd->p += rd->p[0] == '\\' && xc_rd_left(rd) > 1 ? 2 : 1;
	s.len = (size_t)(rd->p - s.p);
	if (xc_rd_left(rd))
		rd->p++;
	return s;
}

/* Over a value of any kind. */
static void skip_value(struct xc_rd *rd)
{
	size_t depth = 0;

	do {
		skip_space(rd);
		if (!xc_rd_left(rd))
			return;
		if (rd->p[0] == '"') {
			(void)take_string(rd);
			continue;
		}
		if (rd->p[0] == '{' || rd->p[0] == '[')
			depth++;
		else if (depth && (rd->p[0] == '}' || rd->p[0] == ']'))
			depth--;
		else if (!depth && strchr(",}]", rd->p[0]))
			return;
		rd->p++;
	} while (xc_rd_left(rd) && depth < DEPTH_MAX && (depth || !strchr(",}]", rd->p[0])));
}

/* The next member of an object: its name; the reader stands before its value. */
static bool next_member(struct xc_rd *rd, struct xc_span *ret_key)
{
	(void)take_char(rd, ',');
	*ret_key = take_string(rd);
	return ret_key->p && take_char(rd, ':') && (skip_space(rd), xc_rd_left(rd));
}

/* ---- documents --------------------------------------------------------------------------------------- */

/* White space, commas, comments, and the escapes that stand for white space in JSON. */
static void skip_ignored(struct xc_rd *rd)
{
	while (xc_rd_left(rd)) {
		bool is_escape = rd->p[0] == '\\' && xc_rd_left(rd) > 1;

		if (is_escape && strchr("nrt", rd->p[1])) {
			rd->p += 2;
		} else if (rd->p[0] == '#') {
			while (xc_rd_left(rd) && rd->p[0] != '\n' && rd->p[0] != '\\')
				rd->p++;
		} else if (isspace(rd->p[0]) || rd->p[0] == ',') {
			rd->p++;
		} else {
			return;
		}
	}
}

static struct xc_span take_name(struct xc_rd *rd)
{
	struct xc_span s;

	skip_ignored(rd);
	s = (struct xc_span){ rd->p, 0 };
	while (xc_rd_left(rd) && (isalnum(rd->p[0]) || rd->p[0] == '_') &&
	       (s.len || !isdigit(rd->p[0]))) {
		rd->p++;
		s.len++;
	}
	return s;
}

/* Over "{ ... }". */
static void skip_block(struct xc_rd *rd)
{
	size_t depth = 0;

	for (; xc_rd_left(rd); rd->p++) {
		if (rd->p[0] == '{') {
			depth++;
		} else if (rd->p[0] == '}' && --depth == 0) {
			rd->p++;
			return;
		}
	}
}

/* "{ field ..." and no other language: PromQL has {job="x"}, LogQL the same. */
static bool begins_selection(struct xc_rd rd)
{
	if (!take_char(&rd, '{'))
		return false;
	skip_ignored(&rd);
	if (xc_span_starts((struct xc_span){ rd.p, xc_rd_left(&rd) }, "..."))
		return true;
	if (!take_name(&rd).len)
		return false;
	skip_ignored(&rd);
	return !xc_rd_left(&rd) || rd.p[0] == '_' || isalpha(rd.p[0]) || strchr("(){}:@.", rd.p[0]);
}

/* One definition at @rd. False: this is no document, or it ends here. */
static bool next_definition(struct xc_rd *rd, struct operation *ret)
{
	struct xc_span word = take_name(rd);

	*ret = (struct operation){ 0 };
	skip_ignored(rd);
	if (xc_span_is(word, "query") || xc_span_is(word, "mutation") ||
	    xc_span_is(word, "subscription")) {
		ret->is_one = true;
		ret->type = word;
		ret->name = take_name(rd);
		skip_ignored(rd);
		if (!xc_rd_left(rd))
			return false;	/* the name may be longer */
		if (!strchr("({@", rd->p[0]))
			return false;
		while (xc_rd_left(rd) && rd->p[0] != '{')
			rd->p++;	/* variables and directives; a default value in braces ends them early */
		if (xc_rd_left(rd) && !ret->name.len && !begins_selection(*rd))
			return false;
	} else if (!word.len && begins_selection(*rd)) {
		ret->is_one = true;
		ret->type = (struct xc_span){ (const uint8_t *)"query", 5 };
	} else if (!xc_span_is(word, "fragment")) {
		return false;
	}
	skip_block(rd);
	return true;
}

static bool is_same(struct xc_span a, struct xc_span b)
{
	return a.len == b.len && !memcmp(a.p, b.p, a.len);
}

/* The operation called @name, or the first one. */
static struct operation find_operation(struct xc_span document, struct xc_span name)
{
	struct xc_rd rd = xc_rd(document);
	struct operation o, first = { 0 };

	while (xc_rd_left(&rd) && next_definition(&rd, &o)) {
		if (o.is_one && name.len && is_same(o.name, name))
			return o;
		if (o.is_one && !first.is_one)
			first = o;
	}
	if (name.len) {	/* it is behind what there is: its kind is not known */
		first.type.len = 0;
		first.name = name;
	}
	return first;
}

static bool tell(struct xc_request *r, struct operation o)
{
	if (!o.is_one)
		return false;
	if (o.type.len)
		xc_request_attr(r, "graphql.operation.type", o.type);
	if (o.name.len)
		xc_request_attr(r, "graphql.operation.name", o.name);
	return true;
}

/* ---- what HTTP asks ------------------------------------------------------------------------------------ */

bool xc_graphql_fits(struct xc_span content_type)
{
	struct xc_span type = content_type;
	const uint8_t *end = type.len ? memchr(type.p, ';', type.len) : NULL;

	if (end)
		type.len = (size_t)(end - type.p);
	type = xc_http_trim(type);
	return xc_span_is(type, "application/json") || xc_span_is(type, "application/graphql") ||
	       xc_span_is(type, "application/graphql+json") ||
	       xc_span_is(type, "application/graphql-response+json");
}

bool xc_graphql_request(struct xc_request *r, struct xc_span body)
{
	struct xc_rd rd = xc_rd(body);
	struct xc_span key, document = { 0 }, name = { 0 };
	bool is_persisted = false;

	skip_space(&rd);
	if (xc_rd_left(&rd) && rd.p[0] != '{' && rd.p[0] != '[')
		return tell(r, find_operation(body, name));	/* application/graphql */
	(void)take_char(&rd, '[');	/* of several the first stands for all */
	if (!take_char(&rd, '{'))
		return false;
	while (next_member(&rd, &key)) {
		bool is_text = rd.p[0] == '"';

		is_persisted |= xc_span_is(key, "extensions");
		if (is_text && xc_span_is(key, "query"))
			document = take_string(&rd);
		else if (is_text && xc_span_is(key, "operationName"))
			name = take_string(&rd);
		else
			skip_value(&rd);
	}
	if (!xc_rd_left(&rd) && name.p && name.p + name.len == rd.end)
		name.len = 0;	/* cut */
	if (!document.p && is_persisted && name.len)
		return tell(r, (struct operation){ .name = name, .is_one = true });
	return document.p && tell(r, find_operation(document, name));
}

static uint8_t hex(uint8_t c)
{
	return isdigit(c) ? c - '0' : (uint8_t)((c | 0x20) - 'a' + 10);
}

/* Percent-decoded into @out, as far as it fits. */
static struct xc_span decode(struct xc_span s, uint8_t *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && n < size; i++) {
		bool is_coded = s.p[i] == '%' && i + 2 < s.len && isxdigit(s.p[i + 1]) &&
				isxdigit(s.p[i + 2]);

		if (is_coded) {
			out[n++] = (uint8_t)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 2;
		} else {
			out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return (struct xc_span){ out, n };
}

bool xc_graphql_url(struct xc_request *r, struct xc_span query)
{
	uint8_t text[XC_GRAPHQL_PEEK], text_name[128];
	struct xc_span document = { 0 }, name = { 0 };

	while (query.len) {
		const uint8_t *end = memchr(query.p, '&', query.len);
		size_t n = end ? (size_t)(end - query.p) : query.len;
		struct xc_span one = xc_span_first(query, n);

		if (xc_span_starts(one, "query="))
			document = decode(xc_span_from(one, 6), text, sizeof(text));
		else if (xc_span_starts(one, "operationName="))
			name = decode(xc_span_from(one, 14), text_name, sizeof(text_name));
		query = xc_span_from(query, n + 1);
	}
	return document.len && tell(r, find_operation(document, name));
}

void xc_graphql_response(struct xc_request *r, struct xc_span body)
{
	struct xc_rd rd = xc_rd(body);
	struct xc_span key;

	(void)take_char(&rd, '[');
	if (!take_char(&rd, '{'))
		return;
	while (next_member(&rd, &key)) {
		if (!xc_span_is(key, "errors")) {
			skip_value(&rd);
			continue;
		}
		if (!take_char(&rd, '[') || take_char(&rd, ']'))
			return;
		r->result = XC_RESULT_SERVER_ERROR;
		r->flags |= XC_REQUEST_INFERRED_STATUS;
		xc_request_attr_text(r, "error.type", "graphql");
		return;
	}
}
