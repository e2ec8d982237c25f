/* SPDX-License-Identifier: Apache-2.0 */
/* All processes once a window: how many are zombies, and which three used most CPU. */
#pragma once

#include "model/sys.h"

#include <dirent.h>
#include <stddef.h>

#define XC_PROCESSES_MAX 4096	/* looked at; those beyond are not */
#define XC_PROCESSES_OPEN 512	/* kept open; fewer where the limit of open files is below 2048 */

/* What /proc/PID/stat tells. */
struct xc_process {
	uint32_t pid;
	bool is_zombie;
	uint64_t start_ticks;	/* tells a process from a later one with its pid */
	uint64_t cpu_ticks;	/* user and system, of all threads */
	char name[20];		/* cut, and safe inside "name(12.3%);..." */
};

/* The same process at the last look. */
struct xc_process_seen {
	uint32_t pid;
	int fd;			/* its stat, kept open because opening is half of the work; -1 = closed */
	uint64_t start_ticks, cpu_ticks;
};

struct xc_processes {
	DIR *dir;		/* /proc */
	uint64_t ticks_per_s;
	struct xc_process_seen *seen, *before;	/* by rising pid; XC_PROCESSES_MAX entries each */
	size_t n_seen, n_before;
	size_t n_open, max_open;	/* of those descriptors */
	bool is_cut;		/* there were more at the last look */
};

/** Take the first reading. 0 or -ENOMEM. @root_fd: directory that stands for /. */
int xc_processes_init(struct xc_processes *p, int root_fd);

void xc_processes_done(struct xc_processes *p);

/** Fill n_zombies and top for the @s->window_s since the last reading. False = no /proc, or more than are looked at. */
bool xc_processes_sample(struct xc_processes *p, struct xc_sys_sample *s);

/** Decode the text of /proc/PID/stat. Pure. False = something else. */
bool xc_process_parse(const char *text, struct xc_process *ret_process);
