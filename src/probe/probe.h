/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a probe: one hook family, its BPF object and the code that loads it.
 * Records go straight to the ring buffer all probes share; a probe has nothing to decode.
 */
#pragma once

#include "base/scope.h"
#include "probe/cfg.h"
#include "probe/kernel.h"

#include <bpf/libbpf.h>
#include <stddef.h>

#define XC_SHARE_MAX 16

/* Maps named xc_* exist once; whoever loads first makes them. */
struct xc_share {
	struct {
		char name[16];
		int fd;
	} maps[XC_SHARE_MAX];
	size_t n;
};

/* What a probe found it cannot have here; shown by doctor, lowers what findings can say. */
struct xc_probe_report {
	char missing[320];	/* "icmp_send (5.14)" ...; empty = all there */
	char so[480];		/* what each of them costs */
	int n_programs;		/* loaded and attached */
};

struct xc_probe_env {
	const struct xc_kernel *kernel;
	const struct xc_probe_cfg *cfg;
	struct xc_share *share;
	const char *cgroup_root;	/* cgroup v2 tree, NULL = none */
	uint32_t ring_bytes;
	uint32_t max_connections;
	struct xc_probe_report *report;	/* never NULL */
};

/**
 * struct xc_probe - user-space half of one probe
 * @needs: one line for doctor: kernel features and capabilities
 * @without: what becomes less certain when it is missing
 * @open: configure, load and attach. 0, or a negative errno; -EOPNOTSUPP means "this kernel
 *	cannot", which is reported once and survived. Ownership of *ret_probe to the caller.
 * @close: accepts NULL; detaches.
 */
struct xc_probe {
	const char *name;
	const char *text;
	const char *needs;
	const char *without;
	int (*open)(const struct xc_probe_env *env, void **ret_probe);
	void (*close)(void *probe);
};

extern const struct xc_probe *const xc_probes[];	/* NULL-terminated, in load order */

/** Before load: give @obj the shared maps that exist already and size those it will make. */
int xc_share_use(struct xc_share *share, struct bpf_object *obj, const struct xc_probe_env *env);

/** After load: remember the xc_* maps @obj made. 0 or -ENOSPC. */
int xc_share_keep(struct xc_share *share, struct bpf_object *obj);

/** fd of shared map @name, or -ENOENT. Owned by the share. */
int xc_share_fd(const struct xc_share *share, const char *name);

void xc_share_done(struct xc_share *share);

/** Note in the report that @what is missing here, and what is less certain for it (NULL: all the probe tells). */
void xc_report_missing(struct xc_probe_report *r, const char *what, const char *so);

/** Send libbpf's own lines to our log: warnings at debug, the rest not at all. */
void xc_probe_log_libbpf(void);

/** use, load, keep: what every probe does between its choices and its attach. */
int xc_probe_load(const struct xc_probe_env *env, struct bpf_object *obj);

/**
 * Let @prog load only if tracepoint @tp has @n_args arguments.
 * @tp: without group, as in BTF
 * Return: whether it will be loaded.
 */
bool xc_probe_pick(const struct xc_probe_env *env, struct bpf_program *prog, const char *tp,
		   int n_args);
