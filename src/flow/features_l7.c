/* SPDX-License-Identifier: Apache-2.0 */
/* What requests say: of each family of protocols the one that stands for the others of its window (requests.h). */
#include "flow/features_table.h"
#include "flow/values.h"

#include "base/scope.h"

static struct xc_value verdict(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_str(row->verdict);
}

/* @offset: of a struct xc_flow_request in struct xc_flow_requests. NULL = none was read. */
static const struct xc_flow_request *request_at(const struct xc_row *row, int offset)
{
	const struct xc_flow_request *r =
		row->seen->requests ? xc_member(row->seen->requests, offset) : NULL;

	return r && r->is_set ? r : NULL;
}

static struct xc_value status(const struct xc_row *row, int offset)
{
	const struct xc_flow_request *r = request_at(row, offset);

	return !r ? xc_missing : xc_u64(r->status > 0 ? (uint64_t)r->status : 0);
}

static struct xc_value method(const struct xc_row *row, int offset)
{
	const struct xc_flow_request *r = request_at(row, offset);

	return r ? xc_str(r->method) : xc_missing;
}

static struct xc_value target(const struct xc_row *row, int offset)
{
	const struct xc_flow_request *r = request_at(row, offset);

	return r ? xc_str(r->target) : xc_missing;
}

static struct xc_value latency_ms(const struct xc_row *row, int offset)
{
	const struct xc_flow_request *r = request_at(row, offset);

	return r && r->first_byte_ns ? xc_f64((double)r->first_byte_ns / XC_NS_PER_MS) : xc_missing;
}

static struct xc_value number(const struct xc_row *row, int offset)
{
	const struct xc_flow_request *r = request_at(row, offset);

	return r ? xc_u64(r->number) : xc_missing;
}

/* Signed: -1 is UNKNOWN_SERVER_ERROR. */
static struct xc_value kafka_error(const struct xc_row *row, int arg)
{
	const struct xc_flow_request *r = request_at(row, offsetof(struct xc_flow_requests, kafka));

	(void)arg;
	return r && r->status != XC_STATUS_NONE ? xc_f64(r->status) : xc_missing;
}

static struct xc_value protocol(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->seen->requests ? xc_str(row->seen->requests->protocol) : xc_missing;
}

#define HTTP offsetof(struct xc_flow_requests, http)
#define GRPC offsetof(struct xc_flow_requests, grpc)
#define DNS offsetof(struct xc_flow_requests, dns)
#define KAFKA offsetof(struct xc_flow_requests, kafka)
#define GROUP XC_GROUP_L7

const struct xc_feature xc_features_l7[] = {
	XC_F(http_status_code, U16, FEATURE, "code", 0, 599, "flow,window", status, HTTP,
	     "status of the worst transaction of the window, then the slowest; 0 = no HTTP "
	     "response"),
	XC_F(http_method, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", method, HTTP,
	     "method of that transaction"),
	XC_F(http_url, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", target, HTTP,
	     "path of that transaction, without its query"),
	XC_F(http_latency_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window", latency_ms, HTTP,
	     "first byte of that request to the first byte of its response"),
	XC_F(grpc_status_code, U8, FEATURE, "code", 0, 16, "flow,window", status, GRPC,
	     "grpc-status of the worst call; 0 = OK or none"),
	XC_F(grpc_method, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", target, GRPC,
	     "path of that call: /package.Service/Method"),
	XC_F(dns_response_code, U8, FEATURE, "code", 0, 23, "flow,window", status, DNS,
	     "RCODE of the worst answer, EDNS extension included"),
	XC_F(dns_query_name, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", target, DNS,
	     "name asked for, lower case"),
	XC_F(dns_num_answers, U16, FEATURE, "records", 0, XC_NO_MAX, "flow,window", number, DNS,
	     "ANCOUNT of that answer"),
	XC_F(kafka_api_key, I16, FEATURE, "code", 0, 32767, "flow,window", number, KAFKA,
	     "API key of the representative request"),
	XC_F(kafka_error_code, I16, FEATURE, "code", -1, 32767, "flow,window", kafka_error, 0,
	     "first error code in its response; 0 = none"),
	XC_F(namespace, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "namespace of the initiator's pod; else of the responder's"),
	XC_F(pod_name, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "initiator's pod; else responder's"),
	XC_F(service_name, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "destination service"),
	XC_F(l7_protocol_detected, STR, FEATURE, "-", 0, XC_NO_MAX, "flow", protocol, 0,
	     "told from payload, never from the port alone: http, http2, grpc, dns, tls, "
	     "kafka, redis ..."),
	XC_F(dns_query_latency_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window", latency_ms, DNS,
	     "query to the answer with the same id"),
	XC_F(verdict, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", verdict, 0,
	     "the worst of the window. DROPPED: by a rule, program or limiter here. REJECTED: "
	     "the connection was reset before it was established, or an ICMP error came and "
	     "no answer. ERROR: dropped for another reason, bad checksum or other ICMP error. "
	     "FORWARDED: both ends were heard. UNKNOWN: one only"),
};

_Static_assert(ARRAY_SIZE(xc_features_l7) == XC_N_L7, "layer 7");
