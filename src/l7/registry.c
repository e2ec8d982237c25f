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

const struct xc_l7_proto *xc_l7_proto_named(const char *name)
{
	for (size_t i = 0; xc_l7_protos[i]; i++)
		if (!strcmp(xc_l7_protos[i]->name, name))
			return xc_l7_protos[i];
	return NULL;
}
