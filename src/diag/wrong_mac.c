/* SPDX-License-Identifier: Apache-2.0 */
/* Frames carry a MAC address that is not the receiver's: a stale or wrong neighbour entry. */
#include "diag/pattern.h"

#include <stdio.h>

static const char *mac_words(const uint8_t m[6], char out[18])
{
	(void)snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		       m[5]);
	return out;
}

static bool wrong_mac_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_OTHERHOST);
	char packet[XC_WORDS], dev[XC_WORDS], to[18], is[18];

	if (!d)
		return false;
	xc_dev_words(d->e.dev, dev);
	mac_words(d->e.dst_mac, to);
	mac_words(d->e.dev_mac, is);
	xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
	       "%s arrived%s for MAC %s, but the interface has %s", xc_packet_words(d, packet), dev,
	       to, is);
	if (xc_case_is_silent_connect(c))
		xc_for(o, XC_WEAK, c->client.last_ns, "tcp:tcp_retransmit_skb",
		       "no answer to the SYN");
	xc_summary(o, "packets are sent to a stale MAC address (%s instead of %s)", to, is);
	xc_subject(o, "MAC %s%s of namespace %u", to, dev, d->e.netns);
	xc_fix(o,
	       "Flush the stale neighbour entry on the sender (`ip neigh flush`), or remove the static one; after a failover announce the new MAC (gratuitous ARP). Receiver: %s%s.",
	       is, dev);
	return true;
}

const struct xc_pattern xc_pattern_wrong_mac = {
	.id = "wrong-mac",
	.name = "Stale MAC Address",
	.layer = XC_LAYER_L2,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The sender's neighbour entry holds a MAC address the receiver does not have.",
	.fix = "Flush the neighbour entry on the sender.",
	.match = wrong_mac_match,
};
