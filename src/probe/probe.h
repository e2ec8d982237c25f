/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a probe: one hook family, its BPF object and a table of its programs.
 * Records go straight to the ring buffer all probes share; a probe has nothing to decode.
 */
#pragma once

#include "base/scope.h"
#include "probe/cfg.h"
#include "probe/kernel.h"

#include <bpf/libbpf.h>
#include <stddef.h>

#define XC_SHARE_MAX 32

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
	uint32_t max_flows;		/* of probes that are for flows */
	uint32_t max_connections;	/* ... for requests */
	bool attaches_later;		/* only load: xc_probe_attach() follows, or never */
	struct xc_probe_report *report;	/* never NULL */
};

/* One BPF program of a probe. Several may serve one tracepoint; the one whose arguments fit is loaded. */
struct xc_program {
	const char *name;
	const char *tracepoint;	/* without group, as in BTF; NULL = no tracepoint, loaded always */
	int n_args;		/* of the tracepoint, the context not counted */
	bool wants_ptr;		/* ... and the first of them is a pointer */
	const char *func;	/* loaded where the kernel has this function; NULL = everywhere */
	bool wants_no_func;	/* ... or where it has not */
	const char *
		lacks; /* what an older tracepoint does not give, and since when it does; may be NULL */
	const char *so;		/* what is less certain for it */
};

/* What a probe is loaded for. */
enum xc_serves {
	XC_FOR_FAILURES = 1 << 0,	/* why */
	XC_FOR_FLOWS = 1 << 1,	/* features */
	XC_FOR_REQUESTS = 1 << 2,	/* whatever reads payload */
	XC_FOR_PLAINTEXT = 1 << 3,	/* ... and what is inside TLS */
	XC_FOR_FORWARDED = 1 << 4,	/* ... and what has no end here */
};

/**
 * struct xc_probe - one hook family: a BPF object, its programs, and what they are good for
 * @needs: one line for doctor: kernel features and capabilities
 * @without: what becomes less certain when the probe is missing
 * @needs_func: kernel function (helpers are functions) its programs call; NULL = none
 * @serves: enum xc_serves; nothing else loads it
 * @about: the type of programs of others it explains: worth attaching once there is one; 0 = attached at once. The
 *	names of its own programs begin with @name
 * @elf: the object, built into crosscut
 * @programs: ends with a row without name
 */
struct xc_probe {
	const char *name;
	const char *text;
	const char *needs;
	const char *without;
	const char *needs_func;
	uint8_t serves;
	enum bpf_prog_type about;
	const void *(*elf)(size_t *ret_size);
	const struct xc_program *programs;
};

extern const struct xc_probe *const xc_probes[];	/* NULL-terminated, in load order */

struct xc_attached;

/**
 * Configure, load and attach one probe. 0, or a negative errno; -EOPNOTSUPP means "this kernel
 * cannot", which is reported once and survived. Ownership of *ret to the caller.
 */
int xc_probe_open(const struct xc_probe *probe, const struct xc_probe_env *env,
		  struct xc_attached **ret);

/** Attach what was only loaded. 0 or -errno. */
int xc_probe_attach(struct xc_attached *attached, const char *cgroup_root);

/** Detach and unload. Accepts NULL. */
void xc_probe_close(struct xc_attached *attached);

XC_DEFINE_FREEP(struct xc_attached, xc_probe_close)

/** Run iterator @name once, in the network namespace of the caller. 0, -ENOENT or another -errno. */
int xc_attached_run(const struct xc_attached *attached, const char *name);

/** fd of program @name, or a negative errno: not loaded. Programs for interfaces are attached by who knows the interface. */
int xc_attached_prog_fd(const struct xc_attached *attached, const char *name);

/* A function of a file; a library's name is not enough, for processes see different ones. */
struct xc_uprobe_at {
	const char *path;
	const char *function;
	int pid;	/* -1 = whoever maps the file */
};

/** Put the uprobe or uretprobe @name there, until the probe is closed. 0, -ENOENT (no such function) or another -errno. */
int xc_attached_uprobe(struct xc_attached *attached, const char *name,
		       const struct xc_uprobe_at *at);

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
