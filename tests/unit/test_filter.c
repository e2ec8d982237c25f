/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "core/filter.h"

#include <arpa/inet.h>
#include <errno.h>

/* "10.0.0.1" or "2001:db8::1" into the IPv4-mapped form. */
static void addr(const char *text, uint8_t out[16])
{
	if (inet_pton(AF_INET6, text, out) == 1)
		return;
	memcpy(out, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	assert_int_equal(inet_pton(AF_INET, text, out + 12), 1);
}

static struct xc_tuple flow(const char *from, uint16_t sport, const char *to, uint16_t dport)
{
	struct xc_tuple t = { .sport_he = sport, .dport_he = dport, .proto = 6 };

	addr(from, t.saddr);
	addr(to, t.daddr);
	return t;
}

static void reads_what_is_right(void **state)
{
	static const struct {
		enum xc_filter_kind kind;
		const char *text, *addr;
		uint8_t prefix_len;
		uint16_t port;
		bool is_not;
	} rows[] = {
		{ XC_FILTER_FROM, "10.0.0.1", "10.0.0.1", 128, 0, false },
		{ XC_FILTER_FROM, "10.0.0.0/8", "10.0.0.0", 104, 0, false },
		{ XC_FILTER_FROM, "10.1.2.3/8", "10.0.0.0", 104, 0, false },
		{ XC_FILTER_TO, "0.0.0.0/0", "0.0.0.0", 96, 0, false },
		{ XC_FILTER_TO, "10.0.0.1:443", "10.0.0.1", 128, 443, false },
		{ XC_FILTER_TO, "10.0.0.0/24:443", "10.0.0.0", 120, 443, false },
		{ XC_FILTER_IP, "2001:db8::1", "2001:db8::1", 128, 0, false },
		{ XC_FILTER_IP, "2001:db8:ffff::/33", "2001:db8:8000::", 33, 0, false },
		{ XC_FILTER_IP, "[2001:db8::1]:80", "2001:db8::1", 128, 80, false },
		{ XC_FILTER_IP, "[2001:db8::/32]:80", "2001:db8::", 32, 80, false },
		{ XC_FILTER_IP, "[::1]", "::1", 128, 0, false },
		{ XC_FILTER_IP, "::/0", "::", 0, 0, false },
		{ XC_FILTER_IP, ":443", "::", 0, 443, false },
		{ XC_FILTER_IP, "!10.0.0.1", "10.0.0.1", 128, 0, true },
		{ XC_FILTER_PORT, "443", "::", 0, 443, false },
		{ XC_FILTER_PORT, ":65535", "::", 0, 65535, false },
		{ XC_FILTER_PORT, "!22", "::", 0, 22, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_filter f;
		const char *why = "";
		uint8_t want[16];

		addr(rows[i].addr, want);
		if (xc_filter_parse(rows[i].kind, rows[i].text, &f, &why))
			fail_msg("'%s' %s", rows[i].text, why);
		assert_row(rows[i].text, f.kind == rows[i].kind);
		assert_row(rows[i].text, f.prefix_len == rows[i].prefix_len);
		assert_row(rows[i].text, f.port_he == rows[i].port);
		assert_row(rows[i].text, f.is_not == rows[i].is_not);
		assert_row(rows[i].text, !memcmp(f.addr, want, 16));
		assert_string_equal(f.text, rows[i].text + f.is_not);
	}
}

static void refuses_what_is_wrong(void **state)
{
	static const struct {
		enum xc_filter_kind kind;
		const char *text;
	} rows[] = {
		{ XC_FILTER_FROM, "" },
		{ XC_FILTER_FROM, "!" },
		{ XC_FILTER_FROM, "host" },
		{ XC_FILTER_FROM, "10.0.0" },
		{ XC_FILTER_FROM, "10.0.0.256" },
		{ XC_FILTER_FROM, "10.0.0.1/33" },
		{ XC_FILTER_FROM, "10.0.0.1/" },
		{ XC_FILTER_FROM, "10.0.0.1/-1" },
		{ XC_FILTER_FROM, "10.0.0.1:0" },
		{ XC_FILTER_FROM, "10.0.0.1:65536" },
		{ XC_FILTER_FROM, "10.0.0.1:" },
		{ XC_FILTER_FROM, ":" },
		{ XC_FILTER_FROM, "::1/129" },
		{ XC_FILTER_FROM, "[::1" },
		{ XC_FILTER_FROM, "[::1]80" },
		{ XC_FILTER_FROM, "[::1]:" },
		{ XC_FILTER_FROM, "[10.0.0.1]x" },
		{ XC_FILTER_FROM, "::1%eth0" },
		{ XC_FILTER_FROM, "10.0.0.1 " },
		{ XC_FILTER_PORT, "0" },
		{ XC_FILTER_PORT, "80-90" },
		{ XC_FILTER_PORT, "https" },
		{ XC_FILTER_PORT, "65536" },
		{ XC_FILTER_PORT, "" },
		{ XC_FILTER_FROM,
		  "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:11111" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_filter f = { .port_he = 77 };
		const char *why = NULL;
		const char *text = guard_copy(rows[i].text, strlen(rows[i].text) + 1);

		assert_row(rows[i].text, xc_filter_parse(rows[i].kind, text, &f, &why) == -EINVAL);
		assert_row(rows[i].text, why && *why);
		assert_row(rows[i].text, f.port_he == 77);
	}
}

/* Up to three filters and a flow: does it pass? */
static void holds_as_documented(void **state)
{
	static const struct {
		const char *what;
		struct {
			enum xc_filter_kind kind;
			const char *text;
		} f[3];
		bool want;
	} rows[] = {
		{ "no filter", { { 0 } }, true },
		{ "client", { { XC_FILTER_FROM, "10.0.0.1" } }, true },
		{ "the server is no client", { { XC_FILTER_FROM, "10.0.0.2" } }, false },
		{ "server", { { XC_FILTER_TO, "10.0.0.2:80" } }, true },
		{ "wrong port", { { XC_FILTER_TO, "10.0.0.2:81" } }, false },
		{ "either: server", { { XC_FILTER_IP, "10.0.0.2" } }, true },
		{ "either: port must be that end's", { { XC_FILTER_IP, "10.0.0.1:80" } }, false },
		{ "port", { { XC_FILTER_PORT, "80" } }, true },
		{ "alternatives",
		  { { XC_FILTER_TO, "10.9.9.9" }, { XC_FILTER_TO, "10.0.0.2" } },
		  true },
		{ "both kinds",
		  { { XC_FILTER_FROM, "10.0.0.1" }, { XC_FILTER_TO, "10.9.9.9" } },
		  false },
		{ "not wins",
		  { { XC_FILTER_IP, "10.0.0.0/8" }, { XC_FILTER_PORT, "!80" } },
		  false },
		{ "not of another", { { XC_FILTER_TO, "!10.9.9.9" } }, true },
		{ "nothing but not", { { XC_FILTER_FROM, "!10.0.0.1" } }, false },
		{ "IPv6 is not IPv4", { { XC_FILTER_IP, "0.0.0.0/0" } }, true },
		{ "any", { { XC_FILTER_IP, "::/0" } }, true },
	};
	struct xc_tuple t = flow("10.0.0.1", 40000, "10.0.0.2", 80);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_filter f[3];
		const char *why;
		size_t n = 0;

		for (; n < 3 && rows[i].f[n].text; n++)
			assert_row(rows[i].what, !xc_filter_parse(rows[i].f[n].kind,
								  rows[i].f[n].text, &f[n], &why));
		assert_row(rows[i].what, xc_filters_hold(f, n, &t) == rows[i].want);
	}
}

static void all_of_ipv4_is_not_ipv6(void **state)
{
	struct xc_tuple t = flow("2001:db8::1", 40000, "2001:db8::2", 80);
	struct xc_filter f;
	const char *why;

	(void)state;
	assert_int_equal(xc_filter_parse(XC_FILTER_IP, "0.0.0.0/0", &f, &why), 0);
	assert_false(xc_filters_hold(&f, 1, &t));
	assert_int_equal(xc_filter_parse(XC_FILTER_IP, "::/0", &f, &why), 0);
	assert_true(xc_filters_hold(&f, 1, &t));
}

static void kernel_form_says_the_same(void **state)
{
	static const uint8_t mask[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct xc_filter f;
	struct xc_match m;
	const char *why;

	(void)state;
	assert_int_equal(xc_filter_parse(XC_FILTER_TO, "!10.0.0.0/8:443", &f, &why), 0);
	xc_filter_to_match(&f, &m);
	assert_int_equal(m.what, XC_MATCH_TO);
	assert_int_equal(m.group, XC_FILTER_TO);
	assert_int_equal(m.is_not, 1);
	assert_memory_equal(m.mask, mask, 16);
	assert_int_equal(m.port_mask, 0xffff);
	assert_int_equal(m.port_he, 443);
	assert_memory_equal(m.addr, f.addr, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_right),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(holds_as_documented),
		cmocka_unit_test(all_of_ipv4_is_not_ipv6),
		cmocka_unit_test(kernel_form_says_the_same),
	};

	return XC_RUN(tests);
}
