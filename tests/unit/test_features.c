/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "flow/features.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct xc_columns chosen(const char *what)
{
	char why[XC_COLUMNS_WHY] = "";
	struct xc_columns c;

	if (xc_columns_select(what, &c, why))
		fail_msg("%s: %s", what, why);
	return c;
}

static bool has(const struct xc_columns *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i]->name, name))
			return true;
	return false;
}

static void every_row_of_the_table_is_whole(void **state)
{
	size_t n = xc_features_count();

	(void)state;
	assert_true(n <= XC_COLUMNS_MAX);
	assert_null(xc_feature_at(n));
	for (size_t i = 0; i < n; i++) {
		const struct xc_feature *f = xc_feature_at(i);

		assert_row(f->name, *f->name && *f->unit && *f->scope && *f->meaning);
		assert_row(f->name, f->get && f->min <= f->max);
		assert_row(f->name, !f->choices == (f->type != XC_TYPE_ENUM));
		assert_row(f->name, xc_feature_find(f->name) == f);	/* so no name occurs twice */
		assert_row(f->name, *xc_feature_type_str(f) && *xc_feature_group_str(f) &&
					    *xc_feature_role_str(f));
	}
	assert_null(xc_feature_find("packet_coun"));
	assert_null(xc_feature_find(""));
}

static void sets_have_their_sizes(void **state)
{
	struct xc_columns core = chosen("core"), all = chosen("default");
	size_t n_features = 0;

	(void)state;
	assert_int_equal(core.n, 103);
	assert_int_equal(all.n, 112);
	for (size_t i = 0; i < core.n; i++)
		n_features +=
			core.v[i]->group != XC_GROUP_METADATA && core.v[i]->group != XC_GROUP_LABEL;
	assert_int_equal(n_features, 94);
	assert_string_equal(all.v[111]->name, "anomaly_label");
	assert_true(has(&all, "cpu_throttled") && !has(&core, "cpu_throttled"));
}

/* What the program of REQUIREMENTS S3-06 promised. */
static void the_first_columns_are_those_promised(void **state)
{
	static const char *const first[] = { "timestamp",
					     "flow_id",
					     "src_ip",
					     "dst_ip",
					     "src_port",
					     "dst_port",
					     "protocol",
					     "l7_protocol",
					     "packet_count",
					     "byte_count",
					     "packets_per_second",
					     "bytes_per_second",
					     "avg_packet_size",
					     "retransmission_count",
					     "retransmission_rate" };
	static const char *const sets[] = { "core", "default", "extended", "seed94" };

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sets); s++) {
		struct xc_columns c = chosen(sets[s]);

		for (size_t i = 0; i < ARRAY_SIZE(first); i++)
			assert_string_equal(c.v[i]->name, first[i]);
	}
}

static void extended_adds_at_the_end(void **state)
{
	struct xc_columns all = chosen("default"), extended = chosen("extended");

	(void)state;
	assert_true(extended.n > all.n);
	for (size_t i = 0; i < all.n; i++)
		assert_ptr_equal(extended.v[i], all.v[i]);
	assert_true(has(&extended, "detected_label") && has(&extended, "fault_bits"));
	assert_true(has(&extended, "socket_cookie") && has(&extended, "lost_packets"));
	assert_false(has(&extended, "oom_kill_count"));
}

static void numeric_tells_no_run_apart(void **state)
{
	struct xc_columns c = chosen("numeric");

	(void)state;
	assert_true(has(&c, "packet_count") && has(&c, "anomaly_label"));
	for (size_t i = 0; i < c.n; i++) {
		assert_row(c.v[i]->name, !xc_feature_is_text(c.v[i]));
		assert_row(c.v[i]->name,
			   c.v[i]->role == XC_ROLE_FEATURE || c.v[i]->role == XC_ROLE_LABEL);
	}
}

static void the_first_exporters_header(void **state)
{
	struct xc_columns c = chosen("seed94");

	(void)state;
	assert_int_equal(c.n, 94);
	assert_string_equal(c.v[31]->name, "dns_failures");
	assert_string_equal(c.v[41]->name, "latency_p50");
	assert_string_equal(c.v[93]->name, "remediation_action");
	for (size_t i = 0; i < c.n; i++)
		assert_row(c.v[i]->name, xc_feature_is_in(c.v[i], "seed94"));
	assert_false(xc_feature_is_in(xc_feature_find("rtt_variance"), "seed94"));
}

static void membership_agrees_with_selection(void **state)
{
	(void)state;
	for (const struct xc_column_set *s = xc_column_sets; s->name; s++) {
		struct xc_columns c = chosen(s->name);
		size_t n = 0;

		assert_true(*s->text);
		for (size_t i = 0; i < xc_features_count(); i++)
			n += xc_feature_is_in(xc_feature_at(i), s->name);
		assert_int_equal(n, c.n);
	}
	assert_false(xc_feature_is_in(xc_feature_at(0), "all"));
}

static void lists_keep_their_order(void **state)
{
	struct xc_columns c = chosen("anomaly_label,oom_kill_count,flow_id");

	(void)state;
	assert_int_equal(c.n, 3);
	assert_string_equal(c.v[0]->name, "anomaly_label");
	assert_string_equal(c.v[1]->name, "oom_kill_count");
	assert_string_equal(c.v[2]->name, "flow_id");
	assert_int_equal(chosen("timestamp").n, 1);
}

static void mistakes_are_explained(void **state)
{
	static const struct {
		const char *what, *why;
	} rows[] = {
		{ "packet_cuont", "no column 'packet_cuont'; did you mean packet_count?" },
		{ "flow_id,latency_p95ms",
		  "no column 'latency_p95ms'; did you mean latency_p95_ms?" },
		{ "flow_id,", "no column ''; 'crosscut features --list' shows them" },
		{ "", "no column ''; 'crosscut features --list' shows them" },
		{ "xyzzyxyzzyx", "no column 'xyzzyxyzzyx'; 'crosscut features --list' shows them" },
		{ "flow_id,src_ip,flow_id", "column flow_id is named twice" },
		{ "flow_id,core", "no column 'core'; " },
	};
	char why[XC_COLUMNS_WHY], big[5000];
	struct xc_columns c = { .n = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(xc_columns_select(rows[i].what, &c, why), -EINVAL);
		if (strncmp(why, rows[i].why, strlen(rows[i].why)))
			fail_msg("'%s': %s", rows[i].what, why);
		assert_int_equal(c.n, 77);
	}
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(xc_columns_select(big, &c, why), -EINVAL);
}

/* ---- against the specification, when it is there -------------------------------------------- */

/* Beside the checkout, which the build directory is in. */
static FILE *specification(void)
{
	static const char *const paths[] = { "../shared/spec/features.tsv",
					     "../../shared/spec/features.tsv" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		FILE *f = fopen(paths[i], "re");

		if (f)
			return f;
	}
	return NULL;
}

enum { INDEX, GROUP, ORIGIN, NAME, TYPE, UNIT, RANGE, SCOPE, N_FIELDS };

/* Cut @line at its tabs. */
static bool split(char *line, const char *field[N_FIELDS])
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		field[i] = strsep(&line, "\t");
		if (!field[i])
			return false;
	}
	return true;
}

static void check_range(const struct xc_feature *f, const char *range)
{
	double min, max;

	if (sscanf(range, "%lf..%lf", &min, &max) != 2 || strstr(range, "W") || strchr(range, '^'))
		return;
	assert_row(f->name, f->max == max);
	assert_row(f->name, f->min == min || f->min == 0);	/* sizes of nothing are 0 */
}

static void agrees_with_the_specification(void **state)
{
	_cleanup_fclose_ FILE *file = specification();
	struct xc_columns all = chosen("default");
	char line[4096];
	size_t n = 0;

	(void)state;
	if (!file) {	/* cmocka's skip() counts as a failure in TAP */
		print_message("# skipped: no specification beside the checkout\n");
		return;
	}
	assert_non_null(fgets(line, sizeof(line), file));
	for (; fgets(line, sizeof(line), file); n++) {
		const struct xc_feature *f = all.v[n];
		const char *field[N_FIELDS];
		bool is_label = f->group == XC_GROUP_LABEL;

		assert_true(n < all.n && split(line, field));
		assert_string_equal(f->name, field[NAME]);
		assert_string_equal(xc_feature_type_str(f), field[TYPE]);
		assert_string_equal(f->unit, field[UNIT]);
		assert_string_equal(f->scope, field[SCOPE]);
		assert_string_equal(is_label ? "metadata" : xc_feature_group_str(f), field[GROUP]);
		check_range(f, field[RANGE]);
	}
	assert_int_equal(n, all.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_is_whole),
		cmocka_unit_test(sets_have_their_sizes),
		cmocka_unit_test(the_first_columns_are_those_promised),
		cmocka_unit_test(extended_adds_at_the_end),
		cmocka_unit_test(numeric_tells_no_run_apart),
		cmocka_unit_test(the_first_exporters_header),
		cmocka_unit_test(membership_agrees_with_selection),
		cmocka_unit_test(lists_keep_their_order),
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(agrees_with_the_specification),
	};

	return XC_RUN(tests);
}
