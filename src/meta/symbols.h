/* SPDX-License-Identifier: Apache-2.0 */
/* Names that nft and iptables print in place of numbers. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct xc_symbol {
	const char *name;
	uint32_t value;
};

/* Each list ends with a NULL name. */
extern const struct xc_symbol xc_sym_proto[];		/* IPPROTO_* */
extern const struct xc_symbol xc_sym_nfproto[];		/* NFPROTO_* */
extern const struct xc_symbol xc_sym_ether[];		/* ETH_P_* */
extern const struct xc_symbol xc_sym_ct_state[];	/* enum xc_ct_bit */
extern const struct xc_symbol xc_sym_tcp_flag[];
extern const struct xc_symbol xc_sym_icmp_type[];
extern const struct xc_symbol xc_sym_icmp_code[];
extern const struct xc_symbol xc_sym_icmpv6_type[];
extern const struct xc_symbol xc_sym_icmpv6_code[];

/**
 * Value of @name, in any case, or of a number (decimal, 0x, 0 octal).
 * @list: NULL = numbers only.
 * Return: false = neither.
 */
bool xc_symbol_find(const struct xc_symbol *list, const char *name, uint64_t *ret_value);
