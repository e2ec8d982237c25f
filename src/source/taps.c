/* SPDX-License-Identifier: Apache-2.0 */
#include "source/taps.h"

#include "base/log.h"
#include "base/netns.h"
#include "probe/probe.h"
#include "source/fit.h"
#include "source/flowmap.h"
#include "source/host.h"
#include "source/ifaces.h"
#include "source/scope.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define GRACE_NS 20000000ull	/* a packet's update is over long before */
#define WALK_SHARE 100		/* walks over all sockets may take 1/100 of the time */
#define CPUS_MAX 1024
#define UNUSED_RING_BYTES 4096

struct xc_taps {
	struct xc_taps_cfg cfg;
	xc_window_fn on_window;
	void *arg;
	struct xc_share share;
	struct xc_attached *flow, *truth;
	struct xc_ifaces *ifaces;
	struct xc_flowmap *map;
	int netns_fd;
	int64_t offset_ns;	/* time of day less CLOCK_MONOTONIC, as the kernel half has it */
	uint64_t no;		/* the window that is open */
	uint64_t walk_ns;	/* when sockets may be walked over again */
	uint64_t n_windows, n_late_windows;
};

/* ---- the clock ------------------------------------------------------------------------------------ */

/* The time of day as packets are stamped with. */
static uint64_t stamp_ns(const struct xc_taps *t)
{
	return xc_now_ns() + (uint64_t)t->offset_ns;
}

static int set_clock(struct xc_taps *t)
{
	uint32_t zero = 0;

	t->offset_ns = xc_wall_offset_ns();
	return bpf_map_update_elem(xc_share_fd(&t->share, "xc_clock"), &zero, &t->offset_ns,
				   BPF_ANY);
}

/* ---- windows --------------------------------------------------------------------------------------- */

/* Round-trip times as the sockets have them; many sockets make the walk long, then it is made less often. */
static void walk_sockets(struct xc_taps *t)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	uint64_t began = xc_now_ns();

	if (!t->truth || began < t->walk_ns || xc_netns_enter(t->netns_fd, &visit))
		return;
	(void)xc_attached_run(t->truth, "truth_tcp");
	t->walk_ns = xc_now_ns() + (xc_now_ns() - began) * WALK_SHARE;
}

static int close_window(struct xc_taps *t, uint64_t no)
{
	const struct xc_flow_seen *seen = NULL;
	size_t n = 0;
	int r;

	walk_sockets(t);
	r = xc_flowmap_read(t->map, no, &seen, &n);
	if (r)
		return xc_err(r, "cannot read the kernel's flow table");
	t->n_windows++;
	return t->on_window(t->arg, no, seen, n);
}

/* Everything that has ended. The kernel keeps two windows: what is older than the last is partly gone. */
static int close_ended(struct xc_taps *t)
{
	uint64_t open_no = (stamp_ns(t) - GRACE_NS) / t->cfg.window_ns;
	int r = 0;

	if (open_no > t->no + 2) {
		t->n_late_windows += open_no - t->no - 2;
		t->no = open_no - 2;
	} else if (open_no + 2 < t->no) {	/* the clock was put back */
		t->no = open_no;
	}
	for (; !r && t->no < open_no; t->no++) {
		t->n_late_windows += t->no + 1 < open_no;
		r = close_window(t, t->no);
	}
	return r;
}

int xc_taps_poll(struct xc_taps *t, uint64_t deadline_ns)
{
	uint64_t end_ns = (t->no + 1) * t->cfg.window_ns + GRACE_NS - (uint64_t)t->offset_ns;
	uint64_t now = xc_now_ns(), until = end_ns < deadline_ns ? end_ns : deadline_ns;
	struct pollfd fd = { .fd = xc_ifaces_fd(t->ifaces), .events = POLLIN };
	int r = poll(&fd, 1, until > now ? (int)((until - now + 999999) / 1000000) : 0);

	if (r < 0 && errno != EINTR)
		return xc_err(-errno, "poll");
	if (r > 0)
		xc_ifaces_refresh(t->ifaces);
	if (xc_now_ns() < end_ns)
		return 0;
	r = close_ended(t);
	/* once a window: the clocks drift apart slowly, and gaps are measured across a change */
	return r ? r : set_clock(t);
}

int xc_taps_flush(struct xc_taps *t)
{
	int r = close_ended(t);

	/* for the grace of the window before, the open one is the second */
	for (uint64_t open_no = stamp_ns(t) / t->cfg.window_ns; !r && t->no <= open_no; t->no++)
		r = close_window(t, t->no);
	return r;
}

/* ---- open and close --------------------------------------------------------------------------------- */

static const struct xc_probe *probe_of(const char *name)
{
	for (size_t i = 0; xc_probes[i]; i++)
		if (!strcmp(xc_probes[i]->name, name))
			return xc_probes[i];
	return NULL;
}

static int open_probe(struct xc_taps *t, const char *name, struct xc_probe_env *env,
		      struct xc_attached **ret)
{
	struct xc_probe_report report = { 0 };
	int r;

	env->share = &t->share;
	env->report = &report;
	r = xc_probe_open(probe_of(name), env, ret);
	if (!r && report.missing[0])
		xc_debug("probe %s: this kernel lacks %s", name, report.missing);
	return r;
}

/* Packets are what it is about; without the kernel's own hooks columns are missing. */
static int open_probes(struct xc_taps *t, const struct xc_kernel *kernel)
{
	struct xc_probe_cfg cfg = t->cfg.scope;
	struct xc_probe_env env = { .kernel = kernel,
				    .cfg = &cfg,
				    .ring_bytes = UNUSED_RING_BYTES,
				    .max_flows = t->cfg.max_flows };
	int r;

	cfg.window_ns = t->cfg.window_ns;
	/* without --netns a flow's socket may be in any namespace: behind a veth of a container */
	cfg.has_netns_scope = t->cfg.netns != NULL;
	cfg.netns_only = xc_netns_inum(t->netns_fd);
	xc_fit_kernel(kernel, &cfg);
	r = open_probe(t, "flow", &env, &t->flow);
	if (r)
		return xc_err(
			r,
			"cannot load the packet programs; run `crosscut doctor` for the exact remedy");
	if (open_probe(t, "truth", &env, &t->truth))
		(void)xc_warn(0, "the kernel's own hooks are not available: %s",
			      probe_of("truth")->without);
	return 0;
}

static int load(struct xc_taps *t)
{
	struct xc_kernel kernel = { 0 };
	int r = xc_kernel_open(&kernel);

	if (r)
		return xc_err(
			r,
			"no BTF of this kernel (/sys/kernel/btf/vmlinux): needs CONFIG_DEBUG_INFO_BTF");
	r = open_probes(t, &kernel);
	xc_kernel_close(&kernel);
	return r;
}

static int open_map(struct xc_taps *t)
{
	struct xc_flowmap_cfg cfg = {
		.flows_fd = xc_share_fd(&t->share, "xc_flows"),
		.truth_fd = xc_share_fd(&t->share, "xc_truth"),
		.latency_fd = { xc_share_fd(&t->share, "xc_latency0"),
				xc_share_fd(&t->share, "xc_latency1") },
		.window_ns = t->cfg.window_ns,
		.idle_ns = t->cfg.idle_ns,
		.max_flows = t->cfg.max_flows,
		.netns = xc_netns_inum(t->netns_fd),
	};

	return xc_flowmap_new(&cfg, &t->map);
}

/* Of the two for a place, the one that was fit for this kernel. */
static int program(const struct xc_taps *t, const char *name)
{
	char old[32];
	int fd = xc_attached_prog_fd(t->flow, name);

	(void)snprintf(old, sizeof(old), "%s_old", name);
	return fd >= 0 ? fd : xc_attached_prog_fd(t->flow, old);
}

static int attach(struct xc_taps *t)
{
	struct xc_ifaces_cfg cfg = {
		.name = t->cfg.iface,
		.netns_fd = t->netns_fd,
		.in_fd = program(t, "flow_in"),
		.out_fd = program(t, "flow_out"),
		.in_l3_fd = program(t, "flow_in_l3"),
		.out_l3_fd = program(t, "flow_out_l3"),
		.without_tcx = t->cfg.without_tcx,
	};

	return xc_ifaces_open(&cfg, &t->ifaces);
}

static int start(struct xc_taps *t)
{
	int r = load(t);

	if (!r)
		r = set_clock(t);
	if (!r)
		r = open_map(t);
	if (r)
		return r;
	if (t->truth)
		(void)xc_attached_run(t->truth, "truth_files");
	t->no = stamp_ns(t) / t->cfg.window_ns;
	return attach(t);
}

int xc_taps_open(const struct xc_taps_cfg *cfg, xc_window_fn on_window, void *arg,
		 struct xc_taps **ret_taps)
{
	struct xc_taps *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	xc_probe_log_libbpf();
	t->cfg = *cfg;
	t->on_window = on_window;
	t->arg = arg;
	t->netns_fd = xc_netns_open(cfg->netns ? cfg->netns : "self");
	r = t->netns_fd < 0 ? t->netns_fd : start(t);
	if (r) {
		xc_taps_close(t);
		return r;
	}
	*ret_taps = t;
	return 0;
}

void xc_taps_close(struct xc_taps *t)
{
	if (!t)
		return;
	xc_ifaces_close(t->ifaces);
	xc_probe_close(t->truth);
	xc_probe_close(t->flow);
	xc_flowmap_free(t->map);
	xc_share_done(&t->share);
	if (t->netns_fd >= 0)
		(void)close(t->netns_fd);
	free(t);
}

/* ---- counters ---------------------------------------------------------------------------------------- */

static void add_losses(const struct xc_taps *t, struct xc_taps_stats *ret)
{
	static struct xc_flow_losses per_cpu[CPUS_MAX];
	int n = libbpf_num_possible_cpus();
	uint32_t zero = 0;

	if (n <= 0 || n > CPUS_MAX ||
	    bpf_map_lookup_elem(xc_share_fd(&t->share, "xc_flow_stats"), &zero, per_cpu))
		return;
	for (int i = 0; i < n; i++) {
		ret->n_untracked_packets += per_cpu[i].n_packets;
		ret->n_untracked_bytes += per_cpu[i].n_bytes;
		ret->n_lost_latencies += per_cpu[i].n_latencies;
		ret->n_lost_truths += per_cpu[i].n_truths;
	}
}

void xc_taps_get_stats(const struct xc_taps *t, struct xc_taps_stats *ret_stats)
{
	struct xc_flowmap_stats map;

	xc_flowmap_get_stats(t->map, &map);
	*ret_stats = (struct xc_taps_stats){ .n_packets = map.n_packets,
					     .n_flows = map.n_flows,
					     .n_evicted = map.n_evicted,
					     .n_expired = map.n_expired,
					     .n_windows = t->n_windows,
					     .n_late_windows = t->n_late_windows,
					     .n_lost_latencies = map.n_late_latencies,
					     .n_raced = map.n_raced,
					     .n_live_flows = map.n_live,
					     .n_interfaces = xc_ifaces_count(t->ifaces),
					     .has_tcx = xc_ifaces_has_tcx(t->ifaces),
					     .has_truth = t->truth != NULL,
					     .memory_bytes = map.memory_bytes };
	add_losses(t, ret_stats);
}
