/* SPDX-License-Identifier: Apache-2.0 */
/* The option table itself, the values of its rows, and the command line. */
#include "xctest.h"

#include "cmd/cmd.h"
#include "core/cli.h"
#include "core/options.h"

#include <errno.h>
#include <stdio.h>

#define ARGS_MAX 32

static struct xc_config cfg;
static struct xc_config_result res;

/* Split @line at blanks into argv (no quoting) and load it. */
static int load_line(enum xc_cmd_id cmd, const char *line)
{
	static char words[4096];
	char *argv[ARGS_MAX + 1], *save = NULL;
	int argc = 0;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	memset(&res, 0, sizeof(res));
	return xc_config_load(&cfg, cmd, argc, argv, &res);
}

/* ---- the table ------------------------------------------------------------------ */

static void every_row_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < xc_n_options; i++) {
		const struct xc_option *o = &xc_options[i];
		bool is_alone =
			o->type == XC_OPT_FLAG || o->type == XC_OPT_NOT || o->type == XC_OPT_HELP;

		assert_row(o->name, o->text && o->group && *o->text);
		assert_row(o->name, is_alone == !o->arg);
		assert_row(o->name, is_alone || o->preset || o->unset);
		assert_row(o->name, o->cmds || o->where == XC_NOT_CLI);
		assert_row(o->name, o->type != XC_OPT_CHOICE || o->choices);
		assert_row(o->name, o->text[strlen(o->text) - 1] != '.');
	}
}

static void no_name_or_letter_is_used_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < xc_n_options; i++)
		for (size_t j = 0; j < i; j++) {
			const struct xc_option *a = &xc_options[i], *b = &xc_options[j];

			if (a->cmds & b->cmds) {
				assert_row(a->name, strcmp(a->name, b->name) != 0);
				assert_row(a->name, !a->letter || a->letter != b->letter);
			}
			if (a->where != XC_CLI_ONLY && b->where != XC_CLI_ONLY)
				assert_row(a->name, strcmp(a->name, b->name) != 0);
		}
}

static void every_default_is_allowed_and_prints_as_written(void **state)
{
	struct xc_config c;
	char why[XC_WHY_LEN], quoted[64];	/* text prints as JSON */

	(void)state;
	xc_config_default(&c);
	for (size_t i = 0; i < xc_n_options; i++) {
		const struct xc_option *o = &xc_options[i];
		struct xc_buf b = xc_buf(256);

		if (!o->preset)
			continue;
		if (xc_option_set(&c, o, o->preset, (struct xc_origin){ XC_ORIGIN_FLAG, 0 }, why))
			fail_msg("%s: %s", o->name, why);
		xc_option_print(&c, o, &b);
		(void)snprintf(quoted, sizeof(quoted), "\"%s\"", o->preset);
		assert_string_equal(b.p, o->type == XC_OPT_TEXT ? quoted : o->preset);
		xc_buf_done(&b);
	}
}

static void defaults_are_the_documented_ones(void **state)
{
	(void)state;
	xc_config_default(&cfg);
	assert_int_equal(cfg.grace_ns, 40000000);
	assert_int_equal(cfg.correlation_window_ns, 30000000000);
	assert_int_equal(cfg.syn_timeout_ns, 5000000000);
	assert_int_equal(cfg.arp_timeout_ns, 1000000000);
	assert_int_equal(cfg.buffer_bytes, 4 << 20);
	assert_int_equal(cfg.max_cases, 1024);
	assert_int_equal(cfg.max_connections, 16384);
	assert_true(cfg.with_rules && cfg.drops_privileges && cfg.is_enabled);
	assert_false(cfg.with_trace_rule || cfg.is_quiet || cfg.is_verbose || cfg.with_stats);
	assert_int_equal(cfg.netns.n + cfg.n_filters + cfg.pid + cfg.count + cfg.duration_ns, 0);
	assert_int_equal(cfg.window_ns, 5000000000);
	assert_int_equal(cfg.features_duration_ns, 60000000000);
	assert_int_equal(cfg.output_interval_ns, 10000000000);
	assert_int_equal(cfg.label, 0);
	assert_string_equal(cfg.columns, "default");
	assert_int_equal(cfg.missing, XC_MISSING_ZERO);
	assert_int_equal(cfg.row_output, XC_ROWS_CSV);
}

/* ---- values --------------------------------------------------------------------- */

static void reads_values(void **state)
{
	static const struct {
		const char *name, *value, *printed;	/* printed NULL = refused */
	} rows[] = {
		{ "duration", "300ms", "300ms" },
		{ "duration", "5s", "5s" },
		{ "duration", "5", "5s" },
		{ "duration", "1.5s", "1500ms" },
		{ "duration", "2m", "2m" },
		{ "duration", "90s", "90s" },
		{ "duration", "120s", "2m" },
		{ "duration", "1h", "1h" },
		{ "duration", "0.0015s", "1500us" },
		{ "duration", "1000us", "1ms" },
		{ "duration", "", NULL },
		{ "duration", "s", NULL },
		{ "duration", "5x", NULL },
		{ "duration", "5 s", NULL },
		{ "duration", "-5s", NULL },
		{ "duration", "0", NULL },
		{ "duration", "1.s", NULL },
		{ "duration", ".5s", NULL },
		{ "duration", "1.2.3s", NULL },
		{ "duration", "0.1234567890s", NULL },
		{ "duration", "0.25h", "15m" },
		{ "duration", "99999999999999999999h", NULL },
		{ "duration", "1e3", NULL },
		{ "grace", "10ms", "10ms" },
		{ "grace", "500ms", "500ms" },
		{ "grace", "9999us", NULL },
		{ "grace", "501ms", NULL },
		{ "buffer-size", "4MiB", "4MiB" },
		{ "buffer-size", "4M", "4MiB" },
		{ "buffer-size", "65536", "64KiB" },
		{ "buffer-size", "0.5MiB", "512KiB" },
		{ "buffer-size", "5MiB", NULL },
		{ "buffer-size", "32KiB", NULL },
		{ "buffer-size", "4MB", NULL },
		{ "buffer-size", "1GiB", NULL },
		{ "max-cases", "16", "16" },
		{ "max-cases", "15", NULL },
		{ "max-cases", "65537", NULL },
		{ "max-cases", "1k", NULL },
		{ "max-cases", "18446744073709551632", NULL },
		{ "max-cases", "+16", NULL },
		{ "output", "json", "json" },
		{ "output", "JSON", NULL },
		{ "rules", "off", "off" },
		{ "rules", "false", "off" },
		{ "rules", "yes", "on" },
		{ "rules", "maybe", NULL },
		{ "iface", "eth0", "\"eth0\"" },
		{ "iface", "", NULL },
		{ "iface", "averyveryverylong", NULL },
		{ "pid", "4194305", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct xc_option *o = xc_option_find(rows[i].name, XC_ORIGIN_FILE);
		struct xc_buf b = xc_buf(256);
		char why[XC_WHY_LEN] = "";
		int r;

		xc_config_default(&cfg);
		r = xc_option_set(&cfg, o, rows[i].value, (struct xc_origin){ XC_ORIGIN_FILE, 1 },
				  why);
		assert_row(rows[i].value, (r == 0) == (rows[i].printed != NULL));
		assert_row(rows[i].value, (r == 0) == (*why == '\0'));
		if (rows[i].printed) {
			xc_option_print(&cfg, o, &b);
			assert_string_equal(b.p, rows[i].printed);
		}
		xc_buf_done(&b);
	}
}

static void messages_say_what_to_do(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "why --grace 5ms", "--grace: '5ms' is out of range; give 10ms to 500ms" },
		{ "why --grace 5x", "--grace: '5x' is no time; write 300ms, 5s, 2m or 1h" },
		{ "why -o yaml", "--output: 'yaml' is none of text, json" },
		{ "why --buffer-size 3MiB",
		  "--buffer-size: '3MiB' is no power of two; write 1MiB, 2MiB, 4MiB ..." },
		{ "why --durtion 5s", "unknown option --durtion; did you mean --duration?" },
		{ "why --zzz=1", "unknown option --zzz; see crosscut help why" },
		{ "why -z", "unknown option -z; see crosscut help why" },
		{ "why -qz", "unknown option -z; see crosscut help why" },
		{ "doctor --grace 50ms",
		  "--grace is no option of doctor; see crosscut help doctor" },
		{ "why --enabled off", "unknown option --enabled; see crosscut help why" },
		{ "why --grace", "--grace needs a value; write --grace TIME" },
		{ "why -o", "--output needs a value; write --output FORMAT" },
		{ "why --quiet=1", "--quiet takes no value; write it alone" },
		{ "why --grace 50ms --grace 60ms", "--grace is given twice; leave one out" },
		{ "why -q --quiet", "--quiet is given twice; leave one out" },
		{ "why -q -v", "--quiet and --verbose exclude each other; leave one out" },
		{ "why --from host", "--from: 'host' is no address; write 10.0.0.1, 10.0.0.0/8, "
				     "10.0.0.1:443, 2001:db8::/32, [2001:db8::1]:443 or :443" },
		{ "why --not -q --port 1",
		  "--not negates the option behind it; write --not --from, "
		  "--not --to, --not --ip or --not --port" },
		{ "why --port 1 --not", "--not negates the option behind it; write --not --from, "
					"--not --to, --not --ip or --not --port" },
		{ "why -r a.xcr --netns x", "--netns has no meaning with --read: a recording keeps "
					    "the scope it was made with; leave it out" },
		{ "record", "record needs a file; write --output FILE" },
		{ "why --netns \x1b[31m --grace \x1b[31m",
		  "--grace: '\\x1b[31m' is no time; write 300ms, 5s, 2m or 1h" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum xc_cmd_id cmd = XC_CMD_why;
		char name[16];

		(void)sscanf(rows[i].line, "%15s", name);
		assert_non_null(xc_cmd_find(name, &cmd));
		assert_row(rows[i].line, load_line(cmd, rows[i].line) == -EINVAL);
		assert_string_equal(res.why, rows[i].why);
	}
}

/* ---- the command line ----------------------------------------------------------- */

static void reads_a_command_line(void **state)
{
	const char *list[XC_WORDS_MAX];

	(void)state;
	assert_int_equal(load_line(XC_CMD_why,
				   "why -o json --netns a --netns=/proc/1/ns/net -d 60 -qc3 "
				   "--stats --fail-on error --iface lo -p 17"),
			 0);
	assert_int_equal(cfg.output, XC_OUTPUT_json);
	assert_int_equal(xc_words_list(&cfg.netns, list), 2);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "/proc/1/ns/net");
	assert_int_equal(cfg.duration_ns, 60000000000);
	assert_int_equal(cfg.count, 3);
	assert_true(cfg.is_quiet && cfg.with_stats);
	assert_int_equal(cfg.fail_on, XC_FAIL_ON_ERROR);
	assert_string_equal(cfg.iface, "lo");
	assert_int_equal(cfg.pid, 17);
	assert_int_equal(load_line(XC_CMD_record, "record -o x.xcr"), 0);
	assert_string_equal(cfg.record_to, "x.xcr");
	assert_int_equal(cfg.output, XC_OUTPUT_text);
	assert_int_equal(load_line(XC_CMD_why, "why --record x.xcr"), 0);
	assert_string_equal(cfg.record_to, "x.xcr");
	assert_int_equal(load_line(XC_CMD_features, "features eth0 -d 0 -w 1 -i 2 -l 11 -o json "
						    "-f 10.0.0.1 --ip 10.0.0.2 --no-hubble"),
			 0);
	assert_int_equal(cfg.features_duration_ns, 0);
	assert_int_equal(cfg.window_ns, 1000000000);
	assert_int_equal(cfg.output_interval_ns, 2000000000);
	assert_int_equal(cfg.label, 11);
	assert_int_equal(cfg.row_output, XC_ROWS_JSON);
	assert_int_equal(cfg.n_filters, 2);	/* one filter under two names */
	assert_true(cfg.without_hubble);
}

static void keeps_filters_in_order_and_not_with_its_filter(void **state)
{
	static const struct {
		enum xc_filter_kind kind;
		bool is_not;
	} want[] = {
		{ XC_FILTER_FROM, false }, { XC_FILTER_PORT, true }, { XC_FILTER_TO, false },
		{ XC_FILTER_IP, true },	   { XC_FILTER_IP, false },
	};

	(void)state;
	assert_int_equal(load_line(XC_CMD_why,
				   "why --from 10.0.0.0/8 --not --port 22 --to [::1]:80 "
				   "--not --ip 10.0.0.1 --not --ip !10.0.0.2"),
			 0);
	assert_int_equal(cfg.n_filters, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(cfg.filters[i].kind, want[i].kind);
		assert_int_equal(cfg.filters[i].is_not, want[i].is_not);
	}
}

static void leaves_other_arguments_alone(void **state)
{
	(void)state;
	assert_int_equal(load_line(XC_CMD_config, "config dump -o json"), 0);
	assert_int_equal(res.first_arg, 3);	/* the options were moved before "dump" */
	assert_int_equal(load_line(XC_CMD_why, "why -- --not-an-option"), 0);
	assert_int_equal(res.first_arg, 2);
	assert_int_equal(load_line(XC_CMD_why, "why --help"), XC_CONFIG_HELP);
	assert_int_equal(load_line(XC_CMD_why, "why -h --grace 50ms"), XC_CONFIG_HELP);
}

static void everything_has_a_maximum(void **state)
{
	char *argv[400] = { (char *)"why" };

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(argv); i += 2) {
		argv[i] = (char *)"--netns";
		argv[i + 1 < ARRAY_SIZE(argv) ? i + 1 : i] = (char *)"x";
	}
	assert_int_equal(xc_config_load(&cfg, XC_CMD_why, 1 + 2 * 64, argv, &res), 0);
	assert_int_equal(xc_config_load(&cfg, XC_CMD_why, 1 + 2 * 65, argv, &res), -EINVAL);
	assert_string_equal(res.why, "--netns: 'x' is one too many; 64 are the most");
	for (size_t i = 1; i < ARRAY_SIZE(argv); i++)
		argv[i] = (char *)"--port=1";
	assert_int_equal(xc_config_load(&cfg, XC_CMD_why, 1 + 16, argv, &res), 0);
	assert_int_equal(xc_config_load(&cfg, XC_CMD_why, 1 + 17, argv, &res), -EINVAL);
	assert_int_equal(xc_config_load(&cfg, XC_CMD_why, 300, argv, &res), -EINVAL);
	assert_string_equal(res.why, "too many options; use a file and --config");
}

/* ---- commands ------------------------------------------------------------------- */

/* Every example of every --help is a command line crosscut takes. */
static void every_example_is_right(void **state)
{
	(void)state;
	for (int id = 0; id < _XC_CMD_MAX; id++) {
		const struct xc_cmd *cmd = xc_cmds[id];
		const char *s = cmd->examples;

		assert_row(cmd->name, s && *s && cmd->text && cmd->usage && cmd->run);
		for (; *s; s += strcspn(s, "\n"), s += *s == '\n') {
			char line[256];
			enum xc_cmd_id found;
			size_t n = 0;

			assert_true(strcspn(s, "\n") < sizeof(line));
			(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(s, "\n"), s);
			line[strcspn(line, "#")] = '\0';
			assert_int_equal(sscanf(line, "crosscut %*s%zn", &n), 0);
			assert_row(line, n > 0 && !strncmp(line + 9, cmd->name, strlen(cmd->name)));
			assert_non_null(xc_cmd_find(cmd->name, &found));
			if (!cmd->is_raw && load_line(found, line + 9) < 0)
				fail_msg("%s: %s", line, res.why);
		}
	}
}

static void help_names_every_option_of_a_command(void **state)
{
	(void)state;
	for (int id = 0; id < _XC_CMD_MAX; id++) {
		struct xc_buf b = xc_buf(1 << 16);

		xc_help_cmd((enum xc_cmd_id)id, &b);
		for (size_t i = 0; i < xc_n_options; i++) {
			char flag[64];

			(void)snprintf(flag, sizeof(flag), "--%s", xc_options[i].name);
			if (xc_options[i].cmds & 1u << id)
				assert_row(flag, strstr(b.p, flag) != NULL);
		}
		assert_false(b.is_full);
		xc_buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(no_name_or_letter_is_used_twice),
		cmocka_unit_test(every_default_is_allowed_and_prints_as_written),
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(reads_values),
		cmocka_unit_test(messages_say_what_to_do),
		cmocka_unit_test(reads_a_command_line),
		cmocka_unit_test(keeps_filters_in_order_and_not_with_its_filter),
		cmocka_unit_test(leaves_other_arguments_alone),
		cmocka_unit_test(everything_has_a_maximum),
		cmocka_unit_test(every_example_is_right),
		cmocka_unit_test(help_names_every_option_of_a_command),
	};

	return XC_RUN(tests);
}
