/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading iptables-save: tables, chains and the frame of each rule. What is inside a
 * rule is read in ipt_rule.c, evaluation is in ipt_eval.c.
 */
#include "meta/ipt_tree.h"

#include "base/scope.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 512	/* a rule has at most 15 ports and a comment of 255 characters */
#define NO_CHAIN UINT32_MAX

XC_DEFINE_FREEP(struct xc_ipt, xc_ipt_free)

void *ipt_push(struct ipt_vec *vec, size_t size)
{
	if (vec->n == vec->cap) {
		uint32_t cap = vec->cap ? vec->cap * 2 : 64;
		void *p = realloc(vec->p, (size_t)cap * size);

		if (!p)
			return NULL;
		vec->p = p;
		vec->cap = cap;
	}
	return memset((char *)vec->p + (size_t)vec->n++ * size, 0, size);
}

static uint64_t chain_hash(uint32_t table, const char *name)
{
	return xc_hash(name, strlen(name)) * 31 + table;
}

static uint32_t chain_find(const struct xc_ipt *ipt, const char *name)
{
	uint32_t table = ipt->tables.n - 1;

	for (uint32_t i = xc_index_first(&ipt->chain_ix, chain_hash(table, name));
	     i != XC_INDEX_END; i = xc_index_next(&ipt->chain_ix, i))
		if (IPT_AT(ipt->chains, struct xc_chain, i)->owner == table &&
		    !strcmp(*IPT_AT(ipt->names, const char *, i), name))
			return i;
	return NO_CHAIN;
}

/* Cut a line into words; quotes and backslashes as iptables-save writes them. */
static void split(char *line, struct ipt_words *words, char **w, size_t max)
{
	char *in = line, *out = line;
	char quote = 0;

	*words = (struct ipt_words){ .w = w };
	while (*in && words->n < max) {
		in += strspn(in, " \t\r");
		if (!*in)
			break;
		w[words->n++] = out;
		for (; *in && (quote || !isspace((unsigned char)*in)); in++) {
			if (*in == quote || (!quote && (*in == '"' || *in == '\''))) {
				quote = quote ? 0 : *in;
				continue;
			}
			if (*in == '\\' && in[1])
				in++;
			*out++ = *in;
		}
		if (*in)
			in++;
		*out++ = '\0';
	}
}

/* "[12:340]" */
static int64_t packets_of(const char *counter)
{
	unsigned long long n;

	return sscanf(counter, "[%llu:", &n) == 1 ? (int64_t)n : -1;
}

static int on_table(struct xc_ipt *ipt, char *name)
{
	struct ipt_table *t = ipt_push(&ipt->tables, sizeof(*t));

	if (!t)
		return -ENOMEM;
	name[strcspn(name, " \t\r")] = '\0';
	t->name = name;
	return 0;
}

/* linux/netfilter_ipv4.h, enum nf_ip_hook_priorities; the nft variant uses the same. */
static int32_t prio_of(const char *table, enum xc_hook hook)
{
	if (!strcmp(table, "raw"))
		return -300;
	if (!strcmp(table, "mangle"))
		return -150;
	if (!strcmp(table, "security"))
		return 50;
	if (!strcmp(table, "nat"))
		return hook == XC_HOOK_PREROUTING || hook == XC_HOOK_OUTPUT ? -100 : 100;
	return 0;
}

static enum xc_hook hook_of(const char *chain)
{
	static const char *const names[] = {
		[XC_HOOK_PREROUTING] = "PREROUTING",   [XC_HOOK_INPUT] = "INPUT",
		[XC_HOOK_FORWARD] = "FORWARD",	       [XC_HOOK_OUTPUT] = "OUTPUT",
		[XC_HOOK_POSTROUTING] = "POSTROUTING",
	};

	for (size_t i = XC_HOOK_PREROUTING; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], chain))
			return (enum xc_hook)i;
	return XC_HOOK_NONE;
}

/* ":INPUT DROP [0:0]", ":MINE - [0:0]" */
static int on_chain(struct xc_ipt *ipt, char *line)
{
	struct ipt_words words;
	char *w[3] = { NULL };
	struct xc_chain *c;
	const char **name;

	split(line, &words, w, ARRAY_SIZE(w));
	if (words.n < 2 || ipt->tables.n == 0 || chain_find(ipt, w[0]) != NO_CHAIN)
		return 0;
	c = ipt_push(&ipt->chains, sizeof(*c));
	name = ipt_push(&ipt->names, sizeof(*name));
	if (!c || !name)
		return -ENOMEM;
	*name = w[0];
	c->owner = ipt->tables.n - 1;
	c->packets = words.n > 2 ? packets_of(w[2]) : -1;
	if (strcmp(w[1], "-")) {
		const char *table = IPT_AT(ipt->tables, struct ipt_table, c->owner)->name;

		c->hook = hook_of(w[0]);
		c->prio = prio_of(table, c->hook);
		c->is_nat = !strcmp(table, "nat");
		c->is_drop = !strcmp(w[1], "DROP");
	}
	xc_index_add(&ipt->chain_ix, chain_hash(c->owner, w[0]), ipt->chains.n - 1);
	return 0;
}

static void note_target(struct xc_ipt *ipt, const struct ipt_words *words, const char *target)
{
	if (xc_ipt_sets_mark(target))
		IPT_AT(ipt->tables, struct ipt_table, ipt->tables.n - 1)->sets_mark = true;
	if (!strcmp(target, "NOTRACK"))
		ipt->has_notrack = true;
	for (size_t i = words->at; !strcmp(target, "CT") && i < words->n; i++)
		if (!strcmp(words->w[i], "--notrack"))
			ipt->has_notrack = true;
}

static void resolve(struct xc_ipt *ipt, struct ipt_rule *rule, const char *target)
{
	bool is_goto = rule->action == XC_IPT_GOTO;

	rule->target = chain_find(ipt, target);
	if (rule->target != NO_CHAIN)
		rule->action = is_goto ? XC_IPT_GOTO : XC_IPT_JUMP;
	else
		rule->action = is_goto ? XC_IPT_UNKNOWN : xc_ipt_target(target);
}

/* "[0:0] -A CHAIN ..."; @scratch: as long as the line, its words point into it. */
static int on_rule(struct xc_ipt *ipt, const char *line, char *scratch)
{
	struct ipt_rule rule = { .packets = -1, .seq = ipt->rules.n }, *slot;
	const char *target = NULL;
	struct ipt_words words;
	char *w[WORDS_MAX];
	int r;

	if (line[0] == '[') {
		rule.packets = packets_of(line);
		line += strcspn(line, "]");
		line += strspn(line, "] ");
	}
	if (strncmp(line, "-A ", 3) || ipt->tables.n == 0)
		return 0;
	rule.text = line;
	memcpy(scratch, line + 3, strlen(line + 3) + 1);
	split(scratch, &words, w, WORDS_MAX);
	rule.chain = words.n ? chain_find(ipt, w[0]) : NO_CHAIN;
	if (rule.chain == NO_CHAIN)
		return 0;
	words.at = 1;
	r = ipt_read_rule(ipt, &words, &rule, &target);
	if (r)
		return r;
	if (target) {
		note_target(ipt, &words, target);
		resolve(ipt, &rule, target);
	}
	rule.number = ++IPT_AT(ipt->chains, struct xc_chain, rule.chain)->n_rules;
	slot = ipt_push(&ipt->rules, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	*slot = rule;
	return 0;
}

static int by_chain(const void *a, const void *b)
{
	const struct ipt_rule *x = a, *y = b;

	if (x->chain != y->chain)
		return x->chain < y->chain ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void place_rules(struct xc_ipt *ipt)
{
	uint32_t first = 0;

	if (ipt->rules.n)
		qsort(ipt->rules.p, ipt->rules.n, sizeof(struct ipt_rule), by_chain);
	for (uint32_t i = 0; i < ipt->chains.n; i++) {
		struct xc_chain *c = IPT_AT(ipt->chains, struct xc_chain, i);

		c->first_rule = first;
		first += c->n_rules;
	}
}

static int on_line(struct xc_ipt *ipt, char *line, char *scratch)
{
	switch (line[0]) {
	case '*':
		return on_table(ipt, line + 1);
	case ':':
		return on_chain(ipt, line + 1);
	case '[':
	case '-':
		return on_rule(ipt, line, scratch);
	default:	/* comments, COMMIT */
		return 0;
	}
}

static uint32_t count_chains(const char *text)
{
	uint32_t n = text[0] == ':';

	for (const char *p = text; (p = strstr(p, "\n:")); p++)
		n++;
	return n;
}

int xc_ipt_parse(const char *text, const char *engine, bool is_v6, struct xc_ipt **ret)
{
	_cleanup_(xc_ipt_freep) struct xc_ipt *ipt = calloc(1, sizeof(*ipt));
	_cleanup_free_ char *scratch = malloc(strlen(text) + 1);
	char *end;
	int r;

	if (!ipt || !scratch)
		return -ENOMEM;
	ipt->engine = engine;
	ipt->is_v6 = is_v6;
	ipt->text = strdup(text);
	if (!ipt->text)
		return -ENOMEM;
	r = xc_index_init(&ipt->chain_ix, count_chains(text));
	if (r)
		return r;
	for (char *line = ipt->text; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		r = on_line(ipt, line, scratch);
		if (r)
			return r;
	}
	place_rules(ipt);
	*ret = TAKE_PTR(ipt);
	return 0;
}

void xc_ipt_free(struct xc_ipt *ipt)
{
	if (!ipt)
		return;
	free(ipt->text);
	free(ipt->tables.p);
	free(ipt->chains.p);
	free(ipt->names.p);
	free(ipt->rules.p);
	free(ipt->matches.p);
	free(ipt->ports.p);
	xc_index_done(&ipt->chain_ix);
	free(ipt);
}

const char *xc_ipt_table(const struct xc_ipt *ipt, uint32_t i)
{
	return i < ipt->tables.n ? IPT_AT(ipt->tables, struct ipt_table, i)->name : NULL;
}
