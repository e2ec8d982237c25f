/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when the first BPF program of a type is loaded, whoever loads it: a hook that only explains what such programs do is
 * then attached, and costs nothing before. The kernel says so through perf events (PERF_RECORD_BPF_EVENT, 5.1).
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

struct xc_loads;

/**
 * Begin to listen, on every CPU. Programs with names that begin with @ours do not count, whichever crosscut has loaded them.
 * Borrows @ours. 0, or -errno: what is loaded is not told then.
 */
int xc_loads_open(enum bpf_prog_type type, const char *ours, struct xc_loads **ret_loads);

/** Is there one already? True as well when this may not be asked (needs CAP_SYS_ADMIN). */
bool xc_loads_is_there(const struct xc_loads *l);

/** Readable when programs were loaded or unloaded. */
int xc_loads_fd(const struct xc_loads *l);

/** Take what was told. True: one of the type was among it, or what was among it may not be asked. */
bool xc_loads_read(struct xc_loads *l);

/** Accepts NULL. */
void xc_loads_close(struct xc_loads *l);
