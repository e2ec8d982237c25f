/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors off the wire: whole, cut anywhere, with options and extension headers. */
#include "xctest.h"

#include "source/host.h"

#include <netinet/in.h>

#define TCP_HEAD 0x9c, 0x40, 0x00, 0x50, 0x11, 0x22, 0x33, 0x44 /* 40000 > 80, seq 0x11223344 */
#define UDP_HEAD 0x9c, 0x40, 0x00, 0x35, 0x00, 0x08, 0x00, 0x00 /* 40000 > 53 */
#define IP4(proto) 0x45, 0, 0, 60, 0, 0, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define IP4_OPTIONS(proto)                                                                         \
	0x47, 0, 0, 60, 0, 0, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 1, 1, 1,   \
		1, 1
#define OUTER4 0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1
#define OUTER4_OPTIONS                                                                             \
	0x46, 0, 0, 60, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1, 1, 1, 1, 1
#define ADDR6(last) 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define IP6(next) 0x60, 0, 0, 0, 0, 20, next, 64, ADDR6(1), ADDR6(2)

/* Wire bytes, and what must be read from them. */
static const struct packet {
	const char *what;
	uint8_t bytes[128];
	size_t len;
	int family;
	uint8_t type, code, proto;
	uint32_t info, seq;
	uint16_t dport;
} packets[] = {
#define P(...) .bytes = { __VA_ARGS__ }, .len = sizeof((uint8_t[]){ __VA_ARGS__ })
	{ "port unreachable about UDP", P(OUTER4, 3, 3, 0, 0, 0, 0, 0, 0, IP4(17), UDP_HEAD),
	  .family = 4, .type = 3, .code = 3, .proto = IPPROTO_UDP, .dport = 53 },
	{ "fragmentation needed about TCP",
	  P(OUTER4, 3, 4, 0, 0, 0, 0, 0x05, 0x14, IP4(6), TCP_HEAD), .family = 4, .type = 3,
	  .code = 4, .proto = IPPROTO_TCP, .info = 1300, .seq = 0x11223344, .dport = 80 },
	{ "time exceeded, options in both headers",
	  P(OUTER4_OPTIONS, 11, 0, 0, 0, 0, 0, 0, 0, IP4_OPTIONS(6), TCP_HEAD), .family = 4,
	  .type = 11, .proto = IPPROTO_TCP, .seq = 0x11223344, .dport = 80 },
	{ "about an echo request: no ports", P(OUTER4, 3, 1, 0, 0, 0, 0, 0, 0, IP4(1)), .family = 4,
	  .type = 3, .code = 1, .proto = IPPROTO_ICMP },
	{ "IPv6 packet too big", P(2, 0, 0, 0, 0, 0, 0x05, 0, IP6(6), TCP_HEAD), .family = 6,
	  .type = 2, .proto = IPPROTO_TCP, .info = 1280, .seq = 0x11223344, .dport = 80 },
	{ "IPv6 port unreachable", P(1, 4, 0, 0, 0, 0, 0, 0, IP6(17), UDP_HEAD), .family = 6,
	  .type = 1, .code = 4, .proto = IPPROTO_UDP, .dport = 53 },
	{ "IPv6 behind hop-by-hop, routing, fragment and destination headers",
	  P(1, 1, 0, 0, 0, 0, 0, 0, IP6(0), 43, 0, 0, 0, 0, 0, 0, 0,	/* hop-by-hop, next routing */
	    44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, /* routing of 16 bytes, next fragment */
	    60, 0, 0, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0, 0,
	    TCP_HEAD), /* fragment, destination, TCP */
	  .family = 6, .type = 1, .code = 1, .proto = IPPROTO_TCP, .seq = 0x11223344, .dport = 80 },
#undef P
};

static void reads_what_the_error_quotes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		const struct packet *p = &packets[i];
		struct xc_icmp_evt e;

		assert_row(p->what,
			   xc_icmp_decode(guard_copy(p->bytes, p->len), p->len, p->family, &e));
		assert_row(p->what,
			   e.family == p->family && e.type == p->type && e.code == p->code);
		assert_row(p->what, e.info == p->info && e.quoted_seq == p->seq);
		assert_row(p->what, e.tuple.proto == p->proto && e.tuple.dport_he == p->dport);
		assert_row(p->what, e.tuple.sport_he == (p->dport ? 40000 : 0));
		assert_row(p->what, e.tuple.saddr[15] == 1 && e.tuple.daddr[15] == 2);
		assert_row(p->what, (e.tuple.saddr[10] == 0xff) == (p->family == 4));
	}
}

/* A packet cut anywhere is refused, and the result is left alone. */
static void every_prefix_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++)
		for (size_t n = 0; n < packets[i].len; n++) {
			struct xc_icmp_evt e = { .info = 77 };

			assert_row(packets[i].what, !xc_icmp_decode(guard_copy(packets[i].bytes, n),
								    n, packets[i].family, &e));
			assert_int_equal(e.info, 77);
		}
}

static void more_than_needed_is_welcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		uint8_t longer[160] = { 0 };
		struct xc_icmp_evt a, b;

		memcpy(longer, packets[i].bytes, packets[i].len);
		assert_true(
			xc_icmp_decode(packets[i].bytes, packets[i].len, packets[i].family, &a));
		assert_true(xc_icmp_decode(longer, sizeof(longer), packets[i].family, &b));
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		size_t packet;
	} rows[] = {
		{ "an outer header shorter than a header", 0, 0x44, 0 },
		{ "an outer header of nothing", 0, 0x40, 0 },
		{ "a quote that is no IPv4", 28, 0x65, 0 },
		{ "a quoted header shorter than a header", 28, 0x41, 0 },
		{ "a quoted header longer than the quote", 28, 0x4f, 0 },
		{ "an IPv4 quote in ICMPv6", 8, 0x45, 4 },
		{ "an extension header longer than the quote", 49, 200, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct packet *p = &packets[rows[i].packet];
		uint8_t bytes[128];
		struct xc_icmp_evt e;

		memcpy(bytes, p->bytes, p->len);
		bytes[rows[i].at] = rows[i].value;
		assert_row(rows[i].what,
			   !xc_icmp_decode(guard_copy(bytes, p->len), p->len, p->family, &e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_error_quotes),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(more_than_needed_is_welcome),
		cmocka_unit_test(nonsense_is_refused),
	};

	return XC_RUN(tests);
}
