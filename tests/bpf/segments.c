/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segments of a source, one JSON object a line, for test_stream.py.
 * segments (--netns NAME | FILE) [--pid PID] [--budget BYTES] [--ring BYTES] [--tls PID]
 * Commands on stdin: "want COOKIE IS_OUTBOUND MODE SKIP_UNTIL", "pause" (until the next line), "end".
 */
#include "abi/host.h"
#include "abi/segment.h"
#include "base/log.h"
#include "model/net.h"
#include "source/host.h"
#include "source/source.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#define TURN_NS 10000000ull	/* stdin is looked at so often */

struct reader {
	const struct xc_source *source;
	void *state;
	bool has_ended;
};

static void put_data(const struct xc_segment_evt *e)
{
	(void)printf(", \"data\": \"");
	for (uint32_t i = 0; i < e->n_bytes; i++)
		(void)printf("%02x", e->data[i]);
	(void)printf("\"}\n");
}

static void put_segment(const struct xc_segment_evt *e)
{
	static const char *const whats[] = { "?", "packet", "totals", "closed", "plaintext" };
	char a[XC_ENDPOINT_LEN], b[XC_ENDPOINT_LEN];

	(void)printf("{\"what\": \"%s\", \"ts\": %" PRIu64 ", \"cookie\": %" PRIu64
		     ", \"proto\": %u, \"from\": \"%s\", \"to\": \"%s\"",
		     whats[e->what < _XC_SEGMENT_WHAT_MAX ? e->what : 0], (uint64_t)e->hdr.ts_ns,
		     (uint64_t)e->cookie, e->tuple.proto,
		     xc_endpoint_str(e->tuple.saddr, e->tuple.sport_he, a),
		     xc_endpoint_str(e->tuple.daddr, e->tuple.dport_he, b));
	(void)printf(
		", \"out\": %u, \"first\": %u, \"silent\": %u, \"lost\": %u, \"flags\": %u, \"seq\": %u"
		", \"ack\": %u, \"wire\": %u, \"n\": %u",
		e->is_outbound, e->is_first, e->is_silent, e->lost, e->tcp_flags, e->seq, e->ack,
		e->wire_bytes, e->n_bytes);
	(void)printf(", \"tgid\": %u, \"tid\": %u, \"uid\": %u, \"comm\": \"%s\", \"netns\": %u"
		     ", \"cgroup\": %" PRIu64 ", \"open\": %" PRIu64,
		     e->owner.tgid, e->tid, e->owner.uid, e->owner.comm, e->netns,
		     (uint64_t)e->owner.cgroup_id, (uint64_t)e->open_ns);
	(void)printf(", \"bytes\": [%" PRIu64 ", %" PRIu64 "], \"packets\": [%u, %u]",
		     (uint64_t)e->bytes[0], (uint64_t)e->bytes[1], e->packets[0], e->packets[1]);
	put_data(e);
}

static void on_record(void *arg, const struct xc_evt *e)
{
	(void)arg;
	if (e->kind == XC_EVT_SEGMENT && e->size_bytes >= sizeof(struct xc_segment_evt))
		put_segment((const struct xc_segment_evt *)e);
	if (e->kind == XC_EVT_TICK && e->size_bytes >= sizeof(struct xc_tick_evt))
		(void)printf("{\"what\": \"tick\", \"lost\": %" PRIu64 "}\n",
			     (uint64_t)((const struct xc_tick_evt *)e)->lost[XC_STAT_LOST_RING]);
}

static void on_want(struct reader *r, const char *line)
{
	unsigned int is_outbound, mode, until;
	struct xc_segment_want want;
	uint64_t cookie;

	if (sscanf(line, "want %" SCNu64 " %u %u %u", &cookie, &is_outbound, &mode, &until) != 4)
		return;
	want = (struct xc_segment_want){ .cookie = cookie,
					 .is_outbound = is_outbound != 0,
					 .mode = (uint8_t)mode,
					 .skip_until = until };
	r->source->want(r->state, &want);
	(void)printf("{\"what\": \"wanted\"}\n");
}

static void read_command(struct reader *r, char *line, size_t size)
{
	if (!fgets(line, (int)size, stdin) || !strcmp(line, "end\n")) {
		r->has_ended = true;
	} else if (!strcmp(line, "pause\n")) {
		(void)printf("{\"what\": \"paused\"}\n");
		(void)fflush(stdout);
		(void)fgets(line, (int)size, stdin);
	} else {
		on_want(r, line);
	}
}

static int run(struct reader *r, bool is_live)
{
	char line[128];
	int end = 0;

	while (!end && !r->has_ended) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

		end = r->source->poll(r->state, is_live ? xc_now_ns() + TURN_NS : UINT64_MAX);
		if (is_live && poll(&in, 1, 0) > 0)
			read_command(r, line, sizeof(line));
		(void)fflush(stdout);
	}
	return end < 0;
}

static int parse(int argc, char **argv, struct xc_source_env *env, const char **netns)
{
	static const struct option options[] = {
		{ "netns", required_argument, NULL, 'n' },
		{ "pid", required_argument, NULL, 'p' },
		{ "budget", required_argument, NULL, 'b' },
		{ "ring", required_argument, NULL, 'r' },
		{ "tls", required_argument, NULL, 't' },
		{ "one-end", no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'n')
			*netns = optarg;
		else if (c == 'p')
			env->scope.tgid = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'b')
			env->payload_budget = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			env->ring_bytes = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 't')
			env->tls_uprobes = optarg;
		else if (c == 'o')
			env->with_both_ends = false;
		else
			return -EINVAL;
	}
	env->path = argv[optind];
	return !env->path == !*netns ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	const char *netns = NULL;
	struct reader r = { 0 };
	struct xc_source_env env = { .netns = &netns,
				     .n_netns = 1,
				     .ring_bytes = 1u << 22,
				     .max_connections = 16384,
				     .with_payload = true,
				     .with_both_ends = true,
				     .on_record = on_record,
				     .arg = &r };

	if (parse(argc, argv, &env, &netns))
		return 2;
	r.source = netns			  ? &xc_source_live :
		   xc_source_is_capture(env.path) ? &xc_source_packets :
						    &xc_source_recording;
	(void)setvbuf(stdin, NULL, _IONBF, 0);	/* what is buffered poll() does not see */
	if (r.source->open(&env, &r.state))
		return 1;
	if (netns && !r.source->poll(r.state, 0))
		(void)printf("{\"what\": \"ready\"}\n");
	(void)fflush(stdout);
	argc = run(&r, netns != NULL);
	r.source->close(r.state);
	return argc;
}
