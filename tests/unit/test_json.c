/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "base/json.h"

#include <jansson.h>
#include <math.h>

static void places_commas_and_nests(void **state)
{
	struct xc_buf b = xc_buf(1024);
	struct xc_json j = xc_json(&b);

	(void)state;
	xc_json_open(&j, NULL, '{');
	xc_json_str(&j, "s", "x");
	xc_json_str(&j, "none", NULL);
	xc_json_open(&j, "list", '[');
	xc_json_int(&j, NULL, -1);
	xc_json_uint(&j, NULL, UINT64_MAX);
	xc_json_open(&j, NULL, '{');
	xc_json_close(&j, '}');
	xc_json_close(&j, ']');
	xc_json_bool(&j, "yes", true);
	xc_json_fixed(&j, "pi", 3.14159, 2);
	xc_json_fixed(&j, "nan", NAN, 2);
	xc_json_null(&j, "null");
	xc_json_close(&j, '}');
	assert_string_equal(b.p, "{\"s\":\"x\",\"none\":null,\"list\":[-1,18446744073709551615,{}],"
				 "\"yes\":true,\"pi\":3.14,\"nan\":null,\"null\":null}");
	xc_buf_done(&b);
}

static void escapes_strings(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "\"\\", "[\"\\\"\\\\\"]" },
		{ "\b\f\n\r\t", "[\"\\b\\f\\n\\r\\t\"]" },
		{ "\x01\x1f\x7f", "[\"\\u0001\\u001f\\u007f\"]" },
		{ "\xc3\xa4", "[\"\xc3\xa4\"]" },
		{ "\xff", "[\"\\ufffd\"]" },
		{ "a\xe2\x82", "[\"a\\ufffd\\ufffd\"]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_buf b = xc_buf(1024);
		struct xc_json j = xc_json(&b);

		xc_json_open(&j, NULL, '[');
		xc_json_str(&j, NULL, guard_copy(rows[i].in, strlen(rows[i].in) + 1));
		xc_json_close(&j, ']');
		assert_string_equal(b.p, rows[i].out);
		xc_buf_done(&b);
	}
}

/* Whatever the two bytes are, another implementation reads the result. */
static void every_pair_of_bytes_is_valid_json(void **state)
{
	struct xc_buf b = xc_buf(1024);

	(void)state;
	for (unsigned int n = 1; n < 0x10000; n++) {
		char s[3] = { (char)(n & 0xff), (char)(n >> 8), 0 };
		struct xc_json j = xc_json(&b);
		json_t *read;

		xc_buf_reset(&b);
		xc_json_open(&j, NULL, '[');
		xc_json_str(&j, NULL, s);
		xc_json_close(&j, ']');
		read = json_loadb(b.p, b.len, 0, NULL);
		if (!read)
			fail_msg("bytes %02x %02x give %s", n & 0xff, n >> 8, b.p);
		json_decref(read);
	}
	xc_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_commas_and_nests),
		cmocka_unit_test(escapes_strings),
		cmocka_unit_test(every_pair_of_bytes_is_valid_json),
	};

	return XC_RUN(tests);
}
