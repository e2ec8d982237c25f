/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters --from, --to, --ip and --port as values: reading them and asking whether a
 * flow passes. Pure.
 */
#pragma once

#include "model/net.h"
#include "probe/cfg.h"

#define XC_FILTERS_MAX 16
#define XC_FILTER_LEN 64	/* the longest address, prefix length and port fit */

enum xc_filter_kind {
	XC_FILTER_FROM,		/* the client end */
	XC_FILTER_TO,		/* the server end */
	XC_FILTER_IP,		/* either end */
	XC_FILTER_PORT,		/* the port of either end */
	_XC_FILTER_MAX,
};

struct xc_filter {
	enum xc_filter_kind kind;
	bool is_not;
	uint8_t prefix_len;	/* 0..128 in the IPv4-mapped form; 0 = any address */
	uint16_t port_he;	/* 0 = any port */
	uint8_t addr[16];	/* IPv4 as IPv4-mapped IPv6; bits behind the prefix are 0 */
	char text[XC_FILTER_LEN];	/* as written, without a leading "!" */
};

/**
 * Read one filter: "10.0.0.0/8", "10.0.0.1:443", "2001:db8::/32", "[2001:db8::1]:80", ":443";
 * for XC_FILTER_PORT "443" or ":443". A leading "!" negates.
 * @ret_why: set when it is wrong: what, and what to write instead. Static.
 * Return: 0, or -EINVAL and *ret_filter is untouched.
 */
int xc_filter_parse(enum xc_filter_kind kind, const char *text, struct xc_filter *ret_filter,
		    const char **ret_why);

/**
 * Does a flow pass? Filters of one kind are alternatives, all kinds given must hold, and no
 * negated filter may match.
 * @t: s* = the client, d* = the server
 */
bool xc_filters_hold(const struct xc_filter *filters, size_t n, const struct xc_tuple *t);

/** The form the BPF programs take; they test it in either direction, xc_filters_hold() exactly. */
void xc_filter_to_match(const struct xc_filter *f, struct xc_match *ret_match);
