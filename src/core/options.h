/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option table: one row makes the flag, the key of the configuration file, the variable
 * CROSSCUT_NAME, the line in --help and the line in docs/options.md.
 *
 * To add an option: a field in struct xc_config and a row in options.c. Nothing else.
 */
#pragma once

#include "base/buf.h"
#include "core/config.h"

enum xc_option_type {
	XC_OPT_FLAG,	/* no value on the command line; on or off elsewhere. bool */
	XC_OPT_BOOL,	/* on or off. bool */
	XC_OPT_CHOICE,	/* one of choices[]. enum, value = index */
	XC_OPT_COUNT,	/* a number. uint32_t or uint64_t */
	XC_OPT_TIME,	/* "40ms"; a bare number is seconds. uint64_t, nanoseconds */
	XC_OPT_SIZE,	/* "4MiB"; a power of two. uint64_t, bytes */
	XC_OPT_SHARE,	/* "0.25", up to 1. uint32_t, millionths */
	XC_OPT_PORTS,	/* "[80,443]". struct xc_ports */
	XC_OPT_TEXT,	/* char array */
	XC_OPT_LIST,	/* may be repeated. struct xc_words */
	XC_OPT_FILTER,	/* may be repeated; min = enum xc_filter_kind. cfg->filters */
	XC_OPT_REQFILTER,	/* may be repeated; min = enum xc_reqfilter_kind. cfg->observe.filters */
	XC_OPT_NOT,	/* negates the filter that follows */
	XC_OPT_HELP,
	_XC_OPT_MAX,
};

/* Where a row may be set. */
enum xc_option_where { XC_EVERYWHERE, XC_CLI_ONLY, XC_NOT_CLI };

struct xc_option {
	const char *name;		/* --max-cases, max_cases:, CROSSCUT_MAX_CASES */
	char letter;			/* -o; 0 = none */
	enum xc_option_type type;
	enum xc_option_where where;
	uint64_t min, max;		/* as stored; max 0 = no range */
	const char *preset;		/* default as a user writes it; NULL = not set */
	const char *unset;		/* what "not set" means */
	const char *const *choices;	/* NULL-terminated */
	const char *arg;		/* what stands for the value in --help */
	const char *unit;		/* of a bare number; NULL = none */
	const char *text;		/* one sentence, lower case, no full stop */
	const char *group;		/* heading in --help */
	size_t offset;			/* in struct xc_config */
	size_t size;
	uint32_t cmds;			/* bit per enum xc_cmd_id */
};

extern const struct xc_option xc_options[];
extern const size_t xc_n_options;

/** The row called @name ('-' and '_' are the same) that may be set at @level; NULL = none. */
const struct xc_option *xc_option_find(const char *name, enum xc_origin_level level);

/** The row of @cmd called @name, or NULL. */
const struct xc_option *xc_option_of_cmd(const char *name, enum xc_cmd_id cmd);

/** Name most like @name among the rows with a bit of @cmds that may be set at @level, or NULL. */
const char *xc_option_guess(const char *name, uint32_t cmds, enum xc_origin_level level);

/**
 * Set one value. A list or filter of a lower origin is emptied first; a value of a higher
 * origin stays. Pure.
 * @is_not: negate the filter
 * @why: XC_WHY_LEN bytes, filled on error: "'5x' is no time; write ..."
 * Return: 0 or -EINVAL.
 */
int xc_option_set(struct xc_config *cfg, const struct xc_option *o, const char *value,
		  struct xc_origin origin, char *why);

/** May @origin still set the row, or has a higher one done so? A list is emptied for it. */
bool xc_option_claim(struct xc_config *cfg, const struct xc_option *o, struct xc_origin origin);

/** Is it a filter, of either sort? */
static inline bool xc_option_is_filter(const struct xc_option *o)
{
	return o->type == XC_OPT_FILTER || o->type == XC_OPT_REQFILTER;
}

/** Negate the filter that was set last through row @o. */
void xc_option_negate(struct xc_config *cfg, const struct xc_option *o);

/** Where the row's value comes from. */
const struct xc_origin *xc_option_origin(const struct xc_config *cfg, const struct xc_option *o);

/** Has the row a value at all? */
bool xc_option_is_set(const struct xc_config *cfg, const struct xc_option *o);

/** Append the value as a configuration file takes it: strings quoted, lists in brackets. */
void xc_option_print(const struct xc_config *cfg, const struct xc_option *o, struct xc_buf *out);

/** Append the allowed range, "10ms to 500ms", or the choices; nothing when all is allowed. */
void xc_option_print_range(const struct xc_option *o, struct xc_buf *out);

/** Append the name with '_' for '-': the key of the configuration file. */
void xc_option_print_key(const struct xc_option *o, struct xc_buf *out);

/** Append CROSSCUT_NAME. */
void xc_option_print_env(const struct xc_option *o, struct xc_buf *out);
