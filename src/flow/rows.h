/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window that has ended, flow by flow, becomes rows: what concerns all flows of one server
 * endpoint is summed first, then each flow gets its row, its detected label and its columns. Pure.
 */
#pragma once

#include "abi/flow.h"
#include "flow/hist.h"
#include "flow/requests.h"
#include "model/sys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XC_PAYLOAD_MAX 512

/* The first bytes of the payload of a window's packets, for payload_entropy. */
struct xc_payload {
	uint16_t n;
	uint8_t byte[XC_PAYLOAD_MAX];
};

/* One flow of the window; everything borrowed. Who hands it over has closed its shut intervals (xc_flow_shut_ns()). */
struct xc_flow_seen {
	const struct xc_flow_key *key;
	const struct xc_flow *flow;		/* as at the end of the window */
	const struct xc_flow_window
		*window; /* NULL = no packet in it: no row, but perhaps half open */
	const struct xc_hist *latency;		/* NULL = no sample */
	const struct xc_payload *payload;	/* NULL = none was sampled (live: never) */
	const struct xc_flow_kernel
		*kernel; /* within the window (n_*); NULL = only packets were seen */
	const struct xc_flow_requests
		*requests; /* NULL = no payload was read, or nobody knows it */
	const struct xc_sys_cgroup *cgroup;	/* of the local socket; NULL = the node's */
	const struct xc_sys_netns *netns;	/* of the responder; NULL = the host's */
	bool has_timed_out;			/* given up as idle in this window */
};

/* What the rules of labels.c compare with; defaults are those of FEATURES 3.5. */
struct xc_label_cfg;

struct xc_rows_input {
	uint64_t no;			/* window number: start = no * window_ns, since the epoch */
	uint64_t window_ns;
	const struct xc_flow_seen *seen;
	size_t n_seen;
	const struct xc_sys_sample *sys;	/* never NULL; !is_valid for a capture */
	uint8_t label;			/* --label */
	uint64_t n_lost;		/* packets the kernel half could not attribute in this window */
};

struct xc_row;	/* features.h: what columns are made of */

typedef int (*xc_row_fn)(void *arg, const struct xc_row *row);

struct xc_rows;

/** @labels: NULL = defaults. 0 or -ENOMEM. */
int xc_rows_new(const struct xc_label_cfg *labels, struct xc_rows **ret_rows);

/** Accepts NULL. */
void xc_rows_free(struct xc_rows *rows);

/** Each flow that had a packet (or a drop) in the window, in the order given. 0, -ENOMEM, or what @on_row returned. */
int xc_rows_close(struct xc_rows *rows, const struct xc_rows_input *in, xc_row_fn on_row,
		  void *arg);
