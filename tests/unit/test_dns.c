/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "l7/dns_text.h"
#include "talk.h"

extern const struct xc_l7_proto xc_l7_dns;

static struct talk_out out;

/* ---- messages by hand (RFC 1035 4.1) ----------------------------------------------------------------- */

#define QNAME "\3WwW\7example\3org\0"
#define IN_A "\0\1\0\1"
#define QUERY(id) id "\1\0\0\1\0\0\0\0\0\0" QNAME IN_A
#define POINTER "\xc0\x0c"
#define A_RECORD POINTER IN_A "\0\0\1\x2c\0\4\xc0\0\2\1"
#define CNAME_RECORD POINTER "\0\5\0\1\0\0\0\x0a\0\6\3web\xc0\x10"
#define OPT_RECORD(high) "\0\0\x29\4\xd0" high "\0\0\0\0\0"

#define UDP_C(t, text) talk_say(t, XC_L7_CLIENT, text, sizeof(text) - 1)
#define UDP_S(t, text) talk_say(t, XC_L7_SERVER, text, sizeof(text) - 1)

#define SENT "|dns.question.class=IN|dns.flags.recursion_desired=true"
#define GOT(aa, tc, ra)                                                                            \
	"|dns.flags.authoritative=" aa "|dns.flags.truncated=" tc                                  \
	"|dns.flags.recursion_available=" ra

static void an_answer_with_records(void **state)
{
	struct talk t = { .is_datagram = true, .port = 53 };

	(void)state;
	UDP_C(&t, QUERY("\x12\x34"));
	UDP_S(&t,
	      "\x12\x34\x81\x80\0\1\0\2\0\0\0\1" QNAME IN_A CNAME_RECORD A_RECORD OPT_RECORD("\0"));
	UDP_C(&t, QUERY("\x12\x35"));
	UDP_S(&t, "\x12\x35\x86\x03\0\1\0\0\0\0\0\0" QNAME IN_A);
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"answered|dns|4660|A|www.example.org|0 NOERROR|ok" SENT GOT(
			"false", "false",
			"true") "|dns.answer=www.example.org CNAME IN 10 web.example.org"
				"|dns.answer=www.example.org A IN 300 192.0.2.1|dns.answer.count=2\n"
				"answered|dns|4661|A|www.example.org|3 NXDOMAIN|client_error" SENT
					GOT("true", "true", "false") "|dns.answer.count=0\n");
	talk_check_properties(&t);
}

static void several_over_tcp(void **state)
{
	struct talk t = { .port = 53 };

	(void)state;
	/* two in a segment, answered in the other order */
	TALK_C(&t, "\0\x21" QUERY("\0\1") "\0\x21" QUERY("\0\2"));
	TALK_S(&t, "\0\x31\0\2\x81\x80\0\1\0\1\0\0\0\0" QNAME IN_A A_RECORD
		   "\0\x21\0\1\x81\x82\0\1\0\0\0\0\0\0" QNAME IN_A);
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"answered|dns|2|A|www.example.org|0 NOERROR|ok" SENT GOT(
			"false", "false",
			"true") "|dns.answer=www.example.org A IN 300 192.0.2.1|dns.answer.count=1\n"
				"answered|dns|1|A|www.example.org|2 SERVFAIL|server_error" SENT GOT(
					"false", "false", "true") "|dns.answer.count=0\n");
	talk_check_properties(&t);
}

static void asked_again_is_one_request(void **state)
{
	struct talk t = { .is_datagram = true, .port = 53 };

	(void)state;
	UDP_C(&t, QUERY("\0\1"));
	UDP_C(&t, QUERY("\0\1"));
	UDP_C(&t, QUERY("\0\1"));
	UDP_C(&t, "\0\1\1\0\0\1\0\0\0\0\0\0" QNAME "\0\x1c\0\1");	/* AAAA: not the same */
	UDP_S(&t, "\0\1\x81\x85\0\1\0\0\0\0\0\0" QNAME IN_A);
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"answered|dns|1|A|www.example.org|5 REFUSED|server_error" SENT
		"|dns.retries=2" GOT("false", "false",
				     "true") "|dns.answer.count=0\n"
					     "abandoned|dns|1|AAAA|www.example.org||no_answer" SENT
					     "\n");
}

static void the_extended_rcode(void **state)
{
	struct talk t = { .is_datagram = true, .port = 53 };

	(void)state;
	UDP_C(&t, QUERY("\0\1"));
	UDP_S(&t, "\0\1\x81\x87\0\1\0\0\0\0\0\1" QNAME IN_A OPT_RECORD("\1"));
	UDP_C(&t, QUERY("\0\2"));
	UDP_S(&t, "\0\2\x81\x01\0\0\0\0\0\0\0\0");	/* refused without the question */
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "|1|A|www.example.org|23 BADCOOKIE|client_error"));
	assert_non_null(strstr(out.text, "|2|A|www.example.org|1 FORMERR|client_error"));
}

/* Who answers a multicast does so from elsewhere, or to all: nothing waits for it. */
static void multicast_is_told_as_it_comes(void **state)
{
	struct talk t = { .is_datagram = true, .port = 5353 };

	(void)state;
	UDP_C(&t, "\0\0\0\0\0\2\0\0\0\0\0\0\3web\5local\0" IN_A "\xc0\x0c\0\x1c\x80\1");
	UDP_S(&t, "\0\0\x84\0\0\0\0\1\0\0\0\0\3web\5local\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\1");
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"notice|dns|0|A|web.local||unknown|dns.question.class=IN"
		"|dns.question.count=2|dns.flags.recursion_desired=false\n"
		"notice|dns|0|A|web.local|0 NOERROR|ok" GOT(
			"true", "false",
			"false") "|dns.answer=web.local A IN 120 192.0.2.1|dns.answer.count=1\n");
	talk_check_properties(&t);
}

#define SOA_DATA "\xc0\x0c\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"
#define ZONE "\7example\3org\0"
#define SOA_RECORD "\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x18" SOA_DATA
#define SOA_TEXT "|dns.answer=example.org SOA IN 60 example.org example.org 1 2 3 4 5"

static void a_zone_transfer(void **state)
{
	struct talk t = { .port = 53 };

	(void)state;
	TALK_C(&t, "\0\x1d\0\1\0\0\0\1\0\0\0\0\0\0" ZONE "\0\xfc\0\1");
	TALK_S(&t, "\0\x41\0\1\x84\0\0\1\0\1\0\0\0\0" ZONE "\0\xfc\0\1" SOA_RECORD);
	TALK_S(&t, "\0\x2d\0\1\x84\0\0\1\0\1\0\0\0\0" ZONE "\0\xfc\0\1" A_RECORD
		   "\0\x3b\0\1\x84\0\0\0\0\1\0\0\0\0" ZONE "\0\6\0\1\0\0\0\x3c\0\x18" SOA_DATA);
	talk_plain(&t, &out);
	assert_string_equal(out.text,
			    "answered|dns|1|AXFR|example.org|0 NOERROR|ok|dns.question.class=IN"
			    "|dns.flags.recursion_desired=false" GOT("true", "false", "false")
				    SOA_TEXT "|dns.answer=example.org A IN 300 192.0.2.1" SOA_TEXT
					     "|dns.answer.count=3\n");
	talk_check_properties(&t);
}

/* Answers that cannot be read do not undo the status: they are left out, and it is flagged. */
static void malformed_answers(void **state)
{
	struct talk t = { .is_datagram = true, .port = 53 };
	struct talk_reader sure = { 0 };
	struct talk_wire w;

	(void)state;
	UDP_C(&t, QUERY("\0\1"));
	UDP_S(&t, "\0\1\x81\x80\0\1\0\2\0\0\0\0" QNAME IN_A A_RECORD "\xc0\x31\0\1\0\1");
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "0 NOERROR|ok"));
	assert_non_null(strstr(out.text, "A IN 300 192.0.2.1|dns.answer.count=2"));
	w = talk_wire(&t, SIZE_MAX, 0, 0);
	talk_read(&t, &w, &sure, &out);
	assert_int_equal(out.n_lines, 0);
	free(w.seg);
}

/* ---- names -------------------------------------------------------------------------------------------------- */

static bool name_at(const void *p, size_t len, size_t at, char name[static XC_DNS_NAME])
{
	struct xc_span message = { p, len };
	struct xc_rd rd = xc_rd(xc_span_from(message, at));

	return xc_dns_name(message, &rd, name);
}

static void names(void **state)
{
	static const char some[] = "............\3a.B\2 \\\0\1c\xc0\x0c";
	char name[XC_DNS_NAME];
	uint8_t deep[12 + 1 + 2 * 200] = { 0 }, wide[300];

	(void)state;
	assert_true(name_at(some, sizeof(some) - 1, 12, name));
	assert_string_equal(name, "a\\046b.\\032\\092");
	assert_true(name_at(some, sizeof(some) - 1, 20, name));
	assert_string_equal(name, "c.a\\046b.\\032\\092");
	/* to itself, forward, into the header, cut */
	assert_false(name_at("............\xc0\x0c", 14, 12, name));
	assert_false(name_at("............\xc0\x0e\0", 15, 12, name));
	assert_false(name_at("............\xc0\x00", 14, 12, name));
	assert_false(name_at("............\3ab", 15, 12, name));
	assert_false(name_at("............\x41"
			     "a\0",
			     15, 12, name));
	/* a chain of pointers backwards, one more than allowed */
	for (size_t i = 0; i < 200; i++) {
		size_t to = i ? 13 + 2 * (i - 1) : 12;

		deep[13 + 2 * i] = (uint8_t)(0xc0 | to >> 8);
		deep[14 + 2 * i] = (uint8_t)to;
	}
	assert_true(name_at(deep, sizeof(deep), 13 + 2 * 127, name));
	assert_string_equal(name, ".");
	assert_false(name_at(deep, sizeof(deep), 13 + 2 * 128, name));
	/* 255 bytes, and 256 */
	for (size_t i = 0; i < sizeof(wide); i++)
		wide[i] = i < 12 || (i - 12) % 2 ? 'x' : 1;
	wide[12 + 254] = 0;
	assert_true(name_at(wide, sizeof(wide), 12, name));
	wide[12 + 254] = 1;
	wide[12 + 256] = 0;
	assert_false(name_at(wide, sizeof(wide), 12, name));
}

static void data_of(uint16_t type, const char *bytes, size_t n, const char *want)
{
	struct xc_dns_record record = { .type = type, .data = { (const uint8_t *)bytes, n } };
	char text[XC_DNS_DATA];

	xc_dns_data(record.data, &record, text);
	assert_string_equal(text, want);
}

static void data_as_text(void **state)
{
	(void)state;
	data_of(1, "\xc0\0\2\1", 4, "192.0.2.1");
	data_of(1, "\xc0\0\2", 3, "\\# 3 c00002");
	data_of(28, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, "2001:db8::1");
	data_of(15, "\0\x0a\2mx\0", 6, "10 mx");
	data_of(33, "\0\1\0\2\0\x35\2ns\0", 10, "1 2 53 ns");
	data_of(16, "\3a\"b\0", 5, "\"a\\\"b\" \"\"");
	data_of(257, "\0\5issueca.x", 11, "0 issue \"ca.x\"");
	data_of(65, "\0\1\0\0\1\0\6\2h2\2h3\0\3\0\2\1\xbb", 19, "1 . alpn=h2,h3 port=443");
	data_of(65, "\0\1\0\0\3\0\4\1\xbb\0\0", 11,
		"\\# 11 00010000030004"
		"01bb0000");
	data_of(999, "\1\2", 2, "\\# 2 0102");
}

/* ---- what is none ---------------------------------------------------------------------------------------------- */

static uint8_t percent(const char *bytes, size_t n, bool is_datagram, uint16_t port)
{
	struct xc_l7_hint hint = { .port_he = port, .is_start = true, .is_datagram = is_datagram };

	return xc_l7_dns.detect((struct xc_span){ (const uint8_t *)bytes, n }, &hint).percent;
}

#define PERCENT(text, is_datagram, port) percent(text, sizeof(text) - 1, is_datagram, port)

static void detection(void **state)
{
	(void)state;
	assert_int_equal(PERCENT(QUERY("\0\1"), true, 53), 95);
	assert_int_equal(PERCENT(QUERY("\0\1"), true, 9999), 92);
	assert_int_equal(PERCENT("\0\x21" QUERY("\0\1"), false, 53), 95);
	/* with the bit that is reserved (RFC 1035 4.1.1 Z): only a suspicion */
	assert_int_equal(PERCENT("\0\1\1\x40\0\1\0\0\0\0\0\0" QNAME IN_A, true, 53), 60);
	/* bytes behind it; a question more; an operation nobody has defined; a query with a status */
	assert_int_equal(PERCENT(QUERY("\0\1") "x", true, 9999), 0);
	assert_int_equal(PERCENT("\0\1\1\0\0\2\0\0\0\0\0\0" QNAME IN_A QNAME IN_A, true, 53), 0);
	assert_int_equal(PERCENT("\0\1\x19\0\0\1\0\0\0\0\0\0" QNAME IN_A, true, 53), 0);
	assert_int_equal(PERCENT("\0\1\1\3\0\1\0\0\0\0\0\0" QNAME IN_A, true, 53), 0);
	/* NetBIOS, NTP, RTP, STUN, QUIC, HTTP, TLS */
	assert_int_equal(PERCENT("\0\1\1\x10\0\1\0\0\0\0\0\0\x20"
				 "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				 "\0\0\x21\0\1",
				 true, 137),
			 0);
	assert_int_equal(
		PERCENT("\x23\2\6\xec\0\0\0\x20\0\0\0\x20\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0"
			"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
			true, 123),
		0);
	assert_int_equal(PERCENT("\x80\0\0\1\0\0\0\xa0\1\2\3\4xxxxxxxxxxxxxxxx", true, 5004), 0);
	assert_int_equal(PERCENT("\0\1\0\0\x21\x12\xa4\x42xxxxxxxxxxxx", true, 3478), 0);
	assert_int_equal(PERCENT("\xc3\0\0\0\1\x08xxxxxxxx\0\0\0\x44\xd0", true, 443), 0);
	assert_int_equal(PERCENT("GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, 80), 0);
	assert_int_equal(PERCENT("\x16\3\1\0\x10\1\0\0\x0c\3\3xxxxxxxxxx", false, 443), 0);
	assert_int_equal(PERCENT("\0\0\0\x10\0\x12\0\0\0\0\0\1\0\4test", false, 9092), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_with_records),
		cmocka_unit_test(several_over_tcp),
		cmocka_unit_test(asked_again_is_one_request),
		cmocka_unit_test(the_extended_rcode),
		cmocka_unit_test(multicast_is_told_as_it_comes),
		cmocka_unit_test(a_zone_transfer),
		cmocka_unit_test(malformed_answers),
		cmocka_unit_test(names),
		cmocka_unit_test(data_as_text),
		cmocka_unit_test(detection),
	};

	return XC_RUN(tests);
}
