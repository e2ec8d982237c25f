/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns beside the default ones: what other exporters know by direction, other definitions
 * under names of their own, what the rules say, who owns the socket. At the end the names only the
 * first exporter used, for models that were trained on its files.
 */
#include "flow/features_table.h"
#include "flow/values.h"

#include "base/scope.h"

/* ---- by direction --------------------------------------------------------------------------- */

enum { FORWARD, BACKWARD };

static struct xc_value dir_size_min(const struct xc_row *row, int dir)
{
	return row->dir[dir]->n_packets ? xc_u64(row->dir[dir]->size_min) : xc_missing;
}

static struct xc_value dir_size_max(const struct xc_row *row, int dir)
{
	return row->dir[dir]->n_packets ? xc_u64(row->dir[dir]->size_max) : xc_missing;
}

static struct xc_value dir_size_mean(const struct xc_row *row, int dir)
{
	const struct xc_flow_dir *d = row->dir[dir];

	return d->n_packets ? xc_f64((double)d->bytes / d->n_packets) : xc_missing;
}

static struct xc_value dir_size_std(const struct xc_row *row, int dir)
{
	const struct xc_flow_dir *d = row->dir[dir];

	return d->n_packets ? xc_f64(sqrt(xc_variance_of(d->n_packets, d->bytes, d->size_sq))) :
			      xc_missing;
}

static struct xc_value ms(const struct xc_moments *m, double ns)
{
	return m->n ? xc_f64(ns / XC_NS_PER_MS) : xc_missing;
}

static struct xc_value dir_gap_mean(const struct xc_row *row, int dir)
{
	return ms(&row->dir[dir]->gap, xc_mean(&row->dir[dir]->gap));
}

static struct xc_value dir_gap_std(const struct xc_row *row, int dir)
{
	return ms(&row->dir[dir]->gap, xc_std(&row->dir[dir]->gap));
}

static struct xc_value dir_gap_min(const struct xc_row *row, int dir)
{
	return ms(&row->dir[dir]->gap, (double)row->dir[dir]->gap.min);
}

static struct xc_value dir_gap_max(const struct xc_row *row, int dir)
{
	return ms(&row->dir[dir]->gap, (double)row->dir[dir]->gap.max);
}

static struct xc_value gap_min(const struct xc_row *row, int arg)
{
	(void)arg;
	return ms(&row->window->gap, (double)row->window->gap.min);
}

static struct xc_value gap_max(const struct xc_row *row, int arg)
{
	(void)arg;
	return ms(&row->window->gap, (double)row->window->gap.max);
}

static struct xc_value gap_cv(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(xc_ratio(xc_std(&row->window->gap), xc_mean(&row->window->gap)));
}

static struct xc_value dir_header_bytes(const struct xc_row *row, int dir)
{
	return xc_u64(row->dir[dir]->header_bytes);
}

static struct xc_value down_up_ratio(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(xc_ratio(row->dir[BACKWARD]->n_packets, row->dir[FORWARD]->n_packets));
}

/* ---- other counts --------------------------------------------------------------------------- */

static struct xc_value state_code(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->state);
}

static struct xc_value latency_samples(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->window->latency.n);
}

static struct xc_value lost_packets(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->in->n_lost);
}

/* @offset: of a 32-bit counter in struct xc_flow_kernel. */
static struct xc_value kernel_u32(const struct xc_row *row, int offset)
{
	return row->kernel ? xc_u64(*(const uint32_t *)xc_member(row->kernel, offset)) : xc_missing;
}

/* ---- whose ---------------------------------------------------------------------------------- */

static struct xc_value known(uint64_t id)
{
	return id ? xc_u64(id) : xc_missing;
}

static struct xc_value cgroup_id(const struct xc_row *row, int arg)
{
	(void)arg;
	return known(row->kernel ? row->kernel->cgroup_id : 0);
}

static struct xc_value socket_cookie(const struct xc_row *row, int arg)
{
	(void)arg;
	return known(row->kernel ? row->kernel->cookie : 0);
}

static struct xc_value pid(const struct xc_row *row, int arg)
{
	(void)arg;
	return known(row->kernel ? row->kernel->tgid : 0);
}

static struct xc_value comm(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->kernel ? xc_str(row->kernel->comm) : xc_missing;
}

/* ---- what the rules say --------------------------------------------------------------------- */

static struct xc_value detected_label(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->detected.label);
}

static struct xc_value detected_confidence(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(row->detected.confidence);
}

static struct xc_value fault_bits(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->detected.fault_bits);
}

static struct xc_value severity(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->detected.severity);
}

static struct xc_value needs_action(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->detected.needs_action);
}

static struct xc_value memory_critical(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_u64(xc_row_memory_percent(row) > 90) : xc_missing;
}

static struct xc_value swap_active(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_u64(row->sys->swap_percent > 10) : xc_missing;
}

/* @at: of the moments in struct xc_flow_window. */
static const struct xc_moments *moments_at(const struct xc_row *row, int at)
{
	return (const void *)((const char *)row->window + at);
}

static struct xc_value window_mean(const struct xc_row *row, int at)
{
	return ms(moments_at(row, at), xc_mean(moments_at(row, at)));
}

static struct xc_value window_std(const struct xc_row *row, int at)
{
	return ms(moments_at(row, at), xc_std(moments_at(row, at)));
}

static struct xc_value window_min(const struct xc_row *row, int at)
{
	return ms(moments_at(row, at), (double)moments_at(row, at)->min);
}

static struct xc_value window_max(const struct xc_row *row, int at)
{
	return ms(moments_at(row, at), (double)moments_at(row, at)->max);
}

static struct xc_value init_window(const struct xc_row *row, int dir)
{
	const struct xc_flow *f = row->seen->flow;
	const struct xc_flow_half *h = &f->half[(f->initiator ^ (dir == BACKWARD)) & 1];

	return h->has & XC_HALF_SYN ? xc_u64(h->first_window) : xc_missing;
}

static struct xc_value disk_saturated(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_u64(row->sys->disk_queue > 10) : xc_missing;
}

#define REQUESTS(field) offsetof(struct xc_flow_requests, field)

/* @offset: of a 32-bit counter in struct xc_flow_requests. */
static struct xc_value requests_u32(const struct xc_row *row, int offset)
{
	const uint32_t *x = row->seen->requests ? xc_member(row->seen->requests, offset) : NULL;

	return x ? xc_u64(*x) : xc_missing;
}

/* @offset: of a histogram in struct xc_flow_requests; ms. */
static struct xc_value requests_p95(const struct xc_row *row, int offset)
{
	const struct xc_hist *h =
		row->seen->requests ? xc_member(row->seen->requests, offset) : NULL;

	return h && h->n ? xc_f64((double)xc_hist_quantile(h, 0.95) / XC_NS_PER_MS) : xc_missing;
}

#define GROUP XC_GROUP_EXTENDED
#define IN_WINDOW "flow,window"
#define DIR(member) offsetof(struct xc_flow_dir, member)
#define WINDOW(member) offsetof(struct xc_flow_window, member)
#define KERNEL(member) offsetof(struct xc_flow_kernel, member)

const struct xc_feature xc_features_extended[] = {
	XC_F(forward_packet_size_min, U32, FEATURE, "bytes", 0, 65535, IN_WINDOW, dir_size_min,
	     FORWARD, "IP bytes of the smallest forward packet"),
	XC_F(forward_packet_size_max, U32, FEATURE, "bytes", 0, 65535, IN_WINDOW, dir_size_max,
	     FORWARD, "IP bytes of the largest forward packet"),
	XC_F(forward_packet_size_mean, F64, FEATURE, "bytes", 0, 65535, IN_WINDOW, dir_size_mean,
	     FORWARD, "mean IP bytes of the forward packets"),
	XC_F(forward_packet_size_std, F64, FEATURE, "bytes", 0, XC_NO_MAX, IN_WINDOW, dir_size_std,
	     FORWARD, "population standard deviation of their IP bytes"),
	XC_F(backward_packet_size_min, U32, FEATURE, "bytes", 0, 65535, IN_WINDOW, dir_size_min,
	     BACKWARD, "IP bytes of the smallest backward packet"),
	XC_F(backward_packet_size_max, U32, FEATURE, "bytes", 0, 65535, IN_WINDOW, dir_size_max,
	     BACKWARD, "IP bytes of the largest backward packet"),
	XC_F(backward_packet_size_mean, F64, FEATURE, "bytes", 0, 65535, IN_WINDOW, dir_size_mean,
	     BACKWARD, "mean IP bytes of the backward packets"),
	XC_F(backward_packet_size_std, F64, FEATURE, "bytes", 0, XC_NO_MAX, IN_WINDOW, dir_size_std,
	     BACKWARD, "population standard deviation of their IP bytes"),
	XC_F(inter_arrival_time_min, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, gap_min, 0,
	     "shortest time between a packet and the one before it"),
	XC_F(inter_arrival_time_max, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, gap_max, 0,
	     "longest time between a packet and the one before it"),
	XC_F(inter_arrival_cv, F64, FEATURE, "ratio", 0, XC_NO_MAX, IN_WINDOW, gap_cv, 0,
	     "inter_arrival_time_std / inter_arrival_time_mean; 0 when the mean is"),
	XC_F(forward_inter_arrival_time_mean, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_mean, FORWARD, "mean time between forward packets"),
	XC_F(forward_inter_arrival_time_std, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_std, FORWARD, "sample standard deviation of the same times"),
	XC_F(forward_inter_arrival_time_min, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_min, FORWARD, "the shortest of them"),
	XC_F(forward_inter_arrival_time_max, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_max, FORWARD, "the longest of them"),
	XC_F(backward_inter_arrival_time_mean, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_mean, BACKWARD, "mean time between backward packets"),
	XC_F(backward_inter_arrival_time_std, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_std, BACKWARD, "sample standard deviation of the same times"),
	XC_F(backward_inter_arrival_time_min, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_min, BACKWARD, "the shortest of them"),
	XC_F(backward_inter_arrival_time_max, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW,
	     dir_gap_max, BACKWARD, "the longest of them"),
	XC_F(forward_header_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, IN_WINDOW, dir_header_bytes,
	     FORWARD, "IP and transport headers of the forward packets"),
	XC_F(backward_header_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, IN_WINDOW,
	     dir_header_bytes, BACKWARD, "IP and transport headers of the backward packets"),
	XC_F(active_mean, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_mean, WINDOW(active),
	     "mean of the times without a pause of 1 s that ended in this window"),
	XC_F(active_std, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_std, WINDOW(active),
	     "sample standard deviation of the times without a pause of 1 s that ended in this window"),
	XC_F(active_min, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_min, WINDOW(active),
	     "shortest of the times without a pause of 1 s that ended in this window"),
	XC_F(active_max, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_max, WINDOW(active),
	     "longest of the times without a pause of 1 s that ended in this window"),
	XC_F(idle_mean, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_mean, WINDOW(idle),
	     "mean of the pauses of 1 s and more that ended in this window"),
	XC_F(idle_std, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_std, WINDOW(idle),
	     "sample standard deviation of the pauses of 1 s and more that ended in this window"),
	XC_F(idle_min, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_min, WINDOW(idle),
	     "shortest of the pauses of 1 s and more that ended in this window"),
	XC_F(idle_max, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, window_max, WINDOW(idle),
	     "longest of the pauses of 1 s and more that ended in this window"),
	XC_F(forward_init_window, U32, FEATURE, "bytes", 0, 65535, "flow,lifetime", init_window,
	     FORWARD, "receive window in the initiator's SYN"),
	XC_F(backward_init_window, U32, FEATURE, "bytes", 0, 65535, "flow,lifetime", init_window,
	     BACKWARD, "receive window in the responder's SYN-ACK"),
	XC_F(down_up_ratio, F64, FEATURE, "ratio", 0, XC_NO_MAX, IN_WINDOW, down_up_ratio, 0,
	     "backward_packets / forward_packets; 0 without forward ones"),
	XC_F(connection_state_code, U8, FEATURE, "code", 0, 4, "flow,gauge", state_code, 0,
	     "connection_state as a number: 1 NEW, 2 ESTABLISHED, 3 CLOSING, 4 CLOSED"),
	XC_F(connections, U32, FEATURE, "connections", 0, XC_NO_MAX, IN_WINDOW, xc_get_window32,
	     WINDOW(n_connections), "connections on this pair of ports that began"),
	XC_F(payload_packets, U64, FEATURE, "packets", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_data), "packets with payload"),
	XC_F(new_payload_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum64,
	     DIR(new_bytes), "payload seen for the first time"),
	XC_F(retransmitted_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum64,
	     DIR(retrans_bytes), "payload seen before"),
	XC_F(seen_retransmissions, U64, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_retrans),
	     "retransmission_count without the kernel's help: segments with sequence numbers "
	     "seen before"),
	XC_F(wire_retransmissions, U64, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_wire_retrans),
	     "as Wireshark 4.0 guesses: fast, spurious and other retransmissions"),
	XC_F(fast_retransmissions, U64, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_fast), "of those: within 20 ms of the duplicate ACKs"),
	XC_F(spurious_retransmissions, U64, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW,
	     xc_get_sum32, DIR(n_spurious), "of those: data already acknowledged"),
	XC_F(wire_out_of_order, U64, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_wire_out_of_order),
	     "as Wireshark 4.0 guesses: behind, but soon enough to be reordering"),
	XC_F(sequence_gaps, U64, FEATURE, "events", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_gaps), "segments before which something was not seen"),
	XC_F(keep_alives, U64, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_keepalives), "TCP keep-alives"),
	XC_F(window_probes, U64, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_window_probes), "probes of a shut window"),
	XC_F(forgotten_gaps, U32, FEATURE, "events", 0, XC_NO_MAX, IN_WINDOW, xc_get_sum32,
	     DIR(n_holes_lost),
	     "gaps beyond the four that are remembered each way: what fills one counts as a "
	     "retransmission"),
	XC_F(time_reversals, U32, FEATURE, "packets", 0, XC_NO_MAX, IN_WINDOW, xc_get_window32,
	     WINDOW(n_reversals), "packets older than the one before; their gap counts as 0"),
	XC_F(kernel_retransmissions, U32, FEATURE, "segments", 0, XC_NO_MAX, IN_WINDOW, kernel_u32,
	     KERNEL(n_retrans),
	     "segments the local socket sent again, SYN-ACKs included; missing when only "
	     "packets are seen"),
	XC_F(kernel_drops, U32, FEATURE, "packets", 0, XC_NO_MAX, IN_WINDOW, kernel_u32,
	     KERNEL(n_drops), "packets of the flow this kernel dropped"),
	XC_F(policy_drops, U32, FEATURE, "packets", 0, XC_NO_MAX, IN_WINDOW, kernel_u32,
	     KERNEL(n_policy_drops), "of those: by a rule, a program or a limiter"),
	XC_F(latency_samples, U64, FEATURE, "samples", 0, XC_NO_MAX, IN_WINDOW, latency_samples, 0,
	     "latency samples of the window; 0 tells that the latency columns were not "
	     "measured"),
	XC_F(lost_packets, U64, META, "packets", 0, XC_NO_MAX, "node,window", lost_packets, 0,
	     "packets of the window that could not be attributed to a flow (full map)"),
	XC_F(dns_query_latency_p95, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, requests_p95,
	     REQUESTS(dns_latency), "95 % of the queries of the window were answered faster"),
	XC_F(dns_timeouts, U32, FEATURE, "queries", 0, XC_NO_MAX, IN_WINDOW, requests_u32,
	     REQUESTS(n_dns_timeouts), "queries without an answer"),
	XC_F(http_requests, U32, FEATURE, "requests", 0, XC_NO_MAX, IN_WINDOW, requests_u32,
	     REQUESTS(n_http), "HTTP requests"),
	XC_F(http_4xx, U32, FEATURE, "responses", 0, XC_NO_MAX, IN_WINDOW, requests_u32,
	     REQUESTS(n_http_4xx), "HTTP responses with status 400..499"),
	XC_F(http_5xx, U32, FEATURE, "responses", 0, XC_NO_MAX, IN_WINDOW, requests_u32,
	     REQUESTS(n_http_5xx), "HTTP responses with status 500..599"),
	XC_F(http_latency_p95_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, requests_p95,
	     REQUESTS(http_latency), "95 % of the requests of the window were answered faster"),
	XC_F(drop_reason, STR, FEATURE, "-", 0, XC_NO_MAX, IN_WINDOW, xc_get_missing, 0,
	     "why the worst verdict dropped; missing while nothing tells it"),
	XC_F(memory_critical, U8, FEATURE, "flag", 0, 1, "node+cgroup", memory_critical, 0,
	     "memory_usage_percent > 90"),
	XC_F(swap_active, U8, FEATURE, "flag", 0, 1, "node", swap_active, 0,
	     "swap_usage_percent > 10"),
	XC_F(disk_saturated, U8, FEATURE, "flag", 0, 1, "node,window", disk_saturated, 0,
	     "disk_queue_depth > 10"),
	XC_F(detected_label, U8, LABEL, "label", 0, 11, "row", detected_label, 0,
	     "label whose rule fired, the most specific one (7, 4, 9, 8, 10, 11, 2, 3, 1, 5, "
	     "6); 0 = none"),
	XC_F(detected_confidence, F64, LABEL, "ratio", 0, 1, "row", detected_confidence, 0,
	     "a rule fired: 0.5 + 0.3 (1 - threshold / value) + 0.2 * share of further signs; "
	     "none fired: 1 - how near the nearest came / 2; both times the share of packets "
	     "not lost"),
	XC_F(fault_bits, U16, LABEL, "bits", 0, 4094, "row", fault_bits, 0,
	     "1 << label of every rule that fired"),
	XC_F(anomaly_severity, U8, LABEL, "level", 0, 3, "row", severity, 0,
	     "0 none, 1 beyond the threshold, 2 twice as far, 3 ten times as far"),
	XC_F(remediation_action, U8, LABEL, "flag", 0, 1, "row", needs_action, 0,
	     "anomaly_severity >= 2 and detected_confidence >= 0.7"),
	XC_F(dst_namespace, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "namespace of the responder's pod; missing without Kubernetes"),
	XC_F(dst_pod_name, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "responder's pod; missing without Kubernetes"),
	XC_F(workload, STR, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "what owns the pod; missing without Kubernetes"),
	XC_F(orig_dst_ip, IP, ID, "-", 0, XC_NO_MAX, "flow", xc_get_missing, 0,
	     "destination before address translation; missing while nothing tells it"),
	XC_F(cgroup_id, U64, ID, "-", 0, XC_NO_MAX, "flow", cgroup_id, 0,
	     "cgroup (version 2) of the local socket"),
	XC_F(pid, U32, ID, "-", 0, XC_NO_MAX, "flow", pid, 0,
	     "process that holds the local socket"),
	XC_F(comm, STR, ID, "-", 0, XC_NO_MAX, "flow", comm, 0, "its name"),
	XC_F(socket_cookie, U64, ID, "-", 0, XC_NO_MAX, "flow", socket_cookie, 0,
	     "of the local socket"),
};

_Static_assert(ARRAY_SIZE(xc_features_extended) == XC_N_EXTENDED, "extended");

/* ---- the first exporter's own names --------------------------------------------------------- */

static struct xc_value handshake_s(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64((double)row->window->handshake_ns / XC_NS_PER_S);
}

static struct xc_value disk_read_mib(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_f64((double)row->sys->disk_read_bytes / 0x1p20) : xc_missing;
}

static struct xc_value disk_write_mib(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_f64((double)row->sys->disk_write_bytes / 0x1p20) : xc_missing;
}

#undef GROUP
#define GROUP XC_GROUP_SEED

const struct xc_feature xc_features_seed[] = {
	XC_F(dns_failures, U32, FEATURE, "queries", 0, XC_NO_MAX, IN_WINDOW, requests_u32,
	     REQUESTS(n_dns_failures), "DNS answers with an error, and queries without an answer"),
	XC_F(connection_duration, F64, FEATURE, "s", 0, XC_NO_MAX, "flow,lifetime",
	     xc_get_duration_s, 0,
	     "flow_duration (the first exporter wrote the length of the window)"),
	XC_F(handshake_latency, F64, FEATURE, "s", 0, XC_NO_MAX, IN_WINDOW, handshake_s, 0,
	     "SYN to final ACK in this window; 0 without"),
	XC_F(inter_arrival_mean_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, xc_get_gap_mean, 0,
	     "inter_arrival_time_mean"),
	XC_F(inter_arrival_std_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, xc_get_gap_std, 0,
	     "inter_arrival_time_std"),
	XC_F(latency_p50, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, xc_get_latency_quantile, 50,
	     "latency_p50_ms (the first exporter wrote a quantile of packet gaps)"),
	XC_F(latency_p95, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, xc_get_latency_quantile, 95,
	     "latency_p95_ms (the first exporter wrote a quantile of packet gaps)"),
	XC_F(latency_p99, F64, FEATURE, "ms", 0, XC_NO_MAX, IN_WINDOW, xc_get_latency_quantile, 99,
	     "latency_p99_ms (the first exporter wrote a quantile of packet gaps)"),
	XC_F(oom_kill_count, U64, FEATURE, "kills", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, oom_kills), "oom_kills"),
	XC_F(disk_read_mb, F64, FEATURE, "MiB", 0, XC_NO_MAX, "node,window", disk_read_mib, 0,
	     "disk_read_bytes / 2^20 (the first exporter counted since boot)"),
	XC_F(disk_write_mb, F64, FEATURE, "MiB", 0, XC_NO_MAX, "node,window", disk_write_mib, 0,
	     "disk_write_bytes / 2^20 (the first exporter counted since boot)"),
	XC_F(process_exits, U32, FEATURE, "processes", 0, XC_NO_MAX, "node,gauge", xc_get_sys_u32,
	     offsetof(struct xc_sys_sample, n_zombies), "zombie_processes"),
};

_Static_assert(ARRAY_SIZE(xc_features_seed) == XC_N_SEED, "the first exporter's");
