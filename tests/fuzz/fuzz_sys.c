/* SPDX-License-Identifier: Apache-2.0 */
/* Any text where the kernel's should be: nothing is read beyond its end, and names stay harmless. */
#include "sys/disk.h"
#include "sys/netstat.h"
#include "sys/process.h"
#include "sys/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void as_process(const char *text)
{
	struct xc_process p;

	if (!xc_process_parse(text, &p))
		return;
	for (const char *c = p.name; *c; c++)
		if (*c == ';' || (*c > 0 && *c < ' ') || *c == 0x7f)
			abort();
}

static void as_numbers(char *text)
{
	static const char *const names[] = { "ListenOverflows", "ListenDrops" };
	uint64_t v[2];

	(void)xc_text_value(text, "MemTotal:", &v[0]);
	(void)xc_netstat_parse(text, names, v, 2);
}

/* The file grows out of nothing, and then becomes nothing again. */
static void as_disks(const void *data, size_t len)
{
	static struct xc_disks d;
	struct xc_sys_sample s = { .window_s = 1 };
	int fd = memfd_create("diskstats", MFD_CLOEXEC);

	if (fd < 0)
		return;
	d = (struct xc_disks){ .root_fd = -1, .fd = fd };
	if (write(fd, data, len) == (ssize_t)len && xc_disks_sample(&d, &s) &&
	    (s.disk_queue < 0 || !isfinite(s.disk_latency_us)))
		abort();
	(void)ftruncate(fd, 0);
	if (xc_disks_sample(&d, &s))
		abort();
	xc_disks_done(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	as_process(text);
	as_disks(data, len);
	as_numbers(text);
	free(text);
	return 0;
}
