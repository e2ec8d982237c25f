/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when the first BPF program of a type is loaded, whoever loads it: a hook that only explains what such programs do is
 * then attached, and costs nothing before. The kernel says so through perf events (PERF_RECORD_BPF_EVENT, 5.1).
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

struct xc_loads;

/** Begin to listen, on every CPU. 0, or -errno: somebody has loaded one may not be told then. */
int xc_loads_open(enum bpf_prog_type type, struct xc_loads **ret_loads);

/** How many there are already; UINT_MAX when this may not be asked (needs CAP_SYS_ADMIN). */
unsigned int xc_loads_count(const struct xc_loads *l);

/** Readable when programs were loaded or unloaded. */
int xc_loads_fd(const struct xc_loads *l);

/** Take what was told. True: one of the type was among it, or what was among it may not be asked. */
bool xc_loads_read(struct xc_loads *l);

/** Accepts NULL. */
void xc_loads_close(struct xc_loads *l);
