/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed iptables ruleset. Private to iptables.c and ipt_*.c. */
#pragma once

#include "base/index.h"
#include "meta/iptables.h"

enum ipt_match_kind {
	IPT_UNKNOWN,
	IPT_ADDR,	/* a/b: address and mask */
	IPT_ADDR_RANGE,	/* a..b */
	IPT_IF,
	IPT_PROTO,	/* lo */
	IPT_PORT,	/* lo..hi */
	IPT_MULTIPORT,	/* ranges first_port .. first_port + n_ports */
	IPT_TCP_FLAGS,	/* mask lo, value hi */
	IPT_ICMP,	/* type lo, code hi; IPT_ANY_CODE */
	IPT_MARK,	/* value lo, mask hi */
	IPT_CT,		/* enum xc_ct_bit in lo; hi: also states we cannot tell */
	IPT_UID,	/* lo..hi */
	IPT_GID,
	IPT_LENGTH,
	IPT_TTL,
};

#define IPT_ANY_CODE 256
#define IPT_ANY_TYPE 255	/* how iptables writes "any" for ICMPv4 */

struct ipt_match {
	enum ipt_match_kind kind;
	bool is_not;
	bool is_src;		/* address, port, device: the packet's source side */
	bool is_dst;		/* and/or its destination side */
	uint32_t lo;
	uint32_t hi;
	uint32_t first_port;
	uint32_t n_ports;
	uint8_t a[16];
	uint8_t b[16];
	char ifname[16];
};

struct ipt_range {
	uint16_t lo;
	uint16_t hi;
};

struct ipt_rule {
	uint32_t first_match;
	uint32_t n_matches;
	uint32_t chain;
	uint32_t number;	/* in its chain, from 1: iptables -L --line-numbers */
	uint32_t target;	/* chain number of JUMP and GOTO */
	int64_t packets;
	enum xc_ipt_action action;
	enum xc_rule_verdict verdict;	/* of DROP, REJECT, QUEUE */
	const char *text;
	uint32_t seq;
};

struct ipt_table {
	const char *name;
	bool sets_mark;
};

/* A growable array. */
struct ipt_vec {
	void *p;
	uint32_t n;
	uint32_t cap;
};

struct xc_ipt {
	char *text;
	const char *engine;
	bool is_v6;
	bool has_notrack;
	struct ipt_vec tables;		/* struct ipt_table */
	struct ipt_vec chains;		/* struct xc_chain */
	struct ipt_vec names;		/* const char *, name of each chain */
	struct ipt_vec rules;		/* struct ipt_rule */
	struct ipt_vec matches;		/* struct ipt_match */
	struct ipt_vec ports;		/* struct ipt_range */
	struct xc_index chain_ix;
};

#define IPT_AT(vec, type, i) (&((type *)(vec).p)[i])

/** One more element, zeroed. Return: NULL = no memory. */
void *ipt_push(struct ipt_vec *vec, size_t size);

struct ipt_words {
	char **w;
	size_t n;
	size_t at;	/* next one to read */
};

/**
 * Read the matches and the target of one rule (after "-A CHAIN").
 * @rule: first_match, n_matches, action, verdict are set
 * @ret_target: name of a target that is no standard one: a user chain or extension
 * Return: 0, -ENOMEM
 */
int ipt_read_rule(struct xc_ipt *ipt, struct ipt_words *words, struct ipt_rule *rule,
		  const char **ret_target);

/** Does one match hold? */
enum xc_tri ipt_match_eval(const struct xc_walk *w, const struct ipt_match *m);
