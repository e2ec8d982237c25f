/* SPDX-License-Identifier: Apache-2.0 */
/* The protocols, in the order of meson.build. */
#include "l7/l7.h"

#define X(name) extern const struct xc_l7_proto xc_l7_##name;
#include "l7.list"
#undef X

const struct xc_l7_proto *const xc_l7_protos[] = {
#define X(name) &xc_l7_##name,
#include "l7.list"
#undef X
	NULL,
};
