/* SPDX-License-Identifier: Apache-2.0 */
/* What the patterns about requests share. */
#pragma once

#include "model/case.h"

/* Where requests are seen. */
extern const char xc_request_hook[];

/** The worst failed request of @protocol (NULL = of any), without those that met another protocol; or NULL. */
const struct xc_request_fact *xc_request_about(const struct xc_case *c, const char *protocol);

/** The first request whose other end speaks something else, or NULL. */
const struct xc_request_fact *xc_request_mismatched(const struct xc_case *c);

/** The first that got no answer, or only a part of it, because its connection ended; or NULL. */
const struct xc_request_fact *xc_request_cut_short(const struct xc_case *c);

/** Do the requests themselves tell why the connection was given up: an alert, another protocol? Then how it ended is no cause. */
bool xc_request_tells_why(const struct xc_case *c);

/** Had the server let an idle connection go just when this request was sent on it? */
bool xc_request_raced(const struct xc_request_fact *r);

/** "GET /path", "SELECT ..." ...; cut to @size. Returns @out. */
const char *xc_request_words(const struct xc_request_fact *r, char *out, size_t size);
