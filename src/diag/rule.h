/* SPDX-License-Identifier: Apache-2.0 */
/* What the patterns about netfilter share: the drop, the rule behind it, its conntrack state. */
#pragma once

#include "diag/pattern.h"
#include "model/packet.h"

/** State that a filter dropped the packet, where and in which hook. Decisive. */
void xc_state_filter_drop(struct xc_opinion *o, const struct xc_drop_fact *d);

/** State the rule and how it was found; fills details, fix and subject. @rule may be NULL. */
void xc_state_rule(struct xc_opinion *o, const struct xc_rule_evt *rule,
		   const struct xc_drop_fact *d);

/** "inet filter input: tcp dport 80 drop". Returns @out. */
const char *xc_rule_short(const struct xc_rule_evt *rule, char out[XC_WORDS]);

/** The client got a RST, or an ICMP error at the time of @d, although a filter dropped its packet. */
bool xc_was_answered_by_filter(const struct xc_case *c, const struct xc_drop_fact *d);

/** A RST arrived and nobody on this host sent one, while a filter here dropped the packet. */
bool xc_has_forged_reset(const struct xc_case *c);

/** The drop is conntrack's own: no room for a new entry. */
bool xc_conntrack_is_full(const struct xc_case *c, const struct xc_drop_fact *d);

/** A packet of a live connection was dropped because conntrack does not know it. */
bool xc_drops_as_invalid(const struct xc_case *c, const struct xc_drop_fact *d);
