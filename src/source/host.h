/* SPDX-License-Identifier: Apache-2.0 */
/* What the live source reads about the host besides kernel events: counters, addresses, ICMP, values. */
#pragma once

#include "source/scope.h"
#include "source/source.h"

/** CLOCK_MONOTONIC in ns. */
uint64_t xc_now_ns(void);

/** CLOCK_REALTIME - CLOCK_MONOTONIC, read bracketed so that a preemption in between shows. */
int64_t xc_wall_offset_ns(void);

/** Read the counters of @ns. True = one that matters moved, and @ret_evt tells by how much. */
bool xc_counters_read(struct xc_netns *ns, struct xc_counters_evt *ret_evt);

/** Deliver the addresses of @ns. 0 or -errno. */
int xc_addresses_read(struct xc_netns *ns, const struct xc_source_env *env);

/** Deliver the ICMP errors waiting in @fd, a socket of @ns. @family: 4 or 6. */
void xc_icmp_read(struct xc_netns *ns, int fd, int family, const struct xc_source_env *env);

/**
 * Decode one ICMP error as a raw socket delivers it: with its IPv4 header, or without its
 * IPv6 header. Fills type, code, info, quoted flow and sequence number. Pure.
 * Return: false = not an error, or it quotes too little.
 */
bool xc_icmp_decode(const uint8_t *p, size_t len, int family, struct xc_icmp_evt *ret);

/** Deliver "sysctl NAME" = value of @ns. */
void xc_sysctl_answer(struct xc_netns *ns, const char *name, const struct xc_source_env *env);

/** Deliver path and memory limit of a cgroup. */
void xc_cgroup_answer(uint64_t id, const struct xc_source_env *env);

/** Deliver "process PID" = its state as in proc_pid_stat(5), a letter. @netns: whom it concerns. */
void xc_process_answer(uint32_t netns, uint32_t tgid, const struct xc_source_env *env);

/** Deliver the names of BPF programs on @ifindex of @ns, or that apply to cgroup @cgroup_id when it is 0. */
void xc_programs_answer(struct xc_netns *ns, uint32_t ifindex, uint64_t cgroup_id,
			const struct xc_source_env *env);

/** Deliver a note. */
void xc_note(uint64_t id, const char *key, const char *value, const struct xc_source_env *env);

/** Where the cgroup v2 tree is mounted; NULL = nowhere. Static storage. */
const char *xc_cgroup2_root(void);

/** Name of the kernel function at @addr from /proc/kallsyms into @out; false = hidden or unknown. */
bool xc_kallsyms_name(uint64_t addr, char *out, size_t size);
