/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors off the wire: a refused one leaves the result alone, an accepted one says no more than it holds. */
#include "source/host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* First byte: the family. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct xc_icmp_evt e, untouched, longer;
	uint8_t padded[4096] = { 0 };
	int family;

	if (len < 1 || len > 2048)
		return 0;
	family = data[0] & 1 ? 6 : 4;
	data++;
	len--;
	memset(&e, 0xa5, sizeof(e));
	untouched = e;
	if (!xc_icmp_decode(data, len, family, &e)) {
		if (memcmp(&e, &untouched, sizeof(e)))
			abort();
		return 0;
	}
	if (e.family != family || (family == 4 && e.info > 65535))
		abort();
	/* what comes behind the quote changes nothing */
	memcpy(padded, data, len);
	if (!xc_icmp_decode(padded, sizeof(padded), family, &longer) ||
	    memcmp(&e, &longer, sizeof(e)))
		abort();
	return 0;
}
