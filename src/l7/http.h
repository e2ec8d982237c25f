/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP/1, HTTP/2 and what travels on them share: the meaning of fields and status codes (RFC 9110). */
#pragma once

#include "l7/l7.h"

/** Path into the target, its query only when it may be kept; "http://host/path" gives the host as well. */
void xc_http_target(const struct xc_l7 *l7, struct xc_request *r, struct xc_span target);

/** "user@host:port": server.address and server.port; the user is not kept. */
void xc_http_host(struct xc_request *r, struct xc_span authority);

/** A field of the head: kept as an attribute, redacted when it is secret; of a URL not its query. */
void xc_http_field(struct xc_request *r, bool is_response, struct xc_span name,
		   struct xc_span value);

/** The status and what it says of the result. @reason may be empty: then the standard one. */
void xc_http_status(struct xc_request *r, int32_t status, struct xc_span reason);

/** Has the list @value (separated by commas) the element @word? */
bool xc_http_has(struct xc_span value, const char *word);

/** @s without white space around it. */
struct xc_span xc_http_trim(struct xc_span s);
