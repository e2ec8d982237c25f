/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy.h"

#include "abi/segment.h"

void xc_policy_tell(const struct xc_l7_conn *c, enum xc_l7_dir dir, struct xc_l7_want w,
		    xc_want_fn fn, void *arg)
{
	static const uint8_t modes[] = { [XC_L7_WANT_BYTES] = XC_POLICY_BYTES,
					 [XC_L7_WANT_SKIP] = XC_POLICY_SKIP,
					 [XC_L7_WANT_NOTHING] = XC_POLICY_NOTHING };
	struct xc_segment_want want = { .cookie = c->cookie,
					.is_outbound = c->is_outbound == (dir == XC_L7_CLIENT),
					.mode = modes[w.mode],
					.skip_until = w.seq };

	if (fn && c->cookie)
		fn(arg, &want);
}

void xc_policy_silence(uint64_t cookie, xc_want_fn fn, void *arg)
{
	for (int out = 0; fn && cookie && out < 2; out++) {
		struct xc_segment_want want = { .cookie = cookie,
						.is_outbound = out,
						.mode = XC_POLICY_NOTHING };

		fn(arg, &want);
	}
}
