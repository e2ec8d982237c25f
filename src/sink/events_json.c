/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as one JSON object a line: the keys of the network observer (S1-13) to the letter, ours beside them. Each key is
 * a row, so that the reference page cannot say anything else.
 */
#include "sink/events.h"

#include "base/digits.h"
#include "base/scope.h"
#include "sink/event_rows.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	char id[16 + 1 + XC_DIGITS_MAX + 1] = { 0 }, no[XC_DIGITS_MAX], *end = no + sizeof(no);
	char *start = xc_digits(end, e->no, 1);

	(void)hex_of(e->conn_id, id);
	id[16] = '-';
	memcpy(id + 17, start, (size_t)(end - start));
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
	char text[sizeof(last.text) + 8];
	struct tm tm;
	size_t n;

	if (ts.tv_sec != last.sec) {
		(void)gmtime_r(&ts.tv_sec, &tm);
		if (!strftime(last.text, sizeof(last.text), "%Y-%m-%dT%H:%M:%S", &tm))
			last.text[0] = '\0';
	}
	last.sec = ts.tv_sec;
	n = strlen(last.text);
	memcpy(text, last.text, n);
	text[n] = '.';
	(void)xc_digits(text + n + 7, (uint64_t)ts.tv_nsec / 1000, 6);
	text[n + 7] = 'Z';
	text[n + 8] = '\0';
	xc_json_str(j, key, text);
}

PUT(event_type)
{
	xc_json_str(j, key, xc_netevent_type_str(e->type));
}

PUT(pid)
{
	xc_put_uint(j, key, e->owner.tgid, e->owner.tgid);
}

PUT(tid)
{
	xc_put_uint(j, key, e->tid, e->tid);
}

PUT(uid)
{
	xc_put_uint(j, key, e->owner.tgid, e->owner.uid);
}

PUT(unknown)
{
	(void)e;
	xc_json_null(j, key);
}

PUT(command)
{
	xc_put_text(j, key, e->owner.comm);
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
	xc_put_uint(j, key, e->request, e->payload_bytes);
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

PUT(duration)
{
	xc_put_uint(j, key, e->duration_ns, e->duration_ns);
}

PUT(interface_id)
{
	xc_put_uint(j, key, e->ifindex, e->ifindex);
}

PUT(l7_protocol)
{
	xc_json_str(j, key, e->l7_protocol);
}

PUT(cgroup_id)
{
	xc_put_uint(j, key, e->owner.cgroup_id, e->owner.cgroup_id);
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
	xc_put_uint(j, key, e->first_byte_ns, e->first_byte_ns);
}

PUT(last_byte_ns)
{
	xc_put_uint(j, key, e->last_byte_ns, e->last_byte_ns);
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
	xc_put_uint(j, key, e->netns, e->netns);
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

/* ---- the rows -------------------------------------------------------------------------------------- */

static const struct xc_event_row base_keys[] = {
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
	{ "dst_ip", xc_event_put_server, "of the server", false },
	{ "src_port", put_src_port, "of the client; ICMP: 0", false },
	{ "dst_port", put_dst_port, "of the server; ICMP: 0", false },
	{ "direction", put_direction,
	  "outbound: the client is on this host; inbound: the server; forwarded: neither; null = a capture does not tell",
	  false },
	{ "payload_size", put_payload_size,
	  "bytes of this message on the wire, as far as known; null: no message", false },
	{ "conn_state", put_conn_state,
	  "syn_sent, established, closed, reset, or expired: silent too long, its end was not seen",
	  false },
	{ "bytes_sent", put_bytes_sent,
	  "payload the local end has sent so far; where there is none, the client", false },
	{ "bytes_recv", put_bytes_recv, "payload it has received", false },
	{ "packets_sent", put_packets_sent, "packets; a super-packet (GSO) counts as one", false },
	{ "packets_recv", put_packets_recv, "packets; a super-packet (GRO) counts as one", false },
	{ "latency", xc_event_put_latency,
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
	{ "attributes", xc_event_put_attributes,
	  "what else the protocol told, by the names of the OpenTelemetry conventions; null: no request",
	  true },
};

static bool is_event(const struct xc_netevent *e)
{
	(void)e;
	return true;
}

static const struct xc_event_group base_group = { "", is_event, base_keys, ARRAY_SIZE(base_keys) };

static void put_rows(struct xc_json *j, const struct xc_event_group *g, const struct xc_netevent *e)
{
	for (size_t i = 0; i < g->n; i++)
		g->rows[i].put(j, g->rows[i].name, e);
}

static void json_put(const struct xc_sink_env *env, const struct xc_netevent *e, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	(void)env;
	xc_json_open(&j, NULL, '{');
	put_rows(&j, &base_group, e);
	for (const struct xc_event_group *g = xc_event_data; g->name; g++) {
		if (!g->applies(e))
			continue;
		xc_json_open(&j, g->name, '{');
		put_rows(&j, g, e);
		xc_json_close(&j, '}');
	}
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
}

bool xc_event_key(size_t i, struct xc_event_key *ret_key)
{
	const struct xc_event_group *g = &base_group;

	while (g->name && i >= g->n) {
		i -= g->n;
		g = g == &base_group ? xc_event_data : g + 1;
	}
	if (!g->name)
		return false;
	*ret_key = (struct xc_event_key){ .group = g->name,
					  .name = g->rows[i].name,
					  .text = g->rows[i].text,
					  .is_ours = g->rows[i].is_ours };
	return true;
}

const struct xc_event_format xc_events_json = {
	.name = "json",
	.put = json_put,
};
