/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the host that evidence raises, and the queue they wait in. */
#pragma once

#include "model/ask.h"
#include "model/case.h"

#define XC_QUESTIONS_MAX 64

struct xc_questions {
	struct xc_ask asks[XC_QUESTIONS_MAX];
	uint32_t first, n;
	uint64_t n_lost;	/* found the queue full */
};

/** Take the oldest. False = none. */
bool xc_questions_take(struct xc_questions *q, struct xc_ask *ret_ask);

/** Value of sysctl @key ("net.core.somaxconn") in @netns. */
void xc_question_sysctl(struct xc_questions *q, uint32_t netns, const char *key);

/** Path and memory limit of a cgroup; 0 asks nothing. */
void xc_question_cgroup(struct xc_questions *q, uint64_t cgroup_id);

/** BPF programs that apply to @cgroup_id. @netns: whom the answer concerns. */
void xc_question_programs(struct xc_questions *q, uint32_t netns, uint64_t cgroup_id);

/** Can the server of @c answer its client at all? Once: @asked as for xc_question_drop(). */
void xc_question_way_back(struct xc_questions *q, const struct xc_case *c, uint32_t *asked);

/** What process @tgid is doing now; 0 asks nothing. @netns: whom the answer concerns. */
void xc_question_process(struct xc_questions *q, uint32_t netns, uint32_t tgid);

/** What the listener counters of @netns mean. */
void xc_question_listeners(struct xc_questions *q, uint32_t netns);

/**
 * What is not known yet about drop @i of @c.
 * @asked: bits of what was asked already; updated
 */
void xc_question_drop(struct xc_questions *q, const struct xc_case *c, uint32_t i, uint32_t *asked);
