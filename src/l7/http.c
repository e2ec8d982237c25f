/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/http.h"

#include <ctype.h>

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct xc_span xc_http_trim(struct xc_span s)
{
	while (s.len && is_space(s.p[0]))
		s = xc_span_from(s, 1);
	while (s.len && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

static size_t index_of(struct xc_span s, uint8_t c)
{
	const uint8_t *at = s.len ? memchr(s.p, c, s.len) : NULL;

	return at ? (size_t)(at - s.p) : s.len;
}

bool xc_http_has(struct xc_span value, const char *word)
{
	while (value.len) {
		size_t n = index_of(value, ',');
		struct xc_span item = xc_http_trim(xc_span_first(value, n));

		item.len = index_of(item, ';');	/* its parameters */
		if (xc_span_is(xc_http_trim(item), word))
			return true;
		value = xc_span_from(value, n + 1);
	}
	return false;
}

void xc_http_host(struct xc_request *r, struct xc_span authority)
{
	struct xc_span host = authority;
	size_t at = index_of(host, '@'), port;

	if (at < host.len)
		host = xc_span_from(host, at + 1);	/* a password may be in what was before it */
	/* the port is behind the last colon, and no part of an IPv6 address */
	for (port = host.len; port && isdigit(host.p[port - 1]); port--)
		;
	if (port < 2 || port == host.len || host.p[port - 1] != ':' ||
	    (host.p[port - 2] != ']' && index_of(host, ':') != port - 1)) {
		xc_request_attr(r, "server.address", host);
		return;
	}
	xc_request_attr(r, "server.address", xc_span_first(host, port - 1));
	xc_request_attr(r, "server.port", xc_span_from(host, port));
}

/* Bytes of "http://"; 0 = it does not begin so. */
static size_t scheme_len(struct xc_span target)
{
	size_t n = 0;

	if (!target.len || target.p[0] == '/' || target.p[0] == '*')
		return 0;
	while (n < target.len && n < 16 && isalpha(target.p[n]))
		n++;
	return n && xc_span_starts(xc_span_from(target, n), "://") ? n + 3 : 0;
}

static size_t authority_len(struct xc_span s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	return n;
}

void xc_http_target(const struct xc_l7 *l7, struct xc_request *r, struct xc_span target)
{
	static const uint8_t slash[] = "/", hidden[] = "[redacted]";
	struct xc_span path = target;
	size_t scheme = scheme_len(target), query;

	if (scheme) {
		struct xc_span host = xc_span_from(target, scheme);

		host.len = authority_len(host);
		xc_http_host(r, host);
		path = xc_span_from(target, scheme + host.len);
	}
	query = index_of(path, '?');
	xc_request_target(r, scheme && !query ? (struct xc_span){ slash, 1 } :
						xc_span_first(path, query));
	if (query < path.len)
		xc_request_attr(r, "url.query",
				l7->with_query ? xc_span_from(path, query + 1) :
						 (struct xc_span){ hidden, sizeof(hidden) - 1 });
}

/* Their value is a URL, and its query may not be kept. */
static bool is_url(struct xc_span name)
{
	return xc_span_is(name, "referer") || xc_span_is(name, "location") ||
	       xc_span_is(name, "content-location");
}

void xc_http_field(struct xc_request *r, bool is_response, struct xc_span name,
		   struct xc_span value)
{
	if (name.len >= 7 && is_url(name))
		value.len = index_of(value, '?');
	xc_request_header(r, is_response, name, value);
	if (!is_response && name.len == 4 && xc_span_is(name, "host") &&
	    !xc_request_get(r, "server.address"))
		xc_http_host(r, value);
}

static const char *reason_of(int32_t status)
{
	static const struct {
		int32_t status;
		const char *reason;
	} rows[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			return rows[i].reason;
	return "";
}

void xc_http_status(struct xc_request *r, int32_t status, struct xc_span reason)
{
	const char *standard = reason_of(status);

	if (!reason.len)
		reason = (struct xc_span){ (const uint8_t *)standard, strlen(standard) };
	xc_request_status(r, status, reason);
	r->result = status >= 500 ? XC_RESULT_SERVER_ERROR :
		    status >= 400 ? XC_RESULT_CLIENT_ERROR :
				    XC_RESULT_OK;
}
