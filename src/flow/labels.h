/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 11 faults and the rules that tell them from numbers of one row: each a threshold and a
 * guard against what healthy traffic does too. Pure; what a row is made of is gathered by rows.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum xc_label {
	XC_LABEL_NORMAL,
	XC_LABEL_CPU_THROTTLING,
	XC_LABEL_PACKET_LOSS,
	XC_LABEL_LATENCY_JITTER,
	XC_LABEL_SYN_FLOOD,
	XC_LABEL_MEMORY_PRESSURE,
	XC_LABEL_DISK_SATURATION,
	XC_LABEL_BACKLOG_OVERFLOW,
	XC_LABEL_ZERO_WINDOW,
	XC_LABEL_CONNECTION_CHURN,
	XC_LABEL_DNS_FAILURE,
	XC_LABEL_HTTP_ERROR,
	_XC_LABEL_MAX,
};

/** "Normal", "CPU throttling" ...; NULL for no label. */
const char *xc_label_str(unsigned int label);

/* A rule fires above its threshold, never at it. */
struct xc_label_cfg {
	double cpu_throttle_ratio;	/* throttled of all periods */
	uint64_t cpu_min_periods;	/* fewer say nothing */
	double retransmission_rate;	/* of the packets */
	uint64_t loss_min_packets;	/* as many packets, or ... */
	uint64_t loss_min_retrans;	/* ... as many retransmissions must be there */
	double jitter_ms;
	double jitter_of_p50;		/* jitter above this share of the median latency */
	uint64_t jitter_min_samples;
	double jitter_of_baseline;	/* deviation above this multiple of what the endpoint is used to */
	uint32_t jitter_min_windows;	/* that taught what it is used to */
	double syn_to_synack_ratio;
	uint64_t flood_min_syns;
	uint64_t
		flood_half_open; /* SYN cookies: every SYN is answered, as many stay half open ... */
	double flood_max_completed;	/* ... and fewer than this share completes */
	double memory_percent;
	double disk_queue;		/* requests */
	uint64_t listen_overflows;
	uint64_t zero_windows;
	double zero_window_s;
	uint64_t resets;
	uint16_t http_error;		/* status from here on (not above) */
};

/** FEATURES 3.5. */
extern const struct xc_label_cfg xc_label_defaults;

/* What the rules look at. What was not measured stays 0, which fires nothing. */
struct xc_label_facts {
	bool is_tcp;

	/* the flow in its window */
	uint64_t n_packets;
	uint64_t n_retrans;
	uint64_t n_spurious;		/* of those, what the receiver had already acknowledged */
	uint64_t retrans_run;		/* most in a row, begun in this window or before */
	uint64_t n_dup_acks;
	uint64_t n_drops;		/* in this kernel */
	bool has_kernel_retrans;	/* the sender's own kernel counted */
	bool is_unanswered;		/* the responder sent nothing, or nothing but SYN-ACKs */
	uint64_t n_latencies;
	double latency_std_ms, latency_p50_ms, jitter_ms;
	double latency_spread_ms;	/* from the median to the 85th percentile */
	uint64_t n_zero_windows;
	double zero_window_s;
	uint8_t dns_rcode;		/* 0 = no error, or no DNS seen */
	uint32_t n_dns_timeouts;
	uint16_t http_status;		/* 0 = no HTTP seen */

	/* its server endpoint */
	uint64_t n_syns, n_syn_acks, n_completed, n_half_open, n_resets, n_ended_rst, n_ended;
	double baseline_std_ms;		/* the deviation of latency it is used to */
	uint32_t n_baseline_windows;

	/* where it lives */
	bool has_own_cgroup;		/* of its socket; otherwise the numbers are the node's */
	uint64_t cpu_periods, cpu_throttled;
	double cpu_throttled_s;
	double memory_percent;
	double memory_pressure;		/* negative = not known */
	double swap_percent;
	uint64_t oom_kills;
	double disk_queue, disk_latency_us;
	uint64_t listen_overflows, listen_drops;

	double window_s;
	double lost_share;		/* of the packets of the window that could not be attributed */
};

/*
 * What the rules say of one row.
 *
 * Confidence, when a rule fired: 0.5 for that, up to 0.3 for how far the value is beyond the
 * threshold (1 - threshold / value), up to 0.2 for the share of further signs of the same fault
 * that are there too. When none fired: 1 less half of how near the nearest rule came. Either way
 * times the share of packets that were not lost on the way to us.
 */
struct xc_detected {
	uint16_t fault_bits;	/* 1 << enum xc_label of every rule that fired */
	uint8_t label;		/* enum xc_label: the most specific of them */
	uint8_t severity;	/* 0 none; 1 beyond the threshold; 2 twice, 3 ten times as far */
	bool needs_action;	/* severity 2 or more, with a confidence of 0.7 or more */
	double confidence;	/* 0..1 */
};

/** @cfg, @f never NULL. Pure. */
struct xc_detected xc_labels_detect(const struct xc_label_cfg *cfg, const struct xc_label_facts *f);
