/* SPDX-License-Identifier: Apache-2.0 */
/* Any probe: choose the programs this kernel can take, load them, attach them. */
#include "probe/probe.h"
#include "probe/uprobe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define LINKS_MAX 256	/* uprobes take many */

struct xc_attached {
	struct bpf_object *obj;
	struct {
		const char *name;
		struct bpf_link *link;
		int fd;		/* of what the library has no link for; 0 = none */
	} links[LINKS_MAX];
	size_t n;
};

static struct bpf_link *link_of(const struct xc_attached *attached, const char *name)
{
	for (size_t i = 0; i < attached->n; i++)
		if (!strcmp(attached->links[i].name, name))
			return attached->links[i].link;
	return NULL;
}

int xc_attached_prog_fd(const struct xc_attached *attached, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(attached->obj, name);

	return prog ? bpf_program__fd(prog) : -ENOENT;
}

/* An iterator runs while it is read; what it finds goes to maps and the ring, the text is empty. */
int xc_attached_run(const struct xc_attached *attached, const char *name)
{
	const struct bpf_link *link = link_of(attached, name);
	_cleanup_close_ int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char unused[64];
	ssize_t n;

	if (!link)
		return -ENOENT;
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, unused, sizeof(unused));
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

void xc_probe_close(struct xc_attached *attached)
{
	if (!attached)
		return;
	for (size_t i = 0; i < attached->n; i++) {
		bpf_link__destroy(attached->links[i].link);
		if (attached->links[i].fd)
			(void)close(attached->links[i].fd);
	}
	bpf_object__close(attached->obj);
	free(attached);
}

/* Where the variable "cfg" lies in the object's read-only data. */
static int cfg_offset(const struct bpf_object *obj, size_t *ret_offset)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *sec = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);

	for (int i = 0; sec && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(sec)[i];
		const struct btf_type *var = btf__type_by_id(btf, v->type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), "cfg"))
			continue;
		*ret_offset = v->offset;
		return v->size == sizeof(struct xc_probe_cfg) ? 0 : -EINVAL;
	}
	return -ENOENT;
}

static int set_cfg(struct bpf_object *obj, const struct xc_probe_cfg *cfg)
{
	struct bpf_map *map;
	size_t offset = 0;
	int r;

	r = cfg_offset(obj, &offset);
	if (r)
		return r;
	bpf_object__for_each_map(map, obj) {
		_cleanup_free_ char *copy = NULL;
		size_t size = 0;
		const void *data = bpf_map__initial_value(map, &size);

		if (!data || !strstr(bpf_map__name(map), ".rodata") || offset + sizeof(*cfg) > size)
			continue;
		copy = malloc(size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, data, size);
		memcpy(copy + offset, cfg, sizeof(*cfg));
		return bpf_map__set_initial_value(map, copy, size);
	}
	return -ENOENT;
}

static bool fits(const struct xc_program *p, const struct xc_kernel *kernel)
{
	if (p->func && xc_kernel_has_func(kernel, p->func) == p->wants_no_func)
		return false;
	if (!p->tracepoint)
		return true;
	return xc_kernel_tp_args(kernel, p->tracepoint) == p->n_args &&
	       (!p->wants_ptr || xc_kernel_tp_arg_is_ptr(kernel, p->tracepoint, 0));
}

/* Does this kernel give less than the program would take? */
static bool falls_short(const struct xc_program *p, const struct xc_kernel *kernel)
{
	if (!p->lacks || fits(p, kernel))
		return false;
	return (p->func && !xc_kernel_has_func(kernel, p->func)) ||
	       xc_kernel_tp_args(kernel, p->tracepoint) < p->n_args + p->wants_ptr;
}

static void pick_programs(const struct xc_probe *probe, const struct xc_probe_env *env,
			  struct bpf_object *obj)
{
	for (const struct xc_program *p = probe->programs; p->name; p++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(obj, p->name);
		bool is_wanted = fits(p, env->kernel);

		(void)bpf_program__set_autoload(prog, is_wanted);
		if (is_wanted && prog && bpf_program__type(prog) == BPF_PROG_TYPE_KPROBE &&
		    xc_uprobe_has_links(env->kernel))
			xc_uprobe_prepare(prog);
		env->report->n_programs += is_wanted;
		if (falls_short(p, env->kernel))
			xc_report_missing(env->report, p->lacks, p->so);
	}
}

static int load(const struct xc_probe_env *env, struct bpf_object *obj)
{
	int r;

	r = xc_share_use(env->share, obj, env);
	if (r)
		return r;

	r = bpf_object__load(obj);
	if (r)
		return r;

	return xc_share_keep(env->share, obj);
}

static struct bpf_link *attach_one(const struct bpf_program *prog, int cgroup_fd)
{
	enum bpf_prog_type type = bpf_program__type(prog);

	if (type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR || type == BPF_PROG_TYPE_CGROUP_SKB)
		return bpf_program__attach_cgroup(prog, cgroup_fd);
	return bpf_program__attach(prog);
}

/* Programs for interfaces, and uprobes: attached by who knows where. */
static bool has_own_place(const struct bpf_program *prog)
{
	enum bpf_prog_type type = bpf_program__type(prog);

	return type == BPF_PROG_TYPE_SCHED_CLS || type == BPF_PROG_TYPE_KPROBE;
}

static int keep_link(struct xc_attached *a, const struct bpf_program *prog, struct bpf_link *link)
{
	if (!link)
		return -errno;
	a->links[a->n].name = bpf_program__name(prog);
	a->links[a->n++].link = link;
	return 0;
}

int xc_attached_uprobe(struct xc_attached *attached, const char *name,
		       const struct xc_uprobe_at *at)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(attached->obj, name);
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = at->function);
	int fd;

	if (!prog)
		return -ENOENT;
	if (attached->n == LINKS_MAX)
		return -ENOSPC;
	opts.retprobe = !strcmp(bpf_program__section_name(prog), "uretprobe");
	if (xc_uprobe_is_prepared(prog)) {
		fd = xc_uprobe_link(bpf_program__fd(prog), at, opts.retprobe);
		if (fd < 0)
			return fd;
		attached->links[attached->n].name = name;
		attached->links[attached->n++].fd = fd;
		return 0;
	}
	return keep_link(attached, prog,
			 bpf_program__attach_uprobe_opts(prog, at->pid, at->path, 0, &opts));
}

int xc_probe_attach(struct xc_attached *a, const char *cgroup_root)
{
	_cleanup_close_ int cgroup_fd = -1;
	struct bpf_program *prog;
	int r;

	if (cgroup_root)
		cgroup_fd = open(cgroup_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bpf_object__for_each_program(prog, a->obj) {
		if (!bpf_program__autoload(prog) || has_own_place(prog))
			continue;
		if (a->n == LINKS_MAX)
			return -ENOSPC;
		r = keep_link(a, prog, attach_one(prog, cgroup_fd));
		if (r)
			return r;
	}
	return 0;
}

int xc_probe_open(const struct xc_probe *probe, const struct xc_probe_env *env,
		  struct xc_attached **ret)
{
	_cleanup_(xc_probe_closep) struct xc_attached *a = NULL;
	size_t size = 0;
	const void *elf = probe->elf(&size);
	int r;

	if (probe->needs_func && !xc_kernel_has_func(env->kernel, probe->needs_func)) {
		xc_report_missing(env->report, probe->needs_func, NULL);
		return -EOPNOTSUPP;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->obj = bpf_object__open_mem(elf, size, NULL);
	if (!a->obj)
		return -errno;

	r = set_cfg(a->obj, env->cfg);
	if (r)
		return r;
	pick_programs(probe, env, a->obj);
	r = load(env, a->obj);
	if (r)
		return r;

	r = env->attaches_later ? 0 : xc_probe_attach(a, env->cgroup_root);
	if (r)
		return r;

	*ret = TAKE_PTR(a);
	return 0;
}
