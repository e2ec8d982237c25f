/* SPDX-License-Identifier: Apache-2.0 */
/* Events on their way out: the contract of a format, and the stream that is written in it. */
#pragma once

#include "base/buf.h"
#include "model/netevent.h"
#include "sink/sink.h"

/**
 * struct xc_event_format - how events are written
 * @shows: is this event worth a line? NULL = every one is
 * @put: append one line. What came from the network is escaped
 */
struct xc_event_format {
	const char *name;
	bool (*shows)(const struct xc_sink_env *env, const struct xc_netevent *e);
	void (*put)(const struct xc_sink_env *env, const struct xc_netevent *e, struct xc_buf *out);
};

/* By enum xc_output; NULL = this output has no events. */
extern const struct xc_event_format *const xc_event_formats[];

struct xc_eventfile;

struct xc_eventfile_cfg {
	struct xc_sink_env env;
	const struct xc_event_format *format;
	uint64_t max_waiting;	/* events that may wait for output */
	uint64_t max_wait_ns;	/* ... and how long, in the time of the records */
};

/** 0 or -ENOMEM. */
int xc_eventfile_open(const struct xc_eventfile_cfg *cfg, struct xc_eventfile **ret_file);

/** Would @e be written? */
bool xc_eventfile_shows(const struct xc_eventfile *f, const struct xc_netevent *e);

/** Write @e, now or a little later. 0 or the -errno of this or an earlier write. */
int xc_eventfile_put(struct xc_eventfile *f, const struct xc_netevent *e);

/** Whatever waits goes out. 0 or -errno. */
int xc_eventfile_flush(struct xc_eventfile *f);

/** Flush and release. Accepts NULL. 0 or the first -errno of any write. */
int xc_eventfile_close(struct xc_eventfile *f);

/* One key of the JSON objects, for the reference. */
struct xc_event_key {
	const char *group;	/* "http_data": the object it is in; "" = the event */
	const char *name;
	const char *text;	/* what it says, its unit, and what null means */
	bool is_ours;		/* beside those of the network observer */
};

/** Key @i of a JSON event, in order; false = there are no more. */
bool xc_event_key(size_t i, struct xc_event_key *ret_key);
