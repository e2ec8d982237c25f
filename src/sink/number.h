/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, fast: a window of 100,000 rows has ten million of them. Pure. */
#pragma once

#include "base/buf.h"

#include <stdint.h>

/** Append an integer, all digits. */
void xc_put_uint(struct xc_buf *out, uint64_t n);

/**
 * Append a measured value: at least six digits that count, no zeros behind them but one, so that it
 * stays a floating-point number for every reader ("30.0"). What is not finite becomes 0.0.
 */
void xc_put_real(struct xc_buf *out, double x);
