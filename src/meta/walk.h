/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a packet through filter chains, the same for nftables and iptables:
 * base chains of the hook by priority, jump, goto, return, policy. An engine brings
 * its chains and says what one rule does; the walk keeps every rule that could have
 * dropped the packet. Pure.
 *
 * A condition may be unknown, so a rule has a set of possible outcomes instead of
 * one, and the walk follows all of them. "Certain" means: if the packet got this
 * far, this rule drops it. Earlier rules that merely could have accepted it do not
 * take that away: the packet is known to have been dropped by something.
 */
#pragma once

#include "meta/tri.h"
#include "model/packet.h"

#include <stddef.h>

#define XC_CANDIDATES_MAX 64	/* more than a person would read; the rest is only counted */
#define XC_WALK_DEPTH_MAX 64	/* the kernel allows 16 nested jumps in nftables */
#define XC_WALK_STEPS_MAX 400000 /* rules and set elements per packet: no ruleset may stall us */
#define XC_PRIO_EDGE (1 << 20)	/* netdev ingress runs before, egress after every other hook */

/* Rules that could have dropped the packet, in the order the packet meets them. */
struct xc_candidates {
	struct xc_rule r[XC_CANDIDATES_MAX];
	size_t n;		/* stored */
	size_t n_lost;		/* found, but did not fit */
	int stop_prio;		/* the packet cannot get past base chains of this priority */
};

void xc_candidates_init(struct xc_candidates *c);

/** Add one; the same rule reached twice stays one. */
void xc_candidates_add(struct xc_candidates *c, const struct xc_rule *r);

/**
 * After all engines: forget what lies behind the point no packet passes, put certain
 * ones first. Return: how many there are, those that did not fit included.
 */
size_t xc_candidates_finish(struct xc_candidates *c);

/** Copy @src, of any length, into @dst; spaces are folded, a cut shows as "...". */
void xc_text_copy(char *dst, size_t size, const char *src, size_t len);

/* What can happen to the packet at a rule or chain: a set of these. */
enum xc_outcome {
	XC_OUT_NEXT = 1 << 0,	/* goes on with the next rule */
	XC_OUT_RETURN = 1 << 1,	/* leaves this chain for the one that jumped here */
	XC_OUT_ACCEPT = 1 << 2,	/* leaves this base chain alive */
	XC_OUT_DROP = 1 << 3,
};

struct xc_chain {
	uint32_t first_rule;
	uint32_t n_rules;
	uint32_t owner;		/* the engine's own number for the chain's table */
	int32_t prio;
	enum xc_hook hook;	/* XC_HOOK_NONE: not a base chain */
	bool is_nat;		/* looks only at the first packet of a connection */
	bool is_drop;		/* policy */
	int64_t packets;	/* counter of the policy, -1 = none */
};

struct xc_walk;

struct xc_walk_ops {
	/* Outcomes of one rule. @is_sure: the packet meets this rule for certain. */
	unsigned int (*rule)(struct xc_walk *w, uint32_t rule, bool is_sure);
	/* Does this base chain see the packet at all (family, device)? */
	enum xc_tri (*applies)(const struct xc_walk *w, const struct xc_chain *c);
	/* Engine, table, chain, handle, text, counter of @rule or of the policy: XC_WALK_POLICY. */
	void (*describe)(const struct xc_walk *w, uint32_t rule, struct xc_rule *out);
};

#define XC_WALK_POLICY UINT32_MAX

struct xc_walk {
	const struct xc_walk_ops *ops;
	const void *ctx;		/* the engine's */
	const struct xc_chain *chains;
	size_t n_chains;
	const struct xc_packet *pkt;
	struct xc_candidates *out;
	bool has_notrack;		/* some rule takes packets out of conntrack */
	/* The rest belongs to the walk. */
	const struct xc_chain *base;	/* base chain being walked */
	const struct xc_chain *chain;	/* chain being walked */
	unsigned int depth;
	size_t n_steps;
};

/** Walk all base chains of the packet's hook. */
void xc_walk_run(struct xc_walk *w);

/** For ops->rule: account for @n set elements looked at. */
static inline void xc_walk_spend(struct xc_walk *w, size_t n)
{
	w->n_steps += n;
}

/** For ops->rule: @rule ends the packet. Return: outcomes. */
unsigned int xc_walk_drop(struct xc_walk *w, uint32_t rule, enum xc_rule_verdict verdict,
			  bool is_sure);

/** For ops->rule: go to chain number @chain, come back unless @is_goto. Return: outcomes. */
unsigned int xc_walk_jump(struct xc_walk *w, uint32_t chain, bool is_goto, bool is_sure);

/* Bits of the conntrack state, as nftables numbers them (linux/netfilter/nf_conntrack_common.h). */
enum xc_ct_bit {
	XC_CT_BIT_INVALID = 1,
	XC_CT_BIT_ESTABLISHED = 2,
	XC_CT_BIT_RELATED = 4,
	XC_CT_BIT_NEW = 8,
	XC_CT_BIT_UNTRACKED = 64,
};

/**
 * Conntrack state a rule of the chain being walked sees.
 * @ret_bits: one bit. @ret_alt: another that is as possible, else equal to @ret_bits.
 * Return: false = not known.
 */
bool xc_walk_ct(const struct xc_walk *w, unsigned int *ret_bits, unsigned int *ret_alt);

/** The chain being walked may have seen other addresses and ports than the packet has now. */
bool xc_walk_is_before_nat(const struct xc_walk *w);

/**
 * Device name a rule sees: "" = the hook has no such device.
 * Return: NULL = not known.
 */
const char *xc_walk_ifname(const struct xc_walk *w, bool is_input);

/** The packet is IPv4 (v4-mapped addresses). */
bool xc_packet_is_v4(const struct xc_packet *p);

/** The packet has TCP-like ports. */
bool xc_packet_has_ports(const struct xc_packet *p);
