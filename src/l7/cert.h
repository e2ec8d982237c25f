/* SPDX-License-Identifier: Apache-2.0 */
/* What tells of a server's certificate (RFC 5280) why a client may refuse it: whom it names and until when. Not a verifier. Pure. */
#pragma once

#include "model/request.h"

/**
 * Add tls.server.certificate.subject, .names, .not_after and, when @r has a tls.client.server_name, .name_match ("true",
 * "false"; RFC 9525 6.3). @der may end before the certificate does: what is not there, or not clear, is left out.
 */
void xc_cert_tell(struct xc_span der, struct xc_request *r);
