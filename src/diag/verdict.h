/* SPDX-License-Identifier: Apache-2.0 */
/* From opinions to a verdict: competing hypotheses, confidence, and what to say when. */
#pragma once

#include "diag/pattern.h"

struct xc_verdict {
	struct xc_opinion best;	/* pattern NULL = nothing explains it */
	double confidence;	/* 0..1 */
	struct xc_alternative alternatives[XC_FINDING_ALTERNATIVES];
	size_t n_alternatives;
};

/** Ask every pattern about @c and weigh the answers. Pure. */
void xc_judge(const struct xc_case *c, struct xc_verdict *ret_verdict);

enum xc_say {
	XC_SAY_NOTHING,
	XC_SAY_FINDING,
	XC_SAY_CLEARED,		/* what was suspected did not come true */
};

struct xc_decision {
	enum xc_say say;
	enum xc_status status;
	enum xc_severity severity;
	bool is_final;		/* the case is over */
	bool starts_over;	/* the connection lives on: forget the trouble it had */
	const char
		*cleared_id; /* CLEARED: the cause that did not come true; NULL = unknown cause */
};

/* What was said before about this flow. */
struct xc_before {
	bool has_said;
	const char *pattern_id;	/* NULL = unknown cause, or nothing said */
	enum xc_status status;
	enum xc_severity severity;
};

/** Is there something to say now, given what was said before? Pure. */
struct xc_decision xc_decide(const struct xc_case *c, const struct xc_verdict *v,
			     const struct xc_before *before);

/** Turn a verdict into a finding; ids, group and impact are the caller's. Pure. */
void xc_write_finding(const struct xc_case *c, const struct xc_verdict *v,
		      const struct xc_decision *d, struct xc_finding *ret_finding);
