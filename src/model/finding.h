/* SPDX-License-Identifier: Apache-2.0 */
/* A finding: one verdict about one flow, with everything that speaks for it and against. */
#pragma once

#include "model/net.h"

#include <time.h>

#define XC_FINDING_EVIDENCE 12
#define XC_FINDING_ALTERNATIVES 4

enum xc_layer {
	XC_LAYER_L2,		/* neighbours, devices */
	XC_LAYER_L3,		/* routing, IP, ICMP */
	XC_LAYER_FILTER,	/* netfilter, TC, XDP, cgroup programs */
	XC_LAYER_L4,		/* TCP, UDP */
	XC_LAYER_SOCKET,	/* sockets, queues, listeners */
	XC_LAYER_PROCESS,	/* processes, cgroups */
	XC_LAYER_L7,		/* requests */
	_XC_LAYER_MAX,
};

enum xc_severity { XC_SEVERITY_INFO, XC_SEVERITY_WARNING, XC_SEVERITY_ERROR, _XC_SEVERITY_MAX };

enum xc_status {
	XC_STATUS_SUSPECTED,	/* the application has not failed yet, or the proof is still out */
	XC_STATUS_CONFIRMED,
	XC_STATUS_CLEARED,	/* what was suspected did not come true */
	_XC_STATUS_MAX,
};

struct xc_evidence {
	uint64_t ts_ns;
	enum xc_layer layer;
	int points;		/* what it is worth: log-likelihood points, negative = against */
	char fact[176];
	char hook[32];		/* where it was seen: "skb:kfree_skb" */
};

struct xc_alternative {
	const char *pattern_id;
	const char *name;
	double score;		/* 0..1 */
	char against[160];	/* what speaks against it; may be empty */
};

struct xc_finding {
	uint64_t id;
	uint64_t replaces;	/* id of the finding this one replaces; 0 = none */
	uint64_t group;		/* same for findings with one cause */
	const char *pattern_id;
	const char *pattern;	/* display name */
	enum xc_layer layer;
	enum xc_severity severity;
	enum xc_status status;
	double confidence;	/* 0..1 */
	char summary[200];
	char details[480];
	char impact[240];
	char resolution[480];
	char app_sees[96];	/* what became of it, in words; empty = nothing yet */
	char subject[128];	/* what is at fault: the rule, the listener, the next hop */
	struct xc_evidence evidence[XC_FINDING_EVIDENCE];
	size_t n_evidence;
	struct xc_alternative alternatives[XC_FINDING_ALTERNATIVES];
	size_t n_alternatives;

	struct xc_tuple tuple;	/* client to server */
	struct xc_owner client;
	struct xc_owner server;
	uint32_t netns;
	int error;		/* errno the application sees, 0 = none */
	uint64_t first_signal_ns;	/* decisive kernel signal, CLOCK_MONOTONIC */
	uint64_t reported_ns;	/* record time of this verdict */
	int64_t wall_offset_ns;	/* CLOCK_REALTIME - CLOCK_MONOTONIC */
	uint32_t n_same;	/* flows with this cause in the window, this one included */
	uint64_t lost;		/* records lost in the window */
};

/**
 * When it was reported: seconds since 1970 and nanoseconds 0..999999999, whatever a damaged
 * recording says.
 */
struct timespec xc_finding_time(const struct xc_finding *f);

/** "95%"; never "100%": nothing is certain. Returns @out. */
const char *xc_confidence_str(double confidence, char out[8]);

const char *xc_layer_str(enum xc_layer layer);
const char *xc_severity_str(enum xc_severity severity);
const char *xc_status_str(enum xc_status status);
