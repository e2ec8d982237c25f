/* SPDX-License-Identifier: Apache-2.0 */
/* The requests in a capture, one a line: time, ends, stage, protocol, id, method, target, status, result, flags, attributes. */
#include "base/log.h"
#include "l7/table.h"
#include "model/net.h"
#include "source/capture.h"
#include "source/segment.h"

#include <inttypes.h>

static void put_text(const char *s)
{
	struct xc_buf b = xc_buf(65536);

	xc_buf_put_safe(&b, s);
	(void)printf("\t%s", b.p ? b.p : "");
	xc_buf_done(&b);
}

static void on_request(void *arg, struct xc_l7_conn *c, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	static const char *const stages[] = { "?", "sent", "answered", "abandoned", "notice" };
	const struct xc_tuple *t = &c->session.tuple;
	char a[XC_ENDPOINT_LEN], b[XC_ENDPOINT_LEN];
	const char *value;

	(void)arg;
	if (stage == XC_REQUEST_SENT)
		return;
	(void)printf("%.6f\t%s\t%s\t%s\t%s\t%" PRIu64, (double)r->request_first_ns / 1e9,
		     xc_endpoint_str(t->saddr, t->sport_he, a),
		     xc_endpoint_str(t->daddr, t->dport_he, b), stages[stage], r->protocol, r->id);
	put_text(r->method);
	put_text(r->target);
	if (r->status == XC_STATUS_NONE)
		(void)printf("\t-");
	else
		(void)printf("\t%d", r->status);
	put_text(r->status_text);
	(void)printf("\t%s\tflags=%x\tbytes=%" PRIu64 "/%" PRIu64 "\tms=%.3f/%.3f",
		     xc_result_str(r->result), r->flags, r->request_bytes, r->response_bytes,
		     (double)xc_request_first_byte_ns(r) / 1e6,
		     (double)xc_request_last_byte_ns(r) / 1e6);
	for (const char *k = xc_request_next(r, NULL, &value); k;
	     k = xc_request_next(r, k, &value)) {
		put_text(k);
		put_text(value);
	}
	(void)printf("\n");
}

int main(int argc, char **argv)
{
	static const struct xc_l7_events events = { .request = on_request };
	struct xc_l7_table_cfg cfg = { .max_conns = 65536,
				       .timeout_ns = 300000000000ull,
				       .cleanup_ns = 30000000000ull,
				       .events = &events };
	struct xc_l7_table *table;
	struct xc_l7_table_stats stats;
	struct xc_capture *capture;
	struct xc_flow_packet k;
	struct xc_flow_bytes b;

	if (argc != 2)
		return 2;
	if (xc_capture_open(argv[1], &capture) || xc_l7_table_new(&cfg, &table))
		return 1;
	while (xc_capture_next(capture, &k, &b) > 0) {
		struct xc_segment s;

		if (!xc_segment_of_packet(&k, &b, &s))
			continue;
		xc_l7_table_tick(table, s.ts_ns);
		(void)xc_l7_table_feed(table, &s);
	}
	xc_l7_table_get_stats(table, &stats);
	xc_l7_table_free(table);
	xc_capture_close(capture);
	(void)fprintf(stderr,
		      "%" PRIu64 " segments, %" PRIu64 " connections, %" PRIu64 " gaps, %" PRIu64
		      " desyncs, %" PRIu64 " revoked\n",
		      stats.l7.n_segments, stats.n_opened, stats.l7.n_gaps, stats.l7.n_desyncs,
		      stats.l7.n_revoked);
	return 0;
}
