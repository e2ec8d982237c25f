/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: a refused text leaves the result alone, an accepted one reads the same again. */
#include "core/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct xc_filter f, again;
	const char *why = NULL;
	char text[128];
	int r;

	if (len < 1 || len > sizeof(text))
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	r = xc_filter_parse((enum xc_filter_kind)(data[0] % _XC_FILTER_MAX), text, &f, &why);
	if (r && (r != -EINVAL || !why))
		abort();
	if (r)
		return 0;
	if (f.prefix_len > 128 || xc_filter_parse(f.kind, f.text, &again, &why))
		abort();
	if (memcmp(f.addr, again.addr, 16) || f.prefix_len != again.prefix_len ||
	    f.port_he != again.port_he)
		abort();
	return 0;
}
