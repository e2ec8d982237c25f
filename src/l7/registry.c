/* SPDX-License-Identifier: Apache-2.0 */
/* The protocols, in the order of meson.build, and which of them speaks. */
#include "l7/session.h"

#define X(name) extern const struct xc_l7_proto xc_l7_##name;
#include "l7.list"
#undef X

const struct xc_l7_proto *const xc_l7_protos[] = {
#define X(name) &xc_l7_##name,
#include "l7.list"
#undef X
	NULL,
};

const struct xc_l7_proto *xc_l7_proto_named(const char *name)
{
	for (size_t i = 0; xc_l7_protos[i]; i++)
		if (!strcmp(xc_l7_protos[i]->name, name))
			return xc_l7_protos[i];
	return NULL;
}

static bool fits(const struct xc_l7_engine *e, const struct xc_l7_proto *p, bool is_datagram)
{
	if ((e->only && e->only != p) || !p->detect)
		return false;
	return is_datagram ? p->is_datagram : p->is_stream;
}

static uint8_t bonus(const struct xc_l7_engine *e, const struct xc_l7_proto *p, uint16_t port)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->ports) && p->ports[i]; i++)
		if (p->ports[i] == port)
			return 1;
	for (const struct xc_l7_port *at = e->ports; at && at->port_he; at++)
		if (at->proto == p && at->port_he == port)
			return 1;
	return 0;
}

const struct xc_l7_proto *xc_l7_guess_best(const struct xc_l7_engine *e, struct xc_span in,
					   const struct xc_l7_hint *hint,
					   struct xc_l7_guess *ret_guess)
{
	const struct xc_l7_proto *best = NULL;
	bool wants_more = false;
	int best_score = 0;

	*ret_guess = (struct xc_l7_guess){ 0 };
	for (size_t i = 0; xc_l7_protos[i]; i++) {
		const struct xc_l7_proto *p = xc_l7_protos[i];
		struct xc_l7_guess g;
		int score;

		if (!fits(e, p, hint->is_datagram))
			continue;
		g = p->detect(in, hint);
		if (g.percent && hint->knows_role && g.dir != hint->dir)
			continue;
		wants_more |= g.wants_more;
		score = g.percent * 2 + bonus(e, p, hint->port_he);
		if (g.percent && score > best_score) {
			best = p;
			best_score = score;
			*ret_guess = g;
		}
	}
	ret_guess->wants_more = wants_more;
	return best;
}
