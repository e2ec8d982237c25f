/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the line of `nft -a list ruleset` for each rule, by table, chain and handle.
 * The JSON form decides, this form is shown: people know their rules by it.
 *
 *	table inet filter { # handle 7
 *		chain in { # handle 3
 *			type filter hook input priority filter; policy drop;
 *			tcp dport 80 drop # handle 9
 *		}
 *	}
 */
#include "meta/nft_tree.h"

#include <ctype.h>
#include <string.h>

struct reader {
	struct xc_nft *nft;
	char *family;		/* of the table being read */
	char *table;
	uint32_t chain;		/* being read, or NFT_NOT_FOUND */
	uint32_t rule;		/* number within the chain expected next */
	char *start;		/* first line of a rule that spans several */
};

/* Cut the next word out of *@p. */
static char *word(char **p)
{
	char *w = *p + strspn(*p, " \t");
	size_t n = strcspn(w, " \t");

	*p = w + n;
	if (**p)
		*(*p)++ = '\0';
	return w;
}

/* Handle at the end of a line, which is cut off there; 0 = the line has none. */
static uint32_t take_handle(char *line)
{
	static const char mark[] = "# handle ";
	uint32_t handle = 0;
	char *at = NULL;

	for (char *p = line; (p = strstr(p, mark)); p += sizeof(mark) - 1)
		at = p;		/* a comment may contain the same words: the last one counts */
	if (!at)
		return 0;
	for (const char *d = at + sizeof(mark) - 1; *d; d++) {
		if (!isdigit((unsigned char)*d))
			return 0;
		handle = handle * 10 + (uint32_t)(*d - '0');
	}
	*at = '\0';
	return handle;
}

static void on_rule(struct reader *rd, char *line, uint32_t handle)
{
	struct xc_nft *nft = rd->nft;
	const struct xc_chain *c = &nft->chains[rd->chain];

	for (uint32_t i = 0; i < c->n_rules; i++) {
		uint32_t at = (rd->rule + i) % c->n_rules;

		if (nft->rules[c->first_rule + at].handle != handle)
			continue;
		nft->rules[c->first_rule + at].text = line;
		rd->rule = at + 1;
		return;
	}
}

static void on_chain_line(struct reader *rd, char *line)
{
	uint32_t handle = take_handle(line);

	if (!handle && !rd->start && !strncmp(line, "\t\ttype ", 7)) {
		rd->nft->chain_names[rd->chain].text = line;
		return;
	}
	if (!handle && !rd->start && !strncmp(line, "\t\tcomment ", 10))
		return;		/* of the chain */
	if (!rd->start)
		rd->start = line;
	if (!handle) {	/* goes on: give back the line end that joins it with the next line */
		line[strlen(line)] = '\n';
		return;
	}
	on_rule(rd, rd->start, handle);
	rd->start = NULL;
}

static void on_line(struct reader *rd, char *line)
{
	if (rd->chain != NFT_NOT_FOUND) {
		if (strcmp(line, "\t}"))
			on_chain_line(rd, line);
		else
			rd->chain = NFT_NOT_FOUND;
		return;
	}
	if (!strncmp(line, "table ", 6)) {
		line += 6;
		rd->family = word(&line);
		rd->table = word(&line);
	} else if (!strncmp(line, "\tchain ", 7) && rd->table) {
		line += 7;
		rd->chain = nft_chain_find(rd->nft, rd->family, rd->table, word(&line));
		rd->rule = 0;
		rd->start = NULL;
	}
}

void nft_text_attach(struct xc_nft *nft)
{
	struct reader rd = { .nft = nft, .chain = NFT_NOT_FOUND };
	char *line = nft->text, *end;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		on_line(&rd, line);
	}
}
