/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings (.xcr): a header, then records exactly as they came, then an end mark with a
 * checksum. A file that was cut off is read as far as it goes, and says so.
 */
#include "source/source.h"

#include "abi/host.h"
#include "base/log.h"
#include "model/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <zlib.h>

#define MAGIC "crosscut"
#define VERSION 1

struct file_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes;	/* this header; later versions may append */
	char kernel[72];
	char scope[176];
};

_Static_assert(sizeof(struct file_header) == 264, "file format: header");

/* ---- writer ----------------------------------------------------------------------- */

struct xc_recorder {
	FILE *f;
	uint64_t n_records;
	uint64_t last_ns;
	uint32_t crc;
	int error;
};

/* Never write over a file that is something else. */
static int check_target(int fd, const char *path)
{
	char magic[8];
	ssize_t n = pread(fd, magic, sizeof(magic), 0);

	if (n < 0)
		return xc_err(-errno, "%s", path);
	if (n == 0 || (n == sizeof(magic) && !memcmp(magic, MAGIC, sizeof(magic))))
		return 0;
	return xc_err(-EEXIST, "%s is not a recording; choose another name or remove it", path);
}

int xc_recorder_open(const char *path, const char *scope_text, struct xc_recorder **ret_recorder)
{
	struct file_header h = { .magic = MAGIC, .version = VERSION, .header_bytes = sizeof(h) };
	_cleanup_free_ struct xc_recorder *rec = calloc(1, sizeof(*rec));
	_cleanup_close_ int fd = -1;
	struct utsname u;
	int r;

	if (!rec)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return xc_err(-errno, "cannot write %s", path);

	r = check_target(fd, path);
	if (r)
		return r;
	if (ftruncate(fd, 0) && errno != EINVAL)	/* EINVAL: a pipe or device */
		return xc_err(-errno, "%s", path);

	(void)uname(&u);
	(void)snprintf(h.kernel, sizeof(h.kernel), "%s", u.release);
	(void)snprintf(h.scope, sizeof(h.scope), "%s", scope_text);
	rec->f = fdopen(fd, "wb");
	if (!rec->f)
		return -errno;
	(void)TAKE_FD(fd);
	if (fwrite(&h, sizeof(h), 1, rec->f) != 1 || fflush(rec->f))
		rec->error = -EIO;
	*ret_recorder = TAKE_PTR(rec);
	return 0;
}

static void put(struct xc_recorder *rec, const void *p, size_t n)
{
	errno = 0;
	if (!rec->error && fwrite(p, 1, n, rec->f) != n)
		rec->error = errno ? -errno : -EIO;
}

void xc_recorder_write(struct xc_recorder *rec, const struct xc_evt *e)
{
	put(rec, e, e->size_bytes);
	rec->crc = (uint32_t)crc32(rec->crc, (const Bytef *)e, e->size_bytes);
	rec->n_records++;
	rec->last_ns = e->ts_ns > rec->last_ns ? e->ts_ns : rec->last_ns;
	/* At least once a second: whoever is killed leaves a recording behind, cut but readable. */
	if (e->kind == XC_EVT_TICK && !rec->error && fflush(rec->f))
		rec->error = -errno;
}

int xc_recorder_close(struct xc_recorder *rec)
{
	int r;

	if (!rec)
		return 0;
	struct xc_end_evt end = {
		.hdr = { .ts_ns = rec->last_ns, .size_bytes = sizeof(end), .kind = XC_EVT_END },
		.n_records = rec->n_records,
		.crc32 = rec->crc,
	};

	put(rec, &end, sizeof(end));
	if (fclose(rec->f) && !rec->error)
		rec->error = -errno;
	r = rec->error;
	free(rec);
	return r;
}

/* ---- reader ------------------------------------------------------------------------- */

struct recording {
	struct xc_source_env env;
	FILE *f;
	uint64_t n_records;
	uint32_t crc;
	uint64_t at_bytes;
	uint8_t buf[XC_EVT_SIZE_MAX] __attribute__((aligned(8)));
};

static void recording_close(void *source)
{
	struct recording *s = source;

	if (s && s->f)
		(void)fclose(s->f);
	free(s);
}

static void recording_closep(struct recording **s)
{
	recording_close(*s);
}

static int read_header(struct recording *s)
{
	struct file_header h;

	if (fread(&h, sizeof(h), 1, s->f) != 1 || memcmp(h.magic, MAGIC, sizeof(h.magic)))
		return xc_err(-EBADMSG, "%s is not a crosscut recording", s->env.path);
	if (h.version != VERSION)
		return xc_err(
			-EPROTONOSUPPORT,
			"%s is of format version %u, this crosscut reads %u; use a newer crosscut",
			s->env.path, h.version, VERSION);
	if (h.header_bytes < sizeof(h) || h.header_bytes > XC_EVT_SIZE_MAX)
		return xc_err(-EBADMSG, "%s: damaged header", s->env.path);
	for (size_t skip = h.header_bytes - sizeof(h); skip; skip--)
		if (fgetc(s->f) == EOF)
			return xc_err(-EBADMSG, "%s: damaged header", s->env.path);
	s->at_bytes = h.header_bytes;
	return 0;
}

static int recording_open(const struct xc_source_env *env, void **ret_source)
{
	_cleanup_(recording_closep) struct recording *s = calloc(1, sizeof(*s));
	struct stat st;
	int r;

	if (!s)
		return -ENOMEM;
	s->env = *env;
	s->f = fopen(env->path, "rbe");
	if (!s->f)
		return xc_err(-errno, "cannot read %s", env->path);
	if (!fstat(fileno(s->f), &st) && S_ISDIR(st.st_mode))
		return xc_err(-EISDIR, "cannot read %s", env->path);

	r = read_header(s);
	if (r)
		return r;

	*ret_source = TAKE_PTR(s);
	return 0;
}

static int ended_early(const struct recording *s)
{
	(void)xc_warn(0, "%s ends early, after %llu records: results are partial", s->env.path,
		      (unsigned long long)s->n_records);
	return 1;
}

static int damaged_at(const struct recording *s, uint64_t at_bytes)
{
	return xc_err(-EBADMSG, "%s is damaged at byte %llu: results are partial", s->env.path,
		      (unsigned long long)at_bytes);
}

static int check_end(const struct recording *s, const struct xc_end_evt *end)
{
	if (end->hdr.size_bytes >= sizeof(*end) && end->n_records == s->n_records &&
	    end->crc32 == s->crc)
		return 1;
	return xc_err(-EBADMSG, "%s is damaged (checksum): do not trust the results", s->env.path);
}

/* One record a call, so that deadlines between two records are met in order. */
static int recording_poll(void *source, uint64_t deadline_ns)
{
	struct recording *s = source;
	struct xc_evt *e = (struct xc_evt *)s->buf;
	size_t rest, n;

	(void)deadline_ns;	/* time comes with the records */
	n = fread(e, 1, sizeof(*e), s->f);
	if (n != sizeof(*e))
		return ended_early(s);
	if (e->size_bytes < sizeof(*e) || e->size_bytes > XC_EVT_SIZE_MAX)
		return damaged_at(s, s->at_bytes);
	rest = e->size_bytes - sizeof(*e);
	if (fread(s->buf + sizeof(*e), 1, rest, s->f) != rest)
		return ended_early(s);
	s->at_bytes += e->size_bytes;
	if (e->kind == XC_EVT_END)
		return check_end(s, (const struct xc_end_evt *)e);
	if (!xc_record_is_sound(e))
		return damaged_at(s, s->at_bytes - e->size_bytes);
	s->n_records++;
	s->crc = (uint32_t)crc32(s->crc, s->buf, e->size_bytes);
	s->env.on_record(s->env.arg, e);
	return 0;
}

/* The answers are in the stream already. */
static void recording_ask(void *source, const struct xc_ask *ask)
{
	(void)source;
	(void)ask;
}

const struct xc_source xc_source_recording = {
	.name = "recording",
	.open = recording_open,
	.poll = recording_poll,
	.ask = recording_ask,
	.close = recording_close,
};
