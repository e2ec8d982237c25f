/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "base/buf.h"

static int fail_from = -1;	/* realloc() fails from its nth call on; -1 = never */
static int n_calls;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size)
{
	if (fail_from >= 0 && n_calls++ >= fail_from)
		return NULL;
	return __real_realloc(p, size);
}

static void grows_and_stays_terminated(void **state)
{
	struct xc_buf b = xc_buf(4096);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		xc_buf_putc(&b, 'x');
		assert_int_equal(b.len, i + 1);
		assert_int_equal(b.p[b.len], '\0');
	}
	assert_false(b.is_full);
	xc_buf_printf(&b, "%s-%d", "y", 7);
	assert_string_equal(b.p + 1000, "y-7");
	xc_buf_done(&b);
	assert_null(b.p);
}

static void stops_at_its_maximum(void **state)
{
	struct xc_buf b = xc_buf(8);

	(void)state;
	xc_buf_puts(&b, "1234567");	/* and the NUL: exactly full */
	assert_false(b.is_full);
	xc_buf_putc(&b, '8');
	assert_true(b.is_full);
	assert_string_equal(b.p, "1234567");
	xc_buf_puts(&b, "");	/* once full, nothing more is taken */
	assert_true(b.is_full);
	xc_buf_reset(&b);
	assert_false(b.is_full);
	xc_buf_puts(&b, "again");
	assert_string_equal(b.p, "again");
	xc_buf_done(&b);
}

static void printf_keeps_what_was_there(void **state)
{
	struct xc_buf b = xc_buf(8);

	(void)state;
	xc_buf_puts(&b, "abc");
	xc_buf_printf(&b, "%d", 123456);
	assert_true(b.is_full);
	assert_string_equal(b.p, "abc");
	xc_buf_done(&b);
}

static void survives_lack_of_memory(void **state)
{
	(void)state;
	for (int n = 0; n < 4; n++) {
		struct xc_buf b = xc_buf(1 << 16);

		n_calls = 0;
		fail_from = n;
		for (int i = 0; i < 3000; i++)
			xc_buf_printf(&b, "%d", i);
		fail_from = -1;
		assert_true(b.is_full);
		assert_true(!b.p || b.p[b.len] == '\0');
		xc_buf_done(&b);
	}
}

static void knows_utf8(void **state)
{
	static const struct {
		const char *s;
		size_t len;
	} rows[] = {
		{ "a", 0 },
		{ "\xc3\xa4", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\x80", 0 },
		{ "\xc3", 0 },
		{ "\xe2\x82", 0 },
		{ "\xf0\x9f\x98", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t got = xc_utf8_len(guard_copy(rows[i].s, strlen(rows[i].s) + 1));

		assert_row(rows[i].s, got == rows[i].len);
	}
}

static void safe_text_has_no_control_characters(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain text", "plain text" },	   { "a\nb\tc", "a\\x0ab\\x09c" },
		{ "\x1b[31mred", "\\x1b[31mred" }, { "\x7f", "\\x7f" },
		{ "\xc3\xa4", "\xc3\xa4" },	   { "\xc2\x9b", "\\xc2\\x9b" },
		{ "\xff\xfe", "\\xff\\xfe" },	   { "\xe2\x82", "\\xe2\\x82" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_buf b = xc_buf(256);

		xc_buf_put_safe(&b, guard_copy(rows[i].in, strlen(rows[i].in) + 1));
		assert_string_equal(b.p, rows[i].out);
		xc_buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(stops_at_its_maximum),
		cmocka_unit_test(printf_keeps_what_was_there),
		cmocka_unit_test(survives_lack_of_memory),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(safe_text_has_no_control_characters),
	};

	return XC_RUN(tests);
}
