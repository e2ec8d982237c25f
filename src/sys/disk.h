/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the disks did within a window. Whole disks only: no partitions, no loop, ram or zram; of
 * disks stacked on others (dm, md) only those below, so that a request counts once.
 */
#pragma once

#include "model/sys.h"

#include <stddef.h>

#define XC_DISKS_MAX 256

/* Columns of /proc/diskstats, since boot. */
enum xc_disk_counter {
	XC_DISK_READS,
	XC_DISK_READ_SECTORS,
	XC_DISK_READ_MS,
	XC_DISK_WRITES,
	XC_DISK_WRITE_SECTORS,
	XC_DISK_WRITE_MS,
	XC_DISK_QUEUE_MS,	/* requests in flight, times ms */
	_XC_DISK_MAX,
};

struct xc_disk {
	char name[32];
	bool is_counted;	/* a whole disk on which no request is counted twice */
	uint64_t v[_XC_DISK_MAX];
};

struct xc_disks {
	int root_fd;		/* borrowed */
	int fd;			/* /proc/diskstats */
	struct xc_disk disk[XC_DISKS_MAX];
	size_t n;
};

/** Take the first reading; @root_fd: directory that stands for /. */
void xc_disks_init(struct xc_disks *d, int root_fd);

void xc_disks_done(struct xc_disks *d);

/** Fill the disk members of @s with what happened since the last reading, @s->window_s ago. False = no such file. */
bool xc_disks_sample(struct xc_disks *d, struct xc_sys_sample *s);
