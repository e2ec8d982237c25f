/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors that arrive, for IPv4 and IPv6 alike: no tracepoint tells of them. */
#include "source/host.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define READS_MAX 64	/* a storm of errors must not keep the ring waiting */

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void map4(uint8_t out[16], const uint8_t *p)
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, p, 4);
}

/* Ports and sequence number: RFC 792 promises 8 bytes of the quoted transport header. */
static bool quote_l4(const uint8_t *p, size_t len, struct xc_icmp_evt *e)
{
	if (e->tuple.proto != IPPROTO_TCP && e->tuple.proto != IPPROTO_UDP)
		return true;
	if (len < 8)
		return false;
	e->tuple.sport_he = be16(p);
	e->tuple.dport_he = be16(p + 2);
	if (e->tuple.proto == IPPROTO_TCP)
		e->quoted_seq = be32(p + 4);
	return true;
}

static bool quote4(const uint8_t *p, size_t len, struct xc_icmp_evt *e)
{
	size_t head;

	if (len < 20 || p[0] >> 4 != 4)
		return false;
	head = (size_t)(p[0] & 15) * 4;
	if (head < 20 || len < head)
		return false;
	map4(e->tuple.saddr, p + 12);
	map4(e->tuple.daddr, p + 16);
	e->tuple.proto = p[9];
	return quote_l4(p + head, len - head, e);
}

static bool quote6(const uint8_t *p, size_t len, struct xc_icmp_evt *e)
{
	size_t at = 40;
	uint8_t next;

	if (len < 40 || p[0] >> 4 != 6)
		return false;
	memcpy(e->tuple.saddr, p + 8, 16);
	memcpy(e->tuple.daddr, p + 24, 16);
	next = p[6];
	while (next == 0 || next == 43 || next == 44 || next == 60) {
		size_t ext;

		if (len < at + 8)
			return false;
		ext = next == 44 ? 8 : 8 + (size_t)p[at + 1] * 8;
		next = p[at];
		at += ext;
		if (at > len)
			return false;
	}
	e->tuple.proto = next;
	return quote_l4(p + at, len - at, e);
}

bool xc_icmp_decode(const uint8_t *p, size_t len, int family, struct xc_icmp_evt *ret)
{
	struct xc_icmp_evt e = { .family = (uint8_t)family };
	size_t head = 0;

	if (family == 4) {
		head = len ? (size_t)(p[0] & 15) * 4 : 0;
		if (head < 20)
			return false;
	}
	if (len < head + 8)
		return false;
	p += head;
	len -= head;
	e.type = p[0];
	e.code = p[1];
	if (family == 4 && e.type == 3 && e.code == 4)
		e.info = be16(p + 6);		/* RFC 1191: next-hop MTU */
	if (family == 6 && e.type == 2)
		e.info = be32(p + 4);		/* RFC 4443 3.2 */
	if (family == 4 ? !quote4(p + 8, len - 8, &e) : !quote6(p + 8, len - 8, &e))
		return false;
	*ret = e;
	return true;
}

static void from_addr(const struct sockaddr_storage *ss, uint8_t out[16])
{
	if (ss->ss_family == AF_INET)
		map4(out, (const uint8_t *)&((const struct sockaddr_in *)ss)->sin_addr);
	else
		memcpy(out, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
}

void xc_icmp_read(struct xc_netns *ns, int fd, int family, const struct xc_source_env *env)
{
	for (int i = 0; i < READS_MAX; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t from_len = sizeof(from);
		uint8_t data[1500];
		ssize_t n =
			recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_len);
		struct xc_icmp_evt e;

		if (n < 0)
			return;
		if (!xc_icmp_decode(data, (size_t)n, family, &e))
			continue;
		e.hdr = (struct xc_evt){ .ts_ns = xc_now_ns(),
					 .size_bytes = sizeof(e),
					 .kind = XC_EVT_ICMP };
		e.netns = ns->inum;
		from_addr(&from, e.from);
		env->on_record(env->arg, &e.hdr);
	}
}
