/* SPDX-License-Identifier: Apache-2.0 */
/* What a JSON event says of the request or the answer it is about. */
#include "sink/event_rows.h"

#include "base/scope.h"

#include <stdlib.h>
#include <string.h>

static const char *attr(const struct xc_netevent *e, const char *name)
{
	return e->request ? xc_request_get(e->request, name) : NULL;
}

static void put_attr(struct xc_json *j, const char *key, const struct xc_netevent *e,
		     const char *name)
{
	xc_put_text(j, key, attr(e, name));
}

static bool is_answer(const struct xc_netevent *e)
{
	return e->stage == XC_REQUEST_ANSWERED || e->stage == XC_REQUEST_ABANDONED;
}

/* ---- attributes ------------------------------------------------------------------------------------ */

static bool was_before(const struct xc_request *r, const char *at, const char *name)
{
	const char *value;

	for (const char *k = xc_request_next(r, NULL, &value); k && k < at;
	     k = xc_request_next(r, k, &value))
		if (!strcmp(k, name))
			return true;
	return false;
}

/* One member for all attributes called @at, their values joined as RFC 9110 5.3 joins fields. */
static void put_joined(struct xc_json *j, const char *key, const struct xc_request *r,
		       const char *at)
{
	const char *value = at + strlen(at) + 1, *more;
	struct xc_buf all = xc_buf(XC_REQUEST_ATTRS);
	bool is_joined = false;

	for (const char *k = xc_request_next(r, at, &more); k; k = xc_request_next(r, k, &more)) {
		if (strcmp(k, at))
			continue;
		if (!is_joined)
			xc_buf_puts(&all, value);
		is_joined = true;
		xc_buf_puts(&all, ", ");
		xc_buf_puts(&all, more);
	}
	xc_json_str(j, key, is_joined ? all.p : value);
	xc_buf_done(&all);
}

static bool has_place(const char *name)
{
	return !strncmp(name, "http.request.header.", 20) ||
	       !strncmp(name, "http.response.header.", 21) || !strcmp(name, "dns.answer");
}

/* Those whose name begins with @prefix, without it; @is_others: those that have a place of their own are left out. */
static void put_members(struct xc_json *j, const struct xc_request *r, const char *prefix,
			bool is_others)
{
	size_t n = strlen(prefix);
	const char *value;

	for (const char *k = xc_request_next(r, NULL, &value); k;
	     k = xc_request_next(r, k, &value)) {
		if (strncmp(k, prefix, n) || (is_others && has_place(k)))
			continue;
		if (!was_before(r, k, k))
			put_joined(j, k + n, r, k);
	}
}

void xc_event_put_attributes(struct xc_json *j, const char *key, const struct xc_netevent *e)
{
	if (!e->request) {
		xc_json_null(j, key);
		return;
	}
	xc_json_open(j, key, '{');
	put_members(j, e->request, "", true);
	xc_json_close(j, '}');
}

/* ---- http_data ------------------------------------------------------------------------------------- */

static bool is_http(const struct xc_netevent *e)
{
	return e->type == XC_NETEVENT_HTTP_REQUEST || e->type == XC_NETEVENT_HTTP_RESPONSE;
}

/* A field of the head this event is about. */
static const char *field(const struct xc_netevent *e, const char *name)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "http.%s.header.%s", is_answer(e) ? "response" : "request",
		       name);
	return attr(e, key);
}

PUT(method)
{
	xc_put_text(j, key, e->request->method);
}

PUT(url)
{
	const char *host = attr(e, "server.address");
	struct xc_buf url = xc_buf(2048);

	if (host) {
		xc_buf_puts(&url, e->flags & XC_REQUEST_ENCRYPTED ? "https://" : "http://");
		xc_buf_puts(&url, host);
		xc_buf_puts(&url, e->request->target);
	}
	xc_json_str(j, key, url.p);
	xc_buf_done(&url);
}

PUT(path)
{
	xc_put_text(j, key, e->request->target);
}

PUT(query)
{
	put_attr(j, key, e, "url.query");
}

PUT(status_code)
{
	if (e->request->status == XC_STATUS_NONE || !is_answer(e))
		xc_json_null(j, key);
	else
		xc_json_int(j, key, e->request->status);
}

PUT(status_text)
{
	xc_put_text(j, key, is_answer(e) ? e->request->status_text : NULL);
}

PUT(headers)
{
	xc_json_open(j, key, '{');
	put_members(j, e->request, is_answer(e) ? "http.response.header." : "http.request.header.",
		    false);
	xc_json_close(j, '}');
}

PUT(user_agent)
{
	put_attr(j, key, e, "http.request.header.user-agent");
}

PUT(content_type)
{
	xc_put_text(j, key, field(e, "content-type"));
}

PUT(content_length)
{
	const char *text = field(e, "content-length");
	char *end = NULL;
	unsigned long long n = text ? strtoull(text, &end, 10) : 0;

	xc_put_uint(j, key, text && end != text && !*end, n);
}

PUT(host)
{
	put_attr(j, key, e, "server.address");
}

PUT(version)
{
	const char *version = attr(e, "network.protocol.version");

	if (!version && !strcmp(e->request->protocol, "http2"))
		version = "2";
	xc_put_text(j, key, version);
}

PUT(is_request)
{
	xc_json_bool(j, key, !is_answer(e));
}

PUT(is_response)
{
	xc_json_bool(j, key, is_answer(e));
}

/* ---- grpc_data, dns_data, l7_data -------------------------------------------------------------------- */

static bool is_grpc(const struct xc_netevent *e)
{
	return e->type == XC_NETEVENT_GRPC_CALL || e->type == XC_NETEVENT_GRPC_RESPONSE;
}

PUT(service)
{
	put_attr(j, key, e, "rpc.service");
}

PUT(rpc_method)
{
	put_attr(j, key, e, "rpc.method");
}

PUT(id)
{
	xc_json_uint(j, key, e->request->id);
}

PUT(message_type)
{
	xc_json_str(j, key, is_answer(e) ? "response" : "request");
}

PUT(compression)
{
	xc_put_text(j, key, field(e, "grpc-encoding"));
}

static bool is_dns(const struct xc_netevent *e)
{
	return e->type == XC_NETEVENT_DNS_QUERY || e->type == XC_NETEVENT_DNS_RESPONSE;
}

PUT(query_class)
{
	put_attr(j, key, e, "dns.question.class");
}

/* "name type class ttl data" */
static void put_answer(struct xc_json *j, const char *text)
{
	static const char *const keys[] = { "name", "type", "class", "ttl" };

	xc_json_open(j, NULL, '{');
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strcspn(text, " ");
		char word[XC_REQUEST_TARGET];

		(void)snprintf(word, sizeof(word), "%.*s", (int)n, text);
		if (i == 3)
			xc_json_uint(j, keys[i], strtoull(word, NULL, 10));
		else
			xc_json_str(j, keys[i], word);
		text += n;
		text += *text == ' ';
	}
	xc_json_str(j, "data", text);
	xc_json_close(j, '}');
}

PUT(answers)
{
	const char *value;

	xc_json_open(j, key, '[');
	for (const char *k = xc_request_next(e->request, NULL, &value); k;
	     k = xc_request_next(e->request, k, &value))
		if (!strcmp(k, "dns.answer"))
			put_answer(j, value);
	xc_json_close(j, ']');
}

static void put_dns_flag(struct xc_json *j, const char *key, const struct xc_netevent *e,
			 const char *name)
{
	const char *value = attr(e, name);

	if (value)
		xc_json_bool(j, key, !strcmp(value, "true"));
	else
		xc_json_null(j, key);
}

PUT(authoritative)
{
	put_dns_flag(j, key, e, "dns.flags.authoritative");
}

PUT(truncated)
{
	put_dns_flag(j, key, e, "dns.flags.truncated");
}

PUT(recursion_available)
{
	put_dns_flag(j, key, e, "dns.flags.recursion_available");
}

static bool is_tls(const struct xc_netevent *e)
{
	return e->type == XC_NETEVENT_TLS_HELLO;
}

#define PUT_ATTR(name, attribute)                                                                  \
	PUT(name)                                                                                  \
	{                                                                                          \
		put_attr(j, key, e, attribute);                                                    \
	}

PUT_ATTR(server_name, "tls.client.server_name")
PUT_ATTR(tls_version, "tls.protocol.version")
PUT_ATTR(cipher, "tls.cipher")
PUT_ATTR(alpn, "tls.next_protocol")
PUT_ATTR(ja3, "tls.client.ja3")
PUT_ATTR(ja3s, "tls.server.ja3s")
PUT_ATTR(ja4, "tls.client.ja4")
PUT_ATTR(alert, "tls.alert.description")

static bool is_other(const struct xc_netevent *e)
{
	return e->request && !is_http(e) && !is_grpc(e) && !is_dns(e);
}

/* ---- the rows -------------------------------------------------------------------------------------- */

static const struct xc_event_row http_keys[] = {
	{ "method", put_method, "GET, POST ...", false },
	{ "url", put_url, "scheme, host and path; null = no host was named", false },
	{ "path", put_path, "without the query", false },
	{ "query", put_query, "redacted unless --query is given; null = there is none", false },
	{ "status_code", put_status_code, "null before the answer, or without one", false },
	{ "status_text", put_status_text, "reason of the answer", false },
	{ "headers", put_headers, "of this message, names in lower case; secrets are redacted",
	  false },
	{ "user_agent", put_user_agent, "of the request", false },
	{ "content_type", put_content_type, "of this message", false },
	{ "content_length", put_content_length, "of this message; null = it does not say", false },
	{ "host", put_host, "as the request names it", false },
	{ "version", put_version, "1.0, 1.1 or 2", false },
	{ "response_time", xc_event_put_latency, "ns, as latency", false },
	{ "is_request", put_is_request, "", false },
	{ "is_response", put_is_response, "", false },
};

static const struct xc_event_row grpc_keys[] = {
	{ "service", put_service, "with its package", false },
	{ "method", put_rpc_method, "", false },
	{ "stream_id", put_id, "of HTTP/2", false },
	{ "message_type", put_message_type, "request or response", false },
	{ "status_code", put_status_code, "grpc-status; null before the answer, or without one",
	  false },
	{ "status_text", put_status_text, "name of the status", true },
	{ "compression", put_compression, "grpc-encoding of this direction", false },
	{ "duration", xc_event_put_latency, "ns, as latency", false },
};

static const struct xc_event_row dns_keys[] = {
	{ "transaction_id", put_id, "", false },
	{ "query_name", put_path, "lower case", false },
	{ "query_type", put_method, "A, AAAA ...", false },
	{ "query_class", put_query_class, "IN ...", false },
	{ "response_code", put_status_code, "RFC 6895; null before the answer, or without one",
	  false },
	{ "response_text", put_status_text, "NOERROR, NXDOMAIN ...", true },
	{ "answers", put_answers, "name, type, class, ttl in seconds, data", false },
	{ "authoritative", put_authoritative, "", false },
	{ "truncated", put_truncated, "", false },
	{ "recursion_available", put_recursion_available, "", false },
	{ "duration", xc_event_put_latency, "ns, as latency", false },
	{ "server_ip", xc_event_put_server, "", false },
};

static const struct xc_event_row tls_keys[] = {
	{ "server_name", put_server_name, "SNI", true },
	{ "version", put_tls_version, "agreed on; null before the server's hello", true },
	{ "cipher", put_cipher, "agreed on", true },
	{ "alpn", put_alpn, "protocol agreed on, as far as it is in clear", true },
	{ "ja3", put_ja3, "fingerprint of the client's hello", true },
	{ "ja3s", put_ja3s, "fingerprint of the server's hello", true },
	{ "ja4", put_ja4, "fingerprint of the client's hello", true },
	{ "alert", put_alert, "in clear", true },
};

static const struct xc_event_row l7_keys[] = {
	{ "id", put_id, "correlation id, stream ...; 0 where the protocol has none", true },
	{ "method", put_method, "command, operation, type of hello", true },
	{ "target", put_path, "key, topic, server name, statement without its literals ...", true },
	{ "status_code", put_status_code, "the protocol's own number; null before the answer",
	  true },
	{ "status_text", put_status_text, "error word, SQLSTATE, alert ...", true },
	{ "is_request", put_is_request, "", true },
	{ "is_response", put_is_response, "", true },
};

const struct xc_event_group xc_event_data[] = {
	{ "http_data", is_http, http_keys, ARRAY_SIZE(http_keys) },
	{ "grpc_data", is_grpc, grpc_keys, ARRAY_SIZE(grpc_keys) },
	{ "dns_data", is_dns, dns_keys, ARRAY_SIZE(dns_keys) },
	{ "tls_data", is_tls, tls_keys, ARRAY_SIZE(tls_keys) },
	{ "l7_data", is_other, l7_keys, ARRAY_SIZE(l7_keys) },
	{ .name = NULL },
};
