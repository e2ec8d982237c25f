/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a JSON event as rows: what is written and what the reference page says cannot differ. */
#pragma once

#include "base/json.h"
#include "model/netevent.h"

struct xc_event_row {
	const char *name;
	void (*put)(struct xc_json *j, const char *key, const struct xc_netevent *e);
	const char *text;
	bool is_ours;	/* beside the keys of the network observer */
};

/* An object within the event, and when it is there. */
struct xc_event_group {
	const char *name;	/* NULL ends a list */
	bool (*applies)(const struct xc_netevent *e);
	const struct xc_event_row *rows;
	size_t n;
};

/* Of what is asked and answered, one for each sort of protocol. */
extern const struct xc_event_group xc_event_data[];

/** Everything the protocol told that has no key of its own, as an object; null without a request. */
void xc_event_put_attributes(struct xc_json *j, const char *key, const struct xc_netevent *e);

#define PUT(name)                                                                                  \
	static void put_##name(struct xc_json *j, const char *key, const struct xc_netevent *e)

static inline void xc_put_uint(struct xc_json *j, const char *key, bool is_known, uint64_t value)
{
	if (is_known)
		xc_json_uint(j, key, value);
	else
		xc_json_null(j, key);
}

/** Empty is null. */
static inline void xc_put_text(struct xc_json *j, const char *key, const char *value)
{
	xc_json_str(j, key, value && *value ? value : NULL);
}

/** ns to the last byte of the answer, as far as known. */
static inline void xc_event_put_latency(struct xc_json *j, const char *key,
					const struct xc_netevent *e)
{
	uint64_t ns = e->last_byte_ns ? e->last_byte_ns : e->first_byte_ns;

	xc_put_uint(j, key, ns, ns);
}

static inline void xc_event_put_server(struct xc_json *j, const char *key,
				       const struct xc_netevent *e)
{
	xc_json_str(j, key, xc_addr_str(e->tuple.daddr, (char[XC_ENDPOINT_LEN]){ 0 }));
}
