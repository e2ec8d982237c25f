/* SPDX-License-Identifier: Apache-2.0 */
/* What DNS messages hold (RFC 1035 and its many followers) as text: names, types, classes, codes, data of records. Pure. */
#pragma once

#include "base/rd.h"

#define XC_DNS_NAME 1024	/* 255 bytes, each escaped as \ddd, and a NUL */
#define XC_DNS_WORD 16		/* "TYPE65535" */
#define XC_DNS_DATA 512		/* data of one record; what is longer is cut */

enum {
	XC_DNS_SOA = 6,
	XC_DNS_OPT = 41,
	XC_DNS_IXFR = 251,
	XC_DNS_AXFR = 252,
};

struct xc_dns_record {
	char name[XC_DNS_NAME];
	uint16_t type, class;
	uint32_t ttl;	/* s */
	struct xc_span data;
};

/**
 * A name in lower case without the last dot ("." = the root); a dot, a backslash or white space within a label is \ddd.
 * Pointers must go backwards. @rd reads in @message and is moved behind the name; its is_short tells that bytes are missing.
 * Return: false when there is none.
 */
bool xc_dns_name(struct xc_span message, struct xc_rd *rd, char out[static XC_DNS_NAME]);

/** The next record. False: it is malformed, or not all there (is_short). */
bool xc_dns_record(struct xc_span message, struct xc_rd *rd, struct xc_dns_record *ret_record);

/** The data of a record as in a zone file (RFC 1035 5.1, RFC 3597 for unknown types). @out is NUL-terminated. */
void xc_dns_data(struct xc_span message, const struct xc_dns_record *record,
		 char out[static XC_DNS_DATA]);

/** Names of IANA's registry "Domain Name System (DNS) Parameters". Static text, or @out. */
const char *xc_dns_type_str(uint16_t type, char out[static XC_DNS_WORD]);
const char *xc_dns_class_str(uint16_t class, char out[static XC_DNS_WORD]);
const char *xc_dns_rcode_str(uint16_t rcode, char out[static XC_DNS_WORD]);
const char *xc_dns_opcode_str(uint8_t opcode, char out[static XC_DNS_WORD]);
