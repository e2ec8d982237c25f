/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the filter tests: packets and results as one line of text each. */
#pragma once

#include "meta/walk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 256

static inline void packet_addr(const char *s, uint8_t out[16], uint16_t *port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char addr[64];
	char *at;

	(void)snprintf(addr, sizeof(addr), "%s", s);
	at = strchr(addr, '|');	/* not ':': IPv6 */
	*port = at ? (uint16_t)strtoul(at + 1, NULL, 10) : 0;
	if (at)
		*at = '\0';
	if (inet_pton(AF_INET6, addr, out) == 1)
		return;
	memcpy(out, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, addr, out + 12) != 1)
		abort();
}

static inline void packet_option(struct xc_packet *p, const char *w)
{
	static const char *const hooks[] = { "any", "pre", "in", "fwd", "out", "post" };
	static const char *const cts[] = { "none", "new", "est", "rel", "unknown" };
	const char *v = strchr(w, '=') + 1;

	for (size_t i = 0; !strncmp(w, "hook=", 5) && i < 6; i++)
		if (!strcmp(hooks[i], v))
			p->hook = (enum xc_hook)i;
	for (size_t i = 0; !strncmp(w, "ct=", 3) && i < 5; i++)
		if (!strcmp(cts[i], v))
			p->ct = (enum xc_ct)i;
	if (!strncmp(w, "iif=", 4))
		(void)snprintf(p->iif, sizeof(p->iif), "%s", v);
	if (!strncmp(w, "oif=", 4))
		(void)snprintf(p->oif, sizeof(p->oif), "%s", v);
	if (!strncmp(w, "mark=", 5))
		p->mark = (uint32_t)strtoul(v, NULL, 0);
	if (!strncmp(w, "len=", 4))
		p->len_bytes = (uint32_t)strtoul(v, NULL, 10);
	if (!strncmp(w, "ttl=", 4))
		p->ttl = (uint8_t)strtoul(v, NULL, 10);
	if (!strncmp(w, "uid=", 4))
		p->uid = strtol(v, NULL, 10);
	if (!strncmp(w, "gid=", 4))
		p->gid = strtol(v, NULL, 10);
	if (!strncmp(w, "flags=", 6))
		p->tcp_flags = (uint8_t)strtoul(v, NULL, 0);
	if (!strncmp(w, "type=", 5))
		p->icmp_type = (uint8_t)strtoul(v, NULL, 10);
	if (!strncmp(w, "code=", 5))
		p->icmp_code = (uint8_t)strtoul(v, NULL, 10);
	if (!strncmp(w, "odst=", 5)) {
		p->orig = p->tuple;
		packet_addr(v, p->orig.daddr, &p->orig.dport_he);
	}
}

/* "tcp 10.0.0.1|4000 10.0.0.2|80 hook=in ct=new iif=eth0"; a SYN in INPUT unless said. */
static inline struct xc_packet packet(const char *spec)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} protos[] = {
		{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP },
		{ "icmp6", IPPROTO_ICMPV6 }, { "gre", IPPROTO_GRE },
	};
	struct xc_packet p = { .uid = -1,
			       .gid = -1,
			       .hook = XC_HOOK_INPUT,
			       .ct = XC_CT_NEW,
			       .iif = "eth0",
			       .oif = "eth1",
			       .tcp_flags = 0x02 };
	char line[LIST_MAX], *save = NULL, *w;

	(void)snprintf(line, sizeof(line), "%s", spec);
	w = strtok_r(line, " ", &save);
	for (size_t i = 0; i < 5; i++)
		if (!strcmp(protos[i].name, w))
			p.tuple.proto = protos[i].proto;
	packet_addr(strtok_r(NULL, " ", &save), p.tuple.saddr, &p.tuple.sport_he);
	packet_addr(strtok_r(NULL, " ", &save), p.tuple.daddr, &p.tuple.dport_he);
	while ((w = strtok_r(NULL, " ", &save)))
		packet_option(&p, w);
	return p;
}

/* "5! 9?R P!": handle or P(olicy), certain or not, r(eject) R(ST) q(ueue). */
static inline void result(struct xc_candidates *c, char out[LIST_MAX])
{
	static const char verdicts[][2] = { "", "", "r", "R", "q" };
	size_t n = 0;

	(void)xc_candidates_finish(c);
	out[0] = '\0';
	for (size_t i = 0; i < c->n && n < LIST_MAX - 16; i++) {
		const struct xc_rule *r = &c->r[i];
		char handle[16] = "P";

		if (!r->is_policy)
			(void)snprintf(handle, sizeof(handle), "%u", r->handle);
		n += (size_t)snprintf(out + n, LIST_MAX - n, "%s%s%s%s", i ? " " : "", handle,
				      r->is_certain ? "!" : "?", verdicts[r->verdict]);
	}
}
