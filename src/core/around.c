/* SPDX-License-Identifier: Apache-2.0 */
#include "core/around.h"

#include "base/index.h"
#include "base/log.h"
#include "base/netns.h"
#include "source/host.h"
#include "sys/health.h"

#include <errno.h>
#include <fcntl.h>

#define N_PLACES 1024u	/* where sockets live; a power of two. Beyond: the node's values */
#define N_TRIES 16u	/* slots looked at for one place */

/* Where the sockets of one process live. */
struct place {
	uint64_t window;	/* it was asked for in; 0 = free */
	uint64_t cgroup_id;
	uint32_t tgid, netns;
	bool has_cgroup, has_netns;
	struct xc_sys_cgroup cgroup;
	struct xc_sys_netns listeners;
};

struct xc_around {
	struct xc_health *health;
	int ns_fd;
	uint32_t netns;		/* inode of the namespace that is watched */
	uint64_t window;	/* windows so far */
	bool has_cpu_limit;
	struct place place[N_PLACES];
};

int xc_around_new(int ns_fd, struct xc_around **ret_around)
{
	_cleanup_close_ int own = ns_fd < 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
	struct xc_around *a = calloc(1, sizeof(*a));
	struct xc_sys_netns first;
	int r;

	if (!a)
		return xc_err(-ENOMEM, "health of the host");
	r = xc_health_new("/", xc_now_ns(), &a->health);
	if (r) {
		free(a);
		return xc_err(r, "health of the host");
	}
	a->ns_fd = ns_fd;
	a->netns = xc_netns_inum(ns_fd < 0 ? own : ns_fd);
	(void)xc_health_netns(a->health, a->netns, ns_fd, &first);	/* counts from here on */
	*ret_around = a;
	return 0;
}

void xc_around_free(struct xc_around *a)
{
	if (a)
		xc_health_free(a->health);
	free(a);
}

void xc_around_sample(struct xc_around *a, struct xc_sys_sample *ret_sys)
{
	a->window++;
	xc_health_sample(a->health, xc_now_ns(), ret_sys);
	(void)xc_health_netns(a->health, a->netns, a->ns_fd, &ret_sys->netns);
	a->has_cpu_limit |= ret_sys->cgroup.has_cpu;
}

/* A namespace is asked for by a descriptor; its processes have one. */
static bool ask_netns(struct xc_around *a, struct place *p)
{
	_cleanup_close_ int fd = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/ns/net", p->tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || xc_netns_inum(fd) != p->netns)
		return false;
	return xc_health_netns(a->health, p->netns, fd, &p->listeners);
}

static struct place *ask(struct xc_around *a, struct place *p, const struct xc_flow_kernel *k)
{
	*p = (struct place){
		.window = a->window, .cgroup_id = k->cgroup_id, .tgid = k->tgid, .netns = k->netns
	};
	p->has_cgroup = xc_health_cgroup(a->health, k->tgid, k->cgroup_id, &p->cgroup);
	p->has_netns = k->netns && k->netns != a->netns && ask_netns(a, p);
	a->has_cpu_limit |= p->has_cgroup && p->cgroup.has_cpu;
	return p;
}

/* NULL = too many others in this window. */
static struct place *place_of(struct xc_around *a, const struct xc_flow_kernel *k)
{
	const uint64_t key[2] = { k->cgroup_id, (uint64_t)k->tgid << 32 | k->netns };
	uint64_t at = xc_hash(key, sizeof(key));

	for (unsigned int i = 0; i < N_TRIES; i++) {
		struct place *p = &a->place[(at + i) & (N_PLACES - 1)];

		if (p->window != a->window)
			return ask(a, p, k);
		if (p->cgroup_id == k->cgroup_id && p->tgid == k->tgid && p->netns == k->netns)
			return p;
	}
	return NULL;
}

void xc_around_place(struct xc_around *a, struct xc_flow_seen *seen)
{
	const struct xc_flow_kernel *k = seen->kernel;
	struct place *p = k && (k->tgid || k->cgroup_id) ? place_of(a, k) : NULL;

	seen->cgroup = p && p->has_cgroup ? &p->cgroup : NULL;
	seen->netns = p && p->has_netns ? &p->listeners : NULL;
}

bool xc_around_has_cpu_limit(const struct xc_around *a)
{
	return a->has_cpu_limit;
}
