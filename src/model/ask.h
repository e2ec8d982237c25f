/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question the engine has about the host. The live source looks the answer up and puts
 * it into the record stream; a recording already contains it. So a replay reaches the same
 * verdicts without the host, and nothing between source and sink touches the world.
 */
#pragma once

#include "abi/packet.h"

#include <stdint.h>

enum xc_ask_kind {
	XC_ASK_RULE,		/* which filter rule drops this packet? answer: xc_rule_evt */
	XC_ASK_SYSCTL,		/* value of key in netns; answer: xc_note_evt */
	XC_ASK_CGROUP,		/* path and memory limit of cgroup id; answer: xc_note_evt */
	XC_ASK_PROGRAMS,	/* BPF programs on ifindex of netns, or on the cgroup tree (ifindex 0) */
	XC_ASK_ROUTE,		/* is there a route in netns for tuple? answer: xc_note_evt, if not */
	XC_ASK_PROCESS,		/* what process id does now; answer: xc_note_evt of netns */
	XC_ASK_OWNERS,		/* look again at who holds which socket */
};

struct xc_ask {
	enum xc_ask_kind kind;
	uint32_t netns;
	uint32_t ifindex;
	uint64_t id;			/* cgroup id; process id */
	char key[64];			/* sysctl name with dots */
	struct xc_tuple tuple;		/* XC_ASK_ROUTE: from s* to d* */
	struct xc_drop_evt drop;	/* XC_ASK_RULE: the drop in question */
};
