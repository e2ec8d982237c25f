/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets of the rule evaluators share: packets to ask about, and what an answer must be. */
#pragma once

#include "meta/walk.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define N_PACKETS 6

/* A NUL-terminated copy, exactly as long as needed; release with free(). */
static inline char *text_of(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

/* Both families, every hook, with and without conntrack. */
static inline struct xc_packet packet_number(size_t i)
{
	static const uint8_t proto[N_PACKETS] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
						  IPPROTO_TCP, IPPROTO_ICMPV6, IPPROTO_TCP };
	struct xc_packet p = { .tuple = { .sport_he = 40000, .dport_he = 80, .proto = proto[i] },
			       .uid = i % 2 ? 1000 : -1,
			       .gid = -1,
			       .len_bytes = 60,
			       .ttl = 64,
			       .hook = (enum xc_hook)(i % _XC_HOOK_MAX),
			       .ct = (enum xc_ct)(i % 5),
			       .iif = "eth0",
			       .oif = "eth1",
			       .tcp_flags = 2,
			       .icmp_type = 8 };

	p.tuple.saddr[15] = 1;
	p.tuple.daddr[15] = 2;
	if (i % 2 == 0) {
		p.tuple.saddr[10] = p.tuple.saddr[11] = 0xff;
		p.tuple.daddr[10] = p.tuple.daddr[11] = 0xff;
	} else {
		p.tuple.saddr[0] = p.tuple.daddr[0] = 0x20;
	}
	if (i == 5)
		p.orig = p.tuple;
	return p;
}

static inline void check_candidates(struct xc_candidates *found)
{
	size_t n;

	if (found->n > XC_CANDIDATES_MAX)
		abort();
	for (size_t i = 0; i < found->n; i++) {
		const struct xc_rule *r = &found->r[i];

		if (!memchr(r->engine, 0, sizeof(r->engine)) ||
		    !memchr(r->table, 0, sizeof(r->table)) ||
		    !memchr(r->chain, 0, sizeof(r->chain)) ||
		    !memchr(r->text, 0, sizeof(r->text)) || r->verdict < XC_VERDICT_DROP ||
		    r->verdict >= _XC_VERDICT_MAX || r->hook >= _XC_HOOK_MAX)
			abort();
	}
	n = found->n + found->n_lost;
	if (xc_candidates_finish(found) > n)
		abort();
}
