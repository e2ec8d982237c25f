/* SPDX-License-Identifier: Apache-2.0 */
/* Every pattern: facts that are its cause, and the near miss that must not be taken for it. */
#include "patterns/filter.h"
#include "patterns/path.h"
#include "patterns/request.h"
#include "patterns/row.h"
#include "patterns/socket.h"

#include <ctype.h>

static const struct {
	const struct row *rows;
	size_t n;
} tables[] = {
	{ filter_rows, ARRAY_SIZE(filter_rows) },
	{ path_rows, ARRAY_SIZE(path_rows) },
	{ socket_rows, ARRAY_SIZE(socket_rows) },
	{ request_rows, ARRAY_SIZE(request_rows) },
};

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct xc_verdict *v = judged(&rows[i].c);
		const char *id = best_id(v);

		if (!is_same(id, rows[i].want))
			fail_msg("%s: %s instead of %s (%.3f)", rows[i].what, id ? id : "nothing",
				 rows[i].want ? rows[i].want : "nothing", v->confidence);
		if (id && rows[i].says[0] && !says(v, rows[i].says))
			fail_msg("%s: does not say '%s' but '%s' / '%s' / '%s' / '%s'",
				 rows[i].what, rows[i].says, v->best.summary, v->best.details,
				 v->best.fix, v->best.evidence[0].fact);
	}
}

static void of_filters(void **state)
{
	(void)state;
	check_rows(filter_rows, ARRAY_SIZE(filter_rows));
}

static void of_the_path(void **state)
{
	(void)state;
	check_rows(path_rows, ARRAY_SIZE(path_rows));
}

static void of_sockets_and_processes(void **state)
{
	(void)state;
	check_rows(socket_rows, ARRAY_SIZE(socket_rows));
}

static void of_requests(void **state)
{
	(void)state;
	check_rows(request_rows, ARRAY_SIZE(request_rows));
}

static void every_pattern_has_a_row_and_a_near_miss(void **state)
{
	(void)state;
	for (size_t p = 0; xc_patterns[p]; p++) {
		const char *id = xc_patterns[p]->id;
		bool has_row = false, has_miss = false;

		for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
			for (size_t i = 0; i < tables[t].n; i++) {
				has_row |= is_same(tables[t].rows[i].want, id);
				has_miss |= is_same(tables[t].rows[i].near, id);
			}
		assert_row(id, has_row);
		assert_row(id, has_miss);
	}
}

static void every_pattern_can_be_printed(void **state)
{
	(void)state;
	for (size_t p = 0; xc_patterns[p]; p++) {
		const struct xc_pattern *a = xc_patterns[p];

		for (const char *c = a->id; *c; c++)
			assert_row(a->id, islower((unsigned char)*c) || (*c == '-' && c > a->id));
		assert_row(a->id, a->name && a->name[0] && a->layer < _XC_LAYER_MAX);
		assert_row(a->id, a->cause[strlen(a->cause) - 1] == '.');
		assert_row(a->id, a->fix[strlen(a->fix) - 1] == '.');
		for (size_t q = 0; q < p; q++)
			assert_row(a->id, strcmp(a->id, xc_patterns[q]->id));
	}
}

/* A healthy connection, and nothing at all. */
static void nothing_is_no_cause(void **state)
{
	static const struct xc_case empty, lives = { .was_established = true, CLIENT(), SERVER() };

	(void)state;
	assert_null(best_id(judged(&empty)));
	assert_null(best_id(judged(&lives)));
	assert_true(judged(&empty)->confidence == 0.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_filters),
		cmocka_unit_test(of_the_path),
		cmocka_unit_test(of_sockets_and_processes),
		cmocka_unit_test(of_requests),
		cmocka_unit_test(every_pattern_has_a_row_and_a_near_miss),
		cmocka_unit_test(every_pattern_can_be_printed),
		cmocka_unit_test(nothing_is_no_cause),
	};

	return XC_RUN(tests);
}
