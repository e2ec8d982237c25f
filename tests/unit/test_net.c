/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "base/scope.h"
#include "model/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

/* "10.0.0.1" or "2001:db8::1" into the IPv4-mapped form. */
static const uint8_t *addr(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET6, text, out) == 1)
		return out;
	out[10] = out[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, out + 12), 1);
	return out;
}

static void classifies_addresses(void **state)
{
	enum { V4 = 1, ZERO = 2, LOOPBACK = 4, LINK_LOCAL = 8, MULTICAST = 16 };
	static const struct {
		const char *text;
		int is;
	} rows[] = {
		{ "10.0.0.1", V4 },
		{ "0.0.0.0", V4 | ZERO },
		{ "127.0.0.1", V4 | LOOPBACK },
		{ "127.255.255.255", V4 | LOOPBACK },
		{ "128.0.0.1", V4 },
		{ "169.254.0.1", V4 | LINK_LOCAL },
		{ "169.255.0.1", V4 },
		{ "224.0.0.251", V4 | MULTICAST },
		{ "239.255.255.255", V4 | MULTICAST },
		{ "240.0.0.1", V4 },
		{ "255.255.255.255", V4 | MULTICAST },
		{ "255.255.255.254", V4 },
		{ "::", ZERO },
		{ "::1", LOOPBACK },
		{ "::2", 0 },
		{ "fe80::1", LINK_LOCAL },
		{ "febf::1", LINK_LOCAL },
		{ "fec0::1", 0 },
		{ "ff02::1", MULTICAST },
		{ "2001:db8::1", 0 },
		{ "::fffe:10.0.0.1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t a[16];
		int is;

		addr(rows[i].text, a);
		is = (xc_addr_is_v4(a) ? V4 : 0) | (xc_addr_is_zero(a) ? ZERO : 0) |
		     (xc_addr_is_loopback(a) ? LOOPBACK : 0) |
		     (xc_addr_is_link_local(a) ? LINK_LOCAL : 0) |
		     (xc_addr_is_multicast(a) ? MULTICAST : 0);
		assert_row(rows[i].text, is == rows[i].is);
	}
}

static void prefixes_agree_bit_by_bit(void **state)
{
	uint8_t a[16], b[16];

	(void)state;
	for (unsigned int bit = 0; bit < 128; bit++) {
		memset(a, 0xa5, 16);
		memcpy(b, a, 16);
		b[bit / 8] ^= (uint8_t)(0x80 >> (bit % 8));
		for (unsigned int bits = 0; bits <= 128; bits++)
			assert_int_equal(xc_addr_in_prefix(a, b, bits), bits <= bit);
	}
}

static void prints_endpoints(void **state)
{
	static const struct {
		const char *addr;
		uint16_t port;
		const char *want;
	} rows[] = {
		{ "10.0.0.1", 80, "10.0.0.1:80" },
		{ "255.255.255.255", 65535, "255.255.255.255:65535" },
		{ "10.0.0.1", 0, "10.0.0.1" },
		{ "2001:db8::1", 443, "[2001:db8::1]:443" },
		{ "2001:db8::1", 0, "2001:db8::1" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888", 65535,
		  "[1111:2222:3333:4444:5555:6666:7777:8888]:65535" },
		{ "::", 1, "[::]:1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[XC_ENDPOINT_LEN];
		uint8_t a[16];

		assert_string_equal(xc_endpoint_str(addr(rows[i].addr, a), rows[i].port, out),
				    rows[i].want);
	}
}

static void a_tuple_swapped_twice_is_itself(void **state)
{
	struct xc_tuple t = { .sport_he = 1, .dport_he = 2, .proto = IPPROTO_TCP }, other, twice;

	(void)state;
	addr("10.0.0.1", t.saddr);
	addr("10.0.0.2", t.daddr);
	other = xc_tuple_swap(&t);
	twice = xc_tuple_swap(&other);
	assert_false(xc_tuple_equal(&t, &other));
	assert_true(xc_tuple_equal(&t, &twice));
	assert_int_equal(other.sport_he, 2);
	other = t;
	other.proto = IPPROTO_UDP;
	assert_false(xc_tuple_equal(&t, &other));
}

static void names_what_has_a_name(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(xc_proto_str(IPPROTO_TCP), "TCP");
	assert_string_equal(xc_proto_str(IPPROTO_UDP), "UDP");
	assert_string_equal(xc_proto_str(IPPROTO_ICMP), "ICMP");
	assert_string_equal(xc_proto_str(IPPROTO_ICMPV6), "ICMPv6");
	assert_string_equal(xc_proto_str(IPPROTO_SCTP), "SCTP");
	assert_string_equal(xc_proto_str(200), "IP");
	assert_string_equal(xc_errno_name(ECONNREFUSED), "ECONNREFUSED");
	assert_null(xc_errno_name(0));
	assert_null(xc_errno_name(-ECONNREFUSED));
	assert_null(xc_errno_name(99999));
	assert_string_equal(xc_tcp_state_str(XC_TCP_FIN_WAIT1), "FIN_WAIT1");
	assert_string_equal(xc_tcp_state_str(0), "?");
	assert_string_equal(xc_tcp_state_str(255), "?");
	assert_string_equal(xc_tcp_flags_str(0, out), "none");
	assert_string_equal(xc_tcp_flags_str(0xe0, out), "none");
	assert_string_equal(xc_tcp_flags_str(XC_TCP_SYN | XC_TCP_ACK, out), "SYN,ACK");
	assert_string_equal(xc_tcp_flags_str(0xff, out), "FIN,SYN,RST,PSH,ACK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classifies_addresses),
		cmocka_unit_test(prefixes_agree_bit_by_bit),
		cmocka_unit_test(prints_endpoints),
		cmocka_unit_test(a_tuple_swapped_twice_is_itself),
		cmocka_unit_test(names_what_has_a_name),
	};

	return XC_RUN(tests);
}
