/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: loads and attaches every probe for real and says what works, what is missing, what to do. */
#include "base/json.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "core/checkup.h"

#include <stdio.h>
#include <unistd.h>

#define REPORT_MAX_BYTES 65536

static const char *state_str(enum xc_check_state state)
{
	static const char *const names[] = { "ok", "part", "no" };

	return names[state];
}

static void put_text(const struct xc_check *k, bool color, struct xc_buf *out)
{
	static const char *const colors[] = { "\033[32m", "\033[33m", "\033[31m" };

	xc_buf_printf(out, "%s%-5s%s %-12s %s\n", color ? colors[k->state] : "",
		      state_str(k->state), color ? "\033[0m" : "", k->name, k->text);
	if (k->lacks[0])
		xc_buf_printf(out, "      %-12s lacks: %s\n", "", k->lacks);
	if (k->state != XC_CHECK_OK && k->without[0])
		xc_buf_printf(out, "      %-12s so:    %s\n", "", k->without);
	if (k->state != XC_CHECK_OK && k->remedy[0])
		xc_buf_printf(out, "      %-12s do:    %s\n", "", k->remedy);
}

static void put_json(const struct xc_check *k, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	xc_json_open(&j, NULL, '{');
	xc_json_str(&j, "check", k->name);
	xc_json_str(&j, "state", state_str(k->state));
	xc_json_bool(&j, "required", k->is_required);
	xc_json_str(&j, "text", k->text);
	xc_json_str(&j, "lacks", k->lacks);
	xc_json_str(&j, "without", k->without);
	xc_json_str(&j, "remedy", k->remedy);
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
}

static int doctor_run(const struct xc_config *cfg, int argc, char **argv)
{
	static struct xc_checkup checkup;
	struct xc_buf out = xc_buf(REPORT_MAX_BYTES);

	(void)argc;
	(void)argv;
	xc_checkup_run(cfg, &checkup);
	for (size_t i = 0; i < checkup.n; i++) {
		if (cfg->output == XC_OUTPUT_json)
			put_json(&checkup.checks[i], &out);
		else
			put_text(&checkup.checks[i], xc_color_wanted(cfg, STDOUT_FILENO), &out);
	}
	if (out.p)
		(void)fwrite(out.p, 1, out.len, stdout);
	xc_buf_done(&out);
	if (!checkup.works) {
		(void)xc_err(0, "crosscut why cannot work here; see the lines marked no");
		return XC_EXIT_CANNOT;
	}
	if (cfg->output != XC_OUTPUT_json)
		puts("crosscut why works here");
	return XC_EXIT_OK;
}

const struct xc_cmd xc_cmd_doctor = {
	.name = "doctor",
	.usage = "[options]",
	.text = "load and attach one of each hook for real; say what works here, what is missing and the exact remedy",
	.examples = "crosscut doctor\n"
		    "crosscut doctor -o json  # one check a line\n",
	.run = doctor_run,
};
