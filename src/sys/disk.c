/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/disk.h"

#include "base/scope.h"
#include "sys/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define SECTOR_BYTES 512	/* in diskstats, whatever the disk's own is */

static bool has_entries(int root_fd, const char *path)
{
	_cleanup_close_ int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool found = false;

	if (!dir)
		return false;
	fd = -1;	/* closedir() closes it */
	while (!found && (e = readdir(dir)))
		found = e->d_name[0] != '.';
	(void)closedir(dir);
	return found;
}

static bool is_counted(int root_fd, const char *name)
{
	static const char *const none[] = { "loop", "ram", "zram" };
	char path[80];
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (!strncmp(name, none[i], strlen(none[i])))
			return false;
	n = (size_t)snprintf(path, sizeof(path), "sys/block/%s", name);
	for (char *p = path + strlen("sys/block/"); *p; p++)
		if (*p == '/')	/* cciss/c0d0 is cciss!c0d0 there */
			*p = '!';
	if (faccessat(root_fd, path, F_OK, 0))
		return false;	/* a partition */
	(void)snprintf(path + n, sizeof(path) - n, "/slaves");
	return !has_entries(root_fd, path);
}

/* The entry of @name; the order in the file hardly ever changes, so begin where it would be. */
static struct xc_disk *find(struct xc_disks *d, const char *name, size_t at, bool *ret_is_new)
{
	struct xc_disk *k;

	*ret_is_new = false;
	for (size_t i = 0; i < d->n; i++) {
		k = &d->disk[(at + i) % d->n];
		if (!strcmp(k->name, name))
			return k;
	}
	if (d->n == XC_DISKS_MAX)
		return NULL;
	k = &d->disk[d->n++];
	*k = (struct xc_disk){ .is_counted = is_counted(d->root_fd, name) };
	(void)snprintf(k->name, sizeof(k->name), "%s", name);
	*ret_is_new = true;
	return k;
}

static bool parse_line(const char *line, char name[32], uint64_t v[_XC_DISK_MAX])
{
	unsigned long long r, rs, rms, w, ws, wms, qms;

	if (sscanf(line, "%*u %*u %31s %llu %*u %llu %llu %llu %*u %llu %llu %*u %*u %llu", name,
		   &r, &rs, &rms, &w, &ws, &wms, &qms) != 8)
		return false;
	memcpy(v, (uint64_t[]){ r, rs, rms, w, ws, wms, qms }, _XC_DISK_MAX * sizeof(*v));
	return true;
}

static void add(struct xc_sys_sample *s, const uint64_t gain[_XC_DISK_MAX])
{
	double queue = s->window_s > 0 ? (double)gain[XC_DISK_QUEUE_MS] / (1000 * s->window_s) : 0;

	s->disk_reads += gain[XC_DISK_READS];
	s->disk_writes += gain[XC_DISK_WRITES];
	s->disk_read_bytes += gain[XC_DISK_READ_SECTORS] * SECTOR_BYTES;
	s->disk_write_bytes += gain[XC_DISK_WRITE_SECTORS] * SECTOR_BYTES;
	s->disk_read_ms += gain[XC_DISK_READ_MS];
	s->disk_write_ms += gain[XC_DISK_WRITE_MS];
	if (queue > s->disk_queue)
		s->disk_queue = queue;
}

/* One line. A disk that was not there before starts at 0: what it did, it did within the window. */
static void on_line(struct xc_disks *d, const char *line, size_t at, struct xc_sys_sample *s)
{
	uint64_t v[_XC_DISK_MAX], gain[_XC_DISK_MAX];
	char name[32];
	struct xc_disk *k;
	bool is_new;

	if (!parse_line(line, name, v))
		return;
	k = find(d, name, at, &is_new);
	if (!k)
		return;
	for (size_t i = 0; i < _XC_DISK_MAX; i++)
		gain[i] = xc_gain(v[i], k->v[i]);
	memcpy(k->v, v, sizeof(k->v));
	if (k->is_counted)
		add(s, gain);
}

bool xc_disks_sample(struct xc_disks *d, struct xc_sys_sample *s)
{
	char text[32768], *line, *save = NULL;
	uint64_t ended;
	size_t at = 0;

	if (!xc_text_read(d->fd, text, sizeof(text)))
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		on_line(d, line, at++, s);
	ended = s->disk_reads + s->disk_writes;
	if (ended)
		s->disk_latency_us =
			1000.0 * (double)(s->disk_read_ms + s->disk_write_ms) / (double)ended;
	return true;
}

void xc_disks_init(struct xc_disks *d, int root_fd)
{
	struct xc_sys_sample since_boot = { 0 };

	*d = (struct xc_disks){ .root_fd = root_fd };
	d->fd = openat(root_fd, "proc/diskstats", O_RDONLY | O_CLOEXEC);
	(void)xc_disks_sample(d, &since_boot);
}

void xc_disks_done(struct xc_disks *d)
{
	xc_closep(&d->fd);
	d->fd = -1;
}
