/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as an nftables ruleset, in both forms, asked about several packets. */
#include "fuzz_rules.h"

#include "meta/nft.h"

#include <errno.h>

/* What the evaluator has just named it can describe. */
static void check_described(const struct xc_nft *nft, const struct xc_candidates *found)
{
	for (size_t k = 0; k < found->n; k++) {
		struct xc_rule again = found->r[k];

		if (!xc_nft_describe(nft, &again))
			abort();
	}
}

/* The JSON form, then a NUL, then the text form. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *json = text_of(data, len);
	size_t json_len = strlen(json);
	struct xc_nft_table table;
	struct xc_nft *nft;
	int r = xc_nft_parse(json, &nft);

	if (r && r != -EBADMSG)
		abort();
	if (!r) {
		if (json_len < len && xc_nft_add_text(nft, json + json_len + 1))
			abort();
		for (size_t i = 0; i < N_PACKETS; i++) {
			struct xc_packet p = packet_number(i);
			struct xc_candidates found;

			xc_candidates_init(&found);
			xc_nft_eval(nft, &p, &found);
			check_candidates(&found);
			check_described(nft, &found);
		}
		if (xc_nft_table(nft, 0, &table))
			xc_nft_skip_table(nft, table.family, table.name);
		xc_nft_free(nft);
	}
	free(json);
	return 0;
}
