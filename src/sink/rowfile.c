/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are collected and written together; a write that fails half way is taken back to a row's end. */
#include "sink/rows.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FLUSH_BYTES (64u << 10)
#define HELD_BYTES (4u << 20)	/* FLUSH_BYTES and one row more: no row is as long */
#define PATH_MAX_BYTES 1100
#define SCHEMA_BYTES (1u << 20)

struct xc_rowfile {
	struct xc_rowfile_cfg cfg;
	int fd;
	struct xc_buf held;
	uint64_t n_held;	/* rows in it */
	uint64_t n_rows;	/* written */
	off_t whole;		/* bytes of the file up to the last whole row; -1 = cannot be cut */
	int error;
};

static const char *name_of(const struct xc_rowfile_cfg *cfg)
{
	return strcmp(cfg->path, "-") ? cfg->path : "stdout";
}

/* Write all of @b. 0 or -errno. */
static int write_all(int fd, const struct xc_buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->p + at, b->len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* ---- opening ------------------------------------------------------------------------ */

static int write_schema(const struct xc_rowfile_cfg *cfg)
{
	struct xc_buf text = xc_buf(SCHEMA_BYTES);
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX_BYTES];
	int r;

	(void)snprintf(path, sizeof(path), "%s.schema.json", cfg->path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return xc_err(-errno, "cannot create %s", path);
	xc_rows_schema(cfg->columns, &text);
	r = text.is_full ? -ENOMEM : write_all(fd, &text);
	xc_buf_done(&text);
	return r ? xc_err(r, "cannot write %s", path) : 0;
}

/* 0 or -errno (logged); @ret_is_file: can be cut, and has a neighbour. */
static int open_path(const struct xc_rowfile_cfg *cfg, int *ret_fd, bool *ret_is_file)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	*ret_is_file = false;
	if (!strcmp(cfg->path, "-")) {
		*ret_fd = STDOUT_FILENO;
		return 0;
	}
	fd = open(cfg->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || fstat(fd, &st))
		return xc_err(-errno, "cannot create %s", cfg->path);
	*ret_is_file = S_ISREG(st.st_mode);
	if (*ret_is_file && st.st_size)
		return xc_err(-EEXIST, "%s holds something already; give another --out", cfg->path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int xc_rowfile_open(const struct xc_rowfile_cfg *cfg, struct xc_rowfile **ret_file)
{
	struct xc_rowfile *f;
	bool is_file;
	int fd = -1, r;

	r = open_path(cfg, &fd, &is_file);
	if (r)
		return r;
	f = calloc(1, sizeof(*f));
	if (!f) {
		if (fd != STDOUT_FILENO)
			(void)close(fd);
		return xc_err(-ENOMEM, "rows");
	}
	*f = (struct xc_rowfile){
		.cfg = *cfg, .fd = fd, .held = xc_buf(HELD_BYTES), .whole = is_file ? 0 : -1
	};
	if (cfg->format->begin)
		cfg->format->begin(cfg->columns, &f->held);
	r = xc_rowfile_flush(f);
	if (!r && is_file && cfg->format->has_schema)
		r = write_schema(cfg);
	if (r) {
		uint64_t n;

		(void)xc_rowfile_close(f, &n);
		return r;
	}
	*ret_file = f;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------ */

/* Back to the last row that is whole; what cannot be cut (a pipe) has its reader to notice. */
static int fail(struct xc_rowfile *f, int error)
{
	f->error = error;
	if (f->whole >= 0 && ftruncate(f->fd, f->whole))
		(void)xc_warn(-errno, "%s may end within a row", f->cfg.path);
	return xc_err(error, "cannot write to %s; %" PRIu64 " rows are in it", name_of(&f->cfg),
		      f->n_rows);
}

int xc_rowfile_flush(struct xc_rowfile *f)
{
	int r;

	if (f->error || !f->held.len)
		return f->error;
	r = f->held.is_full ? -ENOMEM : write_all(f->fd, &f->held);
	if (r)
		return fail(f, r);
	if (f->whole >= 0)
		f->whole += (off_t)f->held.len;
	f->n_rows += f->n_held;
	f->n_held = 0;
	xc_buf_reset(&f->held);
	return 0;
}

int xc_rowfile_put(struct xc_rowfile *f, const struct xc_row *row)
{
	if (f->error)
		return f->error;
	f->cfg.format->put(f->cfg.columns, row, f->cfg.is_zero, &f->held);
	f->n_held++;
	return f->held.len >= FLUSH_BYTES || f->held.is_full ? xc_rowfile_flush(f) : 0;
}

int xc_rowfile_close(struct xc_rowfile *f, uint64_t *ret_n_rows)
{
	int r;

	*ret_n_rows = 0;
	if (!f)
		return 0;
	r = xc_rowfile_flush(f);
	*ret_n_rows = f->n_rows;
	if (f->fd != STDOUT_FILENO && close(f->fd) && !r)
		r = xc_err(-errno, "cannot write to %s",
			   f->cfg.path); /* NFS tells of a full disk here */
	xc_buf_done(&f->held);
	free(f);
	return r;
}
