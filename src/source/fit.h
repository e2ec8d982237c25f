/* SPDX-License-Identifier: Apache-2.0 */
/* What BPF programs are told about the kernel they run in. */
#pragma once

#include "probe/cfg.h"
#include "probe/kernel.h"

/** Set every field of @cfg that depends on the kernel (has_*, reason_*, hz), and no other. */
void xc_fit_kernel(const struct xc_kernel *kernel, struct xc_probe_cfg *cfg);
