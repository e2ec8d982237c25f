/* SPDX-License-Identifier: Apache-2.0 */
/* Filters as values. What they mean in the kernel half is in probe/common.bpf.h. */
#include "core/filter.h"

#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define V4_BITS 96	/* ::ffff:0:0/96, where IPv4 lives */

static const char why_addr[] = "is no address; write 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443, "
			       "2001:db8::/32, [2001:db8::1]:443 or :443";
static const char why_port[] = "is no port; write a number from 1 to 65535";
static const char why_prefix[] =
	"has a wrong prefix length; IPv4 takes /0 to /32, IPv6 takes /0 to /128";
static const char why_long[] = "is longer than an address can be";

/* Digits only, 0..@max. -1 = not. */
static long small_number(const char *s, long max)
{
	long n = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (*s - '0');
		if (n > max)
			return -1;
	}
	return n;
}

static bool read_port(const char *s, uint16_t *ret_port)
{
	long n = small_number(s, 65535);

	if (n < 1)
		return false;
	*ret_port = (uint16_t)n;
	return true;
}

/* "ADDR" or "ADDR/BITS" into @f, the bits behind the prefix cleared. NULL or what is wrong. */
static const char *read_prefix(char *s, struct xc_filter *f)
{
	char *slash = strchr(s, '/');
	bool is_v4 = !strchr(s, ':');
	long bits = is_v4 ? 32 : 128;

	if (slash) {
		*slash = '\0';
		bits = small_number(slash + 1, bits);
	}
	if (is_v4)
		memcpy(f->addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	if (inet_pton(is_v4 ? AF_INET : AF_INET6, s, f->addr + (is_v4 ? 12 : 0)) != 1)
		return why_addr;
	if (bits < 0)
		return why_prefix;
	f->prefix_len = (uint8_t)(bits + (is_v4 ? V4_BITS : 0));
	for (unsigned int i = 0; i < 128; i++)
		if (i >= f->prefix_len)
			f->addr[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
	return NULL;
}

/* Split off the port, if there is one: behind "]" or behind the only colon. */
static const char *read_ends(char *s, struct xc_filter *f)
{
	char *colon = strchr(s, ':');
	char *end;

	if (*s == '[') {
		end = strchr(s, ']');
		if (!end || (end[1] && end[1] != ':'))
			return why_addr;
		if (end[1] && !read_port(end + 2, &f->port_he))
			return why_port;
		*end = '\0';
		return read_prefix(s + 1, f);
	}
	if (!colon || strchr(colon + 1, ':'))
		return read_prefix(s, f);
	if (!read_port(colon + 1, &f->port_he))
		return why_port;
	*colon = '\0';
	return colon == s ? NULL : read_prefix(s, f);
}

int xc_filter_parse(enum xc_filter_kind kind, const char *text, struct xc_filter *ret_filter,
		    const char **ret_why)
{
	struct xc_filter f = { .kind = kind, .is_not = *text == '!' };
	char copy[XC_FILTER_LEN];

	text += f.is_not;
	if (strlen(text) >= sizeof(copy)) {
		*ret_why = why_long;
		return -EINVAL;
	}
	memcpy(copy, text, strlen(text) + 1);
	memcpy(f.text, text, strlen(text) + 1);
	if (kind == XC_FILTER_PORT)
		*ret_why = read_port(copy + (*copy == ':'), &f.port_he) ? NULL : why_port;
	else
		*ret_why = read_ends(copy, &f);
	if (*ret_why)
		return -EINVAL;
	*ret_filter = f;
	return 0;
}

static bool end_matches(const struct xc_filter *f, const uint8_t addr[16], uint16_t port_he)
{
	if (f->port_he && f->port_he != port_he)
		return false;
	return xc_addr_in_prefix(addr, f->addr, f->prefix_len);
}

static bool matches(const struct xc_filter *f, const struct xc_tuple *t)
{
	bool from = f->kind != XC_FILTER_TO && end_matches(f, t->saddr, t->sport_he);
	bool to = f->kind != XC_FILTER_FROM && end_matches(f, t->daddr, t->dport_he);

	return from || to;
}

bool xc_filters_hold(const struct xc_filter *filters, size_t n, const struct xc_tuple *t)
{
	unsigned int seen = 0, held = 0;

	for (size_t i = 0; i < n; i++) {
		bool hit = matches(&filters[i], t);

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

void xc_filter_to_match(const struct xc_filter *f, struct xc_match *ret_match)
{
	static const uint8_t what[] = {
		[XC_FILTER_FROM] = XC_MATCH_FROM,
		[XC_FILTER_TO] = XC_MATCH_TO,
		[XC_FILTER_IP] = XC_MATCH_EITHER,
		[XC_FILTER_PORT] = XC_MATCH_EITHER,
	};

	uint8_t mask[16];

	_Static_assert(ARRAY_SIZE(what) == _XC_FILTER_MAX, "every kind has its kernel form");
	_Static_assert(XC_FILTERS_MAX <= XC_MATCH_MAX, "the kernel half takes them all");
	*ret_match = (struct xc_match){
		.what = what[f->kind],
		.is_not = f->is_not,
		.group = (uint8_t)f->kind,
		.port_he = f->port_he,
		.port_mask = f->port_he ? 0xffff : 0,
	};
	memcpy(ret_match->addr, f->addr, sizeof(f->addr));
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int bits = f->prefix_len > i * 8 ? f->prefix_len - i * 8 : 0;

		mask[i] = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
	}
	memcpy(ret_match->mask, mask, sizeof(mask));
}
