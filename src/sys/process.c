/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/process.h"

#include "base/buf.h"
#include "base/scope.h"
#include "sys/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#define TOP 3

struct top {
	struct use {
		uint64_t ticks;
		char name[20];
	} use[TOP];
};

/* ---- one process ---------------------------------------------------------------------- */

/* A name may hold anything its owner likes. */
static void safe_name(char *out, size_t size, const char *from, const char *to)
{
	size_t n = 0, len;

	for (; from < to; from += len) {
		bool is_plain = *from >= ' ' && *from < 0x7f && *from != ';';

		len = is_plain ? 1 : xc_utf8_len(from);
		if (n + (len ? len : 1) >= size || from + len > to)
			break;
		memcpy(out + n, len ? from : "_", len ? len : 1);
		n += len ? len : 1;
		len += !len;
	}
	out[n] = '\0';
}

/* Up to and with the space behind @n more words. NULL = there are fewer. */
static const char *skip_words(const char *p, unsigned int n)
{
	while (p && n--) {
		p = strchr(p, ' ');
		p += p != NULL;
	}
	return p;
}

/* "PID (NAME) STATE PPID ..." (proc(5)); NAME may hold parentheses. */
bool xc_process_parse(const char *text, struct xc_process *ret_process)
{
	const char *from = strchr(text, '('), *to = strrchr(text, ')');
	const char *state = to ? skip_words(to, 1) : NULL;	/* word 3 of the file */
	const char *user = skip_words(state, 11);		/* 14 */
	const char *system = skip_words(user, 1);
	const char *start = skip_words(system, 7);		/* 22 */
	struct xc_process p = { 0 };

	if (!from || to < from || !start)
		return false;
	p.pid = (uint32_t)strtoul(text, NULL, 10);
	p.is_zombie = *state == 'Z';
	p.cpu_ticks = strtoull(user, NULL, 10) + strtoull(system, NULL, 10);
	p.start_ticks = strtoull(start, NULL, 10);
	safe_name(p.name, sizeof(p.name), from + 1, to);
	*ret_process = p;
	return true;
}

/* ---- all of them ------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	uint32_t x = ((const struct xc_process_seen *)a)->pid;
	uint32_t y = ((const struct xc_process_seen *)b)->pid;

	return (x > y) - (x < y);
}

static struct xc_process_seen *find_before(const struct xc_processes *p, uint32_t pid)
{
	const struct xc_process_seen key = { .pid = pid };

	return bsearch(&key, p->before, p->n_before, sizeof(key), by_pid);
}

/* Ticks within the window. A process not seen before began in it, unless the last look was not at all. */
static uint64_t ticks_gained(const struct xc_process_seen *old, const struct xc_process *k,
			     bool was_cut)
{
	if (old && old->start_ticks == k->start_ticks)
		return xc_gain(k->cpu_ticks, old->cpu_ticks);
	return was_cut ? 0 : k->cpu_ticks;
}

static void rank(struct top *top, const char *name, uint64_t ticks)
{
	struct use u = { .ticks = ticks };

	(void)snprintf(u.name, sizeof(u.name), "%s", name);
	for (size_t i = 0; i < TOP; i++) {
		struct use lower = top->use[i];

		if (lower.ticks >= u.ticks)
			continue;
		top->use[i] = u;
		u = lower;
	}
}

static void close_process(struct xc_processes *p, int fd)
{
	if (fd < 0)
		return;
	(void)close(fd);
	p->n_open--;
}

/* Read the stat of @pid through *@fd, which is opened when it is closed, or is that of a process which has ended. */
static bool read_process(struct xc_processes *p, uint32_t pid, int *fd, struct xc_process *ret)
{
	char path[24], text[512];	/* the words of interest are within the first 300 bytes */
	ssize_t n = *fd < 0 ? -1 : pread(*fd, text, sizeof(text) - 1, 0);

	if (n <= 0) {
		close_process(p, *fd);
		(void)snprintf(path, sizeof(path), "%u/stat", pid);
		*fd = openat(dirfd(p->dir), path, O_RDONLY | O_CLOEXEC);
		p->n_open += *fd >= 0;
		n = *fd < 0 ? -1 : pread(*fd, text, sizeof(text) - 1, 0);
	}
	if (n <= 0)
		return false;	/* it has just ended */
	text[n] = '\0';
	return xc_process_parse(text, ret);
}

static void look_at(struct xc_processes *p, uint32_t pid, bool was_cut, struct top *top,
		    uint32_t *n_zombies)
{
	struct xc_process_seen *old = find_before(p, pid);
	int fd = old ? TAKE_FD(old->fd) : -1;
	struct xc_process k;

	if (!read_process(p, pid, &fd, &k)) {
		close_process(p, fd);
		return;
	}
	if (p->n_open > p->max_open) {
		close_process(p, fd);
		fd = -1;
	}
	*n_zombies += k.is_zombie;
	rank(top, k.name, ticks_gained(old, &k, was_cut));
	p->seen[p->n_seen++] = (struct xc_process_seen){ pid, fd, k.start_ticks, k.cpu_ticks };
}

/* One look. Keeps the processes in the order of their pids. */
static void look(struct xc_processes *p, struct top *top, uint32_t *n_zombies)
{
	const struct dirent *e;
	bool was_cut = p->is_cut;

	p->is_cut = false;
	rewinddir(p->dir);
	while ((e = readdir(p->dir))) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		p->is_cut = p->n_seen == XC_PROCESSES_MAX;
		if (p->is_cut)
			break;
		look_at(p, (uint32_t)strtoul(e->d_name, NULL, 10), was_cut, top, n_zombies);
	}
	qsort(p->seen, p->n_seen, sizeof(*p->seen), by_pid);
}

static void forget(struct xc_processes *p, struct xc_process_seen *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close_process(p, list[i].fd);
}

static void write_top(const struct top *top, double ticks, char out[XC_SYS_TOP_LEN])
{
	size_t n = 0;

	for (size_t i = 0; i < TOP && top->use[i].ticks && ticks > 0; i++) {
		double pct = 100 * (double)top->use[i].ticks / ticks;

		n += (size_t)snprintf(out + n, XC_SYS_TOP_LEN - n, "%s%s(%.1f%%)", i ? ";" : "",
				      top->use[i].name, pct < 99999 ? pct : 99999);
	}
}

bool xc_processes_sample(struct xc_processes *p, struct xc_sys_sample *s)
{
	struct xc_process_seen *spare = p->before;
	struct top top = { 0 };

	if (!p->dir)
		return false;
	p->before = p->seen;
	p->n_before = p->n_seen;
	p->seen = spare;
	p->n_seen = 0;
	look(p, &top, &s->n_zombies);
	forget(p, p->before, p->n_before);	/* those that have ended */
	p->n_before = 0;
	write_top(&top, s->window_s * (double)p->ticks_per_s, s->top);
	return !p->is_cut;
}

int xc_processes_init(struct xc_processes *p, int root_fd)
{
	struct xc_sys_sample first = { 0 };
	struct rlimit limit;
	int fd;

	*p = (struct xc_processes){ .ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK) };
	p->seen = calloc(XC_PROCESSES_MAX, sizeof(*p->seen));
	p->before = calloc(XC_PROCESSES_MAX, sizeof(*p->before));
	if (!p->seen || !p->before)
		return -ENOMEM;
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		p->max_open = limit.rlim_cur / 4 < XC_PROCESSES_OPEN ? limit.rlim_cur / 4 :
								       XC_PROCESSES_OPEN;
	fd = openat(root_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->dir = fd < 0 ? NULL : fdopendir(fd);
	(void)xc_processes_sample(p, &first);
	return 0;
}

void xc_processes_done(struct xc_processes *p)
{
	if (p->dir)
		(void)closedir(p->dir);
	forget(p, p->seen, p->n_seen);
	free(p->seen);
	free(p->before);
	*p = (struct xc_processes){ 0 };
}
