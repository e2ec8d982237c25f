/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "base/buf.h"
#include "l7/hpack.h"
#include "l7/huffman.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#if __has_include(<nghttp2/nghttp2.h>)
#include <nghttp2/nghttp2.h>
#define HAVE_NGHTTP2 1
#else
#define HAVE_NGHTTP2 0
#endif

#define BLOCK_MAX 65536

/* What decode() told, "name: value\n" each; "?\n" what is unknown. */
struct told {
	char text[4 * BLOCK_MAX];
	size_t n;
	size_t n_unknown;
};

static struct told told;

static void put(struct told *t, const void *p, size_t n)
{
	assert_true(t->n + n < sizeof(t->text));
	if (n)
		memcpy(t->text + t->n, p, n);
	t->n += n;
	t->text[t->n] = '\0';
}

static void on_field(void *arg, const struct xc_hpack_field *f)
{
	struct told *t = arg;

	if (!f->is_known) {
		assert_int_equal(f->name.len + f->value.len, 0);
		t->n_unknown++;
		put(t, "?\n", 2);
		return;
	}
	put(t, f->name.p, f->name.len);
	put(t, ": ", 2);
	put(t, f->is_secret ? (const uint8_t *)"(secret)" : f->value.p,
	    f->is_secret ? 8 : f->value.len);
	put(t, "\n", 1);
}

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; hex[0]; hex += 2) {
		unsigned byte;

		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		assert_true(n < BLOCK_MAX);
		out[n++] = (uint8_t)byte;
	}
	return n;
}

/* The block ends at its own end of memory, so that a sanitizer sees one byte too many. */
static int decode(struct xc_hpack *h, const char *hex)
{
	static uint8_t block[BLOCK_MAX];
	size_t n = from_hex(hex, block);
	uint8_t *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, block, n);
	told.n = told.n_unknown = 0;
	told.text[0] = '\0';
	r = xc_hpack_decode(h, (struct xc_span){ copy, n }, on_field, &told);
	free(copy);
	return r;
}

/* ---- the examples of RFC 7541, appendix C --------------------------------------------------------- */

struct example {
	const char *wire, *fields;
	uint32_t n, size;	/* of the table behind it */
};

#define FIRST ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define SECOND FIRST "cache-control: no-cache\n"
#define THIRD                                                                                      \
	":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n"          \
	"custom-key: custom-value\n"
#define DATE "Mon, 21 Oct 2013 20:13:21 GMT\n"
#define LOCATION "location: https://www.example.com\n"
#define STATUS(code) ":status: " code "\ncache-control: private\ndate: " DATE LOCATION
#define COOKIE                                                                                     \
	":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n" LOCATION     \
	"content-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

static const struct example plain_requests[] = {
	{ "828684410f7777772e6578616d706c652e636f6d", FIRST, 1, 57 },
	{ "828684be58086e6f2d6361636865", SECOND, 2, 110 },
	{ "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", THIRD, 3, 164 },
	{ 0 },
};

static const struct example huffman_requests[] = {
	{ "828684418cf1e3c2e5f23a6ba0ab90f4ff", FIRST, 1, 57 },
	{ "828684be5886a8eb10649cbf", SECOND, 2, 110 },
	{ "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", THIRD, 3, 164 },
	{ 0 },
};

/* with a table of 256 bytes: the size update is ours, entries are evicted */
static const struct example plain_responses[] = {
	{ "3fe101"
	  "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
	  "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
	  STATUS("302"), 4, 222 },
	{ "4803333037c1c0bf", STATUS("307"), 4, 222 },
	{ "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
	  "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
	  "657273696f6e3d31",
	  COOKIE, 3, 215 },
	{ 0 },
};

static const struct example huffman_responses[] = {
	{ "3fe101"
	  "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff"
	  "6e919d29ad171863c78f0b97c8e9ae82ae43d3",
	  STATUS("302"), 4, 222 },
	{ "4883640effc1c0bf", STATUS("307"), 4, 222 },
	{ "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
	  "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
	  COOKIE, 3, 215 },
	{ 0 },
};

static const struct example *const stories[] = { plain_requests, huffman_requests, plain_responses,
						 huffman_responses };

static void the_examples_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct xc_hpack h;

		xc_hpack_init(&h, NULL);
		for (const struct example *e = stories[i]; e->wire; e++) {
			assert_int_equal(decode(&h, e->wire), 0);
			assert_string_equal(told.text, e->fields);
			assert_int_equal(h.n, e->n);
			assert_int_equal(h.size, e->size);
		}
		xc_hpack_done(&h);
	}
}

static void single_fields(void **state)
{
	static const struct example rows[] = {
		{ "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
		  "custom-key: custom-header\n", 1, 55 },
		{ "040c2f73616d706c652f70617468", ":path: /sample/path\n", 0, 0 },
		{ "100870617373776f726406736563726574", "password: (secret)\n", 0, 0 },
		{ "82", ":method: GET\n", 0, 0 },
		{ "", "", 0, 0 },
		{ "20", "", 0, 0 },	/* a size alone */
		{ "3fe11f3f0082", ":method: GET\n", 0, 0 },	/* two sizes */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_hpack h;

		xc_hpack_init(&h, NULL);
		assert_int_equal(decode(&h, rows[i].wire), 0);
		assert_string_equal(told.text, rows[i].fields);
		assert_int_equal(h.n, rows[i].n);
		assert_int_equal(h.size, rows[i].size);
		xc_hpack_done(&h);
	}
}

static void malformed_blocks(void **state)
{
	static const char *const rows[] = {
		"80",	/* index 0 */
		"be",	/* the newest of an empty table */
		"7e0161",	/* a name from there */
		"8220",	/* a size behind a field */
		"ffffffffff7f",	/* an index without end */
		"ff8080808080808000",
		"40",
		"4003616263", /* cut */
		"40ff8080808010",
		"0085ffffffff3c00",	/* end-of-string symbol */
		"0081ff00",	/* padding of a whole byte */
		"00820fff00",	/* ... of more than 7 bits */
		"00810000",	/* ... of zeros */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_hpack h;

		xc_hpack_init(&h, NULL);
		assert_int_equal(decode(&h, "4001610162"), 0);
		assert_int_equal(decode(&h, "20"), 0);	/* empty again */
		assert_row(rows[i], decode(&h, rows[i]) == -EBADMSG);
		/* from here on what is older is unknown, and what is newer is exact */
		assert_int_equal(decode(&h, "be"), 0);
		assert_string_equal(told.text, "?\n");
		assert_int_equal(decode(&h, "4001610162be"), 0);
		assert_string_equal(told.text, "a: b\na: b\n");
		xc_hpack_done(&h);
	}
}

/* A block that was cut tells a beginning of its fields, and is never taken for a whole one it is not. */
static void every_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		for (size_t n = 0; n < strlen(stories[i]->wire); n += 2) {
			char cut[512];
			struct xc_hpack h;

			(void)snprintf(cut, sizeof(cut), "%.*s", (int)n, stories[i]->wire);
			xc_hpack_init(&h, NULL);
			(void)decode(&h, cut);
			assert_memory_equal(told.text, stories[i]->fields, told.n);
			xc_hpack_done(&h);
		}
	}
}

/* ---- joined late ------------------------------------------------------------------------------------ */

/* Each line of @got is that of @want, or unknown. */
static void check_never_wrong(const char *got, const char *want, const char *what)
{
	while (*got) {
		size_t n = strcspn(got, "\n") + 1, m = strcspn(want, "\n") + 1;

		if (n != 2 && (n != m || memcmp(got, want, n)))
			fail_msg("%s: %.*s instead of %.*s", what, (int)n, got, (int)m, want);
		got += n;
		want += m;
	}
	assert_row(what, !*want);
}

static void the_examples_joined_late(void **state)
{
	struct xc_hpack h;

	(void)state;
	xc_hpack_init(&h, NULL);
	xc_hpack_lose(&h);
	assert_int_equal(decode(&h, plain_requests[1].wire), 0);
	assert_string_equal(told.text,
			    ":method: GET\n:scheme: http\n:path: /\n?\ncache-control: no-cache\n");
	assert_int_equal(decode(&h, plain_requests[2].wire), 0);
	check_never_wrong(told.text, THIRD, "third");
	assert_int_equal(told.n_unknown, 1);
	/* newest first: custom-key, then cache-control; what is behind them is older than we are */
	assert_int_equal(decode(&h, "bebfc0"), 0);
	assert_string_equal(told.text, "custom-key: custom-value\ncache-control: no-cache\n?\n");
	xc_hpack_done(&h);
}

/* An entry whose name is unknown is counted: those behind it stay where they are. */
static void an_unknown_name_is_inserted(void **state)
{
	struct xc_hpack h;

	(void)state;
	xc_hpack_init(&h, NULL);
	xc_hpack_lose(&h);
	assert_int_equal(decode(&h, "4001610162"), 0);
	assert_int_equal(decode(&h, "7f000163"),
			 0); /* name: index 63, behind the window; value c */
	assert_string_equal(told.text, "?\n");
	assert_int_equal(decode(&h, "bebf7e0164"), 0);
	assert_string_equal(told.text, "?\na: b\n?\n");
	xc_hpack_done(&h);
}

/* What leaves the table takes everything older with it: from then on nothing is unknown. */
static void an_empty_table_has_no_past(void **state)
{
	struct xc_hpack h;

	(void)state;
	xc_hpack_init(&h, NULL);
	xc_hpack_lose(&h);
	assert_int_equal(decode(&h, "be"), 0);
	assert_int_equal(decode(&h, "20"), 0);
	assert_int_equal(decode(&h, "3f21400161016241016541"
				    "66"),
			 -EBADMSG);
	xc_hpack_lose(&h);
	assert_int_equal(decode(&h, "203f21400161016240016301"
				    "64"),
			 0);	/* 64 bytes: the second evicts the first */
	assert_int_equal(h.n, 1);
	assert_int_equal(decode(&h, "be"), 0);
	assert_string_equal(told.text, "c: d\n");
	assert_int_equal(decode(&h, "bf"), -EBADMSG);
	xc_hpack_lose(&h);
	assert_int_equal(decode(&h, "3f03"), 0);	/* 34 bytes: a: b fits, ab: b does not */
	assert_int_equal(decode(&h, "4001610162be"), 0);
	assert_int_equal(decode(&h, "400261620162"), 0);
	assert_int_equal(h.n, 0);
	assert_int_equal(decode(&h, "be"), -EBADMSG);
	xc_hpack_done(&h);
}

/* More than is kept: the oldest become unknown, not malformed; memory stays bounded. */
static void a_table_larger_than_ours(void **state)
{
	char wire[64];
	struct xc_hpack h;

	(void)state;
	xc_hpack_init(&h, NULL);
	assert_int_equal(decode(&h, "3fe1ff3f"), 0);	/* 1 MB */
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(wire, sizeof(wire), "40016104%08x", i);
		assert_int_equal(decode(&h, wire), 0);
		assert_true(h.size <= XC_HPACK_KEPT_MAX);
	}
	assert_int_equal(h.n, XC_HPACK_KEPT_MAX / 37);
	assert_int_equal(decode(&h, "be"), 0);
	assert_memory_equal(told.text, "a: \x00\x00\x07\xcf\n", told.n);
	assert_int_equal(decode(&h, "ffe806"), 0);	/* index 999 */
	assert_string_equal(told.text, "?\n");
	xc_hpack_done(&h);
}

static bool hides_a(struct xc_span name)
{
	return xc_span_is(name, "a");
}

static void secrets_are_not_kept(void **state)
{
	struct xc_hpack h;

	(void)state;
	xc_hpack_init(&h, hides_a);
	assert_int_equal(decode(&h, "40016106736563726574be4001620163"), 0);
	assert_string_equal(told.text, "a: (secret)\na: (secret)\nb: c\n");
	assert_int_equal(h.size, 39 + 34);	/* as large as it is on the wire */
	xc_hpack_done(&h);
}

static void a_long_text_is_cut(void **state)
{
	static char wire[2 * 10000];
	size_t n = (size_t)snprintf(wire, sizeof(wire), "4001617f%02x%02x",
				    ((5000 - 127) & 0x7f) | 0x80, (5000 - 127) >> 7);
	struct xc_hpack h;

	(void)state;
	for (int i = 0; i < 5000; i++)
		n += (size_t)snprintf(wire + n, sizeof(wire) - n, "78");
	xc_hpack_init(&h, NULL);
	assert_int_equal(decode(&h, "3fe17f"), 0);	/* 16384 */
	assert_int_equal(decode(&h, wire), 0);
	assert_int_equal(told.n, 3 + XC_HPACK_TEXT_MAX + 1);
	assert_int_equal(h.size, 5000 + 1 + 32);
	xc_hpack_done(&h);
}

/* ---- vectors ------------------------------------------------------------------------------------------ */

static void expected_fields(const json_t *headers, struct told *ret)
{
	size_t i;
	json_t *header;

	ret->n = 0;
	ret->text[0] = '\0';
	json_array_foreach(headers, i, header) {
		const char *name;
		json_t *value;

		json_object_foreach(header, name, value) {
			put(ret, name, strlen(name));
			put(ret, ": ", 2);
			put(ret, json_string_value(value), json_string_length(value));
			put(ret, "\n", 1);
		}
	}
}

/* What @cases tell from @first on, when nothing before it was seen. Returns unknown fields. */
static size_t check_story(const json_t *cases, size_t first, const char *what)
{
	static struct told want;
	size_t n_unknown = 0;
	struct xc_hpack h;

	xc_hpack_init(&h, NULL);
	if (first)
		xc_hpack_lose(&h);
	for (size_t i = first; i < json_array_size(cases); i++) {
		const json_t *c = json_array_get(cases, i);

		expected_fields(json_object_get(c, "headers"), &want);
		assert_row(what, !decode(&h, json_string_value(json_object_get(c, "wire"))));
		check_never_wrong(told.text, want.text, what);
		n_unknown += told.n_unknown;
	}
	xc_hpack_done(&h);
	return n_unknown;
}

/* A file of a folder of vectors; returns how many blocks it has. */
static size_t check_file(const char *path)
{
	json_t *story = json_load_file(path, 0, NULL), *cases = json_object_get(story, "cases");
	size_t n = json_array_size(cases);

	assert_row(path, n > 0);
	assert_row(path, check_story(cases, 0, path) == 0);
	for (size_t first = 1; first < n; first++)
		(void)check_story(cases, first, path);
	json_decref(story);
	return n;
}

static size_t check_folder(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);
	size_t n_blocks = 0;

	for (int i = 0; i < n; i++) {
		char path[1024];

		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (strstr(names[i]->d_name, ".json"))
			n_blocks += check_file(path);
		else if (names[i]->d_type == DT_DIR && names[i]->d_name[0] != '.')
			n_blocks += check_folder(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n_blocks;
}

/* Other people's encoders, from their first block and joined at every later one. */
static void vectors_of_other_encoders(void **state)
{
	char folder[1024];
	size_t n_blocks;

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%.*s/../../../shared/data/l7/hpack-test-case",
		       (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
	n_blocks = check_folder(folder);
	print_message("# %zu header blocks of other encoders\n", n_blocks);
	if (!n_blocks)
		skip();
}

/* ---- another encoder, random fields ------------------------------------------------------------------ */

#if HAVE_NGHTTP2

#define N_READERS 8	/* the first from the start, the others each some blocks later */
#define N_BLOCKS 40
#define N_FIELDS 20
#define VALUE_MAX 200

struct random_block {
	nghttp2_nv field[N_FIELDS];
	char name[N_FIELDS][16];
	uint8_t value[N_FIELDS][VALUE_MAX];
	size_t n, n_read, n_unknown;
};

static uint32_t random_below(uint32_t n)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % n;
}

/* Names and half of the values repeat, so that they are found in the table; the others have all bytes there are. */
static void fill(struct random_block *b)
{
	static const char *const names[] = { ":method", ":status", "cookie", "date", "x-a", "x-b" };

	b->n = 1 + random_below(N_FIELDS);
	for (size_t i = 0; i < b->n; i++) {
		size_t n_value = random_below(VALUE_MAX);
		bool repeats = random_below(2);

		if (random_below(6))
			(void)snprintf(b->name[i], 16, "%s", names[random_below(6)]);
		else
			(void)snprintf(b->name[i], 16, "n-%u", random_below(60));
		for (size_t k = 0; k < n_value; k++)
			b->value[i][k] = (uint8_t)random_below(256);
		if (repeats)
			n_value = (size_t)snprintf((char *)b->value[i], VALUE_MAX, "value-%u",
						   random_below(30));
		b->field[i] = (nghttp2_nv){ (uint8_t *)b->name[i], b->value[i], strlen(b->name[i]),
					    n_value, NGHTTP2_NV_FLAG_NONE };
	}
}

static void on_random_field(void *arg, const struct xc_hpack_field *f)
{
	struct random_block *b = arg;
	const nghttp2_nv *want = &b->field[b->n_read++];

	assert_true(b->n_read <= b->n);
	b->n_unknown += !f->is_known;
	if (!f->is_known)
		return;
	assert_int_equal(f->name.len, want->namelen);
	assert_int_equal(f->value.len, want->valuelen);
	assert_memory_equal(f->name.p, want->name, want->namelen);
	assert_memory_equal(f->value.p, want->value, want->valuelen);
}

/* One connection; returns how many fields those who joined late did not know. */
static size_t check_connection(nghttp2_hd_deflater *encoder)
{
	static struct random_block b;
	struct xc_hpack readers[N_READERS];
	size_t n_readers = 0, n_unknown = 0;

	for (unsigned i = 0; i < N_BLOCKS; i++) {
		uint8_t wire[8192];
		ssize_t n;

		if (i % (N_BLOCKS / N_READERS) == 0)
			xc_hpack_init(&readers[n_readers++], NULL);
		if (i && i % (N_BLOCKS / N_READERS) == 0)
			xc_hpack_lose(&readers[n_readers - 1]);
		if (!random_below(8))
			(void)nghttp2_hd_deflate_change_table_size(encoder, random_below(9000));
		fill(&b);
		n = nghttp2_hd_deflate_hd(encoder, wire, sizeof(wire), b.field, b.n);
		assert_true(n > 0);
		for (size_t k = 0; k < n_readers; k++) {
			b.n_read = b.n_unknown = 0;
			assert_int_equal(xc_hpack_decode(&readers[k],
							 (struct xc_span){ wire, (size_t)n },
							 on_random_field, &b),
					 0);
			assert_int_equal(b.n_read, b.n);
			assert_true(k || !b.n_unknown);
			n_unknown += b.n_unknown;
		}
	}
	for (size_t k = 0; k < n_readers; k++)
		xc_hpack_done(&readers[k]);
	return n_unknown;
}

static void random_fields_of_nghttp2(void **state)
{
	size_t n_unknown = 0;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		nghttp2_hd_deflater *encoder;

		assert_int_equal(nghttp2_hd_deflate_new(&encoder, i % 2 ? 4096 : 16384), 0);
		n_unknown += check_connection(encoder);
		nghttp2_hd_deflate_del(encoder);
	}
	assert_true(n_unknown > 0);
}

#else

static void random_fields_of_nghttp2(void **state)
{
	(void)state;
	print_message("# libnghttp2 is not installed\n");
	skip();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc),
		cmocka_unit_test(single_fields),
		cmocka_unit_test(malformed_blocks),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(the_examples_joined_late),
		cmocka_unit_test(an_unknown_name_is_inserted),
		cmocka_unit_test(an_empty_table_has_no_past),
		cmocka_unit_test(a_table_larger_than_ours),
		cmocka_unit_test(secrets_are_not_kept),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(vectors_of_other_encoders),
		cmocka_unit_test(random_fields_of_nghttp2),
	};

	return XC_RUN(tests);
}
