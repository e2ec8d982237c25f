/* SPDX-License-Identifier: Apache-2.0 */
/* What a row is about (metadata), and what somebody says of it (label). */
#include "flow/features_table.h"
#include "flow/values.h"

#include "base/scope.h"

#include <string.h>

static struct xc_value start_s(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64((uint64_t)((unsigned __int128)row->in->no * row->in->window_ns / 1000000000));
}

static struct xc_value flow_id(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_str(row->flow_id);
}

static struct xc_value address(const struct xc_row *row, int is_responder)
{
	return xc_str(is_responder ? row->dst_ip : row->src_ip);
}

static struct xc_value port(const struct xc_row *row, int is_responder)
{
	return xc_u64(row->seen->key->port_he[(row->initiator ^ is_responder) & 1]);
}

static struct xc_value protocol(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->seen->key->proto);
}

static struct xc_value label(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->in->label);
}

/* Numbers the first exporter gave, and ours behind them. */
static struct xc_value l7_protocol(const struct xc_row *row, int arg)
{
	static const char *const names[] = { NULL,    "http",  "tls",	   "dns",   "grpc",
					     "kafka", "redis", "postgres", "mysql", "http2" };
	const char *name = row->seen->requests ? row->seen->requests->protocol : NULL;

	(void)arg;
	for (size_t i = 1; name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return xc_u64(i);
	return row->seen->requests ? xc_u64(0) : xc_missing;
}

#define GROUP XC_GROUP_METADATA

const struct xc_feature xc_features_metadata[] = {
	XC_F(timestamp, U64, META, "s", 0, XC_NO_MAX, "row", start_s, 0,
	     "start of the window, Unix epoch; windows are aligned to multiples of their "
	     "length (W)"),
	XC_F(flow_id, HEX8, ID, "-", 0, XC_NO_MAX, "row", flow_id, 0,
	     "first 8 hex digits of MD5(\"src_ip:src_port->dst_ip:dst_port:protocol\")"),
	XC_F(src_ip, IP, ID, "-", 0, XC_NO_MAX, "row", address, 0,
	     "initiator: sender of the SYN, else who sent first"),
	XC_F(dst_ip, IP, ID, "-", 0, XC_NO_MAX, "row", address, 1,
	     "responder; behind address translation the translated one"),
	XC_F(src_port, U16, ID, "-", 0, XC_NO_MAX, "row", port, 0,
	     "of the initiator; ICMP echo: its identifier"),
	XC_F(dst_port, U16, ID, "-", 0, XC_NO_MAX, "row", port, 1,
	     "of the responder; ICMP echo: its identifier"),
	XC_F(protocol, U8, META, "-", 0, XC_NO_MAX, "row", protocol, 0,
	     "6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6, 132 SCTP"),
	XC_F(l7_protocol, U8, META, "-", 0, XC_NO_MAX, "row", l7_protocol, 0,
	     "0 unknown, 1 HTTP, 2 TLS, 3 DNS, 4 gRPC, 5 Kafka, 6 Redis, 7 PostgreSQL, 8 "
	     "MySQL, 9 HTTP/2"),
};

_Static_assert(ARRAY_SIZE(xc_features_metadata) == XC_N_METADATA, "metadata");

#undef GROUP
#define GROUP XC_GROUP_LABEL

const struct xc_feature xc_features_label[] = {
	XC_F(anomaly_label, U8, LABEL, "-", 0, 11, "row", label, 0,
	     "what --label said: 0 normal, 1..11 the faults"),
};

_Static_assert(ARRAY_SIZE(xc_features_label) == XC_N_LABEL, "label");
