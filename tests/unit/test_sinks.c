/* SPDX-License-Identifier: Apache-2.0 */
/* Findings on their way out: JSON any reader takes, text no stranger can write to the terminal with. */
#include "xctest.h"

#include "sink/sink.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>

#define S 1000000000ull

/* What a sink wrote. */
struct written {
	FILE *f;
	char *text;
	size_t len;
	const struct xc_sink *sink;
	void *state;
};

static const struct xc_sink *sink_of(const char *name)
{
	for (size_t i = 0; xc_sinks[i]; i++)
		if (!strcmp(xc_sinks[i]->name, name))
			return xc_sinks[i];
	fail_msg("no sink %s", name);
	return NULL;
}

static void open_sink(struct written *w, const char *name, bool has_color, unsigned int width)
{
	struct xc_sink_env env = { .has_color = has_color, .width = width };

	*w = (struct written){ .sink = sink_of(name) };
	w->f = open_memstream(&w->text, &w->len);
	assert_non_null(w->f);
	env.out = w->f;
	assert_int_equal(w->sink->open(&env, &w->state), 0);
}

/* Close, and give back what was written; release with free(). */
static char *close_sink(struct written *w)
{
	assert_int_equal(w->sink->close(w->state), 0);
	assert_int_equal(fclose(w->f), 0);
	return w->text;
}

static struct xc_finding a_finding(void)
{
	struct xc_finding f = {
		.id = 7,
		.replaces = 3,
		.group = 99,
		.pattern_id = "filter-drop",
		.pattern = "Firewall Drop",
		.layer = XC_LAYER_FILTER,
		.severity = XC_SEVERITY_ERROR,
		.status = XC_STATUS_CONFIRMED,
		.confidence = 0.99,
		.summary = "firewall drops it",
		.details = "table t chain c",
		.impact = "this connection only, so far",
		.resolution = "change the rule",
		.app_sees = "connect failed: ETIMEDOUT",
		.subject = "table t chain c",
		.n_evidence = 2,
		.evidence = { { 5 * S, XC_LAYER_FILTER, 6, "SYN dropped", "skb:kfree_skb" },
			      { 5 * S + 1500000, XC_LAYER_FILTER, 3, "the rule", "ruleset" } },
		.n_alternatives = 1,
		.alternatives = { { "black-hole", "Black Hole", 0.02, "a drop here" } },
		.tuple = { .saddr = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 },
			   .daddr = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 2 },
			   .sport_he = 40000,
			   .dport_he = 80,
			   .proto = IPPROTO_TCP },
		.client = { .tgid = 9, .comm = "curl", .cgroup_id = 77 },
		.netns = 11,
		.error = ETIMEDOUT,
		.first_signal_ns = 5 * S,
		.reported_ns = 5 * S + 40000000,
		.wall_offset_ns = 1700000000 * (int64_t)S,
		.n_same = 1,
		.lost = 2,
	};

	return f;
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *emitted(const struct xc_finding *f)
{
	struct written w;
	json_error_t error;
	char *text;
	json_t *read;

	open_sink(&w, "json", true, 40);
	assert_int_equal(w.sink->emit(w.state, f), 0);
	text = close_sink(&w);
	assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);	/* one line */
	/* as reals: jansson's integers end at 2^63 */
	read = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	if (!read)
		fail_msg("%s at %d: %s", error.text, error.position, text);
	free(text);
	return read;
}

static const char *str(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "(none)";
}

static void json_has_every_promised_key(void **state)
{
	static const char *const keys[] = {
		"type",
		"severity",
		"source",
		"timestamp",
		"pattern",
		"confidence",
		"summary",
		"details",
		"evidence",
		"impact",
		"resolution",
		"id",
		"pattern_id",
		"status",
		"replaces",
		"confidence_score",
		"severity_number",
		"evidence_items",
		"alternatives",
		"group",
		"connection",
		"error",
		"first_signal_ns",
		"reported_ns",
		"time_to_root_cause_ms",
		"lost_in_window",
	};
	struct xc_finding f = a_finding();
	json_t *o = emitted(&f), *c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_row(keys[i], json_object_get(o, keys[i]));
	assert_string_equal(str(o, "type"), "network.tcp");
	assert_string_equal(str(o, "confidence"), "99%");
	assert_string_equal(str(o, "timestamp"), "2023-11-14T22:13:25.040000Z");
	assert_string_equal(str(o, "error"), "ETIMEDOUT");
	assert_true(json_number_value(json_object_get(o, "replaces")) == 3);
	assert_true(json_number_value(json_object_get(o, "lost_in_window")) == 2);
	assert_true(json_real_value(json_object_get(o, "time_to_root_cause_ms")) == 40.0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "evidence"), 1)),
			    "the rule");
	assert_string_equal(str(json_array_get(json_object_get(o, "evidence_items"), 0), "hook"),
			    "skb:kfree_skb");
	assert_string_equal(str(json_array_get(json_object_get(o, "alternatives"), 0), "against"),
			    "a drop here");
	c = json_object_get(o, "connection");
	assert_string_equal(str(json_object_get(c, "server"), "ip"), "10.0.0.2");
	assert_true(json_number_value(json_object_get(json_object_get(c, "client"), "port")) ==
		    40000);
	assert_true(json_number_value(json_object_get(json_object_get(c, "process"), "pid")) == 9);
	assert_true(json_is_null(json_object_get(c, "server_process")));
	json_decref(o);
}

static void json_says_null_where_nothing_is_known(void **state)
{
	struct xc_finding f = a_finding();
	json_t *o;

	(void)state;
	f.replaces = 0;
	f.error = 0;
	f.client.tgid = 0;
	f.reported_ns = f.first_signal_ns - 5;	/* late records: never a negative time */
	o = emitted(&f);
	assert_true(json_is_null(json_object_get(o, "replaces")));
	assert_true(json_is_null(json_object_get(o, "error")));
	assert_true(json_is_null(json_object_get(json_object_get(o, "connection"), "process")));
	assert_true(json_real_value(json_object_get(o, "time_to_root_cause_ms")) == 0.0);
	json_decref(o);
}

static void the_type_follows_the_protocol(void **state)
{
	static const struct {
		uint8_t proto;
		const char *type;
	} rows[] = {
		{ IPPROTO_TCP, "network.tcp" },	  { IPPROTO_UDP, "network.udp" },
		{ IPPROTO_ICMP, "network.icmp" }, { IPPROTO_ICMPV6, "network.icmp" },
		{ IPPROTO_SCTP, "network.ip" },	  { 0, "network.ip" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_finding f = a_finding();
		json_t *o;

		f.tuple.proto = rows[i].proto;
		o = emitted(&f);
		assert_string_equal(str(o, "type"), rows[i].type);
		json_decref(o);
	}
}

/* Fill every text of a finding with bytes nobody should trust. */
static void make_hostile(struct xc_finding *f, unsigned char byte)
{
	char *const texts[] = { f->summary,    f->details,  f->impact,
				f->resolution, f->app_sees, f->subject };
	static const size_t sizes[] = { sizeof(f->summary),  sizeof(f->details),
					sizeof(f->impact),   sizeof(f->resolution),
					sizeof(f->app_sees), sizeof(f->subject) };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		memset(texts[i], byte, sizes[i] - 1);
		texts[i][sizes[i] - 1] = '\0';
	}
	f->n_evidence = XC_FINDING_EVIDENCE;
	for (size_t i = 0; i < XC_FINDING_EVIDENCE; i++) {
		memset(f->evidence[i].fact, byte, sizeof(f->evidence[i].fact) - 1);
		memset(f->evidence[i].hook, byte, sizeof(f->evidence[i].hook) - 1);
	}
	f->n_alternatives = XC_FINDING_ALTERNATIVES;
	for (size_t i = 0; i < XC_FINDING_ALTERNATIVES; i++) {
		f->alternatives[i] = f->alternatives[0];
		memset(f->alternatives[i].against, byte, sizeof(f->alternatives[i].against) - 1);
	}
	memset(f->client.comm, byte, sizeof(f->client.comm) - 1);
	f->server = f->client;
}

static void json_stays_valid_whatever_the_texts_hold(void **state)
{
	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		struct xc_finding f = a_finding();

		make_hostile(&f, (unsigned char)byte);
		json_decref(emitted(&f));
	}
}

static void the_clock_survives_any_recording(void **state)
{
	static const struct {
		uint64_t reported_ns;
		int64_t offset;
	} rows[] = {
		{ 0, 0 },
		{ 0, -1 },
		{ UINT64_MAX, INT64_MAX },
		{ UINT64_MAX, INT64_MIN },
		{ 1, INT64_MAX },
		{ 0, INT64_MIN },
		{ 1ull << 63, -5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_finding f = a_finding();
		json_t *o;

		f.reported_ns = rows[i].reported_ns;
		f.wall_offset_ns = rows[i].offset;
		o = emitted(&f);
		assert_int_equal(strlen(str(o, "timestamp")),
				 strlen("2023-11-14T22:13:25.040000Z"));
		json_decref(o);
	}
}

static void confidence_is_never_certainty(void **state)
{
	static const struct {
		double confidence;
		const char *want;
	} rows[] = {
		{ 0.0, "0%" },	   { 0.1, "10%" },     { 0.954, "95%" }, { 0.99, "99%" },
		{ 0.9949, "99%" }, { 0.999, "99.9%" }, { 1.0, "99.9%" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[8];

		assert_string_equal(xc_confidence_str(rows[i].confidence, out), rows[i].want);
	}
}

/* ---- text -------------------------------------------------------------------------------- */

static char *told(const struct xc_finding *f, bool has_color, unsigned int width)
{
	struct written w;

	open_sink(&w, "text", has_color, width);
	assert_int_equal(w.sink->emit(w.state, f), 0);
	return close_sink(&w);
}

static void text_tells_a_person_everything(void **state)
{
	static const char *const parts[] = {
		"Connection failed: Firewall Drop (99%), as suspected, with records lost",
		"\n  Cause     firewall drops it\n",
		"\n  Flow      TCP 10.0.0.1:40000 > 10.0.0.2:80, client curl (pid 9)\n",
		"\n  App sees  connect failed: ETIMEDOUT\n",
		"\n  Details   table t chain c\n",
		"\n  Evidence  +0.0 ms SYN dropped [skb:kfree_skb]\n",
		"\n            +1.5 ms the rule [ruleset]\n",
		"\n  Or        Black Hole 2%; but a drop here\n",
		"\n  Impact    this connection only, so far\n",
		"\n  Fix       change the rule\n\n",
	};
	struct xc_finding f = a_finding();
	_cleanup_free_ char *text = told(&f, false, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text, parts[i]))
			fail_msg("no '%s' in:\n%s", parts[i], text);
	assert_null(strchr(text, '\033'));
}

static void what_is_not_final_takes_one_line(void **state)
{
	struct xc_finding f = a_finding();
	char *text;

	(void)state;
	f.status = XC_STATUS_SUSPECTED;
	text = told(&f, false, 0);
	assert_non_null(strstr(text, "suspected: Firewall Drop, firewall drops it\n"));
	assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
	free(text);
	f.status = XC_STATUS_CLEARED;
	text = told(&f, false, 0);
	assert_non_null(strstr(text, "cleared: Firewall Drop"));
	free(text);
	f.status = XC_STATUS_SUSPECTED;
	f.n_same = 2;		/* the first one was told */
	text = told(&f, false, 0);
	assert_string_equal(text, "");
	free(text);
}

/* Columns a terminal would use. */
static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");

		longest = n > longest ? n : longest;
		text += n + (text[n] == '\n');
	}
	return longest;
}

static void text_fits_the_terminal(void **state)
{
	static const unsigned int widths[] = { 40, 80, 120, 200 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		struct xc_finding f = a_finding();
		_cleanup_free_ char *text = NULL;
		const char *fix;
		size_t n = 0;

		f.resolution[0] = '\0';
		for (int word = 0; n < sizeof(f.resolution) - 12; word++)
			n += (size_t)snprintf(f.resolution + n, sizeof(f.resolution) - n, "word%d ",
					      word);
		f.lost = 0;
		f.replaces = 0;
		text = told(&f, false, widths[i]);
		fix = strstr(text, "  Fix ");	/* the headline is not wrapped */
		assert_true(longest_line(fix) <= widths[i] && longest_line(fix) > widths[i] - 12);
		assert_null(strstr(fix, " \n"));
	}
}

static void strangers_cannot_write_to_the_terminal(void **state)
{
	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		struct xc_finding f = a_finding();
		struct written w;
		_cleanup_free_ char *text = NULL;

		make_hostile(&f, (unsigned char)byte);
		open_sink(&w, "text", false, byte % 2 ? 80 : 0);
		for (int i = 0; i < 3; i++)		/* in full, then as repeats */
			assert_int_equal(w.sink->emit(w.state, &f), 0);
		text = close_sink(&w);
		assert_non_null(strstr(text, "more: "));
		for (const char *c = text; *c; c++)
			if (*c != '\n' &&
			    ((unsigned char)*c < 0x20 || *c == 0x7f || (unsigned char)*c >= 0x80))
				fail_msg("byte %02x came through as %02x", byte, (unsigned char)*c);
	}
}

static void colour_is_only_paint(void **state)
{
	struct xc_finding f = a_finding();
	_cleanup_free_ char *plain = told(&f, false, 0), *painted = told(&f, true, 0);
	char *to = painted;

	(void)state;
	assert_non_null(strchr(painted, '\033'));
	for (const char *from = painted; *from;) {
		if (*from == '\033')
			from += strcspn(from, "m") + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
	assert_string_equal(painted, plain);
}

static void five_hundred_of_one_cause_are_one_screen(void **state)
{
	struct xc_finding f = a_finding();
	_cleanup_free_ char *text = NULL;
	struct written w;

	(void)state;
	open_sink(&w, "text", false, 0);
	for (uint32_t i = 0; i < 500; i++) {
		f.tuple.sport_he = (uint16_t)(40000 + i);
		f.reported_ns = 5 * S + i * 1000000;
		f.n_same = i + 1;
		assert_int_equal(w.sink->emit(w.state, &f), 0);
		w.sink->tick(w.state, f.reported_ns);
	}
	w.sink->tick(w.state, 7 * S);
	f.group = 100;		/* another cause is told in full */
	f.pattern = "Another Cause";
	f.reported_ns = 7 * S;
	assert_int_equal(w.sink->emit(w.state, &f), 0);
	f.group = 99;		/* and the first again, once it was quiet for long */
	f.pattern = "Firewall Drop";
	f.reported_ns = 60 * S;
	assert_int_equal(w.sink->emit(w.state, &f), 0);
	text = close_sink(&w);
	assert_non_null(strstr(text, "... and 499 more: Firewall Drop, table t chain c\n"));
	assert_non_null(strstr(text, "Another Cause"));
	assert_non_null(strstr(strstr(text, "Another Cause"), "Connection failed: Firewall Drop"));
}

static void repeats_are_counted_aloud_once_a_second(void **state)
{
	struct xc_finding f = a_finding();
	_cleanup_free_ char *text = NULL;
	struct written w;
	int n = 0;

	(void)state;
	open_sink(&w, "text", false, 0);
	for (uint32_t i = 0; i < 100; i++) {
		f.reported_ns = 5 * S + i * S / 20;
		assert_int_equal(w.sink->emit(w.state, &f), 0);
		w.sink->tick(w.state, f.reported_ns);
	}
	text = close_sink(&w);
	for (const char *p = text; (p = strstr(p, "... and ")); p++)
		n++;
	assert_in_range(n, 4, 6);
}

static void more_causes_than_the_table_holds_are_all_told(void **state)
{
	struct xc_finding f = a_finding();
	_cleanup_free_ char *text = NULL;
	struct written w;
	int n = 0;

	(void)state;
	open_sink(&w, "text", false, 0);
	for (uint64_t i = 0; i < 300; i++) {
		f.group = 1000 + i;
		f.reported_ns += 1000;
		assert_int_equal(w.sink->emit(w.state, &f), 0);
	}
	text = close_sink(&w);
	for (const char *p = text; (p = strstr(p, "Connection failed")); p++)
		n++;
	assert_int_equal(n, 300);
}

static void a_closed_pipe_is_an_error_of_every_sink(void **state)
{
	struct xc_finding f = a_finding();

	(void)state;
	for (size_t i = 0; xc_sinks[i]; i++) {
		_cleanup_fclose_ FILE *full = fopen("/dev/full", "we");
		struct xc_sink_env env = { .out = full };
		void *sink;

		assert_non_null(full);
		assert_int_equal(xc_sinks[i]->open(&env, &sink), 0);
		assert_int_equal(xc_sinks[i]->emit(sink, &f), -ENOSPC);
		assert_int_equal(xc_sinks[i]->close(sink), -ENOSPC);
		assert_int_equal(xc_sinks[i]->close(NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_every_promised_key),
		cmocka_unit_test(json_says_null_where_nothing_is_known),
		cmocka_unit_test(the_type_follows_the_protocol),
		cmocka_unit_test(json_stays_valid_whatever_the_texts_hold),
		cmocka_unit_test(the_clock_survives_any_recording),
		cmocka_unit_test(confidence_is_never_certainty),
		cmocka_unit_test(text_tells_a_person_everything),
		cmocka_unit_test(what_is_not_final_takes_one_line),
		cmocka_unit_test(text_fits_the_terminal),
		cmocka_unit_test(strangers_cannot_write_to_the_terminal),
		cmocka_unit_test(colour_is_only_paint),
		cmocka_unit_test(five_hundred_of_one_cause_are_one_screen),
		cmocka_unit_test(repeats_are_counted_aloud_once_a_second),
		cmocka_unit_test(more_causes_than_the_table_holds_are_all_told),
		cmocka_unit_test(a_closed_pipe_is_an_error_of_every_sink),
	};

	return XC_RUN(tests);
}
