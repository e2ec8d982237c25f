/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel killed the server's process for want of memory. */
#include "diag/pattern.h"

static bool oom_kill_match(const struct xc_case *c, struct xc_opinion *o)
{
	const char *cgroup = xc_case_note(c, "cgroup");
	const char *limit = xc_case_note(c, "memory.max");
	char who[XC_WORDS];

	for (uint32_t i = 0; i < c->n_procs; i++) {
		const struct xc_proc_evt *p = &c->procs[i];

		if (p->what != XC_PROC_OOM)
			continue;
		xc_owner_words(&p->owner, who);
		xc_for(o, XC_DECISIVE, p->hdr.ts_ns, "oom:mark_victim",
		       "%s was chosen by the OOM killer%s%s", who, cgroup ? " in cgroup " : "",
		       cgroup ? cgroup : "");
		if (limit)
			xc_for(o, XC_WEAK, p->hdr.ts_ns, "cgroup", "memory.max = %s", limit);
		xc_for(o, XC_STRONG, p->hdr.ts_ns, "owner", "it %s this connection's server socket",
		       c->server.is_owner_listeners ? "listened on" : "owned");
		xc_summary(o, "%s was killed for want of memory; its connections died with it",
			   who);
		xc_subject(o, "OOM kill of %s", who);
		xc_fix(o, "Raise the memory limit of %s (now %s), or find its leak; restart it.",
		       cgroup ? cgroup : "its cgroup", limit ? limit : "not known");
		return true;
	}
	return false;
}

const struct xc_pattern xc_pattern_oom_kill = {
	.id = "oom-kill",
	.name = "Process OOM-Killed",
	.layer = XC_LAYER_PROCESS,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The OOM killer ended the server's process.",
	.fix = "Raise the memory limit or find the leak.",
	.match = oom_kill_match,
};
