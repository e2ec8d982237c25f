/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "proc.skel.h"

static const struct xc_program programs[] = {
	{ .name = "proc_oom_task",
	  .tracepoint = "mark_victim",
	  .n_args = 2,
	  .wants_ptr = true,
	  .lacks = "task of oom:mark_victim (6.8)",
	  .so = "an OOM kill looks like any other SIGKILL" },
	{ .name = "proc_exit" },
	{ .name = NULL },
};

const struct xc_probe xc_probe_proc = {
	.name = "proc",
	.text = "OOM kills and exits of processes",
	.needs = "tracepoints oom:mark_victim with the task (6.8), sched:sched_process_exit",
	.without = "a dead server is seen only by its resets",
	.serves = XC_FOR_FAILURES,
	.elf = proc_bpf__elf_bytes,
	.programs = programs,
};
