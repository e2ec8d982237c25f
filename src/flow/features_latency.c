/* SPDX-License-Identifier: Apache-2.0 */
/* How long answers took, and how much of what was sent was worth it. */
#include "flow/features_table.h"
#include "flow/values.h"

#include "base/scope.h"

double xc_row_latency_ms(const struct xc_row *row, double q)
{
	const struct xc_moments *l = &row->window->latency;
	const struct xc_hist *h = row->seen->latency;
	double ns;

	if (l->n && l->min == l->max)
		return (double)l->min / XC_NS_PER_MS;
	if (!l->n || !h || !h->n)
		return NAN;
	/* the middle of the lowest or highest bucket may lie outside of what was seen */
	ns = (double)xc_hist_quantile(h, q);
	return fmin(fmax(ns, (double)l->min), (double)l->max) / XC_NS_PER_MS;
}

static struct xc_value latency_mean(const struct xc_row *row, int arg)
{
	const struct xc_moments *l = &row->window->latency;

	(void)arg;
	return l->n ? xc_f64(xc_mean(l) / XC_NS_PER_MS) : xc_missing;
}

static struct xc_value latency_std(const struct xc_row *row, int arg)
{
	const struct xc_moments *l = &row->window->latency;

	(void)arg;
	return l->n ? xc_f64(xc_std(l) / XC_NS_PER_MS) : xc_missing;
}

struct xc_value xc_get_latency_quantile(const struct xc_row *row, int percent)
{
	return xc_f64(xc_row_latency_ms(row, percent / 100.0));
}

/* The window's own value is that of its last sample; a window without one keeps the flow's. */
static struct xc_value jitter(const struct xc_row *row, int arg)
{
	(void)arg;
	if (row->window->latency.n)
		return xc_f64((double)row->window->jitter_ns / XC_NS_PER_MS);
	return row->flow->last_latency_ns ? xc_f64((double)row->flow->jitter_ns / XC_NS_PER_MS) :
					    xc_missing;
}

static struct xc_value jitter_variance(const struct xc_row *row, int arg)
{
	(void)arg;
	if (!row->window->latency.n)
		return xc_missing;
	return xc_f64(xc_variance(&row->window->latency_step) / (XC_NS_PER_MS * XC_NS_PER_MS));
}

static struct xc_value tail_ratio(const struct xc_row *row, int arg)
{
	double p50 = xc_row_latency_ms(row, 0.5);

	(void)arg;
	return xc_f64(p50 > 0 ? xc_row_latency_ms(row, 0.99) / p50 : 1);
}

static struct xc_value rtt_estimate(const struct xc_row *row, int arg)
{
	const struct xc_flow *f = row->flow;

	(void)arg;
	if (row->window->handshake_ns)
		return xc_f64((double)row->window->handshake_ns / XC_NS_PER_MS);
	if (row->kernel && row->kernel->srtt_us)
		return xc_f64(row->kernel->srtt_us / 1000.0);
	if (f->srtt_ns)
		return xc_f64((double)f->srtt_ns / XC_NS_PER_MS);
	return f->handshake_ns ? xc_f64((double)f->handshake_ns / XC_NS_PER_MS) : xc_missing;
}

static struct xc_value rtt_variance(const struct xc_row *row, int arg)
{
	const struct xc_moments *l = &row->window->latency;
	double deviation_ms = row->kernel ? row->kernel->mdev_us / 1000.0 : 0;

	(void)arg;
	if (l->n >= 2)
		return xc_f64(xc_variance(l) / (XC_NS_PER_MS * XC_NS_PER_MS));
	return l->n || deviation_ms > 0 ? xc_f64(deviation_ms * deviation_ms) : xc_missing;
}

static struct xc_value completion_s(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64((double)row->window->completed_ns / XC_NS_PER_S);
}

static double new_bytes(const struct xc_row *row)
{
	return (double)row->dir[0]->new_bytes + (double)row->dir[1]->new_bytes;
}

static struct xc_value goodput(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(new_bytes(row) * 8 / row->window_s / 1e6);
}

static struct xc_value overhead(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(row->n_bytes ? fmax(0, 1 - new_bytes(row) / (double)row->n_bytes) : 0);
}

#define GROUP XC_GROUP_LATENCY

const struct xc_feature xc_features_latency[] = {
	XC_F(latency_mean_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window", latency_mean, 0,
	     "mean of the latency samples l. TCP: data segment to the first ACK that covers "
	     "it, never of a retransmitted one (Karn). UDP, ICMP: request to the first packet "
	     "back"),
	XC_F(latency_std_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window", latency_std, 0,
	     "sample standard deviation of l; 0 with fewer than two"),
	XC_F(latency_p50_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window",
	     xc_get_latency_quantile, 50,
	     "nearest rank l[ceil(0.50 n)] of a histogram that is at most 1 % off"),
	XC_F(latency_p95_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window",
	     xc_get_latency_quantile, 95,
	     "nearest rank l[ceil(0.95 n)] of a histogram that is at most 1 % off"),
	XC_F(latency_p99_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window",
	     xc_get_latency_quantile, 99,
	     "nearest rank l[ceil(0.99 n)] of a histogram that is at most 1 % off"),
	XC_F(inter_arrival_jitter, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,window", jitter, 0,
	     "RFC 3550: J += (|l_i - l_(i-1)| - J) / 16, kept over windows; value at the end "
	     "of the window"),
	XC_F(jitter_variance, F64, FEATURE, "ms^2", 0, XC_NO_MAX, "flow,window", jitter_variance, 0,
	     "population variance of |l_i - l_(i-1)| in the window; 0 with fewer than two"),
	XC_F(tail_latency_ratio, F64, FEATURE, "ratio", 1, XC_NO_MAX, "flow,window", tail_ratio, 0,
	     "latency_p99_ms / latency_p50_ms; 1 without samples"),
	XC_F(rtt_estimate_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "flow,last", rtt_estimate, 0,
	     "the first that exists: handshake in this window (SYN to final ACK, or to "
	     "SYN-ACK while that is the last seen); smoothed RTT of the local socket; "
	     "smoothed l (1/8); handshake of the connection"),
	XC_F(rtt_variance, F64, FEATURE, "ms^2", 0, XC_NO_MAX, "flow,window", rtt_variance, 0,
	     "population variance of l when there are two or more; else the square of the "
	     "local socket's mean deviation; else 0"),
	XC_F(flow_completion_time, F64, FEATURE, "s", 0, XC_NO_MAX, "flow,lifetime", completion_s,
	     0, "of a connection that ended in this window: end less first packet; else 0"),
	XC_F(goodput_mbps, F64, FEATURE, "Mbit/s", 0, 1e5, "flow,window", goodput, 0,
	     "payload seen for the first time, both directions, * 8 / W / 1e6"),
	XC_F(overhead_ratio, F64, FEATURE, "ratio", 0, 1, "flow,window", overhead, 0,
	     "1 - payload seen for the first time / byte_count; 0 without bytes"),
};

_Static_assert(ARRAY_SIZE(xc_features_latency) == XC_N_LATENCY, "latency");
