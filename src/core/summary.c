/* SPDX-License-Identifier: Apache-2.0 */
#include "core/summary.h"

#include "base/index.h"
#include "base/json.h"
#include "base/scope.h"
#include "flow/hist.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTE_LEN 96

struct key {
	uint8_t addr[16];
	uint16_t port_he;
	uint8_t proto;
	char protocol[17];
	char method[XC_REQUEST_METHOD];
	char route[ROUTE_LEN];
};

struct row {
	struct key key;
	uint64_t n, n_errors;
	struct xc_hist first, last;
};

struct xc_summary {
	bool by_route;
	uint64_t first_ns, last_ns;
	struct xc_index index;
	uint32_t n;
	struct row rows[XC_SUMMARY_ROWS];	/* the last one is "others" */
};

void xc_summary_free(struct xc_summary *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < XC_SUMMARY_ROWS; i++) {
		xc_hist_done(&s->rows[i].first);
		xc_hist_done(&s->rows[i].last);
	}
	xc_index_done(&s->index);
	free(s);
}

int xc_summary_new(bool by_route, struct xc_summary **ret_summary)
{
	struct xc_summary *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->by_route = by_route;
	if (xc_index_init(&s->index, XC_SUMMARY_ROWS)) {
		xc_summary_free(s);
		return -ENOMEM;
	}
	*ret_summary = s;
	return 0;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

/* Is the word of @n bytes at @s made for one thing only? */
static bool is_id(const char *s, size_t n)
{
	size_t digits = 0, others = 0;

	for (size_t i = 0; i < n; i++) {
		digits += isdigit((unsigned char)s[i]) != 0;
		if (!isxdigit((unsigned char)s[i]) && s[i] != '-')
			others++;
	}
	return n && !others && (digits == n || (digits && n >= 8));
}

const char *xc_summary_route(const char *path, char *out, size_t size)
{
	size_t n = 0;

	while (*path && n + 1 < size) {
		size_t len = strcspn(path, "/");

		if (is_id(path, len)) {
			n += (size_t)snprintf(out + n, size - n, "{id}");
			n = n < size ? n : size - 1;
		} else {
			size_t fits = len < size - 1 - n ? len : size - 1 - n;

			memcpy(out + n, path, fits);
			n += fits;
		}
		path += len;
		if (*path && n + 1 < size)
			out[n++] = *path++;
	}
	out[n] = '\0';
	return out;
}

static const char *protocol_of(const struct xc_netevent *e)
{
	return e->l7_protocol ? e->l7_protocol : xc_proto_str(e->tuple.proto);
}

static struct key key_of(const struct xc_summary *s, const struct xc_netevent *e)
{
	struct key k;

	memset(&k, 0, sizeof(k));
	memcpy(k.addr, e->tuple.daddr, sizeof(k.addr));
	if (e->tuple.proto == IPPROTO_TCP || e->tuple.proto == IPPROTO_UDP)
		k.port_he = e->tuple.dport_he;	/* ICMP has an id there */
	k.proto = e->tuple.proto;
	(void)snprintf(k.protocol, sizeof(k.protocol), "%s", protocol_of(e));
	if (!s->by_route || !e->request)
		return k;
	(void)snprintf(k.method, sizeof(k.method), "%s", e->request->method);
	if (e->request->target[0] == '/')
		(void)xc_summary_route(e->request->target, k.route, sizeof(k.route));
	else
		(void)snprintf(k.route, sizeof(k.route), "%.*s", ROUTE_LEN - 1, e->request->target);
	return k;
}

static struct row *row_of(struct xc_summary *s, const struct xc_netevent *e)
{
	struct key k = key_of(s, e);
	uint64_t hash = xc_hash(&k, sizeof(k));

	for (uint32_t i = xc_index_first(&s->index, hash); i != XC_INDEX_END;
	     i = xc_index_next(&s->index, i))
		if (!memcmp(&s->rows[i].key, &k, sizeof(k)))
			return &s->rows[i];
	if (s->n == XC_SUMMARY_ROWS - 1)
		return &s->rows[s->n];
	s->rows[s->n].key = k;
	xc_index_add(&s->index, hash, s->n);
	return &s->rows[s->n++];
}

static bool ends_something(const struct xc_netevent *e)
{
	if (!e->request)
		return e->type == XC_NETEVENT_CONNECTION_CLOSE && !e->n_requests;
	return e->stage == XC_REQUEST_ANSWERED || e->stage == XC_REQUEST_ABANDONED;
}

void xc_summary_add(struct xc_summary *s, const struct xc_netevent *e)
{
	struct row *row;

	if (!s->first_ns)
		s->first_ns = e->ts_ns;
	if (e->ts_ns > s->last_ns)
		s->last_ns = e->ts_ns;
	if (!ends_something(e))
		return;
	row = row_of(s, e);
	row->n++;
	row->n_errors += xc_netevent_is_failure(e);
	/* what finds no memory is missing among the percentiles only */
	if (e->first_byte_ns)
		(void)xc_hist_add(&row->first, xc_hist_bucket(e->first_byte_ns), 1);
	if (e->last_byte_ns)
		(void)xc_hist_add(&row->last, xc_hist_bucket(e->last_byte_ns), 1);
}

/* ---- output ---------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->n_errors != y->n_errors)
		return x->n_errors < y->n_errors ? 1 : -1;
	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* The index is of no use behind this: rows have moved. */
static uint32_t sort_rows(struct xc_summary *s)
{
	uint32_t n = s->n + (s->rows[XC_SUMMARY_ROWS - 1].n ? 1 : 0);

	qsort(s->rows, s->n, sizeof(s->rows[0]), by_weight);
	return n;
}

static double seconds_of(const struct xc_summary *s)
{
	return s->last_ns > s->first_ns ? (double)(s->last_ns - s->first_ns) / 1e9 : 0;
}

static bool is_others(const struct xc_summary *s, const struct row *row)
{
	return row == &s->rows[XC_SUMMARY_ROWS - 1];
}

static void put_time(struct xc_buf *out, const struct xc_hist *h, double q)
{
	if (h->n)
		xc_buf_printf(out, " %9.3f", (double)xc_hist_quantile(h, q) / 1e6);
	else
		xc_buf_printf(out, " %9s", "-");
}

static void put_times(struct xc_buf *out, const struct xc_hist *h)
{
	put_time(out, h, 0.50);
	put_time(out, h, 0.95);
	put_time(out, h, 0.99);
}

static void put_row(const struct xc_summary *s, const struct row *row, struct xc_buf *out)
{
	double seconds = seconds_of(s);
	char text[XC_ENDPOINT_LEN];

	xc_buf_printf(out, "%-28s %-9s %9llu",
		      is_others(s, row) ? "(others)" :
					  xc_endpoint_str(row->key.addr, row->key.port_he, text),
		      row->key.protocol, (unsigned long long)row->n);
	if (seconds > 0)
		xc_buf_printf(out, " %9.1f", (double)row->n / seconds);
	else
		xc_buf_printf(out, " %9s", "-");
	xc_buf_printf(out, " %8llu %5.1f%%", (unsigned long long)row->n_errors,
		      100.0 * (double)row->n_errors / (double)row->n);
	put_times(out, &row->first);
	put_times(out, &row->last);
	if (row->key.method[0] || row->key.route[0]) {
		xc_buf_puts(out, "  ");
		xc_buf_put_safe(out, row->key.method);
		xc_buf_putc(out, ' ');
		xc_buf_put_safe(out, row->key.route);
	}
	xc_buf_putc(out, '\n');
}

void xc_summary_print(struct xc_summary *s, struct xc_buf *out)
{
	uint32_t n = sort_rows(s);

	xc_buf_printf(out, "%-28s %-9s %9s %9s %8s %6s %29s %29s\n", "", "", "", "", "", "",
		      "first byte, ms", "last byte, ms");
	xc_buf_printf(out, "%-28s %-9s %9s %9s %8s %6s %9s %9s %9s %9s %9s %9s%s\n", "SERVER",
		      "PROTOCOL", "REQUESTS", "PER S", "ERRORS", "", "P50", "P95", "P99", "P50",
		      "P95", "P99", s->by_route ? "  ROUTE" : "");
	for (uint32_t i = 0; i < n; i++)
		put_row(s, i < s->n ? &s->rows[i] : &s->rows[XC_SUMMARY_ROWS - 1], out);
}

static void put_json_times(struct xc_json *j, const char *key, const struct xc_hist *h)
{
	xc_json_open(j, key, '{');
	xc_json_uint(j, "p50", xc_hist_quantile(h, 0.50));
	xc_json_uint(j, "p95", xc_hist_quantile(h, 0.95));
	xc_json_uint(j, "p99", xc_hist_quantile(h, 0.99));
	xc_json_uint(j, "n", h->n);
	xc_json_close(j, '}');
}

static void put_json_row(const struct xc_summary *s, const struct row *row, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);
	char text[XC_ENDPOINT_LEN];
	double seconds = seconds_of(s);

	xc_json_open(&j, NULL, '{');
	xc_json_str(&j, "server_ip", is_others(s, row) ? NULL : xc_addr_str(row->key.addr, text));
	xc_json_uint(&j, "server_port", row->key.port_he);
	xc_json_str(&j, "protocol", row->key.protocol);
	xc_json_str(&j, "method", row->key.method[0] ? row->key.method : NULL);
	xc_json_str(&j, "route", row->key.route[0] ? row->key.route : NULL);
	xc_json_uint(&j, "requests", row->n);
	xc_json_uint(&j, "errors", row->n_errors);
	xc_json_fixed(&j, "seconds", seconds, 6);
	if (seconds > 0)
		xc_json_fixed(&j, "per_second", (double)row->n / seconds, 3);
	else
		xc_json_null(&j, "per_second");
	put_json_times(&j, "first_byte_ns", &row->first);
	put_json_times(&j, "last_byte_ns", &row->last);
	xc_json_close(&j, '}');
	xc_buf_putc(out, '\n');
}

void xc_summary_print_json(struct xc_summary *s, struct xc_buf *out)
{
	uint32_t n = sort_rows(s);

	for (uint32_t i = 0; i < n; i++)
		put_json_row(s, i < s->n ? &s->rows[i] : &s->rows[XC_SUMMARY_ROWS - 1], out);
}
