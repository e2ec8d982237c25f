/* SPDX-License-Identifier: Apache-2.0 */
/* What the running kernel offers, decided by its BTF and never by its version number. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct btf;

struct xc_kernel {
	struct btf *btf;	/* of vmlinux */
};

/** Read the kernel's BTF. 0, or -ENOENT (no /sys/kernel/btf/vmlinux) and other errors of libbpf. */
int xc_kernel_open(struct xc_kernel *k);

void xc_kernel_close(struct xc_kernel *k);

/** Number of arguments of tracepoint @name, the context pointer not counted; -1 = no such tracepoint. */
int xc_kernel_tp_args(const struct xc_kernel *k, const char *name);

/** Is argument @i (0-based) of tracepoint @name a pointer? */
bool xc_kernel_tp_arg_is_ptr(const struct xc_kernel *k, const char *name, int i);

/** Is there a kernel function of that name in BTF (helpers are functions too)? */
bool xc_kernel_has_func(const struct xc_kernel *k, const char *name);

/**
 * Go through the values of a kernel enum.
 * @cb: called with each name and value, in order of declaration
 * Return: number of values, 0 = no such enum.
 */
int xc_kernel_enum(const struct xc_kernel *k, const char *name,
		   void (*cb)(void *arg, const char *value_name, uint32_t value), void *arg);
