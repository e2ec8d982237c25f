/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "hello_made.h"
#include "talk.h"

extern const struct xc_l7_proto xc_l7_tls;

static struct talk_out out;

enum { CCS = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

static const struct made_client client = {
	.version = 0x0303,
	.ciphers = (const int[]){ 0x1301, 0xc02f, -1 },
	.extensions = (const int[]){ 0, 10, 13, 16, 43, 51, -1 },
	.groups = (const int[]){ 29, 23, -1 },
	.versions = (const int[]){ 0x0304, 0x0303, -1 },
	.signatures = (const int[]){ 0x0403, 0x0804, -1 },
	.name = "www.example.org",
	.protocols = (const char *const[]){ "h2", NULL },
};

#define CLIENT                                                                                     \
	"tls.client.server_name=www.example.org|tls.client.supported_versions=1.3,1.2"             \
	"|tls.client.next_protocols=h2|tls.client.ja3=9a747b021bd6eb98dddfc68023132fb3"            \
	"|tls.client.ja4=t13d0206h2_c1929292aa6b_e12c865f31a5"
#define V13                                                                                        \
	"|tls.protocol.version=1.3|tls.cipher=TLS_AES_128_GCM_SHA256|tls.curve=x25519"             \
	"|tls.server.ja3s=f4febc55ea12b31ae17cfb7e614afda8"
#define V12                                                                                        \
	"|tls.protocol.version=1.2|tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"               \
	"|tls.next_protocol=h2|tls.server.ja3s=896415616b22361262d7a961b6325cfd"

static void say(struct talk *t, enum xc_l7_dir dir, const struct made *m)
{
	talk_say(t, dir, m->b, m->n);
}

/* A record, and what is behind it in the same segment. */
static void put_record(struct made *m, uint8_t type, const char *text, size_t n)
{
	made_record(m, type, text, n);
}

static void put_hello(struct made *m, uint16_t version, uint16_t group, const void *random)
{
	struct made hello = { .n = 0 };

	made_server_hello(&hello, version, version > 0x0303 ? 0x1301 : 0xc02f, group, random);
	made_record(m, HANDSHAKE, hello.b, hello.n);
}

static void put_client(struct made *m)
{
	struct made hello = { .n = 0 };

	made_client_hello(&hello, &client);
	made_record(m, HANDSHAKE, hello.b, hello.n);
}

static void version_1_3(void **state)
{
	struct talk t = { .port = 443 };
	struct made c = { .n = 0 }, s = { .n = 0 }, end = { .n = 0 };

	(void)state;
	put_client(&c);
	put_hello(&s, 0x0304, 29, NULL);
	put_record(&s, CCS, "\1", 1);
	put_record(&s, DATA, "encrypted extensions and more", 29);
	put_record(&end, CCS, "\1", 1);
	put_record(&end, DATA, "finished", 8);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &s);
	say(&t, XC_L7_CLIENT, &end);
	TALK_S(&t, "\x17\3\3\0\4data");
	talk_plain(&t, &out);
	assert_string_equal(out.text,
			    "answered|tls|0|ClientHello|www.example.org||ok|" CLIENT V13 "\n");
	talk_check_properties(&t);
}

/* The hello in two records, the server's messages in one, its certificate cut by records. */
static void version_1_2(void **state)
{
	static const char certificate[] = "\x0b\0\0\x0a\0\0\7\0\0\4\x30\2\x05\0"
					  "\x0c\0\0\6\3\0\x17\1\4y"
					  "\x0e\0\0\0";
	struct talk t = { .port = 443 };
	struct made hello = { .n = 0 }, c = { .n = 0 }, s = { .n = 0 }, flight = { .n = 0 };

	(void)state;
	made_client_hello(&hello, &client);
	made_record(&c, HANDSHAKE, hello.b, 3);
	made_record(&c, HANDSHAKE, hello.b + 3, hello.n - 3);
	made_server_hello(&flight, 0x0303, 0xc02f, 0, NULL);
	made_put(&flight, certificate, sizeof(certificate) - 1);
	made_record(&s, HANDSHAKE, flight.b, flight.n - 25);
	made_record(&s, HANDSHAKE, flight.b + flight.n - 25, 25);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &s);
	TALK_C(&t, "\x16\3\3\0\6\x10\0\0\2ke\x14\3\3\0\1\1\x16\3\3\0\4\xde\xad\xbe\xef");
	TALK_S(&t, "\x14\3\3\0\1\1\x16\3\3\0\4\xde\xad\xbe\xef");
	TALK_C(&t, "\x17\3\3\0\4data");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|tls|0|ClientHello|www.example.org||ok|" CLIENT V12
				      "|tls.curve=secp256r1\n");
	talk_check_properties(&t);
}

static void hello_again(void **state)
{
	struct talk t = { .port = 443 };
	struct made c = { .n = 0 }, retry = { .n = 0 }, again = { .n = 0 }, s = { .n = 0 };

	(void)state;
	put_client(&c);
	put_hello(&retry, 0x0304, 29, made_retry);
	put_record(&retry, CCS, "\1", 1);
	put_record(&again, CCS, "\1", 1);
	put_client(&again);
	put_hello(&s, 0x0304, 29, NULL);
	put_record(&s, DATA, "x", 1);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &retry);
	say(&t, XC_L7_CLIENT, &again);
	say(&t, XC_L7_SERVER, &s);
	TALK_C(&t, "\x17\3\3\0\1x");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|tls|0|ClientHello|www.example.org||ok|" CLIENT
				      "|tls.hello_retry_request=true"
				      "|tls.hello_retry_request.curve=x25519" V13 "\n");
	talk_check_properties(&t);
}

static void refused_by_the_server(void **state)
{
	struct talk t = { .port = 443 };
	struct made c = { .n = 0 };

	(void)state;
	put_client(&c);
	say(&t, XC_L7_CLIENT, &c);
	TALK_S(&t, "\x15\3\3\0\2\1\x70\x15\3\3\0\2\2\x46");
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"notice|tls|0|Alert|www.example.org|112 unrecognized_name|server_error"
		"|tls.alert.level=warning|tls.alert.description=unrecognized_name\n"
		"notice|tls|0|Alert|www.example.org|70 protocol_version|server_error"
		"|tls.alert.level=fatal|tls.alert.description=protocol_version\n"
		"answered|tls|0|ClientHello|www.example.org|70 protocol_version|server_error|" CLIENT
		"\n");
	talk_check_properties(&t);
}

/* The client does not like the certificate; it says so before it encrypts (TLS 1.2). */
static void refused_by_the_client(void **state)
{
	struct talk t = { .port = 443 };
	struct made c = { .n = 0 }, s = { .n = 0 };

	(void)state;
	put_client(&c);
	put_hello(&s, 0x0303, 0, NULL);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &s);
	TALK_C(&t, "\x15\3\3\0\2\2\x30");
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "answered|tls|0|ClientHello|www.example.org|48 unknown_ca"
					 "|client_error|"));
	talk_check_properties(&t);
}

/* A client certificate is refused behind the client's own change of cipher. */
static void refused_late(void **state)
{
	struct talk t = { .port = 443 };
	struct made c = { .n = 0 }, s = { .n = 0 };

	(void)state;
	put_client(&c);
	put_hello(&s, 0x0303, 0, NULL);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &s);
	TALK_C(&t, "\x14\3\3\0\1\1\x16\3\3\0\4\xde\xad\xbe\xef");
	TALK_S(&t, "\x15\3\3\0\2\2\x2a");
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "answered|tls|0|ClientHello|www.example.org"
					 "|42 bad_certificate|server_error|"));
	talk_check_properties(&t);
}

static void a_server_without_tls(void **state)
{
	struct talk t = { .port = 443 };
	struct made c = { .n = 0 };

	(void)state;
	put_client(&c);
	say(&t, XC_L7_CLIENT, &c);
	TALK_S(&t, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
	talk_plain(&t, &out);
	assert_string_equal(out.text,
			    "abandoned|tls|0|ClientHello|www.example.org||no_answer|" CLIENT
			    "|crosscut.mismatch=http\n");
	talk_check_properties(&t);
}

static void no_answer(void **state)
{
	struct talk t = { .port = 443 };
	struct made c = { .n = 0 };

	(void)state;
	put_client(&c);
	say(&t, XC_L7_CLIENT, &c);
	talk_plain(&t, &out);
	assert_string_equal(out.text,
			    "abandoned|tls|0|ClientHello|www.example.org||no_answer|" CLIENT "\n");
}

/* More of it is on the wire than was captured. */
static void a_hello_cut_short(void **state)
{
	struct talk t = { .port = 443 };
	struct talk_reader sure = { 0 };
	struct talk_wire w;
	struct made c = { .n = 0 }, s = { .n = 0 };

	(void)state;
	put_client(&c);
	put_hello(&s, 0x0304, 29, NULL);
	put_record(&s, DATA, "x", 1);
	say(&t, XC_L7_CLIENT, &c);
	t.m[0].n_cap = 100;
	say(&t, XC_L7_SERVER, &s);
	TALK_C(&t, "\x17\3\3\0\1x");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|tls|0|ClientHello|||ok" V13 "\n");
	w = talk_wire(&t, SIZE_MAX, 0, 0);
	talk_read(&t, &w, &sure, &out);
	assert_string_equal(out.text, "");
	free(w.seg);
}

static void ssl_2(void **state)
{
	struct talk t = { .port = 443 };

	(void)state;
	TALK_C(&t, "\x80\x1f\1\0\2\0\6\0\0\0\x10\7\0\xc0\5\0\x80xxxxxxxxxxxxxxxx");
	TALK_S(&t, "\x80\x0b\4\0\1\0\2\0\0\0\0\0\0");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|tls|0|ClientHello|||ok"
				      "|tls.client.supported_versions=ssl2|tls.client.ssl2=true"
				      "|tls.protocol.version=ssl2\n");
	talk_check_properties(&t);
}

/* ---- what is none ---------------------------------------------------------------------------------------- */

static struct xc_l7_guess guess(const char *bytes, size_t n, bool is_start)
{
	struct xc_l7_hint hint = { .port_he = 443, .is_start = is_start };

	return xc_l7_tls.detect((struct xc_span){ (const uint8_t *)bytes, n }, &hint);
}

#define PERCENT(text) guess(text, sizeof(text) - 1, true).percent
#define PERCENT_LATE(text) guess(text, sizeof(text) - 1, false).percent

static void detection(void **state)
{
	(void)state;
	assert_int_equal(PERCENT("\x16\3\1\2\0\1\0\1\xfc\3\3"), 95);
	assert_int_equal(guess("\x16\3\3\0\x7a\2\0\0\x76\3\3", 11, true).dir, XC_L7_SERVER);
	assert_int_equal(PERCENT("\x15\3\3\0\2\2\x28"), 90);
	assert_int_equal(PERCENT_LATE("\x17\3\3\0\4data"), 60);
	assert_true(guess("\x16\3\1", 3, true).wants_more);
	assert_false(guess("\x16\3\5", 3, true).wants_more);
	/* another message first; 64 KB of hello; data at the beginning, or in half a record */
	assert_int_equal(PERCENT("\x16\3\1\2\0\x0b\0\1\xfc\3\3"), 0);
	assert_int_equal(PERCENT("\x16\3\1\2\0\1\1\1\xfc\3\3"), 0);
	assert_int_equal(PERCENT("\x17\3\3\0\4data"), 0);
	assert_int_equal(PERCENT_LATE("\x17\3\3\0\x14half"), 0);
	/* lengths of SSL 2 that do not add up */
	assert_int_equal(PERCENT("\x80\x2e\1\0\2\0\6\0\0\0\x10\7\0\xc0\5\0\x80xxxxxxxxxxxxxxxx"),
			 0);
	/* HTTP, SSH, DNS, Kafka, MySQL, PostgreSQL, MQTT, Redis, memcached */
	assert_int_equal(PERCENT("GET / HTTP/1.1\r\n\r\n"), 0);
	assert_int_equal(PERCENT("SSH-2.0-OpenSSH_9.2\r\n"), 0);
	assert_int_equal(PERCENT("\0\x1d\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), 0);
	assert_int_equal(PERCENT("\0\0\0\x10\0\x12\0\3\0\0\0\1\0\4test"), 0);
	assert_int_equal(PERCENT("\x4a\0\0\0\x0a"
				 "8.0.33\0"),
			 0);
	assert_int_equal(PERCENT("\0\0\0\x08\x04\xd2\x16\x2f"), 0);
	assert_int_equal(PERCENT("\x10\x10\0\4MQTT\4\2\0\x3c\0\4test"), 0);
	assert_int_equal(PERCENT("*1\r\n$4\r\nPING\r\n"), 0);
	assert_int_equal(PERCENT("\x80\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1_3),
		cmocka_unit_test(version_1_2),
		cmocka_unit_test(hello_again),
		cmocka_unit_test(refused_by_the_server),
		cmocka_unit_test(refused_by_the_client),
		cmocka_unit_test(refused_late),
		cmocka_unit_test(a_server_without_tls),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(a_hello_cut_short),
		cmocka_unit_test(ssl_2),
		cmocka_unit_test(detection),
	};

	return XC_RUN(tests);
}
