/* SPDX-License-Identifier: Apache-2.0 */
/* A capture as a source: its packets, turned into records by the tracker. */
#include "base/log.h"
#include "source/capture.h"
#include "source/tracker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct packets {
	const char *path;
	struct xc_capture *capture;
	struct xc_tracker *tracker;
	struct xc_flow_packet packet;	/* read, its time has not come yet */
	struct xc_flow_bytes bytes;
	bool has_packet;
	bool has_ended;
};

static void packets_close(void *source)
{
	struct packets *s = source;

	if (!s)
		return;
	xc_capture_close(s->capture);
	xc_tracker_free(s->tracker);
	free(s);
}

static void packets_closep(struct packets **s)
{
	packets_close(*s);
}

static int packets_open(const struct xc_source_env *env, void **ret_source)
{
	_cleanup_(packets_closep) struct packets *s = calloc(1, sizeof(*s));
	struct xc_tracker_cfg cfg = { .max_flows = env->max_connections,
				      .on_record = env->on_record,
				      .arg = env->arg };
	int r;

	if (!s)
		return -ENOMEM;
	s->path = env->path;
	r = xc_capture_open(env->path, &s->capture);
	if (r)
		return r;
	r = xc_tracker_new(&cfg, &s->tracker);
	if (r)
		return xc_err(r, "%s: no memory for %u connections", env->path, cfg.max_flows);
	*ret_source = TAKE_PTR(s);
	return 0;
}

/* The last packet was taken: tell what is still open, and what the file was like. */
static void end(struct packets *s)
{
	struct xc_capture_stats stats;

	s->has_ended = true;
	xc_tracker_end(s->tracker);
	xc_capture_get_stats(s->capture, &stats);
	if (!stats.n_packets)
		(void)xc_warn(0, "%s: no IP packet in %" PRIu64 " frames", s->path, stats.n_frames);
	if (stats.n_cut)
		(void)xc_warn(0, "%s: %" PRIu64 " packets were captured too short to be read",
			      s->path, stats.n_cut);
}

/* The next packet, or the end. 0 or -errno. */
static int fetch(struct packets *s)
{
	int r = xc_capture_next(s->capture, &s->packet, &s->bytes);

	s->has_packet = r > 0;
	if (!r)
		end(s);
	return r < 0 ? r : 0;
}

/* Time comes with the packets: one a call, and what is due before it, or after the last, first. */
static int packets_poll(void *source, uint64_t deadline_ns)
{
	struct packets *s = source;

	if (!s->has_packet && !s->has_ended)
		return fetch(s);
	if (s->has_ended && deadline_ns == UINT64_MAX)
		return 1;
	if (s->has_ended || deadline_ns < s->packet.ts_ns) {
		xc_tracker_tick(s->tracker, deadline_ns);
		return 0;
	}
	xc_tracker_add(s->tracker, &s->packet, &s->bytes);
	s->has_packet = false;
	return 0;
}

/* There is nobody to ask. */
static void packets_ask(void *source, const struct xc_ask *ask)
{
	(void)source;
	(void)ask;
}

bool xc_source_is_capture(const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_close_ int fd = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	uint8_t start[4];

	/* a pipe cannot be looked into without taking from it */
	return is_stdin || (pread(fd, start, sizeof(start), 0) == sizeof(start) &&
			    xc_capture_is(start, sizeof(start)));
}

const struct xc_source xc_source_packets = {
	.name = "packets",
	.open = packets_open,
	.poll = packets_poll,
	.ask = packets_ask,
	.close = packets_close,
};
