/* SPDX-License-Identifier: Apache-2.0 */
/* getopt_long() driven by the option table. */
#include "core/cli.h"

#include "base/scope.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define LONG_BASE 256	/* getopt value of row 0; below are letters */

/* The two tables getopt_long() wants. */
struct tables {
	struct option longs[XC_OPTIONS_MAX + 1];
	char letters[2 * XC_OPTIONS_MAX + 2];
};

static bool takes_value(const struct xc_option *o)
{
	return o->type != XC_OPT_FLAG && o->type != XC_OPT_NOT && o->type != XC_OPT_HELP;
}

static void make_tables(enum xc_cmd_id cmd, struct tables *t)
{
	size_t n = 0, len = 0;

	t->letters[len++] = ':';	/* tell "value missing" from "unknown" */
	for (size_t i = 0; i < xc_n_options; i++) {
		const struct xc_option *o = &xc_options[i];

		if (!(o->cmds & 1u << cmd) || o->where == XC_NOT_CLI)
			continue;
		t->longs[n++] = (struct option){
			.name = o->name,
			.has_arg = takes_value(o) ? required_argument : no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (!o->letter)
			continue;
		t->letters[len++] = o->letter;
		if (takes_value(o))
			t->letters[len++] = ':';
	}
	t->longs[n] = (struct option){ 0 };
	t->letters[len] = '\0';
}

static const struct xc_option *row_of(enum xc_cmd_id cmd, int val)
{
	if (val >= LONG_BASE)
		return &xc_options[val - LONG_BASE];
	for (size_t i = 0; i < xc_n_options; i++)
		if (xc_options[i].letter == val && xc_options[i].cmds & 1u << cmd)
			return &xc_options[i];
	return NULL;
}

/* The word that getopt refused, without its value. */
static void refused(char **argv, char *out, size_t size)
{
	const char *word = argv[optind - 1];

	if (optopt && optopt < LONG_BASE)
		(void)snprintf(out, size, "-%c", optopt);
	else
		(void)snprintf(out, size, "%.*s", (int)strcspn(word, "="), word);
}

static int unknown(enum xc_cmd_id cmd, char **argv, char *why)
{
	const struct xc_option *elsewhere;
	const char *guess = NULL;
	char word[64];

	if (optopt >= LONG_BASE) {
		(void)snprintf(why, XC_WHY_LEN, "--%s takes no value; write it alone",
			       xc_options[optopt - LONG_BASE].name);
		return -EINVAL;
	}
	refused(argv, word, sizeof(word));
	elsewhere = strncmp(word, "--", 2) ? NULL : xc_option_find(word + 2, XC_ORIGIN_FLAG);
	if (!elsewhere && !strncmp(word, "--", 2))
		guess = xc_option_guess(word + 2, 1u << cmd, XC_ORIGIN_FLAG);
	if (elsewhere)
		(void)snprintf(why, XC_WHY_LEN, "%s is no option of %s; see crosscut help %s", word,
			       argv[0], argv[0]);
	else if (guess)
		(void)snprintf(why, XC_WHY_LEN, "unknown option %s; did you mean --%s?", word,
			       guess);
	else
		(void)snprintf(why, XC_WHY_LEN, "unknown option %s; see crosscut help %s", word,
			       argv[0]);
	return -EINVAL;
}

static int missing_value(enum xc_cmd_id cmd, char *why)
{
	const struct xc_option *o = row_of(cmd, optopt);

	(void)snprintf(why, XC_WHY_LEN, "--%s needs a value; write --%s %s", o ? o->name : "?",
		       o ? o->name : "?", o ? o->arg : "VALUE");
	return -EINVAL;
}

static bool may_repeat(const struct xc_option *o)
{
	return o->type == XC_OPT_LIST || xc_option_is_filter(o) || o->type == XC_OPT_NOT;
}

static int take(struct xc_cli *cli, const struct xc_given *given, char *why)
{
	if (cli->n == XC_GIVEN_MAX) {
		(void)snprintf(why, XC_WHY_LEN, "too many options; use a file and --config");
		return -EINVAL;
	}
	for (size_t i = 0; i < cli->n && !may_repeat(given->o); i++)
		if (cli->v[i].o == given->o) {
			(void)snprintf(why, XC_WHY_LEN, "--%s is given twice; leave one out",
				       given->o->name);
			return -EINVAL;
		}
	cli->v[cli->n++] = *given;
	return 0;
}

static int stray_not(char *why)
{
	(void)snprintf(why, XC_WHY_LEN,
		       "--not negates the option behind it; "
		       "write --not --from, --not --to, --not --ip or --not --port");
	return -EINVAL;
}

int xc_cli_read(enum xc_cmd_id cmd, int argc, char **argv, struct xc_cli *cli, char *why)
{
	struct tables t = { 0 };
	bool is_not = false;
	int c, r;

	*cli = (struct xc_cli){ 0 };
	make_tables(cmd, &t);
	opterr = 0;
	optind = 0;	/* glibc: start afresh, whatever an earlier call did */
	while ((c = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
		struct xc_given given = { .o = row_of(cmd, c), .value = optarg, .is_not = is_not };

		if (c == ':')
			return missing_value(cmd, why);
		if (c == '?' || !given.o)
			return unknown(cmd, argv, why);
		if (is_not && !xc_option_is_filter(given.o))
			return stray_not(why);
		is_not = given.o->type == XC_OPT_NOT;
		if (given.o->type == XC_OPT_HELP)
			cli->wants_help = true;
		if (is_not || given.o->type == XC_OPT_HELP)
			continue;
		r = take(cli, &given, why);
		if (r)
			return r;
	}
	if (is_not)
		return stray_not(why);
	cli->first_arg = optind;
	return 0;
}
