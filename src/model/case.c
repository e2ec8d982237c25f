/* SPDX-License-Identifier: Apache-2.0 */
#include "model/case.h"

#include "base/scope.h"

#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <string.h>

const struct xc_tuple *xc_case_at_server(const struct xc_case *c)
{
	return c->translated.proto ? &c->translated : &c->tuple;
}

const struct xc_drop_fact *xc_case_next_drop(const struct xc_case *c, enum xc_drop why, size_t *i)
{
	while (*i < c->n_drops) {
		const struct xc_drop_fact *d = &c->drops[(*i)++];

		if (d->why == why)
			return d;
	}
	return NULL;
}

const struct xc_drop_fact *xc_case_drop(const struct xc_case *c, enum xc_drop why)
{
	size_t i = 0;

	return xc_case_next_drop(c, why, &i);
}

const struct xc_reset_fact *xc_case_reset(const struct xc_case *c, enum xc_rst why)
{
	for (size_t i = 0; i < c->n_resets; i++)
		if (c->resets[i].why == why)
			return &c->resets[i];
	return NULL;
}

const char *xc_case_note(const struct xc_case *c, const char *key)
{
	for (size_t i = 0; i < c->n_notes; i++)
		if (!strcmp(c->notes[i].key, key))
			return c->notes[i].value;
	return NULL;
}

const struct xc_rule_evt *xc_case_rule(const struct xc_case *c, const struct xc_drop_fact *d)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].netns == d->e.netns && c->rules[i].hook == d->e.hook)
			return &c->rules[i];
	return NULL;
}

const struct xc_tuple *xc_drop_flow(const struct xc_drop_evt *e, enum xc_drop why)
{
	if (e->is_carried && why == XC_DROP_NO_SOCKET)
		return &e->tuple;	/* the tunnel ends nowhere: that is its own failure */
	return e->orig.proto ? &e->orig : &e->tuple;
}

bool xc_is_neighbour_message(const struct xc_drop_evt *e)
{
	return e->is_arp ||
	       (e->tuple.proto == IPPROTO_ICMPV6 && !e->is_quoted &&
		(e->icmp_type == ND_NEIGHBOR_SOLICIT || e->icmp_type == ND_NEIGHBOR_ADVERT));
}

const uint8_t *xc_neighbour_asker(const struct xc_drop_evt *e)
{
	bool is_answer = e->icmp_type == (e->is_arp ? ARPOP_REPLY : ND_NEIGHBOR_ADVERT);

	return is_answer ? e->tuple.daddr : e->tuple.saddr;
}

bool xc_case_is_silent_connect(const struct xc_case *c)
{
	return c->n_syn_retrans > 0 && !c->was_established && !c->client.n_rst_rcvd && !c->n_icmps;
}

const char *xc_dev_or(const char dev[16], const char *otherwise)
{
	return dev[0] ? dev : otherwise;
}

const char *xc_hook_str(uint8_t hook)
{
	static const char *const names[] = {
		[XC_HOOK_NONE] = "?",		  [XC_HOOK_PREROUTING] = "PREROUTING",
		[XC_HOOK_INPUT] = "INPUT",	  [XC_HOOK_FORWARD] = "FORWARD",
		[XC_HOOK_OUTPUT] = "OUTPUT",	  [XC_HOOK_POSTROUTING] = "POSTROUTING",
	};

	_Static_assert(ARRAY_SIZE(names) == _XC_HOOK_MAX, "every hook has a name");
	return hook < ARRAY_SIZE(names) ? names[hook] : "?";
}
