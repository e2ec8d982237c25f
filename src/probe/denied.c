/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "denied.skel.h"

#include <errno.h>
#include <fcntl.h>

XC_DEFINE_FREEP(struct denied_bpf, denied_bpf__destroy)

static int attach(struct denied_bpf *s, int cgroup_fd)
{
	s->links.denied_connect4 = bpf_program__attach_cgroup(s->progs.denied_connect4, cgroup_fd);
	if (!s->links.denied_connect4)
		return -errno;
	s->links.denied_connect6 = bpf_program__attach_cgroup(s->progs.denied_connect6, cgroup_fd);
	return s->links.denied_connect6 ? 0 : -errno;
}

static int denied_open(const struct xc_probe_env *env, void **ret_probe)
{
	_cleanup_(denied_bpf__destroyp) struct denied_bpf *s = NULL;
	_cleanup_close_ int cgroup_fd = -1;
	int r;

	if (!xc_kernel_has_func(env->kernel, "bpf_get_retval")) {
		xc_report_missing(env->report, "bpf_get_retval() (5.18)", NULL);
		return -EOPNOTSUPP;
	}
	if (!env->cgroup_root) {
		xc_report_missing(env->report, "a mounted cgroup v2 tree", NULL);
		return -EOPNOTSUPP;
	}
	cgroup_fd = open(env->cgroup_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup_fd < 0)
		return -errno;

	s = denied_bpf__open();
	if (!s)
		return -errno;
	s->rodata->cfg = *env->cfg;

	r = xc_probe_load(env, s->obj);
	if (r)
		return r;

	r = attach(s, cgroup_fd);
	if (r)
		return r;

	env->report->n_programs += 2;
	*ret_probe = TAKE_PTR(s);
	return 0;
}

static void denied_close(void *probe)
{
	denied_bpf__destroy(probe);
}

const struct xc_probe xc_probe_denied = {
	.name = "denied",
	.text = "connect() calls that a cgroup program denies",
	.needs = "cgroup v2, bpf_get_retval() (5.18); CAP_BPF, CAP_NET_ADMIN",
	.without = "EPERM from a cgroup program has no explanation",
	.open = denied_open,
	.close = denied_close,
};
