/* SPDX-License-Identifier: Apache-2.0 */
/* One line a message, written with one call so that lines of two threads never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum xc_log_level shown = XC_LOG_INFO;

void xc_log_set_level(enum xc_log_level level)
{
	shown = level;
}

enum xc_log_level xc_log_get_level(void)
{
	return shown;
}

int xc_log_at(enum xc_log_level level, int r, const char *fmt, ...)
{
	static const char *const prefix[] = { "crosscut: error: ", "crosscut: warning: ",
					      "crosscut: ", "crosscut: debug: " };
	char line[1024];
	va_list ap;

	if (level > shown)
		return r;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (r < 0)
		(void)fprintf(stderr, "%s%s: %s\n", prefix[level], line, strerror(-r));
	else
		(void)fprintf(stderr, "%s%s\n", prefix[level], line);
	return r;
}
