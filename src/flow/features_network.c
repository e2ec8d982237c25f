/* SPDX-License-Identifier: Apache-2.0 */
/* What the packets of the flow, and of all flows of its server endpoint, add up to. */
#include "flow/features_table.h"
#include "flow/values.h"

#include "abi/flow_packet.h"
#include "base/scope.h"

static struct xc_value packets(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->n_packets);
}

static struct xc_value bytes(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->n_bytes);
}

static struct xc_value packet_rate(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64((double)row->n_packets / row->window_s);
}

static struct xc_value byte_rate(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64((double)row->n_bytes / row->window_s);
}

static struct xc_value mean_size(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->n_packets ? xc_f64((double)row->n_bytes / (double)row->n_packets) : xc_missing;
}

static struct xc_value retransmissions(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->n_retrans);
}

static struct xc_value retransmission_rate(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(fmin(1, xc_ratio((double)row->n_retrans, (double)row->n_packets)));
}

static struct xc_value longest_retrans(const struct xc_row *row, int arg)
{
	uint32_t a = row->dir[0]->retrans_run_max, b = row->dir[1]->retrans_run_max;

	(void)arg;
	return xc_u64(a > b ? a : b);
}

static struct xc_value zero_window_s(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64((double)row->zero_window_ns / XC_NS_PER_S);
}

static struct xc_value syns(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64((uint64_t)row->dir[0]->n_flags[1] - row->dir[0]->n_syn_acks +
		      row->dir[1]->n_flags[1] - row->dir[1]->n_syn_acks);
}

static struct xc_value server_resets(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->server->n_resets);
}

static struct xc_value syn_ratio(const struct xc_row *row, int arg)
{
	uint64_t n_answers = row->server->n_syn_acks;

	(void)arg;
	return xc_f64((double)row->server->n_syns / (double)(n_answers ? n_answers : 1));
}

static struct xc_value half_open(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->server->n_half_open);
}

static struct xc_value connection_rate(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64((double)row->server->n_connections / row->window_s);
}

static struct xc_value churn(const struct xc_row *row, int arg)
{
	const struct xc_server *s = row->server;

	(void)arg;
	return xc_f64((double)(s->n_ended_fin + s->n_ended_rst) / row->window_s);
}

static struct xc_value abnormal_ratio(const struct xc_row *row, int arg)
{
	const struct xc_server *s = row->server;
	uint64_t n_abnormal = s->n_ended_rst + s->n_timed_out;

	(void)arg;
	return xc_f64(xc_ratio((double)n_abnormal, (double)(n_abnormal + s->n_ended_fin)));
}

static struct xc_value state(const struct xc_row *row, int arg)
{
	static const char *const names[] = { NULL, "NEW", "ESTABLISHED", "CLOSING", "CLOSED" };

	(void)arg;
	return xc_str(row->state < ARRAY_SIZE(names) ? names[row->state] : NULL);
}

static struct xc_value smallest(const struct xc_row *row, int arg)
{
	const struct xc_flow_dir *a = row->dir[0], *b = row->dir[1];

	(void)arg;
	if (!row->n_packets)
		return xc_missing;
	if (!a->n_packets || (b->n_packets && b->size_min < a->size_min))
		a = b;
	return xc_u64(a->size_min);
}

static struct xc_value largest(const struct xc_row *row, int arg)
{
	uint32_t a = row->dir[0]->size_max, b = row->dir[1]->size_max;

	(void)arg;
	return row->n_packets ? xc_u64(a > b ? a : b) : xc_missing;
}

static struct xc_value size_variance(const struct xc_row *row, int arg)
{
	uint64_t square = row->dir[0]->size_sq + row->dir[1]->size_sq;

	(void)arg;
	return xc_f64(xc_variance_of(row->n_packets, row->n_bytes, square));
}

struct xc_value xc_get_gap_mean(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(xc_mean(&row->window->gap) / XC_NS_PER_MS);
}

struct xc_value xc_get_gap_std(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(xc_std(&row->window->gap) / XC_NS_PER_MS);
}

struct xc_value xc_get_duration_s(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64((double)(row->flow->last_ns - row->flow->first_ns) / XC_NS_PER_S);
}

static struct xc_value lifetime_packets(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->flow->n_packets[0] + row->flow->n_packets[1]);
}

static struct xc_value lifetime_bytes(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_u64(row->flow->n_bytes[0] + row->flow->n_bytes[1]);
}

static struct xc_value dir_packets(const struct xc_row *row, int is_backward)
{
	return xc_u64(row->dir[is_backward]->n_packets);
}

static struct xc_value dir_bytes(const struct xc_row *row, int is_backward)
{
	return xc_u64(row->dir[is_backward]->bytes);
}

static struct xc_value is_blocked(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->kernel ? xc_u64(row->kernel->n_policy_drops > 0) : xc_missing;
}

static struct xc_value error_rate(const struct xc_row *row, int arg)
{
	double n_drops = row->kernel ? row->kernel->n_drops : 0;
	double n_errors = n_drops + row->window->n_errors;

	(void)arg;
	/* errors may be all there is */
	return xc_f64(xc_ratio(n_errors, fmax(n_errors, (double)row->n_packets + n_drops)));
}

/* Shannon's, of the sampled bytes, of what so many bytes can have at most: 0..1. */
static double entropy_of(const struct xc_payload *p)
{
	uint16_t times[256] = { 0 }, n_values[XC_PAYLOAD_MAX + 1] = { 0 };
	double most = log2(p->n < 256 ? p->n : 256), sum = 0;

	for (uint32_t i = 0; i < p->n; i++)
		times[p->byte[i]]++;
	for (uint32_t i = 0; i < 256; i++)
		n_values[times[i]]++;
	/* few different counts: few logarithms */
	for (uint32_t k = 2; k <= p->n; k++)
		if (n_values[k])
			sum += n_values[k] * (k * log2(k));
	return most > 0 ? fmin(1, (log2(p->n) - sum / p->n) / most) : 0;
}

static struct xc_value payload_entropy(const struct xc_row *row, int arg)
{
	const struct xc_payload *p = row->seen->payload;

	(void)arg;
	return p && p->n ? xc_f64(fmax(0, entropy_of(p))) : xc_missing;
}

/* The direction whose TTLs count. */
static const struct xc_flow_dir *ttl_of(const struct xc_row *row)
{
	return row->dir[row->dir[0]->n_packets ? 0 : 1];
}

static struct xc_value ttl_min(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->n_packets ? xc_u64(ttl_of(row)->ttl_min) : xc_missing;
}

static struct xc_value ttl_mean(const struct xc_row *row, int arg)
{
	const struct xc_flow_dir *d = ttl_of(row);

	(void)arg;
	return row->n_packets ? xc_f64((double)d->ttl_sum / d->n_packets) : xc_missing;
}

static struct xc_value ttl_std(const struct xc_row *row, int arg)
{
	const struct xc_flow_dir *d = ttl_of(row);

	(void)arg;
	if (!row->n_packets)
		return xc_missing;
	return xc_f64(sqrt(xc_variance_of(d->n_packets, d->ttl_sum, d->ttl_sq)));
}

static struct xc_value window_min(const struct xc_row *row, int arg)
{
	const struct xc_flow_dir *a = row->dir[0], *b = row->dir[1];

	(void)arg;
	if (!a->n_windows || (b->n_windows && b->window_min < a->window_min))
		a = b;
	return a->n_windows ? xc_u64(a->window_min) : xc_missing;
}

static struct xc_value window_mean(const struct xc_row *row, int arg)
{
	const struct xc_flow_dir *a = row->dir[0], *b = row->dir[1];
	double n = (double)a->n_windows + b->n_windows;

	(void)arg;
	return n > 0 ? xc_f64(((double)a->window_sum + (double)b->window_sum) / n) : xc_missing;
}

#define GROUP XC_GROUP_NETWORK

const struct xc_feature xc_features_network[] = {
	XC_F(packet_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", packets, 0,
	     "packets of the flow in this window, both directions, where its first packet was "
	     "seen; a super-packet (GSO, GRO) counts as its segments; 0 in rows made of "
	     "kernel events only"),
	XC_F(byte_count, U64, FEATURE, "bytes", 0, XC_NO_MAX, "flow,window", bytes, 0,
	     "IP headers and payload of those packets"),
	XC_F(packets_per_second, F64, FEATURE, "packets/s", 0, 1e7, "flow,window", packet_rate, 0,
	     "packet_count / W"),
	XC_F(bytes_per_second, F64, FEATURE, "bytes/s", 0, 1.25e10, "flow,window", byte_rate, 0,
	     "byte_count / W"),
	XC_F(avg_packet_size, F64, FEATURE, "bytes", 0, 65535, "flow,window", mean_size, 0,
	     "byte_count / packet_count"),
	XC_F(retransmission_count, U64, FEATURE, "segments", 0, XC_NO_MAX, "flow,window",
	     retransmissions, 0,
	     "segments sent again. Seen: payload, SYN or FIN whose sequence numbers were sent "
	     "before, without keep-alives and probes of a shut window; counted by the kernel "
	     "of a local sender where that is more"),
	XC_F(retransmission_rate, F64, FEATURE, "ratio", 0, 1, "flow,window", retransmission_rate,
	     0, "min(1, retransmission_count / packet_count)"),
	XC_F(consecutive_retrans, U32, FEATURE, "segments", 0, XC_NO_MAX, "flow,window",
	     longest_retrans, 0,
	     "longest run of retransmissions of one direction without a new segment or an "
	     "advance of the acknowledgement between them"),
	XC_F(out_of_order_count, U64, FEATURE, "segments", 0, XC_NO_MAX, "flow,window",
	     xc_get_sum32, offsetof(struct xc_flow_dir, n_out_of_order),
	     "segments that fill a gap of their stream, nothing of them seen before (RFC "
	     "4737)"),
	XC_F(tcp_resets, U64, FEATURE, "resets", 0, XC_NO_MAX, "endpoint,window", server_resets, 0,
	     "RST segments of all flows of the server endpoint (responder address, port, "
	     "protocol)"),
	XC_F(zero_window_count, U64, FEATURE, "segments", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_zero_windows),
	     "segments with ACK, without SYN and RST, that advertise a window of 0"),
	XC_F(zero_window_duration, F64, FEATURE, "s", 0, XC_NO_MAX, "flow,window", zero_window_s, 0,
	     "time in this window during which a direction's last advertised window was 0, "
	     "both directions added; what is still shut is closed at the end of the window "
	     "and carried over"),
	XC_F(syn_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", syns, 0,
	     "packets with SYN and without ACK, both directions"),
	XC_F(syn_ack_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_syn_acks), "packets with SYN and ACK, both directions"),
	XC_F(fin_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_flags[0]), "packets with FIN, both directions"),
	XC_F(rst_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_flags[2]), "packets with RST, both directions"),
	XC_F(psh_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_flags[3]), "packets with PSH, both directions"),
	XC_F(ack_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_flags[4]),
	     "packets with ACK, both directions; a super-packet counts as its segments"),
	XC_F(urg_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_flags[5]), "packets with URG, both directions"),
	XC_F(ece_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_flags[6]),
	     "packets with ECE, both directions; a super-packet counts as its segments"),
	XC_F(cwr_count, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_flags[7]), "packets with CWR, both directions"),
	XC_F(syn_to_synack_ratio, F64, FEATURE, "ratio", 0, XC_NO_MAX, "endpoint,window", syn_ratio,
	     0,
	     "S / max(1, A) of the SYNs S and SYN-ACKs A of the server endpoint; 0 without a "
	     "SYN; healthy is 1"),
	XC_F(half_open_connections, U32, FEATURE, "connections", 0, XC_NO_MAX, "endpoint,gauge",
	     half_open, 0,
	     "at the end of the window: flows of the server endpoint whose SYN was seen "
	     "within 60 s and whose handshake is not complete"),
	{ .name = "connection_state",
	  .unit = "-",
	  .scope = "flow,gauge",
	  .meaning =
		  "at the end of the window. TCP: NEW until the handshake completes, CLOSING from "
		  "the first FIN on, CLOSED after both FINs or a RST. Else: NEW while only one end "
		  "has spoken, then ESTABLISHED",
	  .choices = "NEW|ESTABLISHED|CLOSING|CLOSED",
	  .group = GROUP,
	  .type = XC_TYPE_ENUM,
	  .get = state },
	XC_F(min_packet_size, U32, FEATURE, "bytes", 0, 65535, "flow,window", smallest, 0,
	     "IP bytes of the smallest packet, segment by segment"),
	XC_F(max_packet_size, U32, FEATURE, "bytes", 0, 65535, "flow,window", largest, 0,
	     "IP bytes of the largest packet, segment by segment"),
	XC_F(packet_size_variance, F64, FEATURE, "bytes^2", 0, XC_NO_MAX, "flow,window",
	     size_variance, 0, "population variance of the sizes in IP bytes"),
	XC_F(inter_arrival_time_mean, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window",
	     xc_get_gap_mean, 0,
	     "mean time between a packet and the one before it, both directions; the first "
	     "packet of a window is compared with the last one before the window; 0 without "
	     "such a pair"),
	XC_F(inter_arrival_time_std, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window",
	     xc_get_gap_std, 0,
	     "sample standard deviation (n - 1) of those times; 0 with fewer than two"),
	XC_F(flow_duration, F64, FEATURE, "s", 0, XC_NO_MAX, "flow,lifetime", xc_get_duration_s, 0,
	     "from the first packet of the connection to its last so far"),
	XC_F(bidirectional_packets, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,lifetime",
	     lifetime_packets, 0, "packets of both directions since the connection began"),
	XC_F(bidirectional_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, "flow,lifetime",
	     lifetime_bytes, 0, "IP bytes of both directions since the connection began"),
	XC_F(forward_packets, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", dir_packets, 0,
	     "packets from the initiator to the responder"),
	XC_F(backward_packets, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", dir_packets, 1,
	     "packets from the responder to the initiator"),
	XC_F(forward_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, "flow,window", dir_bytes, 0,
	     "IP bytes from the initiator to the responder"),
	XC_F(backward_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, "flow,window", dir_bytes, 1,
	     "IP bytes from the responder to the initiator"),
	XC_F(is_blocked_flow, U8, FEATURE, "flag", 0, 1, "flow,window", is_blocked, 0,
	     "1 = this kernel dropped a packet of the flow by a rule, a program or a limiter "
	     "(netfilter, TC, XDP, cgroup or socket filter, security module, XFRM policy, "
	     "full queue); missing when only packets are seen"),
	XC_F(error_rate, F64, FEATURE, "ratio", 0, 1, "flow,window", error_rate, 0,
	     "min(1, E / (packet_count + D)): D = packets this kernel dropped, E = D + bad IP header "
	     "checksums + ICMP errors that quote the flow"),
	XC_F(duplicate_acks, U64, FEATURE, "packets", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_dup_acks),
	     "RFC 5681: no payload, no SYN or FIN, the same acknowledgement and window as "
	     "before, while the peer has data outstanding"),
	XC_F(ttl_min, U8, FEATURE, "hops", 0, 255, "flow,window", ttl_min, 0,
	     "smallest TTL or hop limit of the forward packets (of the backward ones when "
	     "there are none)"),
	XC_F(ttl_avg, F64, FEATURE, "hops", 0, 255, "flow,window", ttl_mean, 0,
	     "mean of the same samples"),
	XC_F(ttl_stddev, F64, FEATURE, "hops", 0, 127.5, "flow,window", ttl_std, 0,
	     "population standard deviation of the same samples"),
	XC_F(payload_entropy, F64, FEATURE, "ratio", 0, 1, "flow,window", payload_entropy, 0,
	     "Shannon entropy of the sampled payload bytes / log2(min(256, n)), n = sampled "
	     "bytes, at most 512 a window; missing without a sample (live)"),
	XC_F(tcp_window_min, U64, FEATURE, "bytes", 0, 0x1p30, "flow,window", window_min, 0,
	     "smallest advertised receive window, scaled when both SYNs were seen; SYN and "
	     "RST excluded"),
	XC_F(tcp_window_avg, F64, FEATURE, "bytes", 0, 0x1p30, "flow,window", window_mean, 0,
	     "mean of the same samples"),
	XC_F(tcp_window_drops, U32, FEATURE, "events", 0, XC_NO_MAX, "flow,window", xc_get_sum32,
	     offsetof(struct xc_flow_dir, n_window_drops),
	     "times the window of a direction fell below half of its previous value"),
	XC_F(connection_rate, F64, FEATURE, "connections/s", 0, XC_NO_MAX, "endpoint,window",
	     connection_rate, 0,
	     "connections to the server endpoint that began (first SYN; else first packet) / "
	     "W"),
	XC_F(connection_churn, F64, FEATURE, "connections/s", 0, XC_NO_MAX, "endpoint,window",
	     churn, 0, "connections of the server endpoint that ended by FIN or RST / W"),
	XC_F(abnormal_termination_ratio, F64, FEATURE, "ratio", 0, 1, "endpoint,window",
	     abnormal_ratio, 0,
	     "connections of the server endpoint that ended by RST or were given up as idle / "
	     "all that ended; 0 when none ended"),
};

_Static_assert(ARRAY_SIZE(xc_features_network) == XC_N_NETWORK, "network");
