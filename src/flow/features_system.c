/* SPDX-License-Identifier: Apache-2.0 */
/* The health of the node, and of the cgroup and the network namespace the flow lives in. */
#include "flow/features_table.h"
#include "flow/values.h"

#include "base/scope.h"

/* @offset: in struct xc_sys_netns. */
static struct xc_value netns_u64(const struct xc_row *row, int offset)
{
	return row->netns ? xc_u64(*(const uint64_t *)xc_member(row->netns, offset)) : xc_missing;
}

static struct xc_value memory_percent(const struct xc_row *row, int arg)
{
	(void)arg;
	return xc_f64(xc_row_memory_percent(row));
}

static struct xc_value memory_available(const struct xc_row *row, int arg)
{
	(void)arg;
	if (!row->sys)
		return xc_missing;
	if (!row->cgroup->has_memory)
		return xc_f64(row->sys->memory_available_mib);
	return xc_f64(fmin(row->sys->memory_available_mib, row->cgroup->memory_available_mib));
}

static struct xc_value cpu_periods(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->cgroup ? xc_u64(row->cgroup->nr_periods) : xc_missing;
}

static struct xc_value cpu_throttled(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->cgroup ? xc_u64(row->cgroup->nr_throttled) : xc_missing;
}

static struct xc_value cpu_throttled_ms(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->cgroup ? xc_f64(row->cgroup->throttled_ms) : xc_missing;
}

static double ratio_of(const struct xc_sys_cgroup *c)
{
	return fmin(1, xc_ratio((double)c->nr_throttled, (double)c->nr_periods));
}

static struct xc_value throttle_ratio(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->cgroup ? xc_f64(ratio_of(row->cgroup)) : xc_missing;
}

static struct xc_value is_throttled(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->cgroup ? xc_u64(ratio_of(row->cgroup) > 0.1) : xc_missing;
}

static struct xc_value top_processes(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_str(row->sys->top) : xc_missing;
}

static struct xc_value high_io_latency(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_u64(row->sys->disk_latency_us > 10000) : xc_missing;
}

static struct xc_value cpu_contention(const struct xc_row *row, int arg)
{
	(void)arg;
	return row->sys ? xc_u64(row->sys->cpu_percent > 80) : xc_missing;
}

#define GROUP XC_GROUP_SYSTEM

const struct xc_feature xc_features_system[] = {
	XC_F(cpu_usage_percent, F64, FEATURE, "%", 0, 100, "node,window", xc_get_sys_f64,
	     offsetof(struct xc_sys_sample, cpu_percent),
	     "100 * (1 - d(idle + iowait) / d(total)) of all CPUs"),
	XC_F(memory_usage_percent, F64, FEATURE, "%", 0, 100, "node+cgroup", memory_percent, 0,
	     "the greater of the node's 100 * (MemTotal - MemAvailable) / MemTotal and the "
	     "cgroup's working set / limit"),
	XC_F(memory_available_mb, F64, FEATURE, "MiB", 0, XC_NO_MAX, "node+cgroup",
	     memory_available, 0,
	     "the lesser of the node's MemAvailable and the cgroup's limit - working set"),
	XC_F(disk_read_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, disk_read_bytes),
	     "read from whole disks in the window"),
	XC_F(disk_write_bytes, U64, FEATURE, "bytes", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, disk_write_bytes), "written to the same disks"),
	XC_F(disk_avg_latency_us, F64, FEATURE, "us", 0, XC_NO_MAX, "node,window", xc_get_sys_f64,
	     offsetof(struct xc_sys_sample, disk_latency_us),
	     "mean time of the requests that ended in the window; 0 without any"),
	XC_F(disk_queue_depth, F64, FEATURE, "requests", 0, XC_NO_MAX, "node,window",
	     xc_get_sys_f64, offsetof(struct xc_sys_sample, disk_queue),
	     "requests in flight, averaged over the window, of the busiest disk"),
	XC_F(oom_kills, U64, FEATURE, "kills", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, oom_kills),
	     "processes the kernel killed for want of memory"),
	XC_F(cpu_nr_periods, U64, FEATURE, "periods", 0, XC_NO_MAX, "cgroup,window", cpu_periods, 0,
	     "quota periods of the nearest cgroup with a quota above the flow's socket; of "
	     "the node when its owner is not known; 0 without a quota"),
	XC_F(cpu_nr_throttled, U64, FEATURE, "periods", 0, XC_NO_MAX, "cgroup,window",
	     cpu_throttled, 0, "of those, periods in which it was stopped"),
	XC_F(cpu_throttled_time_ms, F64, FEATURE, "ms", 0, XC_NO_MAX, "cgroup,window",
	     cpu_throttled_ms, 0, "time it was stopped, added over CPUs"),
	XC_F(cpu_throttle_ratio, F64, FEATURE, "ratio", 0, 1, "cgroup,window", throttle_ratio, 0,
	     "cpu_nr_throttled / cpu_nr_periods; 0 without a period"),
	XC_F(tcp_listen_overflows, U64, FEATURE, "events", 0, XC_NO_MAX, "netns,window", netns_u64,
	     offsetof(struct xc_sys_netns, listen_overflows),
	     "connections refused because an accept queue was full, in the responder's "
	     "network namespace (the host's when it is not local)"),
	XC_F(tcp_listen_drops, U64, FEATURE, "events", 0, XC_NO_MAX, "netns,window", netns_u64,
	     offsetof(struct xc_sys_netns, listen_drops),
	     "SYNs and handshakes dropped by listeners, same namespace"),
	XC_F(swap_usage_percent, F64, FEATURE, "%", 0, 100, "node", xc_get_sys_f64,
	     offsetof(struct xc_sys_sample, swap_percent),
	     "100 * (SwapTotal - SwapFree) / SwapTotal; 0 without swap"),
};

_Static_assert(ARRAY_SIZE(xc_features_system) == XC_N_SYSTEM, "system");

#undef GROUP
#define GROUP XC_GROUP_AUX_SYSTEM

const struct xc_feature xc_features_aux_system[] = {
	XC_F(disk_read_count, U64, FEATURE, "ops", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, disk_reads), "reads completed"),
	XC_F(disk_write_count, U64, FEATURE, "ops", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, disk_writes), "writes completed"),
	XC_F(disk_read_time_ms, U64, FEATURE, "ms", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, disk_read_ms), "time spent reading"),
	XC_F(disk_write_time_ms, U64, FEATURE, "ms", 0, XC_NO_MAX, "node,window", xc_get_sys_u64,
	     offsetof(struct xc_sys_sample, disk_write_ms), "time spent writing"),
	XC_F(process_cpu_top3, STR, FEATURE, "-", 0, XC_NO_MAX, "node,window", top_processes, 0,
	     "the three processes with most CPU time in the window: \"name(12.3%);...\""),
	XC_F(zombie_processes, U32, FEATURE, "processes", 0, XC_NO_MAX, "node,gauge",
	     xc_get_sys_u32, offsetof(struct xc_sys_sample, n_zombies),
	     "processes in state Z at the end of the window"),
	XC_F(high_io_latency, U8, FEATURE, "flag", 0, 1, "node,window", high_io_latency, 0,
	     "disk_avg_latency_us > 10000"),
	XC_F(cpu_contention, U8, FEATURE, "flag", 0, 1, "node,window", cpu_contention, 0,
	     "cpu_usage_percent > 80"),
	XC_F(cpu_throttled, U8, FEATURE, "flag", 0, 1, "cgroup,window", is_throttled, 0,
	     "cpu_throttle_ratio > 0.1"),
};

_Static_assert(ARRAY_SIZE(xc_features_aux_system) == XC_N_AUX_SYSTEM, "auxiliary");
