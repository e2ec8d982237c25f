/* SPDX-License-Identifier: Apache-2.0 */
/* The server's process crashed, was killed, or ended. */
#include "diag/pattern.h"

#include <signal.h>
#include <string.h>

#define SIGNAL_MASK 0x7f	/* wait(2) */

/* Stops that somebody ordered; the others are crashes and kills. */
static bool is_ordered_stop(uint32_t signal)
{
	return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

/* When the connection was hurt: an exit after that is no cause. */
static uint64_t hurt_ns(const struct xc_case *c)
{
	uint64_t ns = c->server.died_ns ? c->server.died_ns : c->ended_ns;

	for (uint32_t i = 0; i < c->n_resets; i++)
		if (c->resets[i].by_server && (!ns || c->resets[i].e.hdr.ts_ns < ns))
			ns = c->resets[i].e.hdr.ts_ns;
	return ns;
}

static bool process_exit_match(const struct xc_case *c, struct xc_opinion *o)
{
	uint64_t hurt = hurt_ns(c);
	char who[XC_WORDS];

	for (uint32_t i = 0; i < c->n_procs; i++) {
		const struct xc_proc_evt *p = &c->procs[i];
		uint32_t sig = p->exit_code & SIGNAL_MASK;

		if (p->what != XC_PROC_EXIT || !hurt || p->hdr.ts_ns > hurt)
			continue;
		xc_owner_words(&p->owner, who);
		if (sig)
			xc_for(o, XC_DECISIVE, p->hdr.ts_ns, "sched:sched_process_exit",
			       "%s died of signal %u (%s)", who, sig, strsignal((int)sig));
		else
			xc_for(o, XC_STRONG, p->hdr.ts_ns, "sched:sched_process_exit",
			       "%s ended with status %u", who, p->exit_code >> 8);
		xc_for(o, XC_STRONG, p->hdr.ts_ns, "owner", "it %s this connection's server socket",
		       c->server.is_owner_listeners ? "listened on" : "owned");
		if (c->server.died_ns)
			xc_for(o, XC_WEAK, c->server.died_ns, "sock:inet_sock_set_state",
			       "its end of the connection was closed by its death");
		if (is_ordered_stop(sig))
			o->severity = XC_SEVERITY_WARNING;
		for (uint32_t k = 0; k < c->n_procs; k++)
			if (c->procs[k].what == XC_PROC_OOM)
				xc_against(o, XC_AGAINST * 2, "the OOM killer sent the signal");
		if (sig)
			xc_summary(o, "%s died of signal %u (%s); its connections died with it",
				   who, sig, strsignal((int)sig));
		else
			xc_summary(o, "%s ended (status %u); its connections died with it", who,
				   p->exit_code >> 8);
		xc_subject(o, "exit of %s", who);
		xc_fix(o,
		       "See why %s %s: its log, `journalctl`, `coredumpctl`; restart it, and drain before planned stops.",
		       who, sig ? "died" : "ended");
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
