/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GraphQL over HTTP (the specification of that name, 2025; GraphQL October 2021): the operation is in the first bytes of
 * the body, or in the query of the URL, and an error comes with status 200. Of a document only the kind and the name of
 * the operation are kept; never arguments, variables or values.
 */
#pragma once

#include "model/request.h"

#define XC_GRAPHQL_PEEK 1024u	/* bytes of a body that are looked at */

/** May a body of this media type hold an operation, or its result? */
bool xc_graphql_fits(struct xc_span content_type);

/**
 * @body: a request's, or its beginning. When it is an operation, adds graphql.operation.type (query, mutation,
 * subscription) and graphql.operation.name to @r, each only if it is known.
 */
bool xc_graphql_request(struct xc_request *r, struct xc_span body);

/** The same of the query of a URL: "query=...&operationName=...", percent-encoded. */
bool xc_graphql_url(struct xc_request *r, struct xc_span query);

/**
 * @body: beginning of the answer to an operation. When it tells of errors the result is XC_RESULT_SERVER_ERROR with
 * XC_REQUEST_INFERRED_STATUS, for the status of HTTP is still 200, and error.type = graphql.
 */
void xc_graphql_response(struct xc_request *r, struct xc_span body);
