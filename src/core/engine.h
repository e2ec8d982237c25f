/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: records in, findings out. Ties the connection table, the patterns and the
 * sink together; knows no clock and no kernel, so a recording and a live host give the
 * same findings.
 */
#pragma once

#include "conn/conn.h"
#include "core/config.h"
#include "core/policy.h"
#include "sink/sink.h"

struct xc_engine;

struct xc_engine_stats {
	struct xc_conn_stats conn;
	uint64_t n_findings;	/* confirmed */
	uint64_t n_suspected;
	uint64_t n_cleared;
	uint64_t n_filtered;	/* verdicts outside the filters or below --min-severity */
	enum xc_severity worst;	/* of the confirmed ones */
};

/**
 * @cfg: borrowed for the life of the engine
 * @sink, @sink_state: borrowed; NULL = say nothing (record)
 * Return: 0 or -ENOMEM
 */
int xc_engine_new(const struct xc_config *cfg, const struct xc_sink *sink, void *sink_state,
		  struct xc_engine **ret_engine);

/** Explain requests, too: the records must carry segments. @want: see xc_trouble_cfg. 0 or -ENOMEM. */
int xc_engine_read_requests(struct xc_engine *engine, xc_want_fn want, void *arg);

/** Accepts NULL. */
void xc_engine_free(struct xc_engine *engine);

/** Take one record and say what is due. 0, or the -errno of the sink. */
int xc_engine_feed(struct xc_engine *engine, const struct xc_evt *e);

/** When time alone makes the engine speak (CLOCK_MONOTONIC); UINT64_MAX = never. */
uint64_t xc_engine_deadline(const struct xc_engine *engine);

/** Take the next question for the source. False = none. */
bool xc_engine_next_ask(struct xc_engine *engine, struct xc_ask *ret_ask);

void xc_engine_get_stats(const struct xc_engine *engine, struct xc_engine_stats *ret_stats);
