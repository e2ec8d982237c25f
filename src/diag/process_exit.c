/* SPDX-License-Identifier: Apache-2.0 */
/* The server's process crashed, was killed, or ended. */
#include "diag/pattern.h"

#include <string.h>

#define SIGNAL_MASK 0x7f	/* wait(2) */

static bool process_exit_match(const struct xc_case *c, struct xc_opinion *o)
{
	char who[XC_WORDS];

	for (uint32_t i = 0; i < c->n_procs; i++) {
		const struct xc_proc_evt *p = &c->procs[i];
		uint32_t signal = p->exit_code & SIGNAL_MASK;

		if (p->what != XC_PROC_EXIT)
			continue;
		xc_owner_words(&p->owner, who);
		if (signal)
			xc_for(o, XC_DECISIVE, p->hdr.ts_ns, "sched:sched_process_exit", "%s died of signal %u (%s)",
			       who, signal, strsignal((int)signal));
		else
			xc_for(o, XC_STRONG, p->hdr.ts_ns, "sched:sched_process_exit",
			       "%s ended with status %u", who, p->exit_code >> 8);
		xc_for(o, XC_STRONG, p->hdr.ts_ns, "owner", "it %s this connection's server socket",
		       c->server.is_owner_listeners ? "listened on" : "owned");
		for (uint32_t k = 0; k < c->n_procs; k++)
			if (c->procs[k].what == XC_PROC_OOM)
				xc_against(o, XC_AGAINST * 2, "the OOM killer sent the signal");
		if (signal)
			xc_summary(o, "%s died of signal %u (%s); its connections died with it", who, signal,
				   strsignal((int)signal));
		else
			xc_summary(o, "%s ended (status %u); its connections died with it", who, p->exit_code >> 8);
		xc_subject(o, "exit of %s", who);
		xc_fix(o, "See why %s %s: its log, `journalctl`, `coredumpctl`; restart it, and drain before planned stops.",
		       who, signal ? "died" : "ended");
		return true;
	}
	return false;
}

const struct xc_pattern xc_pattern_process_exit = {
	.id = "process-exit",
	.name = "Process Exited",
	.layer = XC_LAYER_PROCESS,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The server's process crashed, was killed or ended.",
	.fix = "See the log or core dump of the process and restart it.",
	.match = process_exit_match,
};
