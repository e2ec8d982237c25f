/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/scan.h"

#include "probe/probe.h"

#include "scan.skel.h"

int xc_scan_files(const struct xc_attached *scan)
{
	return xc_attached_run(scan, "scan_files");
}

int xc_scan_tcp(const struct xc_attached *scan)
{
	return xc_attached_run(scan, "scan_tcp");
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
	.serves = XC_FOR_FAILURES | XC_FOR_REQUESTS,
	.elf = scan_bpf__elf_bytes,
	.programs = programs,
};
