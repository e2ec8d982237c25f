/* SPDX-License-Identifier: Apache-2.0 */
/* From opinions to words: confidence, what is said when, and what a finding carries. */
#include "patterns/row.h"

#include <math.h>

#define NFT_DROP DROPS(DROP(NETFILTER_DROP, AT_INPUT, SYN, .ct = XC_CT_NEW, .sym = "nft_do_chain"))
#define RULE_FOUND(how_)                                                                           \
	RULES(RULE(.netns = NS_SERVER, .hook = XC_HOOK_INPUT, .handle = 4, .how = how_,            \
		   .n_candidates = 1, .verdict = XC_VERDICT_DROP, .text = "tcp dport 80 drop"))

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

/* ---- confidence -------------------------------------------------------------------------- */

static void is_capped_below_certainty(void **state)
{
	static const struct {
		const char *what;
		struct xc_case c;
		double at_least, at_most;
	} rows[] = {
		{ "nothing decisive",
		  { CLIENT(), SYNS(6), FAILED(REFUSED, ETIMEDOUT) },
		  0.90,
		  0.95 },
		{ "a decisive fact alone", { CLIENT(), SYNS(1), NFT_DROP }, 0.95, 0.99 },
		{ "told by the place alone",
		  { CLIENT(), SYNS(1),
		    DROPS(DROP_AT("nf_hook_slow", NETFILTER_DROP, AT_INPUT, SYN)) },
		  0.5,
		  0.98 },
		{ "and the rule",
		  { CLIENT(), NFT_DROP, RULE_FOUND(XC_RULE_EVALUATED) },
		  0.99,
		  0.99 },
		{ "and its counter",
		  { CLIENT(), NFT_DROP, RULE_FOUND(XC_RULE_COUNTED) },
		  0.998,
		  0.999 },
		{ "and the kernel's trace",
		  { CLIENT(), NFT_DROP, RULE_FOUND(XC_RULE_TRACED) },
		  0.998,
		  0.999 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double confidence = judged(&rows[i].c)->confidence;

		if (confidence < rows[i].at_least || confidence > rows[i].at_most)
			fail_msg("%s: %.4f", rows[i].what, confidence);
	}
}

static void lost_records_lower_it(void **state)
{
	struct xc_case c = { CLIENT(), NFT_DROP, RULE_FOUND(XC_RULE_TRACED) };
	double whole = judged(&c)->confidence;

	(void)state;
	c.lost = 1;
	assert_true(near(judged(&c)->confidence, whole * 0.8));
	c.lost = 1000000;
	assert_true(near(judged(&c)->confidence, whole * 0.8));
}

static void rivals_are_ranked_and_answered(void **state)
{
	/* a dead process, and a reset that by itself looks like lost state */
	static const struct xc_case c = {
		.was_established = true,
		CLIENT(.n_rst_rcvd = 1),
		.server = { .owner = { .tgid = 70 } },
		RESETS(RST(TCP_TIMEWAIT_SOCKET, ON_DATA, .state = XC_TCP_TIME_WAIT)),
		PROCS(EXIT(T0, SIGSEGV)),
		FAILED(BROKEN, EPIPE),
	};
	const struct xc_verdict *v = judged(&c);
	double sum = v->confidence;

	(void)state;
	assert_string_equal(best_id(v), "process-exit");
	for (size_t i = 0; i < v->n_alternatives; i++) {
		const struct xc_alternative *a = &v->alternatives[i];

		assert_string_not_equal(a->pattern_id, "process-exit");
		assert_true(a->score <= v->confidence && a->score >= 0.005);
		assert_true(!i || a->score <= v->alternatives[i - 1].score);
		sum += a->score;
	}
	assert_true(sum <= 1.0);
}

static void a_rival_of_equal_weight_halves_it(void **state)
{
	static const struct xc_case one = { DROPS(DROP(TC_INGRESS, SYN)) };
	static const struct xc_case two = { DROPS(DROP(TC_INGRESS, SYN), DROP(IP_RPFILTER, SYN)) };
	const struct xc_verdict *v;

	(void)state;
	assert_true(judged(&one)->confidence > 0.95);
	v = judged(&two);
	assert_true(v->confidence > 0.45 && v->confidence < 0.5);
	assert_int_equal(v->n_alternatives, 1);
	assert_true(near(v->alternatives[0].score, v->confidence));
}

/* ---- what is said, and when -------------------------------------------------------------- */

#define SAID(pattern, status_, severity_)                                                          \
	.before = { .has_said = true,                                                              \
		    .pattern_id = pattern,                                                         \
		    .status = XC_STATUS_##status_,                                                 \
		    .severity = XC_SEVERITY_##severity_ }
#define WANT(say_, status_, severity_)                                                             \
	.say = XC_SAY_##say_, .status = XC_STATUS_##status_, .severity = XC_SEVERITY_##severity_
#define FACTS(...) .c = { __VA_ARGS__ }
#define STUCK_FIN                                                                                  \
	.was_established = true,                                                                   \
	CLIENT(.n_retrans = 3, .second_retrans_ns = T0,                                            \
	       .last = { .state = XC_TCP_FIN_WAIT1, .flags = XC_SOCK_F_ORPHAN })
#define NO_WINDOW                                                                                  \
	.was_established = true, CLIENT(.stuck_ns = T0, .last = { .rwnd_limited_ms = 900 })

static const struct decision_row {
	const char *what;
	struct xc_case c;
	struct xc_before before;
	enum xc_say say;
	enum xc_status status;
	enum xc_severity severity;
	bool is_final, starts_over;
} decisions[] = {
	/* while it is pending */
	{ "nothing is known", FACTS(CLIENT(), SYNS(1)), .say = XC_SAY_NOTHING },
	{ "a decisive drop, the client still waits", FACTS(CLIENT(), SYNS(1), NFT_DROP),
	  WANT(FINDING, SUSPECTED, WARNING) },
	{ "the same again is not said twice", FACTS(CLIENT(), SYNS(1), NFT_DROP),
	  SAID("filter-drop", SUSPECTED, WARNING), .say = XC_SAY_NOTHING },
	{ "another cause is", FACTS(CLIENT(), SYNS(1), NFT_DROP),
	  SAID("black-hole", SUSPECTED, WARNING), WANT(FINDING, SUSPECTED, WARNING) },
	{ "the unknown becomes known", FACTS(CLIENT(), SYNS(1), NFT_DROP),
	  SAID(NULL, SUSPECTED, WARNING), WANT(FINDING, SUSPECTED, WARNING) },
	{ "a strong suspicion", FACTS(CLIENT(), SYNS(3)), WANT(FINDING, SUSPECTED, WARNING) },
	{ "nobody will say more", FACTS(CLIENT(), SYNS(3), .is_overdue = true),
	  WANT(FINDING, CONFIRMED, ERROR) },
	{ "a weak one is not worth a word",
	  FACTS(CLIENT(), .neighs = { { .addr = SERVER_IP, .nud_state = 1 } }),
	  .say = XC_SAY_NOTHING },
	{ "nobody waits: dropped twice, no socket here",
	  FACTS(DROPS(DROP(NETFILTER_DROP, AT_FORWARD, SYN, .count = 2))),
	  WANT(FINDING, CONFIRMED, ERROR) },
	{ "dropped once, it may come again", FACTS(DROPS(DROP(NETFILTER_DROP, AT_FORWARD, SYN))),
	  WANT(FINDING, SUSPECTED, WARNING) },
	{ "a datagram is dropped for good", FACTS(UDP, DROPS(DROP(NETFILTER_DROP, AT_FORWARD))),
	  WANT(FINDING, CONFIRMED, ERROR) },
	{ "a condition is the trouble itself", FACTS(NO_WINDOW),
	  WANT(FINDING, CONFIRMED, WARNING) },
	{ "and is told once", FACTS(NO_WINDOW), SAID("zero-window", CONFIRMED, WARNING),
	  .say = XC_SAY_NOTHING },
	{ "a listener under attack",
	  FACTS(.is_listener = true, COUNTERS([XC_CTR_REQQ_FULL_DROP] = 9)),
	  WANT(FINDING, CONFIRMED, ERROR) },

	/* when it has ended */
	{ "it failed, and it is known why",
	  FACTS(CLIENT(), SYNS(1), NFT_DROP, FAILED(REFUSED, ETIMEDOUT)),
	  SAID("filter-drop", SUSPECTED, WARNING), WANT(FINDING, CONFIRMED, ERROR),
	  .is_final = true },
	{ "it failed, and that was said",
	  FACTS(CLIENT(), SYNS(1), NFT_DROP, FAILED(REFUSED, ETIMEDOUT)),
	  SAID("filter-drop", CONFIRMED, ERROR), .say = XC_SAY_NOTHING, .is_final = true },
	{ "it failed, and nobody knows why", FACTS(CLIENT(), FAILED(REFUSED, EPERM)),
	  WANT(FINDING, CONFIRMED, ERROR), .is_final = true },
	{ "the application lost patience", FACTS(CLIENT(), SYNS(1), NFT_DROP, FAILED(GAVE_UP, 0)),
	  WANT(FINDING, CONFIRMED, ERROR), .is_final = true },
	{ "it never tried twice: a race of two addresses", FACTS(CLIENT(), FAILED(GAVE_UP, 0)),
	  .say = XC_SAY_NOTHING, .is_final = true },
	{ "closed in peace", FACTS(.was_established = true, CLIENT(), FAILED(CLOSED, 0)),
	  .say = XC_SAY_NOTHING, .is_final = true },
	{ "closed in peace after a resend or two",
	  FACTS(.was_established = true, FAILED(CLOSED, 0),
		CLIENT(.n_retrans = 2, .last = { .total_retrans = 2, .bytes_acked = 9000 })),
	  .say = XC_SAY_NOTHING, .is_final = true },
	{ "an orphan's error reaches nobody",
	  FACTS(.was_established = true, FAILED(BROKEN, ETIMEDOUT),
		.client = { .is_seen = true,
			    .last = { .flags = XC_SOCK_F_ORPHAN, .state = XC_TCP_CLOSE } },
		.server = { .has_error = false }),
	  WANT(FINDING, CONFIRMED, ERROR), .is_final = true },
	{ "an orphan's error without a cause reaches nobody",
	  FACTS(.was_established = true, FAILED(BROKEN, EPIPE),
		CLIENT(.last = { .flags = XC_SOCK_F_ORPHAN })),
	  .say = XC_SAY_NOTHING, .is_final = true },
	{ "the condition has cost the connection", FACTS(NO_WINDOW, FAILED(BROKEN, ETIMEDOUT)),
	  SAID("zero-window", CONFIRMED, WARNING), WANT(FINDING, CONFIRMED, ERROR),
	  .is_final = true },
	{ "a closed half-open connection stays a warning", FACTS(STUCK_FIN, FAILED(CLOSED, 0)),
	  SAID("half-open", CONFIRMED, WARNING), .say = XC_SAY_NOTHING, .is_final = true },

	/* when it works after all */
	{ "the suspicion is taken back", FACTS(CLIENT(), .outcome = XC_OUTCOME_RECOVERED),
	  SAID("black-hole", SUSPECTED, WARNING), WANT(CLEARED, CLEARED, INFO),
	  .starts_over = true },
	{ "nothing to take back", FACTS(CLIENT(), .outcome = XC_OUTCOME_RECOVERED),
	  .say = XC_SAY_NOTHING, .starts_over = true },
	{ "what was confirmed stays said", FACTS(CLIENT(), .outcome = XC_OUTCOME_RECOVERED),
	  SAID("zero-window", CONFIRMED, WARNING), .say = XC_SAY_NOTHING, .starts_over = true },
};

static void says_the_right_thing_at_the_right_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
		const struct decision_row *row = &decisions[i];
		struct xc_case c = row->c;
		struct xc_verdict v;
		struct xc_decision d;

		complete(&c);
		xc_judge(&c, &v);
		d = xc_decide(&c, &v, &row->before);
		assert_row(row->what, d.say == row->say);
		assert_row(row->what, d.is_final == row->is_final);
		assert_row(row->what, d.starts_over == row->starts_over);
		if (row->say == XC_SAY_NOTHING)
			continue;
		assert_row(row->what, d.status == row->status);
		assert_row(row->what, d.severity == row->severity);
	}
}

/* ---- the finding ------------------------------------------------------------------------- */

static const struct xc_finding *written(const struct xc_case *facts)
{
	static const struct xc_before nothing;
	static struct xc_finding f;
	struct xc_case c = *facts;
	struct xc_verdict v;
	struct xc_decision d;

	complete(&c);
	xc_judge(&c, &v);
	d = xc_decide(&c, &v, &nothing);
	xc_write_finding(&c, &v, &d, &f);
	return &f;
}

static void an_unknown_failure_is_told_with_its_facts(void **state)
{
	static const struct xc_case c = { CLIENT(.owner = { .tgid = 9, .comm = "curl" }),
					  FAILED(REFUSED, EPERM), .lost = 3 };
	const struct xc_finding *f = written(&c);

	(void)state;
	assert_string_equal(f->pattern_id, "unknown");
	assert_string_equal(f->pattern, "Unknown");
	assert_true(near(f->confidence, 0.1));
	assert_non_null(strstr(f->summary, "EPERM"));
	assert_non_null(strstr(f->details, "drops seen 0"));
	assert_true(f->resolution[0] && f->subject[0]);
	assert_int_equal(f->error, EPERM);
	assert_int_equal(f->client.tgid, 9);
	assert_int_equal(f->netns, NS_CLIENT);
	assert_int_equal(f->lost, 3);
	assert_int_equal(f->first_signal_ns, T0 + 900 * MS);
	assert_int_equal(f->n_evidence, 0);
}

static void evidence_is_in_order_of_time(void **state)
{
	static const struct xc_case c = {
		.was_established = true,
		.server = { .owner = { .tgid = 70 }, .died_ns = T0 + 4 * MS },
		PROCS(OOM(T0 + 3 * MS), EXIT(T0 + 2 * MS, SIGKILL)),
		FAILED(BROKEN, ECONNRESET),
		NOTES(NOTE("memory.max", "1")),
	};
	static const struct xc_case timeless = { CLIENT(), SYNS(4), FAILED(REFUSED, ETIMEDOUT) };
	const struct xc_finding *f = written(&c);

	(void)state;
	assert_true(f->n_evidence >= 2);
	for (size_t i = 1; i < f->n_evidence; i++)
		assert_true(f->evidence[i - 1].ts_ns <= f->evidence[i].ts_ns);
	f = written(&timeless);		/* a fact without a time comes last */
	assert_true(f->n_evidence >= 2 && f->evidence[0].ts_ns &&
		    !f->evidence[f->n_evidence - 1].ts_ns);
}

static void the_first_signal_is_the_earliest_decisive_one(void **state)
{
	static const struct xc_case two = {
		SYNS(1),
		DROPS(DROP(NETFILTER_DROP, AT_FORWARD, SYN, .first_ns = T0 + 7 * MS)),
		CLIENT(.n_rst_rcvd = 1),
		FAILED(REFUSED, ECONNREFUSED),
	};
	static const struct xc_case none = { CLIENT(), SYNS(3) };

	(void)state;
	/* the forged RST at +3 ms came, as far as the records tell, before the drop */
	assert_int_equal(written(&two)->first_signal_ns, T0 + 3 * MS);
	assert_int_equal(written(&none)->first_signal_ns, T0 + 3 * MS);	/* strong only */
}

static void the_namespace_is_found_where_there_is_one(void **state)
{
	static const struct {
		struct xc_case c;
		uint32_t want;
	} rows[] = {
		{ { CLIENT(), NFT_DROP }, NS_CLIENT },
		{ { SERVER(), NFT_DROP }, NS_SERVER },
		{ { DROPS(DROP(NETFILTER_DROP, AT_FORWARD, SYN)) }, NS_ROUTER },
		{ { FAILED(REFUSED, EPERM) }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(written(&rows[i].c)->netns, rows[i].want);
}

/* Whatever a pattern leaves out, the reader is told something to do. */
static void no_text_is_empty(void **state)
{
	static const struct xc_case c = { CLIENT(), NFT_DROP };
	const struct xc_finding *f = written(&c);

	(void)state;
	assert_true(f->summary[0] && f->details[0] && f->resolution[0] && f->subject[0]);
	assert_int_equal(f->layer, XC_LAYER_FILTER);
}

static void more_evidence_than_fits_still_counts(void **state)
{
	static const struct xc_pattern p = { .id = "p", .layer = XC_LAYER_L3 };
	struct xc_opinion o = { .pattern = &p };

	(void)state;
	for (int i = 0; i < XC_FINDING_EVIDENCE + 5; i++)
		xc_for(&o, XC_WEAK, T0, "hook", "fact %d", i);
	assert_int_equal(o.n_evidence, XC_FINDING_EVIDENCE);
	assert_int_equal(o.points, XC_FINDING_EVIDENCE + 5);
	xc_against(&o, XC_AGAINST, "first");
	xc_against(&o, XC_AGAINST, "second");
	assert_string_equal(o.against, "first");
	assert_int_equal(o.points, XC_FINDING_EVIDENCE + 5 + 2 * XC_AGAINST);
	assert_false(o.has_decisive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_capped_below_certainty),
		cmocka_unit_test(lost_records_lower_it),
		cmocka_unit_test(rivals_are_ranked_and_answered),
		cmocka_unit_test(a_rival_of_equal_weight_halves_it),
		cmocka_unit_test(says_the_right_thing_at_the_right_time),
		cmocka_unit_test(an_unknown_failure_is_told_with_its_facts),
		cmocka_unit_test(evidence_is_in_order_of_time),
		cmocka_unit_test(the_first_signal_is_the_earliest_decisive_one),
		cmocka_unit_test(the_namespace_is_found_where_there_is_one),
		cmocka_unit_test(no_text_is_empty),
		cmocka_unit_test(more_evidence_than_fits_still_counts),
	};

	return XC_RUN(tests);
}
