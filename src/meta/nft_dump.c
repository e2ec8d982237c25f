/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/nft_dump.h"

#include "base/log.h"
#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71	/* Linux 5.14, asm-generic/socket.h */
#endif

#define OUTPUT_MAX (64u << 20)	/* bytes; ten times a large Kubernetes node */

static void mnl_closep(struct mnl_socket **nl)
{
	if (*nl)
		(void)mnl_socket_close(*nl);
}

XC_DEFINE_FREEP(struct nft_ctx, nft_ctx_free)

static int on_generation(const struct nlmsghdr *nlh, void *data)
{
	struct xc_nft_state *st = data;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
		    mnl_attr_get_payload_len(attr) >= sizeof(uint32_t))
			st->generation = ntohl(mnl_attr_get_u32(attr));
	}
	return MNL_CB_OK;
}

static struct mnl_socket *open_netlink(void)
{
	struct timeval limit = { .tv_sec = 2 };	/* a kernel that does not answer must not hang us */
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		(void)mnl_socket_close(nl);
		return NULL;
	}
	(void)setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return nl;
}

int xc_nft_state(struct xc_nft_state *ret)
{
	_cleanup_(mnl_closep) struct mnl_socket *nl = open_netlink();
	struct xc_nft_state st = { 0 };
	socklen_t len = sizeof(st.cookie);
	char buf[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *gen = mnl_nlmsg_put_extra_header(nlh, sizeof(*gen));
	ssize_t n;

	if (!nl)
		return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
	if (getsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_NETNS_COOKIE, &st.cookie, &len))
		st.cookie = 0;
	*ret = st;
	nlh->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	gen->version = NFNETLINK_V0;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	if (mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), on_generation, &st) < 0)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;	/* EINVAL: no such subsystem */
	*ret = st;
	return 0;
}

/* libnftables returns no error number, only what it would have shown a person. */
static int error_of(struct nft_ctx *ctx, const char *command)
{
	const char *text = nft_ctx_get_error_buffer(ctx);

	xc_debug("nft %s: %s", command, text ? text : "failed");
	return text && strstr(text, "not permitted") ? -EPERM : -EIO;
}

int xc_nft_command(const char *command, unsigned int flags, char **ret_out)
{
	_cleanup_(nft_ctx_freep) struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *out;
	char *copy;

	if (!ctx || nft_ctx_buffer_output(ctx) || nft_ctx_buffer_error(ctx))
		return -ENOMEM;
	nft_ctx_output_set_flags(ctx, flags);
	if (nft_run_cmd_from_buffer(ctx, command))
		return error_of(ctx, command);
	out = nft_ctx_get_output_buffer(ctx);
	if (!out)
		return -EIO;
	if (strlen(out) > OUTPUT_MAX)
		return -EFBIG;
	copy = strdup(out);
	if (!copy)
		return -ENOMEM;
	*ret_out = copy;
	return 0;
}
