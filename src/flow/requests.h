/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the requests of one flow and one window add up to: for each family of protocols the one that stands for all of
 * them (the worst outcome, then the slowest), counts and latencies. Kept from the request until its window is closed.
 */
#pragma once

#include "abi/flow.h"
#include "flow/hist.h"
#include "model/request.h"

/* The request that stands for the others of its family. */
struct xc_flow_request {
	bool is_set;
	enum xc_result result;
	int32_t status;		/* XC_STATUS_NONE = no answer (yet) */
	uint64_t first_byte_ns;	/* of the request to that of the answer; 0 = not known */
	uint64_t last_byte_ns;
	uint64_t number;	/* dns: records in the answer; kafka: API key */
	char method[XC_REQUEST_METHOD];
	char target[XC_REQUEST_TARGET];
};

struct xc_flow_requests {
	const char *protocol;	/* told from payload; static. NULL = not recognised */
	struct xc_flow_request http, grpc, dns, kafka;
	uint32_t n_http, n_http_4xx, n_http_5xx;
	uint32_t n_dns, n_dns_failures, n_dns_timeouts;	/* failures include the time-outs */
	struct xc_hist http_latency, dns_latency;	/* of the answered ones, ns to the first byte */
};

struct xc_requests;

/** @max: flows in all windows that are open; more of them are counted and have no requests. 0 or -ENOMEM. */
int xc_requests_new(uint32_t max, struct xc_requests **ret_requests);

/** Accepts NULL. */
void xc_requests_free(struct xc_requests *t);

/** A request of flow @key in window @no came to @stage. */
void xc_requests_add(struct xc_requests *t, const struct xc_flow_key *key, uint64_t no,
		     const struct xc_request *r, enum xc_request_stage stage);

/** The flow speaks @protocol (static text), whether or not a request was read in this window. */
void xc_requests_speaks(struct xc_requests *t, const struct xc_flow_key *key, uint64_t no,
			const char *protocol);

/** Borrowed until xc_requests_end(); NULL = nothing is known. */
const struct xc_flow_requests *xc_requests_find(const struct xc_requests *t,
						const struct xc_flow_key *key, uint64_t no);

/** Forget window @no and those before it. */
void xc_requests_end(struct xc_requests *t, uint64_t no);

/** Flow windows that found no room. */
uint64_t xc_requests_n_refused(const struct xc_requests *t);
