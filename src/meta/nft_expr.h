/* SPDX-License-Identifier: Apache-2.0 */
/* Values of nftables expressions for one packet, and comparing them. Private to nft*.c; pure. */
#pragma once

#include "meta/nft_tree.h"
#include "meta/symbols.h"

#define NFT_CONCAT_MAX 16	/* the kernel has 16 32-bit registers (NFT_REG32_*) */

enum nft_val_kind {
	NFT_VAL_UNKNOWN,	/* has a value, we do not know it */
	NFT_VAL_ABSENT,		/* the packet has no such field: the rule ends here, also with != */
	NFT_VAL_INT,
	NFT_VAL_ADDR,
	NFT_VAL_NAME,		/* of a device */
};

struct nft_val {
	enum nft_val_kind kind;
	uint32_t bits;		/* width, for prefixes of numbers */
	uint64_t n;
	uint64_t alt;		/* another value as possible as n, else equal to n */
	const struct xc_symbol *sym;
	const char *name;
	uint8_t addr[16];
	uint8_t addr_len;	/* 4 or 16 */
};

/* One value, or a concatenation. */
struct nft_key {
	struct nft_val v[NFT_CONCAT_MAX];
	size_t n;
};

/** Evaluate @expr for the packet of @w. */
struct nft_val nft_val_eval(const struct xc_walk *w, const json_t *expr);

/** A number, a name in @sym, or an OR of them. Return: false = something else. */
bool nft_number(const json_t *j, const struct xc_symbol *sym, uint64_t *ret_n);

/** Evaluate the left side of a match or the key of a map. XC_NO = a field is absent. */
enum xc_tri nft_key_eval(const struct xc_walk *w, const json_t *expr, struct nft_key *ret_key);

/** Does @key equal @right: a value, a range, a prefix, a set, the name of a set? */
enum xc_tri nft_key_is(struct xc_walk *w, const struct nft_key *key, const json_t *right);

/** @elem is the catch-all element of a set or map. */
bool nft_is_catchall(const json_t *elem);

struct nft_elems {
	const json_t *list;	/* NULL = empty */
	bool is_dynamic;	/* a rule adds to it: what is missing now may have been there */
};

/** Elements of an anonymous set or of "@name". Return: false = there is no such set. */
bool nft_elements(const struct xc_walk *w, const json_t *ref, struct nft_elems *ret);

/** Evaluate a whole {"op", "left", "right"}. */
enum xc_tri nft_match_eval(struct xc_walk *w, const json_t *match);
