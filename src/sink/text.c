/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings for people: one screen each, the cause first. What is only suspected takes one
 * line. When many connections die of one cause, the first is told in full and the others
 * are counted once a second.
 */
#include "sink/sink.h"

#include "base/buf.h"
#include "base/scope.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define N_GROUPS 128
#define SCREEN_MAX_BYTES 32768
#define REPEAT_NS 1000000000ull		/* how often repeats are counted aloud */
#define FORGET_NS 30000000000ull	/* after this a cause is told in full again */
#define LABEL_WIDTH 10

struct group {
	uint64_t id;
	uint64_t last_ns;
	uint64_t told_ns;
	uint32_t n_held;		/* findings not told yet */
	const char *pattern;
	char subject[128];
};

struct text_sink {
	struct xc_sink_env env;
	struct xc_buf screen;
	struct group groups[N_GROUPS];
	int error;
};

/* ANSI: red error, yellow warning, cyan info, bold, dim. */
static const char *severity_color(const struct text_sink *s, enum xc_severity severity)
{
	static const char *const colors[] = { "\033[36m", "\033[33m", "\033[31m" };

	return s->env.has_color ? colors[severity] : "";
}

static const char *paint(const struct text_sink *s, const char *code)
{
	return s->env.has_color ? code : "";
}

static void write_out(struct text_sink *s)
{
	if (!s->screen.len)
		return;
	errno = 0;
	if (fwrite(s->screen.p, 1, s->screen.len, s->env.out) != s->screen.len ||
	    fflush(s->env.out))
		s->error = errno ? -errno : -EIO;
	xc_buf_reset(&s->screen);
}

static int text_open(const struct xc_sink_env *env, void **ret_sink)
{
	struct text_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->env = *env;
	s->screen = xc_buf(SCREEN_MAX_BYTES);
	*ret_sink = s;
	return 0;
}

static void put_clock(struct text_sink *s, const struct xc_finding *f)
{
	struct timespec ts = xc_finding_time(f);
	struct tm tm;
	char text[16];

	(void)localtime_r(&ts.tv_sec, &tm);
	(void)strftime(text, sizeof(text), "%H:%M:%S", &tm);
	xc_buf_printf(&s->screen, "%s%s.%03u%s ", paint(s, "\033[2m"), text,
		      (unsigned int)(ts.tv_nsec / 1000000), paint(s, "\033[0m"));
}

/* "  Label     words words", wrapped at the terminal's width under the first word. */
static void put_field(struct text_sink *s, const char *label, const char *text)
{
	size_t indent = 2 + LABEL_WIDTH, at = indent;

	xc_buf_printf(&s->screen, "  %s%-*s%s", paint(s, "\033[1m"), LABEL_WIDTH, label,
		      paint(s, "\033[0m"));
	while (*text) {
		size_t word = strcspn(text, " ");
		char piece[512];

		if (word >= sizeof(piece))
			word = sizeof(piece) - 1;
		if (s->env.width > indent + 20 && at + word + 1 > s->env.width && at > indent) {
			xc_buf_printf(&s->screen, "\n%*s", (int)indent, "");
			at = indent;
		}
		memcpy(piece, text, word);
		piece[word] = '\0';
		if (at > indent) {
			xc_buf_putc(&s->screen, ' ');
			at++;
		}
		xc_buf_put_safe(&s->screen, piece);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	xc_buf_putc(&s->screen, '\n');
}

static void put_time_field(struct text_sink *s, const char *label, const struct xc_finding *f,
			   const struct xc_evidence *e)
{
	char line[300], when[24] = "";
	uint64_t origin = f->evidence[0].ts_ns;

	if (e->ts_ns && origin && e->ts_ns >= origin) {
		double ms = (double)(e->ts_ns - origin) / 1e6;

		(void)snprintf(when, sizeof(when), ms < 1000 ? "+%.1f ms" : "+%.2f s",
			       ms < 1000 ? ms : ms / 1000);
	}
	(void)snprintf(line, sizeof(line), "%s%s%s [%s]", when, when[0] ? "  " : "", e->fact,
		       e->hook);
	put_field(s, label, line);
}

static void put_who(struct text_sink *s, const struct xc_finding *f)
{
	bool is_listener = xc_addr_is_zero(f->tuple.saddr) && !f->tuple.sport_he && f->server.tgid;
	char line[256], c[XC_ENDPOINT_LEN], d[XC_ENDPOINT_LEN];
	size_t n;

	n = (size_t)snprintf(line, sizeof(line), "%s %s > %s", xc_proto_str(f->tuple.proto),
			     is_listener ? "any client" :
					   xc_endpoint_str(f->tuple.saddr, f->tuple.sport_he, c),
			     xc_endpoint_str(f->tuple.daddr, f->tuple.dport_he, d));
	if (f->client.tgid)
		n += (size_t)snprintf(line + n, sizeof(line) - n, ", client %.15s (pid %u)",
				      f->client.comm, f->client.tgid);
	if (f->server.tgid)
		n += (size_t)snprintf(line + n, sizeof(line) - n, ", server %.15s (pid %u)",
				      f->server.comm, f->server.tgid);
	put_field(s, "Flow", line);
	if (f->app_sees[0])
		put_field(s, "App sees", f->app_sees);
}

static void put_alternatives(struct text_sink *s, const struct xc_finding *f)
{
	for (size_t i = 0; i < f->n_alternatives; i++) {
		const struct xc_alternative *a = &f->alternatives[i];
		char line[300];

		(void)snprintf(line, sizeof(line), "%s %.0f%%%s%s", a->name, a->score * 100,
			       a->against[0] ? "; but " : "", a->against);
		put_field(s, i ? "" : "Or", line);
	}
}

static void put_headline(struct text_sink *s, const struct xc_finding *f)
{
	const char *what = f->status == XC_STATUS_SUSPECTED ? "Suspected" :
			   f->severity == XC_SEVERITY_ERROR ? "Connection failed" :
							      "Connection in trouble";
	char percent[8];

	put_clock(s, f);
	xc_buf_printf(&s->screen, "%s%s%s: %s%s (%s)%s%s", severity_color(s, f->severity),
		      paint(s, "\033[1m"), what, f->pattern, paint(s, "\033[0m"),
		      xc_confidence_str(f->confidence, percent),
		      f->replaces ? ", as suspected" : "",
		      f->lost ? ", with records lost: less certain" : "");
	xc_buf_putc(&s->screen, '\n');
}

static void put_in_full(struct text_sink *s, const struct xc_finding *f)
{
	put_headline(s, f);
	put_field(s, "Cause", f->summary);
	put_who(s, f);
	if (f->details[0] && strcmp(f->details, f->summary))
		put_field(s, "Details", f->details);
	for (size_t i = 0; i < f->n_evidence; i++)
		put_time_field(s, i ? "" : "Evidence", f, &f->evidence[i]);
	put_alternatives(s, f);
	put_field(s, "Impact", f->impact);
	put_field(s, "Fix", f->resolution);
	xc_buf_putc(&s->screen, '\n');
}

static void put_in_short(struct text_sink *s, const struct xc_finding *f)
{
	put_clock(s, f);
	xc_buf_printf(&s->screen, "%s%s%s: ", severity_color(s, f->severity),
		      f->status == XC_STATUS_CLEARED ? "cleared" : "suspected",
		      paint(s, "\033[0m"));
	xc_buf_put_safe(&s->screen, f->pattern);
	xc_buf_puts(&s->screen, ", ");
	xc_buf_put_safe(&s->screen, f->summary);
	xc_buf_putc(&s->screen, '\n');
}

/* The group of @id; the one unused longest makes room. */
static struct group *group_of(struct text_sink *s, const struct xc_finding *f)
{
	struct group *oldest = &s->groups[0];

	for (size_t i = 0; i < N_GROUPS; i++) {
		struct group *g = &s->groups[i];

		if (g->id == f->group)
			return g;
		if (g->last_ns < oldest->last_ns)
			oldest = g;
	}
	*oldest = (struct group){ .id = f->group, .pattern = f->pattern };
	(void)snprintf(oldest->subject, sizeof(oldest->subject), "%s", f->subject);
	return oldest;
}

static void tell_repeats(struct text_sink *s, struct group *g, uint64_t now_ns)
{
	xc_buf_printf(&s->screen, "%s  ... and %u more: %s, ", paint(s, "\033[2m"), g->n_held,
		      g->pattern);
	xc_buf_put_safe(&s->screen, g->subject);
	xc_buf_printf(&s->screen, "%s\n", paint(s, "\033[0m"));
	g->n_held = 0;
	g->told_ns = now_ns;
}

static int text_emit(void *sink, const struct xc_finding *f)
{
	struct text_sink *s = sink;
	struct group *g;

	if (f->status != XC_STATUS_CONFIRMED) {
		if (f->n_same <= 1)
			put_in_short(s, f);
		write_out(s);
		return s->error;
	}
	g = group_of(s, f);
	if (g->told_ns && f->reported_ns - g->last_ns < FORGET_NS) {
		g->n_held++;
	} else {
		put_in_full(s, f);
		g->told_ns = f->reported_ns;
	}
	g->last_ns = f->reported_ns;
	write_out(s);
	return s->error;
}

static void text_tick(void *sink, uint64_t now_ns)
{
	struct text_sink *s = sink;

	for (size_t i = 0; i < N_GROUPS; i++)
		if (s->groups[i].n_held && now_ns - s->groups[i].told_ns >= REPEAT_NS)
			tell_repeats(s, &s->groups[i], now_ns);
	write_out(s);
}

static int text_close(void *sink)
{
	struct text_sink *s = sink;
	int r;

	if (!s)
		return 0;
	text_tick(s, UINT64_MAX);
	r = s->error;
	xc_buf_done(&s->screen);
	free(s);
	return r;
}

const struct xc_sink xc_sink_text = {
	.name = "text",
	.text = "one screen a finding, for people",
	.open = text_open,
	.emit = text_emit,
	.tick = text_tick,
	.close = text_close,
};
