/* SPDX-License-Identifier: Apache-2.0 */
/* Adding one record to one case. The table (conn.c) has found the case; this fills it. */
#pragma once

#include "model/case.h"

/* The names of the kernel the records come from. */
struct xc_kernel_names {
	struct xc_enum_names drop;
	struct xc_enum_names rst;
};

/** What a drop means, its name included. Pure. */
enum xc_drop xc_evidence_drop_reason(const struct xc_kernel_names *names,
				     const struct xc_drop_evt *e, const char **ret_name);

/** Add a socket snapshot. Orientation of @c is already right. */
void xc_evidence_sock(struct xc_case *c, const struct xc_sock_evt *e);

void xc_evidence_drop(struct xc_case *c, const struct xc_kernel_names *names,
		      const struct xc_drop_evt *e);
void xc_evidence_reset(struct xc_case *c, const struct xc_kernel_names *names,
		       const struct xc_reset_evt *e);
void xc_evidence_icmp(struct xc_case *c, const struct xc_icmp_evt *e);
void xc_evidence_route(struct xc_case *c, const struct xc_route_evt *e);
void xc_evidence_denied(struct xc_case *c, const struct xc_denied_evt *e);
void xc_evidence_rule(struct xc_case *c, const struct xc_rule_evt *e);

void xc_evidence_request(struct xc_case *c, const struct xc_request_fact *fact);

/** errno an application gets for an ICMP error (net/ipv4/icmp.c icmp_err_convert, RFC 1122). */
int xc_icmp_errno(uint8_t family, uint8_t type, uint8_t code);
