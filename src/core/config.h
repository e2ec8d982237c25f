/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The effective configuration: one field for every row of the option table, and where each
 * value came from. Filled by xc_config_load(), then read-only.
 */
#pragma once

#include "core/filter.h"
#include "core/reqfilter.h"
#include "model/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XC_WORDS_MAX 64		/* entries of a list such as --netns */
#define XC_WORD_LEN 256
#define XC_PATH_LEN 1024
#define XC_OPTIONS_MAX 128	/* rows in the option table */
#define XC_PORTS_MAX 32

/* Order of the lists in meson.build: XC_OUTPUT_text is xc_sinks[0] ... */
enum xc_output {
#define X(name) XC_OUTPUT_##name,
#include "sinks.list"
#undef X
	_XC_OUTPUT_MAX,
};

enum xc_cmd_id {
#define X(name) XC_CMD_##name,
#include "cmds.list"
#undef X
	_XC_CMD_MAX,
};

/* How feature rows are written; by the list `formats` of options.c. */
enum xc_row_output { XC_ROWS_CSV, XC_ROWS_JSON };

enum xc_missing { XC_MISSING_ZERO, XC_MISSING_EMPTY };

enum xc_color { XC_COLOR_AUTO, XC_COLOR_ALWAYS, XC_COLOR_NEVER };

/* Severity that makes the exit status 1; XC_FAIL_ON_x is one more than XC_SEVERITY_x. */
enum xc_fail_on { XC_FAIL_ON_NEVER, XC_FAIL_ON_INFO, XC_FAIL_ON_WARNING, XC_FAIL_ON_ERROR };

/* A list of strings; entries are copied. */
struct xc_words {
	size_t n;
	char v[XC_WORDS_MAX][XC_WORD_LEN];
};

/* A list of ports. */
struct xc_ports {
	size_t n;
	uint16_t v[XC_PORTS_MAX];
};

/* What observe tells, and how much of it; names and defaults are those of the network observer. */
struct xc_observe_config {
	struct xc_reqfilter filters[XC_REQFILTERS_MAX];	/* in the order given */
	size_t n_filters;
	uint64_t min_latency_ns;
	bool only_errors;
	bool is_summary;
	bool with_query;
	bool is_mock;
	bool records_plaintext;
	char forwarded[16];		/* an interface; empty = none */
	char tls_uprobes[16];		/* a process id or "all"; empty = none */
	char name[64];
	uint64_t count;			/* events; 0 = no limit */
	uint64_t buffer_events;		/* that may wait for output */
	uint64_t flush_interval_ns;
	uint64_t max_events_per_second;
	uint32_t sampling_rate;		/* connections of a million */
	uint32_t max_connections;
	uint64_t connection_timeout_ns;
	uint64_t connection_cleanup_ns;
	uint64_t ring_bytes;
	uint64_t verifier_log_bytes;
	bool with_ipv4, with_ipv6;
	bool with_tcp, with_udp, with_icmp;
	bool with_l7, with_http, with_https, with_dns, with_grpc;
	bool with_flows;		/* connection events of UDP and ICMP */
	bool with_core;
	bool with_k8s;
	struct xc_ports http_ports, https_ports, grpc_ports;	/* hints */
	uint32_t dns_port;
};

/* Where a value came from; a higher one replaces a lower one. */
enum xc_origin_level { XC_ORIGIN_DEFAULT, XC_ORIGIN_FILE, XC_ORIGIN_ENV, XC_ORIGIN_FLAG };

struct xc_origin {
	enum xc_origin_level level;
	uint32_t line;	/* of the file */
};

struct xc_config {
	/* scope: decided in the kernel */
	struct xc_words netns;		/* names, paths or process ids; empty = all of this host */
	char cgroup[XC_PATH_LEN];	/* path or id; empty = any */
	char iface[16];			/* empty = any */
	uint32_t pid;			/* 0 = any */
	struct xc_filter filters[XC_FILTERS_MAX];	/* in the order given */
	size_t n_filters;

	/* what goes in and out */
	char read[XC_PATH_LEN];		/* recording to read; empty = live */
	char record_to[XC_PATH_LEN];	/* recording to write; empty = none */
	uint64_t duration_ns;		/* 0 = until interrupted */
	uint64_t count;			/* findings; 0 = no limit */
	enum xc_output output;
	enum xc_color color;
	enum xc_severity min_severity;
	enum xc_fail_on fail_on;
	bool is_quiet;
	bool is_verbose;
	bool with_stats;

	/* how it decides */
	uint64_t grace_ns;
	uint64_t correlation_window_ns;
	uint64_t syn_timeout_ns;
	uint64_t arp_timeout_ns;
	bool with_rules;
	bool with_trace_rule;
	bool with_requests;
	bool with_payload;		/* record */

	/* limits */
	uint64_t buffer_bytes;
	uint32_t max_cases;
	uint32_t max_connections;

	/* features */
	uint64_t window_ns;
	uint64_t output_interval_ns;
	uint64_t features_duration_ns;	/* 0 = until interrupted */
	uint32_t label;			/* 0..11 */
	enum xc_row_output row_output;
	enum xc_missing missing;
	char columns[XC_PATH_LEN];	/* name of a set, or names separated by commas */
	char out[XC_PATH_LEN];		/* empty = a name made of the time */
	char check[XC_PATH_LEN];	/* file to check; empty = none */
	uint64_t idle_timeout_ns;	/* 0 = never */
	uint32_t max_flows;
	bool is_list;
	bool without_hubble;
	bool without_requests;
	bool with_forwarded;

	struct xc_observe_config observe;

	bool is_enabled;		/* "enabled: false" in a file turns watching off */
	bool drops_privileges;
	char file[XC_PATH_LEN];		/* configuration file read; empty = none */
	struct xc_origin origin[XC_OPTIONS_MAX];	/* by index of the option row */
};

#define XC_WHY_LEN 512

/* What xc_config_load() found beside the values. */
struct xc_config_result {
	int first_arg;		/* index in argv of the first argument that is no option */
	char why[XC_WHY_LEN];	/* on error: what is wrong and what to do, one line */
};

/** xc_config_load() found --help: show the help of the command and end. */
#define XC_CONFIG_HELP 1

/**
 * Read the arguments of one command, the environment and the file they name.
 * Precedence: flag, environment CROSSCUT_NAME, file, default. Touches the environment and
 * the file only, and prints nothing; getopt's globals are reset.
 * @argv: argv[0] is the command's name; reordered so that options come first
 * Return: 0, XC_CONFIG_HELP, or -EINVAL with ret->why filled.
 */
int xc_config_load(struct xc_config *cfg, enum xc_cmd_id cmd, int argc, char **argv,
		   struct xc_config_result *ret);

/** Every row at its default. */
void xc_config_default(struct xc_config *cfg);

/**
 * Read one configuration file over @cfg; values of a higher origin stay.
 * @why: XC_WHY_LEN bytes, filled on error: "FILE:LINE: what; what to do"
 * Return: 0 or -EINVAL.
 */
int xc_config_read_file(struct xc_config *cfg, const char *path, char *why);

/** The same from memory; @name stands in the messages. */
int xc_config_parse(struct xc_config *cfg, const char *name, const char *text, size_t len,
		    char *why);

/**
 * What no single row can see, and no command changes: a network without addresses.
 * @why: XC_WHY_LEN bytes, filled on error
 * Return: 0 or -EINVAL.
 */
int xc_config_check(const struct xc_config *cfg, char *why);

/** Pointers to the entries of @w, for callees that take a list of strings. Returns their number. */
size_t xc_words_list(const struct xc_words *w, const char *ret_list[XC_WORDS_MAX]);

/** Should colours go to @fd? (--color, NO_COLOR, TERM, and whether it is a terminal) */
bool xc_color_wanted(const struct xc_config *cfg, int fd);
