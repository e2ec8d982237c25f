/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/ruleset.h"

#include "base/log.h"
#include "base/netns.h"
#include "base/scope.h"
#include "meta/iptables.h"
#include "meta/nft.h"
#include "meta/nft_dump.h"
#include "meta/run.h"

#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <time.h>

#define ENTRIES_MAX 16			/* namespaces kept; the one not asked for longest goes */
#define AGE_COUNTERS_NS 1000000000ull	/* older counters and iptables rules are read again */
#define AGE_MAX_NS 60000000000ull	/* sets that packets fill change without a generation */
#define COST_FACTOR 20			/* a dear dump that took t is not repeated within 20 t */
#define COST_DEAR_NS 50000000ull	/* ten thousand rules, here */
#define SAVE_MAX (64u << 20)		/* bytes */
#define SAVE_TIMEOUT_MS 5000

enum { IPT_LEGACY4, IPT_LEGACY6, IPT_NFT4, IPT_NFT6, _IPT_MAX };

static const struct {
	const char *engine;
	const char *family;
	const char *names;	/* lists the legacy tables in use; reading it loads nothing */
	const char *programs[2];
	bool is_v6;
} savers[] = {
	[IPT_LEGACY4] = { "iptables-legacy",
			  "ip",
			  "/proc/thread-self/net/ip_tables_names",
			  { "iptables-legacy-save", "iptables-save" },
			  false },
	[IPT_LEGACY6] = { "iptables-legacy",
			  "ip6",
			  "/proc/thread-self/net/ip6_tables_names",
			  { "ip6tables-legacy-save", "ip6tables-save" },
			  true },
	[IPT_NFT4] = { "iptables-nft",
		       "ip",
		       NULL,
		       { "iptables-nft-save", "iptables-save" },
		       false },
	[IPT_NFT6] = { "iptables-nft",
		       "ip6",
		       NULL,
		       { "ip6tables-nft-save", "ip6tables-save" },
		       true },
};
_Static_assert(ARRAY_SIZE(savers) == _IPT_MAX, "one row per saver");

/* The rulesets of one namespace. Heap: set-up work, done when asked, never per packet. */
struct entry {
	uint32_t netns;		/* 0 = free */
	int err;		/* why there is nothing, 0 = there is */
	struct xc_nft_state state;
	uint64_t loaded_ns;
	uint64_t cost_ns;
	uint64_t used_ns;
	struct xc_nft *nft;
	struct xc_ipt *ipt[_IPT_MAX];
	bool was_in_use[_IPT_MAX];
};

struct xc_ruleset {
	struct entry e[ENTRIES_MAX];
	struct xc_candidates found;
	bool has_warned[_IPT_MAX];	/* once each is enough for the operator */
};

XC_DEFINE_FREEP(struct xc_nft, xc_nft_free)

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void entry_clear(struct entry *e)
{
	xc_nft_free(e->nft);
	for (size_t i = 0; i < _IPT_MAX; i++)
		xc_ipt_free(e->ipt[i]);
	*e = (struct entry){ 0 };
}

struct xc_ruleset *xc_ruleset_new(void)
{
	return calloc(1, sizeof(struct xc_ruleset));
}

void xc_ruleset_refresh(struct xc_ruleset *rs)
{
	for (size_t i = 0; i < ENTRIES_MAX; i++)
		entry_clear(&rs->e[i]);
}

void xc_ruleset_free(struct xc_ruleset *rs)
{
	if (!rs)
		return;
	xc_ruleset_refresh(rs);
	free(rs);
}

/* A zero netns cannot be told from a free entry; the own namespace may be asked for that way. */
static struct entry *entry_find(struct xc_ruleset *rs, uint32_t netns)
{
	struct entry *oldest = &rs->e[0];

	for (size_t i = 0; i < ENTRIES_MAX; i++) {
		if (rs->e[i].loaded_ns && rs->e[i].netns == netns)
			return &rs->e[i];
		if (rs->e[i].used_ns < oldest->used_ns)
			oldest = &rs->e[i];
	}
	entry_clear(oldest);
	oldest->netns = netns;
	return oldest;
}

/* ---- nftables ---- */

static bool has_xt(const struct xc_nft *nft, const char *family)
{
	struct xc_nft_table t;

	for (uint32_t i = 0; nft && xc_nft_table(nft, i, &t); i++)
		if (t.has_xt && !strcmp(t.family, family))
			return true;
	return false;
}

static const unsigned int text_flags =
	NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE;

/* Text of every table but those of iptables-nft. */
static void collect_text(const struct xc_nft *nft, struct xc_buf *all)
{
	struct xc_nft_table t;

	for (uint32_t i = 0; xc_nft_table(nft, i, &t); i++) {
		_cleanup_free_ char *text = NULL;
		char command[600];	/* a table name has at most 255 characters */

		(void)snprintf(command, sizeof(command), "list table %s %s", t.family, t.name);
		if (!t.has_xt && !xc_nft_command(command, text_flags, &text))
			xc_buf_puts(all, text);	/* else it is gone by now: handles will do */
	}
}

/*
 * The text form of tables that iptables-nft made goes through libxtables, which
 * complains on stderr about what it cannot load; those are shown as iptables-save
 * prints them, so their text is not asked for.
 */
static int load_nft_text(struct xc_nft *nft)
{
	_cleanup_free_ char *text = NULL;
	struct xc_buf all = xc_buf(SAVE_MAX);
	int r = 0;

	if (!has_xt(nft, "ip") && !has_xt(nft, "ip6")) {
		r = xc_nft_command("list ruleset", text_flags, &text);
		return r ? r : xc_nft_add_text(nft, text);
	}
	collect_text(nft, &all);
	if (all.p && !all.is_full)
		r = xc_nft_add_text(nft, all.p);
	xc_buf_done(&all);
	return r;
}

static int load_nft(struct xc_nft **ret)
{
	_cleanup_(xc_nft_freep) struct xc_nft *nft = NULL;
	_cleanup_free_ char *json = NULL;
	int r;

	r = xc_nft_command("list ruleset", NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE, &json);
	if (r)
		return r;
	r = xc_nft_parse(json, &nft);
	if (r)
		return r;
	r = load_nft_text(nft);
	if (r)
		return r;
	*ret = TAKE_PTR(nft);
	return 0;
}

/* ---- iptables ---- */

static bool is_in_use(const struct entry *e, size_t which)
{
	_cleanup_close_ int fd = -1;
	char c;

	if (!savers[which].names)
		return has_xt(e->nft, savers[which].family);
	fd = open(savers[which].names, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &c, 1) == 1;
}

/* "iptables-save" is the legacy or the nft variant, depending on the distribution. */
static bool is_variant(const char *text, size_t which)
{
	bool is_nft = strstr(text, "(nf_tables)") != NULL;

	return is_nft == (which == IPT_NFT4 || which == IPT_NFT6);
}

static int load_ipt(size_t which, struct xc_ipt **ret)
{
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(savers[which].programs); i++) {
		char *argv[] = { (char *)savers[which].programs[i], "-c", NULL };
		struct xc_buf out = xc_buf(SAVE_MAX);

		r = xc_run(argv, &out, SAVE_TIMEOUT_MS);
		if (!r && (!out.p || !is_variant(out.p, which)))
			r = -ENOENT;
		if (!r)
			r = xc_ipt_parse(out.p, savers[which].engine, savers[which].is_v6, ret);
		xc_buf_done(&out);
		if (!r)
			return 0;
	}
	return r;
}

static void skip_tables(struct xc_nft *nft, const struct xc_ipt *ipt, const char *family)
{
	const char *name;

	for (uint32_t i = 0; (name = xc_ipt_table(ipt, i)); i++)
		xc_nft_skip_table(nft, family, name);
}

static void load_all_ipt(struct xc_ruleset *rs, struct entry *e)
{
	for (size_t i = 0; i < _IPT_MAX; i++) {
		int r;

		e->was_in_use[i] = is_in_use(e, i);
		if (!e->was_in_use[i])
			continue;
		r = load_ipt(i, &e->ipt[i]);
		if (!r && !savers[i].names)
			skip_tables(e->nft, e->ipt[i], savers[i].family);
		if (r && !rs->has_warned[i])
			(void)xc_warn(r, "cannot read %s rules (%s)", savers[i].engine,
				      savers[i].family);
		rs->has_warned[i] |= r != 0;
	}
}

/* ---- the cache ---- */

static bool has_ipt(const struct entry *e)
{
	for (size_t i = 0; i < _IPT_MAX; i++)
		if (e->ipt[i])
			return true;
	return false;
}

static uint64_t age_ns(const struct entry *e)
{
	return now_ns() - e->loaded_ns;
}

/* Old enough that reading it again is worth what it costs. */
static bool is_older_than(const struct entry *e, uint64_t limit_ns)
{
	uint64_t pause = e->cost_ns > COST_DEAR_NS ? e->cost_ns * COST_FACTOR : 0;

	return age_ns(e) > (pause > limit_ns ? pause : limit_ns);
}

/* Legacy tables that came into use are no change nftables would count. */
static bool has_new_ipt(const struct entry *e)
{
	for (size_t i = 0; i < _IPT_MAX; i++)
		if (savers[i].names && !e->was_in_use[i] && is_in_use(e, i))
			return true;
	return false;
}

static bool is_fresh(const struct entry *e, const struct xc_nft_state *st)
{
	uint64_t limit_ns = AGE_MAX_NS;

	if (!e->loaded_ns || e->state.cookie != st->cookie || has_new_ipt(e))
		return false;
	if (e->state.generation != st->generation)
		limit_ns = 0;	/* at once, unless it is dear */
	else if (e->err || !st->cookie || has_ipt(e))
		limit_ns = AGE_COUNTERS_NS;	/* nothing tells when these change */
	return !is_older_than(e, limit_ns);
}

static void load(struct xc_ruleset *rs, struct entry *e, const struct xc_nft_state *st,
		 bool has_nft)
{
	uint32_t netns = e->netns;
	uint64_t start = now_ns();

	entry_clear(e);
	e->netns = netns;
	e->state = *st;
	if (has_nft)
		e->err = load_nft(&e->nft);
	if (e->err != -EPERM)
		load_all_ipt(rs, e);
	if (has_ipt(e))
		e->err = 0;
	else if (!has_nft)
		e->err = -EOPNOTSUPP;
	e->loaded_ns = now_ns();
	e->cost_ns = e->loaded_ns - start;
}

/* In the namespace: its rulesets, as fresh as asked for. */
static int entry_get(struct xc_ruleset *rs, uint32_t netns, bool is_forced, struct entry **ret)
{
	struct xc_nft_state st = { 0 };
	struct entry *e;
	int r = xc_nft_state(&st);

	if (r && r != -EOPNOTSUPP)
		return r;
	e = entry_find(rs, netns);
	/* Also a forced look waits while the last one was dear: drops come in storms. */
	if ((is_forced && is_older_than(e, 0)) || !is_fresh(e, &st))
		load(rs, e, &st, r == 0);
	e->used_ns = now_ns();
	*ret = e;
	return e->err;
}

static size_t evaluate(struct xc_ruleset *rs, const struct entry *e, const struct xc_packet *pkt)
{
	xc_candidates_init(&rs->found);
	if (e->nft)
		xc_nft_eval(e->nft, pkt, &rs->found);
	for (size_t i = 0; i < _IPT_MAX; i++)
		if (e->ipt[i])
			xc_ipt_eval(e->ipt[i], pkt, &rs->found);
	return xc_candidates_finish(&rs->found);
}

/* size-ok: a question has a place, a packet and room for the answer; all six are plain */
int xc_ruleset_name(struct xc_ruleset *rs, int netns_fd, uint32_t netns,
		    const struct xc_packet *pkt, struct xc_rule *out, size_t max)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	struct entry *e;
	size_t n;
	int r;

	r = xc_netns_enter(netns_fd, &visit);
	if (r)
		return r;
	r = entry_get(rs, netns, false, &e);
	if (r)
		return r;
	n = evaluate(rs, e, pkt);
	if (n > 1 && is_older_than(e, AGE_COUNTERS_NS)) {	/* L2 wants counters from before */
		r = entry_get(rs, netns, true, &e);
		if (r)
			return r;
		n = evaluate(rs, e, pkt);
	}
	if (max > rs->found.n)
		max = rs->found.n;
	memcpy(out, rs->found.r, max * sizeof(*out));
	return (int)n;
}

static bool is_same(const struct xc_rule *a, const struct xc_rule *b)
{
	if (strcmp(a->engine, b->engine) || strcmp(a->table, b->table) ||
	    strcmp(a->chain, b->chain) || a->handle != b->handle || a->is_policy != b->is_policy)
		return false;
	/* An iptables number is a place: another rule may stand there now. */
	return !strcmp(a->engine, "nftables") || !strcmp(a->text, b->text);
}

/* Bring one candidate's counter up to date. Return: it moved. */
static bool has_moved(const struct xc_candidates *now, struct xc_rule *rule)
{
	for (size_t i = 0; i < now->n; i++) {
		int64_t before = rule->packets;

		if (!is_same(&now->r[i], rule))
			continue;
		rule->packets = now->r[i].packets;
		return before >= 0 && rule->packets > before;
	}
	return false;
}

/* A rule that may have dropped them unseen speaks against one that only may have. */
static bool is_proof(const struct xc_rule_list *list, size_t moved)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->rules[i].is_certain && list->rules[i].packets < 0)
			return list->rules[moved].is_certain;
	return true;
}

int xc_ruleset_counted(struct xc_ruleset *rs, int netns_fd, uint32_t netns,
		       const struct xc_packet *pkt, struct xc_rule_list *list)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	size_t n_moved = 0, moved = 0;
	struct xc_rule first;
	struct entry *e;
	int r;

	r = xc_netns_enter(netns_fd, &visit);
	if (r)
		return r;
	r = entry_get(rs, netns, true, &e);
	if (r)
		return r;
	(void)evaluate(rs, e, pkt);
	for (size_t i = 0; i < list->n; i++) {
		if (!has_moved(&rs->found, &list->rules[i]))
			continue;
		n_moved++;
		moved = i;
	}
	if (n_moved != 1 || !is_proof(list, moved))
		return 0;
	first = list->rules[moved];
	first.how = XC_RULE_COUNTED;
	memmove(&list->rules[1], &list->rules[0], moved * sizeof(first));
	list->rules[0] = first;
	return 1;
}

int xc_ruleset_describe(struct xc_ruleset *rs, int netns_fd, uint32_t netns, struct xc_rule *rule)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	struct entry *e;
	int r;

	r = xc_netns_enter(netns_fd, &visit);
	if (r)
		return r;
	r = entry_get(rs, netns, false, &e);
	if (r)
		return r;
	return e->nft && xc_nft_describe(e->nft, rule);
}
