/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel enum names as crosscut's own values. The numbers of skb_drop_reason and
 * sk_rst_reason move from kernel to kernel; the names do not. A recording carries the
 * names of the kernel it was made on, and everything after that line uses these.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Drop reasons that a verdict is built on. R(name without SKB_DROP_REASON_) */
#define XC_DROP_REASONS(R)                                                                         \
	R(NOT_SPECIFIED)                                                                           \
	R(NO_SOCKET)                                                                               \
	R(SOCKET_FILTER)                                                                           \
	R(SOCKET_RCVBUFF)                                                                          \
	R(SOCKET_BACKLOG)                                                                          \
	R(NETFILTER_DROP)                                                                          \
	R(OTHERHOST)                                                                               \
	R(IP_INHDR)                                                                                \
	R(IP_RPFILTER)                                                                             \
	R(IP_INADDRERRORS)                                                                         \
	R(IP_INNOROUTES)                                                                           \
	R(IP_OUTNOROUTES)                                                                          \
	R(IP_LOCAL_SOURCE)                                                                         \
	R(IP_INVALID_SOURCE)                                                                       \
	R(IP_LOCALNET)                                                                             \
	R(IP_INVALID_DEST)                                                                         \
	R(PROTO_MEM)                                                                               \
	R(TCP_ZEROWINDOW)                                                                          \
	R(TCP_OLD_SEQUENCE)                                                                        \
	R(TCP_OVERWINDOW)                                                                          \
	R(TCP_LISTEN_OVERFLOW)                                                                     \
	R(TCP_INVALID_SYN)                                                                         \
	R(TCP_OFO_QUEUE_PRUNE)                                                                     \
	R(BPF_CGROUP_EGRESS)                                                                       \
	R(NEIGH_CREATEFAIL)                                                                        \
	R(NEIGH_FAILED)                                                                            \
	R(NEIGH_QUEUEFULL)                                                                         \
	R(NEIGH_DEAD)                                                                              \
	R(TC_EGRESS)                                                                               \
	R(TC_INGRESS)                                                                              \
	R(XDP)                                                                                     \
	R(SECURITY_HOOK)                                                                           \
	R(QDISC_DROP)                                                                              \
	R(QDISC_OVERLIMIT)                                                                         \
	R(QDISC_CONGESTED)                                                                         \
	R(CPU_BACKLOG)                                                                             \
	R(DEV_READY)                                                                               \
	R(FULL_RING)                                                                               \
	R(PKT_TOO_BIG)

/* Reset reasons. R(name without SK_RST_REASON_) */
#define XC_RST_REASONS(R)                                                                          \
	R(NOT_SPECIFIED)                                                                           \
	R(NO_SOCKET)                                                                               \
	R(TCP_TIMEWAIT_SOCKET)                                                                     \
	R(TCP_ABORT_ON_CLOSE)                                                                      \
	R(TCP_ABORT_ON_LINGER)                                                                     \
	R(TCP_ABORT_ON_MEMORY)                                                                     \
	R(TCP_STATE)                                                                               \
	R(TCP_KEEPALIVE_TIMEOUT)                                                                   \
	R(TCP_DISCONNECT_WITH_DATA)                                                                \
	R(TCP_ABORT_ON_DATA)

enum xc_drop {
	XC_DROP_OTHER,	/* a reason of the kernel that is none of these */
#define R(name) XC_DROP_##name,
	XC_DROP_REASONS(R)
#undef R
		_XC_DROP_MAX,
};

enum xc_rst {
	XC_RST_OTHER,	/* none given, or none of these */
#define R(name) XC_RST_##name,
	XC_RST_REASONS(R)
#undef R
		_XC_RST_MAX,
};

#define XC_ENUM_VALUES 256

/* One kernel enum: names and our value of each number. */
struct xc_enum_names {
	char names[XC_ENUM_VALUES][40];	/* without the prefix; empty = not defined */
	uint8_t ours[XC_ENUM_VALUES];	/* enum xc_drop or enum xc_rst */
};

/** Learn that number @value is @name ("SKB_DROP_REASON_NO_SOCKET", prefix optional) of drop reasons. */
void xc_names_learn_drop(struct xc_enum_names *n, unsigned int value, const char *name);

/** The same for reset reasons. */
void xc_names_learn_rst(struct xc_enum_names *n, unsigned int value, const char *name);

/** Name of a number of the running kernel; "reason 77" style text is the caller's. NULL = unknown. */
const char *xc_names_get(const struct xc_enum_names *n, unsigned int value);

/** Our value of a number; 0 (OTHER) = none of ours. */
uint8_t xc_names_ours(const struct xc_enum_names *n, unsigned int value);

/**
 * What a drop means on a kernel that gives no reason, told by the function that dropped.
 * @sym: name of that function. Return: XC_DROP_OTHER when it says nothing about a failure.
 */
enum xc_drop xc_drop_from_place(const char *sym);

/** Does a drop without a reason at @sym belong to normal operation on a kernel that has reasons? */
bool xc_place_is_noise(const char *sym);
