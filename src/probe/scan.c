/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/scan.h"

#include "probe/probe.h"

#include "scan.skel.h"

#include <bpf/bpf.h>
#include <errno.h>

XC_DEFINE_FREEP(struct scan_bpf, scan_bpf__destroy)

static int scan_open(const struct xc_probe_env *env, void **ret_probe)
{
	_cleanup_(scan_bpf__destroyp) struct scan_bpf *s = scan_bpf__open();
	int r;

	if (!s)
		return -errno;
	s->rodata->cfg = *env->cfg;

	r = xc_probe_load(env, s->obj);
	if (r)
		return r;

	r = scan_bpf__attach(s);
	if (r)
		return r;

	env->report->n_programs += 2;
	*ret_probe = TAKE_PTR(s);
	return 0;
}

static void scan_close(void *probe)
{
	scan_bpf__destroy(probe);
}

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

int xc_scan_files(void *scan)
{
	return run(((struct scan_bpf *)scan)->links.scan_files);
}

int xc_scan_tcp(void *scan)
{
	return run(((struct scan_bpf *)scan)->links.scan_tcp);
}

const struct xc_probe xc_probe_scan = {
	.name = "scan",
	.text = "sockets that were there before, and sockets that are stuck",
	.needs = "BPF iterators task_file and tcp (5.9)",
	.without = "owners of older sockets and shut windows stay unknown",
	.open = scan_open,
	.close = scan_close,
};
