/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/labels.h"

#include "base/scope.h"

const struct xc_label_cfg xc_label_defaults = {
	.cpu_throttle_ratio = 0.1,
	.cpu_min_periods = 5,
	.retransmission_rate = 0.05,
	.loss_min_packets = 20,
	.loss_min_retrans = 2,
	.jitter_ms = 0.5,
	.jitter_of_p50 = 0.5,
	.jitter_min_samples = 8,
	.jitter_of_baseline = 2,
	.jitter_min_windows = 3,
	.syn_to_synack_ratio = 10,
	.flood_min_syns = 20,
	.flood_half_open = 64,
	.flood_max_completed = 0.1,
	.memory_percent = 90,
	.disk_queue = 10,
	.listen_overflows = 0,
	.zero_windows = 5,
	.zero_window_s = 0.5,
	.resets = 50,
	.http_error = 500,
};

static const char *const names[] = {
	[XC_LABEL_NORMAL] = "Normal",
	[XC_LABEL_CPU_THROTTLING] = "CPU throttling",
	[XC_LABEL_PACKET_LOSS] = "Packet loss",
	[XC_LABEL_LATENCY_JITTER] = "Latency jitter",
	[XC_LABEL_SYN_FLOOD] = "SYN flood",
	[XC_LABEL_MEMORY_PRESSURE] = "Memory pressure",
	[XC_LABEL_DISK_SATURATION] = "Disk saturation",
	[XC_LABEL_BACKLOG_OVERFLOW] = "TCP backlog overflow",
	[XC_LABEL_ZERO_WINDOW] = "Zero window",
	[XC_LABEL_CONNECTION_CHURN] = "Connection churn",
	[XC_LABEL_DNS_FAILURE] = "DNS failure",
	[XC_LABEL_HTTP_ERROR] = "HTTP error",
};

_Static_assert(ARRAY_SIZE(names) == _XC_LABEL_MAX, "a name for each label");

const char *xc_label_str(unsigned int label)
{
	return label < _XC_LABEL_MAX ? names[label] : NULL;
}

/* What a rule reads from the facts. */
struct reading {
	double value, threshold;
	bool is_sound;	/* the guards hold: the value means something */
	double signs;	/* share of the further signs of the fault that are there */
};

static double signs_of(bool a, bool b)
{
	return (a + b) / 2.0;
}

static bool fires(const struct reading *r)
{
	return r->is_sound && r->value > r->threshold;
}

/* 0 at the threshold, 0.5 at twice, 0.9 at ten times as much. */
static double excess(const struct reading *r)
{
	return r->threshold > 0 ? 1 - r->threshold / r->value : 1 - 1 / (1 + r->value);
}

/* How near it came: 0 far, 1 at the threshold. */
static double nearness(const struct reading *r)
{
	if (!r->is_sound || !(r->threshold > 0))
		return 0;
	return r->value < r->threshold ? r->value / r->threshold : 1;
}

static struct reading cpu_throttling(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	return (struct reading){
		.value = f->cpu_periods ? (double)f->cpu_throttled / (double)f->cpu_periods : 0,
		.threshold = cfg->cpu_throttle_ratio,
		.is_sound = f->cpu_periods >= cfg->cpu_min_periods,
		.signs = signs_of(f->has_own_cgroup, f->cpu_throttled_s > 0.1 * f->window_s),
	};
}

static struct reading backlog_overflow(const struct xc_label_cfg *cfg,
				       const struct xc_label_facts *f)
{
	return (struct reading){
		.value = (double)f->listen_overflows,
		.threshold = (double)cfg->listen_overflows,
		.is_sound = f->is_tcp,
		/* a listener that overflows also drops; its clients wait */
		.signs = signs_of(f->listen_drops > 0, f->is_unanswered || f->n_half_open),
	};
}

static struct reading syn_flood(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	double n_answers = f->n_syn_acks ? (double)f->n_syn_acks : 1;
	bool is_deserted = f->n_half_open >= cfg->flood_half_open &&
			   (double)f->n_completed < cfg->flood_max_completed * (double)f->n_syns;
	struct reading ratio = {
		.value = (double)f->n_syns / n_answers,
		.threshold = cfg->syn_to_synack_ratio,
		.is_sound = f->is_tcp && f->n_syns >= cfg->flood_min_syns,
		.signs = signs_of(is_deserted, f->listen_drops > 0),
	};

	if (fires(&ratio) || !is_deserted)
		return ratio;
	/* SYN cookies answer every SYN; what nobody completes gives it away */
	return (struct reading){
		.value = (double)f->n_half_open + 1,
		.threshold = (double)cfg->flood_half_open,
		.is_sound = ratio.is_sound,
		.signs = signs_of(!f->n_completed, f->listen_drops > 0),
	};
}

static struct reading connection_churn(const struct xc_label_cfg *cfg,
				       const struct xc_label_facts *f)
{
	return (struct reading){
		.value = (double)f->n_resets,
		.threshold = (double)cfg->resets,
		.is_sound = f->is_tcp,
		.signs = signs_of(f->n_ended_rst * 2 > f->n_ended, f->n_completed > cfg->resets),
	};
}

static struct reading zero_window(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	struct reading count = {
		.value = (double)f->n_zero_windows,
		.threshold = (double)cfg->zero_windows,
		.is_sound = f->is_tcp,
	};
	struct reading time = {
		.value = f->zero_window_s,
		.threshold = cfg->zero_window_s,
		.is_sound = f->is_tcp,
	};

	count.signs = time.signs = signs_of(fires(&count), fires(&time));
	return fires(&count) ? count : time;
}

static struct reading dns_failure(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	/* RFC 1035 4.1.1: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED */
	bool is_error = f->dns_rcode == 2 || f->dns_rcode == 3 || f->dns_rcode == 5;

	(void)cfg;
	return (struct reading){
		.value = is_error + f->n_dns_timeouts,
		.is_sound = true,
		.signs = signs_of(is_error, f->n_dns_timeouts > 0),
	};
}

static struct reading http_error(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	return (struct reading){
		.value = f->http_status >= cfg->http_error,
		.is_sound = true,
	};
}

/*
 * Who waits for a listener that is full or flooded repeats itself, and nothing was lost on the
 * way: that fault is named by its own rule.
 */
static bool is_kept_waiting(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	struct reading backlog = backlog_overflow(cfg, f), flood = syn_flood(cfg, f);

	return f->is_unanswered && (fires(&backlog) || fires(&flood));
}

static struct reading packet_loss(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	uint64_t n_lost = f->n_retrans > f->n_spurious ? f->n_retrans - f->n_spurious : 0;
	/* in a window of its own, the repetition of a repetition is as good as two */
	bool is_enough = f->n_packets >= cfg->loss_min_packets || n_lost >= cfg->loss_min_retrans ||
			 f->retrans_run >= cfg->loss_min_retrans;

	return (struct reading){
		.value = f->n_packets ? (double)n_lost / (double)f->n_packets : 0,
		.threshold = cfg->retransmission_rate,
		.is_sound = is_enough && !is_kept_waiting(cfg, f),
		.signs = signs_of(f->has_kernel_retrans, f->n_dup_acks || f->n_drops),
	};
}

/* A throttled or shut peer acknowledges late, however steady the path is. */
static bool is_slow_peer(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	struct reading throttling = cpu_throttling(cfg, f), shut = zero_window(cfg, f);

	return (f->has_own_cgroup && fires(&throttling)) || fires(&shut);
}

static struct reading latency_jitter(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	double usual = cfg->jitter_of_baseline * f->baseline_std_ms;
	double of_p50 = cfg->jitter_of_p50 * f->latency_p50_ms;

	return (struct reading){
		.value = f->jitter_ms,
		.threshold = of_p50 > cfg->jitter_ms ? of_p50 : cfg->jitter_ms,
		.is_sound = f->n_latencies >= cfg->jitter_min_samples &&
			    f->n_baseline_windows >= cfg->jitter_min_windows &&
			    /* a busy host holds a few packets back, a bad path many */
			    f->latency_spread_ms > cfg->jitter_ms && f->latency_std_ms > usual &&
			    !is_slow_peer(cfg, f),
		.signs = signs_of(f->n_latencies >= 4 * cfg->jitter_min_samples,
				  f->latency_std_ms > 2 * usual),
	};
}

static struct reading memory_pressure(const struct xc_label_cfg *cfg,
				      const struct xc_label_facts *f)
{
	return (struct reading){
		.value = f->memory_percent,
		.threshold = cfg->memory_percent,
		/* full is not short: caches fill memory too, but nobody waits for it */
		.is_sound = f->memory_pressure != 0,
		.signs = signs_of(f->memory_pressure > 0, f->swap_percent > 10 || f->oom_kills),
	};
}

static struct reading disk_saturation(const struct xc_label_cfg *cfg,
				      const struct xc_label_facts *f)
{
	return (struct reading){
		.value = f->disk_queue,
		.threshold = cfg->disk_queue,
		.is_sound = true,
		.signs = signs_of(f->disk_latency_us > 10000, f->disk_queue > 2 * cfg->disk_queue),
	};
}

/* By precedence: what a connection shows comes before the state of the whole node. */
static const struct rule {
	enum xc_label label;
	struct reading (*read)(const struct xc_label_cfg *cfg, const struct xc_label_facts *f);
} rules[] = {
	{ XC_LABEL_BACKLOG_OVERFLOW, backlog_overflow },
	{ XC_LABEL_SYN_FLOOD, syn_flood },
	{ XC_LABEL_CONNECTION_CHURN, connection_churn },
	{ XC_LABEL_ZERO_WINDOW, zero_window },
	{ XC_LABEL_DNS_FAILURE, dns_failure },
	{ XC_LABEL_HTTP_ERROR, http_error },
	{ XC_LABEL_PACKET_LOSS, packet_loss },
	{ XC_LABEL_LATENCY_JITTER, latency_jitter },
	{ XC_LABEL_CPU_THROTTLING, cpu_throttling },
	{ XC_LABEL_MEMORY_PRESSURE, memory_pressure },
	{ XC_LABEL_DISK_SATURATION, disk_saturation },
};

_Static_assert(ARRAY_SIZE(rules) == _XC_LABEL_MAX - 1, "a rule for each fault");

static void name_fault(struct xc_detected *d, enum xc_label label, const struct reading *r)
{
	double x = excess(r);

	d->label = (uint8_t)label;
	d->confidence = 0.5 + 0.3 * x + 0.2 * r->signs;
	d->severity = x >= 0.9 ? 3 : x >= 0.5 ? 2 : 1;
}

struct xc_detected xc_labels_detect(const struct xc_label_cfg *cfg, const struct xc_label_facts *f)
{
	struct xc_detected d = { 0 };
	double nearest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct reading r = rules[i].read(cfg, f);

		if (!fires(&r)) {
			nearest = nearness(&r) > nearest ? nearness(&r) : nearest;
			continue;
		}
		if (!d.fault_bits)
			name_fault(&d, rules[i].label, &r);
		d.fault_bits |= (uint16_t)(1u << rules[i].label);
	}
	if (!d.fault_bits)
		d.confidence = 1 - 0.5 * nearest;
	d.confidence *= 1 - f->lost_share;
	d.needs_action = d.severity >= 2 && d.confidence >= 0.7;
	return d;
}
