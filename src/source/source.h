/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a source: where records come from. Live host and recording speak the same
 * records; what comes after cannot tell them apart.
 */
#pragma once

#include "abi/event.h"
#include "base/scope.h"
#include "model/ask.h"
#include "model/segment.h"
#include "probe/cfg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @e dies on return. */
typedef void (*xc_record_fn)(void *arg, const struct xc_evt *e);

/* What a source is told. Strings are borrowed for the life of the source. */
struct xc_source_env {
	const char *path;		/* recording or capture to read */
	const char *const *netns;	/* names, paths or pids; the whole host when empty */
	size_t n_netns;
	const char *iface;		/* NULL = any */
	struct xc_probe_cfg scope;	/* match, tgid, cgroup_id are filled in */
	uint32_t ring_bytes;
	uint32_t max_connections;
	bool with_rules;		/* answer which filter rule drops */
	bool with_trace;		/* ... and let the kernel trace it (temporary table) */
	bool with_payload;		/* hand over segments (abi/segment.h) */
	bool with_failures;		/* hand over what tells of connections in trouble */
	bool with_both_ends;		/* ... of both sockets of a connection within this host */
	uint32_t
		payload_budget; /* bytes of each direction before want() told anything of it, once the ring is half full; 0 = 4096, UINT32_MAX = any */
	const char *tls_uprobes;	/* read plaintext of this process id, or "all"; NULL = no */
	const char *
		forwarded; /* and of packets that pass this interface without an end here; NULL = no */
	xc_record_fn on_record;
	void *arg;
};

struct xc_source {
	const char *name;
	/* 0 or -errno (logged). Ownership of *ret_source to the caller. */
	int (*open)(const struct xc_source_env *env, void **ret_source);
	/* Deliver what is there; wait until @deadline_ns (CLOCK_MONOTONIC) at most.
	 * 0 = go on, 1 = the stream has ended, or -errno (logged). */
	int (*poll)(void *source, uint64_t deadline_ns);
	/* Answer through on_record, now or later, or not at all. */
	void (*ask)(void *source, const struct xc_ask *ask);
	/* What is wanted of a socket's packets. NULL where nothing can be kept back. */
	void (*want)(void *source, const struct xc_segment_want *want);
	void (*close)(void *source);	/* accepts NULL */
};

extern const struct xc_source xc_source_live;
extern const struct xc_source xc_source_recording;
extern const struct xc_source xc_source_packets;
extern const struct xc_source xc_source_mock;

/** Is @path a capture, by its content? "-" (stdin) is. A recording, or nothing at all, is not. */
bool xc_source_is_capture(const char *path);

/* ---- writing a recording -------------------------------------------------------- */

struct xc_recorder;

/** Create @path (mode 0600; must not exist unless it is empty or a recording). 0 or -errno (logged). */
int xc_recorder_open(const char *path, const char *scope_text, struct xc_recorder **ret_recorder);

/** Append one record. Errors are kept and told by xc_recorder_close(). */
void xc_recorder_write(struct xc_recorder *rec, const struct xc_evt *e);

/** Finish the file. Accepts NULL. 0, or the first error of any write. */
int xc_recorder_close(struct xc_recorder *rec);
