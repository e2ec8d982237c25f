/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as one JSON object a line: the keys of the network observer (S1-13) to the letter, ours beside them. Each key is
 * a row, so that the reference page cannot say anything else.
 */
#include "sink/events.h"

#include "base/json.h"
#include "base/scope.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void (*put_fn)(struct xc_json *j, const char *key, const struct xc_netevent *e);

struct key {
	const char *name;
	put_fn put;
	const char *text;
	bool is_ours;
};

/* An object within the event, and when it is there. "" = the event itself. */
struct group {
	const char *name;
	bool (*applies)(const struct xc_netevent *e);
	const struct key *keys;
	size_t n;
};

#define PUT(name)                                                                                  \
	static void put_##name(struct xc_json *j, const char *key, const struct xc_netevent *e)

static void uint_or_null(struct xc_json *j, const char *key, bool is_known, uint64_t value)
{
	if (is_known)
		xc_json_uint(j, key, value);
	else
		xc_json_null(j, key);
}

static void text_or_null(struct xc_json *j, const char *key, const char *value)
{
	xc_json_str(j, key, value && *value ? value : NULL);
}

static const char *attr(const struct xc_netevent *e, const char *name)
{
	return e->request ? xc_request_get(e->request, name) : NULL;
}

static void put_attr(struct xc_json *j, const char *key, const struct xc_netevent *e,
		     const char *name)
{
	text_or_null(j, key, attr(e, name));
}

static bool is_answer(const struct xc_netevent *e)
{
	return e->stage == XC_REQUEST_ANSWERED || e->stage == XC_REQUEST_ABANDONED;
}

/* ---- the event ------------------------------------------------------------------------------------- */

static const char *hex_of(uint64_t n, char out[17])
{
	for (int i = 15; i >= 0; i--, n >>= 4)
		out[i] = "0123456789abcdef"[n & 15];
	out[16] = '\0';
	return out;
}

PUT(event_id)
{
	char id[32];

	(void)snprintf(id, sizeof(id), "%s-%u", hex_of(e->conn_id, (char[17]){ 0 }), e->no);
	xc_json_str(j, key, id);
}

/* RFC 3339 in UTC with microseconds. */
PUT(timestamp)
{
	static struct {	/* most events share their second */
		time_t sec;
		char text[24];
	} last = { .sec = -1 };
	struct timespec ts = xc_netevent_time(e);
	char text[48];
	struct tm tm;

	if (ts.tv_sec != last.sec) {
		(void)gmtime_r(&ts.tv_sec, &tm);
		if (!strftime(last.text, sizeof(last.text), "%Y-%m-%dT%H:%M:%S", &tm))
			last.text[0] = '\0';
	}
	last.sec = ts.tv_sec;
	(void)snprintf(text, sizeof(text), "%s.%06uZ", last.text,
		       (unsigned int)(ts.tv_nsec / 1000));
	xc_json_str(j, key, text);
}

PUT(event_type)
{
	xc_json_str(j, key, xc_netevent_type_str(e->type));
}

PUT(pid)
{
	uint_or_null(j, key, e->owner.tgid, e->owner.tgid);
}

PUT(tid)
{
	uint_or_null(j, key, e->tid, e->tid);
}

PUT(uid)
{
	uint_or_null(j, key, e->owner.tgid, e->owner.uid);
}

PUT(unknown)
{
	(void)e;
	xc_json_null(j, key);
}

PUT(command)
{
	text_or_null(j, key, e->owner.comm);
}

PUT(protocol)
{
	xc_json_str(j, key, xc_proto_str(e->tuple.proto));
}

PUT(ip_version)
{
	xc_json_uint(j, key, xc_addr_is_v4(e->tuple.saddr) ? 4 : 6);
}

PUT(src_ip)
{
	xc_json_str(j, key, xc_addr_str(e->tuple.saddr, (char[XC_ENDPOINT_LEN]){ 0 }));
}

PUT(dst_ip)
{
	xc_json_str(j, key, xc_addr_str(e->tuple.daddr, (char[XC_ENDPOINT_LEN]){ 0 }));
}

static bool has_ports(const struct xc_netevent *e)
{
	return e->tuple.proto != IPPROTO_ICMP && e->tuple.proto != IPPROTO_ICMPV6;
}

PUT(src_port)
{
	xc_json_uint(j, key, has_ports(e) ? e->tuple.sport_he : 0);
}

PUT(dst_port)
{
	xc_json_uint(j, key, has_ports(e) ? e->tuple.dport_he : 0);
}

PUT(direction)
{
	xc_json_str(j, key, xc_direction_str(e->direction));
}

PUT(payload_size)
{
	uint_or_null(j, key, e->request, e->payload_bytes);
}

PUT(conn_state)
{
	xc_json_str(j, key, xc_netevent_state_str(e->state));
}

PUT(bytes_sent)
{
	xc_json_uint(j, key, e->bytes_sent);
}

PUT(bytes_recv)
{
	xc_json_uint(j, key, e->bytes_recv);
}

PUT(packets_sent)
{
	xc_json_uint(j, key, e->packets_sent);
}

PUT(packets_recv)
{
	xc_json_uint(j, key, e->packets_recv);
}

static uint64_t latency_of(const struct xc_netevent *e)
{
	return e->last_byte_ns ? e->last_byte_ns : e->first_byte_ns;
}

PUT(latency)
{
	uint_or_null(j, key, latency_of(e), latency_of(e));
}

PUT(duration)
{
	uint_or_null(j, key, e->duration_ns, e->duration_ns);
}

PUT(interface_id)
{
	uint_or_null(j, key, e->ifindex, e->ifindex);
}

PUT(l7_protocol)
{
	xc_json_str(j, key, e->l7_protocol);
}

PUT(cgroup_id)
{
	uint_or_null(j, key, e->owner.cgroup_id, e->owner.cgroup_id);
}

PUT(source)
{
	xc_json_str(j, key, e->source);
}

PUT(connection_id)
{
	xc_json_str(j, key, hex_of(e->conn_id, (char[17]){ 0 }));
}

PUT(result)
{
	xc_json_str(j, key, xc_result_str(e->result));
}

PUT(first_byte_ns)
{
	uint_or_null(j, key, e->first_byte_ns, e->first_byte_ns);
}

PUT(last_byte_ns)
{
	uint_or_null(j, key, e->last_byte_ns, e->last_byte_ns);
}

PUT(confidence)
{
	if (e->request && e->request->confidence < 100)
		xc_json_fixed(j, key, e->request->confidence / 100.0, 2);
	else
		xc_json_uint(j, key, 1);
}

PUT(flags)
{
	const char *word;

	xc_json_open(j, key, '[');
	for (unsigned int i = 0; e->flags && (word = xc_request_flag_str(i)); i++)
		if (e->flags & (1u << i))
			xc_json_str(j, NULL, word);
	xc_json_close(j, ']');
}

PUT(peer)
{
	if (!e->peer.tgid) {
		xc_json_null(j, key);
		return;
	}
	xc_json_open(j, key, '{');
	xc_json_uint(j, "pid", e->peer.tgid);
	xc_json_str(j, "command", e->peer.comm);
	xc_json_uint(j, "uid", e->peer.uid);
	xc_json_close(j, '}');
}

PUT(netns)
{
	uint_or_null(j, key, e->netns, e->netns);
}

PUT(requests)
{
	xc_json_uint(j, key, e->n_requests);
}

PUT(sampling_factor)
{
	if (e->sampling_factor == 1)
		xc_json_uint(j, key, 1);
	else
		xc_json_fixed(j, key, e->sampling_factor, 6);
}

PUT(mock)
{
	xc_json_bool(j, key, e->is_mock);
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

PUT(attributes)
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
	text_or_null(j, key, e->request->method);
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
	text_or_null(j, key, e->request->target);
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
	text_or_null(j, key, is_answer(e) ? e->request->status_text : NULL);
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
	text_or_null(j, key, field(e, "content-type"));
}

PUT(content_length)
{
	const char *text = field(e, "content-length");
	char *end = NULL;
	unsigned long long n = text ? strtoull(text, &end, 10) : 0;

	uint_or_null(j, key, text && end != text && !*end, n);
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
	text_or_null(j, key, version);
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
	text_or_null(j, key, field(e, "grpc-encoding"));
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

static const struct key base_keys[] = {
	{ "event_id", put_event_id,
	  "connection_id and the number of the event in it; the same on every replay", false },
	{ "timestamp", put_timestamp,
	  "RFC 3339, UTC: arrival of the packet that completed what is told", false },
	{ "event_type", put_event_type, "what happened; the table above", false },
	{ "pid", put_pid, "process of the local end; null = not known, as in every capture",
	  false },
	{ "tid", put_tid, "thread that sent the packet; null = not known", false },
	{ "uid", put_uid, "user of that process; null = not known", false },
	{ "gid", put_unknown, "always null: the kernel does not tell it with the socket", false },
	{ "command", put_command, "its name, 15 bytes at most; null = not known", false },
	{ "protocol", put_protocol, "TCP, UDP, ICMP or ICMPv6", false },
	{ "ip_version", put_ip_version, "4 or 6", false },
	{ "src_ip", put_src_ip, "of the client: who opened the connection, or asked first", false },
	{ "dst_ip", put_dst_ip, "of the server", false },
	{ "src_port", put_src_port, "of the client; ICMP: 0", false },
	{ "dst_port", put_dst_port, "of the server; ICMP: 0", false },
	{ "direction", put_direction,
	  "outbound: the client is on this host; inbound: the server; null = a capture does not tell",
	  false },
	{ "payload_size", put_payload_size,
	  "bytes of this message on the wire, as far as known; null: no message", false },
	{ "conn_state", put_conn_state,
	  "syn_sent, established, closed, reset, or expired: silent too long, its end was not seen",
	  false },
	{ "bytes_sent", put_bytes_sent,
	  "payload the local end has sent so far; of a capture, the client", false },
	{ "bytes_recv", put_bytes_recv, "payload it has received", false },
	{ "packets_sent", put_packets_sent, "packets; a super-packet (GSO) counts as one", false },
	{ "packets_recv", put_packets_recv, "packets; a super-packet (GRO) counts as one", false },
	{ "latency", put_latency,
	  "ns, the first byte of the request to the last of the answer; connection: SYN to its answer; null = not known",
	  false },
	{ "duration", put_duration,
	  "ns since the connection was opened; null = it is older than our view", false },
	{ "interface_id", put_interface_id, "index of the network device; null = not known",
	  false },
	{ "l7_protocol", put_l7_protocol,
	  "told from content, never from a port; null = not recognised", false },
	{ "cgroup_id", put_cgroup_id, "cgroup v2 of the process; null = not known", false },
	{ "pod_uid", put_unknown, "null in this version", false },
	{ "kubernetes", put_unknown, "null in this version", false },
	{ "security_flags", put_unknown, "null in this version", false },
	{ "source", put_source, "name of this observer: the setting name", true },
	{ "connection_id", put_connection_id, "the same for all events of a connection", true },
	{ "result", put_result, "ok, client_error, server_error, no_answer, or unknown", true },
	{ "first_byte_ns", put_first_byte_ns,
	  "ns, first byte of the request to the first of the answer; null = not known", true },
	{ "last_byte_ns", put_last_byte_ns, "ns, to the last byte of the answer; null = not known",
	  true },
	{ "confidence", put_confidence, "0 to 1: that it is this protocol", true },
	{ "flags", put_flags,
	  "why a value may be less than the truth: joined_late, truncated, gap, role_inferred, unknown_fields, resent, inferred_status; or streaming, tls_plaintext",
	  true },
	{ "peer", put_peer,
	  "pid, command and uid of the other end, when it is on this host too; else null", true },
	{ "netns", put_netns, "inode of the network namespace; null = not known", true },
	{ "requests", put_requests, "requests of this connection so far", true },
	{ "sampling_factor", put_sampling_factor,
	  "this event stands for so many; 1 = nothing is left out", true },
	{ "mock", put_mock, "true: made up by --mock", true },
	{ "attributes", put_attributes,
	  "what else the protocol told, by the names of the OpenTelemetry conventions; null: no request",
	  true },
};

static const struct key http_keys[] = {
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
	{ "response_time", put_latency, "ns, as latency", false },
	{ "is_request", put_is_request, "", false },
	{ "is_response", put_is_response, "", false },
};

static const struct key grpc_keys[] = {
	{ "service", put_service, "with its package", false },
	{ "method", put_rpc_method, "", false },
	{ "stream_id", put_id, "of HTTP/2", false },
	{ "message_type", put_message_type, "request or response", false },
	{ "status_code", put_status_code, "grpc-status; null before the answer, or without one",
	  false },
	{ "status_text", put_status_text, "name of the status", true },
	{ "compression", put_compression, "grpc-encoding of this direction", false },
	{ "duration", put_latency, "ns, as latency", false },
};

static const struct key dns_keys[] = {
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
	{ "duration", put_latency, "ns, as latency", false },
	{ "server_ip", put_dst_ip, "", false },
};

static const struct key tls_keys[] = {
	{ "server_name", put_server_name, "SNI", true },
	{ "version", put_tls_version, "agreed on; null before the server's hello", true },
	{ "cipher", put_cipher, "agreed on", true },
	{ "alpn", put_alpn, "protocol agreed on, as far as it is in clear", true },
	{ "ja3", put_ja3, "fingerprint of the client's hello", true },
	{ "ja3s", put_ja3s, "fingerprint of the server's hello", true },
	{ "ja4", put_ja4, "fingerprint of the client's hello", true },
	{ "alert", put_alert, "in clear", true },
};

static const struct key l7_keys[] = {
	{ "id", put_id, "correlation id, stream ...; 0 where the protocol has none", true },
	{ "method", put_method, "command, operation, type of hello", true },
	{ "target", put_path, "key, topic, server name, statement without its literals ...", true },
	{ "status_code", put_status_code, "the protocol's own number; null before the answer",
	  true },
	{ "status_text", put_status_text, "error word, SQLSTATE, alert ...", true },
	{ "is_request", put_is_request, "", true },
	{ "is_response", put_is_response, "", true },
};

static const struct group groups[] = {
	{ "", NULL, base_keys, ARRAY_SIZE(base_keys) },
	{ "http_data", is_http, http_keys, ARRAY_SIZE(http_keys) },
	{ "grpc_data", is_grpc, grpc_keys, ARRAY_SIZE(grpc_keys) },
	{ "dns_data", is_dns, dns_keys, ARRAY_SIZE(dns_keys) },
	{ "tls_data", is_tls, tls_keys, ARRAY_SIZE(tls_keys) },
	{ "l7_data", is_other, l7_keys, ARRAY_SIZE(l7_keys) },
};

static void json_put(const struct xc_sink_env *env, const struct xc_netevent *e, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	(void)env;
	xc_json_open(&j, NULL, '{');
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		if (groups[g].applies && !groups[g].applies(e))
			continue;
		if (groups[g].applies)
			xc_json_open(&j, groups[g].name, '{');
		for (size_t i = 0; i < groups[g].n; i++)
			groups[g].keys[i].put(&j, groups[g].keys[i].name, e);
		if (groups[g].applies)
			xc_json_close(&j, '}');
	}
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
}

bool xc_event_key(size_t i, struct xc_event_key *ret_key)
{
	for (size_t g = 0; g < ARRAY_SIZE(groups); i -= groups[g++].n) {
		if (i >= groups[g].n)
			continue;
		*ret_key = (struct xc_event_key){ .group = groups[g].name,
						  .name = groups[g].keys[i].name,
						  .text = groups[g].keys[i].text,
						  .is_ours = groups[g].keys[i].is_ours };
		return true;
	}
	return false;
}

const struct xc_event_format xc_events_json = {
	.name = "json",
	.put = json_put,
};
