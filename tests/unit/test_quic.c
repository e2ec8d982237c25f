/* SPDX-License-Identifier: Apache-2.0 */
/* Initial packets sealed with the keys the RFCs write down (RFC 9001 A.1, RFC 9369 A.1): nothing of the code under test makes them. */
#include "xctest.h"

#include "hello_made.h"
#include "talk.h"

#include <nettle/aes.h>
#include <nettle/gcm.h>

extern const struct xc_l7_proto xc_l7_quic;

static struct talk_out out;

struct keys {
	uint32_t version;
	uint8_t type;	/* of an Initial */
	const char *key, *iv, *hp;	/* hexadecimal */
};

/* Of the connection id below. */
static const struct keys v1[2] = {
	{ 1, 0, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
	  "9f50449e04a0e810283a1e9933adedd2" },
	{ 1, 0, "cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e",
	  "c206b8d9b9f0f37644430b490eeaa314" },
};
static const struct keys v2[2] = {
	{ 0x6b3343cf, 1, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
	  "45b95e15235d6f45a6b19cbcb0294ba9" },
	{ 0x6b3343cf, 1, "82db637861d55e1d011f19ea71d5d2a7", "dd13c276499c0249d3310652",
	  "edf6d05c83121201b436e16877593c3a" },
};

#define ID "\x83\x94\xc8\xf0\x3e\x51\x57\x08"

static void unhex(const char *hex, uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &bytes[i]), 1);
}

/* Seal @frames (padded) behind the header in @m. */
static void seal(struct made *m, size_t at, const struct keys *k, uint16_t number,
		 const struct made *frames)
{
	uint8_t key[16], iv[12], hp[16], mask[16];
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	size_t n_header = m->n - at;

	unhex(k->key, key, 16);
	unhex(k->iv, iv, 12);
	unhex(k->hp, hp, 16);
	iv[10] ^= (uint8_t)(number >> 8);
	iv[11] ^= (uint8_t)number;
	gcm_aes128_set_key(&gcm, key);
	gcm_aes128_set_iv(&gcm, 12, iv);
	gcm_aes128_update(&gcm, n_header, m->b + at);
	assert_true(m->n + frames->n + 16 <= sizeof(m->b));
	gcm_aes128_encrypt(&gcm, frames->n, m->b + m->n, frames->b);
	gcm_aes128_digest(&gcm, 16, m->b + m->n + frames->n);
	m->n += frames->n + 16;
	aes128_set_encrypt_key(&aes, hp);
	aes128_encrypt(&aes, 16, mask, m->b + at + n_header + 2);
	m->b[at] ^= mask[0] & 0x0f;
	m->b[at + n_header - 2] ^= mask[1];
	m->b[at + n_header - 1] ^= mask[2];
}

static void initial(struct made *m, const struct keys *k, bool is_server, uint16_t number,
		    const struct made *frames)
{
	static const uint8_t zeros[1200];
	struct made padded = *frames;
	size_t at = m->n;

	if (padded.n < 1170)
		made_put(&padded, zeros, 1170 - padded.n);
	made_be(m, 0xc1u | (unsigned)k->type << 4, 1);
	made_be(m, k->version, 4);
	made_put(m, is_server ? "\0" : "\x08" ID, is_server ? 1 : 9);
	made_put(m, is_server ? "\4SRVR" : "\0", is_server ? 5 : 1);
	made_be(m, 0, 1);
	made_be(m, 0x4000 | (padded.n + 16 + 2), 2);
	made_be(m, number, 2);
	seal(m, at, k, number, &padded);
}

static void crypto(struct made *frames, const struct made *stream, size_t from, size_t to)
{
	made_be(frames, 6, 1);
	made_be(frames, 0x4000 | from, 2);
	made_be(frames, 0x4000 | (to - from), 2);
	made_put(frames, stream->b + from, to - from);
}

static const struct made_client client = {
	.version = 0x0303,
	.ciphers = (const int[]){ 0x1301, -1 },
	.extensions = (const int[]){ 0, 10, 13, 16, 43, 51, 57, -1 },
	.groups = (const int[]){ 29, -1 },
	.versions = (const int[]){ 0x0304, -1 },
	.signatures = (const int[]){ 0x0403, -1 },
	.name = "www.example.org",
	.protocols = (const char *const[]){ "h3", NULL },
};

static struct made client_hello(void)
{
	struct made m = { .n = 0 };

	made_client_hello(&m, &client);
	return m;
}

static void server_packet(struct made *m, const struct keys *k, const void *random)
{
	struct made hello = { .n = 0 }, frames = { .n = 0 };

	made_server_hello(&hello, 0x0304, 0x1301, 29, random);
	made_put(&frames, "\2\0\0\0\0", 5);	/* an acknowledgement */
	crypto(&frames, &hello, 0, hello.n);
	initial(m, k, true, 0, &frames);
}

static void client_packet(struct made *m, const struct keys *k)
{
	struct made hello = client_hello(), frames = { .n = 0 };

	crypto(&frames, &hello, 0, hello.n);
	initial(m, k, false, 2, &frames);
}

#define ASKED(result)                                                                              \
	"ClientHello|www.example.org||" result "|tls.client.server_name=www.example.org"           \
	"|tls.client.supported_versions=1.3|tls.client.next_protocols=h3"                          \
	"|tls.client.ja3=29a658c9dd00ff457ca305aa0a7657ca|tls.client.ja4=q13d0107h3_0f2cb44170f4_1afdbb61034d"
#define ANSWER                                                                                     \
	"|tls.protocol.version=1.3|tls.cipher=TLS_AES_128_GCM_SHA256|tls.curve=x25519"             \
	"|tls.server.ja3s=f4febc55ea12b31ae17cfb7e614afda8\n"

static void say(struct talk *t, enum xc_l7_dir dir, const struct made *m)
{
	talk_say(t, dir, m->b, m->n);
}

static void a_handshake(void **state)
{
	struct talk t = { .is_datagram = true, .port = 443 };
	struct made c = { .n = 0 }, s = { .n = 0 };

	(void)state;
	client_packet(&c, &v1[0]);
	assert_true(c.n >= 1200);
	server_packet(&s, &v1[1], NULL);
	made_put(&s, "\xe0\0\0\0\1\0\4SRVR\4xxxx",
		 17); /* a Handshake packet in the same datagram */
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &s);
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|quic|0|" ASKED("ok") "|quic.version=1" ANSWER);
	talk_check_properties(&t);
}

static void version_2(void **state)
{
	struct talk t = { .is_datagram = true, .port = 443 };
	struct made c = { .n = 0 }, s = { .n = 0 };

	(void)state;
	client_packet(&c, &v2[0]);
	server_packet(&s, &v2[1], NULL);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &s);
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|quic|0|" ASKED("ok") "|quic.version=2" ANSWER);
}

/* The hello in pieces, in disorder, over two datagrams, with PING and PADDING between. */
static void a_hello_in_pieces(void **state)
{
	struct talk t = { .is_datagram = true, .port = 443 };
	struct made hello = client_hello(), one = { .n = 0 }, two = { .n = 0 };
	struct made c[2] = { { .n = 0 } }, s = { .n = 0 };

	(void)state;
	crypto(&one, &hello, 90, hello.n);
	made_put(&one, "\1\0\0\0\1", 5);
	crypto(&one, &hello, 10, 40);
	crypto(&two, &hello, 30, 95);
	made_put(&two, "\3\0\0\1\0\0\0\0\0\0", 10);	/* acknowledgement with a range and ECN */
	crypto(&two, &hello, 0, 12);
	initial(&c[0], &v1[0], false, 0, &one);
	initial(&c[1], &v1[0], false, 1, &two);
	server_packet(&s, &v1[1], NULL);
	say(&t, XC_L7_CLIENT, &c[0]);
	say(&t, XC_L7_CLIENT, &c[1]);
	say(&t, XC_L7_SERVER, &s);
	talk_plain(&t, &out);
	assert_string_equal(out.text, "answered|quic|0|" ASKED("ok") "|quic.version=1" ANSWER);
	talk_check_properties(&t);
}

static void another_version_is_wanted(void **state)
{
	struct talk t = { .is_datagram = true, .port = 443 };
	struct made c = { .n = 0 }, again = { .n = 0 }, s = { .n = 0 };

	(void)state;
	client_packet(&c, &v1[0]);
	client_packet(&again, &v2[0]);
	server_packet(&s, &v2[1], NULL);
	say(&t, XC_L7_CLIENT, &c);
	TALK_S(&t, "\x80\0\0\0\0\0\x08" ID "\x6b\x33\x43\xcf\x1a\x2a\x3a\x4a\0\0\0\7");
	say(&t, XC_L7_CLIENT, &again);
	say(&t, XC_L7_SERVER, &s);
	talk_plain(&t, &out);
	assert_string_equal(
		out.text,
		"answered|quic|0|" ASKED(
			"ok") "|quic.server.supported_versions=2,0x00000007|quic.version=2" ANSWER);
	/* no properties: whoever comes after the first attempt cannot know that there was one */
}

static void refused(void **state)
{
	struct talk t = { .is_datagram = true, .port = 443 };
	struct made c = { .n = 0 }, s = { .n = 0 }, frames = { .n = 0 };

	(void)state;
	client_packet(&c, &v1[0]);
	made_put(&frames, "\x1c\x41\x78\6\0", 5);	/* 0x100 + no_application_protocol */
	initial(&s, &v1[1], true, 0, &frames);
	say(&t, XC_L7_CLIENT, &c);
	say(&t, XC_L7_SERVER, &s);
	talk_plain(&t, &out);
	assert_non_null(strstr(out.text, "answered|quic|0|ClientHello|www.example.org"
					 "|376 no_application_protocol|server_error|"));
	assert_non_null(strstr(out.text, "|tls.alert.description=no_application_protocol\n"));
	talk_check_properties(&t);
}

/* It was answered, but we did not see it: no answer is not what happened. */
static void an_answer_not_seen(void **state)
{
	struct talk t = { .is_datagram = true, .port = 443 };
	struct made c = { .n = 0 };

	(void)state;
	client_packet(&c, &v1[0]);
	say(&t, XC_L7_CLIENT, &c);
	talk_plain(&t, &out);
	assert_string_equal(out.text, "abandoned|quic|0|" ASKED("no_answer") "|quic.version=1\n");
	TALK_S(&t, "\x40SRVRsome encrypted bytes here");
	talk_plain(&t, &out);
	assert_string_equal(out.text, "abandoned|quic|0|" ASKED("unknown") "|quic.version=1\n");
}

static uint8_t percent(const uint8_t *bytes, size_t n)
{
	struct xc_l7_hint hint = { .port_he = 443, .is_start = true, .is_datagram = true };

	return xc_l7_quic.detect((struct xc_span){ bytes, n }, &hint).percent;
}

static void detection(void **state)
{
	struct made c = { .n = 0 }, s = { .n = 0 };

	(void)state;
	client_packet(&c, &v1[0]);
	server_packet(&s, &v1[1], NULL);
	assert_int_equal(percent(c.b, c.n), 100);
	assert_int_equal(percent(s.b, s.n), 0);
	assert_int_equal(percent(c.b, 1199), 0);
	/* every byte of it is protected */
	for (size_t i = 0; i < c.n; i += 7) {
		c.b[i] ^= 0x10;
		assert_int_equal(percent(c.b, c.n), 0);
		c.b[i] ^= 0x10;
	}
	memset(c.b, 0, c.n);
	assert_int_equal(percent(c.b, c.n), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake),	     cmocka_unit_test(version_2),
		cmocka_unit_test(a_hello_in_pieces), cmocka_unit_test(another_version_is_wanted),
		cmocka_unit_test(refused),	     cmocka_unit_test(an_answer_not_seen),
		cmocka_unit_test(detection),
	};

	return XC_RUN(tests);
}
