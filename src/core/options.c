/* SPDX-License-Identifier: Apache-2.0 */
/* The option table. Values are read and printed in value.c. */
#include "core/options.h"

#include "base/scope.h"
#include "base/word.h"

#include <stdio.h>
#include <string.h>

#define MS 1000000ull
#define S (1000 * MS)
#define MIN (60 * S)
#define KIB 1024ull
#define MIB (1024 * KIB)

#define FIELD(name)                                                                                \
	.offset = offsetof(struct xc_config, name), .size = sizeof(((struct xc_config *)0)->name)

#define WHY (1u << XC_CMD_why)
#define RECORD (1u << XC_CMD_record)
#define DOCTOR (1u << XC_CMD_doctor)
#define CONFIG (1u << XC_CMD_config)
#define FEATURES (1u << XC_CMD_features)
#define OBSERVE (1u << XC_CMD_observe)
#define LIVE (WHY | RECORD | CONFIG)
#define SCOPED (LIVE | OBSERVE)
#define ALL (WHY | RECORD | OBSERVE | DOCTOR | CONFIG)
#define EVERY ((1u << _XC_CMD_MAX) - 1)

static const char *const outputs[] = {
#define X(name) #name,
#include "sinks.list"
#undef X
	NULL,
};

static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const severities[] = { "info", "warning", "error", NULL };
static const char *const fail_levels[] = { "never", "info", "warning", "error", NULL };

static const char *const formats[] = { "csv", "json", NULL };
static const char *const missing[] = { "zero", "empty", NULL };

static const char scope[] = "What is watched";
static const char told[] = "What is told";
static const char protocols[] = "What is read";
static const char input[] = "Input and end";
static const char output[] = "Output";
static const char verdict[] = "Verdicts";
static const char rows[] = "Rows";
static const char limits[] = "Limits";
static const char general[] = "General";

/* One row a block: who it is, where it is stored, who takes it, what it says. */
const struct xc_option xc_options[] = {
	/* ---- scope ------------------------------------------------------------------ */
	{ "netns", .type = XC_OPT_LIST, FIELD(netns), .cmds = SCOPED, .group = scope, .arg = "NS",
	  .unset = "every namespace of this host",
	  .text = "only this network namespace: its name, a path, a process id or self; repeatable" },
	{ "netns", .type = XC_OPT_LIST, .where = XC_CLI_ONLY, FIELD(netns), .cmds = FEATURES,
	  .group = scope, .arg = "NS", .unset = "the one crosscut runs in",
	  .text = "interfaces of this network namespace: its name, a path, a process id or self" },
	{ "cgroup", .type = XC_OPT_TEXT, FIELD(cgroup), .cmds = SCOPED, .group = scope,
	  .arg = "CGROUP", .unset = "any",
	  .text = "only processes in this cgroup or below: its path or its id" },
	{ "iface", 'i', .type = XC_OPT_TEXT, FIELD(iface), .cmds = SCOPED, .group = scope,
	  .arg = "DEV", .unset = "any", .text = "only packets of this network device" },
	{ "pid", 'p', .type = XC_OPT_COUNT, .min = 1, .max = 4194304, FIELD(pid), .cmds = SCOPED,
	  .group = scope, .arg = "PID", .unset = "any",
	  .text = "only connections of this process" },
	{ "from", .type = XC_OPT_FILTER, .min = XC_FILTER_FROM, .cmds = SCOPED | FEATURES,
	  .group = scope, .arg = "ADDR", .unset = "any",
	  .text = "only this client: address, network, address:port or :port; repeatable" },
	{ "to", .type = XC_OPT_FILTER, .min = XC_FILTER_TO, .cmds = SCOPED | FEATURES,
	  .group = scope, .arg = "ADDR", .unset = "any", .text = "only this server; repeatable" },
	{ "ip", .type = XC_OPT_FILTER, .min = XC_FILTER_IP, .cmds = SCOPED | FEATURES,
	  .group = scope, .arg = "ADDR", .unset = "any",
	  .text = "only this client or server; repeatable" },
	{ "port", .type = XC_OPT_FILTER, .min = XC_FILTER_PORT, .cmds = SCOPED | FEATURES,
	  .group = scope, .arg = "PORT", .unset = "any",
	  .text = "only this port, of client or server; repeatable" },
	{ "not", .type = XC_OPT_NOT, .where = XC_CLI_ONLY, .cmds = SCOPED | FEATURES,
	  .group = scope,
	  .text = "negate the next --from, --to, --ip, --port, --method ... (in files and variables: a leading !)" },

	{ "filter-ip", 'f', .type = XC_OPT_FILTER, .min = XC_FILTER_IP, .where = XC_CLI_ONLY,
	  .cmds = FEATURES, .group = scope, .arg = "ADDR", .unset = "any",
	  .text = "another name of --ip" },

	/* ---- events ----------------------------------------------------------------- */
	{ "method", .type = XC_OPT_REQFILTER, .min = XC_REQFILTER_METHOD, .cmds = OBSERVE | CONFIG,
	  .group = told, .arg = "METHOD", .unset = "any",
	  .text = "only requests with this method or command: GET, A, SELECT ...; repeatable" },
	{ "path", .type = XC_OPT_REQFILTER, .min = XC_REQFILTER_PATH, .cmds = OBSERVE | CONFIG,
	  .group = told, .arg = "PREFIX", .unset = "any",
	  .text = "only requests whose path, key or statement begins so; repeatable" },
	{ "status", .type = XC_OPT_REQFILTER, .min = XC_REQFILTER_STATUS, .cmds = OBSERVE | CONFIG,
	  .group = told, .arg = "STATUS", .unset = "any",
	  .text = "only answers with this status: 404, 4xx or 500-599; repeatable" },
	{ "dns", .type = XC_OPT_REQFILTER, .min = XC_REQFILTER_DNS, .cmds = OBSERVE | CONFIG,
	  .group = told, .arg = "NAME", .unset = "any",
	  .text = "only DNS queries for this name, or for one below it; repeatable" },
	{ "protocol", .type = XC_OPT_REQFILTER, .min = XC_REQFILTER_PROTOCOL,
	  .cmds = OBSERVE | CONFIG, .group = told, .arg = "NAME", .unset = "any",
	  .text = "only this protocol: http (with http2), grpc, dns, tls, redis ..., or tcp, udp, icmp; repeatable" },
	{ "min-latency", .type = XC_OPT_TIME, .max = 60 * MIN, .preset = "0",
	  FIELD(observe.min_latency_ns), .cmds = OBSERVE | CONFIG, .group = told, .arg = "TIME",
	  .unit = "seconds",
	  .text = "only answers that took this long or longer, up to their last byte" },
	{ "errors", .type = XC_OPT_FLAG, .preset = "off", FIELD(observe.only_errors),
	  .cmds = OBSERVE | CONFIG, .group = told,
	  .text = "only failures: 4xx and 5xx, NXDOMAIN, requests without an answer" },
	{ "query", .type = XC_OPT_FLAG, .preset = "off", FIELD(observe.with_query),
	  .cmds = OBSERVE | CONFIG, .group = told,
	  .text = "keep the query strings of URLs, which are redacted otherwise" },
	{ "summary", .type = XC_OPT_FLAG, .preset = "off", FIELD(observe.is_summary),
	  .cmds = OBSERVE | CONFIG, .group = told,
	  .text = "no events, but at the end a table: for each server rate, errors and latency; with --verbose for each route" },
	{ "name", .type = XC_OPT_TEXT, .where = XC_NOT_CLI, .preset = "network-observer",
	  FIELD(observe.name), .group = told, .arg = "NAME",
	  .text = "who observes: the key source of every event" },

	/* ---- protocols -------------------------------------------------------------- */
	{ "enable-ipv4", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_ipv4),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off", .text = "IPv4" },
	{ "enable-ipv6", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_ipv6),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off",
	  .text = "IPv6; one IP version must be on" },
	{ "enable-tcp", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_tcp),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off", .text = "TCP" },
	{ "enable-udp", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_udp),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off", .text = "UDP" },
	{ "enable-icmp", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_icmp),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off",
	  .text = "ICMP and ICMPv6; one of the three must be on" },
	{ "enable-flow-tracking", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_flows),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off",
	  .text = "tell of UDP and ICMP flows as of connections" },
	{ "enable-l7-parse", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_l7),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off",
	  .text = "read requests; off: connections only" },
	{ "enable-http", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_http),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off",
	  .text = "HTTP/1 and HTTP/2" },
	{ "enable-https", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_https),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off",
	  .text = "what TLS and QUIC show in clear: names, versions, ciphers, fingerprints; nothing is decrypted" },
	{ "enable-dns", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_dns),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off", .text = "DNS" },
	{ "enable-grpc", .type = XC_OPT_BOOL, .preset = "on", FIELD(observe.with_grpc),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "on|off", .text = "gRPC" },
	{ "http-ports", .type = XC_OPT_PORTS, .preset = "[80,8080,3000]", FIELD(observe.http_ports),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "PORTS",
	  .text = "where HTTP is likely; a hint that breaks ties: what is spoken is told from content, on any port" },
	{ "https-ports", .type = XC_OPT_PORTS, .preset = "[443,8443]", FIELD(observe.https_ports),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "PORTS",
	  .text = "where TLS is likely; a hint, too" },
	{ "grpc-ports", .type = XC_OPT_PORTS, .preset = "[50051,9090]", FIELD(observe.grpc_ports),
	  .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "PORTS",
	  .text = "where gRPC is likely; a hint, too" },
	{ "dns-port", .type = XC_OPT_COUNT, .min = 1, .max = 65535, .preset = "53",
	  FIELD(observe.dns_port), .cmds = OBSERVE | CONFIG, .group = protocols, .arg = "PORT",
	  .text = "where DNS is likely; a hint, too" },
	{ "forwarded", .type = XC_OPT_TEXT, FIELD(observe.forwarded), .cmds = OBSERVE | CONFIG,
	  .group = protocols, .arg = "IFACE", .unset = "off",
	  .text = "also read packets of this interface that only pass through, such as of a router, a bridge or a mirror port" },
	{ "tls-uprobes", .type = XC_OPT_TEXT, FIELD(observe.tls_uprobes), .cmds = OBSERVE | CONFIG,
	  .group = protocols, .arg = "PID|all", .unset = "off",
	  .text = "also read what OpenSSL is given and gives in this process, or in all: plaintext" },

	/* ---- input and end ---------------------------------------------------------- */
	{ "read", 'r', .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(read), .cmds = WHY,
	  .group = input, .arg = "FILE", .unset = "this host, live",
	  .text = "explain a recording, or a capture (pcap, pcapng; - is stdin), instead of this host; needs no root" },
	{ "read", 'r', .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(read), .cmds = FEATURES,
	  .group = input, .arg = "FILE", .unset = "the interface named, live",
	  .text = "take the packets of this capture (pcap, pcapng; - is stdin) up to its end; needs no root" },
	{ "read", 'r', .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(read), .cmds = OBSERVE,
	  .group = input, .arg = "FILE", .unset = "this host, live",
	  .text = "observe a capture (pcap, pcapng; - is stdin), or a recording that observe made, instead of this host; needs no root" },
	{ "mock-mode", .type = XC_OPT_FLAG, .preset = "off", FIELD(observe.is_mock),
	  .cmds = OBSERVE | CONFIG, .group = input,
	  .text = "observe made-up traffic of every kind, marked mock; needs no root (--mock for short)" },
	{ "duration", 'd', .type = XC_OPT_TIME, .min = 1 * MS, .max = 366ull * 24 * 60 * MIN,
	  FIELD(duration_ns), .cmds = SCOPED, .group = input, .arg = "TIME", .unit = "seconds",
	  .unset = "until interrupted", .text = "end after this time" },
	{ "duration", 'd', .type = XC_OPT_TIME, .where = XC_CLI_ONLY, .max = 366ull * 24 * 60 * MIN,
	  .preset = "1m", FIELD(features_duration_ns), .cmds = FEATURES, .group = input,
	  .arg = "TIME", .unit = "seconds", .text = "end after this time, live; 0 is never" },
	{ "count", 'c', .type = XC_OPT_COUNT, .min = 1, .max = 1000000000, FIELD(count),
	  .cmds = WHY | CONFIG, .group = input, .arg = "N", .unit = "findings", .unset = "no limit",
	  .text = "end after this many findings" },

	{ "count", 'c', .type = XC_OPT_COUNT, .where = XC_CLI_ONLY, .min = 1, .max = 1000000000,
	  FIELD(observe.count), .cmds = OBSERVE, .group = input, .arg = "N", .unit = "events",
	  .unset = "no limit", .text = "end after this many events" },

	/* ---- output ----------------------------------------------------------------- */
	{ "output", 'o', .type = XC_OPT_CHOICE, .choices = outputs, .preset = "text", FIELD(output),
	  .cmds = WHY | OBSERVE | DOCTOR | CONFIG, .group = output, .arg = "FORMAT",
	  .text = "how results are written; json is one object a line" },
	{ "output", 'o', .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(record_to),
	  .cmds = RECORD, .group = output, .arg = "FILE", .unset = "none",
	  .text = "write the recording to this file" },
	{ "output", 'o', .type = XC_OPT_CHOICE, .where = XC_CLI_ONLY, .choices = formats,
	  .preset = "csv", FIELD(row_output), .cmds = FEATURES, .group = output, .arg = "FORMAT",
	  .text = "how rows are written; json is one object a line" },
	{ "out", .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(out), .cmds = FEATURES,
	  .group = output, .arg = "FILE", .unset = "ml_features_hybrid_TIME.csv in this directory",
	  .text = "write the rows to this file; - is stdout" },
	{ "output-interval", 'i', .type = XC_OPT_TIME, .min = 100 * MS, .max = 60 * MIN,
	  .preset = "10s", FIELD(output_interval_ns), .cmds = FEATURES, .group = output,
	  .arg = "TIME", .unit = "seconds",
	  .text = "the file grows this often, by the rows of the windows that ended" },
	{ "record", .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(record_to),
	  .cmds = WHY | OBSERVE, .group = output, .arg = "FILE", .unset = "none",
	  .text = "also write what was seen to this file, to be read again with --read" },
	{ "payload", .type = XC_OPT_FLAG, .where = XC_CLI_ONLY, FIELD(with_payload), .cmds = RECORD,
	  .group = output,
	  .text = "also record what sockets send and receive, up to 4096 bytes of each packet, for observe -r" },
	{ "record-plaintext", .type = XC_OPT_FLAG, .where = XC_CLI_ONLY,
	  FIELD(observe.records_plaintext), .cmds = OBSERVE, .group = output,
	  .text = "let --record keep what --tls-uprobes reads, too" },
	{ "flush-interval", .type = XC_OPT_TIME, .min = 1 * MS, .max = 60 * MIN, .preset = "10s",
	  FIELD(observe.flush_interval_ns), .cmds = OBSERVE | CONFIG, .group = output,
	  .arg = "TIME", .unit = "seconds",
	  .text = "events wait for output no longer than this; they go out at once when nothing else is at hand" },
	{ "observe-buffer-size", .type = XC_OPT_COUNT, .where = XC_NOT_CLI, .min = 1,
	  .max = 1000000, .preset = "10000", FIELD(observe.buffer_events), .group = output,
	  .arg = "N", .unit = "events", .text = "... and no more of them than this" },
	{ "color", .type = XC_OPT_CHOICE, .choices = colors, .preset = "auto", FIELD(color),
	  .cmds = ALL, .group = output, .arg = "WHEN",
	  .text = "use colours; auto: on a terminal, unless NO_COLOR is set" },
	{ "min-severity", .type = XC_OPT_CHOICE, .choices = severities, .preset = "info",
	  FIELD(min_severity), .cmds = WHY | CONFIG, .group = output, .arg = "LEVEL",
	  .text = "leave out findings below this severity" },
	{ "fail-on", .type = XC_OPT_CHOICE, .choices = fail_levels, .preset = "never",
	  FIELD(fail_on), .cmds = WHY | CONFIG, .group = output, .arg = "LEVEL",
	  .text = "exit with 1 if there was a finding of this severity or above" },
	{ "stats", .type = XC_OPT_FLAG, .preset = "off", FIELD(with_stats),
	  .cmds = SCOPED | FEATURES, .group = output,
	  .text = "end with what was seen, kept, left out and lost, on stderr" },
	{ "quiet", 'q', .type = XC_OPT_FLAG, .preset = "off", FIELD(is_quiet),
	  .cmds = ALL | FEATURES, .group = output, .text = "nothing on stderr but errors" },
	{ "verbose", 'v', .type = XC_OPT_FLAG, .preset = "off", FIELD(is_verbose),
	  .cmds = ALL | FEATURES, .group = output,
	  .text = "say on stderr what is being done; observe then leaves no event out" },

	/* ---- rows ------------------------------------------------------------------- */
	{ "window", 'w', .type = XC_OPT_TIME, .min = 100 * MS, .max = 60 * MIN, .preset = "5s",
	  FIELD(window_ns), .cmds = FEATURES | CONFIG, .group = rows, .arg = "TIME",
	  .unit = "seconds", .text = "one row for each flow and this much time" },
	{ "label", 'l', .type = XC_OPT_COUNT, .max = 11, .preset = "0", FIELD(label),
	  .cmds = FEATURES | CONFIG, .group = rows, .arg = "N",
	  .text = "anomaly_label of every row: what is wrong on this host meanwhile, 0 nothing" },
	{ "columns", .type = XC_OPT_TEXT, .preset = "default", FIELD(columns),
	  .cmds = FEATURES | CONFIG, .group = rows, .arg = "NAMES",
	  .text = "a set of columns (core, default, seed94, extended, numeric), or their names separated by commas" },
	{ "missing", .type = XC_OPT_CHOICE, .choices = missing, .preset = "zero", FIELD(missing),
	  .cmds = FEATURES | CONFIG, .group = rows, .arg = "HOW",
	  .text = "what stands for a value that was not measured" },
	{ "no-hubble", .type = XC_OPT_FLAG, .where = XC_CLI_ONLY, FIELD(without_hubble),
	  .cmds = FEATURES, .group = rows,
	  .text = "read nothing from Hubble (this version never does) and say nothing about it" },
	{ "no-requests", .type = XC_OPT_FLAG, .where = XC_CLI_ONLY, FIELD(without_requests),
	  .cmds = FEATURES, .group = rows,
	  .text = "read no payload: the columns of requests (http_*, dns_* ...) are missing" },
	{ "forwarded", .type = XC_OPT_FLAG, .where = XC_CLI_ONLY, FIELD(with_forwarded),
	  .cmds = FEATURES, .group = rows,
	  .text = "read requests of what only passes through the interface, too, such as of a router" },
	{ "list", .type = XC_OPT_FLAG, .where = XC_CLI_ONLY, FIELD(is_list), .cmds = FEATURES,
	  .group = rows,
	  .text = "print every column: name, unit, range, sets, definition; then end" },
	{ "check", .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(check), .cmds = FEATURES,
	  .group = rows, .arg = "FILE", .unset = "none",
	  .text = "check a CSV of feature rows (- is stdin), then end: 1 when something is wrong" },

	/* ---- verdicts --------------------------------------------------------------- */
	{ "grace", .type = XC_OPT_TIME, .min = 10 * MS, .max = 500 * MS, .preset = "40ms",
	  FIELD(grace_ns), .cmds = WHY | CONFIG, .group = verdict, .arg = "TIME", .unit = "seconds",
	  .text = "wait this long for more evidence before a verdict" },
	{ "correlation-window", .type = XC_OPT_TIME, .min = 1 * S, .max = 10 * MIN, .preset = "30s",
	  FIELD(correlation_window_ns), .cmds = WHY | CONFIG, .group = verdict, .arg = "TIME",
	  .unit = "seconds", .text = "events this far apart may belong to one failure" },
	{ "syn-timeout", .type = XC_OPT_TIME, .min = 100 * MS, .max = 5 * MIN, .preset = "5s",
	  FIELD(syn_timeout_ns), .cmds = WHY | CONFIG, .group = verdict, .arg = "TIME",
	  .unit = "seconds",
	  .text = "an unanswered connection attempt counts as failed after this time" },
	{ "arp-timeout", .type = XC_OPT_TIME, .min = 100 * MS, .max = 1 * MIN, .preset = "1s",
	  FIELD(arp_timeout_ns), .cmds = WHY | CONFIG, .group = verdict, .arg = "TIME",
	  .unit = "seconds",
	  .text = "an unanswered ARP or neighbour request counts as failed after this time" },
	{ "rules", .type = XC_OPT_BOOL, .preset = "on", FIELD(with_rules), .cmds = LIVE,
	  .group = verdict, .arg = "on|off",
	  .text = "name the firewall rule that drops, by evaluating the rules in place" },
	{ "trace-rule", .type = XC_OPT_FLAG, .preset = "off", FIELD(with_trace_rule), .cmds = LIVE,
	  .group = verdict,
	  .text = "also ask the kernel, through a temporary nftables table that is always removed" },

	{ "requests", .type = XC_OPT_FLAG, .preset = "off", FIELD(with_requests),
	  .cmds = WHY | CONFIG, .group = verdict,
	  .text = "also explain requests that fail (DNS, HTTP, TLS ...): reads payload, which nothing else of why does; always on for captures" },

	/* ---- limits ----------------------------------------------------------------- */
	{ "buffer-size", .type = XC_OPT_SIZE, .min = 64 * KIB, .max = 256 * MIB, .preset = "4MiB",
	  FIELD(buffer_bytes), .cmds = LIVE, .group = limits, .arg = "SIZE", .unit = "bytes",
	  .text = "ring buffer between kernel and crosscut, a power of two" },
	{ "max-cases", .type = XC_OPT_COUNT, .min = 16, .max = 65536, .preset = "1024",
	  FIELD(max_cases), .cmds = WHY | CONFIG, .group = limits, .arg = "N", .unit = "flows",
	  .text = "flows in trouble examined at one time; the oldest make room and are counted" },
	{ "max-flows", .type = XC_OPT_COUNT, .min = 64, .max = 4194304, .preset = "131072",
	  FIELD(max_flows), .cmds = FEATURES | CONFIG, .group = limits, .arg = "N", .unit = "flows",
	  .text = "flows followed at one time; the longest idle ones make room and are counted" },
	{ "idle-timeout", .type = XC_OPT_TIME, .max = 24ull * 60 * MIN, .preset = "2m",
	  FIELD(idle_timeout_ns), .cmds = FEATURES | CONFIG, .group = limits, .arg = "TIME",
	  .unit = "seconds", .text = "a flow without a packet for this long is over; 0 is never" },
	{ "max-connections", .type = XC_OPT_COUNT, .min = 64, .max = 1048576, .preset = "16384",
	  FIELD(max_connections), .cmds = LIVE, .group = limits, .arg = "N", .unit = "connections",
	  .text = "connections whose owner the kernel half remembers; the oldest make room" },

	{ "buffer-size", .type = XC_OPT_SIZE, .where = XC_CLI_ONLY, .min = 64 * KIB,
	  .max = 256 * MIB, .preset = "8MiB", FIELD(observe.ring_bytes), .cmds = OBSERVE,
	  .group = limits, .arg = "SIZE", .unit = "bytes",
	  .text = "ring buffer between kernel and crosscut, a power of two" },
	{ "ring-buffer-size", .type = XC_OPT_SIZE, .where = XC_NOT_CLI, .min = 64 * KIB,
	  .max = 256 * MIB, .preset = "8MiB", FIELD(observe.ring_bytes), .group = limits,
	  .arg = "SIZE", .unit = "bytes", .text = "the same for observe, in files and variables" },
	{ "max-connections", .type = XC_OPT_COUNT, .where = XC_CLI_ONLY, .min = 64, .max = 1048576,
	  .preset = "65536", FIELD(observe.max_connections), .cmds = OBSERVE, .group = limits,
	  .arg = "N", .unit = "connections",
	  .text = "connections followed at one time; those silent longest make room and are counted" },
	{ "observe-max-connections", .type = XC_OPT_COUNT, .where = XC_NOT_CLI, .min = 64,
	  .max = 1048576, .preset = "65536", FIELD(observe.max_connections), .group = limits,
	  .arg = "N", .unit = "connections",
	  .text = "the same for observe, in files and variables" },
	{ "connection-timeout", .type = XC_OPT_TIME, .min = 1 * S, .max = 24ull * 60 * MIN,
	  .preset = "5m", FIELD(observe.connection_timeout_ns), .cmds = OBSERVE | CONFIG,
	  .group = limits, .arg = "TIME", .unit = "seconds",
	  .text = "a connection that is silent for so long is forgotten" },
	{ "connection-cleanup-interval", .type = XC_OPT_TIME, .min = 100 * MS, .max = 60 * MIN,
	  .preset = "30s", FIELD(observe.connection_cleanup_ns), .cmds = OBSERVE | CONFIG,
	  .group = limits, .arg = "TIME", .unit = "seconds",
	  .text = "how often that is looked at" },
	{ "max-events-per-second", .type = XC_OPT_COUNT, .min = 1, .max = 1000000000,
	  .preset = "10000", FIELD(observe.max_events_per_second), .cmds = OBSERVE | CONFIG,
	  .group = limits, .arg = "N", .unit = "events",
	  .text = "events told; what is above is counted and said at the end. A file is told in full unless this is set" },
	{ "sampling-rate", .type = XC_OPT_SHARE, .preset = "1", FIELD(observe.sampling_rate),
	  .cmds = OBSERVE | CONFIG, .group = limits, .arg = "SHARE",
	  .text = "share of the connections told of; failures always are, and for 30 s everything of a server that failed" },
	{ "verifier-log-size", .type = XC_OPT_SIZE, .where = XC_NOT_CLI, .min = 64 * KIB,
	  .max = 1024 * MIB, .preset = "64MiB", FIELD(observe.verifier_log_bytes), .group = limits,
	  .arg = "SIZE", .unit = "bytes",
	  .text = "checked, and without effect: the log of the BPF verifier grows as needed" },
	{ "enable-core", .type = XC_OPT_BOOL, .where = XC_NOT_CLI, .preset = "on",
	  FIELD(observe.with_core), .group = limits, .arg = "on|off",
	  .text = "BPF programs fit themselves to the kernel by its BTF; there is no other way, so off is refused when observe runs live" },
	{ "enable-k8s-enrichment", .type = XC_OPT_BOOL, .where = XC_NOT_CLI, .preset = "on",
	  FIELD(observe.with_k8s), .group = limits, .arg = "on|off",
	  .text = "checked, and without effect in this version" },

	/* ---- general ---------------------------------------------------------------- */
	{ "drop-privileges", .type = XC_OPT_BOOL, .preset = "on", FIELD(drops_privileges),
	  .cmds = SCOPED | FEATURES, .group = general, .arg = "on|off",
	  .text = "give up the privileges that are not needed after the start" },
	{ "enabled", .type = XC_OPT_BOOL, .where = XC_NOT_CLI, .preset = "on", FIELD(is_enabled),
	  .group = general, .arg = "on|off",
	  .text = "off: why and record end at once, with a word on stderr" },
	{ "config", .type = XC_OPT_TEXT, .where = XC_CLI_ONLY, FIELD(file), .cmds = ALL | FEATURES,
	  .group = general, .arg = "FILE", .unset = "none",
	  .text = "read settings from this file (or from the one CROSSCUT_CONFIG names)" },
	{ "help", 'h', .type = XC_OPT_HELP, .where = XC_CLI_ONLY, .cmds = EVERY, .group = general,
	  .text = "show this" },
};

const size_t xc_n_options = ARRAY_SIZE(xc_options);

_Static_assert(ARRAY_SIZE(xc_options) <= XC_OPTIONS_MAX, "struct xc_config keeps their origins");

static bool may_set(const struct xc_option *o, enum xc_origin_level level)
{
	return o->where == XC_EVERYWHERE || (o->where == XC_CLI_ONLY) == (level == XC_ORIGIN_FLAG);
}

static bool is_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(*a == '-' && *b == '_'))
			return false;
	return *a == *b;
}

const struct xc_option *xc_option_find(const char *name, enum xc_origin_level level)
{
	for (size_t i = 0; i < xc_n_options; i++)
		if (is_name(xc_options[i].name, name) && may_set(&xc_options[i], level))
			return &xc_options[i];
	return NULL;
}

const struct xc_option *xc_option_of_cmd(const char *name, enum xc_cmd_id cmd)
{
	for (size_t i = 0; i < xc_n_options; i++)
		if (!strcmp(xc_options[i].name, name) && xc_options[i].cmds & 1u << cmd)
			return &xc_options[i];
	return NULL;
}

const char *xc_option_guess(const char *name, uint32_t cmds, enum xc_origin_level level)
{
	const char *best = NULL;
	size_t least = strlen(name) / 2 + 1;	/* less than half of it wrong */

	for (size_t i = 0; i < xc_n_options; i++) {
		size_t d = xc_word_distance(name, xc_options[i].name);

		if (d >= least || !may_set(&xc_options[i], level))
			continue;
		if (cmds && !(xc_options[i].cmds & cmds))
			continue;
		best = xc_options[i].name;
		least = d;
	}
	return best;
}
