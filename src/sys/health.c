/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/health.h"

#include "base/scope.h"
#include "sys/cgroup.h"
#include "sys/disk.h"
#include "sys/netstat.h"
#include "sys/process.h"
#include "sys/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define KEEP_NETNS_NS 60000000000u

enum { LISTEN_OVERFLOWS, LISTEN_DROPS, _LISTEN_MAX };

static const char *const listen_names[] = {
	[LISTEN_OVERFLOWS] = "ListenOverflows",
	[LISTEN_DROPS] = "ListenDrops",
};

_Static_assert(ARRAY_SIZE(listen_names) == _LISTEN_MAX, "one name each");

/* The counters of one network namespace. */
struct listeners {
	uint32_t inum;		/* 0 = this slot is free */
	int fd;
	uint64_t asked_ns;
	uint64_t v[_LISTEN_MAX];
	struct xc_sys_netns gain;
};

struct xc_health {
	int root_fd;
	uint64_t sampled_ns;
	int stat_fd, meminfo_fd, vmstat_fd, pressure_fd;
	uint64_t cpu_all, cpu_idle, oom_kills;
	struct xc_disks disks;
	struct xc_processes processes;
	struct xc_cgroups cgroups;
	struct listeners host, netns[XC_HEALTH_NETNS_MAX];
	size_t n_netns;		/* slots ever used */
};

/* ---- processor, memory ------------------------------------------------------------------ */

/* "cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ...": guests are within USER and NICE. */
static bool sample_cpu(struct xc_health *h, struct xc_sys_sample *s)
{
	unsigned long long v[8] = { 0 };
	uint64_t all = 0, idle, d_all, d_idle;
	char text[512];

	if (!xc_text_read(h->stat_fd, text, sizeof(text)) ||
	    sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
		   &v[4], &v[5], &v[6], &v[7]) < 4)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		all += v[i];
	idle = v[3] + v[4];
	d_all = xc_gain(all, h->cpu_all);
	d_idle = xc_gain(idle, h->cpu_idle);
	if (d_all > d_idle)
		s->cpu_percent = 100 * (double)(d_all - d_idle) / (double)d_all;
	h->cpu_all = all;
	h->cpu_idle = idle;
	return true;
}

static double percent_used(uint64_t all, uint64_t left)
{
	return all ? 100 * (double)xc_gain(all, left) / (double)all : 0;
}

static bool sample_memory(struct xc_health *h, struct xc_sys_sample *s)
{
	uint64_t all = 0, available = 0, swap = 0, swap_free = 0;
	char text[8192];

	if (!xc_text_read(h->meminfo_fd, text, sizeof(text)) ||
	    !xc_text_value(text, "MemTotal:", &all) ||
	    !xc_text_value(text, "MemAvailable:", &available))
		return false;
	(void)xc_text_value(text, "SwapTotal:", &swap);
	(void)xc_text_value(text, "SwapFree:", &swap_free);
	s->memory_percent = percent_used(all, available);
	s->memory_available_mib = (double)available / 1024;
	s->swap_percent = percent_used(swap, swap_free);
	return true;
}

/* Pressure stall information: a kernel may be built or booted without. */
static void sample_pressure(struct xc_health *h, struct xc_sys_sample *s)
{
	char text[256];

	s->memory_pressure = -1;
	if (!xc_text_read(h->pressure_fd, text, sizeof(text)) ||
	    sscanf(text, "some avg10=%lf", &s->memory_pressure) != 1)
		s->memory_pressure = -1;
}

static bool sample_oom(struct xc_health *h, struct xc_sys_sample *s)
{
	char text[16384];
	uint64_t n;

	if (!xc_text_read(h->vmstat_fd, text, sizeof(text)) || !xc_text_value(text, "oom_kill", &n))
		return false;
	s->oom_kills = xc_gain(n, h->oom_kills);
	h->oom_kills = n;
	return true;
}

/* ---- listeners ---------------------------------------------------------------------------- */

static bool count_listeners(struct listeners *l)
{
	uint64_t v[_LISTEN_MAX];

	l->gain = (struct xc_sys_netns){ 0 };
	if (!xc_netstat_read(l->fd, listen_names, v, _LISTEN_MAX))
		return false;
	l->gain.listen_overflows = xc_gain(v[LISTEN_OVERFLOWS], l->v[LISTEN_OVERFLOWS]);
	l->gain.listen_drops = xc_gain(v[LISTEN_DROPS], l->v[LISTEN_DROPS]);
	memcpy(l->v, v, sizeof(l->v));
	return true;
}

static void begin_listeners(struct listeners *l)
{
	(void)count_listeners(l);
	l->gain = (struct xc_sys_netns){ 0 };
}

static void sample_netns(struct xc_health *h, uint64_t now_ns)
{
	for (size_t i = 0; i < h->n_netns; i++) {
		struct listeners *l = &h->netns[i];

		if (!l->inum)
			continue;
		if (now_ns - l->asked_ns > KEEP_NETNS_NS) {
			(void)close(l->fd);
			*l = (struct listeners){ .fd = -1 };
			continue;
		}
		(void)count_listeners(l);
	}
}

/* The slot of @inum, else a free one (its inum is 0), else NULL. */
static struct listeners *find_netns(struct xc_health *h, uint32_t inum)
{
	struct listeners *room = NULL;

	for (size_t i = 0; i < h->n_netns; i++) {
		if (h->netns[i].inum == inum)
			return &h->netns[i];
		if (!h->netns[i].inum)
			room = &h->netns[i];
	}
	if (!room && h->n_netns < XC_HEALTH_NETNS_MAX) {
		room = &h->netns[h->n_netns++];
		room->fd = -1;
	}
	return room;
}

bool xc_health_netns(struct xc_health *h, uint32_t inum, int ns_fd, struct xc_sys_netns *ret_netns)
{
	struct listeners *l = inum ? find_netns(h, inum) : NULL;

	*ret_netns = (struct xc_sys_netns){ 0 };
	if (!l)
		return false;
	if (!l->inum) {
		int fd = xc_netstat_open(ns_fd);

		if (fd < 0)
			return false;
		*l = (struct listeners){ .inum = inum, .fd = fd };
		begin_listeners(l);
	}
	l->asked_ns = h->sampled_ns;
	*ret_netns = l->gain;
	return true;
}

/* ---- all together ----------------------------------------------------------------------------- */

bool xc_health_cgroup(struct xc_health *h, uint32_t tgid, uint64_t cgroup2_id,
		      struct xc_sys_cgroup *ret_cgroup)
{
	*ret_cgroup = (struct xc_sys_cgroup){ 0 };
	return xc_cgroups_of(&h->cgroups, tgid, cgroup2_id, ret_cgroup);
}

void xc_health_sample(struct xc_health *h, uint64_t now_ns, struct xc_sys_sample *ret_sample)
{
	struct xc_sys_sample s = { .is_valid = true };
	bool is_whole = true;

	s.window_s = (double)xc_gain(now_ns, h->sampled_ns) / 1e9;
	h->sampled_ns = now_ns;
	is_whole &= sample_cpu(h, &s);
	is_whole &= sample_memory(h, &s);
	is_whole &= sample_oom(h, &s);
	is_whole &= xc_disks_sample(&h->disks, &s);
	is_whole &= xc_cgroups_sample(&h->cgroups, now_ns, &s.cgroup);
	is_whole &= xc_processes_sample(&h->processes, &s);
	is_whole &= count_listeners(&h->host);
	sample_pressure(h, &s);
	sample_netns(h, now_ns);
	s.netns = h->host.gain;
	s.is_partial = !is_whole;
	*ret_sample = s;
}

static int open_at(const struct xc_health *h, const char *path)
{
	return openat(h->root_fd, path, O_RDONLY | O_CLOEXEC);
}

/* What cannot be opened now is missing throughout. */
static int begin(struct xc_health *h, uint64_t now_ns)
{
	struct xc_sys_sample since_boot = { 0 };
	int r;

	h->stat_fd = open_at(h, "proc/stat");
	h->meminfo_fd = open_at(h, "proc/meminfo");
	h->vmstat_fd = open_at(h, "proc/vmstat");
	h->pressure_fd = open_at(h, "proc/pressure/memory");
	h->host.fd = open_at(h, "proc/thread-self/net/netstat");
	h->sampled_ns = now_ns;
	(void)sample_cpu(h, &since_boot);
	(void)sample_oom(h, &since_boot);
	begin_listeners(&h->host);
	xc_disks_init(&h->disks, h->root_fd);
	r = xc_cgroups_init(&h->cgroups, h->root_fd, now_ns);
	return r ? r : xc_processes_init(&h->processes, h->root_fd);
}

XC_DEFINE_FREEP(struct xc_health, xc_health_free)

int xc_health_new(const char *root, uint64_t now_ns, struct xc_health **ret_health)
{
	_cleanup_close_ int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(xc_health_freep) struct xc_health *h = NULL;
	int r;

	if (root_fd < 0)
		return -errno;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->root_fd = TAKE_FD(root_fd);
	r = begin(h, now_ns);
	if (r)
		return r;
	*ret_health = TAKE_PTR(h);
	return 0;
}

void xc_health_free(struct xc_health *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n_netns; i++)
		xc_closep(&h->netns[i].fd);
	xc_closep(&h->host.fd);
	xc_closep(&h->stat_fd);
	xc_closep(&h->meminfo_fd);
	xc_closep(&h->vmstat_fd);
	xc_closep(&h->pressure_fd);
	xc_processes_done(&h->processes);
	xc_cgroups_done(&h->cgroups);
	xc_disks_done(&h->disks);
	xc_closep(&h->root_fd);
	free(h);
}
