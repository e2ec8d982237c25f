/* SPDX-License-Identifier: Apache-2.0 */
#include "core/limit.h"

#define TOKEN 1000000000ull
#define MILLION 1000000u

bool xc_bucket_take(struct xc_bucket *b, uint64_t now_ns)
{
	uint64_t full = b->per_s * TOKEN, since = now_ns > b->last_ns ? now_ns - b->last_ns : 0;

	if (!b->per_s)
		return true;
	if (!b->last_ns || since >= TOKEN)
		b->tokens = full;
	else
		b->tokens += since * b->per_s;
	if (b->tokens > full)
		b->tokens = full;
	if (since || !b->last_ns)
		b->last_ns = now_ns;
	if (b->tokens < TOKEN)
		return false;
	b->tokens -= TOKEN;
	return true;
}

double xc_sampler_factor(struct xc_sampler *s, const struct xc_sample *what)
{
	size_t i = what->destination & (XC_SAMPLER_PLACES - 1);
	bool is_known = s->place[i].hash == what->destination && s->place[i].failed_ns;

	if (s->per_million >= MILLION)
		return 1;
	if (what->is_failure) {
		s->place[i].hash = what->destination;
		s->place[i].failed_ns = what->ts_ns;
		return 1;
	}
	if (is_known && what->ts_ns - s->place[i].failed_ns < XC_SAMPLER_DETAIL_NS)
		return 1;
	if (what->connection % MILLION >= s->per_million)
		return 0;
	return (double)MILLION / s->per_million;
}
