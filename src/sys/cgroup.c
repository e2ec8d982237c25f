/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/cgroup.h"

#include "base/scope.h"
#include "sys/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define WALK_EVERY_NS 5000000000u
#define MIB (1024.0 * 1024.0)
#define FILE_PATH (XC_CGROUP_PATH + 64)	/* with the name of a file */

/* ---- where the controllers are ---------------------------------------------------------- */

/* "a,b,c" has @word. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && (p[len] == ',' || !p[len]))
			return true;
	}
	return false;
}

/* Take the hierarchy mounted at @at, unless a better one is known: v1 holds a controller or v2 does. */
static void take(struct xc_cgroup_mount *m, int root_fd, const char *at, const char *root,
		 bool is_v2)
{
	bool is_whole = !strcmp(root, "/");
	int fd;

	if (m->fd >= 0 && (is_v2 > m->is_v2 || (is_v2 == m->is_v2 && (!m->root[0] || !is_whole))))
		return;
	fd = openat(root_fd, at[1] ? at + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	xc_closep(&m->fd);
	free(m->root);
	*m = (struct xc_cgroup_mount){ .fd = fd, .is_v2 = is_v2 };
	m->root = strdup(is_whole ? "" : root);
	if (!m->root) {
		(void)close(m->fd);
		m->fd = -1;
	}
}

/* One line of mountinfo: ID PARENT DEV ROOT PLACE OPTIONS [TAG...] - TYPE SOURCE SUPER_OPTIONS (proc(5)). */
static void on_mount(struct xc_cgroups *c, const char *line)
{
	char root[512], at[512], type[16], options[256];
	const char *rest = strstr(line, " - ");

	if (!rest || sscanf(line, "%*u %*u %*s %511s %511s", root, at) != 2 ||
	    sscanf(rest, " - %15s %*s %255s", type, options) != 2 || at[0] != '/')
		return;
	if (!strcmp(type, "cgroup2")) {
		take(&c->cpu, c->root_fd, at, root, true);
		take(&c->memory, c->root_fd, at, root, true);
	} else if (!strcmp(type, "cgroup")) {
		if (has_word(options, "cpu"))
			take(&c->cpu, c->root_fd, at, root, false);
		if (has_word(options, "memory"))
			take(&c->memory, c->root_fd, at, root, false);
	}
}

static void find_mounts(struct xc_cgroups *c)
{
	char text[65536], *line, *save = NULL;

	(void)xc_text_read_at(c->root_fd, "proc/self/mountinfo", text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		on_mount(c, line);
}

/* ---- the files of one group ----------------------------------------------------------------- */

/* @path is "" or begins with a slash. */
static bool read_file(const struct xc_cgroup_mount *m, const char *path, const char *name,
		      char *out, size_t size)
{
	char file[FILE_PATH];

	(void)snprintf(file, sizeof(file), ".%s/%s", path, name);
	return xc_text_read_at(m->fd, file, out, size);
}

/* A limit, or false: "max" (v2), -1 or a number near 2^63 (v1). */
static bool read_limit(const struct xc_cgroup_mount *m, const char *path, const char *name,
		       uint64_t *ret_limit)
{
	char text[64], *end;
	unsigned long long v;

	if (!read_file(m, path, name, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return false;
	v = strtoull(text, &end, 10);
	*ret_limit = v;
	return v > 0 && v < 1ull << 62;
}

static bool has_quota(const struct xc_cgroup_mount *m, const char *path)
{
	uint64_t quota;

	return read_limit(m, path, m->is_v2 ? "cpu.max" : "cpu.cfs_quota_us", &quota);
}

static bool read_cpu(const struct xc_cgroup_mount *m, const char *path, uint64_t v[_XC_CPU_MAX])
{
	char text[1024];

	if (!read_file(m, path, "cpu.stat", text, sizeof(text)))
		return false;
	(void)xc_text_value(text, "nr_periods", &v[XC_CPU_PERIODS]);
	(void)xc_text_value(text, "nr_throttled", &v[XC_CPU_THROTTLED]);
	if (m->is_v2 && xc_text_value(text, "throttled_usec", &v[XC_CPU_THROTTLED_NS]))
		v[XC_CPU_THROTTLED_NS] *= 1000;
	if (!m->is_v2)
		(void)xc_text_value(text, "throttled_time", &v[XC_CPU_THROTTLED_NS]);
	return true;
}

/* Working set against the limit: what is used less the file cache that is easily given back. */
static void fill_memory(const struct xc_cgroup_mount *m, const char *path, uint64_t limit,
			struct xc_sys_cgroup *ret)
{
	const char *key = m->is_v2 ? "inactive_file" : "total_inactive_file";
	uint64_t used = 0, cache = 0;
	char text[8192];

	if (!read_limit(m, path, m->is_v2 ? "memory.current" : "memory.usage_in_bytes", &used))
		return;
	if (read_file(m, path, "memory.stat", text, sizeof(text)))
		(void)xc_text_value(text, key, &cache);
	used = xc_gain(used, cache);
	ret->has_memory = true;
	ret->memory_percent = used < limit ? 100 * (double)used / (double)limit : 100;
	ret->memory_available_mib = (double)xc_gain(limit, used) / MIB;
}

/* Of the nearest group with a limit, from @path upwards. */
static void memory_of(const struct xc_cgroup_mount *m, const char *path, struct xc_sys_cgroup *ret)
{
	const char *name = m->is_v2 ? "memory.max" : "memory.limit_in_bytes";
	char at[XC_CGROUP_PATH], *slash;
	uint64_t limit;

	(void)snprintf(at, sizeof(at), "%s", path);
	while (!read_limit(m, at, name, &limit)) {
		slash = strrchr(at, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
	fill_memory(m, at, limit, ret);
}

/* ---- the table of groups ------------------------------------------------------------------ */

static uint32_t find_group(const struct xc_cgroups *c, const char *path)
{
	uint32_t i = xc_index_first(&c->index, xc_hash(path, strlen(path)));

	while (i != XC_INDEX_END && strcmp(c->group[i].path, path) != 0)
		i = xc_index_next(&c->index, i);
	return i;
}

static uint32_t free_slot(struct xc_cgroups *c)
{
	if (c->n < XC_CGROUPS_MAX)
		return c->n++;
	for (uint32_t i = 0; i < c->n; i++)
		if (!c->group[i].path)
			return i;
	c->is_cut = true;
	return XC_INDEX_END;
}

/*
 * A group that was there before us (the first walk met it) had counted already: what it says now
 * is its start. One that came since starts at 0, so that nothing of it is lost, unless old and new
 * cannot be told apart.
 */
static void begin(struct xc_cgroups *c, struct xc_cgroup *g, uint64_t id)
{
	g->id = id;
	memset(g->v, 0, sizeof(g->v));
	memset(g->gain, 0, sizeof(g->gain));
	if (!c->walked_ns || c->is_cut)
		(void)read_cpu(&c->cpu, g->path, g->v);
}

static uint32_t add_group(struct xc_cgroups *c, const char *path, uint32_t parent, uint64_t id)
{
	char *copy = strdup(path);
	uint32_t i = copy ? free_slot(c) : XC_INDEX_END;

	if (i == XC_INDEX_END) {
		free(copy);
		return parent;
	}
	c->group[i] = (struct xc_cgroup){ .path = copy, .parent = parent };
	xc_index_add(&c->index, xc_hash(path, strlen(path)), i);
	begin(c, &c->group[i], id);
	return i;
}

static bool is_there(const struct xc_cgroups *c, const char *path, struct stat *ret_stat)
{
	char file[FILE_PATH];

	(void)snprintf(file, sizeof(file), ".%s", path);
	return !fstatat(c->cpu.fd, file, ret_stat, 0);
}

/* The slot of the group at @path, met now; its nearest kept ancestor when the table is full, END when there is none. */
static uint32_t meet(struct xc_cgroups *c, const char *path, uint32_t parent)
{
	uint32_t i = find_group(c, path);
	struct xc_cgroup *g;
	struct stat st;

	if (!is_there(c, path, &st))
		return XC_INDEX_END;
	if (i == XC_INDEX_END)
		i = add_group(c, path, parent, st.st_ino);
	if (i == XC_INDEX_END || strcmp(c->group[i].path, path) != 0)
		return i;
	g = &c->group[i];
	if (g->id != st.st_ino)
		begin(c, g, st.st_ino);	/* removed and made again */
	g->is_leaf = st.st_nlink == 2;
	g->has_quota = has_quota(&c->cpu, path);
	return i;
}

/* Counters up to now, once a window. */
static void advance(struct xc_cgroups *c, struct xc_cgroup *g)
{
	uint64_t v[_XC_CPU_MAX] = { 0 };

	if (g->window_no == c->window_no)
		return;
	g->window_no = c->window_no;
	memset(g->gain, 0, sizeof(g->gain));
	if (!g->has_quota || !read_cpu(&c->cpu, g->path, v))
		return;
	for (size_t i = 0; i < _XC_CPU_MAX; i++)
		g->gain[i] = xc_gain(v[i], g->v[i]);
	memcpy(g->v, v, sizeof(g->v));
}

static void forget_gone(struct xc_cgroups *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct xc_cgroup *g = &c->group[i];
		struct stat st;

		if (!g->path || g->walk_no == c->walk_no || is_there(c, g->path, &st))
			continue;
		xc_index_del(&c->index, xc_hash(g->path, strlen(g->path)), i);
		free(g->path);
		*g = (struct xc_cgroup){ 0 };
	}
}

static void walk(struct xc_cgroups *c, char *path, uint32_t parent, unsigned int depth);

/* @path: see walk(). */
static void walk_below(struct xc_cgroups *c, char *path, uint32_t self, unsigned int depth)
{
	size_t len = strlen(path);
	char at[FILE_PATH];
	const struct dirent *e;
	DIR *dir;
	int fd;

	(void)snprintf(at, sizeof(at), ".%s", path);
	fd = openat(c->cpu.fd, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    len + strlen(e->d_name) + 2 > XC_CGROUP_PATH)
			continue;
		(void)snprintf(path + len, XC_CGROUP_PATH - len, "/%s", e->d_name);
		walk(c, path, self, depth + 1);
		path[len] = '\0';
	}
	if (dir)
		(void)closedir(dir);
}

/* Meet the group at @path (a buffer of XC_CGROUP_PATH) and all below it. */
static void walk(struct xc_cgroups *c, char *path, uint32_t parent, unsigned int depth)
{
	uint32_t self = meet(c, path, parent);

	if (self == XC_INDEX_END || depth > XC_CGROUP_DEPTH || c->n_walked++ > 2 * XC_CGROUPS_MAX)
		return;
	c->group[self].walk_no = c->walk_no;
	if (!c->group[self].is_leaf)
		walk_below(c, path, self, depth);
}

static void walk_all(struct xc_cgroups *c, uint64_t now_ns)
{
	char path[XC_CGROUP_PATH] = "";

	c->walk_no++;
	c->n_walked = 0;
	walk(c, path, XC_INDEX_END, 0);
	forget_gone(c);
	c->walked_ns = now_ns;
}

/* The nearest group with a quota, from @i upwards. */
static uint32_t quota_above(const struct xc_cgroups *c, uint32_t i)
{
	while (i != XC_INDEX_END && !c->group[i].has_quota)
		i = c->group[i].parent;
	return i;
}

static void add_cpu(const struct xc_cgroup *g, struct xc_sys_cgroup *ret)
{
	ret->has_cpu = true;
	ret->nr_periods += g->gain[XC_CPU_PERIODS];
	ret->nr_throttled += g->gain[XC_CPU_THROTTLED];
	ret->throttled_ms += (double)g->gain[XC_CPU_THROTTLED_NS] / 1e6;
}

bool xc_cgroups_sample(struct xc_cgroups *c, uint64_t now_ns, struct xc_sys_cgroup *ret_node)
{
	*ret_node = (struct xc_sys_cgroup){ 0 };
	c->window_no++;
	if (c->cpu.fd < 0)
		return true;
	if (now_ns - c->walked_ns >= WALK_EVERY_NS)
		walk_all(c, now_ns);
	for (uint32_t i = 0; i < c->n; i++) {
		struct xc_cgroup *g = &c->group[i];

		if (!g->path || !g->has_quota)
			continue;
		advance(c, g);
		if (quota_above(c, g->parent) == XC_INDEX_END)
			add_cpu(g, ret_node);
	}
	return !c->is_cut;
}

/* ---- the group of a process --------------------------------------------------------------- */

/* Path below the mount, of one as the hierarchy has it. NULL = outside of what is mounted (or no memory). */
static char *below(const struct xc_cgroup_mount *m, const char *path)
{
	size_t len = strlen(m->root);

	/* Seen from a cgroup namespace, groups outside begin at its root: "/../../other". */
	while (!strncmp(path, "/..", 3))
		path += 3;
	if (strncmp(path, m->root, len) || (path[len] && path[len] != '/') ||
	    strlen(path) >= XC_CGROUP_PATH)
		return NULL;
	path += len;
	return strdup(strcmp(path, "/") ? path : "");
}

/* One line of /proc/PID/cgroup: "4:cpu,cpuacct:/path", of v2 "0::/path". */
static bool line_is_of(const struct xc_cgroup_mount *m, const char *list, const char *controller)
{
	return m->fd >= 0 && (m->is_v2 ? !list[0] : has_word(list, controller));
}

static void replace(char **at, char *with)
{
	free(*at);
	*at = with;
}

static bool read_paths(struct xc_cgroups *c, struct xc_cgroup_owner *o, uint32_t tgid)
{
	char file[32], text[8192], *line, *save = NULL;

	(void)snprintf(file, sizeof(file), "proc/%u/cgroup", tgid);
	if (!tgid || !xc_text_read_at(c->root_fd, file, text, sizeof(text)))
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		if (line_is_of(&c->cpu, list + 1, "cpu"))
			replace(&o->cpu, below(&c->cpu, path));
		if (line_is_of(&c->memory, list + 1, "memory"))
			replace(&o->memory, below(&c->memory, path));
	}
	return true;
}

/* A v2 group that a walk has met. */
static bool paths_of_id(const struct xc_cgroups *c, struct xc_cgroup_owner *o, uint64_t id)
{
	for (uint32_t i = 0; id && i < c->n; i++) {
		if (!c->group[i].path || c->group[i].id != id)
			continue;
		replace(&o->cpu, strdup(c->group[i].path));
		replace(&o->memory, c->memory.is_v2 ? strdup(c->group[i].path) : NULL);
		return true;
	}
	return false;
}

/* Meet the group at @path after those above it. */
static uint32_t meet_all(struct xc_cgroups *c, const char *path)
{
	uint32_t i = meet(c, "", XC_INDEX_END);
	char part[XC_CGROUP_PATH];

	for (const char *p = path; *p && i != XC_INDEX_END;) {
		uint32_t next;

		p = strchrnul(p + 1, '/');
		(void)snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		next = meet(c, part, i);
		if (next == XC_INDEX_END)
			break;
		i = next;
	}
	return i;
}

static void fill(struct xc_cgroups *c, struct xc_cgroup_owner *o)
{
	uint32_t i;

	o->what = (struct xc_sys_cgroup){ 0 };
	if (o->memory)
		memory_of(&c->memory, o->memory, &o->what);
	if (!o->cpu)
		return;
	i = quota_above(c, meet_all(c, o->cpu));
	if (i == XC_INDEX_END)
		return;
	advance(c, &c->group[i]);
	add_cpu(&c->group[i], &o->what);
}

bool xc_cgroups_of(struct xc_cgroups *c, uint32_t tgid, uint64_t cgroup2_id,
		   struct xc_sys_cgroup *ret_cgroup)
{
	/* The id tells the group of the socket itself, but only where v2 has the controllers. */
	uint64_t id = c->cpu.fd >= 0 && c->cpu.is_v2 ? cgroup2_id : 0;
	uint64_t key[2] = { id, id ? 0 : tgid }, hash = xc_hash(key, sizeof(key)) | 1;
	struct xc_cgroup_owner *o = &c->owner[(hash >> 1) % XC_CGROUP_OWNERS];

	if (!id && !tgid)
		return false;
	if (o->key != hash) {
		free(o->cpu);
		free(o->memory);
		*o = (struct xc_cgroup_owner){ .key = hash };
	}
	if (o->window_no != c->window_no) {
		o->window_no = c->window_no;
		/* A process that has ended since was where it was in the last window. */
		o->is_known |= paths_of_id(c, o, id) || read_paths(c, o, tgid);
		fill(c, o);
	}
	*ret_cgroup = o->what;
	return o->is_known;
}

/* ---- life ------------------------------------------------------------------------------- */

int xc_cgroups_init(struct xc_cgroups *c, int root_fd, uint64_t now_ns)
{
	int r;

	*c = (struct xc_cgroups){ .root_fd = root_fd, .cpu.fd = -1, .memory.fd = -1 };
	c->group = calloc(XC_CGROUPS_MAX, sizeof(*c->group));
	if (!c->group)
		return -ENOMEM;
	r = xc_index_init(&c->index, XC_CGROUPS_MAX);
	if (r)
		return r;
	find_mounts(c);
	if (c->cpu.fd >= 0)
		walk_all(c, now_ns);
	return 0;
}

static void unmount(struct xc_cgroup_mount *m)
{
	xc_closep(&m->fd);
	free(m->root);
	*m = (struct xc_cgroup_mount){ .fd = -1 };
}

void xc_cgroups_done(struct xc_cgroups *c)
{
	for (size_t i = 0; i < XC_CGROUP_OWNERS; i++) {
		free(c->owner[i].cpu);
		free(c->owner[i].memory);
	}
	for (uint32_t i = 0; i < c->n; i++)
		free(c->group[i].path);
	free(c->group);
	xc_index_done(&c->index);
	unmount(&c->cpu);
	unmount(&c->memory);
}
