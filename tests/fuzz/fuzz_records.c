/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any sequence of records into the engine. Every finding must be printable and keep its
 * promises, JSON must be JSON, text must not carry control characters, and the same records
 * must give the same words twice.
 *
 * Input: for each record a kind, a time step, a choice of flow, a number of bytes, and these
 * bytes; the rest of the record is zero. So that records meet, there are only a few flows.
 */
#include "core/engine.h"
#include "model/record.h"

#include "abi/host.h"
#include "abi/packet.h"
#include "abi/path.h"
#include "abi/sock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define RECORDS_MAX 64	/* of one input */

static struct {
	const struct xc_sink *sink;
	void *state;
	uint64_t last_id;
} under_test;

/* ---- what a finding must be ----------------------------------------------------------------- */

static void need(bool condition)
{
	if (!condition)
		abort();
}

#define ENDS(text) need(memchr(text, 0, sizeof(text)) != NULL)

static void check_texts(const struct xc_finding *f)
{
	ENDS(f->summary);
	ENDS(f->details);
	ENDS(f->impact);
	ENDS(f->resolution);
	ENDS(f->app_sees);
	ENDS(f->subject);
	ENDS(f->client.comm);
	ENDS(f->server.comm);
	need(f->summary[0] && f->details[0] && f->impact[0] && f->resolution[0] && f->pattern[0]);
}

static int check_finding(void *sink, const struct xc_finding *f)
{
	(void)sink;
	check_texts(f);
	need(f->id == ++under_test.last_id && f->replaces < f->id && f->group);
	need(f->confidence >= 0 && f->confidence <= 0.999);
	need(f->severity < _XC_SEVERITY_MAX && f->status < _XC_STATUS_MAX &&
	     f->layer < _XC_LAYER_MAX);
	need(f->n_evidence <= XC_FINDING_EVIDENCE && f->n_alternatives <= XC_FINDING_ALTERNATIVES);
	for (size_t i = 0; i < f->n_evidence; i++) {
		ENDS(f->evidence[i].fact);
		ENDS(f->evidence[i].hook);
	}
	for (size_t i = 0; i < f->n_alternatives; i++)
		need(f->alternatives[i].score >= 0 && f->alternatives[i].score <= 1);
	return under_test.sink->emit(under_test.state, f);
}

static void pass_tick(void *sink, uint64_t now_ns)
{
	(void)sink;
	if (under_test.sink->tick)
		under_test.sink->tick(under_test.state, now_ns);
}

static const struct xc_sink checker = { .name = "checker",
					.emit = check_finding,
					.tick = pass_tick };

static void check_json(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		json_t *line =
			json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);

		need(line && text[n] == '\n');
		json_decref(line);
		text += n + 1;
	}
}

static void check_text(const char *text)
{
	for (; *text; text++)
		need(*text == '\n' || ((unsigned char)*text >= 0x20 && *text != 0x7f));
}

/* ---- records out of bytes ------------------------------------------------------------------------- */

static void put_flow(uint8_t *record, size_t offset, uint8_t choice)
{
	struct xc_tuple t = { .sport_he = (uint16_t)(40000 + choice % 3),
			      .dport_he = 80,
			      .proto = choice & 8 ? 17 : 6 };
	struct xc_tuple back;

	if (choice & 0x80)
		return;		/* as it came */
	t.saddr[10] = t.saddr[11] = t.daddr[10] = t.daddr[11] = 0xff;
	t.saddr[12] = t.daddr[12] = choice & 16 ? 127 : 10;
	t.saddr[15] = 1;
	t.daddr[15] = 2;
	back = t;
	memcpy(back.saddr, t.daddr, 16);
	memcpy(back.daddr, t.saddr, 16);
	back.sport_he = t.dport_he;
	back.dport_he = t.sport_he;
	memcpy(record + offset, choice & 32 ? &back : &t, sizeof(t));
}

static void choose_flow(uint8_t *record, uint16_t kind, uint8_t choice)
{
	static const size_t offsets[_XC_EVT_MAX] = {
		[XC_EVT_SOCK] = offsetof(struct xc_sock_evt, tuple),
		[XC_EVT_RESET] = offsetof(struct xc_reset_evt, tuple),
		[XC_EVT_DROP] = offsetof(struct xc_drop_evt, tuple),
		[XC_EVT_ICMP] = offsetof(struct xc_icmp_evt, tuple),
		[XC_EVT_DENIED] = offsetof(struct xc_denied_evt, tuple),
		[XC_EVT_RULE] = offsetof(struct xc_rule_evt, tuple),
	};

	if (kind < _XC_EVT_MAX && offsets[kind])
		put_flow(record, offsets[kind], choice);
}

/* Take one record off the input. NULL = no more. Release with free(). */
static struct xc_evt *next_record(const uint8_t **data, size_t *len, uint64_t *now_ns)
{
	static const uint64_t steps[] = { 0,	      1000,	  1000000,	50000000,
					  1000000000, 3000000000, 200000000000, ~0ull };
	uint32_t size, given;
	uint8_t *record;
	uint16_t kind;

	if (*len < 4)
		return NULL;
	kind = (*data)[0] % (_XC_EVT_MAX + 1);
	*now_ns += steps[(*data)[1] % 8];
	size = xc_record_min_size(kind);
	size = size ? size : sizeof(struct xc_evt);
	if (kind == XC_EVT_ENUM)
		size += 256;
	if (((*data)[1] & 0x40) && size > sizeof(struct xc_evt))
		size -= 8;	/* now and then too short */
	given = (*data)[3] * 2u;	/* the longest record is longer than a byte can say */
	given = given < *len - 4 ? given : (uint32_t)(*len - 4);
	given = given < size - sizeof(struct xc_evt) ? given :
						       size - (uint32_t)sizeof(struct xc_evt);
	record = calloc(1, size);
	need(record != NULL);
	memcpy(record + sizeof(struct xc_evt), *data + 4, given);
	if (size >= xc_record_min_size(kind))
		choose_flow(record, kind, (*data)[2]);
	*(struct xc_evt *)record =
		(struct xc_evt){ .ts_ns = *now_ns, .size_bytes = size, .kind = kind };
	*data += 4 + given;
	*len -= 4 + given;
	return (struct xc_evt *)record;
}

/* Everything the engine says about the input; release with free(). */
static char *run(const uint8_t *data, size_t len, size_t which_sink, const struct xc_config *cfg)
{
	struct xc_sink_env env = { .width = which_sink ? 0 : 80 };
	uint64_t now_ns = 1000000000;
	struct xc_engine *engine;
	struct xc_ask ask;
	char *text = NULL;
	size_t text_len;

	env.out = open_memstream(&text, &text_len);
	under_test.sink = xc_sinks[which_sink];
	under_test.last_id = 0;
	need(env.out && !under_test.sink->open(&env, &under_test.state));
	need(!xc_engine_new(cfg, &checker, NULL, &engine));
	for (int i = 0; i < RECORDS_MAX; i++) {
		struct xc_evt *e = next_record(&data, &len, &now_ns);

		if (!e)
			break;
		if (xc_record_is_sound(e))
			need(!xc_engine_feed(engine, e));
		free(e);
		while (xc_engine_next_ask(engine, &ask))
			need(ask.kind <= XC_ASK_OWNERS && memchr(ask.key, 0, sizeof(ask.key)));
	}
	xc_engine_free(engine);
	need(!under_test.sink->close(under_test.state));
	need(!fclose(env.out));
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct xc_config cfg;
	char *first, *again;
	size_t which;

	if (len < 1)
		return 0;
	which = data[0] & 1;
	xc_config_default(&cfg);
	cfg.max_cases = 2 + (data[0] >> 1) % 4;	/* few: they have to make room */
	first = run(data + 1, len - 1, which, &cfg);
	again = run(data + 1, len - 1, which, &cfg);
	need(!strcmp(first, again));
	if (!strcmp(xc_sinks[which]->name, "json"))
		check_json(first);
	else
		check_text(first);
	free(first);
	free(again);
	return 0;
}
