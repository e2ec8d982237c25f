/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t asked;

static void on_signal(int sig)
{
	(void)sig;
	asked = 1;
}

void xc_stop_on_signals(void)
{
	/* a read that is cut short loses what zlib had of it; poll() returns all the same */
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

bool xc_stop_asked(void)
{
	return asked;
}
