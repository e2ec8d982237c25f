/* SPDX-License-Identifier: Apache-2.0 */
/* What the events of a run add up to: one row for each server and protocol, or for each of its routes. */
#pragma once

#include "base/buf.h"
#include "model/netevent.h"

#define XC_SUMMARY_ROWS 4096	/* what comes after them is counted in one row, "others" */

struct xc_summary;

/** @by_route: a row for each method and route. 0 or -ENOMEM. */
int xc_summary_new(bool by_route, struct xc_summary **ret_summary);

/** Accepts NULL. */
void xc_summary_free(struct xc_summary *s);

/** Count what ends something: answers, requests given up, and connections without a request. Others only move the time. */
void xc_summary_add(struct xc_summary *s, const struct xc_netevent *e);

/** Append the table; the endpoints with most failures, then most requests, first. */
void xc_summary_print(struct xc_summary *s, struct xc_buf *out);

/** The same as JSON, one object a line. */
void xc_summary_print_json(struct xc_summary *s, struct xc_buf *out);

/** The route of a path: "/users/17/cart" is "/users/{id}/cart". Numbers, UUIDs and long hexadecimal words are ids. Returns @out. */
const char *xc_summary_route(const char *path, char *out, size_t size);
