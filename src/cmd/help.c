/* SPDX-License-Identifier: Apache-2.0 */
/* --help from the tables. */
#include "cmd/cmd.h"

#include "base/scope.h"
#include "core/options.h"
#include "version.h"

#include <stdio.h>
#include <string.h>

#define LEFT 33		/* column where the text of an option starts */
#define WIDTH 100

void xc_help_wrap(struct xc_buf *out, const char *text, size_t left)
{
	size_t at = left;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > left && at + 1 + word > WIDTH) {
			xc_buf_printf(out, "\n%*s", (int)left, "");
			at = left;
		} else if (at > left) {
			xc_buf_putc(out, ' ');
			at++;
		}
		xc_buf_put(out, text, word);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	xc_buf_putc(out, '\n');
}

/* "text (10ms to 500ms; default: 40ms)" */
static void put_text(const struct xc_option *o, struct xc_buf *out)
{
	struct xc_buf range = xc_buf(256);

	if (o->type != XC_OPT_FLAG && o->type != XC_OPT_BOOL)
		xc_option_print_range(o, &range);
	xc_buf_puts(out, o->text);
	if (range.len || ((o->preset || o->unset) && o->type != XC_OPT_FLAG)) {
		xc_buf_printf(out, " (%s", range.len ? range.p : "");
		if (o->preset || o->unset)
			xc_buf_printf(out, "%sdefault: %s", range.len ? "; " : "",
				      o->preset ? o->preset : o->unset);
		xc_buf_putc(out, ')');
	}
	xc_buf_done(&range);
}

static void put_option(const struct xc_option *o, struct xc_buf *out)
{
	struct xc_buf text = xc_buf(1024);
	char left[64];
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%c --%s%s%s", o->letter ? '-' : ' ',
		     o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name, o->arg ? " " : "",
		     o->arg ? o->arg : "");
	xc_buf_printf(out, "%-*s", LEFT, left);
	if (n >= LEFT)
		xc_buf_printf(out, "\n%*s", LEFT, "");
	put_text(o, &text);
	xc_help_wrap(out, text.p ? text.p : "", LEFT);
	xc_buf_done(&text);
}

void xc_help_cmd(enum xc_cmd_id id, struct xc_buf *out)
{
	const struct xc_cmd *cmd = xc_cmds[id];
	const char *group = "";

	xc_buf_printf(out, "crosscut %s: %s\n\nUsage: crosscut %s %s\n", cmd->name, cmd->text,
		      cmd->name, cmd->usage);
	for (size_t i = 0; i < xc_n_options; i++) {
		const struct xc_option *o = &xc_options[i];

		if (!(o->cmds & 1u << id))
			continue;
		if (strcmp(group, o->group))
			xc_buf_printf(out, "\n%s\n", o->group);
		group = o->group;
		put_option(o, out);
	}
	xc_buf_puts(out, "\nExamples\n");
	for (const char *s = cmd->examples; *s; s += strcspn(s, "\n"), s += *s == '\n')
		xc_buf_printf(out, "  %.*s\n", (int)strcspn(s, "\n"), s);
}

void xc_help_all(struct xc_buf *out)
{
	xc_buf_puts(out, "crosscut " XC_VERSION ": says why connections fail\n\n"
			 "Usage: crosscut COMMAND [options]\n\nCommands\n");
	for (size_t i = 0; i < ARRAY_SIZE(xc_cmds); i++)
		xc_buf_printf(out, "  %-10s %s\n", xc_cmds[i]->name, xc_cmds[i]->text);
	xc_buf_puts(
		out,
		"  help       the help of a command: crosscut help why\n\n"
		"Options\n"
		"  -h, --help     show this; behind a command: its options and examples\n"
		"  --version      print the version\n\n"
		"Results go to stdout, everything else to stderr. Exit status: 0 fine, 1 --fail-on was met,\n"
		"2 wrong usage, 3 this environment cannot (privilege, kernel), 4 failed while running.\n");
}
