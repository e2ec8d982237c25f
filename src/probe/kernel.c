/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/kernel.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>

int xc_kernel_open(struct xc_kernel *k)
{
	k->btf = btf__load_vmlinux_btf();
	return k->btf ? 0 : -errno;
}

void xc_kernel_close(struct xc_kernel *k)
{
	btf__free(k->btf);
	k->btf = NULL;
}

/* typedef void (*btf_trace_NAME)(void *, args...) */
static const struct btf_type *tp_proto(const struct xc_kernel *k, const char *name)
{
	const struct btf_type *t;
	char full[96];
	int id;

	(void)snprintf(full, sizeof(full), "btf_trace_%s", name);
	id = btf__find_by_name_kind(k->btf, full, BTF_KIND_TYPEDEF);
	if (id < 0)
		return NULL;
	t = btf__type_by_id(k->btf, btf__type_by_id(k->btf, (__u32)id)->type);
	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(k->btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

int xc_kernel_tp_args(const struct xc_kernel *k, const char *name)
{
	const struct btf_type *t = tp_proto(k, name);

	return t ? (int)btf_vlen(t) - 1 : -1;
}

bool xc_kernel_tp_arg_is_ptr(const struct xc_kernel *k, const char *name, int i)
{
	const struct btf_type *t = tp_proto(k, name), *arg;

	if (!t || i + 1 >= btf_vlen(t))
		return false;
	arg = btf__type_by_id(k->btf, btf_params(t)[i + 1].type);
	return arg && btf_is_ptr(arg);
}

bool xc_kernel_has_func(const struct xc_kernel *k, const char *name)
{
	return btf__find_by_name_kind(k->btf, name, BTF_KIND_FUNC) > 0;
}

int xc_kernel_enum(const struct xc_kernel *k, const char *name,
		   void (*cb)(void *arg, const char *value_name, uint32_t value), void *arg)
{
	int id = btf__find_by_name_kind(k->btf, name, BTF_KIND_ENUM);
	const struct btf_type *t;

	if (id < 0)
		return 0;
	t = btf__type_by_id(k->btf, (__u32)id);
	for (int i = 0; i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];

		cb(arg, btf__name_by_offset(k->btf, e->name_off), (uint32_t)e->val);
	}
	return btf_vlen(t);
}
