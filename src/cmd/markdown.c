/* SPDX-License-Identifier: Apache-2.0 */
/* Reference pages from the tables: docs/NAME.md is `crosscut help --markdown NAME`. */
#include "cmd/cmd.h"

#include "base/scope.h"
#include "cmd/columns.h"
#include "core/options.h"
#include "diag/pattern.h"
#include "probe/probe.h"
#include "sink/events.h"

#include <errno.h>
#include <string.h>

/* A cell of a table: '|' would end it, '<' would start a tag. */
void xc_markdown_cell(const char *s, struct xc_buf *out)
{
	xc_buf_puts(out, "| ");
	for (; s && *s; s++) {
		if (*s == '|')
			xc_buf_puts(out, "\\|");
		else if (*s == '<')
			xc_buf_puts(out, "&lt;");
		else
			xc_buf_putc(out, *s);
	}
	xc_buf_putc(out, ' ');
}

static void put_title(const char *title, const char *page, struct xc_buf *out)
{
	xc_buf_printf(out,
		      "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
		      "<!-- Made by `crosscut help --markdown %s`; make docs rewrites it. -->\n"
		      "# %s\n\n",
		      page, title);
}

/* ---- options -------------------------------------------------------------------- */

static void put_option_cmds(const struct xc_option *o, struct xc_buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < ARRAY_SIZE(xc_cmds); i++)
		if (o->cmds & 1u << i) {
			xc_buf_printf(out, "%s%s", between, xc_cmds[i]->name);
			between = ", ";
		}
}

static void put_flag(const struct xc_option *o, struct xc_buf *out)
{
	if (o->where == XC_NOT_CLI) {
		xc_buf_puts(out, "| - ");
		return;
	}
	xc_buf_puts(out, "| `");
	if (o->letter)
		xc_buf_printf(out, "-%c, ", o->letter);
	xc_buf_printf(out, "--%s", o->name);
	if (o->arg)
		xc_buf_printf(out, " %s", o->arg);
	xc_buf_puts(out, "` ");
}

static void put_option_row(const struct xc_option *o, struct xc_buf *out)
{
	struct xc_buf cell = xc_buf(1024);

	put_flag(o, out);
	xc_buf_puts(out, "| ");
	if (o->where != XC_CLI_ONLY) {
		xc_buf_putc(out, '`');
		xc_option_print_key(o, out);
		xc_buf_puts(out, "` ");
	}
	xc_option_print_range(o, &cell);
	xc_markdown_cell(cell.p, out);
	xc_markdown_cell(o->unit, out);
	xc_markdown_cell(o->preset ? o->preset : o->unset, out);
	xc_markdown_cell(o->text, out);
	xc_buf_reset(&cell);
	put_option_cmds(o, &cell);
	xc_markdown_cell(cell.p, out);
	xc_buf_puts(out, "|\n");
	xc_buf_done(&cell);
}

static void options_page(struct xc_buf *out)
{
	const char *group = "";

	put_title("Options", "options", out);
	xc_buf_puts(
		out,
		"A flag wins over the environment, that over the configuration file, that over the\n"
		"default. The variable of key `max_cases` is `CROSSCUT_MAX_CASES`; lists in variables are\n"
		"separated by commas. Times take `ms`, `s`, `m`, `h`; sizes `KiB`, `MiB`, `GiB`; a bare\n"
		"number has the unit of the table. `crosscut config dump` prints what is in effect and\n"
		"where it came from, `crosscut config check FILE` tests a file.\n");
	for (size_t i = 0; i < xc_n_options; i++) {
		if (strcmp(group, xc_options[i].group))
			xc_buf_printf(
				out,
				"\n## %s\n\n| flag | key | values | unit | default | what | commands |\n"
				"|---|---|---|---|---|---|---|\n",
				xc_options[i].group);
		group = xc_options[i].group;
		put_option_row(&xc_options[i], out);
	}
	xc_buf_puts(
		out,
		"\n## Section `network-correlator`\n\n"
		"A file may carry the section `network-correlator` with the keys `enabled`, `buffer_size`\n"
		"(in events, as there), `syn_timeout`, `arp_timeout`, `correlation_window`, `interfaces` (a\n"
		"list of one, or empty for all), `enable_k8s_metadata` and `enable_policy_check` (both\n"
		"checked and without effect in this version).\n"
		"\n## Section `network-observer`\n\n"
		"A file may carry the section `network-observer` with the keys of `observe` above, and with\n"
		"`buffer_size` for `observe_buffer_size` and `max_connections` for\n"
		"`observe_max_connections`, as they are called there. `TAPIO_MOCK_MODE=true` is\n"
		"`CROSSCUT_MOCK_MODE=true`.\n");
}

/* ---- commands ------------------------------------------------------------------- */

static void commands_page(struct xc_buf *out)
{
	put_title("Commands", "commands", out);
	xc_buf_puts(out, "| command | what it does |\n|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(xc_cmds); i++) {
		xc_buf_printf(out, "| [`%s`](#crosscut-%s) ", xc_cmds[i]->name, xc_cmds[i]->name);
		xc_markdown_cell(xc_cmds[i]->text, out);
		xc_buf_puts(out, "|\n");
	}
	xc_buf_puts(out, "\n| exit status | meaning |\n|---|---|\n| 0 | fine |\n"
			 "| 1 | there was a finding that meets `--fail-on` |\n| 2 | wrong usage |\n"
			 "| 3 | this environment cannot: privilege, kernel, missing files |\n"
			 "| 4 | failed while running |\n");
	for (size_t i = 0; i < ARRAY_SIZE(xc_cmds); i++) {
		xc_buf_printf(out, "\n## crosscut %s\n\n```text\n", xc_cmds[i]->name);
		xc_help_cmd((enum xc_cmd_id)i, out);
		xc_buf_puts(out, "```\n");
	}
}

/* ---- patterns and probes -------------------------------------------------------- */

static void patterns_page(struct xc_buf *out)
{
	put_title("Patterns", "patterns", out);
	xc_buf_puts(
		out,
		"Every root cause crosscut can name. The id stands in the JSON field `pattern_id`.\n\n"
		"| id | name | layer | severity | cause | fix |\n|---|---|---|---|---|---|\n");
	for (const struct xc_pattern *const *p = xc_patterns; *p; p++) {
		xc_buf_printf(out, "| `%s` ", (*p)->id);
		xc_markdown_cell((*p)->name, out);
		xc_markdown_cell(xc_layer_str((*p)->layer), out);
		xc_markdown_cell(xc_severity_str((*p)->severity), out);
		xc_markdown_cell((*p)->cause, out);
		xc_markdown_cell((*p)->fix, out);
		xc_buf_puts(out, "|\n");
	}
}

static void probes_page(struct xc_buf *out)
{
	put_title("Probes", "probes", out);
	xc_buf_puts(
		out,
		"What is attached to the kernel. `crosscut doctor` attaches each of them for real and\n"
		"says what is missing.\n\n"
		"| probe | sees | needs | without it |\n|---|---|---|---|\n");
	for (const struct xc_probe *const *p = xc_probes; *p; p++) {
		xc_buf_printf(out, "| `%s` ", (*p)->name);
		xc_markdown_cell((*p)->text, out);
		xc_markdown_cell((*p)->needs, out);
		xc_markdown_cell((*p)->without, out);
		xc_buf_puts(out, "|\n");
	}
}

static void features_page(struct xc_buf *out)
{
	put_title("Features", "features", out);
	xc_columns_markdown(out);
}

/* ---- events --------------------------------------------------------------------- */

static void events_page(struct xc_buf *out)
{
	struct xc_event_key key;
	const char *group = "?";

	put_title("Events", "events", out);
	xc_buf_puts(
		out,
		"What `crosscut observe -o json` writes: one object a line, of one of these types:\n\n");
	for (int i = 0; i < _XC_NETEVENT_MAX; i++)
		xc_buf_printf(out, "%s`%s`", i ? ", " : "", xc_netevent_type_str(i));
	xc_buf_puts(
		out,
		".\n\nKeys of the network observer are kept to the letter; ours, marked +, stand "
		"beside them. Times that are\nnumbers are nanoseconds. Every event of a connection "
		"has the client as `src`, the server as `dst`.\n");
	for (size_t i = 0; xc_event_key(i, &key); i++) {
		if (strcmp(group, key.group))
			xc_buf_printf(out, "\n## %s\n\n| key | | what |\n|---|---|---|\n",
				      *key.group ? key.group : "Every event");
		group = key.group;
		xc_buf_printf(out, "| `%s` | %s ", key.name, key.is_ours ? "+" : "");
		xc_markdown_cell(key.text, out);
		xc_buf_puts(out, "|\n");
	}
}

static const struct {
	const char *name;
	void (*put)(struct xc_buf *out);
} pages[] = {
	{ "options", options_page }, { "commands", commands_page }, { "patterns", patterns_page },
	{ "probes", probes_page },   { "features", features_page }, { "events", events_page },
};

const char *const xc_help_pages[] = { "options",  "commands", "patterns", "probes",
				      "features", "events",   NULL };

_Static_assert(ARRAY_SIZE(xc_help_pages) == ARRAY_SIZE(pages) + 1, "every page has its name");

int xc_help_markdown(const char *page, struct xc_buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (!strcmp(page, pages[i].name)) {
			pages[i].put(out);
			return 0;
		}
	return -ENOENT;
}
