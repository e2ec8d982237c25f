/* SPDX-License-Identifier: Apache-2.0 */
/* What requests say. No payload is read yet: all but the verdict are missing. */
#include "flow/features_table.h"
#include "flow/values.h"

#include "base/scope.h"

static struct xc_value verdict(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_str(row->verdict);
}

#define GROUP XC_GROUP_L7

const struct xc_feature xc_features_l7[] = {
	XC_F(http_status_code, U16, FEATURE, "code", 0, 599, "flow,window", xc_get_missing, 0,
	     "status of the worst transaction of the window, then the slowest; 0 = no HTTP "
	     "response"),
	XC_F(http_method, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", xc_get_missing, 0,
	     "method of that transaction"),
	XC_F(http_url, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", xc_get_missing, 0,
	     "path of that transaction, without its query"),
	XC_F(http_latency_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window", xc_get_missing, 0,
	     "first byte of that request to the first byte of its response"),
	XC_F(grpc_status_code, U8, FEATURE, "code", 0, 16, "flow,window", xc_get_missing, 0,
	     "grpc-status of the worst call; 0 = OK or none"),
	XC_F(grpc_method, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", xc_get_missing, 0,
	     "path of that call: /package.Service/Method"),
	XC_F(dns_response_code, U8, FEATURE, "code", 0, 23, "flow,window", xc_get_missing, 0,
	     "RCODE of the worst answer, EDNS extension included"),
	XC_F(dns_query_name, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", xc_get_missing, 0,
	     "name asked for, lower case"),
	XC_F(dns_num_answers, U16, FEATURE, "records", 0, XC_NO_MAX, "flow,window", xc_get_missing,
	     0, "ANCOUNT of that answer"),
	XC_F(kafka_api_key, I16, FEATURE, "code", 0, 32767, "flow,window", xc_get_missing, 0,
	     "API key of the representative request"),
	XC_F(kafka_error_code, I16, FEATURE, "code", -1, 32767, "flow,window", xc_get_missing, 0,
	     "first error code in its response; 0 = none"),
	XC_F(namespace, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "namespace of the initiator's pod; else of the responder's"),
	XC_F(pod_name, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "initiator's pod; else responder's"),
	XC_F(service_name, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "destination service"),
	XC_F(l7_protocol_detected, STR, FEATURE, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "told from payload, never from the port alone: http, http2, grpc, dns, tls, "
	     "kafka, redis ..."),
	XC_F(dns_query_latency_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window", xc_get_missing,
	     0, "query to the answer with the same id"),
	XC_F(verdict, STR, FEATURE, "-", 0, XC_NO_MAX, "flow,window", verdict, 0,
	     "the worst of the window. DROPPED: by a rule, program or limiter here. REJECTED: "
	     "the connection was reset before it was established, or an ICMP error came and "
	     "no answer. ERROR: dropped for another reason, bad checksum or other ICMP error. "
	     "FORWARDED: both ends were heard. UNKNOWN: one only"),
};

_Static_assert(ARRAY_SIZE(xc_features_l7) == XC_N_L7, "layer 7");
