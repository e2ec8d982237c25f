/* SPDX-License-Identifier: Apache-2.0 */
/* One run: a source, what takes its records, perhaps a recording, until somebody ends it. */
#pragma once

#include "core/config.h"
#include "source/source.h"

struct xc_run;

/**
 * struct xc_taker - what takes the records of a run
 * @feed: 0, or the -errno that ends the run
 * @deadline: when time alone makes it act, in the time of the records; UINT64_MAX = never
 * @has_enough: has it done what it was asked to (--count)? Then the run ends
 * @next_ask: take the next question for the source; false = none. May be NULL
 * @rest: everything that was at hand has been taken: what waits for output goes out. 0 or -errno. May be NULL
 * @state: handed to all of them
 */
struct xc_taker {
	int (*feed)(void *state, const struct xc_evt *e);
	uint64_t (*deadline)(const void *state);
	bool (*has_enough)(const void *state);
	bool (*next_ask)(void *state, struct xc_ask *ret_ask);
	int (*rest)(void *state);
	void *state;
};

/** @cfg, @taker: borrowed for the life of the run. 0 or -ENOMEM. */
int xc_run_new(const struct xc_config *cfg, const struct xc_taker *taker, struct xc_run **ret_run);

/**
 * Open the source (--read, or live), and run until --duration, the end of the file, a signal, or enough.
 * @env: what is wanted of the source; path, scope and delivery are filled in here
 * Return: 0, or a negative errno that was logged.
 */
int xc_run_go(struct xc_run *run, struct xc_source_env *env);

/** Tell the source what is wanted of a socket's packets, from within feed(). */
void xc_run_want(void *run, const struct xc_segment_want *want);

/** Let go of the source, and finish the recording. Accepts NULL. 0 or -errno (logged). */
int xc_run_free(struct xc_run *run);
