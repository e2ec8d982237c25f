/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file, the environment, and which of them wins. */
#include "xctest.h"

#include "core/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct xc_config cfg;
static char why[XC_WHY_LEN];

static int parse(const char *text)
{
	*why = '\0';
	xc_config_default(&cfg);
	return xc_config_parse(&cfg, "f.yaml", guard_copy(text, strlen(text)), strlen(text), why);
}

static enum xc_origin_level level_of(const char *name)
{
	return xc_option_origin(&cfg, xc_option_find(name, XC_ORIGIN_FILE))->level;
}

static void reads_top_level_keys(void **state)
{
	(void)state;
	assert_int_equal(parse("# a comment\n"
			       "duration: 90s\n"
			       "output: json\n"
			       "max_cases: 100\n"
			       "max-connections: 200\n"
			       "netns: [a, \"b c\"]\n"
			       "from:\n  - 10.0.0.0/8\n  - '!10.1.0.0/16'\n"
			       "port: 443\n"
			       "rules: off\n"
			       "stats: true\n"),
			 0);
	assert_int_equal(cfg.duration_ns, 90000000000);
	assert_int_equal(cfg.output, XC_OUTPUT_json);
	assert_int_equal(cfg.max_cases, 100);
	assert_int_equal(cfg.max_connections, 200);
	assert_int_equal(cfg.netns.n, 2);
	assert_string_equal(cfg.netns.v[1], "b c");
	assert_int_equal(cfg.n_filters, 3);
	assert_true(cfg.filters[1].is_not);
	assert_int_equal(cfg.filters[2].port_he, 443);
	assert_false(cfg.with_rules);
	assert_true(cfg.with_stats);
	assert_int_equal(level_of("duration"), XC_ORIGIN_FILE);
	assert_int_equal(xc_option_origin(&cfg, xc_option_find("max_cases", XC_ORIGIN_FILE))->line,
			 4);
	assert_int_equal(level_of("grace"), XC_ORIGIN_DEFAULT);
}

static void reads_the_section_of_the_network_correlator(void **state)
{
	(void)state;
	assert_int_equal(parse("network-correlator:\n"
			       "  enabled: true\n"
			       "  buffer_size: 10000\n"
			       "  syn_timeout: 6s\n"
			       "  arp_timeout: 2s\n"
			       "  correlation_window: 20s\n"
			       "  interfaces: []\n"
			       "  enable_k8s_metadata: true\n"
			       "  enable_policy_check: true\n"),
			 0);
	assert_true(cfg.is_enabled);
	assert_int_equal(cfg.buffer_bytes, 4 << 20);	/* 10000 events */
	assert_int_equal(cfg.syn_timeout_ns, 6000000000);
	assert_int_equal(cfg.arp_timeout_ns, 2000000000);
	assert_int_equal(cfg.correlation_window_ns, 20000000000);
	assert_string_equal(cfg.iface, "");
	assert_int_equal(parse("network-correlator:\n  enabled: false\n  interfaces: [eth0]\n"), 0);
	assert_false(cfg.is_enabled);
	assert_string_equal(cfg.iface, "eth0");
}

static void nothing_is_a_valid_file(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment\n", "---\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (parse(texts[i]))
			fail_msg("'%s': %s", texts[i], why);
}

static void tells_line_and_what_to_do(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "grace: 5ms\n", "f.yaml:1: grace: '5ms' is out of range; give 10ms to 500ms" },
		{ "\n\ngrace: []\n", "f.yaml:3: grace takes one value; write grace: 40ms" },
		{ "grce: 40ms\n", "f.yaml:1: unknown key 'grce'; did you mean grace?" },
		{ "zzzz: 1\n",
		  "f.yaml:1: unknown key 'zzzz'; crosscut config dump shows them all" },
		{ "read: x\n", "f.yaml:1: read is for the command line only; remove it" },
		{ "grace: 40ms\nstats: on\ngrace: 50ms\n",
		  "f.yaml:3: grace is given twice, first on line 1; leave one out" },
		{ "netns:\n  - a\n  - [b]\n",
		  "f.yaml:3: netns takes one value; write netns: VALUE" },
		{ "netns:\n  - a\n  - ''\n",
		  "f.yaml:3: netns: '' is empty; give a value or leave it out" },
		{ "to: [10.0.0.1, nowhere]\n",
		  "f.yaml:1: to: 'nowhere' is no address; write 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443, "
		  "2001:db8::/32, [2001:db8::1]:443 or :443" },
		{ "- a\n- b\n", "f.yaml:1: no key; write lines such as duration: 60s" },
		{ "hello\n", "f.yaml:1: no key; write lines such as duration: 60s" },
		{ "network-correlator: on\n",
		  "f.yaml:1: network-correlator is a section; indent its keys below" },
		{ "network-correlator:\n  interfaces: eth0\n",
		  "f.yaml:2: interfaces is a list; write [] for all or [eth0]" },
		{ "network-correlator:\n  interfaces: [a, b]\n",
		  "f.yaml:2: crosscut watches all interfaces or one; leave one in the list" },
		{ "network-correlator:\n  buffer_size: 0\n",
		  "f.yaml:2: buffer_size counts events here; give 1 to 671088" },
		{ "network-correlator:\n  enable_k8s_metadata: perhaps\n",
		  "f.yaml:2: 'perhaps' is neither true nor false" },
		{ "network-correlator:\n  network-correlator:\n    enabled: on\n",
		  "f.yaml:2: unknown key 'network-correlator'; crosscut config dump shows them all" },
		{ "a: [1\n",
		  "f.yaml:2: no YAML: did not find expected ',' or ']'; mend this line" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(rows[i].text, parse(rows[i].text) == -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
}

/* Whatever is cut off at whatever place: an answer, and never a byte read too many. */
static void every_prefix_is_survived(void **state)
{
	static const char text[] =
		"network-correlator: {enabled: on, interfaces: [eth0]}\n"
		"netns: [\"a\\u00e4\", &x b, *x]\nfrom: ['!10.0.0.0/8']\ngrace: 40ms\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		xc_config_default(&cfg);
		*why = '\0';
		if (xc_config_parse(&cfg, "f.yaml", guard_copy(text, n), n, why))
			assert_true(!strncmp(why, "f.yaml:", 7));
	}
}

static void file_that_cannot_be_read(void **state)
{
	(void)state;
	xc_config_default(&cfg);
	assert_int_equal(xc_config_read_file(&cfg, "/nonexistent/x", why), -EINVAL);
	assert_string_equal(why, "/nonexistent/x: No such file or directory; name a readable "
				 "configuration file");
	assert_int_equal(xc_config_read_file(&cfg, "/tmp", why), -EINVAL);
	assert_string_equal(why, "/tmp: is a directory; name a readable configuration file");
	assert_int_equal(xc_config_read_file(&cfg, "/dev/zero", why), -EINVAL);
	assert_string_equal(why,
			    "/dev/zero: is larger than 1 MiB; name a readable configuration file");
}

/* ---- precedence ----------------------------------------------------------------- */

static char path[] = "/tmp/crosscut-test-XXXXXX";

static int make_file(void **state)
{
	static const char text[] = "grace: 20ms\ncolor: always\nnetns: [file1, file2]\n"
				   "from: [10.1.0.0/16]\nto: [10.2.0.0/16]\n";
	_cleanup_close_ int fd = mkstemp(path);

	(void)state;
	return fd < 0 || write(fd, text, sizeof(text) - 1) != sizeof(text) - 1;
}

static int remove_file(void **state)
{
	(void)state;
	(void)unsetenv("CROSSCUT_CONFIG");
	return unlink(path);
}

static int load(char **argv, int argc)
{
	struct xc_config_result res = { 0 };
	int r = xc_config_load(&cfg, XC_CMD_why, argc, argv, &res);

	memcpy(why, res.why, sizeof(why));
	return r;
}

static void flag_over_environment_over_file_over_default(void **state)
{
	char *argv[] = { (char *)"why",	    (char *)"--config", path,
			 (char *)"--grace", (char *)"60ms",	NULL };

	(void)state;
	assert_int_equal(load(argv, 1), 0);
	assert_int_equal(cfg.grace_ns, 40000000);
	assert_int_equal(load(argv, 3), 0);
	assert_int_equal(cfg.grace_ns, 20000000);
	assert_int_equal(level_of("grace"), XC_ORIGIN_FILE);
	assert_string_equal(cfg.file, path);
	(void)setenv("CROSSCUT_GRACE", "30ms", 1);
	assert_int_equal(load(argv, 3), 0);
	assert_int_equal(cfg.grace_ns, 30000000);
	assert_int_equal(level_of("grace"), XC_ORIGIN_ENV);
	assert_int_equal(load(argv, 5), 0);
	assert_int_equal(cfg.grace_ns, 60000000);
	assert_int_equal(level_of("grace"), XC_ORIGIN_FLAG);
	(void)setenv("CROSSCUT_GRACE", "", 1);	/* empty counts as not set */
	assert_int_equal(load(argv, 3), 0);
	assert_int_equal(cfg.grace_ns, 20000000);
	(void)unsetenv("CROSSCUT_GRACE");
}

static void a_list_replaces_the_list_of_lower_origin(void **state)
{
	char *argv[] = {
		(char *)"why",	(char *)"--config",    path, (char *)"--netns", (char *)"flag1",
		(char *)"--to", (char *)"10.3.0.0/16", NULL
	};

	(void)state;
	assert_int_equal(load(argv, 3), 0);
	assert_int_equal(cfg.netns.n, 2);
	(void)setenv("CROSSCUT_NETNS", "env1,env2,env3", 1);
	assert_int_equal(load(argv, 3), 0);
	assert_int_equal(cfg.netns.n, 3);
	assert_string_equal(cfg.netns.v[2], "env3");
	assert_int_equal(load(argv, 7), 0);
	assert_int_equal(cfg.netns.n, 1);
	assert_string_equal(cfg.netns.v[0], "flag1");
	assert_int_equal(cfg.n_filters, 2);	/* --to replaced "to", and left "from" alone */
	assert_string_equal(cfg.filters[0].text, "10.1.0.0/16");
	assert_string_equal(cfg.filters[1].text, "10.3.0.0/16");
	(void)unsetenv("CROSSCUT_NETNS");
}

static void environment_names_the_file_and_the_variable_at_fault(void **state)
{
	char *argv[] = { (char *)"why", NULL };

	(void)state;
	(void)setenv("CROSSCUT_CONFIG", path, 1);
	assert_int_equal(load(argv, 1), 0);
	assert_int_equal(cfg.grace_ns, 20000000);
	(void)unsetenv("CROSSCUT_CONFIG");
	(void)setenv("CROSSCUT_MAX_CASES", "many", 1);
	assert_int_equal(load(argv, 1), -EINVAL);
	assert_string_equal(why, "CROSSCUT_MAX_CASES: 'many' is no number; write digits only");
	(void)unsetenv("CROSSCUT_MAX_CASES");
	(void)setenv("CROSSCUT_READ", "x", 1);	/* for the command line only: not looked at */
	assert_int_equal(load(argv, 1), 0);
	assert_string_equal(cfg.read, "");
	(void)unsetenv("CROSSCUT_READ");
}

static void no_color(void **state)
{
	char *argv[] = { (char *)"why", (char *)"--color", (char *)"always", NULL };

	(void)state;
	(void)setenv("NO_COLOR", "1", 1);
	assert_int_equal(load(argv, 1), 0);
	assert_int_equal(cfg.color, XC_COLOR_NEVER);
	(void)setenv("CROSSCUT_COLOR", "always", 1);
	assert_int_equal(load(argv, 1), 0);
	assert_int_equal(cfg.color, XC_COLOR_ALWAYS);
	(void)unsetenv("CROSSCUT_COLOR");
	assert_int_equal(load(argv, 3), 0);
	assert_true(xc_color_wanted(&cfg, -1));
	(void)unsetenv("NO_COLOR");
	assert_int_equal(load(argv, 1), 0);
	assert_false(xc_color_wanted(&cfg, -1));	/* auto, and no terminal */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_top_level_keys),
		cmocka_unit_test(reads_the_section_of_the_network_correlator),
		cmocka_unit_test(nothing_is_a_valid_file),
		cmocka_unit_test(tells_line_and_what_to_do),
		cmocka_unit_test(every_prefix_is_survived),
		cmocka_unit_test(file_that_cannot_be_read),
		cmocka_unit_test(flag_over_environment_over_file_over_default),
		cmocka_unit_test(a_list_replaces_the_list_of_lower_origin),
		cmocka_unit_test(environment_names_the_file_and_the_variable_at_fault),
		cmocka_unit_test(no_color),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
