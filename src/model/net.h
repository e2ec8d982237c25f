/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, endpoints and flows as values: comparing, classifying, printing. Pure. */
#pragma once

#include "abi/event.h"
#include "abi/tcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IPv6 address in brackets with a port and a NUL fits. */
#define XC_ENDPOINT_LEN 56

/* One end of a flow. */
struct xc_endpoint {
	uint8_t addr[16];	/* IPv4 as IPv4-mapped IPv6 */
	uint16_t port_he;
};

bool xc_addr_is_v4(const uint8_t addr[16]);
bool xc_addr_is_zero(const uint8_t addr[16]);	/* :: or 0.0.0.0 */
bool xc_addr_is_loopback(const uint8_t addr[16]);
bool xc_addr_is_link_local(const uint8_t addr[16]);
bool xc_addr_is_multicast(const uint8_t addr[16]);	/* or the limited broadcast address */
bool xc_addr_equal(const uint8_t a[16], const uint8_t b[16]);

/** Do @a and @b agree in the first @bits of the 128-bit form? */
bool xc_addr_in_prefix(const uint8_t a[16], const uint8_t b[16], unsigned int bits);

/** Print an address, IPv4 in dotted form. Returns @out. */
const char *xc_addr_str(const uint8_t addr[16], char out[XC_ENDPOINT_LEN]);

/** Print "10.0.0.1:80" or "[2001:db8::1]:80"; without a port when it is 0. Returns @out. */
const char *xc_endpoint_str(const uint8_t addr[16], uint16_t port_he, char out[XC_ENDPOINT_LEN]);

/** The same flow seen from the other end. */
struct xc_tuple xc_tuple_swap(const struct xc_tuple *t);

/** Same protocol, addresses and ports, in this direction. */
bool xc_tuple_equal(const struct xc_tuple *a, const struct xc_tuple *b);

/** "TCP", "UDP" ... or a number. */
const char *xc_proto_str(uint8_t proto);

/** "ECONNREFUSED"; NULL for 0 or an error crosscut has no name for. */
const char *xc_errno_name(int err);

/** "SYN_SENT"; "?" for no state of tcp_states.h. */
const char *xc_tcp_state_str(uint8_t state);

/** "SYN,ACK" into @out; "none" for 0. Returns @out. */
const char *xc_tcp_flags_str(uint8_t flags, char out[32]);

/* include/net/tcp_states.h: stable user-space ABI through struct tcp_info. */
enum xc_tcp_state {
	XC_TCP_ESTABLISHED = 1,
	XC_TCP_SYN_SENT,
	XC_TCP_SYN_RECV,
	XC_TCP_FIN_WAIT1,
	XC_TCP_FIN_WAIT2,
	XC_TCP_TIME_WAIT,
	XC_TCP_CLOSE,
	XC_TCP_CLOSE_WAIT,
	XC_TCP_LAST_ACK,
	XC_TCP_LISTEN,
	XC_TCP_CLOSING,
	XC_TCP_NEW_SYN_RECV,
};
