/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC on HTTP/2 (grpc: doc/PROTOCOL-HTTP2.md): a stream with the content type application/grpc is a call. Its status is
 * in the trailers; that of HTTP becomes the attribute http.response.status_code. http2.c reads the frames and asks here.
 */
#pragma once

#include "l7/l7.h"

#define XC_GRPC_PREFIX 5	/* bytes before each message: compressed or not, length */

/** Is it a call? */
bool xc_grpc_is(const struct xc_request *r);

/** A field of either head, or of the trailers: content-type; of an answer grpc-status, grpc-message. */
void xc_grpc_field(struct xc_request *r, bool is_answer, struct xc_span name, struct xc_span value);

/** A header block of the call @r is complete; @http_status: what it says of HTTP, 0 = nothing. */
void xc_grpc_block(struct xc_request *r, uint32_t http_status);

/**
 * DATA of @dir: @n bytes of messages (UINT64_MAX = not known how many, or some are lost), @front the first of them: at
 * least XC_GRPC_PREFIX, or all, where they were captured.
 */
void xc_grpc_data(struct xc_request *r, enum xc_l7_dir dir, struct xc_span front, uint64_t n);

/** The server has ended the stream. @knows_all: all its fields were read. */
void xc_grpc_end(struct xc_request *r, bool knows_all);

/** The stream was reset with @code (RFC 9113 7). */
void xc_grpc_reset(struct xc_request *r, uint32_t code);
