/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "proc.skel.h"

#include <errno.h>

XC_DEFINE_FREEP(struct proc_bpf, proc_bpf__destroy)

/* Which programs this kernel can take. */
static void pick_programs(const struct xc_probe_env *env, struct proc_bpf *s)
{
	bool oom = xc_kernel_tp_args(env->kernel, "mark_victim") == 2 &&
		   xc_kernel_tp_arg_is_ptr(env->kernel, "mark_victim", 0);

	(void)bpf_program__set_autoload(s->progs.proc_oom_task, oom);
	env->report->n_programs += 1 + oom;
	if (!oom)
		xc_report_missing(env->report, "task of oom:mark_victim (6.8)",
				  "an OOM kill looks like any other SIGKILL");
}

static int proc_open(const struct xc_probe_env *env, void **ret_probe)
{
	_cleanup_(proc_bpf__destroyp) struct proc_bpf *s = proc_bpf__open();
	int r;

	if (!s)
		return -errno;
	s->rodata->cfg = *env->cfg;
	pick_programs(env, s);

	r = xc_probe_load(env, s->obj);
	if (r)
		return r;

	r = proc_bpf__attach(s);
	if (r)
		return r;

	*ret_probe = TAKE_PTR(s);
	return 0;
}

static void proc_close(void *probe)
{
	proc_bpf__destroy(probe);
}

const struct xc_probe xc_probe_proc = {
	.name = "proc",
	.text = "OOM kills and exits of processes",
	.needs = "tracepoints oom:mark_victim with the task (6.8), sched:sched_process_exit",
	.without = "a dead server is seen only by its resets",
	.open = proc_open,
	.close = proc_close,
};
