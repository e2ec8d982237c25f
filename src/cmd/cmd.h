/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a subcommand. One row xc_cmd_NAME in src/cmd/NAME.c, and NAME in the list
 * "cmds" of meson.build.
 */
#pragma once

#include "base/buf.h"
#include "core/config.h"

/* What the process returns. Stable: scripts test them. */
enum xc_exit {
	XC_EXIT_OK = 0,
	XC_EXIT_FINDINGS = 1,	/* --fail-on was met */
	XC_EXIT_USAGE = 2,
	XC_EXIT_CANNOT = 3,	/* this environment cannot: privilege, kernel, missing files */
	XC_EXIT_FAILED = 4,	/* failed while running */
};

/**
 * struct xc_cmd - one subcommand
 * @usage: arguments behind the name, "[options]"
 * @text: one sentence, lower case, no full stop
 * @examples: lines "crosscut NAME ...", each may end in "  # what it does"; a test parses all
 * @is_raw: options are not read but passed on (but for --help as the first one)
 * @max_args: arguments that are no options; more are refused
 * @run: @argv holds the arguments that are no options, or all of them when is_raw.
 *	Return: enum xc_exit, or a negative errno that was logged.
 */
struct xc_cmd {
	const char *name;
	const char *usage;
	const char *text;
	const char *examples;
	bool is_raw;
	int max_args;
	int (*run)(const struct xc_config *cfg, int argc, char **argv);
};

/* By enum xc_cmd_id. */
extern const struct xc_cmd *const xc_cmds[_XC_CMD_MAX];

/** The command called @name; NULL = none. */
const struct xc_cmd *xc_cmd_find(const char *name, enum xc_cmd_id *ret_id);

/** Append the help of the whole program. */
void xc_help_all(struct xc_buf *out);

/** Append the help of one command. */
void xc_help_cmd(enum xc_cmd_id id, struct xc_buf *out);

/** Append @text, wrapped at 100 columns and indented by @left; the cursor is at @left. */
void xc_help_wrap(struct xc_buf *out, const char *text, size_t left);

/** Append page @page of the reference as Markdown: options, commands, patterns, probes, features, events. 0 or -ENOENT. */
int xc_help_markdown(const char *page, struct xc_buf *out);

/** Append a cell of a Markdown table, what ends it left out. NULL = empty. */
void xc_markdown_cell(const char *s, struct xc_buf *out);

/** Names of these pages, NULL-terminated. */
extern const char *const xc_help_pages[];
