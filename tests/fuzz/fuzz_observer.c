/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any sequence of segments into the observer. Every event must be one line of JSON with its promised values and one line
 * of text without control characters, and the same segments must give the same events twice.
 *
 * Input, again and again: what it is (enum xc_segment_what in the low bits, then who sends, SYN, FIN, RST, lost, a long
 * time before it), which flow, a number of bytes, these bytes.
 */
#include "abi/segment.h"
#include "core/observer.h"
#include "model/record.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define RECORDS_MAX 64	/* of one input */
#define MS 1000000ull

struct told {
	char *text;
	size_t len;
};

static void need(bool condition)
{
	if (!condition)
		abort();
}

/* ---- records ------------------------------------------------------------------------------------ */

struct maker {
	uint64_t now_ns;
	uint32_t seq[16][2];
};

static uint8_t proto_of(uint8_t flow)
{
	return flow & 8 ? IPPROTO_ICMP : flow & 4 ? IPPROTO_UDP : IPPROTO_TCP;
}

static void make(struct maker *m, struct xc_segment_evt *e, uint8_t op, uint8_t flow, uint8_t n)
{
	bool by_server = op & 4;
	uint8_t client[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };
	uint8_t server[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 2 };
	uint16_t port = (uint16_t)(40000 + (flow & 3));

	m->now_ns += op & 128 ? 6000 * MS : MS;
	memset(e, 0, sizeof(*e));
	e->hdr = (struct xc_evt){ .ts_ns = m->now_ns,
				  .size_bytes = (uint32_t)sizeof(*e) + n,
				  .kind = XC_EVT_SEGMENT };
	e->what = (uint8_t)(1 + (op & 3));
	e->cookie = flow & 16 ? 0 : 1 + (flow & 15) + (flow & 32 ? 100 : 0);
	e->tuple.sport_he = by_server ? 80 : port;
	e->tuple.dport_he = by_server ? port : 80;
	e->tuple.proto = proto_of(flow);
	memcpy(e->tuple.saddr, by_server ? server : client, 16);
	memcpy(e->tuple.daddr, by_server ? client : server, 16);
	e->owner = (struct xc_owner){ .tgid = flow, .comm = "a\nb" };
	e->seq = m->seq[flow & 15][by_server];
	e->ack = m->seq[flow & 15][!by_server];
	e->wire_bytes = e->n_bytes = n;
	e->tcp_flags = (uint8_t)((op & 8 ? XC_TCP_SYN : 0) | (op & 16 ? XC_TCP_FIN : 0) |
				 (op & 32 ? XC_TCP_RST : 0) | XC_TCP_ACK);
	e->is_outbound = by_server == !!(flow & 32);
	e->lost = op & 64 ? XC_SEGMENT_LOST_RING : 0;
	m->seq[flow & 15][by_server] += n + !!(op & 24);
}

static void feed(struct xc_observer *o, const uint8_t *data, size_t len)
{
	struct {
		struct xc_segment_evt e;
		uint8_t data[256];
	} r;
	struct maker m = { .now_ns = MS };

	for (int i = 0; i < RECORDS_MAX && len >= 3; i++) {
		uint8_t n = data[2] < len - 3 ? data[2] : (uint8_t)(len - 3);

		make(&m, &r.e, data[0], data[1], n);
		memcpy(r.e.data, data + 3, n);
		need(xc_record_is_sound(&r.e.hdr));
		need(xc_observer_feed(o, &r.e.hdr) == 0);
		data += 3 + n;
		len -= 3 + (size_t)n;
	}
	need(xc_observer_end(o) == 0);
}

/* ---- events ------------------------------------------------------------------------------------- */

static struct told tell(const uint8_t *data, size_t len, enum xc_output output)
{
	static struct xc_config cfg;
	struct xc_eventfile_cfg file = { .format = xc_event_formats[output],
					 .max_waiting = 10,
					 .max_wait_ns = MS };
	struct xc_observer_cfg observer = { .cfg = &cfg };
	struct xc_observer *o;
	struct told t = { 0 };

	xc_config_default(&cfg);
	cfg.observe.max_connections = 64;
	file.env.out = open_memstream(&t.text, &t.len);
	file.env.is_verbose = true;
	need(file.env.out && !xc_eventfile_open(&file, &observer.file));
	need(!xc_observer_new(&observer, &o));
	feed(o, data, len);
	xc_observer_free(o);
	need(!xc_eventfile_close(observer.file) && !fclose(file.env.out));
	return t;
}

static size_t check_json(const struct told *t)
{
	size_t n = 0;

	for (char *at = t->text, *end; (end = strchr(at, '\n')); at = end + 1, n++) {
		json_t *o = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);

		need(o && json_is_string(json_object_get(o, "event_type")));
		need(json_is_string(json_object_get(o, "conn_state")));
		json_decref(o);
	}
	return n;
}

static size_t check_text(const struct told *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++) {
		unsigned char c = (unsigned char)t->text[i];

		need(c == '\n' || (c >= 0x20 && c != 0x7f));
		n += c == '\n';
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct told json = tell(data, len, XC_OUTPUT_json), again = tell(data, len, XC_OUTPUT_json);
	struct told text = tell(data, len, XC_OUTPUT_text);

	need(json.len == again.len && !memcmp(json.text, again.text, json.len));
	need(check_json(&json) == check_text(&text));
	free(json.text);
	free(again.text);
	free(text.text);
	return 0;
}
