/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/scan.h"

#include "probe/probe.h"

#include "scan.skel.h"

#include <bpf/bpf.h>
#include <errno.h>

/* An iterator runs while it is read; what it finds goes to the ring, the text is empty. */
static int run(struct bpf_link *link)
{
	_cleanup_close_ int fd = bpf_iter_create(bpf_link__fd(link));
	char unused[64];
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, unused, sizeof(unused));
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

int xc_scan_files(const struct xc_attached *scan)
{
	return run(xc_attached_link(scan, "scan_files"));
}

int xc_scan_tcp(const struct xc_attached *scan)
{
	return run(xc_attached_link(scan, "scan_tcp"));
}

static const struct xc_program programs[] = {
	{ .name = "scan_files" },
	{ .name = "scan_tcp" },
	{ .name = NULL },
};

const struct xc_probe xc_probe_scan = {
	.name = "scan",
	.text = "sockets that were there before, and sockets that are stuck",
	.needs = "BPF iterators task_file and tcp (5.9)",
	.without = "owners of older sockets and shut windows stay unknown",
	.elf = scan_bpf__elf_bytes,
	.programs = programs,
};
