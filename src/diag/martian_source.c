/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that cannot be right: our own as source, loopback from outside, multicast source. */
#include "diag/pattern.h"

#include <stdio.h>
#include <string.h>

/* A kernel without drop reasons drops these where it filters the reverse path. Is that filter off? */
static bool is_source_refused_without_filter(const struct xc_case *c, const struct xc_drop_fact *d)
{
	const char *all = xc_case_note(c, "net.ipv4.conf.all.rp_filter"), *own;
	char key[64];

	(void)snprintf(key, sizeof(key), "net.ipv4.conf.%.15s.rp_filter", d->e.dev);
	own = xc_case_note(c, key);
	return d->is_by_place && all && own && !strcmp(all, "0") && !strcmp(own, "0");
}

static bool told_by_place(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_IP_RPFILTER);
	char packet[XC_WORDS], dev[XC_WORDS], src[XC_ENDPOINT_LEN];

	if (!d || !is_source_refused_without_filter(c, d))
		return false;
	xc_addr_str(d->e.tuple.saddr, src);
	xc_for(o, XC_STRONG, d->e.first_ns, "skb:kfree_skb",
	       "%s dropped%s at the check of its source, and rp_filter is off there",
	       xc_packet_words(d, packet), xc_dev_words(d->e.dev, dev));
	xc_summary(o, "martian packet from %s%s: its source cannot come from there", src, dev);
	xc_subject(o, "martian %s%s", src, dev);
	return true;
}

static bool martian_source_match(const struct xc_case *c, struct xc_opinion *o)
{
	static const struct {
		enum xc_drop why;
		const char *words;
	} kinds[] = {
		{ XC_DROP_IP_LOCAL_SOURCE, "its source is an address of this very host" },
		{ XC_DROP_IP_INVALID_SOURCE, "its source cannot come from there" },
		{ XC_DROP_IP_LOCALNET, "a loopback address came from outside" },
		{ XC_DROP_IP_INVALID_DEST, "its destination address is invalid" },
	};
	char packet[XC_WORDS], dev[XC_WORDS], src[XC_ENDPOINT_LEN];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct xc_drop_fact *d = xc_case_drop(c, kinds[i].why);

		if (!d)
			continue;
		xc_addr_str(d->e.tuple.saddr, src);
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb", "%s dropped%s: %s",
		       xc_packet_words(d, packet), xc_dev_words(d->e.dev, dev), kinds[i].words);
		xc_summary(o, "martian packet from %s%s: %s", src, dev, kinds[i].words);
		xc_subject(o, "martian %s%s", src, dev);
		xc_fix(o,
		       "Find the duplicate or wrong address: `ip addr show to %s` here and on the sender; with NAT, check that it does not translate to our own address.",
		       src);
		return true;
	}
	return told_by_place(c, o);
}

const struct xc_pattern xc_pattern_martian_source = {
	.id = "martian-source",
	.name = "Martian Address",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The packets carry an address that cannot arrive there.",
	.fix = "Find the duplicate or wrongly translated address.",
	.match = martian_source_match,
};
