/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reqfilter.h"

#include "base/scope.h"
#include "l7/l7.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

/* Protocols that are told by the parser of another one, and transports. */
static const char *const more_protocols[] = { "http2", "grpc", "graphql", "websocket",
					      "tcp",   "udp",  "icmp" };

/* ---- reading ---------------------------------------------------------------------------------- */

static bool is_protocol(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(more_protocols); i++)
		if (!strcmp(name, more_protocols[i]))
			return true;
	for (size_t i = 0; xc_l7_protos[i]; i++)
		if (!strcmp(name, xc_l7_protos[i]->name))
			return true;
	return false;
}

/* Digits at *ps, which moves behind them. -1 = none, or too many. */
static int32_t read_number(const char **ps)
{
	int32_t n = 0;
	const char *s = *ps;

	while (isdigit((unsigned char)*s) && n < 100000000)
		n = n * 10 + (*s++ - '0');
	if (s == *ps || isdigit((unsigned char)*s))
		return -1;
	*ps = s;
	return n;
}

/* "404", "500-599", "4xx" */
static bool read_status(const char *s, struct xc_reqfilter *f)
{
	f->low = f->high = read_number(&s);
	if (f->low < 0)
		return false;
	if (!strcasecmp(s, "xx")) {
		f->low *= 100;
		f->high = f->low + 99;
		return true;
	}
	if (*s == '-') {
		s++;
		f->high = read_number(&s);
	}
	return !*s && f->high >= f->low;
}

static const char *what_is_wrong(struct xc_reqfilter *f)
{
	if (!f->text[0])
		return "is empty; give a value or leave it out";
	if (f->kind == XC_REQFILTER_STATUS && !read_status(f->text, f))
		return "is no status; write 404, 4xx or 500-599";
	if (f->kind == XC_REQFILTER_PROTOCOL && !is_protocol(f->text))
		return "is no protocol crosscut reads; write http, grpc, dns, tls ... or tcp, udp, icmp";
	return NULL;
}

int xc_reqfilter_parse(enum xc_reqfilter_kind kind, const char *text,
		       struct xc_reqfilter *ret_filter, const char **ret_why)
{
	struct xc_reqfilter f = { .kind = kind, .is_not = *text == '!' };

	text += f.is_not;
	*ret_why = "is too long; 127 bytes are the most";
	if (strlen(text) >= sizeof(f.text))
		return -EINVAL;
	memcpy(f.text, text, strlen(text) + 1);
	*ret_why = what_is_wrong(&f);
	if (*ret_why)
		return -EINVAL;
	*ret_filter = f;
	return 0;
}

/* ---- matching ---------------------------------------------------------------------------------- */

/* @name is @suffix, or below it; dots at the end do not count. */
static bool is_below(const char *name, const char *suffix)
{
	size_t n, m;

	suffix += *suffix == '.';
	n = strlen(name);
	m = strlen(suffix);
	n -= n && name[n - 1] == '.';
	m -= m && suffix[m - 1] == '.';
	return m <= n && !strncasecmp(name + n - m, suffix, m) &&
	       (m == n || name[n - m - 1] == '.');
}

static bool is_transport(const char *name, uint8_t proto)
{
	return (proto == IPPROTO_TCP && !strcmp(name, "tcp")) ||
	       (proto == IPPROTO_UDP && !strcmp(name, "udp")) ||
	       ((proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) && !strcmp(name, "icmp"));
}

static bool is_graphql(const struct xc_request *r)
{
	return r && xc_request_get(r, "graphql.operation.type");
}

/* "http" is both versions of it. */
static bool speaks(const struct xc_netevent *e, const char *name)
{
	if (is_transport(name, e->tuple.proto))
		return true;
	if (!strcmp(name, "graphql"))
		return is_graphql(e->request);
	if (!e->l7_protocol)
		return false;
	return !strcmp(name, e->l7_protocol) ||
	       (!strcmp(name, "http") && !strcmp(e->l7_protocol, "http2"));
}

static bool matches(const struct xc_reqfilter *f, const struct xc_netevent *e)
{
	const struct xc_request *r = e->request;

	if (f->kind == XC_REQFILTER_PROTOCOL)
		return speaks(e, f->text);
	if (!r)
		return false;
	switch (f->kind) {
	case XC_REQFILTER_METHOD:
		return !strcasecmp(r->method, f->text);
	case XC_REQFILTER_PATH:
		return !strncmp(r->target, f->text, strlen(f->text));
	case XC_REQFILTER_STATUS:
		return r->status != XC_STATUS_NONE && r->status >= f->low && r->status <= f->high;
	case XC_REQFILTER_DNS:
		return !strcmp(r->protocol, "dns") && is_below(r->target, f->text);
	case XC_REQFILTER_PROTOCOL:
	case _XC_REQFILTER_MAX:
		break;
	}
	return false;
}

bool xc_reqfilters_hold(const struct xc_reqfilter *filters, size_t n, const struct xc_netevent *e)
{
	unsigned int seen = 0, held = 0;

	for (size_t i = 0; i < n; i++) {
		bool hit = matches(&filters[i], e);

		if (filters[i].is_not && hit)
			return false;
		if (filters[i].is_not)
			continue;
		seen |= 1u << filters[i].kind;
		if (hit)
			held |= 1u << filters[i].kind;
	}
	return seen == held;
}
