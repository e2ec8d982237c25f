/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the configuration together: defaults, file, environment, command line. */
#include "core/config.h"

#include "base/scope.h"
#include "core/cli.h"
#include "core/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

size_t xc_words_list(const struct xc_words *w, const char *ret_list[XC_WORDS_MAX])
{
	for (size_t i = 0; i < w->n; i++)
		ret_list[i] = w->v[i];
	return w->n;
}

bool xc_color_wanted(const struct xc_config *cfg, int fd)
{
	const char *term = getenv("TERM");

	if (cfg->color != XC_COLOR_AUTO)
		return cfg->color == XC_COLOR_ALWAYS;
	return isatty(fd) && !(term && !strcmp(term, "dumb"));
}

void xc_config_default(struct xc_config *cfg)
{
	const struct xc_origin origin = { XC_ORIGIN_DEFAULT, 0 };
	char why[XC_WHY_LEN];

	memset(cfg, 0, sizeof(*cfg));
	for (size_t i = 0; i < xc_n_options; i++)
		if (xc_options[i].preset)
			(void)xc_option_set(cfg, &xc_options[i], xc_options[i].preset, origin, why);
}

/* Put "@subject: " before what is in @why. */
static int blame(char *why, const char *subject)
{
	char what[XC_WHY_LEN];

	memcpy(what, why, sizeof(what));
	(void)snprintf(why, XC_WHY_LEN, "%.80s: %.400s", subject, what);
	return -EINVAL;
}

/* ---- environment ---------------------------------------------------------------- */

/* One value; lists are separated by commas. */
static int set_from_env(struct xc_config *cfg, const struct xc_option *o, const char *value,
			char *why)
{
	const struct xc_origin origin = { XC_ORIGIN_ENV, 0 };
	bool is_list = o->type == XC_OPT_LIST || xc_option_is_filter(o);
	char item[XC_PATH_LEN];
	int r;

	if (!is_list)
		return xc_option_set(cfg, o, value, origin, why);
	if (!xc_option_claim(cfg, o, origin))
		return 0;
	while (*value) {
		size_t len = strcspn(value, ",");

		(void)snprintf(item, sizeof(item), "%.*s", (int)(len < sizeof(item) ? len : 0),
			       value);
		r = xc_option_set(cfg, o, item, origin, why);
		if (r)
			return r;
		value += len + (value[len] == ',');
	}
	return 0;
}

static bool is_true(const char *value)
{
	return value && !strcmp(value, "true");
}

static int read_env(struct xc_config *cfg, char *why)
{
	const struct xc_origin origin = { XC_ORIGIN_ENV, 0 };
	const char *no_color = getenv("NO_COLOR");
	int r;

	if (no_color && *no_color)	/* no-color.org: any value that is not empty */
		(void)xc_option_set(cfg, xc_option_find("color", XC_ORIGIN_ENV), "never", origin,
				    why);
	if (is_true(getenv("TAPIO_MOCK_MODE")))	/* what the network observer calls it */
		(void)xc_option_set(cfg, xc_option_find("mock-mode", XC_ORIGIN_ENV), "on", origin,
				    why);
	for (size_t i = 0; i < xc_n_options; i++) {
		const struct xc_option *o = &xc_options[i];
		struct xc_buf name = xc_buf(64);
		const char *value = NULL;

		xc_option_print_env(o, &name);
		if (o->where != XC_CLI_ONLY && name.p)
			value = getenv(name.p);
		r = value && *value ? set_from_env(cfg, o, value, why) : 0;
		if (r)
			(void)blame(why, name.p);
		xc_buf_done(&name);
		if (r)
			return r;
	}
	return 0;
}

/* ---- command line --------------------------------------------------------------- */

static int set_from_cli(struct xc_config *cfg, const struct xc_given *given, char *why)
{
	const struct xc_origin origin = { XC_ORIGIN_FLAG, 0 };
	const char *value = given->o->type == XC_OPT_FLAG ? "on" : given->value;
	char subject[64];
	int r;

	r = xc_option_set(cfg, given->o, value, origin, why);
	if (r) {
		(void)snprintf(subject, sizeof(subject), "--%s", given->o->name);
		return blame(why, subject);
	}
	if (given->is_not)	/* --not --from '!x' is --from x */
		xc_option_negate(cfg, given->o);
	return 0;
}

static bool is_flag(const struct xc_config *cfg, enum xc_cmd_id cmd, const char *name)
{
	const struct xc_option *o = xc_option_of_cmd(name, cmd);

	return o && xc_option_origin(cfg, o)->level == XC_ORIGIN_FLAG;
}

int xc_config_check(const struct xc_config *cfg, char *why)
{
	const struct xc_observe_config *o = &cfg->observe;

	if (!o->with_ipv4 && !o->with_ipv6) {
		(void)snprintf(why, XC_WHY_LEN,
			       "enable_ipv4 and enable_ipv6 are both off; leave one on");
		return -EINVAL;
	}
	if (!o->with_tcp && !o->with_udp && !o->with_icmp) {
		(void)snprintf(why, XC_WHY_LEN,
			       "enable_tcp, enable_udp and enable_icmp are all off; leave one on");
		return -EINVAL;
	}
	return 0;
}

/* What no single row can see. */
static int check_together(const struct xc_config *cfg, enum xc_cmd_id cmd, char *why)
{
	static const char *const live_only[] = { "netns", "cgroup", "iface", "pid" };

	if (xc_config_check(cfg, why))
		return -EINVAL;
	if (cfg->is_quiet && cfg->is_verbose) {
		(void)snprintf(why, XC_WHY_LEN,
			       "--quiet and --verbose exclude each other; leave one out");
		return -EINVAL;
	}
	if (cmd == XC_CMD_record && !*cfg->record_to) {
		(void)snprintf(why, XC_WHY_LEN, "record needs a file; write --output FILE");
		return -EINVAL;
	}
	for (size_t i = 0; *cfg->read && i < ARRAY_SIZE(live_only); i++)
		if (is_flag(cfg, cmd, live_only[i])) {
			(void)snprintf(
				why, XC_WHY_LEN,
				"--%s has no meaning with --read: a recording keeps the scope it "
				"was made with; leave it out",
				live_only[i]);
			return -EINVAL;
		}
	return 0;
}

static const char *file_named(const struct xc_cli *cli)
{
	const char *env = getenv("CROSSCUT_CONFIG");

	for (size_t i = 0; i < cli->n; i++)
		if (!strcmp(cli->v[i].o->name, "config"))
			return cli->v[i].value;
	return env && *env ? env : NULL;
}

int xc_config_load(struct xc_config *cfg, enum xc_cmd_id cmd, int argc, char **argv,
		   struct xc_config_result *ret)
{
	struct xc_cli cli;
	const char *file;
	int r;

	xc_config_default(cfg);
	r = xc_cli_read(cmd, argc, argv, &cli, ret->why);
	if (r)
		return r;
	if (cli.wants_help)
		return XC_CONFIG_HELP;
	ret->first_arg = cli.first_arg;
	file = file_named(&cli);
	if (file) {
		r = xc_config_read_file(cfg, file, ret->why);
		if (r)
			return r;
		(void)snprintf(cfg->file, sizeof(cfg->file), "%s", file);
	}
	r = read_env(cfg, ret->why);
	if (r)
		return r;
	for (size_t i = 0; i < cli.n; i++) {
		r = set_from_cli(cfg, &cli.v[i], ret->why);
		if (r)
			return r;
	}
	return check_together(cfg, cmd, ret->why);
}
