/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a pattern: one cause, judged from one case. Facts in, points out; no
 * clock, no I/O, no allocation, no globals. A pattern says what speaks for its cause and
 * what speaks against it; comparing causes is verdict.c's business, not the pattern's.
 *
 * Points are log-likelihood ratios (natural logarithm), measured and rounded: DIAGNOSIS.md A.
 */
#pragma once

#include "model/case.h"
#include "model/finding.h"

#define XC_DECISIVE 6	/* the kernel itself says so */
#define XC_STRONG 3	/* hardly ever seen without this cause */
#define XC_WEAK 1	/* fits */
#define XC_AGAINST (-3)	/* hardly ever seen with this cause */
#define XC_RULED_OUT (-12)

#define XC_MANY_RESENT 3	/* segments: losing a few of many is how TCP finds its rate */

struct xc_pattern;

/* What one pattern makes of one case. */
struct xc_opinion {
	const struct xc_pattern *pattern;
	int points;
	bool has_decisive;
	bool is_proven;		/* a second, independent source confirmed the decisive fact */
	uint64_t decisive_ns;	/* earliest decisive fact, 0 = none */
	uint64_t strong_ns;	/* earliest strong fact, 0 = none */
	enum xc_severity severity;
	size_t n_evidence;
	struct xc_evidence evidence[XC_FINDING_EVIDENCE];
	char summary[200];
	char details[480];
	char fix[480];
	char subject[128];
	char against[160];
};

/* Does the finding wait for the flow to fail? */
enum xc_kind {
	XC_KIND_FAILURE,	/* suspected until the application has failed */
	XC_KIND_CONDITION,	/* what is seen is the trouble itself */
};

/**
 * struct xc_pattern - one root cause
 * @id: stable for ever, used in JSON, docs and tests
 * @name: display name (S2 key "pattern")
 * @cause: one sentence
 * @fix: one sentence, used where match() has nothing more concrete
 * @match: fill @o; false = this cause has nothing to do with the case
 */
struct xc_pattern {
	const char *id;
	const char *name;
	enum xc_layer layer;
	enum xc_kind kind;
	enum xc_severity severity;
	const char *cause;
	const char *fix;
	bool (*match)(const struct xc_case *c, struct xc_opinion *o);
};

extern const struct xc_pattern *const xc_patterns[];	/* NULL-terminated */

/** A fact that speaks for the cause. @hook: where it was seen. */
void xc_for(struct xc_opinion *o, int points, uint64_t ts_ns, const char *hook, const char *fmt,
	    ...) __attribute__((format(printf, 5, 6)));

/** A fact that speaks against it; kept for the list of alternatives. @points: negative. */
void xc_against(struct xc_opinion *o, int points, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void xc_summary(struct xc_opinion *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void xc_details(struct xc_opinion *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void xc_fix(struct xc_opinion *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** What is at fault: flows with the same pattern and subject are one story. */
void xc_subject(struct xc_opinion *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- words: text for values, into caller's buffers, returned --------------------------- */

#define XC_WORDS 128

/** "10.0.0.1:40000 > 10.0.0.2:80" */
const char *xc_flow_words(const struct xc_case *c, char out[XC_WORDS]);

/** "10.0.0.2:80" */
const char *xc_server_words(const struct xc_case *c, char out[XC_WORDS]);
const char *xc_client_words(const struct xc_case *c, char out[XC_WORDS]);

/** "nginx (pid 812)", or "an unknown process" */
const char *xc_owner_words(const struct xc_owner *o, char out[XC_WORDS]);

/** "SYN 10.0.0.1:4000 > 10.0.0.2:80" for the packet of a drop. */
const char *xc_packet_words(const struct xc_drop_fact *d, char out[XC_WORDS]);

/** " on eth0" or "" */
const char *xc_dev_words(const char dev[16], char out[XC_WORDS]);

/* ---- questions several patterns ask ------------------------------------------------------ */

/** A drop on this host that by itself explains why the flow fails. NULL = none. */
const struct xc_drop_fact *xc_decisive_drop(const struct xc_case *c);

/** ARP or neighbour discovery for a next hop of the flow was dropped on this host. */
bool xc_is_kept_from_neighbour(const struct xc_case *c);

/**
 * What opens the flow is dropped every time, for a reason that the kernel names and kernel-drop alone knows: each SYN
 * of a silent connect(); of a flow without a socket in scope, or of datagrams, two.
 */
bool xc_is_kept_out(const struct xc_case *c, const struct xc_drop_fact *d);

/**
 * First segment to the server that no socket took: the SYN, or one of an open connection. To 6.9
 * a RST without a socket makes no event of its own; this drop stands for it. NULL = none.
 */
const struct xc_drop_fact *xc_unwanted_segment(const struct xc_case *c, bool is_syn);

/** First filter drop of the flow's own packets (not of an ICMP error about it). NULL = none. */
const struct xc_drop_fact *xc_filter_drop_of(const struct xc_case *c);

/** Segments got through while others were dropped: loss, not a block. */
bool xc_is_making_progress(const struct xc_case *c);

/** An ICMP error of that type and code about this flow; code -1 = any. NULL = none. */
const struct xc_icmp_fact *xc_icmp_about(const struct xc_case *c, uint8_t family, uint8_t type,
					 int code);

/** Error of the server's own lookup of a route to the client: -ENETUNREACH ...; 0 = it has one, or nobody asked. */
int xc_way_back_error(const struct xc_case *c);

/** The listener that takes connections to the server's address, or NULL. */
const struct xc_listener_fact *xc_fitting_listener(const struct xc_case *c);

/** The server's process was dead or dying at @ts_ns. */
bool xc_died_before(const struct xc_case *c, uint64_t ts_ns);

/** A datagram to a port that traceroute uses, with the TTL or for the answer that it wants: no failure. */
bool xc_is_traceroute(const struct xc_case *c);

/** The application at the client's end has failed, or given up after resends. */
bool xc_has_failed(const struct xc_case *c);
