/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ifaces.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/netns.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* enum bpf_attach_type since 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
/* What our filters of clsact are known by, and their place */
#define FILTER_HANDLE 0x7863
#define FILTER_PRIORITY 0x7863u

/* include/uapi/linux/if_arp.h; the C library's header lacks it */
#define HW_IP6GRE 823

enum { IN, OUT };

struct iface {
	unsigned int index;
	uint8_t place;
	int link_fd[2];		/* TCX; -1 = none */
	bool has_filters;	/* clsact instead */
	bool has_made_qdisc;
	bool is_there;		/* found by the look that is going on */
};

struct xc_ifaces {
	struct xc_ifaces_cfg cfg;
	int nl_fd;		/* tells of changes */
	bool has_tcx;
	uint32_t n;
	struct iface v[XC_IFACES_MAX];
};

/* ---- one interface ------------------------------------------------------------------------------ */

/* Has it an Ethernet header (1), none (0), or one we do not know (-1)? */
static int header_kind(const char *name)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &req))
		return -1;
	switch (req.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return 1;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case HW_IP6GRE:
		return 0;
	default:
		return -1;
	}
}

static int attach_tcx(struct iface *i, int in_fd, int out_fd)
{
	i->link_fd[IN] =
		bpf_link_create(in_fd, (int)i->index, (enum bpf_attach_type)TCX_INGRESS, NULL);
	if (i->link_fd[IN] < 0)
		return i->link_fd[IN];
	i->link_fd[OUT] =
		bpf_link_create(out_fd, (int)i->index, (enum bpf_attach_type)TCX_EGRESS, NULL);
	return i->link_fd[OUT] < 0 ? i->link_fd[OUT] : 0;
}

static int set_filter(struct iface *i, enum bpf_tc_attach_point where, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)i->index, .attach_point = where);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY + i->place, .prog_fd = prog_fd,
		    .flags = BPF_TC_F_REPLACE);

	return bpf_tc_attach(&hook, &opts);
}

static void unset_filter(const struct iface *i, enum bpf_tc_attach_point where)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)i->index, .attach_point = where);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY + i->place);

	(void)bpf_tc_detach(&hook, &opts);
}

static int attach_clsact(struct iface *i, int in_fd, int out_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)i->index,
		    .attach_point = (enum bpf_tc_attach_point)(BPF_TC_INGRESS | BPF_TC_EGRESS));
	int r = bpf_tc_hook_create(&hook);

	if (r && r != -EEXIST)
		return r;
	i->has_made_qdisc = !r;
	i->has_filters = true;
	r = set_filter(i, BPF_TC_INGRESS, in_fd);
	return r ? r : set_filter(i, BPF_TC_EGRESS, out_fd);
}

static void detach(const struct iface *i)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)i->index,
		    .attach_point = (enum bpf_tc_attach_point)(BPF_TC_INGRESS | BPF_TC_EGRESS));

	for (int d = IN; d <= OUT; d++)
		if (i->link_fd[d] >= 0)
			(void)close(i->link_fd[d]);
	if (!i->has_filters)
		return;
	unset_filter(i, BPF_TC_INGRESS);
	unset_filter(i, BPF_TC_EGRESS);
	if (i->has_made_qdisc)
		(void)bpf_tc_hook_destroy(&hook);
}

/* 0, 1 = left out (no IP on it), or -errno. */
static int attach(struct xc_ifaces *ifs, unsigned int index, const char *name)
{
	const struct xc_ifaces_cfg *cfg = &ifs->cfg;
	struct iface i = {
		.index = index, .place = cfg->place, .link_fd = { -1, -1 }, .is_there = true
	};
	int kind = header_kind(name), in_fd, out_fd, r;

	if (kind < 0 || ifs->n == XC_IFACES_MAX)
		return 1;
	in_fd = kind ? cfg->in_fd : cfg->in_l3_fd;
	out_fd = kind ? cfg->out_fd : cfg->out_l3_fd;
	r = ifs->has_tcx ? attach_tcx(&i, in_fd, out_fd) : -EINVAL;
	/* a kernel without TCX does not know the kind of attachment */
	if (r == -EINVAL && (!ifs->has_tcx || !ifs->n)) {
		r = attach_clsact(&i, in_fd, out_fd);
		ifs->has_tcx = ifs->has_tcx && r;
	}
	if (r) {
		detach(&i);
		return r;
	}
	ifs->v[ifs->n++] = i;
	return 0;
}

/* ---- all of them --------------------------------------------------------------------------------- */

static bool is_wanted(const struct xc_ifaces *ifs, const char *name)
{
	return !ifs->cfg.name || !strcmp(ifs->cfg.name, name);
}

static struct iface *find(struct xc_ifaces *ifs, unsigned int index)
{
	for (uint32_t i = 0; i < ifs->n; i++)
		if (ifs->v[i].index == index)
			return &ifs->v[i];
	return NULL;
}

static void forget_gone(struct xc_ifaces *ifs)
{
	for (uint32_t i = 0; i < ifs->n;) {
		if (ifs->v[i].is_there) {
			i++;
			continue;
		}
		ifs->v[i].has_filters = false;	/* they went with it */
		detach(&ifs->v[i]);
		ifs->v[i] = ifs->v[--ifs->n];
	}
}

/* The names there are, for who asked for another one. */
static int no_such(const struct xc_ifaces *ifs)
{
	struct if_nameindex *all = if_nameindex();
	struct xc_buf names = xc_buf(1024);

	for (const struct if_nameindex *i = all; i && i->if_index; i++)
		xc_buf_printf(&names, "%s%s", names.len ? ", " : "", i->if_name);
	(void)xc_err(0, "no interface %s here; there are: %.*s, and \"all\"", ifs->cfg.name,
		     (int)names.len, names.p ? names.p : "");
	xc_buf_done(&names);
	if_freenameindex(all);
	return -ENODEV;
}

/* The caller is in the namespace. 0, or the first error of an interface that is there. */
static int look(struct xc_ifaces *ifs)
{
	struct if_nameindex *all = if_nameindex();
	int r, first = 0;

	if (!all)
		return -errno;
	for (uint32_t i = 0; i < ifs->n; i++)
		ifs->v[i].is_there = false;
	for (const struct if_nameindex *i = all; i->if_index; i++) {
		struct iface *known = find(ifs, i->if_index);

		if (known)
			known->is_there = true;
		if (known || !is_wanted(ifs, i->if_name))
			continue;
		r = attach(ifs, i->if_index, i->if_name);
		if (r < 0 && r != -ENODEV)
			first = first ? first : xc_warn(r, "cannot watch interface %s", i->if_name);
	}
	forget_gone(ifs);
	if_freenameindex(all);
	return ifs->n ? 0 : first;
}

static int open_netlink(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return TAKE_FD(fd);
}

int xc_ifaces_open(const struct xc_ifaces_cfg *cfg, struct xc_ifaces **ret_ifaces)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	struct xc_ifaces *ifs;
	int r;

	r = xc_netns_enter(cfg->netns_fd, &visit);
	if (r)
		return xc_err(r, "cannot enter the network namespace (needs CAP_SYS_ADMIN)");
	ifs = calloc(1, sizeof(*ifs));
	if (!ifs)
		return -ENOMEM;
	ifs->cfg = *cfg;
	if (cfg->name && !strcmp(cfg->name, "all"))
		ifs->cfg.name = NULL;
	ifs->has_tcx = !cfg->without_tcx;
	ifs->nl_fd = open_netlink();
	r = ifs->nl_fd < 0 ? xc_err(ifs->nl_fd, "netlink") : look(ifs);
	if (!r && !ifs->n && ifs->cfg.name)
		r = no_such(ifs);
	if (r) {
		xc_ifaces_close(ifs);
		return r;
	}
	*ret_ifaces = ifs;
	return 0;
}

int xc_ifaces_fd(const struct xc_ifaces *ifs)
{
	return ifs->nl_fd;
}

void xc_ifaces_refresh(struct xc_ifaces *ifs)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	char unused[8192];

	/* what has changed is looked up, so that a message lost costs nothing */
	while (recv(ifs->nl_fd, unused, sizeof(unused), 0) > 0 || errno == ENOBUFS)
		;
	if (!xc_netns_enter(ifs->cfg.netns_fd, &visit))
		(void)look(ifs);
}

uint32_t xc_ifaces_count(const struct xc_ifaces *ifs)
{
	return ifs->n;
}

bool xc_ifaces_has_tcx(const struct xc_ifaces *ifs)
{
	return ifs->has_tcx;
}

void xc_ifaces_close(struct xc_ifaces *ifs)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };

	if (!ifs)
		return;
	if (!xc_netns_enter(ifs->cfg.netns_fd, &visit))
		for (uint32_t i = 0; i < ifs->n; i++)
			detach(&ifs->v[i]);
	if (ifs->nl_fd >= 0)
		(void)close(ifs->nl_fd);
	free(ifs);
}
