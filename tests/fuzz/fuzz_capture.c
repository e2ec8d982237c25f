/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a capture, through the flow table as `features -r` does: a small table, short windows.
 * What goes in comes out: no packet is lost between the file and the windows, and the windows add up.
 */
#include "flow/table.h"
#include "source/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW_NS 1000000000ull
#define IDLE_NS 20000000000ull
#define MAX_FLOWS 4	/* so that a few packets make room */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sums {
	uint64_t n_packets, n_connections, n_samples;
};

/* A moment that is not possible is a mistake in the sums. */
static void check_moments(const struct xc_moments *m)
{
	if (m->n && (m->min > m->max || m->sum < m->max))
		abort();
	if (m->n == 1 && (m->sum != m->min || m->sum != m->max))
		abort();
}

static void check_dir(const struct xc_flow_dir *d)
{
	if (d->n_fast + d->n_spurious > d->n_wire_retrans)
		abort();
	if (d->n_packets &&
	    (d->size_min > d->size_max || d->ttl_min * (uint64_t)d->n_packets > d->ttl_sum))
		abort();
	if (d->n_windows && d->window_min * (uint64_t)d->n_windows > d->window_sum)
		abort();
	if (d->zero_window_ns > WINDOW_NS)
		abort();
	check_moments(&d->gap);
}

static void check_window(const struct xc_flow_seen *seen, uint64_t no)
{
	const struct xc_flow_window *w = seen->window;

	if (w->no != no || w->initiator > 1 || w->state < XC_FLOW_NEW || w->state > XC_FLOW_CLOSED)
		abort();
	if (seen->payload && (!seen->payload->n || seen->payload->n > XC_PAYLOAD_MAX))
		abort();
	for (int i = 0; i < 2 * XC_FLOW_HOLES; i++) {
		const struct xc_flow_hole *hole = &seen->flow->hole[i % 2][i / 2];

		if ((int32_t)(hole->to - hole->from) < 0)
			abort();
	}
	check_moments(&w->gap);
	check_moments(&w->latency);
	check_moments(&w->latency_step);
	check_dir(&w->dir[0]);
	check_dir(&w->dir[1]);
}

static int on_window(void *arg, uint64_t no, const struct xc_flow_seen *seen, size_t n_seen)
{
	struct sums *sums = arg;

	if (!n_seen || n_seen > MAX_FLOWS)
		abort();
	for (size_t i = 0; i < n_seen; i++) {
		if (!seen[i].window)
			continue;
		check_window(&seen[i], no);
		sums->n_packets +=
			seen[i].window->dir[0].n_packets + seen[i].window->dir[1].n_packets;
		sums->n_connections += seen[i].window->n_connections;
		sums->n_samples += seen[i].window->latency.n;
		sums->n_samples -= seen[i].latency ? seen[i].latency->n : 0;
	}
	return 0;
}

static void read_all(struct xc_capture *c, struct xc_flow_table *t, const struct sums *sums)
{
	struct xc_flow_table_stats table;
	struct xc_capture_stats stats;
	struct xc_flow_packet k;
	struct xc_flow_bytes b;
	int r;

	while ((r = xc_capture_next(c, &k, &b)) == 1)
		if (xc_flow_table_add(t, &k, &b))
			abort();
	if ((r && r != -EPROTONOSUPPORT) || xc_flow_table_flush(t))
		abort();
	xc_capture_get_stats(c, &stats);
	xc_flow_table_get_stats(t, &table);
	if (stats.n_frames != stats.n_packets + stats.n_other + stats.n_cut)
		abort();
	if (stats.n_packets != table.n_packets || sums->n_packets != table.n_packets)
		abort();
	if (sums->n_connections != table.n_flows || sums->n_samples)
		abort();
}

/* What the log says is not looked at here, and there is much of it. */
static void be_quiet(void)
{
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "we");
	if (!null)
		abort();
	stderr = null;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct xc_flow_table_cfg cfg = { WINDOW_NS, IDLE_NS, MAX_FLOWS };
	struct xc_capture *c = NULL;
	struct xc_flow_table *t;
	struct sums sums = { 0 };
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	be_quiet();
	if (fd < 0 || (len && write(fd, data, len) != (ssize_t)len) ||
	    xc_flow_table_new(&cfg, on_window, &sums, &t))
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!xc_capture_open(path, &c))
		read_all(c, t, &sums);
	xc_capture_close(c);
	xc_flow_table_free(t);
	(void)close(fd);
	return 0;
}
