/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsed nftables ruleset: chains, rules and sets indexed by name. Private to
 * nft*.c. All strings borrow from the JSON tree or from the text, both owned here.
 */
#pragma once

#include "base/index.h"
#include "base/scope.h"
#include "meta/nft.h"

#include <jansson.h>

struct nft_table {
	const char *family;
	const char *name;
	bool has_xt;
	bool is_skipped;	/* evaluated by someone else */
	bool sets_mark;		/* a rule changes the mark: earlier rules saw another one */
};

struct nft_rule {
	const json_t *expr;
	const char *text;	/* NULL = not known */
	uint32_t handle;
	uint32_t chain;
	uint32_t seq;		/* place in the listing */
};

/* What struct xc_chain does not carry; same index. */
struct nft_chain {
	const char *family;
	const char *table;
	const char *name;
	const char *hook;	/* NULL = not a base chain */
	const char *text;	/* its "type ... policy ...;" line, NULL = not known */
	const json_t *dev;
};

struct nft_set {
	const char *family;
	const char *table;
	const char *name;
	const json_t *elem;
	bool is_dynamic;	/* a rule adds elements: what is not in it now may have been */
};

struct xc_nft {
	json_t *root;
	char *text;
	struct nft_table *tables;
	struct xc_chain *chains;
	struct nft_chain *chain_names;
	struct nft_rule *rules;
	struct nft_set *sets;
	struct xc_index chain_ix;
	struct xc_index set_ix;
	uint32_t n_tables;
	uint32_t n_chains;
	uint32_t n_rules;
	uint32_t n_sets;
	bool has_notrack;
};

#define NFT_NOT_FOUND UINT32_MAX

/** Number of a table, chain or set; NFT_NOT_FOUND. Any name may be NULL: not found. */
uint32_t nft_table_find(const struct xc_nft *nft, const char *family, const char *table);
uint32_t nft_chain_find(const struct xc_nft *nft, const char *family, const char *table,
			const char *name);
uint32_t nft_set_find(const struct xc_nft *nft, const char *family, const char *table,
		      const char *name);

/** Attach the lines of the text form to the rules and chains they print. Edits @nft->text. */
void nft_text_attach(struct xc_nft *nft);

/** The only key and value of a statement or expression; NULL = not an object. */
const char *nft_single(const json_t *obj, json_t **ret_value);

/** A string member, NULL when absent or no string. */
const char *nft_string(const json_t *obj, const char *key);
