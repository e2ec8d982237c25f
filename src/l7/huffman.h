/* SPDX-License-Identifier: Apache-2.0 */
/* The Huffman code of HPACK and QPACK (RFC 7541, appendix B). */
#pragma once

#include "base/rd.h"

#include <sys/types.h>

/**
 * Decode the text @in; what does not fit @size bytes of @out is only counted. Returns the length of all of it, or
 * -EBADMSG: no such code, the end-of-string symbol, or padding that is none.
 */
ssize_t xc_huffman_decode(struct xc_span in, uint8_t *out, size_t size);
