/* SPDX-License-Identifier: Apache-2.0 */
/* lab: hands over to lab/lab.py, which finds this very binary in $CROSSCUT. */
#include "base/log.h"
#include "base/scope.h"
#include "cmd/cmd.h"
#include "version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* What the lab imports is packaged for the distribution's Python; another one may come first in PATH. */
#define PYTHON "/usr/bin/python3"
#define ARGS_MAX 64

static int own_binary(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n < 0)
		return xc_err(-errno, "lab: /proc/self/exe");
	path[n] = '\0';
	return 0;
}

static bool has_lab(const char *dir, char script[PATH_MAX])
{
	int n = snprintf(script, PATH_MAX, "%s/lab.py", dir);

	return n > 0 && n < PATH_MAX && !access(script, R_OK);
}

/* $CROSSCUT_LAB, else beside the build directory of a source tree, else where it is installed. */
static int find_script(const char *binary, char script[PATH_MAX])
{
	const char *env = getenv("CROSSCUT_LAB");
	char dir[PATH_MAX];
	const char *slash = strrchr(binary, '/');

	if (env && *env) {
		if (has_lab(env, script))
			return 0;
		return xc_err(-ENOENT, "lab: no lab.py in CROSSCUT_LAB=%s", env);
	}
	(void)snprintf(dir, sizeof(dir), "%.*s/../lab", (int)(slash - binary), binary);
	if (has_lab(dir, script) || has_lab(XC_DATADIR "/lab", script))
		return 0;
	return xc_err(-ENOENT,
		      "lab: no lab.py in %s or " XC_DATADIR "/lab; set CROSSCUT_LAB to its "
		      "directory",
		      dir);
}

static int lab_run(const struct xc_config *cfg, int argc, char **argv)
{
	char binary[PATH_MAX], script[PATH_MAX];
	char *args[ARGS_MAX + 3] = { (char *)PYTHON, script };

	(void)cfg;
	if (argc > ARGS_MAX) {
		(void)xc_err(0, "lab: more than %d arguments; use a glob such as 'drop-*'",
			     ARGS_MAX);
		return XC_EXIT_USAGE;
	}
	if (own_binary(binary) || find_script(binary, script))
		return XC_EXIT_CANNOT;
	if (argc)
		memcpy(args + 2, argv, sizeof(*args) * (size_t)argc);
	else
		args[2] = (char *)"--help";
	if (setenv("CROSSCUT", binary, 1))
		return xc_err(-errno, "lab: setenv");
	(void)execv(PYTHON, args);
	args[0] = (char *)"python3";
	(void)execvp(args[0], args);
	(void)xc_err(-errno, "lab: cannot run python3; install it (Debian: apt install python3)");
	return XC_EXIT_CANNOT;
}

const struct xc_cmd xc_cmd_lab = {
	.name = "lab",
	.usage = "list | run NAME ... | shell NAME | record NAME FILE | dataset | rules | clean",
	.text = "a laboratory of network faults with known causes, in network namespaces (needs root)",
	.examples =
		"crosscut lab list                # every fault and its true cause\n"
		"crosscut lab run refused         # make it happen and compare the verdict with the truth\n"
		"crosscut lab run 'drop-*'        # all whose name begins so\n"
		"crosscut lab shell drop-forward  # look around while the fault is active\n"
		"crosscut lab dataset --out rows  # a data set with the labels of crosscut features\n"
		"crosscut lab rules               # how often the rules behind those labels are right\n",
	.is_raw = true,
	.run = lab_run,
};
