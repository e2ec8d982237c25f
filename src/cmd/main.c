/* SPDX-License-Identifier: Apache-2.0 */
/* The way in: which command, with which configuration, and what the process returns. */
#include "base/log.h"
#include "cmd/cmd.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HELP_MAX (256 * 1024)

/* Everything printed arrived, or the status says it did not. */
static int flushed(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		(void)xc_err(-errno, "cannot write the results to stdout");
		return XC_EXIT_FAILED;
	}
	return status;
}

static int print(struct xc_buf *b)
{
	if (b->p && !b->is_full)
		(void)fwrite(b->p, 1, b->len, stdout);
	return b->is_full ? XC_EXIT_FAILED : XC_EXIT_OK;
}

static int unknown_cmd(const char *name)
{
	(void)xc_err(0, "no command '%.40s'; crosscut help shows them all", name);
	return XC_EXIT_USAGE;
}

/* help [--markdown PAGE | COMMAND] */
static int help(int argc, char **argv)
{
	struct xc_buf out = xc_buf(HELP_MAX);
	enum xc_cmd_id id;
	int r;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		xc_help_all(&out);
	} else if (!strcmp(argv[1], "--markdown")) {
		if (argc != 3 || xc_help_markdown(argv[2], &out)) {
			(void)xc_err(
				0,
				"help --markdown needs a page: options, commands, patterns, probes, features or events");
			return XC_EXIT_USAGE;
		}
	} else if (argc > 2 || !xc_cmd_find(argv[1], &id)) {
		return unknown_cmd(argv[argc > 2 ? 2 : 1]);
	} else {
		xc_help_cmd(id, &out);
	}
	r = print(&out);
	xc_buf_done(&out);
	return r;
}

static int help_of(enum xc_cmd_id id)
{
	struct xc_buf out = xc_buf(HELP_MAX);
	int r;

	xc_help_cmd(id, &out);
	r = print(&out);
	xc_buf_done(&out);
	return r;
}

static void set_log_level(const struct xc_config *cfg)
{
	if (cfg->is_quiet)
		xc_log_set_level(XC_LOG_ERR);
	else if (cfg->is_verbose)
		xc_log_set_level(XC_LOG_DEBUG);
}

static int exit_status(int r)
{
	if (r >= 0)
		return r;
	return r == -EPERM || r == -EACCES || r == -EOPNOTSUPP ? XC_EXIT_CANNOT : XC_EXIT_FAILED;
}

static int run(const struct xc_cmd *cmd, enum xc_cmd_id id, int argc, char **argv)
{
	static struct xc_config cfg;	/* too large for the stack; one per process */
	struct xc_config_result found;
	int r;

	if (cmd->is_raw) {
		bool wants_help =
			argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));

		xc_config_default(&cfg);
		return wants_help ? help_of(id) : exit_status(cmd->run(&cfg, argc - 1, argv + 1));
	}
	r = xc_config_load(&cfg, id, argc, argv, &found);
	if (r == XC_CONFIG_HELP)
		return help_of(id);
	if (r) {
		(void)xc_err(0, "%s", found.why);
		return XC_EXIT_USAGE;
	}
	if (argc - found.first_arg > cmd->max_args) {
		(void)xc_err(0, "unexpected argument '%.100s'; see crosscut help %s",
			     argv[found.first_arg + cmd->max_args], cmd->name);
		return XC_EXIT_USAGE;
	}
	set_log_level(&cfg);
	if (!cfg.is_enabled && (id == XC_CMD_why || id == XC_CMD_record)) {
		xc_info("switched off by the configuration (enabled: off)");
		return XC_EXIT_OK;
	}
	return exit_status(cmd->run(&cfg, argc - found.first_arg, argv + found.first_arg));
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";
	const struct xc_cmd *cmd;
	enum xc_cmd_id id;

	if (!strcmp(name, "--version")) {
		puts("crosscut " XC_VERSION);
		return flushed(XC_EXIT_OK);
	}
	if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"))
		return flushed(help(argc - 1, argv + 1));
	cmd = xc_cmd_find(name, &id);
	if (!cmd)
		return unknown_cmd(name);
	return flushed(run(cmd, id, argc - 1, argv + 1));
}
