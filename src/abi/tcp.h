/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* TCP header flags (RFC 9293 3.1, RFC 3168 6.1). */
#pragma once

enum {
	XC_TCP_FIN = 0x01,
	XC_TCP_SYN = 0x02,
	XC_TCP_RST = 0x04,
	XC_TCP_PSH = 0x08,
	XC_TCP_ACK = 0x10,
	XC_TCP_URG = 0x20,
	XC_TCP_ECE = 0x40,
	XC_TCP_CWR = 0x80,
};
