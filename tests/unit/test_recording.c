/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: what is written is read again; what is cut or damaged is told, and never crashes. */
#include "records.h"

#include "base/log.h"
#include "model/record.h"
#include "source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define HEADER_BYTES 264
#define FILE_MAX (1u << 16)

/* In memory where that is to be had: a disk would be waited for thousands of times. */
static char dir[32] = "/dev/shm/xc-test-XXXXXX";
static char path[64];

/* ---- what the log says ---------------------------------------------------------------- */

static char *said;
static size_t said_len;
static FILE *real_stderr;

static int quiet_begin(void **state)
{
	(void)state;
	real_stderr = stderr;
	stderr = open_memstream(&said, &said_len);
	return stderr ? 0 : -1;
}

static int quiet_end(void **state)
{
	(void)state;
	(void)fclose(stderr);
	stderr = real_stderr;
	free(said);
	said = NULL;
	return 0;
}

/* Does the log hold @words? Forgets what it held. */
static bool was_said(const char *words)
{
	bool found;

	(void)fflush(stderr);
	found = said && strstr(said, words);
	rewind(stderr);
	if (said)
		memset(said, 0, said_len);
	return found;
}

/* ---- files ------------------------------------------------------------------------------ */

static void put_file(const void *p, size_t n)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
}

static size_t get_file(uint8_t out[FILE_MAX])
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	assert_non_null(f);
	return fread(out, 1, FILE_MAX, f);
}

/* ---- writing and reading ------------------------------------------------------------------ */

/* At file scope their storage lasts. */
static const struct xc_evt *const records[] = {
	TICK(0, .wall_offset_ns = 12345),
	SYN_DROP(1, 40000),
	SYN_RETRANS(2, 40000, 1),
	NOTE(3, .id = 5, .key = "k", .value = "v"),
};

static void write_recording(void)
{
	struct xc_recorder *rec;

	(void)unlink(path);
	assert_int_equal(xc_recorder_open(path, "--netns a", &rec), 0);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		xc_recorder_write(rec, records[i]);
	assert_int_equal(xc_recorder_close(rec), 0);
}

struct reader {
	size_t n;
	bool all_match;		/* what came is what was written, in order */
};

static void on_record(void *arg, const struct xc_evt *e)
{
	struct reader *r = arg;
	const struct xc_evt *want = r->n < ARRAY_SIZE(records) ? records[r->n] : NULL;

	assert_int_equal((uintptr_t)e % 8, 0);
	r->n++;
	r->all_match &=
		want && want->size_bytes == e->size_bytes && !memcmp(want, e, e->size_bytes);
}

/* Read @path to its end. Return: 1 = the end, or the error of open() or poll(). */
static int read_recording(struct reader *ret)
{
	struct xc_source_env env = { .path = path, .on_record = on_record, .arg = ret };
	void *source = NULL;
	int r;

	*ret = (struct reader){ .all_match = true };
	r = xc_source_recording.open(&env, &source);
	if (r) {
		assert_null(source);
		return r;
	}
	xc_source_recording.ask(source, NULL);	/* the answers are in the stream */
	while (!(r = xc_source_recording.poll(source, 0)))
		;
	xc_source_recording.close(source);
	return r;
}

static void what_was_written_is_read(void **state)
{
	struct reader r;
	struct stat st;

	(void)state;
	write_recording();
	assert_int_equal(read_recording(&r), 1);
	assert_int_equal(r.n, 4);
	assert_true(r.all_match);
	assert_false(was_said("partial"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	xc_source_recording.close(NULL);
	assert_int_equal(xc_recorder_close(NULL), 0);
}

static void cut_anywhere_it_is_read_so_far_and_told(void **state)
{
	static uint8_t whole[FILE_MAX];
	struct reader r;
	size_t len;

	(void)state;
	write_recording();
	len = get_file(whole);
	for (size_t n = 0; n < len; n++) {
		put_file(whole, n);
		if (n < HEADER_BYTES) {
			assert_int_equal(read_recording(&r), -EBADMSG);
			assert_true(was_said("is not a crosscut recording"));
			continue;
		}
		assert_int_equal(read_recording(&r), 1);
		assert_true(r.all_match && r.n <= 4);
		assert_true(was_said("results are partial"));
	}
	assert_int_equal(r.n, 4);	/* only the end mark was cut */
}

static void a_flipped_byte_is_noticed(void **state)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	static uint8_t bytes[FILE_MAX];
	size_t len, end;

	(void)state;
	write_recording();
	len = get_file(bytes);
	end = len - sizeof(struct xc_end_evt);
	for (size_t at = HEADER_BYTES; at < end; at++)
		for (size_t m = 0; m < ARRAY_SIZE(masks); m++) {
			struct reader r;
			int status;

			bytes[at] ^= masks[m];
			put_file(bytes, len);
			status = read_recording(&r);
			if (status != -EBADMSG && !(status == 1 && was_said("partial")))
				fail_msg("byte %zu xor %02x: %d", at, masks[m], status);
			(void)was_said("");
			bytes[at] ^= masks[m];
		}
}

static void a_checksum_says_which_kind_of_damage(void **state)
{
	static uint8_t bytes[FILE_MAX];
	struct reader r;
	size_t len;

	(void)state;
	write_recording();
	len = get_file(bytes);
	bytes[HEADER_BYTES + sizeof(struct xc_tick_evt) + 100] ^=
		1; /* in the second record's body */
	put_file(bytes, len);
	assert_int_equal(read_recording(&r), -EBADMSG);
	assert_true(was_said("checksum"));
	bytes[HEADER_BYTES + sizeof(struct xc_tick_evt) + 9] = 0;
	bytes[HEADER_BYTES + sizeof(struct xc_tick_evt) + 8] = 15;	/* less than a header */
	put_file(bytes, len);
	assert_int_equal(read_recording(&r), -EBADMSG);
	assert_true(was_said("damaged at byte 352"));
	assert_int_equal(r.n, 1);
}

/* A file with a right checksum may still have been written by a stranger. */
static void a_text_without_an_end_is_damage(void **state)
{
	static const struct {
		uint16_t kind;
		uint32_t size;
	} rows[] = {
		{ XC_EVT_SOCK, sizeof(struct xc_sock_evt) },
		{ XC_EVT_RESET, sizeof(struct xc_reset_evt) },
		{ XC_EVT_DROP, sizeof(struct xc_drop_evt) },
		{ XC_EVT_ICMP, sizeof(struct xc_icmp_evt) },
		{ XC_EVT_NEIGH, sizeof(struct xc_neigh_evt) },
		{ XC_EVT_ROUTE, sizeof(struct xc_route_evt) },
		{ XC_EVT_DENIED, sizeof(struct xc_denied_evt) },
		{ XC_EVT_PROC, sizeof(struct xc_proc_evt) },
		{ XC_EVT_RULE, sizeof(struct xc_rule_evt) },
		{ XC_EVT_NOTE, sizeof(struct xc_note_evt) },
		{ XC_EVT_ADDR, sizeof(struct xc_addr_evt) },
	};
	struct reader r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ struct xc_evt *e = malloc(rows[i].size);
		struct xc_recorder *rec;

		assert_non_null(e);
		memset(e, 'A', rows[i].size);
		*e = (struct xc_evt){ .ts_ns = T0,
				      .size_bytes = rows[i].size,
				      .kind = rows[i].kind };
		(void)unlink(path);
		assert_int_equal(xc_recorder_open(path, "", &rec), 0);
		xc_recorder_write(rec, e);
		assert_int_equal(xc_recorder_close(rec), 0);
		assert_int_equal(read_recording(&r), -EBADMSG);
		assert_int_equal(r.n, 0);
		assert_true(was_said("damaged at byte 264"));
		assert_int_equal(xc_record_min_size(rows[i].kind), rows[i].size);
	}
	assert_int_equal(xc_record_min_size(0), 0);
	assert_int_equal(xc_record_min_size(_XC_EVT_MAX), 0);
}

static void foreign_headers_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		int error;
		const char *says;
	} rows[] = {
		{ "magic", 0, 'C', -EBADMSG, "is not a crosscut recording" },
		{ "a later version", 8, 2, -EPROTONOSUPPORT, "use a newer crosscut" },
		{ "a header shorter than ours", 13, 0, -EBADMSG, "damaged header" },
		{ "a header longer than the file", 13, 0xff, -EBADMSG, "damaged header" },
		{ "a header longer than any", 14, 0xff, -EBADMSG, "damaged header" },
	};
	static uint8_t bytes[FILE_MAX];
	size_t len;

	(void)state;
	write_recording();
	len = get_file(bytes);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t was = bytes[rows[i].at];
		struct reader r;

		bytes[rows[i].at] = rows[i].value;
		put_file(bytes, len);
		assert_row(rows[i].what, read_recording(&r) == rows[i].error);
		assert_row(rows[i].what, was_said(rows[i].says));
		bytes[rows[i].at] = was;
	}
}

static void a_longer_header_of_a_later_crosscut_is_skipped(void **state)
{
	static uint8_t bytes[FILE_MAX];
	struct reader r;
	size_t len;

	(void)state;
	write_recording();
	len = get_file(bytes);
	memmove(bytes + HEADER_BYTES + 40, bytes + HEADER_BYTES, len - HEADER_BYTES);
	bytes[12] = (HEADER_BYTES + 40) & 0xff;
	bytes[13] = (HEADER_BYTES + 40) >> 8;
	put_file(bytes, len + 40);
	assert_int_equal(read_recording(&r), 1);
	assert_true(r.all_match && r.n == 4);
	assert_false(was_said("partial"));
}

static void what_cannot_be_read_is_told(void **state)
{
	struct reader r;

	(void)state;
	(void)unlink(path);
	assert_int_equal(read_recording(&r), -ENOENT);
	assert_true(was_said("cannot read"));
	(void)snprintf(path, sizeof(path), "%s", dir);
	assert_int_equal(read_recording(&r), -EISDIR);
	(void)snprintf(path, sizeof(path), "%s/r.xcr", dir);
}

/* ---- writing where one should not ---------------------------------------------------------- */

static void other_files_are_never_overwritten(void **state)
{
	static const char letter[] = "dear diary, this is no recording";
	static uint8_t bytes[FILE_MAX];
	struct xc_recorder *rec = NULL;
	struct reader r;

	(void)state;
	put_file(letter, sizeof(letter));
	assert_int_equal(xc_recorder_open(path, "", &rec), -EEXIST);
	assert_null(rec);
	assert_int_equal(get_file(bytes), sizeof(letter));
	assert_memory_equal(bytes, letter, sizeof(letter));
	put_file("x", 1);	/* shorter than a magic */
	assert_int_equal(xc_recorder_open(path, "", &rec), -EEXIST);
	put_file("", 0);
	assert_int_equal(xc_recorder_open(path, "", &rec), 0);
	assert_int_equal(xc_recorder_close(rec), 0);
	write_recording();
	assert_int_equal(xc_recorder_open(path, "", &rec), 0);	/* a recording may be replaced */
	assert_int_equal(xc_recorder_close(rec), 0);
	assert_int_equal(read_recording(&r), 1);
	assert_int_equal(r.n, 0);
}

static void a_failed_write_is_told_at_the_end(void **state)
{
	struct rlimit was, small = { .rlim_cur = 4096 };
	struct xc_recorder *rec;
	int r;

	(void)state;
	(void)unlink(path);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(xc_recorder_open(path, "", &rec), 0);
	for (int i = 0; i < 1000; i++)
		xc_recorder_write(rec, records[1]);
	r = xc_recorder_close(rec);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(xc_recorder_open("/nonexistent/r.xcr", "", &rec), -ENOENT);
	assert_int_equal(xc_recorder_open(dir, "", &rec), -EISDIR);
	assert_int_equal(xc_recorder_open("/dev/full", "", &rec), -EEXIST);	/* it reads as zeros */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, quiet_begin, quiet_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read),
		TEST(cut_anywhere_it_is_read_so_far_and_told),
		TEST(a_flipped_byte_is_noticed),
		TEST(a_checksum_says_which_kind_of_damage),
		TEST(a_text_without_an_end_is_damage),
		TEST(foreign_headers_are_refused_with_a_reason),
		TEST(a_longer_header_of_a_later_crosscut_is_skipped),
		TEST(what_cannot_be_read_is_told),
		TEST(other_files_are_never_overwritten),
		TEST(a_failed_write_is_told_at_the_end),
	};
	int failed;

	if (!mkdtemp(dir)) {
		(void)snprintf(dir, sizeof(dir), "/tmp/xc-test-XXXXXX");
		if (!mkdtemp(dir))
			return 1;
	}
	(void)snprintf(path, sizeof(path), "%s/r.xcr", dir);
	failed = XC_RUN(tests);
	(void)unlink(path);
	(void)rmdir(dir);
	return failed;
}
