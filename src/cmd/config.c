/* SPDX-License-Identifier: Apache-2.0 */
/* config dump: what is in effect and where it came from. config check: is this file right? */
#include "base/log.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "core/options.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES (256 * 1024)

static const char *origin_str(enum xc_origin_level level)
{
	static const char *const names[] = { "default", "file", "environment", "flag" };

	return names[level];
}

static void put_origin(const struct xc_config *cfg, const struct xc_option *o, struct xc_buf *out)
{
	const struct xc_origin *from = xc_option_origin(cfg, o);

	if (from->level == XC_ORIGIN_FILE) {
		xc_buf_put_safe(out, cfg->file);
		xc_buf_printf(out, ":%u", from->line);
	} else {
		xc_buf_puts(out, origin_str(from->level));
	}
}

/* "max_cases: 2048" and its origin as a comment: a valid configuration file. */
static void put_text(const struct xc_config *cfg, const struct xc_option *o, struct xc_buf *out)
{
	size_t start = out->len;

	if (!xc_option_is_set(cfg, o))
		xc_buf_puts(out, "# ");
	xc_option_print_key(o, out);
	xc_buf_puts(out, ": ");
	if (xc_option_is_set(cfg, o))
		xc_option_print(cfg, o, out);
	else
		xc_buf_puts(out, o->unset);
	xc_buf_printf(out, "%*s # ", (int)(out->len - start < 32 ? 32 - (out->len - start) : 0),
		      "");
	put_origin(cfg, o, out);
	xc_buf_putc(out, '\n');
}

static void put_json(const struct xc_config *cfg, const struct xc_option *o, struct xc_buf *out)
{
	const struct xc_origin *from = xc_option_origin(cfg, o);
	struct xc_buf name = xc_buf(64), value = xc_buf(LINE_MAX_BYTES);
	struct xc_json j = xc_json(out);

	xc_option_print_key(o, &name);
	xc_json_open(&j, NULL, '{');
	xc_json_str(&j, "name", name.p);
	if (xc_option_is_set(cfg, o))
		xc_option_print(cfg, o, &value);
	xc_json_str(&j, "value", value.p);
	xc_json_str(&j, "origin", origin_str(from->level));
	xc_json_str(&j, "file", from->level == XC_ORIGIN_FILE ? cfg->file : NULL);
	if (from->level == XC_ORIGIN_FILE)
		xc_json_uint(&j, "line", from->line);
	else
		xc_json_null(&j, "line");
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
	xc_buf_done(&name);
	xc_buf_done(&value);
}

static int dump(const struct xc_config *cfg)
{
	struct xc_buf out = xc_buf(LINE_MAX_BYTES);

	for (size_t i = 0; i < xc_n_options; i++) {
		if (xc_options[i].where == XC_CLI_ONLY)
			continue;
		if (cfg->output == XC_OUTPUT_json)
			put_json(cfg, &xc_options[i], &out);
		else
			put_text(cfg, &xc_options[i], &out);
	}
	if (out.p)
		(void)fwrite(out.p, 1, out.len, stdout);
	xc_buf_done(&out);
	return out.is_full ? XC_EXIT_FAILED : XC_EXIT_OK;
}

static int check(const char *path)
{
	static struct xc_config cfg;
	char why[XC_WHY_LEN];

	xc_config_default(&cfg);
	if (!xc_config_read_file(&cfg, path, why)) {
		if (!xc_config_check(&cfg, why)) {
			(void)printf("%s: ok\n", path);
			return XC_EXIT_OK;
		}
		(void)fprintf(stderr, "%s: ", path);
	}
	(void)fprintf(stderr, "%s\n", why);	/* bare, so that editors find FILE:LINE */
	return XC_EXIT_USAGE;
}

static int config_run(const struct xc_config *cfg, int argc, char **argv)
{
	if (argc == 1 && !strcmp(argv[0], "dump"))
		return dump(cfg);
	if (argc == 2 && !strcmp(argv[0], "check"))
		return check(argv[1]);
	(void)xc_err(0, "config needs a word: dump, or check FILE");
	return XC_EXIT_USAGE;
}

const struct xc_cmd xc_cmd_config = {
	.name = "config",
	.usage = "dump [options] | check FILE",
	.text = "show the effective settings and where each came from, or check a file",
	.examples =
		"crosscut config dump                      # every setting and its origin\n"
		"crosscut config dump --grace 60ms -o json # the same for programs\n"
		"crosscut config check crosscut.yaml       # status 0, or FILE:LINE and what is wrong\n",
	.max_args = 2,
	.run = config_run,
};
