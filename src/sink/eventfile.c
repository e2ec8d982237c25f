/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/events.h"

#include "base/scope.h"

#include <errno.h>
#include <stdlib.h>

#define BATCH_BYTES (64u << 10)
#define LINE_MAX_BYTES (128u << 10)

extern const struct xc_event_format xc_events_text, xc_events_json;

const struct xc_event_format *const xc_event_formats[] = { &xc_events_text, &xc_events_json };

struct xc_eventfile {
	struct xc_eventfile_cfg cfg;
	struct xc_buf batch;
	uint64_t n_waiting;
	uint64_t since_ns;	/* the first of them waits */
	int error;
};

int xc_eventfile_open(const struct xc_eventfile_cfg *cfg, struct xc_eventfile **ret_file)
{
	struct xc_eventfile *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->cfg = *cfg;
	f->batch = xc_buf(BATCH_BYTES + LINE_MAX_BYTES);
	*ret_file = f;
	return 0;
}

bool xc_eventfile_shows(const struct xc_eventfile *f, const struct xc_netevent *e)
{
	return !f->cfg.format->shows || f->cfg.format->shows(&f->cfg.env, e);
}

int xc_eventfile_flush(struct xc_eventfile *f)
{
	if (!f->batch.len)
		return f->error;
	errno = 0;
	if (!f->error && (fwrite(f->batch.p, 1, f->batch.len, f->cfg.env.out) != f->batch.len ||
			  fflush(f->cfg.env.out)))
		f->error = errno ? -errno : -EIO;
	xc_buf_reset(&f->batch);
	f->n_waiting = 0;
	return f->error;
}

int xc_eventfile_put(struct xc_eventfile *f, const struct xc_netevent *e)
{
	size_t before = f->batch.len;

	f->cfg.format->put(&f->cfg.env, e, &f->batch);
	if (f->batch.is_full) {		/* no half of a line is written */
		f->batch.len = before;
		f->batch.is_full = false;
		f->error = f->error ? f->error : -ENOMEM;
	}
	if (!f->n_waiting++)
		f->since_ns = e->ts_ns;
	if (f->batch.len < BATCH_BYTES && f->n_waiting < f->cfg.max_waiting &&
	    e->ts_ns - f->since_ns < f->cfg.max_wait_ns)
		return f->error;
	return xc_eventfile_flush(f);
}

int xc_eventfile_close(struct xc_eventfile *f)
{
	int r;

	if (!f)
		return 0;
	r = xc_eventfile_flush(f);
	xc_buf_done(&f->batch);
	free(f);
	return r;
}
