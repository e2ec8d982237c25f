/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a run in order: SIGINT and SIGTERM ask for it, a closed pipe is an error of who writes. */
#pragma once

#include <stdbool.h>

/** Take SIGINT and SIGTERM as a wish, and ignore SIGPIPE. */
void xc_stop_on_signals(void);

/** Has somebody asked for the end? */
bool xc_stop_asked(void);
