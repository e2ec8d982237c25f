/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files: accepted, or refused with a line; and what is printed can be read again. */
#include "core/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Print every row and read it back alone. */
static void print_and_read(const struct xc_config *cfg)
{
	static struct xc_config again;
	char why[XC_WHY_LEN];

	for (size_t i = 0; i < xc_n_options; i++) {
		const struct xc_option *o = &xc_options[i];
		struct xc_buf b = xc_buf(1 << 20);

		if (o->where != XC_CLI_ONLY && xc_option_is_set(cfg, o)) {
			xc_option_print_key(o, &b);
			xc_buf_puts(&b, ": ");
			xc_option_print(cfg, o, &b);
			xc_config_default(&again);
			if (xc_config_parse(&again, "again", b.p, b.len, why))
				abort();
		}
		xc_buf_done(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct xc_config cfg;
	char why[XC_WHY_LEN] = "";

	xc_config_default(&cfg);
	if (xc_config_parse(&cfg, "fuzz", (const char *)data, len, why)) {
		if (strncmp(why, "fuzz:", 5))
			abort();
		return 0;
	}
	print_and_read(&cfg);
	return 0;
}
