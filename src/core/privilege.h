/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities: what is needed, what is there, and giving back what is not needed any more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One capability and what goes missing without it. */
struct xc_privilege {
	const char *name;	/* "CAP_BPF" */
	int capability;
	bool is_required;	/* nothing works without it */
	const char *without;
};

extern const struct xc_privilege xc_privileges[];
extern const size_t xc_n_privileges;

/** Is that capability effective? */
bool xc_privilege_has(int capability);

/** 0, or -EPERM and one line that names what is missing of what is required. */
int xc_privilege_check(void);

/** Keep only the capabilities of xc_privileges, in every set. Logs when it cannot. */
void xc_privilege_drop(void);
