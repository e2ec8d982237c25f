/* SPDX-License-Identifier: Apache-2.0 */
/* Names for what the kernel tells as numbers: functions that drop, rules that drop. */
#pragma once

#include "source/host.h"

struct xc_naming;

/** 0 or -ENOMEM. */
int xc_naming_new(struct xc_naming **ret_naming);

void xc_naming_free(struct xc_naming *naming);	/* accepts NULL */

/** Name of the function at @location into @out, asked once per place. False = hidden. */
bool xc_naming_place(struct xc_naming *naming, uint64_t location, char *out, size_t size);

/** Which rule of @ns drops packets like that of @drop? Delivers a record when one is found. */
void xc_naming_rule(struct xc_naming *naming, struct xc_netns *ns, const struct xc_drop_evt *drop,
		    const struct xc_source_env *env);

/** Has a trace named a rule? Delivers it; ends traces that took too long. */
void xc_naming_poll(struct xc_naming *naming, const struct xc_source_env *env);
