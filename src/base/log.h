/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines for the operator, on stderr. Findings are not logs: they go to a sink. */
#pragma once

enum xc_log_level { XC_LOG_ERR, XC_LOG_WARN, XC_LOG_INFO, XC_LOG_DEBUG };

/** Show lines up to @level; the default is XC_LOG_INFO. */
void xc_log_set_level(enum xc_log_level level);

/** The level in force. */
enum xc_log_level xc_log_get_level(void);

/**
 * Log one line, append the text of @r, return @r unchanged.
 * @r: 0 (plain message) or a negative errno.
 */
int xc_log_at(enum xc_log_level level, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define xc_err(r, ...) xc_log_at(XC_LOG_ERR, (r), __VA_ARGS__)
#define xc_warn(r, ...) xc_log_at(XC_LOG_WARN, (r), __VA_ARGS__)
#define xc_info(...) ((void)xc_log_at(XC_LOG_INFO, 0, __VA_ARGS__))
#define xc_debug(...) ((void)xc_log_at(XC_LOG_DEBUG, 0, __VA_ARGS__))
