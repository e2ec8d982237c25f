/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a list of rows and values, in the order given. Nothing is set yet. */
#pragma once

#include "core/options.h"

#define XC_GIVEN_MAX 256

struct xc_given {
	const struct xc_option *o;
	const char *value;	/* borrowed from argv */
	bool is_not;
};

struct xc_cli {
	struct xc_given v[XC_GIVEN_MAX];
	size_t n;
	bool wants_help;
	int first_arg;	/* index of the first argument that is no option */
};

/**
 * Read the options of @cmd with getopt_long(), whose globals are reset.
 * @why: XC_WHY_LEN bytes, filled on error
 * Return: 0 or -EINVAL.
 */
int xc_cli_read(enum xc_cmd_id cmd, int argc, char **argv, struct xc_cli *cli, char *why);
