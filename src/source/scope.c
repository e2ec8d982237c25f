/* SPDX-License-Identifier: Apache-2.0 */
#include "source/scope.h"

#include "base/log.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define RUN_NETNS "/run/netns"

/* linux/icmp.h clashes with netinet/; these two are its ABI. */
#define SOL_RAW_ICMP_FILTER 1
struct icmp_filter_mask {
	uint32_t blocked;
};

static bool is_number(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isdigit((unsigned char)*p))
			return false;
	return *s != '\0';
}

int xc_netns_open(const char *name)
{
	char path[512];
	int fd;

	if (strchr(name, '/')) {
		(void)snprintf(path, sizeof(path), "%s", name);
	} else if (!strcmp(name, "self")) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/net");
	} else {
		(void)snprintf(path, sizeof(path), RUN_NETNS "/%s", name);
		if (is_number(name) && access(path, F_OK))
			(void)snprintf(path, sizeof(path), "/proc/%s/ns/net", name);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return xc_err(
			-errno,
			"--netns %s: no such network namespace (a name of `ip netns list`, a path, a pid or `self`)",
			name);
	return fd;
}

/* Errors only: everything else stays in the kernel. No SO_TIMESTAMPNS: one socket that asks for it
 * makes the kernel read the clock for every packet of the host, 1.5 % of a busy server. */
static int open_icmp4(void)
{
	struct icmp_filter_mask mask = { ~((1u << 3) | (1u << 11) | (1u << 12)) };
	_cleanup_close_ int fd =
		socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);

	if (fd < 0 || setsockopt(fd, SOL_RAW, SOL_RAW_ICMP_FILTER, &mask, sizeof(mask)))
		return -1;
	return TAKE_FD(fd);
}

static int open_icmp6(void)
{
	_cleanup_close_ int fd =
		socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	struct icmp6_filter filter;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	for (int type = 1; type <= 4; type++)	/* RFC 4443: the errors */
		ICMP6_FILTER_SETPASS(type, &filter);
	if (fd < 0 || setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)))
		return -1;
	return TAKE_FD(fd);
}

/* One visit; what cannot be had inside is left out and costs detail only. */
static void open_inside(struct xc_scope *scope, struct xc_netns *ns)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };

	ns->netstat_fd = ns->conntrack_fd = ns->icmp4_fd = ns->icmp6_fd = -1;
	if (xc_netns_enter(ns->fd, &visit)) {
		scope->can_enter = false;
		return;
	}
	ns->netstat_fd = open("/proc/thread-self/net/netstat", O_RDONLY | O_CLOEXEC);
	ns->conntrack_fd = open("/proc/thread-self/net/stat/nf_conntrack", O_RDONLY | O_CLOEXEC);
	ns->icmp4_fd = open_icmp4();
	ns->icmp6_fd = open_icmp6();
}

struct xc_netns *xc_scope_find(struct xc_scope *scope, uint32_t inum)
{
	for (size_t i = 0; inum && i < scope->n; i++)
		if (scope->ns[i].inum == inum)
			return &scope->ns[i];
	return NULL;
}

static struct xc_netns *free_slot(struct xc_scope *scope)
{
	for (size_t i = 0; i < scope->n; i++)
		if (!scope->ns[i].inum)
			return &scope->ns[i];
	return scope->n < XC_SCOPE_MAX ? &scope->ns[scope->n++] : NULL;
}

/* Takes @fd: a namespace that is there now. New ones are added if @may_add. */
static void meet(struct xc_scope *scope, int fd, const char *name, bool may_add)
{
	uint32_t inum = xc_netns_inum(fd);
	struct xc_netns *ns = xc_scope_find(scope, inum);

	if (ns)
		ns->is_alive = true;
	if (!inum || ns || !may_add) {
		(void)close(fd);
		return;
	}
	ns = free_slot(scope);
	if (!ns) {
		scope->n_over++;
		(void)close(fd);
		return;
	}
	*ns = (struct xc_netns){ .inum = inum, .fd = fd, .is_new = true, .is_alive = true };
	(void)snprintf(ns->name, sizeof(ns->name), "%s", name);
	open_inside(scope, ns);
}

static void meet_named(struct xc_scope *scope, bool may_add)
{
	DIR *dir = opendir(RUN_NETNS);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		int fd = d->d_name[0] == '.' ? -1 :
					       openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			meet(scope, fd, d->d_name, may_add);
	}
	if (dir)
		(void)closedir(dir);
}

static void meet_processes(struct xc_scope *scope, bool may_add)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char path[300];
		int fd;

		if (!is_number(d->d_name))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/ns/net", d->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			meet(scope, fd, d->d_name, may_add);
	}
	if (dir)
		(void)closedir(dir);
}

/* Those that were given by a path: it may be the only thing that keeps one. */
static void meet_paths(struct xc_scope *scope)
{
	for (size_t i = 0; i < scope->n; i++) {
		const struct xc_netns *ns = &scope->ns[i];
		int fd = ns->inum && strchr(ns->name, '/') ? open(ns->name, O_RDONLY | O_CLOEXEC) :
							     -1;

		if (fd >= 0)
			meet(scope, fd, ns->name, false);
	}
}

bool xc_scope_refresh(struct xc_scope *scope)
{
	bool changed = false;

	for (size_t i = 0; i < scope->n; i++)
		scope->ns[i].is_alive = false;
	meet_named(scope, scope->is_whole_host);
	meet_processes(scope, scope->is_whole_host);
	meet_paths(scope);
	for (size_t i = 0; i < scope->n; i++) {
		struct xc_netns *ns = &scope->ns[i];

		ns->is_gone = ns->inum && !ns->is_alive;
		changed |= ns->is_gone || ns->is_new;
	}
	return changed;
}

int xc_scope_open(struct xc_scope *scope, const char *const *names, size_t n_names)
{
	static const char *const own[] = { "self" };

	memset(scope, 0, sizeof(*scope));
	scope->can_enter = true;
	scope->is_whole_host = n_names == 0;
	if (scope->is_whole_host) {
		names = own;
		n_names = 1;
	}
	for (size_t i = 0; i < n_names; i++) {
		int fd = xc_netns_open(names[i]);

		if (fd < 0)
			return fd;
		meet(scope, fd, names[i], true);
	}
	if (scope->is_whole_host)
		(void)xc_scope_refresh(scope);
	return 0;
}

static void close_netns(struct xc_netns *ns)
{
	int fds[] = { ns->fd, ns->netstat_fd, ns->conntrack_fd, ns->icmp4_fd, ns->icmp6_fd };

	for (size_t k = 0; ns->inum && k < ARRAY_SIZE(fds); k++)
		if (fds[k] >= 0)
			(void)close(fds[k]);	/* epoll forgets a closed descriptor by itself */
	*ns = (struct xc_netns){ 0 };
}

void xc_scope_drop_gone(struct xc_scope *scope)
{
	for (size_t i = 0; i < scope->n; i++)
		if (scope->ns[i].is_gone)
			close_netns(&scope->ns[i]);
}

void xc_scope_close(struct xc_scope *scope)
{
	for (size_t i = 0; i < scope->n; i++)
		close_netns(&scope->ns[i]);
	scope->n = 0;
}
