/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health of the host within one window, as plain values. Read by sys/, turned into columns by
 * flow/. Counters are what happened within the window, never since boot.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define XC_SYS_TOP_LEN 96

/* CPU quota and memory of one cgroup; for the node: the sum of the topmost groups with a quota, no memory. */
struct xc_sys_cgroup {
	bool has_cpu;		/* a quota is set at the group or above it */
	bool has_memory;	/* a limit is set */
	uint64_t nr_periods, nr_throttled;
	double throttled_ms;
	double memory_percent;		/* working set of the limit, 0..100 */
	double memory_available_mib;	/* limit less working set */
};

/* Listeners of one network namespace. */
struct xc_sys_netns {
	uint64_t listen_overflows, listen_drops;
};

struct xc_sys_sample {
	bool is_valid;		/* false: nothing was measured (a capture) */
	bool is_partial;	/* something could not be read, or was too much: what it tells is 0 or too low */
	double window_s;	/* what the counters below cover */
	double cpu_percent;	/* 0..100 of all CPUs */
	double memory_percent;	/* 0..100 */
	double memory_available_mib;
	double memory_pressure;	/* PSI some avg10, 0..100; negative = the kernel has none */
	double swap_percent;	/* 0..100, 0 without swap */
	uint64_t disk_read_bytes, disk_write_bytes;
	uint64_t disk_reads, disk_writes;
	uint64_t disk_read_ms, disk_write_ms;
	double disk_latency_us;	/* mean of the requests that ended */
	double disk_queue;	/* time-averaged requests in flight, of the busiest disk */
	uint64_t oom_kills;
	uint32_t n_zombies;
	char top[XC_SYS_TOP_LEN];	/* "name(12.3%);..." */
	struct xc_sys_cgroup cgroup;	/* of the node */
	struct xc_sys_netns netns;	/* of the host */
};
