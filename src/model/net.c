/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool xc_addr_is_v4(const uint8_t addr[16])
{
	return !memcmp(addr, v4_mapped, sizeof(v4_mapped));
}

bool xc_addr_is_zero(const uint8_t addr[16])
{
	static const uint8_t zero[16];
	static const uint8_t any4[4];

	return xc_addr_is_v4(addr) ? !memcmp(addr + 12, any4, 4) : !memcmp(addr, zero, 16);
}

bool xc_addr_is_loopback(const uint8_t addr[16])
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	return xc_addr_is_v4(addr) ? addr[12] == 127 : !memcmp(addr, loopback6, 16);
}

bool xc_addr_is_link_local(const uint8_t addr[16])
{
	if (xc_addr_is_v4(addr))
		return addr[12] == 169 && addr[13] == 254;	/* RFC 3927 */
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;	/* RFC 4291 2.5.6 */
}

bool xc_addr_is_multicast(const uint8_t addr[16])
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	if (xc_addr_is_v4(addr))
		return (addr[12] & 0xf0) == 0xe0 || !memcmp(addr + 12, broadcast, 4);
	return addr[0] == 0xff;
}

bool xc_addr_equal(const uint8_t a[16], const uint8_t b[16])
{
	return !memcmp(a, b, 16);
}

bool xc_addr_in_prefix(const uint8_t a[16], const uint8_t b[16], unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff);
}

const char *xc_addr_str(const uint8_t addr[16], char out[XC_ENDPOINT_LEN])
{
	if (xc_addr_is_v4(addr))
		(void)inet_ntop(AF_INET, addr + 12, out, XC_ENDPOINT_LEN);
	else
		(void)inet_ntop(AF_INET6, addr, out, XC_ENDPOINT_LEN);
	return out;
}

const char *xc_endpoint_str(const uint8_t addr[16], uint16_t port_he, char out[XC_ENDPOINT_LEN])
{
	char text[XC_ENDPOINT_LEN];

	xc_addr_str(addr, text);
	if (!port_he)
		return memcpy(out, text, sizeof(text));
	(void)snprintf(out, XC_ENDPOINT_LEN, xc_addr_is_v4(addr) ? "%.48s:%u" : "[%.46s]:%u", text,
		       port_he);
	return out;
}

struct xc_tuple xc_tuple_swap(const struct xc_tuple *t)
{
	struct xc_tuple r = *t;

	memcpy(r.saddr, t->daddr, 16);
	memcpy(r.daddr, t->saddr, 16);
	r.sport_he = t->dport_he;
	r.dport_he = t->sport_he;
	return r;
}

bool xc_tuple_equal(const struct xc_tuple *a, const struct xc_tuple *b)
{
	return a->proto == b->proto && a->sport_he == b->sport_he && a->dport_he == b->dport_he &&
	       xc_addr_equal(a->saddr, b->saddr) && xc_addr_equal(a->daddr, b->daddr);
}

const char *xc_proto_str(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	case IPPROTO_SCTP:
		return "SCTP";
	default:
		return "IP";
	}
}

const char *xc_errno_name(int err)
{
	return err > 0 ? strerrorname_np(err) : NULL;
}

const char *xc_tcp_state_str(uint8_t state)
{
	static const char *const names[] = {
		[XC_TCP_ESTABLISHED] = "ESTABLISHED",
		[XC_TCP_SYN_SENT] = "SYN_SENT",
		[XC_TCP_SYN_RECV] = "SYN_RECV",
		[XC_TCP_FIN_WAIT1] = "FIN_WAIT1",
		[XC_TCP_FIN_WAIT2] = "FIN_WAIT2",
		[XC_TCP_TIME_WAIT] = "TIME_WAIT",
		[XC_TCP_CLOSE] = "CLOSE",
		[XC_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[XC_TCP_LAST_ACK] = "LAST_ACK",
		[XC_TCP_LISTEN] = "LISTEN",
		[XC_TCP_CLOSING] = "CLOSING",
		[XC_TCP_NEW_SYN_RECV] = "NEW_SYN_RECV",
	};

	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "?";
}

const char *xc_tcp_flags_str(uint8_t flags, char out[32])
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK" };
	size_t n = 0;

	if (!(flags & 0x1f))
		return memcpy(out, "none", 5);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & (1u << i))
			n += (size_t)snprintf(out + n, 32 - n, "%s%s", n ? "," : "", names[i]);
	return out;
}
