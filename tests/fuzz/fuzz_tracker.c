/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any packets at any times through the tracker into the engine, as `why -r` does: what comes out are
 * sound records in the order of time, the same ones every time, and a bounded number of them.
 *
 * Input: how many flows are remembered; then for each packet a time step, its length, its bytes.
 */
#include "core/engine.h"
#include "model/record.h"
#include "source/tracker.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define RECORDS_PER_PACKET 8	/* and as many for each flow when time passes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct seen {
	struct xc_engine *engine;
	uint64_t last_ns;
	uint64_t n;
	uint32_t crc;
	uint32_t findings_crc;
};

static void need(bool condition)
{
	if (!condition)
		abort();
}

static int on_finding(void *sink, const struct xc_finding *f)
{
	struct seen *s = sink;

	need(f->confidence >= 0 && f->confidence <= 0.80);
	need(f->n_evidence >= 1 && f->n_evidence <= XC_FINDING_EVIDENCE);
	for (size_t i = 0; i < f->n_evidence; i++)
		need(!strcmp(f->evidence[i].hook, "capture"));
	s->findings_crc = (uint32_t)crc32(s->findings_crc, (const Bytef *)f->summary,
					  (uInt)strlen(f->summary));
	return 0;
}

static const struct xc_sink checker = { .name = "checker", .emit = on_finding };

static void on_record(void *arg, const struct xc_evt *e)
{
	struct seen *s = arg;

	need(e->size_bytes >= xc_record_min_size(e->kind) && xc_record_is_sound(e));
	need(e->ts_ns && e->ts_ns >= s->last_ns);
	s->last_ns = e->ts_ns;
	s->n++;
	s->crc = (uint32_t)crc32(s->crc, (const Bytef *)e, e->size_bytes);
	need(!xc_engine_feed(s->engine, e));
}

/* Take one packet off the input. False = no more, or not one. */
static bool next_packet(const uint8_t **data, size_t *len, uint64_t *now_ns,
			struct xc_flow_packet *k, struct xc_flow_bytes *b)
{
	static const int64_t steps[] = { 0,	    1000,	1000000,     20000000,	  200000000,
					 1000000000, 3000000000, 70000000000, -1000000000 };
	size_t n;

	if (*len < 3)
		return false;
	*now_ns += (uint64_t)steps[(*data)[0] % 9];
	n = (*data)[1] < *len - 2 ? (*data)[1] : *len - 2;
	*b = (struct xc_flow_bytes){ .data = *data + 2, .n = (uint32_t)n };
	*data += 2 + n;
	*len -= 2 + n;
	if (xc_flow_parse(b, 0, (uint32_t)n, k))
		b->n = 0;
	k->ts_ns = *now_ns;
	return true;
}

static void play(const uint8_t *data, size_t len, const struct xc_config *cfg, struct seen *s)
{
	struct xc_tracker_cfg tracker_cfg = { .max_flows = 1 + data[0] % 4,
					      .on_record = on_record,
					      .arg = s };
	uint64_t now_ns = 1700000000000000000ull, n = 0, due;
	struct xc_flow_packet k;
	struct xc_flow_bytes b;
	struct xc_tracker *t;

	need(!xc_engine_new(cfg, &checker, s, &s->engine));
	need(!xc_tracker_new(&tracker_cfg, &t));
	data++;
	len--;
	for (; next_packet(&data, &len, &now_ns, &k, &b); n++) {
		while ((due = xc_engine_deadline(s->engine)) < now_ns)
			xc_tracker_tick(t, due);
		if (b.n)
			xc_tracker_add(t, &k, &b);
	}
	xc_tracker_end(t);
	while ((due = xc_engine_deadline(s->engine)) != UINT64_MAX)
		xc_tracker_tick(t, due);
	need(s->n <= (n + 2) * (RECORDS_PER_PACKET + 4 * tracker_cfg.max_flows));
	xc_tracker_free(t);
	xc_engine_free(s->engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct seen first = { 0 }, again = { 0 };
	struct xc_config cfg;

	if (!len)
		return 0;
	xc_config_default(&cfg);
	cfg.max_cases = 16;
	play(data, len, &cfg, &first);
	play(data, len, &cfg, &again);
	need(first.crc == again.crc && first.n == again.n &&
	     first.findings_crc == again.findings_crc);
	return 0;
}
