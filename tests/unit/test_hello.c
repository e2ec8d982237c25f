/* SPDX-License-Identifier: Apache-2.0 */
/* Fingerprints of hellos whose JA3 and JA4 are published; what is read of certificates. */
#include "xctest.h"

#include "hello_made.h"
#include "l7/cert.h"
#include "l7/hello.h"
#include "l7/tls_names.h"

static struct xc_request request;

static struct xc_hello hello_of(const struct made *m, enum xc_hello_type type)
{
	struct xc_hello h = { 0 };

	assert_true(xc_hello_read((struct xc_span){ m->b + 4, m->n - 4 }, type, &h));
	/* any byte less and it is none, or one of old, without extensions */
	for (size_t n = 0; n < m->n - 4; n++) {
		struct xc_hello x;

		if (xc_hello_read((struct xc_span){ m->b + 4, n }, type, &x))
			assert_int_equal(x.extensions.len, 0);
	}
	return h;
}

static void tell(const struct made_client *c, char transport)
{
	struct made m = { .n = 0 };
	struct xc_hello h;

	made_client_hello(&m, c);
	h = hello_of(&m, XC_HELLO_CLIENT);
	xc_request_reset(&request, "tls");
	xc_hello_tell_client(&h, transport, &request);
}

static void is(const char *key, const char *want)
{
	const char *got = xc_request_get(&request, key);

	if (!want)
		assert_null(got);
	else if (!got)
		fail_msg("%s is missing", key);
	else
		assert_string_equal(got, want);
}

/* A browser of 2025, as a public service of fingerprints showed it, with GREASE (RFC 8701) where it puts it. */
static const struct made_client browser = {
	.version = 0x0303,
	.ciphers = (const int[]){ 0x4a4a, 4865, 4866, 4867, 49195, 49199, 49196, 49200, 52393,
				  52392, 49171, 49172, 156, 157, 47, 53, -1 },
	.extensions = (const int[]){ 0x8a8a, 45, 51, 16, 65037, 23, 17613, 0, 11, 10, 43, 65281, 35,
				     18, 5, 13, 27, 0x1a1a, -1 },
	.groups = (const int[]){ 0xdada, 4588, 29, 23, 24, -1 },
	.versions = (const int[]){ 0x3a3a, 0x0304, 0x0303, -1 },
	.signatures =
		(const int[]){ 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, -1 },
	.name = "tls.example.org",
	.protocols = (const char *const[]){ "h2", "http/1.1", NULL },
};

static void fingerprints(void **state)
{
	struct made_client c = browser;

	(void)state;
	tell(&c, 't');
	assert_string_equal(request.method, "ClientHello");
	assert_string_equal(request.target, "tls.example.org");
	is("tls.client.server_name", "tls.example.org");
	is("tls.client.ja3", "98487aa16281980e7d1120d399efb6a4");
	is("tls.client.ja4", "t13d1516h2_8daaf6152771_d8a2da3f94cd");
	is("tls.client.supported_versions", "1.3,1.2");
	is("tls.client.next_protocols", "h2,http/1.1");
	is("tls.client.ech", "outer");
	tell(&c, 'q');
	is("tls.client.ja4", "q13d1516h2_8daaf6152771_d8a2da3f94cd");
	/* the order of extensions is shuffled: JA4 stays */
	c.extensions = (const int[]){ 10,    43, 65281, 0,     35, 45, 51, 16, 23,
				      65037, 18, 5,	17613, 11, 13, 27, -1 };
	tell(&c, 't');
	is("tls.client.ja4", "t13d1516h2_8daaf6152771_d8a2da3f94cd");
}

static void hellos_with_less(void **state)
{
	struct made_client c = { .version = 0x0301,
				 .ciphers = (const int[]){ 0x0a0a, 47, -1 },
				 .extensions = (const int[]){ -1 } };

	(void)state;
	tell(&c, 't');
	/* MD5 of "769,47,,,"; SHA-256 of "002f" */
	is("tls.client.ja3", "b02be259814e870a469a20ce9b2a7900");
	is("tls.client.ja4", "t10i010000_ba72b8082249_000000000000");
	is("tls.client.supported_versions", "1.0");
	is("tls.client.server_name", NULL);
	is("tls.client.next_protocols", NULL);
	is("tls.client.ech", NULL);
	assert_string_equal(request.target, "");
	/* no signature algorithms: no underscore. A protocol that is no text: its hex digits */
	c.extensions = (const int[]){ 16, 23, -1 };
	c.protocols = (const char *const[]){ "\xab\xcd", NULL };
	tell(&c, 't');
	is("tls.client.ja4", "t10i0102ad_ba72b8082249_1ca028f07214");
	c.protocols = (const char *const[]){ "h", NULL };
	tell(&c, 't');
	is("tls.client.ja4", "t10i0102hh_ba72b8082249_1ca028f07214");
}

static void servers(void **state)
{
	struct made m = { .n = 0 };
	struct xc_hello h;

	(void)state;
	made_server_hello(&m, 0x0304, 0x1301, 29, NULL);
	h = hello_of(&m, XC_HELLO_SERVER);
	assert_false(h.is_retry);
	assert_int_equal(xc_hello_version(&h), 0x0304);
	xc_request_reset(&request, "tls");
	xc_hello_tell_server(&h, &request);
	is("tls.protocol.version", "1.3");
	is("tls.cipher", "TLS_AES_128_GCM_SHA256");
	is("tls.curve", "x25519");
	/* MD5 of "771,4865,43-51" */
	is("tls.server.ja3s", "f4febc55ea12b31ae17cfb7e614afda8");
	m.n = 0;
	made_server_hello(&m, 0x0304, 0x1301, 23, made_retry);
	h = hello_of(&m, XC_HELLO_SERVER);
	assert_true(h.is_retry);
	xc_request_reset(&request, "tls");
	xc_hello_tell_server(&h, &request);
	is("tls.hello_retry_request", "true");
	is("tls.hello_retry_request.curve", "secp256r1");
	is("tls.protocol.version", NULL);
}

static void numbers_as_text(void **state)
{
	char word[XC_TLS_WORD];

	(void)state;
	assert_string_equal(xc_tls_version_str(0x0300, word), "ssl3");
	assert_string_equal(xc_tls_version_str(0x7f1c, word), "1.3-draft28");
	assert_string_equal(xc_tls_version_str(0x0505, word), "0x0505");
	assert_string_equal(xc_tls_cipher_str(0xcca8, word),
			    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
	assert_string_equal(xc_tls_cipher_str(0xeeee, word), "0xeeee");
	assert_string_equal(xc_tls_group_str(4588, word), "X25519MLKEM768");
	assert_string_equal(xc_tls_alert_str(48, word), "unknown_ca");
	assert_string_equal(xc_tls_alert_str(200, word), "200");
}

/* ---- certificates (RFC 5280 4.1), without what nobody reads ------------------------------------------------ */

static size_t der(struct made *m, uint8_t tag)
{
	made_be(m, tag, 1);
	made_be(m, 0x82, 1);
	return made_begin(m, 2);
}

static void der_text(struct made *m, uint8_t tag, const char *text)
{
	size_t at = der(m, tag);

	made_put(m, text, strlen(text));
	made_end(m, at, 2);
}

static void der_names(struct made *m, const char *const *names)
{
	size_t at[6] = { der(m, 0xa3), der(m, 0x30), der(m, 0x30) };

	der_text(m, 0x06, "\x55\x1d\x11");
	at[3] = der(m, 0x04);
	at[4] = der(m, 0x30);
	for (; *names; names++)
		der_text(m, 0x82, *names);
	for (int i = 4; i >= 0; i--)
		made_end(m, at[i], 2);
}

static void certificate(struct made *m, const char *until, const char *cn, const char *const *names)
{
	size_t all = der(m, 0x30), tbs = der(m, 0x30), at[3];

	der_text(m, 0xa0, "\2\1\2");
	der_text(m, 0x02, "\1");
	der_text(m, 0x30, "");
	der_text(m, 0x30, "");
	at[0] = der(m, 0x30);
	der_text(m, 0x17, "240101000000Z");
	der_text(m, strlen(until) == 13 ? 0x17 : 0x18, until);
	made_end(m, at[0], 2);
	at[0] = der(m, 0x30);
	at[1] = der(m, 0x31);
	at[2] = der(m, 0x30);
	der_text(m, 0x06, "\x55\x04\x03");
	der_text(m, 0x0c, cn);
	for (int i = 2; i >= 0; i--)
		made_end(m, at[i], 2);
	der_text(m, 0x30, "");
	if (names)
		der_names(m, names);
	made_end(m, tbs, 2);
	made_end(m, all, 2);
}

static void tell_certificate(const struct made *m, size_t n, const char *sni)
{
	xc_request_reset(&request, "tls");
	if (sni)
		xc_request_attr_text(&request, "tls.client.server_name", sni);
	xc_cert_tell((struct xc_span){ m->b, n }, &request);
}

static void certificates(void **state)
{
	static const char *const names[] = { "example.org", "*.example.org", NULL };
	struct made m = { .n = 0 };

	(void)state;
	certificate(&m, "250630235959Z", "CA style name", names);
	tell_certificate(&m, m.n, "WWW.example.org");
	is("tls.server.certificate.subject", "CA style name");
	is("tls.server.certificate.not_after", "2025-06-30T23:59:59Z");
	is("tls.server.certificate.names", "example.org,*.example.org");
	is("tls.server.certificate.name_match", "true");
	tell_certificate(&m, m.n, "a.b.example.org");
	is("tls.server.certificate.name_match", "false");
	tell_certificate(&m, m.n, ".example.org");
	is("tls.server.certificate.name_match", "false");
	tell_certificate(&m, m.n, NULL);
	is("tls.server.certificate.name_match", NULL);
	/* cut anywhere: never a false "false" */
	for (size_t n = 0; n < m.n; n++) {
		tell_certificate(&m, n, "other.net");
		is("tls.server.certificate.name_match", NULL);
	}
	m.n = 0;
	certificate(&m, "20510101000000Z", "old.example.org", NULL);
	tell_certificate(&m, m.n, "old.example.org");
	is("tls.server.certificate.not_after", "2051-01-01T00:00:00Z");
	is("tls.server.certificate.name_match", "true");
	m.n = 0;
	certificate(&m, "990101000000Z", "old.example.org", NULL);
	tell_certificate(&m, m.n, NULL);
	is("tls.server.certificate.not_after", "1999-01-01T00:00:00Z");
	xc_buf_done(&request.attrs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprints),	   cmocka_unit_test(hellos_with_less),
		cmocka_unit_test(servers),	   cmocka_unit_test(numbers_as_text),
		cmocka_unit_test(certificates),
	};

	return XC_RUN(tests);
}
