/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns: one row of a table each, with name, unit, range, definition and where its value
 * comes from. Everything that prints columns (CSV, JSON, schema, --list, --check, docs) reads this
 * table and nothing else. Pure.
 */
#pragma once

#include "flow/labels.h"
#include "flow/rows.h"
#include "model/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XC_COLUMNS_MAX 256
#define XC_COLUMNS_WHY 256

/* What the flows of one server endpoint (address and port of the responder, protocol) add up to. */
struct xc_server {
	struct xc_server_key {
		uint8_t addr[16];
		uint16_t port_he;
		uint8_t proto;
		uint8_t _pad0;	/* 0: keys compare as bytes */
	} key;
	uint64_t n_syns, n_syn_acks;	/* packets; SYNs that are no SYN-ACKs */
	uint64_t n_resets;
	uint64_t n_connections;		/* that began */
	uint64_t n_completed;		/* handshakes, with the final ACK */
	uint64_t n_half_open;		/* at the end of the window, SYN within 60 s */
	uint64_t n_ended_fin, n_ended_rst, n_timed_out;
	double baseline_std_ms;		/* deviation of latency it is used to; 0 = none learned */
	uint32_t n_baseline_windows;
	/* for the next window's baseline */
	double std_sum_ms;
	uint32_t n_stds;
	bool is_jittery;
};

/* What columns are made of; everything borrowed, and gone when the callback returns. */
struct xc_row {
	const struct xc_rows_input *in;
	const struct xc_flow_seen *seen;
	const struct xc_flow *flow;
	const struct xc_flow_window *window;	/* never NULL: all 0 for a row of drops only */
	const struct xc_flow_dir *dir[2];	/* [0] from the initiator, [1] from the responder */
	const struct xc_server *server;
	const struct xc_sys_sample *sys;	/* NULL = not measured */
	const struct xc_sys_cgroup
		*cgroup; /* of the flow's socket, else the node's; NULL = not measured */
	const struct xc_sys_netns
		*netns; /* of the responder, else the host's; NULL = not measured */
	const struct xc_flow_kernel *kernel;	/* NULL = only packets were seen */
	double window_s;
	uint64_t n_packets, n_bytes, n_retrans;	/* both directions */
	uint64_t zero_window_ns;		/* both directions, what is still shut included */
	uint8_t state;				/* enum xc_flow_state at the end of the window */
	uint8_t initiator;			/* end of the key */
	const char *verdict;			/* FORWARDED, REJECTED ... */
	char src_ip[XC_ENDPOINT_LEN], dst_ip[XC_ENDPOINT_LEN];
	char flow_id[9];
	struct xc_detected detected;
};

enum xc_value_kind { XC_VALUE_MISSING, XC_VALUE_U64, XC_VALUE_F64, XC_VALUE_STR };

struct xc_value {
	enum xc_value_kind kind;
	union {
		uint64_t u64;
		double f64;		/* always finite */
		const char *str;	/* borrowed from the row */
	};
};

/* In the order of the default columns. */
enum xc_feature_group {
	XC_GROUP_METADATA,
	XC_GROUP_NETWORK,
	XC_GROUP_LATENCY,
	XC_GROUP_L7,
	XC_GROUP_SYSTEM,
	XC_GROUP_AUX_SYSTEM,
	XC_GROUP_LABEL,
	XC_GROUP_EXTENDED,
	XC_GROUP_SEED,		/* names only the first exporter used */
	_XC_GROUP_MAX,
};

/* What a column is to somebody who trains a model. */
enum xc_feature_role {
	XC_ROLE_FEATURE,
	XC_ROLE_ID,	/* tells the run or the pair apart: leaks the answer */
	XC_ROLE_META,	/* when and what kind */
	XC_ROLE_LABEL,	/* the answer, or a rule's opinion of it */
	_XC_ROLE_MAX,
};

enum xc_feature_type {
	XC_TYPE_U8,
	XC_TYPE_U16,
	XC_TYPE_I16,
	XC_TYPE_U32,
	XC_TYPE_U64,
	XC_TYPE_F64,
	XC_TYPE_STR,	/* this and the following are text */
	XC_TYPE_IP,
	XC_TYPE_HEX8,
	XC_TYPE_ENUM,
	_XC_TYPE_MAX,
};

struct xc_feature {
	const char *name;
	const char *unit;	/* "-" = none */
	const char *scope;	/* "flow,window", "endpoint,window", "node" ... */
	const char *meaning;	/* the definition, one sentence or two */
	const char *choices;	/* of an XC_TYPE_ENUM, separated by "|"; else NULL */
	double min, max;	/* of a number; INFINITY = no limit */
	enum xc_feature_group group;
	enum xc_feature_role role;
	enum xc_feature_type type;
	int arg;		/* get()'s second argument: one getter serves many columns */
	struct xc_value (*get)(const struct xc_row *row, int arg);
};

/** All of them: the default columns in their order, then the extended and the seed's. */
size_t xc_features_count(void);

/** @i < xc_features_count(). */
const struct xc_feature *xc_feature_at(size_t i);

/** NULL = no such column. */
const struct xc_feature *xc_feature_find(const char *name);

const char *xc_feature_type_str(const struct xc_feature *f);	/* "u64", "hex8" ... */
const char *xc_feature_group_str(const struct xc_feature *f);	/* "network" ... */
const char *xc_feature_role_str(const struct xc_feature *f);	/* "id", "feature", "label", "meta" */

static inline bool xc_feature_is_text(const struct xc_feature *f)
{
	return f->type >= XC_TYPE_STR;
}

static inline struct xc_value xc_feature_get(const struct xc_feature *f, const struct xc_row *row)
{
	return f->get(row, f->arg);
}

/* The columns of one output, in its order. */
struct xc_columns {
	size_t n;
	const struct xc_feature *v[XC_COLUMNS_MAX];
};

/* A set of columns by name. */
struct xc_column_set {
	const char *name;
	const char *text;	/* what is in it */
};

/** core, default, numeric, extended, seed94; ends with a NULL name. */
extern const struct xc_column_set xc_column_sets[];

/** Is the column in the set @name? False for no set. */
bool xc_feature_is_in(const struct xc_feature *f, const char *name);

/**
 * @what: name of a set, or names of columns separated by commas
 * @why: filled on error: what is wrong and what was perhaps meant
 * Return: 0 or -EINVAL.
 */
int xc_columns_select(const char *what, struct xc_columns *ret_columns, char why[XC_COLUMNS_WHY]);
