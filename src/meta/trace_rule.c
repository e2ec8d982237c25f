/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/trace_rule.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/netns.h"
#include "base/scope.h"
#include "meta/nft_dump.h"
#include "meta/walk.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define TABLE "crosscut_trace"
#define TRACES_MAX 4	/* at a time; a trace is for one stubborn case, not for all */
#define IDS_MAX 32	/* traced packets remembered; five a second for a few seconds */
#define SCRIPT_MAX 4096

struct xc_trace {
	struct nft_ctx *ctx;	/* owns the table: it lives as long as this socket */
	struct mnl_socket *nl;
	uint32_t ids[IDS_MAX];	/* of packets our own rule has marked */
	uint32_t n_ids;
};

/* For the exit handler, where no owner flag helps. */
static struct xc_trace *active[TRACES_MAX];

/* ---- the table ---- */

static void put_addr(struct xc_buf *b, const char *side, const uint8_t addr[16], bool is_v4)
{
	char s[INET6_ADDRSTRLEN];

	(void)inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? addr + 12 : addr, s, sizeof(s));
	xc_buf_printf(b, "%s %s %s ", is_v4 ? "ip" : "ip6", side, s);
}

/*
 * The flow without its ephemeral port, taken to be the larger one: the next try of the
 * application comes from another port and must be seen as well.
 */
static void put_flow(struct xc_buf *b, const struct xc_packet *pkt, const struct xc_tuple *t)
{
	bool is_v4 = xc_packet_is_v4(pkt);

	put_addr(b, "saddr", t->saddr, is_v4);
	put_addr(b, "daddr", t->daddr, is_v4);
	xc_buf_printf(b, "meta l4proto %u ", t->proto);
	if (xc_packet_has_ports(pkt) && t->dport_he <= t->sport_he)
		xc_buf_printf(b, "th dport %u ", t->dport_he);
	else if (xc_packet_has_ports(pkt))
		xc_buf_printf(b, "th sport %u ", t->sport_he);
	xc_buf_puts(b, "limit rate 5/second meta nftrace set 1\n");
}

static void put_chain(struct xc_buf *b, const char *hook, const struct xc_packet *pkt)
{
	xc_buf_printf(b, "chain %s {\ntype filter hook %s priority -350; policy accept;\n", hook,
		      hook);
	put_flow(b, pkt, &pkt->tuple);
	if (pkt->orig.proto)	/* before DNAT it has another address here */
		put_flow(b, pkt, &pkt->orig);
	xc_buf_puts(b, "}\n");
}

static int run(struct nft_ctx *ctx, const char *script)
{
	const char *text;

	if (!nft_run_cmd_from_buffer(ctx, script))
		return 0;
	text = nft_ctx_get_error_buffer(ctx);
	xc_debug("nft: %s", text ? text : "failed");
	if (text && strstr(text, "not permitted"))
		return -EPERM;
	if (text && (strstr(text, "exists") || strstr(text, "busy")))
		return -EBUSY;
	return text && strstr(text, "No such file") ? -ENOENT : -EOPNOTSUPP;
}

static int add_table(struct nft_ctx *ctx, const struct xc_packet *pkt, bool has_owner)
{
	struct xc_buf b = xc_buf(SCRIPT_MAX);
	int r = -ENOMEM;

	/* "create" fails when the table is there: it would be somebody else's. */
	xc_buf_printf(&b, "create table inet " TABLE " %s\ntable inet " TABLE " {\n%s",
		      has_owner ? "{ flags owner; }" : "", has_owner ? "flags owner\n" : "");
	put_chain(&b, "prerouting", pkt);
	put_chain(&b, "output", pkt);
	xc_buf_puts(&b, "}\n");
	if (!b.is_full)
		r = run(ctx, b.p);
	xc_buf_done(&b);
	return r;
}

static struct nft_ctx *new_ctx(void)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);

	if (ctx && (nft_ctx_buffer_output(ctx) || nft_ctx_buffer_error(ctx))) {
		nft_ctx_free(ctx);
		return NULL;
	}
	return ctx;
}

static int remove_leftover(struct nft_ctx *ctx)
{
	int r = run(ctx, "delete table inet " TABLE);

	return r == -ENOENT ? 0 : r;
}

int xc_trace_clean(int netns_fd)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	struct xc_nft_state st;
	struct nft_ctx *ctx;
	int r;

	r = xc_netns_enter(netns_fd, &visit);
	if (!r)
		r = xc_nft_state(&st);
	if (r)
		return r;
	ctx = new_ctx();
	if (!ctx)
		return -ENOMEM;
	r = remove_leftover(ctx);
	nft_ctx_free(ctx);
	return r;
}

/* ---- the kernel's answer ---- */

struct answer {
	struct xc_trace *t;
	struct xc_rule *rule;
	bool is_found;
};

struct trace_attrs {
	const struct nlattr *a[NFTA_TRACE_MAX + 1];
};

static int collect(const struct nlattr *attr, void *data)
{
	struct trace_attrs *at = data;

	if (mnl_attr_type_valid(attr, NFTA_TRACE_MAX) > 0)
		at->a[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static uint32_t u32_of(const struct nlattr *attr, uint32_t missing)
{
	if (!attr || mnl_attr_get_payload_len(attr) < sizeof(uint32_t))
		return missing;
	return ntohl(mnl_attr_get_u32(attr));
}

static const char *string_of(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attr) :
									   NULL;
}

/* The final verdict of a rule or policy; UINT32_MAX = none. Negative codes are jumps and such. */
static uint32_t verdict_code(const struct trace_attrs *at, uint32_t type)
{
	const struct nlattr *nested = at->a[NFTA_TRACE_VERDICT], *attr;

	if (type == NFT_TRACETYPE_POLICY)
		return u32_of(at->a[NFTA_TRACE_POLICY], UINT32_MAX);
	if (type != NFT_TRACETYPE_RULE || !nested)
		return UINT32_MAX;
	mnl_attr_for_each_nested(attr, nested)
	{
		if (mnl_attr_get_type(attr) == NFTA_VERDICT_CODE)
			return u32_of(attr, UINT32_MAX);
	}
	return UINT32_MAX;
}

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "?";
	}
}

/* Others may trace as well: only packets that our rule has marked count. */
static bool is_ours(struct xc_trace *t, uint32_t id, const char *table)
{
	if (!strcmp(table, TABLE)) {
		t->ids[t->n_ids++ % IDS_MAX] = id;
		return false;
	}
	for (uint32_t i = 0; i < t->n_ids && i < IDS_MAX; i++)
		if (t->ids[i] == id)
			return true;
	return false;
}

static bool is_drop(const struct trace_attrs *at)
{
	uint32_t code = verdict_code(at, u32_of(at->a[NFTA_TRACE_TYPE], 0));

	return code <= INT32_MAX && (code & NF_VERDICT_MASK) == NF_DROP;
}

static void fill(struct xc_rule *rule, const struct nfgenmsg *gen, const struct trace_attrs *at)
{
	const char *table = string_of(at->a[NFTA_TRACE_TABLE]);
	const char *chain = string_of(at->a[NFTA_TRACE_CHAIN]);
	const struct nlattr *handle = at->a[NFTA_TRACE_RULE_HANDLE];
	char name[320];

	*rule = (struct xc_rule){
		.engine = "nftables",
		.packets = -1,
		.verdict = XC_VERDICT_DROP,
		.how = XC_RULE_TRACED,
		.is_policy = u32_of(at->a[NFTA_TRACE_TYPE], 0) == NFT_TRACETYPE_POLICY,
		.is_certain = true,
	};
	if (!rule->is_policy && handle && mnl_attr_get_payload_len(handle) >= sizeof(uint64_t))
		rule->handle = (uint32_t)be64toh(mnl_attr_get_u64(handle));
	(void)snprintf(name, sizeof(name), "%s %s", family_name(gen->nfgen_family), table);
	xc_text_copy(rule->table, sizeof(rule->table), name, sizeof(name));
	xc_text_copy(rule->chain, sizeof(rule->chain), chain, strlen(chain));
}

static int on_trace(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *gen = mnl_nlmsg_get_payload(nlh);
	struct trace_attrs at = { 0 };
	struct answer *ans = data;
	const char *table;

	if (nlh->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_TRACE) || ans->is_found ||
	    mnl_attr_parse(nlh, sizeof(*gen), collect, &at) < 0)
		return MNL_CB_OK;
	table = string_of(at.a[NFTA_TRACE_TABLE]);
	if (!table || !string_of(at.a[NFTA_TRACE_CHAIN]) ||
	    !is_ours(ans->t, u32_of(at.a[NFTA_TRACE_ID], 0), table) || !is_drop(&at))
		return MNL_CB_OK;
	fill(ans->rule, gen, &at);
	ans->is_found = true;
	return MNL_CB_OK;
}

int xc_trace_fd(const struct xc_trace *t)
{
	return mnl_socket_get_fd(t->nl);
}

int xc_trace_read(struct xc_trace *t, struct xc_rule *ret_rule)
{
	struct answer ans = { .t = t, .rule = ret_rule };
	char buf[16384];

	while (!ans.is_found) {
		ssize_t n = recv(mnl_socket_get_fd(t->nl), buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0 && errno == ENOBUFS)
			continue;	/* traces were lost; more may come */
		if (n < 0)
			return -errno;
		(void)mnl_cb_run(buf, (size_t)n, 0, 0, on_trace, &ans);
	}
	return 1;
}

/* ---- life cycle ---- */

static void stop_all(void)
{
	for (size_t i = 0; i < TRACES_MAX; i++)
		xc_trace_stop(active[i]);
}

/* Return: -EBUSY when there are too many. */
static int remember(struct xc_trace *t)
{
	static bool is_registered;

	if (!is_registered && atexit(stop_all))
		return -ENOMEM;
	is_registered = true;
	for (size_t i = 0; i < TRACES_MAX; i++) {
		if (active[i])
			continue;
		active[i] = t;
		return 0;
	}
	return -EBUSY;
}

void xc_trace_stop(struct xc_trace *t)
{
	int r = 0;

	if (!t)
		return;
	for (size_t i = 0; i < TRACES_MAX; i++)
		if (active[i] == t)
			active[i] = NULL;
	if (t->ctx) {	/* the table first: packets stop being traced before nobody reads */
		r = remove_leftover(t->ctx);
		nft_ctx_free(t->ctx);
	}
	if (r)
		(void)xc_warn(r, "cannot remove table inet " TABLE);
	if (t->nl)
		(void)mnl_socket_close(t->nl);
	free(t);
}

XC_DEFINE_FREEP(struct xc_trace, xc_trace_stop)

static int listen_to_traces(struct xc_trace *t)
{
	int group = NFNLGRP_NFTRACE;

	t->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!t->nl || mnl_socket_bind(t->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(t->nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

static int install(struct xc_trace *t, const struct xc_packet *pkt)
{
	int r;

	t->ctx = new_ctx();
	if (!t->ctx)
		return -ENOMEM;
	r = remove_leftover(t->ctx);
	if (!r)
		r = add_table(t->ctx, pkt, true);
	if (r == -EOPNOTSUPP)	/* a kernel without owners */
		r = add_table(t->ctx, pkt, false);
	if (r)	/* nothing of ours is there: nothing to remove */
		nft_ctx_free(TAKE_PTR(t->ctx));
	return r == -EPERM ? -EBUSY : r;	/* we may look, so the table has another owner */
}

int xc_trace_start(int netns_fd, const struct xc_packet *pkt, struct xc_trace **ret)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	_cleanup_(xc_trace_stopp) struct xc_trace *t = calloc(1, sizeof(*t));
	struct xc_nft_state st;
	int r;

	if (!t)
		return -ENOMEM;
	r = xc_netns_enter(netns_fd, &visit);
	if (!r)
		r = xc_nft_state(&st);
	if (!r)
		r = remember(t);
	if (!r)
		r = listen_to_traces(t);	/* before the table: the first packet counts */
	if (!r)
		r = install(t, pkt);
	if (r)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

int xc_trace_rule(int netns_fd, const struct xc_packet *pkt, int timeout_ms,
		  struct xc_rule *ret_rule)
{
	_cleanup_(xc_trace_stopp) struct xc_trace *t = NULL;
	struct timespec now;
	int64_t end_ms, left;
	int r;

	r = xc_trace_start(netns_fd, pkt, &t);
	if (r)
		return r;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 + timeout_ms;
	for (left = timeout_ms; !r && left > 0;) {
		struct pollfd p = { .fd = xc_trace_fd(t), .events = POLLIN };

		if (poll(&p, 1, (int)left) < 0)
			return errno == EINTR ? 0 : -errno;	/* a signal ends the wait */
		r = xc_trace_read(t, ret_rule);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		left = end_ms - (now.tv_sec * 1000 + now.tv_nsec / 1000000);
	}
	return r;
}
