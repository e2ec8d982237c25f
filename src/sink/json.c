/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a line. The keys of the network correlator (S2-30) come first and to the letter, ours behind. */
#include "sink/sink.h"

#include "base/json.h"
#include "base/scope.h"

#include <errno.h>
#include <netinet/in.h>
#include <time.h>

#define LINE_MAX_BYTES 65536

struct json_sink {
	FILE *out;
	struct xc_buf line;
	int error;
};

static int json_open(const struct xc_sink_env *env, void **ret_sink)
{
	struct json_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->out = env->out;
	s->line = xc_buf(LINE_MAX_BYTES);
	*ret_sink = s;
	return 0;
}

/* RFC 3339 in UTC with microseconds. */
static const char *timestamp(const struct xc_finding *f, char out[40])
{
	struct timespec ts = xc_finding_time(f);
	struct tm tm;
	size_t n;

	(void)gmtime_r(&ts.tv_sec, &tm);
	n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, 40 - n, ".%06uZ", (unsigned int)(ts.tv_nsec / 1000));
	return out;
}

static const char *type_of(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "network.tcp";
	case IPPROTO_UDP:
		return "network.udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "network.icmp";
	default:
		return "network.ip";
	}
}

static void put_s2_keys(struct xc_json *j, const struct xc_finding *f)
{
	char ts[40], percent[8];

	xc_json_str(j, "type", type_of(f->tuple.proto));
	xc_json_str(j, "severity", xc_severity_str(f->severity));
	xc_json_str(j, "source", "network-correlator");
	xc_json_str(j, "timestamp", timestamp(f, ts));
	xc_json_str(j, "pattern", f->pattern);
	xc_json_str(j, "confidence", xc_confidence_str(f->confidence, percent));
	xc_json_str(j, "summary", f->summary);
	xc_json_str(j, "details", f->details);
	xc_json_open(j, "evidence", '[');
	for (size_t i = 0; i < f->n_evidence; i++)
		xc_json_str(j, NULL, f->evidence[i].fact);
	xc_json_close(j, ']');
	xc_json_str(j, "impact", f->impact);
	xc_json_str(j, "resolution", f->resolution);
}

static void put_evidence(struct xc_json *j, const struct xc_finding *f)
{
	xc_json_open(j, "evidence_items", '[');
	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct xc_evidence *e = &f->evidence[i];

		xc_json_open(j, NULL, '{');
		xc_json_uint(j, "time_ns", e->ts_ns);
		xc_json_str(j, "layer", xc_layer_str(e->layer));
		xc_json_str(j, "fact", e->fact);
		xc_json_str(j, "hook", e->hook);
		xc_json_int(j, "points", e->points);
		xc_json_close(j, '}');
	}
	xc_json_close(j, ']');
}

static void put_alternatives(struct xc_json *j, const struct xc_finding *f)
{
	xc_json_open(j, "alternatives", '[');
	for (size_t i = 0; i < f->n_alternatives; i++) {
		const struct xc_alternative *a = &f->alternatives[i];

		xc_json_open(j, NULL, '{');
		xc_json_str(j, "pattern_id", a->pattern_id);
		xc_json_str(j, "pattern", a->name);
		xc_json_fixed(j, "confidence_score", a->score, 3);
		xc_json_str(j, "against", a->against);
		xc_json_close(j, '}');
	}
	xc_json_close(j, ']');
}

static void put_end(struct xc_json *j, const char *key, const uint8_t addr[16], uint16_t port)
{
	char text[XC_ENDPOINT_LEN];

	xc_json_open(j, key, '{');
	xc_json_str(j, "ip", xc_addr_str(addr, text));
	xc_json_uint(j, "port", port);
	xc_json_close(j, '}');
}

static void put_process(struct xc_json *j, const char *key, const struct xc_owner *o)
{
	if (!o->tgid) {
		xc_json_null(j, key);
		return;
	}
	xc_json_open(j, key, '{');
	xc_json_uint(j, "pid", o->tgid);
	xc_json_str(j, "comm", o->comm);
	xc_json_uint(j, "uid", o->uid);
	xc_json_close(j, '}');
}

static void put_connection(struct xc_json *j, const struct xc_finding *f)
{
	xc_json_open(j, "connection", '{');
	xc_json_str(j, "protocol", xc_proto_str(f->tuple.proto));
	put_end(j, "client", f->tuple.saddr, f->tuple.sport_he);
	put_end(j, "server", f->tuple.daddr, f->tuple.dport_he);
	put_process(j, "process", &f->client);
	put_process(j, "server_process", &f->server);
	xc_json_uint(j, "cgroup_id", f->client.cgroup_id);
	xc_json_uint(j, "netns", f->netns);
	xc_json_close(j, '}');
}

static void put_own_keys(struct xc_json *j, const struct xc_finding *f)
{
	uint64_t late =
		f->reported_ns > f->first_signal_ns ? f->reported_ns - f->first_signal_ns : 0;

	xc_json_uint(j, "id", f->id);
	xc_json_str(j, "pattern_id", f->pattern_id);
	xc_json_str(j, "status", xc_status_str(f->status));
	if (f->replaces)
		xc_json_uint(j, "replaces", f->replaces);
	else
		xc_json_null(j, "replaces");
	xc_json_fixed(j, "confidence_score", f->confidence, 3);
	xc_json_uint(j, "severity_number", (uint64_t)f->severity);
	xc_json_str(j, "layer", xc_layer_str(f->layer));
	xc_json_str(j, "subject", f->subject);
	xc_json_uint(j, "group", f->group);
	xc_json_uint(j, "same_cause", f->n_same);
	put_evidence(j, f);
	put_alternatives(j, f);
	put_connection(j, f);
	xc_json_str(j, "error", xc_errno_name(f->error));
	xc_json_str(j, "app_sees", f->app_sees[0] ? f->app_sees : NULL);
	xc_json_uint(j, "first_signal_ns", f->first_signal_ns);
	xc_json_uint(j, "reported_ns", f->reported_ns);
	xc_json_fixed(j, "time_to_root_cause_ms", (double)late / 1e6, 3);
	xc_json_uint(j, "lost_in_window", f->lost);
}

static int json_emit(void *sink, const struct xc_finding *f)
{
	struct json_sink *s = sink;
	struct xc_json j = xc_json(&s->line);

	xc_buf_reset(&s->line);
	xc_json_open(&j, NULL, '{');
	put_s2_keys(&j, f);
	put_own_keys(&j, f);
	xc_json_close(&j, '}');
	xc_buf_putc(&s->line, '\n');
	if (s->line.is_full)
		return -ENOSPC;
	errno = 0;
	if (fwrite(s->line.p, 1, s->line.len, s->out) != s->line.len || fflush(s->out))
		s->error = errno ? -errno : -EIO;
	return s->error;
}

static int json_close(void *sink)
{
	struct json_sink *s = sink;
	int r;

	if (!s)
		return 0;
	r = s->error;
	xc_buf_done(&s->line);
	free(s);
	return r;
}

const struct xc_sink xc_sink_json = {
	.name = "json",
	.text = "one JSON object a line, for programs",
	.open = json_open,
	.emit = json_emit,
	.close = json_close,
};
