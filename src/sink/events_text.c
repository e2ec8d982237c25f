/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events for people: one line for each thing that happened. A request is told when it is answered, a connection when it
 * carried none; --verbose tells everything.
 */
#include "sink/events.h"

#include "base/scope.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

#define DIM "\033[2m"
#define RESET "\033[0m"

static const char *paint(const struct xc_sink_env *env, const char *code)
{
	return env->has_color ? code : "";
}

static bool text_shows(const struct xc_sink_env *env, const struct xc_netevent *e)
{
	if (env->is_verbose)
		return true;
	if (e->request)
		return e->stage != XC_REQUEST_SENT;
	return e->type == XC_NETEVENT_CONNECTION_CLOSE &&
	       (!e->n_requests || xc_netevent_is_failure(e));
}

/* ---- pieces ---------------------------------------------------------------------------------------- */

/* Two digits, then @end. */
static char *put_2(char *p, int n, char end)
{
	*p++ = (char)('0' + n / 10);
	*p++ = (char)('0' + n % 10);
	*p++ = end;
	return p;
}

static void put_clock(const struct xc_sink_env *env, const struct xc_netevent *e,
		      struct xc_buf *out)
{
	static struct {	/* most events share their second */
		time_t sec;
		struct tm tm;
	} last = { .sec = -1 };
	struct timespec ts = xc_netevent_time(e);
	unsigned int ms = (unsigned int)(ts.tv_nsec / 1000000);
	char text[16], *p = text;

	if (ts.tv_sec != last.sec)
		(void)localtime_r(&ts.tv_sec, &last.tm);
	last.sec = ts.tv_sec;
	p = put_2(p, last.tm.tm_hour, ':');
	p = put_2(p, last.tm.tm_min, ':');
	p = put_2(p, last.tm.tm_sec, '.');
	*p++ = (char)('0' + ms / 100);
	p = put_2(p, (int)(ms % 100), ' ');
	xc_buf_puts(out, paint(env, DIM));
	xc_buf_put(out, text, (size_t)(p - text));
	xc_buf_puts(out, paint(env, RESET));
}

/* Blanks up to column @width of what began at @start; one at least. */
static void pad(struct xc_buf *out, size_t start, size_t width)
{
	static const char blanks[] = "                                                  ";
	size_t have = out->len - start;

	xc_buf_put(out, blanks, have < width && width - have < sizeof(blanks) ? width - have : 1);
}

static void put_process(const struct xc_owner *o, struct xc_buf *out)
{
	size_t start = out->len;

	if (o->tgid) {
		xc_buf_put_safe(out, o->comm[0] ? o->comm : "?");
		xc_buf_printf(out, "[%u]", o->tgid);
	} else {
		xc_buf_putc(out, '-');
	}
	pad(out, start, 18);
}

/* The other process, when it is on this host too. */
static void put_peer(const struct xc_netevent *e, enum xc_direction direction, struct xc_buf *out)
{
	if (!e->peer.tgid || e->direction != direction)
		return;
	xc_buf_puts(out, " (");
	xc_buf_put_safe(out, e->peer.comm);
	xc_buf_printf(out, "[%u])", e->peer.tgid);
}

static void put_ends(const struct xc_netevent *e, struct xc_buf *out)
{
	const struct xc_tuple *t = &e->tuple;
	bool has_ports = t->proto != IPPROTO_ICMP && t->proto != IPPROTO_ICMPV6;
	char text[XC_ENDPOINT_LEN];
	size_t start = out->len;

	xc_buf_puts(out, xc_endpoint_str(t->saddr, has_ports ? t->sport_he : 0, text));
	put_peer(e, XC_DIRECTION_INBOUND, out);
	xc_buf_puts(out, " > ");
	xc_buf_puts(out, xc_endpoint_str(t->daddr, has_ports ? t->dport_he : 0, text));
	put_peer(e, XC_DIRECTION_OUTBOUND, out);
	pad(out, start, 38);
}

static void put_time(uint64_t ns, struct xc_buf *out)
{
	if (!ns)
		xc_buf_putc(out, '-');
	else if (ns < 10000000)
		xc_buf_printf(out, "%.2f ms", (double)ns / 1e6);
	else if (ns < 1000000000)
		xc_buf_printf(out, "%.1f ms", (double)ns / 1e6);
	else
		xc_buf_printf(out, "%.2f s", (double)ns / 1e9);
}

static const char *color_of(enum xc_result result)
{
	static const char *const colors[] = { "", "\033[32m", "\033[33m", "\033[31m", "\033[31m" };

	return colors[result];
}

/* ---- requests -------------------------------------------------------------------------------------- */

static void put_status(const struct xc_sink_env *env, const struct xc_netevent *e,
		       struct xc_buf *out)
{
	const struct xc_request *r = e->request;
	bool is_worded = r->status_text[0] && e->type != XC_NETEVENT_HTTP_RESPONSE;

	xc_buf_puts(out, paint(env, color_of(e->result)));
	if (r->status != XC_STATUS_NONE && !(is_worded && e->type == XC_NETEVENT_DNS_RESPONSE))
		xc_buf_printf(out, "%d%s", r->status, r->status_text[0] ? " " : "");
	xc_buf_put_safe(out, r->status_text);
	if (r->status == XC_STATUS_NONE && !r->status_text[0])
		xc_buf_puts(out, e->result == XC_RESULT_NO_ANSWER ? "no answer" :
								    xc_result_str(e->result));
	xc_buf_puts(out, paint(env, RESET));
}

/* Of a DNS answer, "name type class ttl data", the data. */
static const char *essence_of(const char *key, const char *value)
{
	for (int i = 0; i < 4 && !strcmp(key, "dns.answer"); i++) {
		value += strcspn(value, " ");
		value += *value == ' ';
	}
	return value;
}

/* What says most beside method and target. */
static void put_extra(const struct xc_request *r, struct xc_buf *out)
{
	static const char *const keys[] = { "dns.answer",
					    "tls.client.server_name",
					    "tls.protocol.version",
					    "tls.cipher",
					    "tls.next_protocol",
					    "tls.alert.description",
					    "graphql.operation.name" };
	const char *value;
	unsigned int n = 0;

	for (const char *k = xc_request_next(r, NULL, &value); k && n < 4;
	     k = xc_request_next(r, k, &value))
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			if (strcmp(k, keys[i]) || !strcmp(value, r->target))
				continue;
			xc_buf_puts(out, n++ ? ", " : "  ");
			xc_buf_put_safe(out, essence_of(k, value));
		}
}

/* What makes the line less than certain. */
static void put_doubt(const struct xc_sink_env *env, const struct xc_netevent *e,
		      struct xc_buf *out)
{
	uint32_t doubt = e->flags & (XC_REQUEST_JOINED_LATE | XC_REQUEST_TRUNCATED |
				     XC_REQUEST_GAP | XC_REQUEST_UNKNOWN_FIELDS |
				     XC_REQUEST_INFERRED_STATUS | XC_REQUEST_RESENT);
	const char *before = "  (", *word;

	if (!doubt && e->sampling_factor <= 1)
		return;
	xc_buf_puts(out, paint(env, DIM));
	for (unsigned int i = 0; (word = xc_request_flag_str(i)); i++)
		if (doubt & (1u << i)) {
			xc_buf_printf(out, "%s%s", before, word);
			before = ", ";
		}
	if (e->sampling_factor > 1)
		xc_buf_printf(out, "%sone of %.3g", before, e->sampling_factor);
	xc_buf_printf(out, ")%s", paint(env, RESET));
}

static void put_request(const struct xc_sink_env *env, const struct xc_netevent *e,
			struct xc_buf *out)
{
	const struct xc_request *r = e->request;

	if (r->method[0]) {
		xc_buf_put_safe(out, r->method);
		xc_buf_putc(out, ' ');
	}
	if (r->target[0]) {
		xc_buf_put_safe(out, r->target);
		xc_buf_putc(out, ' ');
	}
	if (e->stage == XC_REQUEST_SENT)
		xc_buf_puts(out, "...");
	else if (e->stage != XC_REQUEST_NOTICE || r->status != XC_STATUS_NONE)
		put_status(env, e, out);
	if (e->first_byte_ns || e->last_byte_ns) {
		xc_buf_puts(out, "  ");
		put_time(e->first_byte_ns, out);
		xc_buf_puts(out, " / ");
		put_time(e->last_byte_ns, out);
	}
	put_extra(r, out);
}

/* ---- connections ----------------------------------------------------------------------------------- */

static void put_connection(const struct xc_sink_env *env, const struct xc_netevent *e,
			   struct xc_buf *out)
{
	xc_buf_puts(out,
		    paint(env, color_of(xc_netevent_is_failure(e) ? e->result : XC_RESULT_NONE)));
	if (e->state == XC_NETEVENT_SYN_SENT)
		xc_buf_puts(out, "no answer to SYN");
	else if (e->state == XC_NETEVENT_RESET && xc_netevent_is_failure(e))
		xc_buf_puts(out, "refused");
	else if (e->state == XC_NETEVENT_ESTABLISHED && e->type == XC_NETEVENT_CONNECTION_CLOSE)
		xc_buf_puts(out, "still open");
	else
		xc_buf_puts(out, xc_netevent_state_str(e->state));
	xc_buf_puts(out, paint(env, RESET));
	if (e->first_byte_ns) {
		xc_buf_puts(out, "  connected in ");
		put_time(e->first_byte_ns, out);
	}
	if (e->type == XC_NETEVENT_CONNECTION)
		return;
	xc_buf_printf(out, "  %llu B sent, %llu B received", (unsigned long long)e->bytes_sent,
		      (unsigned long long)e->bytes_recv);
	if (e->duration_ns) {
		xc_buf_puts(out, " in ");
		put_time(e->duration_ns, out);
	}
}

static void text_put(const struct xc_sink_env *env, const struct xc_netevent *e, struct xc_buf *out)
{
	static const char *const directions[] = { "    ", "out ", "in  ", "fwd " };
	size_t start;

	put_clock(env, e, out);
	if (e->is_mock)
		xc_buf_puts(out, "mock ");
	xc_buf_puts(out, directions[e->direction]);
	put_process(&e->owner, out);
	put_ends(e, out);
	start = out->len;
	xc_buf_puts(out, e->l7_protocol ? e->l7_protocol : xc_proto_str(e->tuple.proto));
	pad(out, start, 8);
	if (e->request)
		put_request(env, e, out);
	else
		put_connection(env, e, out);
	put_doubt(env, e, out);
	xc_buf_putc(out, '\n');
}

const struct xc_event_format xc_events_text = {
	.name = "text",
	.shows = text_shows,
	.put = text_put,
};
