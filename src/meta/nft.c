/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the ruleset: from JSON to indexed tables. Evaluation is in nft_eval.c. */
#include "meta/nft_tree.h"

#include "meta/iptables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

XC_DEFINE_FREEP(struct xc_nft, xc_nft_free)

const char *nft_single(const json_t *obj, json_t **ret_value)
{
	void *it = json_object_iter((json_t *)obj);

	if (!it)
		return NULL;
	*ret_value = json_object_iter_value(it);
	return json_object_iter_key(it);
}

const char *nft_string(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

static uint64_t hash3(const char *a, const char *b, const char *c)
{
	return xc_hash(a, strlen(a)) * 31 + xc_hash(b, strlen(b)) * 17 + xc_hash(c, strlen(c));
}

uint32_t nft_table_find(const struct xc_nft *nft, const char *family, const char *table)
{
	for (uint32_t i = 0; family && table && i < nft->n_tables; i++)
		if (!strcmp(nft->tables[i].name, table) && !strcmp(nft->tables[i].family, family))
			return i;
	return NFT_NOT_FOUND;
}

uint32_t nft_chain_find(const struct xc_nft *nft, const char *family, const char *table,
			const char *name)
{
	if (!family || !table || !name)
		return NFT_NOT_FOUND;
	for (uint32_t i = xc_index_first(&nft->chain_ix, hash3(family, table, name));
	     i != XC_INDEX_END; i = xc_index_next(&nft->chain_ix, i)) {
		const struct nft_chain *c = &nft->chain_names[i];

		if (!strcmp(c->name, name) && !strcmp(c->table, table) &&
		    !strcmp(c->family, family))
			return i;
	}
	return NFT_NOT_FOUND;
}

uint32_t nft_set_find(const struct xc_nft *nft, const char *family, const char *table,
		      const char *name)
{
	if (!family || !table || !name)
		return NFT_NOT_FOUND;
	for (uint32_t i = xc_index_first(&nft->set_ix, hash3(family, table, name));
	     i != XC_INDEX_END; i = xc_index_next(&nft->set_ix, i)) {
		const struct nft_set *s = &nft->sets[i];

		if (!strcmp(s->name, name) && !strcmp(s->table, table) &&
		    !strcmp(s->family, family))
			return i;
	}
	return NFT_NOT_FOUND;
}

/* netdev ingress and egress have no name of their own in enum xc_hook. */
static enum xc_hook hook_of(const char *name)
{
	static const struct {
		const char *name;
		enum xc_hook hook;
	} rows[] = {
		{ "prerouting", XC_HOOK_PREROUTING },
		{ "ingress", XC_HOOK_PREROUTING },
		{ "input", XC_HOOK_INPUT },
		{ "forward", XC_HOOK_FORWARD },
		{ "output", XC_HOOK_OUTPUT },
		{ "egress", XC_HOOK_POSTROUTING },
		{ "postrouting", XC_HOOK_POSTROUTING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].hook;
	return XC_HOOK_NONE;
}

static int32_t prio_of(const char *hook, json_int_t prio)
{
	if (prio < -XC_PRIO_EDGE / 2 || prio > XC_PRIO_EDGE / 2)
		prio = prio < 0 ? -XC_PRIO_EDGE / 2 : XC_PRIO_EDGE / 2;
	if (!strcmp(hook, "ingress"))
		prio -= XC_PRIO_EDGE;
	if (!strcmp(hook, "egress"))
		prio += XC_PRIO_EDGE;
	return (int32_t)prio;
}

static void add_table(struct xc_nft *nft, const json_t *o)
{
	struct nft_table t = { .family = nft_string(o, "family"), .name = nft_string(o, "name") };

	if (t.family && t.name)
		nft->tables[nft->n_tables++] = t;
}

static void add_chain(struct xc_nft *nft, const json_t *o)
{
	struct nft_chain n = {
		.family = nft_string(o, "family"),
		.table = nft_string(o, "table"),
		.name = nft_string(o, "name"),
		.hook = nft_string(o, "hook"),
		.dev = json_object_get(o, "dev"),
	};
	struct xc_chain c = { .packets = -1, .owner = nft_table_find(nft, n.family, n.table) };
	const char *type = nft_string(o, "type"), *policy = nft_string(o, "policy");

	if (!n.name || c.owner == NFT_NOT_FOUND ||
	    nft_chain_find(nft, n.family, n.table, n.name) != NFT_NOT_FOUND)
		return;
	if (n.hook) {
		c.hook = hook_of(n.hook);
		c.prio = prio_of(n.hook, json_integer_value(json_object_get(o, "prio")));
		c.is_nat = type && !strcmp(type, "nat");
		c.is_drop = policy && !strcmp(policy, "drop");
	}
	nft->chains[nft->n_chains] = c;
	nft->chain_names[nft->n_chains] = n;
	xc_index_add(&nft->chain_ix, hash3(n.family, n.table, n.name), nft->n_chains);
	nft->n_chains++;
}

static void add_set(struct xc_nft *nft, const json_t *o)
{
	struct nft_set s = {
		.family = nft_string(o, "family"),
		.table = nft_string(o, "table"),
		.name = nft_string(o, "name"),
		.elem = json_object_get(o, "elem"),
	};

	if (nft_set_find(nft, s.family, s.table, s.name) != NFT_NOT_FOUND || !s.family ||
	    !s.table || !s.name)
		return;
	nft->sets[nft->n_sets] = s;
	xc_index_add(&nft->set_ix, hash3(s.family, s.table, s.name), nft->n_sets);
	nft->n_sets++;
}

/* Facts about the whole ruleset that one statement gives away. */
static void note_stmt(struct xc_nft *nft, struct nft_table *t, const char *key, const json_t *v)
{
	const char *name = nft_string(v, "name");
	const char *mark = nft_string(json_object_get(json_object_get(v, "key"), "meta"), "key");
	const char *set = nft_string(v, "set");

	if (!strcmp(key, "notrack"))
		nft->has_notrack = true;
	if (!strcmp(key, "mangle") && mark && !strcmp(mark, "mark"))
		t->sets_mark = true;
	if ((!strcmp(key, "set") || !strcmp(key, "map")) && set && set[0] == '@') {
		uint32_t i = nft_set_find(nft, t->family, t->name, set + 1);

		if (i != NFT_NOT_FOUND)
			nft->sets[i].is_dynamic = true;
	}
	if (strcmp(key, "xt"))
		return;
	t->has_xt = true;
	if (!name || xc_ipt_sets_mark(name))
		t->sets_mark = true;
	if (!name || !strcmp(name, "CT") || !strcmp(name, "NOTRACK"))
		nft->has_notrack = true;
}

static void add_rule(struct xc_nft *nft, const json_t *o)
{
	struct nft_rule r = {
		.expr = json_object_get(o, "expr"),
		.handle = (uint32_t)json_integer_value(json_object_get(o, "handle")),
		.chain = nft_chain_find(nft, nft_string(o, "family"), nft_string(o, "table"),
					nft_string(o, "chain")),
	};
	struct nft_table *t;
	json_t *stmt, *v;
	size_t i;

	if (r.chain == NFT_NOT_FOUND)
		return;
	t = &nft->tables[nft->chains[r.chain].owner];
	nft->chains[r.chain].n_rules++;
	r.seq = nft->n_rules;
	nft->rules[nft->n_rules++] = r;
	json_array_foreach(r.expr, i, stmt) {
		const char *key = nft_single(stmt, &v);

		if (key)
			note_stmt(nft, t, key, v);
	}
}

static int by_chain(const void *a, const void *b)
{
	const struct nft_rule *x = a, *y = b;

	if (x->chain != y->chain)
		return x->chain < y->chain ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* nft lists the rules of one chain together; nothing promises that it always will. */
static void place_rules(struct xc_nft *nft)
{
	uint32_t first = 0;

	qsort(nft->rules, nft->n_rules, sizeof(*nft->rules), by_chain);
	for (uint32_t i = 0; i < nft->n_chains; i++) {
		nft->chains[i].first_rule = first;
		first += nft->chains[i].n_rules;
	}
}

typedef void add_fn(struct xc_nft *nft, const json_t *o);

/* Call @add (NULL = only count) for each object of @kind. Return: how many there are. */
static uint32_t add_all(struct xc_nft *nft, const json_t *list, const char *kind, add_fn *add)
{
	uint32_t n = 0;
	json_t *e, *v;
	size_t i;

	json_array_foreach(list, i, e) {
		const char *key = nft_single(e, &v);

		if (!key || strcmp(key, kind))
			continue;
		if (add)
			add(nft, v);
		n++;
	}
	return n;
}

static int alloc_all(struct xc_nft *nft, const json_t *list)
{
	uint32_t n_chains = add_all(nft, list, "chain", NULL);
	uint32_t n_sets = add_all(nft, list, "set", NULL) + add_all(nft, list, "map", NULL);

	/* One spare each: calloc(0) may return NULL. */
	nft->tables = calloc(add_all(nft, list, "table", NULL) + 1, sizeof(*nft->tables));
	nft->chains = calloc(n_chains + 1, sizeof(*nft->chains));
	nft->chain_names = calloc(n_chains + 1, sizeof(*nft->chain_names));
	nft->rules = calloc(add_all(nft, list, "rule", NULL) + 1, sizeof(*nft->rules));
	nft->sets = calloc(n_sets + 1, sizeof(*nft->sets));
	if (!nft->tables || !nft->chains || !nft->chain_names || !nft->rules || !nft->sets)
		return -ENOMEM;
	if (xc_index_init(&nft->chain_ix, n_chains) || xc_index_init(&nft->set_ix, n_sets))
		return -ENOMEM;
	return 0;
}

int xc_nft_parse(const char *json, struct xc_nft **ret)
{
	_cleanup_(xc_nft_freep) struct xc_nft *nft = calloc(1, sizeof(*nft));
	const json_t *list;
	int r;

	if (!nft)
		return -ENOMEM;
	nft->root = json_loads(json, 0, NULL);
	list = json_object_get(nft->root, "nftables");
	if (!json_is_array(list) || json_array_size(list) > INT32_MAX)
		return -EBADMSG;
	r = alloc_all(nft, list);
	if (r)
		return r;
	/* By kind, not by position: a rule may jump to a chain listed after it. */
	(void)add_all(nft, list, "table", add_table);
	(void)add_all(nft, list, "chain", add_chain);
	(void)add_all(nft, list, "set", add_set);
	(void)add_all(nft, list, "map", add_set);
	(void)add_all(nft, list, "rule", add_rule);
	place_rules(nft);
	*ret = TAKE_PTR(nft);
	return 0;
}

int xc_nft_add_text(struct xc_nft *nft, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	/* Lines of an earlier text must not be left pointing into what is freed here. */
	for (uint32_t i = 0; i < nft->n_rules; i++)
		nft->rules[i].text = NULL;
	for (uint32_t i = 0; i < nft->n_chains; i++)
		nft->chain_names[i].text = NULL;
	free(nft->text);
	nft->text = copy;
	nft_text_attach(nft);
	return 0;
}

bool xc_nft_table(const struct xc_nft *nft, uint32_t i, struct xc_nft_table *ret)
{
	if (i >= nft->n_tables)
		return false;
	ret->family = nft->tables[i].family;
	ret->name = nft->tables[i].name;
	ret->has_xt = nft->tables[i].has_xt;
	return true;
}

void xc_nft_free(struct xc_nft *nft)
{
	if (!nft)
		return;
	json_decref(nft->root);
	free(nft->text);
	free(nft->tables);
	free(nft->chains);
	free(nft->chain_names);
	free(nft->rules);
	free(nft->sets);
	xc_index_done(&nft->chain_ix);
	xc_index_done(&nft->set_ix);
	free(nft);
}

void xc_nft_skip_table(struct xc_nft *nft, const char *family, const char *table)
{
	uint32_t i = nft_table_find(nft, family, table);

	if (i != NFT_NOT_FOUND)
		nft->tables[i].is_skipped = true;
}
