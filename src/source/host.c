/* SPDX-License-Identifier: Apache-2.0 */
#include "source/host.h"

#include "base/log.h"
#include "sys/netstat.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t xc_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t xc_wall_offset_ns(void)
{
	uint64_t best = UINT64_MAX;
	int64_t offset = 0;

	for (int i = 0; i < 5; i++) {
		uint64_t before = xc_now_ns();
		uint64_t wall = clock_ns(CLOCK_REALTIME);
		uint64_t after = xc_now_ns();

		if (after - before < best) {
			best = after - before;
			offset = (int64_t)(wall - (before + best / 2));
		}
	}
	return offset;
}

/* ---- counters ------------------------------------------------------------------------ */

#define WIN_PROBES (XC_CTR_SYNCOOKIES_SENT + 1)	/* read beside the counters */

/* Names of TcpExt, by enum xc_counter. */
static const char *const tcpext[] = {
	[XC_CTR_LISTEN_OVERFLOWS] = "ListenOverflows",
	[XC_CTR_LISTEN_DROPS] = "ListenDrops",
	[XC_CTR_REQQ_FULL_COOKIES] = "TCPReqQFullDoCookies",
	[XC_CTR_REQQ_FULL_DROP] = "TCPReqQFullDrop",
	[XC_CTR_SYNCOOKIES_SENT] = "SyncookiesSent",
	[WIN_PROBES] = "TCPWinProbe",
};

static bool read_tcpext(int fd, uint64_t v[_XC_CTR_MAX], uint64_t *ret_win_probes)
{
	uint64_t got[ARRAY_SIZE(tcpext)];

	if (!xc_netstat_read(fd, tcpext, got, ARRAY_SIZE(got)))
		return false;
	memcpy(v, got, WIN_PROBES * sizeof(*v));
	*ret_win_probes = got[WIN_PROBES];
	return true;
}

/* One row per CPU, hexadecimal: entries ... drop is column 10 (net/netfilter/nf_conntrack_standalone.c). */
static void read_conntrack(int fd, uint64_t v[_XC_CTR_MAX])
{
	char text[16384], *line, *save = NULL;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	line = strtok_r(text, "\n", &save);	/* the heading */
	while ((line = strtok_r(NULL, "\n", &save))) {
		unsigned long long entries = 0, drop = 0;

		if (sscanf(line, "%llx %*x %*x %*x %*x %*x %*x %*x %*x %*x %llx", &entries, &drop) <
		    2)
			continue;
		v[XC_CTR_CT_COUNT] = entries;	/* the same in every row */
		v[XC_CTR_CT_DROP] += drop;
	}
}

static uint64_t read_number(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	unsigned long long v = 0;

	if (f && fscanf(f, "%llu", &v) != 1)
		v = 0;
	return v;
}

bool xc_counters_read(struct xc_netns *ns, struct xc_counters_evt *ret_evt)
{
	struct xc_counters_evt e = { .hdr = { .kind = XC_EVT_COUNTERS, .size_bytes = sizeof(e) },
				     .netns = ns->inum };
	uint64_t v[_XC_CTR_MAX] = { 0 };
	uint64_t now = xc_now_ns(), moved = 0, win_probes = 0;
	bool is_first = !ns->counted_ns;

	if (!ns->inum || ns->netstat_fd < 0 || !read_tcpext(ns->netstat_fd, v, &win_probes))
		return false;
	ns->has_probed |= !is_first && win_probes != ns->win_probes;
	ns->win_probes = win_probes;
	if (ns->conntrack_fd >= 0)
		read_conntrack(ns->conntrack_fd, v);
	for (size_t i = 0; i < XC_CTR_CT_COUNT; i++) {
		e.v[i] = v[i] - ns->counters[i];
		moved |= e.v[i];
	}
	e.interval_ms = (uint32_t)((now - ns->counted_ns) / 1000000);
	memcpy(ns->counters, v, sizeof(v));
	ns->counted_ns = now;
	if (is_first || !moved)
		return false;
	e.v[XC_CTR_CT_COUNT] = v[XC_CTR_CT_COUNT];
	e.v[XC_CTR_CT_MAX] = read_number("/proc/sys/net/netfilter/nf_conntrack_max");
	e.hdr.ts_ns = now;
	*ret_evt = e;
	return true;
}

/* ---- addresses ------------------------------------------------------------------------- */

static void to_mapped(const struct sockaddr *sa, uint8_t out[16])
{
	if (sa->sa_family == AF_INET) {
		memset(out, 0, 10);
		out[10] = out[11] = 0xff;
		memcpy(out + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	} else {
		memcpy(out, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	}
}

static uint8_t prefix_of(const struct sockaddr *mask, int family)
{
	const uint8_t *p = family == AF_INET ?
				   (const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr :
				   (const uint8_t *)&((const struct sockaddr_in6 *)mask)->sin6_addr;
	size_t n = family == AF_INET ? 4 : 16;
	unsigned int bits = family == AF_INET ? 96 : 0;

	for (size_t i = 0; i < n; i++)
		bits += (unsigned int)__builtin_popcount(p[i]);
	return (uint8_t)bits;
}

static uint32_t mtu_of(const char *dev)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%.15s", dev);
	return fd >= 0 && !ioctl(fd, SIOCGIFMTU, &req) ? (uint32_t)req.ifr_mtu : 0;
}

int xc_addresses_read(struct xc_netns *ns, const struct xc_source_env *env)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	struct ifaddrs *list = NULL;
	int r;

	r = xc_netns_enter(ns->fd, &visit);
	if (r)
		return r;
	if (getifaddrs(&list))
		return -errno;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct xc_addr_evt e = { .hdr = { .kind = XC_EVT_ADDR, .size_bytes = sizeof(e) },
					 .netns = ns->inum };

		if (!i->ifa_addr || (i->ifa_flags & IFF_LOOPBACK) ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		to_mapped(i->ifa_addr, e.addr);
		if (i->ifa_netmask)
			e.prefix_len = prefix_of(i->ifa_netmask, i->ifa_addr->sa_family);
		e.ifindex = if_nametoindex(i->ifa_name);
		e.mtu_bytes = mtu_of(i->ifa_name);
		e.is_up = (i->ifa_flags & IFF_UP) != 0;
		(void)snprintf(e.dev, sizeof(e.dev), "%.15s", i->ifa_name);
		e.hdr.ts_ns = xc_now_ns();
		env->on_record(env->arg, &e.hdr);
	}
	freeifaddrs(list);
	return 0;
}

/* ---- answers ----------------------------------------------------------------------------- */

void xc_note(uint64_t id, const char *key, const char *value, const struct xc_source_env *env)
{
	struct xc_note_evt e = { .hdr = { .kind = XC_EVT_NOTE, .size_bytes = sizeof(e) },
				 .id = id };

	e.hdr.ts_ns = xc_now_ns();
	(void)snprintf(e.key, sizeof(e.key), "%s", key);
	(void)snprintf(e.value, sizeof(e.value), "%s", value);
	env->on_record(env->arg, &e.hdr);
}

/* First line of a file, without its newline. */
static bool read_line(const char *path, char *out, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (!f || !fgets(out, (int)size, f))
		return false;
	out[strcspn(out, "\n")] = '\0';
	return true;
}

void xc_sysctl_answer(struct xc_netns *ns, const char *name, const struct xc_source_env *env)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	char path[128] = "/proc/sys/", value[128], key[64];
	size_t n = strlen(path);

	if (xc_netns_enter(ns->fd, &visit))
		return;
	/* A device name may hold a dot; in conf.DEV.rp_filter only the outer dots are separators. */
	for (const char *p = name; *p && n < sizeof(path) - 1; p++) {
		bool in_dev = !strncmp(name, "net.ipv4.conf.", 14) && p >= name + 14 &&
			      p < strrchr(name, '.');

		path[n++] = *p == '.' && !in_dev ? '/' : *p;
	}
	path[n] = '\0';
	(void)snprintf(key, sizeof(key), "%s", name);
	if (read_line(path, value, sizeof(value)))
		xc_note(ns->inum, key, value, env);
}

const char *xc_cgroup2_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/cgroup.procs", places[i]);
		if (!access(path, F_OK)) {
			(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", places[i]);
			if (!access(path, F_OK))
				return places[i];
		}
	}
	return NULL;
}

/* The cgroup v2 id of a directory is its inode number, and a file handle finds the path of an id. */
static bool cgroup_path(uint64_t id, char *out, size_t size)
{
	struct {
		struct file_handle h;
		uint64_t id;
	} handle = { .h = { .handle_bytes = 8, .handle_type = 0xfe },
		     .id = id }; /* FILEID_KERNFS */
	_cleanup_close_ int root = -1, fd = -1;
	const char *mount = xc_cgroup2_root();
	char link[64], path[512];
	ssize_t n;

	root = mount ? open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (root < 0)
		return false;
	fd = open_by_handle_at(root, &handle.h, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	(void)snprintf(out, size, "%s", path);
	return true;
}

void xc_cgroup_answer(uint64_t id, const struct xc_source_env *env)
{
	char path[512], file[560], limit[64];

	if (!cgroup_path(id, path, sizeof(path)))
		return;
	xc_note(id, "cgroup", path, env);
	(void)snprintf(file, sizeof(file), "%s/memory.max", path);
	if (read_line(file, limit, sizeof(limit)))
		xc_note(id, "memory.max", limit, env);
}

void xc_process_answer(uint32_t netns, uint32_t tgid, const struct xc_source_env *env)
{
	char file[64], key[64], line[512], state[2] = "";
	const char *p;

	(void)snprintf(file, sizeof(file), "/proc/%u/stat", tgid);
	if (!read_line(file, line, sizeof(line)))
		return;
	p = strrchr(line, ')');		/* a name may have blanks and brackets */
	if (!p || p[1] != ' ')
		return;
	state[0] = p[2];
	(void)snprintf(key, sizeof(key), XC_NOTE_PROCESS "%u", tgid);
	xc_note(netns, key, state, env);
}

/* Attach types newer than the headers of Debian 12 (linux/bpf.h of 6.6). */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)

static void note_programs(uint64_t id, const char *key, const uint32_t *ids, uint32_t n,
			  const struct xc_source_env *env)
{
	char text[160] = "";
	size_t len = 0;

	for (uint32_t i = 0; i < n && len < sizeof(text) - 32; i++) {
		struct bpf_prog_info info = { 0 };
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(ids[i]);
		__u32 size = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
			info.name[0] = '\0';
		if (!strcmp(info.name, "denied_connect4") || !strcmp(info.name, "denied_connect6"))
			continue;	/* our own */
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%sprogram %u (%s)",
					len ? ", " : "", ids[i],
					info.name[0] ? info.name : "unnamed");
	}
	if (len)
		xc_note(id, key, text, env);
}

static void note_attached(int target, enum bpf_attach_type type, const char *key, uint64_t id,
			  const struct xc_source_env *env)
{
	/* of a cgroup: with all programs of the groups above; a device has no such flag */
	uint32_t how = type < TCX_INGRESS ? BPF_F_QUERY_EFFECTIVE : 0;
	uint32_t ids[16], n = ARRAY_SIZE(ids), flags = 0;

	if (!bpf_prog_query(target, type, how, &flags, ids, &n))
		note_programs(id, key, ids, n, env);
}

/* Programs that apply to a process: of its group and of every group above (EFFECTIVE). */
static void cgroup_programs(uint64_t netns, uint64_t cgroup_id, const struct xc_source_env *env)
{
	_cleanup_close_ int fd = -1;
	char path[512];

	if (!cgroup_id || !cgroup_path(cgroup_id, path, sizeof(path)))
		(void)snprintf(path, sizeof(path), "%s",
			       xc_cgroup2_root() ? xc_cgroup2_root() : "");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	note_attached(fd, BPF_CGROUP_INET_EGRESS, "programs cgroup_skb/egress", netns, env);
	note_attached(fd, BPF_CGROUP_INET_INGRESS, "programs cgroup_skb/ingress", netns, env);
	note_attached(fd, BPF_CGROUP_INET4_CONNECT, "programs cgroup/connect4", netns, env);
	note_attached(fd, BPF_CGROUP_INET6_CONNECT, "programs cgroup/connect6", netns, env);
}

void xc_programs_answer(struct xc_netns *ns, uint32_t ifindex, uint64_t cgroup_id,
			const struct xc_source_env *env)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	uint32_t id = 0;

	if (!ifindex) {
		cgroup_programs(ns->inum, cgroup_id, env);
		return;
	}
	if (xc_netns_enter(ns->fd, &visit))
		return;
	if (!bpf_xdp_query_id((int)ifindex, 0, &id) && id)
		note_programs(ns->inum, "programs xdp", &id, 1, env);
	note_attached((int)ifindex, TCX_INGRESS, "programs tcx/ingress", ns->inum, env);
	note_attached((int)ifindex, TCX_EGRESS, "programs tcx/egress", ns->inum, env);
}

bool xc_kallsyms_name(uint64_t addr, char *out, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "re");
	uint64_t best = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long at = 0;
		char type, name[128];

		if (sscanf(line, "%llx %c %127s", &at, &type, name) != 3 || (type | 32) != 't' ||
		    at > addr || at < best)
			continue;
		best = at;
		(void)snprintf(out, size, "%s", name);
	}
	return best && addr - best < 0x10000;	/* further away is no function we know */
}
