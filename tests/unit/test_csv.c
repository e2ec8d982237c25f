/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way out: CSV and JSON any reader takes, and a file that holds whole rows only. */
#include "xctest.h"

#include "sink/number.h"
#include "sink/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* What the columns of these tests hold. */
static struct xc_value number, real, text;

static struct xc_value get(const struct xc_row *row, int arg)
{
	(void)row;
	return arg == 0 ? number : arg == 1 ? real : text;
}

static const struct xc_feature features[] = {
	{ .name = "n",
	  .type = XC_TYPE_U64,
	  .unit = "packets",
	  .scope = "flow",
	  .meaning = "a count",
	  .max = INFINITY,
	  .arg = 0,
	  .get = get },
	{ .name = "x",
	  .type = XC_TYPE_F64,
	  .unit = "ratio",
	  .scope = "flow",
	  .meaning = "a \"share\"",
	  .max = 1,
	  .role = XC_ROLE_META,
	  .arg = 1,
	  .get = get },
	{ .name = "s",
	  .type = XC_TYPE_STR,
	  .unit = "-",
	  .scope = "flow",
	  .meaning = "text",
	  .role = XC_ROLE_ID,
	  .arg = 2,
	  .get = get },
};

static const struct xc_columns columns = { .n = 3,
					   .v = { &features[0], &features[1], &features[2] } };

static void set(uint64_t n, double x, const char *s)
{
	number = (struct xc_value){ .kind = XC_VALUE_U64, .u64 = n };
	real = (struct xc_value){ .kind = XC_VALUE_F64, .f64 = x };
	text = (struct xc_value){ .kind = XC_VALUE_STR, .str = s };
}

/* ---- numbers ------------------------------------------------------------------------ */

static void prints_real_numbers_short_and_true(void **state)
{
	static const struct {
		double x;
		const char *text;
	} rows[] = {
		{ 0, "0.0" },
		{ -0.0, "0.0" },
		{ 30, "30.0" },
		{ 15000, "15000.0" },
		{ 5.0 / 150, "0.0333333" },
		{ 0.1, "0.1" },
		{ 2.0 / 3, "0.666667" },
		{ 0.9999999, "1.0" },
		{ 1e-5, "0.00001" },
		{ 1.23456789e-7, "0.000000123457" },
		{ 1e-13, "0.0" },
		{ 12345678901.234, "12345678901.234" },
		{ 1e12 + 0.5, "1000000000000.5" },
		{ 123456789012345, "123456789012345.0" },
		{ -1.5, "-1.5" },
		{ NAN, "0.0" },
		{ INFINITY, "0.0" },
		{ -INFINITY, "0.0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_buf b = xc_buf(64);

		xc_put_real(&b, rows[i].x);
		assert_string_equal(b.p, rows[i].text);
		xc_buf_done(&b);
	}
}

/* What is read again differs by less than a millionth, over the whole range. */
static void real_numbers_survive(void **state)
{
	(void)state;
	for (double x = 1e-6; x < 1e18; x *= 1.37) {
		struct xc_buf b = xc_buf(64);

		xc_put_real(&b, x);
		assert_true(fabs(strtod(b.p, NULL) - x) <= x * 1e-5);
		assert_true(strchr(b.p, '.') || x >= 1e15);
		xc_buf_done(&b);
	}
}

static void prints_integers(void **state)
{
	static const uint64_t rows[] = { 0, 9, 10, 4294967296, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_buf b = xc_buf(64);

		xc_put_uint(&b, rows[i]);
		assert_int_equal(strtoull(b.p, NULL, 10), rows[i]);
		xc_buf_done(&b);
	}
}

/* ---- formats ------------------------------------------------------------------------ */

static void csv_survives_any_text(void **state)
{
	static const struct {
		const char *text, *field;
	} rows[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "a,b", "\"a,b\"" },
		{ "say \"yes\"", "\"say \"\"yes\"\"\"" },
		{ "two\nlines", "\"two\nlines\"" },
		{ "cr\r", "\"cr\r\"" },
		{ "=1+1", "'=1+1" },
		{ "+1", "'+1" },
		{ "-1", "'-1" },
		{ "@SUM(A1)", "'@SUM(A1)" },
		{ "=\"a\",b", "\"'=\"\"a\"\",b\"" },
		{ "\tx", "'\tx" },
		{ "a=b", "a=b" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xff-\xc3", "\xef\xbf\xbd-\xef\xbf\xbd" },
		{ "2001:db8::1", "2001:db8::1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_buf b = xc_buf(256), want = xc_buf(256);

		set(1, -1, rows[i].text);
		xc_rows_csv.put(&columns, NULL, true, &b);
		xc_buf_printf(&want, "1,-1.0,%s\n", rows[i].field);
		assert_string_equal(b.p, want.p);
		xc_buf_done(&b);
		xc_buf_done(&want);
	}
}

static void a_missing_value_is_zero_or_nothing(void **state)
{
	static const struct {
		const struct xc_row_format *format;
		bool is_zero;
		const char *want;
	} rows[] = {
		{ &xc_rows_csv, true, "0,0.0,\n" },
		{ &xc_rows_csv, false, ",,\n" },
		{ &xc_rows_json, true, "{\"n\":0,\"x\":0.0,\"s\":\"\"}\n" },
		{ &xc_rows_json, false, "{\"n\":null,\"x\":null,\"s\":null}\n" },
	};

	(void)state;
	number = real = text = (struct xc_value){ .kind = XC_VALUE_MISSING };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_buf b = xc_buf(256);

		rows[i].format->put(&columns, NULL, rows[i].is_zero, &b);
		assert_string_equal(b.p, rows[i].want);
		xc_buf_done(&b);
	}
}

static void a_row_of_one_empty_text_is_no_empty_line(void **state)
{
	static const struct xc_columns one = { .n = 1, .v = { &features[2] } };
	struct xc_buf b = xc_buf(64);

	(void)state;
	set(0, 0, "");
	xc_rows_csv.put(&one, NULL, true, &b);
	assert_string_equal(b.p, "\"\"\n");
	xc_buf_done(&b);
}

static void json_is_json(void **state)
{
	struct xc_buf b = xc_buf(256);
	json_t *row;

	(void)state;
	set(UINT32_MAX, 0.25, "a \"b\",\n\x01\xff");
	xc_rows_json.put(&columns, NULL, true, &b);
	assert_int_equal(b.p[b.len - 1], '\n');
	assert_ptr_equal(strchr(b.p, '\n'), b.p + b.len - 1);
	row = json_loads(b.p, 0, NULL);
	assert_non_null(row);
	assert_int_equal(json_integer_value(json_object_get(row, "n")), UINT32_MAX);
	assert_true(json_real_value(json_object_get(row, "x")) == 0.25);
	assert_string_equal(json_string_value(json_object_get(row, "s")),
			    "a \"b\",\n\x01\xef\xbf\xbd");
	json_decref(row);
	xc_buf_done(&b);
}

static const char *field_text(json_t *schema, size_t i, const char *key)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(schema, "fields"), i), key));
}

static void the_schema_tells_types_units_and_roles(void **state)
{
	struct xc_buf b = xc_buf(4096);
	json_t *schema;

	(void)state;
	xc_rows_schema(&columns, &b);
	schema = json_loads(b.p, 0, NULL);
	assert_non_null(schema);
	assert_int_equal(json_array_size(json_object_get(schema, "fields")), 3);
	assert_string_equal(field_text(schema, 0, "type"), "integer");
	assert_string_equal(field_text(schema, 0, "unit"), "packets");
	assert_string_equal(field_text(schema, 0, "role"), "feature");
	assert_string_equal(field_text(schema, 1, "type"), "number");
	assert_string_equal(field_text(schema, 1, "description"), "a \"share\"");
	assert_string_equal(field_text(schema, 2, "type"), "string");
	assert_string_equal(field_text(schema, 2, "role"), "id");
	json_decref(schema);
	xc_buf_done(&b);
}

/* ---- the file ------------------------------------------------------------------------ */

static char dir[] = "/tmp/xc-rows-XXXXXX";
static char path[64], schema_path[80];

static int in_a_directory(void **state)
{
	(void)state;
	memcpy(strrchr(dir, '-') + 1, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/rows.csv", dir);
	(void)snprintf(schema_path, sizeof(schema_path), "%s.schema.json", path);
	set(7, 0.5, "text");
	return 0;
}

static int remove_it(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(schema_path);
	return rmdir(dir);
}

static struct xc_rowfile *open_rows(const char *where, int want)
{
	struct xc_rowfile_cfg cfg = { where, &xc_rows_csv, &columns, true };
	struct xc_rowfile *f = NULL;

	assert_int_equal(xc_rowfile_open(&cfg, &f), want);
	return f;
}

/* All of the file; release with free(). */
static char *contents(void)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char *all = NULL;
	size_t n = 0;

	assert_non_null(f);
	if (getdelim(&all, &n, '\0', f) < 0)
		all[0] = '\0';
	return all;
}

static void holds_header_and_rows_after_a_flush(void **state)
{
	struct xc_rowfile *f = open_rows(path, 0);
	_cleanup_free_ char *first = NULL, *then = NULL, *last = NULL;
	uint64_t n;

	(void)state;
	first = contents();
	assert_string_equal(first, "n,x,s\n");
	assert_return_code(access(schema_path, R_OK), errno);
	assert_int_equal(xc_rowfile_put(f, NULL), 0);
	assert_int_equal(xc_rowfile_flush(f), 0);
	then = contents();
	assert_string_equal(then, "n,x,s\n7,0.5,text\n");
	assert_int_equal(xc_rowfile_put(f, NULL), 0);
	assert_int_equal(xc_rowfile_close(f, &n), 0);
	assert_int_equal(n, 2);
	last = contents();
	assert_string_equal(last, "n,x,s\n7,0.5,text\n7,0.5,text\n");
}

static void leaves_a_file_alone_that_holds_something(void **state)
{
	_cleanup_free_ char *text_after = NULL;
	FILE *f = fopen(path, "we");
	uint64_t n;

	(void)state;
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(xc_rowfile_close(open_rows(path, 0), &n), 0);	/* empty: is taken */
	(void)open_rows(path, -EEXIST);
	text_after = contents();
	assert_string_equal(text_after, "n,x,s\n");
	(void)open_rows("/nonexistent/rows.csv", -ENOENT);
}

/* A limit on the size of files stands for a full disk: a write ends in the middle of a row. */
static void a_full_disk_leaves_whole_rows(void **state)
{
	struct rlimit old, small = { 100001, RLIM_INFINITY };
	_cleanup_free_ char *all = NULL;
	struct xc_rowfile *f;
	uint64_t n, lines = 0;
	int r = 0;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_return_code(getrlimit(RLIMIT_FSIZE, &old), errno);
	f = open_rows(path, 0);
	small.rlim_max = old.rlim_max;
	assert_return_code(setrlimit(RLIMIT_FSIZE, &small), errno);
	for (int i = 0; i < 20000 && !r; i++)
		r = xc_rowfile_put(f, NULL);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(xc_rowfile_put(f, NULL), -EFBIG);
	assert_int_equal(xc_rowfile_close(f, &n), -EFBIG);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &old), errno);
	all = contents();
	for (const char *s = all; *s; s += strcspn(s, "\n") + 1, lines++)
		assert_true(!strncmp(s, lines ? "7,0.5,text\n" : "n,x,s\n", lines ? 11 : 6));
	assert_int_equal(lines, n + 1);
	assert_true(n > 1000);
}

static void a_device_that_is_full_is_an_error_at_once(void **state)
{
	(void)state;
	(void)open_rows("/dev/full", -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_real_numbers_short_and_true),
		cmocka_unit_test(real_numbers_survive),
		cmocka_unit_test(prints_integers),
		cmocka_unit_test(csv_survives_any_text),
		cmocka_unit_test(a_missing_value_is_zero_or_nothing),
		cmocka_unit_test(a_row_of_one_empty_text_is_no_empty_line),
		cmocka_unit_test(json_is_json),
		cmocka_unit_test(the_schema_tells_types_units_and_roles),
		cmocka_unit_test_setup_teardown(holds_header_and_rows_after_a_flush, in_a_directory,
						remove_it),
		cmocka_unit_test_setup_teardown(leaves_a_file_alone_that_holds_something,
						in_a_directory, remove_it),
		cmocka_unit_test_setup_teardown(a_full_disk_leaves_whole_rows, in_a_directory,
						remove_it),
		cmocka_unit_test(a_device_that_is_full_is_an_error_at_once),
	};

	return XC_RUN(tests);
}
