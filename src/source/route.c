/* SPDX-License-Identifier: Apache-2.0 */
/* Is there a route? Asked of the kernel in the namespace concerned (rtnetlink(7)), as `ip route get` does. */
#include "source/route.h"

#include "base/netns.h"
#include "model/net.h"
#include "source/host.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_US                                                                                  \
	100000 /* the kernel answers within the call; this is for a kernel that does not */

struct question {
	struct nlmsghdr head;
	struct rtmsg route;
	uint8_t attributes[2 * RTA_SPACE(16)];
};

static void put_address(struct question *q, unsigned short type, const uint8_t addr[16])
{
	size_t n = q->route.rtm_family == AF_INET ? 4 : 16;
	struct rtattr *a = (struct rtattr *)((uint8_t *)q + NLMSG_ALIGN(q->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), addr + 16 - n, n);
	q->head.nlmsg_len = NLMSG_ALIGN(q->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int open_inside(const struct xc_netns *ns)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	int r = xc_netns_enter(ns->fd, &visit);

	if (r)
		return r;
	r = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return r < 0 ? -errno : r;
}

/* The answer: 0 = there is a route; negative: the error of the lookup; positive: nobody knows. */
static int ask(int fd, const struct question *q)
{
	union {
		struct nlmsghdr head;
		uint8_t bytes[8192];
	} a;
	ssize_t n;

	if (send(fd, q, q->head.nlmsg_len, 0) < 0)
		return EIO;
	n = recv(fd, &a, sizeof(a), 0);
	if (n < (ssize_t)sizeof(struct nlmsghdr))
		return EIO;
	if (a.head.nlmsg_type != NLMSG_ERROR)
		return 0;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return EIO;
	return ((const struct nlmsgerr *)NLMSG_DATA(&a.head))->error;
}

static bool tells_of_routes(int error)
{
	return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EACCES ||
	       error == -EINVAL;
}

void xc_route_answer(struct xc_netns *ns, const struct xc_tuple *t, const struct xc_source_env *env)
{
	bool is_v4 = xc_addr_is_v4(t->daddr);
	struct question q = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
					.nlmsg_type = RTM_GETROUTE,
					.nlmsg_flags = NLM_F_REQUEST },
			      .route = { .rtm_family = is_v4 ? AF_INET : AF_INET6,
					 .rtm_dst_len = is_v4 ? 32 : 128,
					 .rtm_src_len = is_v4 ? 32 : 128 } };
	struct timeval patience = { .tv_usec = ANSWER_US };
	char key[64], value[16], addr[XC_ENDPOINT_LEN];
	_cleanup_close_ int fd = open_inside(ns);
	int r;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return;
	put_address(&q, RTA_DST, t->daddr);
	put_address(&q, RTA_SRC, t->saddr);
	r = ask(fd, &q);
	if (!tells_of_routes(r))
		return;
	(void)snprintf(key, sizeof(key), XC_NOTE_ROUTE "%s", xc_addr_str(t->daddr, addr));
	(void)snprintf(value, sizeof(value), "%d", r);
	xc_note(ns->inum, key, value, env);
}
