/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a recording, read the way `why -r` does: opened or refused, read to an end, and
 * every record handed on is whole. What is written again from those records reads the same.
 */
#include "source/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct reader {
	uint64_t n;
	uint64_t bytes;
	struct xc_recorder *copy;
};

static void on_record(void *arg, const struct xc_evt *e)
{
	struct reader *r = arg;

	if (e->size_bytes < sizeof(*e) || e->size_bytes > XC_EVT_SIZE_MAX || e->kind == XC_EVT_END)
		abort();
	r->n++;
	r->bytes += e->size_bytes;
	if (r->copy)
		xc_recorder_write(r->copy, e);
}

/* 1 = the end, or an error as promised. */
static int read_all(const char *path, struct reader *r)
{
	struct xc_source_env env = { .path = path, .on_record = on_record, .arg = r };
	void *source = NULL;
	int status = xc_source_recording.open(&env, &source);

	if (status) {
		if (source || (status != -EBADMSG && status != -EPROTONOSUPPORT))
			abort();
		return status;
	}
	while (!(status = xc_source_recording.poll(source, 0)))
		;
	xc_source_recording.close(source);
	if (status != 1 && status != -EBADMSG)
		abort();
	return status;
}

/* A file that lives in memory; its name is @path. */
static int file_of(const uint8_t *data, size_t len, char path[64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || (len && write(fd, data, len) != (ssize_t)len))
		abort();
	(void)snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
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
	char path[64], copy_path[64];
	struct reader first = { 0 }, again = { 0 };
	int fd = file_of(data, len, path), copy_fd = file_of(NULL, 0, copy_path);

	be_quiet();
	if (xc_recorder_open(copy_path, "copy", &first.copy))
		abort();
	(void)read_all(path, &first);
	if (first.bytes > len || xc_recorder_close(first.copy))
		abort();
	if (read_all(copy_path, &again) != 1 || again.n != first.n || again.bytes != first.bytes)
		abort();
	(void)close(fd);
	(void)close(copy_fd);
	return 0;
}
