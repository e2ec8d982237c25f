/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the column table, one array a group; features.c puts them together. */
#pragma once

#include "flow/features.h"

#include <math.h>

enum {
	XC_N_METADATA = 8,
	XC_N_NETWORK = 49,
	XC_N_LATENCY = 13,
	XC_N_L7 = 17,
	XC_N_SYSTEM = 15,
	XC_N_AUX_SYSTEM = 9,
	XC_N_LABEL = 1,
	XC_N_EXTENDED = 75,
	XC_N_SEED = 12,
};

_Static_assert(XC_N_METADATA + XC_N_LABEL == 9, "metadata, the label included");
_Static_assert(XC_N_NETWORK + XC_N_LATENCY + XC_N_L7 + XC_N_SYSTEM == 94, "the features");
_Static_assert(XC_N_METADATA + 94 + XC_N_AUX_SYSTEM + XC_N_LABEL == 112, "the default columns");

extern const struct xc_feature xc_features_metadata[];
extern const struct xc_feature xc_features_network[];
extern const struct xc_feature xc_features_latency[];
extern const struct xc_feature xc_features_l7[];
extern const struct xc_feature xc_features_system[];
extern const struct xc_feature xc_features_aux_system[];
extern const struct xc_feature xc_features_label[];
extern const struct xc_feature xc_features_extended[];
extern const struct xc_feature xc_features_seed[];

/* One row; a file defines GROUP before it. min and max are those of a number. */
#define XC_F(name_, type_, role_, unit_, min_, max_, scope_, get_, arg_, meaning_)                 \
	{                                                                                          \
		.name = #name_, .unit = unit_, .scope = scope_, .meaning = meaning_, .min = min_,  \
		.max = max_, .group = GROUP, .role = XC_ROLE_##role_, .type = XC_TYPE_##type_,     \
		.arg = arg_, .get = get_                                                           \
	}

#define XC_NO_MAX ((double)INFINITY)
