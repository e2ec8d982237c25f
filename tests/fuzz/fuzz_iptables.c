/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the output of iptables-save and ip6tables-save, asked about several packets. */
#include "fuzz_rules.h"

#include "meta/iptables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = text_of(data, len);

	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct xc_ipt *ipt;

		if (xc_ipt_parse(text, "iptables-legacy", is_v6, &ipt))
			abort();
		for (uint32_t i = 0; xc_ipt_table(ipt, i); i++)
			if (i > len)
				abort();
		for (size_t i = 0; i < N_PACKETS; i++) {
			struct xc_packet p = packet_number(i);
			struct xc_candidates found;

			xc_candidates_init(&found);
			xc_ipt_eval(ipt, &p, &found);
			check_candidates(&found);
			if (xc_packet_is_v4(&p) == !!is_v6 && found.n)
				abort();	/* of the other family */
		}
		xc_ipt_free(ipt);
	}
	free(text);
	return 0;
}
