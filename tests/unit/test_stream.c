/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "l7/stream.h"
#include "model/net.h"

#include <stdio.h>

#define MS 1000000ull
#define TEXT_MAX 4096

/* A stream and what was read from it: bytes, and "[n]" where n were lost. */
struct reading {
	struct xc_stream s;
	struct xc_stream_memory m;
	char text[TEXT_MAX];
	size_t n;
	bool is_stubborn;	/* what comes is left at the front */
};

static struct reading begin(uint32_t isn)
{
	struct reading r = { .m = { .max = 1 << 20 } };
	struct xc_segment syn = { .seq = isn, .tcp_flags = XC_TCP_SYN, .ts_ns = 1 };

	xc_stream_put(&r.s, &syn, &r.m);
	return r;
}

static void finish(struct reading *r)
{
	xc_stream_done(&r->s, &r->m);
	assert_int_equal(r->m.used, 0);
}

static void give_up(struct reading *r)
{
	uint64_t n = xc_stream_jump(&r->s, &r->m);

	r->n += (size_t)snprintf(r->text + r->n, sizeof(r->text) - r->n, "[%llu]",
				 (unsigned long long)n);
}

static void read_all(struct reading *r, uint64_t now_ns)
{
	for (;;) {
		struct xc_span in;

		if (r->s.skip && !xc_stream_pass(&r->s, now_ns, &r->m))
			return;
		in = xc_stream_front(&r->s, &r->m);
		if (in.len && !r->is_stubborn) {
			assert_true(r->n + in.len < sizeof(r->text));
			memcpy(r->text + r->n, in.p, in.len);
			r->n += in.len;
			r->text[r->n] = '\0';
			xc_stream_take(&r->s, in.len, &r->m);
		} else if (!xc_stream_grow(&r->s, &r->m)) {
			if (!xc_stream_is_lost(&r->s, now_ns))
				return;
			give_up(r);
		}
	}
}

/* @text at @seq, of which @n_cap bytes were captured. */
static void feed_cut(struct reading *r, uint32_t seq, const char *text, uint32_t n_cap, uint64_t ns)
{
	uint32_t n = (uint32_t)strlen(text);
	struct xc_segment seg = { .seq = seq,
				  .tcp_flags = XC_TCP_ACK,
				  .ts_ns = ns,
				  .wire_bytes = n,
				  .n_bytes = n_cap,
				  .data = guard_copy(text, n_cap) };

	xc_stream_put(&r->s, &seg, &r->m);
	read_all(r, ns);
	xc_stream_rest(&r->s, &r->m);
}

static void feed(struct reading *r, uint32_t seq, const char *text, uint64_t ns)
{
	feed_cut(r, seq, text, (uint32_t)strlen(text), ns);
}

static void acked(struct reading *r, uint32_t ack, uint64_t ns)
{
	xc_stream_acked(&r->s, ack, ns);
	read_all(r, ns);
}

/* ---- order ------------------------------------------------------------------------------------- */

static void sequence_numbers_wrap(void **state)
{
	struct reading r = begin(0xfffffffau);

	(void)state;
	feed(&r, 0xfffffffbu, "abc", 2);
	feed(&r, 3, "jkl", 3);	/* early, behind the wrap */
	feed(&r, 0xfffffffeu, "def", 4);	/* 0xfffffffe .. 1 */
	feed(&r, 1, "gh", 5);
	assert_string_equal(r.text, "abcdefghjkl");
	assert_int_equal(r.s.n_resent, 0);
	finish(&r);
}

static void overlaps_keep_what_came_first(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 100, "abcd", 2);
	feed(&r, 102, "XXef", 3);	/* two old, two new */
	feed(&r, 100, "YYYYYYgh", 4);	/* covers everything */
	feed(&r, 101, "ZZ", 5);	/* nothing new */
	assert_string_equal(r.text, "abcdefgh");
	assert_int_equal(r.s.n_resent, 3);
	assert_int_equal(r.s.resent_ns, 5);
	finish(&r);
}

static void early_pieces_overlap(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 104, "ef", 2);
	feed(&r, 103, "defg", 3);
	feed(&r, 105, "fghi", 4);
	feed(&r, 104, "ef", 5);	/* seen */
	feed(&r, 101, "bc", 6);
	assert_string_equal(r.text, "");
	feed(&r, 100, "a", 7);
	assert_string_equal(r.text, "abcdefghi");
	assert_int_equal(r.s.n_early, 0);
	assert_int_equal(r.s.n_early_bytes, 0);
	finish(&r);
}

/* beats issue 1895: a segment without data at the same number is no repetition of the one with data. */
static void empty_segments_change_nothing(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 100, "", 2);
	feed(&r, 100, "abc", 3);
	feed(&r, 103, "", 4);
	feed(&r, 102, "", 5);	/* a keep-alive probe, empty */
	feed(&r, 102, "\xff", 6);	/* ... with its byte */
	feed(&r, 103, "def", 7);
	assert_string_equal(r.text, "abcdef");
	assert_int_equal(r.s.n_resent, 0);
	finish(&r);
}

static void a_syn_can_carry_data(void **state)
{
	struct reading r = { .m = { .max = 1 << 20 } };
	struct xc_segment syn = { .seq = 99,
				  .tcp_flags = XC_TCP_SYN,
				  .ts_ns = 1,
				  .wire_bytes = 3,
				  .n_bytes = 3,
				  .data = (const uint8_t *)"abc" };

	(void)state;
	for (int i = 0; i < 2; i++) {	/* and be repeated */
		xc_stream_put(&r.s, &syn, &r.m);
		read_all(&r, 1);
		xc_stream_rest(&r.s, &r.m);
	}
	feed(&r, 103, "def", 2);
	assert_string_equal(r.text, "abcdef");
	assert_false(r.s.is_late);
	assert_int_equal(r.s.n_resent, 1);
	finish(&r);
}

static void a_syn_behind_its_data(void **state)
{
	struct reading r = { .m = { .max = 1 << 20 } };
	struct xc_segment syn = { .seq = 99, .tcp_flags = XC_TCP_SYN, .ts_ns = 2 };

	(void)state;
	feed(&r, 100, "abc", 1);
	assert_true(r.s.is_late);
	xc_stream_put(&r.s, &syn, &r.m);
	assert_false(r.s.is_late);
	syn.seq = 77777;	/* of another life */
	xc_stream_put(&r.s, &syn, &r.m);
	feed(&r, 103, "def", 3);
	assert_string_equal(r.text, "abcdef");
	finish(&r);
}

static void a_late_stream_begins_with_data(void **state)
{
	struct reading r = { .m = { .max = 1 << 20 } };

	(void)state;
	feed(&r, 499, "", 1);	/* a keep-alive probe is one behind */
	feed(&r, 500, "abc", 2);
	assert_string_equal(r.text, "abc");
	assert_true(r.s.is_late);
	finish(&r);
}

static void the_end_is_where_fin_says(void **state)
{
	struct reading r = begin(99);
	struct xc_segment fin = { .seq = 103, .tcp_flags = XC_TCP_FIN | XC_TCP_ACK, .ts_ns = 2 };

	(void)state;
	xc_stream_put(&r.s, &fin, &r.m);	/* before its data */
	assert_false(xc_stream_has_ended(&r.s));
	feed(&r, 100, "abc", 3);
	assert_true(xc_stream_has_ended(&r.s));
	xc_stream_put(&r.s, &fin, &r.m);	/* repeated */
	assert_true(xc_stream_has_ended(&r.s));
	finish(&r);
}

/* Of a reset only the flag counts: its number and its text may be anything. */
static void resets_carry_no_bytes(void **state)
{
	struct reading r = begin(99);
	struct xc_segment rst = { .seq = 100,
				  .tcp_flags = XC_TCP_RST,
				  .ts_ns = 2,
				  .wire_bytes = 3,
				  .n_bytes = 3,
				  .data = (const uint8_t *)"bye" };

	(void)state;
	xc_stream_put(&r.s, &rst, &r.m);
	read_all(&r, 2);
	assert_string_equal(r.text, "");
	finish(&r);
}

/* ---- holes ------------------------------------------------------------------------------------- */

/* zeek issue 335: an ACK overtakes the data it acknowledges. */
static void an_ack_before_its_data_is_no_gap(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 103, "def", 10 * MS);
	acked(&r, 106, 11 * MS);
	read_all(&r, 200 * MS);
	feed(&r, 100, "abc", 210 * MS);	/* 199 ms after the ACK */
	assert_string_equal(r.text, "abcdef");
	finish(&r);
}

/* The patience counts from the ACK, not from the hole: what was repeated after a second is as late as its ACK is early. */
static void a_late_ack_is_given_its_time(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 103, "def", 10 * MS);
	read_all(&r, 1200 * MS);
	acked(&r, 106, 1210 * MS);
	feed(&r, 100, "abc", 1211 * MS);
	assert_string_equal(r.text, "abcdef");
	finish(&r);
}

static void patience_ends(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 103, "def", 10 * MS);
	acked(&r, 106, 20 * MS);
	read_all(&r, 220 * MS - 1);
	assert_string_equal(r.text, "");
	read_all(&r, 220 * MS);
	assert_string_equal(r.text, "[3]def");
	feed(&r, 100, "abc", 230 * MS);	/* too late */
	assert_string_equal(r.text, "[3]def");
	finish(&r);
}

/* PcapPlusPlus issue 851: that the other side speaks proves nothing. It does not acknowledge what is missing. */
static void without_an_ack_nothing_is_lost(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 103, "def", 10 * MS);
	for (uint64_t ms = 20; ms < 5000; ms += 100)
		acked(&r, 100, ms * MS);
	feed(&r, 100, "abc", 5000 * MS);
	assert_string_equal(r.text, "abcdef");
	finish(&r);
}

/* Nothing came behind what is missing; the ACK alone tells. */
static void a_hole_at_the_end(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.is_stubborn = true;
	feed(&r, 100, "abc", 10 * MS);
	acked(&r, 106, 20 * MS);
	assert_true(xc_stream_waits(&r.s));
	feed(&r, 103, "def", 30 * MS);	/* it was only overtaken */
	assert_false(xc_stream_waits(&r.s));
	acked(&r, 109, 40 * MS);
	read_all(&r, 239 * MS);
	assert_string_equal(r.text, "");
	read_all(&r, 240 * MS);
	assert_string_equal(r.text, "[9]");
	assert_false(xc_stream_waits(&r.s));
	assert_int_equal(r.s.next, 109);
	finish(&r);
}

static void a_skip_and_an_ack_beyond(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.s.skip = 6;
	acked(&r, 106, 20 * MS);	/* all of it skipped: not captured, perhaps */
	assert_false(xc_stream_waits(&r.s));
	acked(&r, 109, 30 * MS);
	read_all(&r, 230 * MS);
	assert_string_equal(r.text, "[3]");
	assert_int_equal(r.s.next, 109);
	finish(&r);
}

static void every_hole_has_its_own_patience(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 102, "c", 10 * MS);
	feed(&r, 104, "e", 11 * MS);
	acked(&r, 105, 20 * MS);
	feed(&r, 100, "ab", 215 * MS);	/* the first is filled in time */
	read_all(&r, 300 * MS);
	assert_string_equal(r.text, "abc");
	feed(&r, 103, "d", 301 * MS);
	assert_string_equal(r.text, "abcde");
	finish(&r);
}

static void what_the_kernel_lost_is_not_waited_for(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.s.is_lossy = true;
	feed(&r, 103, "def", 10 * MS);
	assert_string_equal(r.text, "");
	acked(&r, 106, 11 * MS);
	assert_string_equal(r.text, "[3]def");
	feed(&r, 108, "ij", 20 * MS);	/* the next hole is an ordinary one */
	acked(&r, 110, 21 * MS);
	feed(&r, 106, "gh", 22 * MS);
	assert_string_equal(r.text, "[3]defghij");
	finish(&r);
}

static void too_much_that_waits_ends_the_patience(void **state)
{
	struct reading r = begin(99);

	(void)state;
	for (uint32_t i = 0; i < XC_STREAM_EARLY_N; i++)
		feed(&r, 200 + 2 * i, "x", 2);
	assert_string_equal(r.text, "");
	assert_int_equal(r.s.n_early, XC_STREAM_EARLY_N);
	feed(&r, 900, "y", 3);	/* no room */
	assert_int_equal(r.m.n_refused, 1);
	assert_int_equal(r.s.n_early, XC_STREAM_EARLY_N - 1);
	assert_string_equal(r.text, "[100]x");
	finish(&r);
}

static void memory_is_bounded_and_refusal_counted(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.m.max = 20;
	feed(&r, 103, "def", 2);	/* no room for an early one with its head */
	assert_int_equal(r.m.n_refused, 3);
	r.is_stubborn = true;
	feed(&r, 100, "abc", 3);	/* and none to hold an unfinished message */
	assert_int_equal(r.m.n_refused, 6);
	read_all(&r, 4);
	assert_int_equal(r.s.next, 103);
	assert_string_equal(r.text, "[3]");
	finish(&r);
}

/* ---- bytes that were not captured ---------------------------------------------------------------- */

static void what_is_not_captured_is_a_gap(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed_cut(&r, 100, "abcdef", 2, 2);
	feed(&r, 106, "gh", 3);
	assert_string_equal(r.text, "ab[4]gh");
	feed_cut(&r, 108, "ijkl", 0, 4);
	assert_string_equal(r.text, "ab[4]gh[4]");
	finish(&r);
}

/* A gap of the capture says nothing about a hole behind it. */
static void a_blank_before_a_hole(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed(&r, 108, "ij", 2);
	feed_cut(&r, 100, "abcdef", 2, 3);
	assert_string_equal(r.text, "ab[4]");
	feed(&r, 106, "gh", 4);
	assert_string_equal(r.text, "ab[4]ghij");
	finish(&r);
}

static void a_blank_that_came_early(void **state)
{
	struct reading r = begin(99);

	(void)state;
	feed_cut(&r, 102, "cdef", 1, 2);
	feed(&r, 106, "g", 3);
	feed(&r, 100, "ab", 4);
	assert_string_equal(r.text, "abc[3]g");
	finish(&r);
}

/* ---- skipping ------------------------------------------------------------------------------------ */

static void skipped_bytes_need_not_be_there(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.s.skip = 10;
	feed(&r, 100, "ab", 2);
	feed_cut(&r, 102, "cdef", 0, 3);
	feed(&r, 108, "ijkl", 4);	/* 106 and 107 are missing */
	assert_string_equal(r.text, "kl");
	feed(&r, 106, "gh", 5);	/* late, not repeated */
	assert_int_equal(r.s.n_resent, 0);
	feed(&r, 102, "cd", 6);
	assert_int_equal(r.s.n_resent, 1);
	finish(&r);
}

static void a_hole_across_the_end_of_a_skip(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.s.skip = 5;
	feed(&r, 100, "abc", 2);
	feed(&r, 107, "hi", 3);	/* 103..106 are missing: two to skip, two not */
	acked(&r, 109, 4 * MS);
	assert_string_equal(r.text, "");
	read_all(&r, 204 * MS);
	assert_string_equal(r.text, "[2]hi");
	finish(&r);
}

static void a_hole_across_the_end_of_a_skip_is_filled(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.s.skip = 5;
	feed(&r, 107, "hi", 3);
	feed(&r, 100, "abcdefg", 4);
	assert_string_equal(r.text, "fghi");
	finish(&r);
}

/* The kernel does not hand over what is skipped; the FIN still tells where the end is. */
static void a_skip_to_the_end_ends_with_fin(void **state)
{
	struct reading r = begin(99);
	struct xc_segment fin = { .seq = 5000000,
				  .tcp_flags = XC_TCP_FIN | XC_TCP_ACK,
				  .ts_ns = 9 };

	(void)state;
	r.s.skip = UINT64_MAX;
	feed(&r, 100, "abc", 2);
	xc_stream_put(&r.s, &fin, &r.m);
	assert_true(xc_stream_has_ended(&r.s));
	assert_int_equal(xc_stream_ns(&r.s, 0), 9);
	assert_int_equal(r.s.n_bytes, 5000000 - 100);
	finish(&r);
}

static void a_skip_ends_in_the_middle_of_what_is_held(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.is_stubborn = true;
	feed(&r, 100, "abcdef", 2);
	r.is_stubborn = false;
	r.s.skip = 4;
	read_all(&r, 3);
	assert_string_equal(r.text, "ef");
	finish(&r);
}

/* ---- times ----------------------------------------------------------------------------------------- */

static void bytes_keep_their_times(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.is_stubborn = true;
	for (uint32_t i = 0; i < 3; i++)
		feed(&r, 100 + 2 * i, "xx", 10 + i);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(xc_stream_ns(&r.s, i), 10 + i / 2);
	xc_stream_take(&r.s, 3, &r.m);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(xc_stream_ns(&r.s, i), 10 + (i + 3) / 2);
	finish(&r);
}

/* More segments than there are marks: first and last byte are told all the same. */
static void first_and_last_byte_of_many_segments(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.is_stubborn = true;
	for (uint32_t i = 0; i < 100; i++)
		feed(&r, 100 + i, "x", 1000 + i);
	assert_int_equal(xc_stream_ns(&r.s, 0), 1000);
	assert_int_equal(xc_stream_ns(&r.s, 99), 1099);
	for (uint32_t i = 1; i < 100; i++)
		assert_true(xc_stream_ns(&r.s, i) >= 1000 + i);
	finish(&r);
}

static void early_bytes_have_the_time_they_came(void **state)
{
	struct reading r = begin(99);

	(void)state;
	r.is_stubborn = true;
	feed(&r, 103, "def", 2);
	feed(&r, 100, "abc", 9);
	assert_int_equal(xc_stream_ns(&r.s, 0), 9);
	assert_int_equal(xc_stream_ns(&r.s, 5), 2);
	finish(&r);
}

/* ---- what is held ---------------------------------------------------------------------------------- */

/* A super-packet behind an unfinished message is read as far as there is room, and then on. */
static void a_large_segment_behind_a_held_byte(void **state)
{
	static uint8_t big[XC_STREAM_HELD_MAX];
	struct reading r = begin(99);
	struct xc_segment seg = { .seq = 101,
				  .ts_ns = 3,
				  .wire_bytes = sizeof(big),
				  .n_bytes = sizeof(big),
				  .data = big };
	struct xc_span in;

	(void)state;
	r.is_stubborn = true;
	feed(&r, 100, "a", 2);
	memset(big, 'b', sizeof(big));
	big[sizeof(big) - 1] = 'z';
	xc_stream_put(&r.s, &seg, &r.m);
	in = xc_stream_front(&r.s, &r.m);
	assert_int_equal(in.len, XC_STREAM_HELD_MAX);
	assert_int_equal(in.p[0], 'a');
	xc_stream_take(&r.s, 2, &r.m);
	in = xc_stream_front(&r.s, &r.m);
	assert_int_equal(in.len, XC_STREAM_HELD_MAX - 1);
	assert_int_equal(in.p[0], 'b');
	assert_int_equal(in.p[in.len - 1], 'z');
	assert_int_equal(r.m.n_refused, 0);
	finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(overlaps_keep_what_came_first),
		cmocka_unit_test(early_pieces_overlap),
		cmocka_unit_test(empty_segments_change_nothing),
		cmocka_unit_test(a_syn_can_carry_data),
		cmocka_unit_test(a_syn_behind_its_data),
		cmocka_unit_test(a_late_stream_begins_with_data),
		cmocka_unit_test(the_end_is_where_fin_says),
		cmocka_unit_test(resets_carry_no_bytes),
		cmocka_unit_test(an_ack_before_its_data_is_no_gap),
		cmocka_unit_test(a_late_ack_is_given_its_time),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(without_an_ack_nothing_is_lost),
		cmocka_unit_test(a_hole_at_the_end),
		cmocka_unit_test(a_skip_and_an_ack_beyond),
		cmocka_unit_test(every_hole_has_its_own_patience),
		cmocka_unit_test(what_the_kernel_lost_is_not_waited_for),
		cmocka_unit_test(too_much_that_waits_ends_the_patience),
		cmocka_unit_test(memory_is_bounded_and_refusal_counted),
		cmocka_unit_test(what_is_not_captured_is_a_gap),
		cmocka_unit_test(a_blank_before_a_hole),
		cmocka_unit_test(a_blank_that_came_early),
		cmocka_unit_test(skipped_bytes_need_not_be_there),
		cmocka_unit_test(a_hole_across_the_end_of_a_skip),
		cmocka_unit_test(a_hole_across_the_end_of_a_skip_is_filled),
		cmocka_unit_test(a_skip_to_the_end_ends_with_fin),
		cmocka_unit_test(a_skip_ends_in_the_middle_of_what_is_held),
		cmocka_unit_test(bytes_keep_their_times),
		cmocka_unit_test(first_and_last_byte_of_many_segments),
		cmocka_unit_test(early_bytes_have_the_time_they_came),
		cmocka_unit_test(a_large_segment_behind_a_held_byte),
	};

	return XC_RUN(tests);
}
