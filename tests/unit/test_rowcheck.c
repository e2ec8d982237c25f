/* SPDX-License-Identifier: Apache-2.0 */
/* The checker of CSV files: what is sound passes, each fault is found once and told with its first line. */
#include "xctest.h"

#include "flow/rowcheck.h"

/* Check @text, fed in pieces of @piece bytes. Release with xc_rowcheck_free(). */
static struct xc_rowcheck *check_pieces(const char *text, size_t piece,
					const struct xc_rowcheck_report **ret_report)
{
	struct xc_rowcheck *c;
	size_t len = strlen(text);

	assert_int_equal(xc_rowcheck_new(&c), 0);
	for (size_t at = 0; at < len; at += piece)
		xc_rowcheck_feed(c, text + at, len - at < piece ? len - at : piece);
	*ret_report = xc_rowcheck_end(c);
	return c;
}

static const char sound[] = "flow_id,packet_count,forward_packets,backward_packets,"
			    "retransmission_rate,verdict,anomaly_label,fault_bits,detected_label\n"
			    "0a,3,2,1,0.5,FORWARDED,2,4,2\n"
			    "0b,,,,,,2,0,0\r\n"
			    "\"0\"\"c\n,\",0,0,0,0.0,\"DROPPED\",0,12,2\n";

static void a_sound_file_passes_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < sizeof(sound); piece++) {
		const struct xc_rowcheck_report *r;
		struct xc_rowcheck *c = check_pieces(sound, piece, &r);

		assert_int_equal(r->n_problems, 0);
		assert_int_equal(r->n_rows, 3);
		assert_int_equal(r->n_columns, 9);
		assert_int_equal(r->n_lines, 5);
		xc_rowcheck_free(c);
	}
}

static void counts_labels_and_rules(void **state)
{
	const struct xc_rowcheck_report *r;
	struct xc_rowcheck *c = check_pieces(sound, sizeof(sound), &r);

	(void)state;
	assert_true(r->has_label && r->has_rules);
	assert_int_equal(r->label[2].n_rows, 2);
	assert_int_equal(r->label[2].n_detected, 1);
	assert_int_equal(r->label[2].n_hits[2], 1);
	assert_int_equal(r->label[0].n_rows, 1);
	assert_int_equal(r->label[0].n_hits[2], 1);
	assert_int_equal(r->label[0].n_hits[3], 1);
	xc_rowcheck_free(c);
}

static void finds_what_is_wrong_with_values(void **state)
{
	static const struct {
		const char *text;
		enum xc_rowcheck_fault fault;
		size_t column;
		uint64_t n, line;
		const char *first;
	} rows[] = {
		{ "packet_count\n1\nmany\n2\nx\n", XC_ROWCHECK_NO_NUMBER, 0, 2, 3, "many" },
		{ "packet_count\n1x\n", XC_ROWCHECK_NO_NUMBER, 0, 1, 2, "1x" },
		{ "packet_count\n\"\n3\"\n", XC_ROWCHECK_NO_NUMBER, 0, 0, 0, "" },
		{ "src_port,packets_per_second\n1,nan\n", XC_ROWCHECK_NOT_FINITE, 1, 1, 2, "nan" },
		{ "src_port,packets_per_second\n1,-inf\n", XC_ROWCHECK_NOT_FINITE, 1, 1, 2,
		  "-inf" },
		{ "packet_count\n1.5\n", XC_ROWCHECK_NO_INTEGER, 0, 1, 2, "1.5" },
		{ "packet_count\n1.0\n", XC_ROWCHECK_NO_INTEGER, 0, 0, 0, "" },
		{ "retransmission_rate\n-0.1\n", XC_ROWCHECK_NEGATIVE, 0, 1, 2, "-0.1" },
		{ "retransmission_rate\n1\n1.01\n", XC_ROWCHECK_RANGE, 0, 1, 3, "1.01" },
		{ "src_port\n65536\n", XC_ROWCHECK_RANGE, 0, 1, 2, "65536" },
		{ "anomaly_label\n12\n", XC_ROWCHECK_RANGE, 0, 1, 2, "12" },
		{ "connection_state\nNEW\nOLD\n", XC_ROWCHECK_NO_CHOICE, 0, 1, 3, "OLD" },
		{ "packet_count,forward_packets,backward_packets\n3,2,2\n", XC_ROWCHECK_SUM, 0, 1,
		  2, "3" },
		{ "packet_count,forward_packets,backward_packets\n3,,2\n", XC_ROWCHECK_SUM, 0, 0, 0,
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct xc_rowcheck_report *r;
		struct xc_rowcheck *c = check_pieces(rows[i].text, 1000, &r);
		const struct xc_rowcheck_count *f = &r->column[rows[i].column].fault[rows[i].fault];

		assert_row(rows[i].text, f->n == rows[i].n && f->line == rows[i].line);
		assert_string_equal(f->text, rows[i].first);
		assert_row(rows[i].text, r->n_problems == (rows[i].n > 0));
		xc_rowcheck_free(c);
	}
}

static void finds_damaged_rows(void **state)
{
	static const struct {
		const char *text;
		uint64_t n_bad, line, n_rows;
		bool is_cut;
	} rows[] = {
		{ "flow_id,protocol\na,6\nb\nc,6\n", 1, 3, 2, false },
		{ "flow_id,protocol\na,6,7\n", 1, 2, 0, false },
		{ "flow_id,protocol\n\"a\"x,6\n", 1, 2, 0, false },
		{ "flow_id,protocol\na\"b\",6\n", 1, 2, 0, false },
		{ "flow_id,protocol\na\rb,6\n", 1, 2, 0, false },
		{ "flow_id,protocol\n\n\na,6\n", 0, 0, 1, false },
		{ "flow_id,protocol\na,6", 0, 0, 0, true },
		{ "flow_id,protocol\n\"a,6\n", 0, 0, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct xc_rowcheck_report *r;
		struct xc_rowcheck *c = check_pieces(rows[i].text, 3, &r);

		assert_row(rows[i].text, r->bad_rows.n == rows[i].n_bad);
		assert_row(rows[i].text, r->bad_rows.line == rows[i].line);
		assert_row(rows[i].text, r->n_rows == rows[i].n_rows);
		assert_row(rows[i].text, r->is_cut == rows[i].is_cut);
		assert_row(rows[i].text, r->n_problems == (rows[i].is_cut || rows[i].n_bad));
		xc_rowcheck_free(c);
	}
}

static void tells_strange_double_and_constant_columns(void **state)
{
	const struct xc_rowcheck_report *r;
	struct xc_rowcheck *c =
		check_pieces("run_id,protocol,protocol,dst_port\na,6,6,1\na,17,6,1\n", 1000, &r);

	(void)state;
	assert_null(r->column[0].column);
	assert_non_null(r->column[1].column);
	assert_true(r->column[2].is_double && !r->column[1].is_double);
	assert_true(r->column[0].is_constant && r->column[3].is_constant);
	assert_false(r->column[1].is_constant);
	assert_int_equal(r->n_problems, 1);
	assert_true(r->column[1].min == 6 && r->column[1].max == 17);
	xc_rowcheck_free(c);
}

static void an_empty_file_is_not_sound(void **state)
{
	const struct xc_rowcheck_report *r;
	struct xc_rowcheck *c = check_pieces("", 1, &r);

	(void)state;
	assert_int_equal(r->n_problems, 1);
	assert_int_equal(r->n_columns, 0);
	xc_rowcheck_free(c);
}

/* More columns, and a longer row, than anybody has: counted, and nothing is written beyond. */
static void everything_has_a_maximum(void **state)
{
	const struct xc_rowcheck_report *r;
	struct xc_rowcheck *c;

	(void)state;
	assert_int_equal(xc_rowcheck_new(&c), 0);
	for (int i = 0; i < 2000; i++)
		xc_rowcheck_feed(c, "x,", 2);
	xc_rowcheck_feed(c, "\n", 1);
	assert_int_equal(xc_rowcheck_end(c)->bad_rows.n, 1);
	assert_int_equal(xc_rowcheck_end(c)->n_columns, XC_ROWCHECK_COLUMNS_MAX);
	xc_rowcheck_free(c);

	assert_int_equal(xc_rowcheck_new(&c), 0);
	xc_rowcheck_feed(c, "flow_id\n", 8);
	for (unsigned int i = 0; i < XC_ROWCHECK_RECORD_MAX / 8 + 10; i++)
		xc_rowcheck_feed(c, "abcdefgh", 8);
	xc_rowcheck_feed(c, "\nok\n", 4);
	r = xc_rowcheck_end(c);
	assert_int_equal(r->bad_rows.n, 1);
	assert_int_equal(r->n_rows, 1);
	xc_rowcheck_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_file_passes_however_it_is_cut),
		cmocka_unit_test(counts_labels_and_rules),
		cmocka_unit_test(finds_what_is_wrong_with_values),
		cmocka_unit_test(finds_damaged_rows),
		cmocka_unit_test(tells_strange_double_and_constant_columns),
		cmocka_unit_test(an_empty_file_is_not_sound),
		cmocka_unit_test(everything_has_a_maximum),
	};

	return XC_RUN(tests);
}
