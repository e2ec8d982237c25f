/* SPDX-License-Identifier: Apache-2.0 */
#include "core/payload.h"

#include "abi/flow_packet.h"
#include "source/segment.h"

#include <errno.h>
#include <stdlib.h>

#define IDLE_NS 300000000000ull
#define CLEANUP_NS 30000000000ull

struct xc_payload {
	struct xc_payload_cfg cfg;
	struct xc_l7_table *table;
	struct xc_requests *requests;
};

/* The key of the flow a session is, as the flow table has it. */
static struct xc_flow_key key_of(const struct xc_tuple *t)
{
	struct xc_flow_ends ends = { .port_he = { t->sport_he, t->dport_he }, .proto = t->proto };
	struct xc_flow_key key = { 0 };

	memcpy(ends.addr[0], t->saddr, sizeof(t->saddr));
	memcpy(ends.addr[1], t->daddr, sizeof(t->daddr));
	(void)xc_flow_key_of(&ends, &key);
	return key;
}

/* When it came to @stage. */
static uint64_t time_of(const struct xc_l7_conn *c, const struct xc_request *r,
			enum xc_request_stage stage)
{
	if (stage == XC_REQUEST_ANSWERED && r->response_last_ns)
		return r->response_last_ns;
	return stage == XC_REQUEST_SENT && r->request_first_ns ? r->request_first_ns :
								 c->session.now_ns;
}

static void on_request(void *arg, struct xc_l7_conn *c, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	struct xc_payload *p = arg;
	struct xc_flow_key key = key_of(&c->session.tuple);

	c->session.user = (void *)r->protocol;
	xc_requests_add(p->requests, &key, time_of(c, r, stage) / p->cfg.window_ns, r, stage);
}

static const char *protocol_of(const struct xc_l7_conn *c)
{
	const struct xc_l7_proto *proto = c->session.l7.proto;

	return c->session.user ? c->session.user : proto ? proto->name : NULL;
}

static void on_closed(void *arg, struct xc_l7_conn *c, bool is_timeout)
{
	struct xc_payload *p = arg;
	struct xc_flow_key key = key_of(&c->session.tuple);
	const char *protocol = protocol_of(c);

	if (protocol && !is_timeout)
		xc_requests_speaks(p->requests, &key, c->session.last_ns / p->cfg.window_ns,
				   protocol);
}

static void on_want(void *arg, struct xc_l7_conn *c, enum xc_l7_dir dir, struct xc_l7_want w)
{
	struct xc_payload *p = arg;

	xc_policy_tell(c, dir, w, p->cfg.want, p->cfg.arg);
}

/* Of a connection with both ends here, one is enough. */
static void on_twin(void *arg, struct xc_l7_conn *c, uint64_t cookie, bool is_silent)
{
	struct xc_payload *p = arg;

	(void)c;
	if (!is_silent)
		xc_policy_silence(cookie, p->cfg.want, p->cfg.arg);
}

static const struct xc_l7_events events = {
	.request = on_request,
	.closed = on_closed,
	.want = on_want,
	.twin = on_twin,
};

void xc_payload_free(struct xc_payload *p)
{
	if (!p)
		return;
	xc_l7_table_free(p->table);
	xc_requests_free(p->requests);
	free(p);
}

XC_DEFINE_FREEP(struct xc_payload, xc_payload_free)

int xc_payload_new(const struct xc_payload_cfg *cfg, struct xc_payload **ret_payload)
{
	_cleanup_(xc_payload_freep) struct xc_payload *p = calloc(1, sizeof(*p));
	struct xc_l7_table_cfg table = { .max_conns = cfg->max_flows,
					 .timeout_ns = cfg->idle_ns ? cfg->idle_ns : IDLE_NS,
					 .cleanup_ns = CLEANUP_NS,
					 .events = &events,
					 .arg = p };
	int r;

	if (!p)
		return -ENOMEM;
	p->cfg = *cfg;
	r = xc_requests_new(cfg->max_flows, &p->requests);
	if (!r)
		r = xc_l7_table_new(&table, &p->table);
	if (r)
		return r;
	*ret_payload = TAKE_PTR(p);
	return 0;
}

void xc_payload_feed(struct xc_payload *p, const struct xc_segment *seg)
{
	if (seg->ts_ns >= xc_l7_table_deadline(p->table))
		xc_l7_table_tick(p->table, seg->ts_ns);
	(void)xc_l7_table_feed(p->table, seg);
}

void xc_payload_record(struct xc_payload *p, const struct xc_segment_evt *e, int64_t wall_offset_ns)
{
	struct xc_segment seg;

	if (e->hdr.size_bytes < sizeof(*e))
		return;
	if (e->what == XC_SEGMENT_CLOSED)
		xc_l7_table_close_socket(p->table, &e->tuple, e->cookie,
					 e->hdr.ts_ns + (uint64_t)wall_offset_ns);
	if ((e->what != XC_SEGMENT_PACKET && e->what != XC_SEGMENT_PLAINTEXT) ||
	    !xc_segment_of_record(e, &seg))
		return;
	seg.ts_ns += (uint64_t)wall_offset_ns;
	xc_payload_feed(p, &seg);
}

void xc_payload_tick(struct xc_payload *p, uint64_t now_ns)
{
	xc_l7_table_tick(p->table, now_ns);
}

/* What is still open in a window without an answer is told as asked. */
const struct xc_flow_requests *xc_payload_of(struct xc_payload *p, const struct xc_flow_key *key,
					     uint64_t no)
{
	const struct xc_flow_requests *known = xc_requests_find(p->requests, key, no);
	struct xc_tuple t = { .sport_he = key->port_he[0],
			      .dport_he = key->port_he[1],
			      .proto = key->proto };
	const struct xc_l7_conn *c;

	if (known)
		return known;
	memcpy(t.saddr, key->addr[0], sizeof(t.saddr));
	memcpy(t.daddr, key->addr[1], sizeof(t.daddr));
	c = xc_l7_table_find_flow(p->table, &t);
	if (!c || !protocol_of(c))
		return NULL;
	if (c->session.first && c->session.first->is_told)
		xc_requests_add(p->requests, key, no, c->session.first, XC_REQUEST_SENT);
	xc_requests_speaks(p->requests, key, no, protocol_of(c));
	return xc_requests_find(p->requests, key, no);
}

void xc_payload_end(struct xc_payload *p, uint64_t no)
{
	xc_requests_end(p->requests, no);
}

void xc_payload_get_stats(const struct xc_payload *p, struct xc_l7_table_stats *ret_stats)
{
	xc_l7_table_get_stats(p->table, ret_stats);
}
