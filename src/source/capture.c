/* SPDX-License-Identifier: Apache-2.0 */
/* The packets of a capture: what stands before the IP header is taken off, link type by link type. */
#include "source/capture.h"

#include "base/log.h"
#include "base/scope.h"
#include "source/frames.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>

#define LINKTYPE_RAW 101	/* what files call it; libpcap's own number is another */

enum { NO_IP = -1 };

/* Where the IP header of a frame is, or NO_IP. @p: @n bytes captured. Pure. */
typedef int (*link_fn)(const uint8_t *p, uint32_t n);

struct xc_capture {
	struct xc_frames *frames;
	link_fn ip_at;
	struct xc_capture_stats stats;
};

/* ---- what is before the IP header ----------------------------------------------------------- */

static int ppp_protocol(const uint8_t *p, uint32_t n, uint32_t at)
{
	uint32_t protocol;

	if (at + 2 > n)
		return NO_IP;
	/* RFC 1661 6.5: a compressed protocol field is one byte, and odd */
	protocol = p[at] & 1 ? p[at] : xc_be16(p + at);
	at += p[at] & 1 ? 1 : 2;
	return protocol == 0x21 || protocol == 0x57 ? (int)at : NO_IP;
}

/* RFC 3032: labels up to the one that says it is the last; what follows is not told. */
static int mpls_payload(const uint8_t *p, uint32_t n, uint32_t at)
{
	for (; at + 4 <= n; at += 4)
		if (p[at + 2] & 1)
			return (int)at + 4;
	return NO_IP;
}

/* What follows EtherType @type; its payload is at @at. */
static int ethertype(const uint8_t *p, uint32_t n, uint32_t type, uint32_t at)
{
	/* 802.1Q, 802.1ad and what came before it */
	while (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200) {
		if (at + 4 > n)
			return NO_IP;
		type = xc_be16(p + at + 2);
		at += 4;
	}
	switch (type) {
	case 0x0800:
	case 0x86dd:
		return (int)at;
	case 0x8847:
	case 0x8848:
		return mpls_payload(p, n, at);
	case 0x8864:		/* RFC 2516 4: version, code, session, length */
		return ppp_protocol(p, n, at + 6);
	default:
		return NO_IP;
	}
}

static int link_ethernet(const uint8_t *p, uint32_t n)
{
	static const uint8_t snap[] = { 0xaa, 0xaa, 0x03, 0, 0, 0 };

	if (n < 14)
		return NO_IP;
	/* 802.3: a length instead of a type, the type behind it (RFC 1042) */
	if (xc_be16(p + 12) < 0x600)
		return n >= 22 && !memcmp(p + 14, snap, sizeof(snap)) ?
			       ethertype(p, n, xc_be16(p + 20), 22) :
			       NO_IP;
	return ethertype(p, n, xc_be16(p + 12), 14);
}

static int link_sll(const uint8_t *p, uint32_t n)
{
	return n < 16 ? NO_IP : ethertype(p, n, xc_be16(p + 14), 16);
}

static int link_sll2(const uint8_t *p, uint32_t n)
{
	return n < 20 ? NO_IP : ethertype(p, n, xc_be16(p), 20);
}

static int link_raw(const uint8_t *p, uint32_t n)
{
	(void)p;
	return n ? 0 : NO_IP;
}

/* The address family in four bytes, in the order of the host that captured (NULL) or of the network (LOOP). */
static int link_null(const uint8_t *p, uint32_t n)
{
	uint32_t family;

	if (n < 4)
		return NO_IP;
	family = p[0] ? p[0] : p[3];
	/* AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS */
	return family == 2 || family == 10 || family == 24 || family == 28 || family == 30 ? 4 :
											     NO_IP;
}

static int link_ppp(const uint8_t *p, uint32_t n)
{
	/* RFC 1662: address and control, unless compressed away */
	return ppp_protocol(p, n, n >= 2 && p[0] == 0xff && p[1] == 3 ? 2 : 0);
}

static int link_pppoe(const uint8_t *p, uint32_t n)
{
	return ppp_protocol(p, n, 6);
}

static int link_chdlc(const uint8_t *p, uint32_t n)
{
	return n < 4 ? NO_IP : ethertype(p, n, xc_be16(p + 2), 4);
}

static const struct {
	int type;
	link_fn ip_at;
} links[] = {
	{ DLT_EN10MB, link_ethernet }, { DLT_LINUX_SLL, link_sll },  { DLT_LINUX_SLL2, link_sll2 },
	{ DLT_RAW, link_raw },	       { LINKTYPE_RAW, link_raw },   { DLT_IPV4, link_raw },
	{ DLT_IPV6, link_raw },	       { DLT_NULL, link_null },	     { DLT_LOOP, link_null },
	{ DLT_PPP, link_ppp },	       { DLT_PPP_SERIAL, link_ppp }, { DLT_PPP_ETHER, link_pppoe },
	{ DLT_C_HDLC, link_chdlc },
};

static link_fn link_of(int type)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (links[i].type == type)
			return links[i].ip_at;
	return NULL;
}

/* ---- files ---------------------------------------------------------------------------------- */

bool xc_capture_is(const uint8_t *p, size_t n)
{
	static const uint32_t magics[] = {
		0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34,	/* pcap: us, ns, Kuznetzov's */
		0xd4c3b2a1, 0x4d3cb2a1, 0x34cdb2a1,	/* written on the other kind of machine */
		0x0a0d0d0a,				/* pcapng: the same both ways */
	};

	if (n < 4)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (xc_be32(p) == magics[i])
			return true;
	return p[0] == 0x1f && p[1] == 0x8b;	/* gzip: a recording is never packed */
}

XC_DEFINE_FREEP(struct xc_capture, xc_capture_close)

int xc_capture_open(const char *path, struct xc_capture **ret_capture)
{
	_cleanup_(xc_capture_closep) struct xc_capture *c = calloc(1, sizeof(*c));
	const char *name;
	int r, link;

	if (!c)
		return -ENOMEM;
	r = xc_frames_open(path, &c->frames);
	if (r)
		return r;
	link = xc_frames_link(c->frames);
	c->ip_at = link_of(link);
	if (!c->ip_at) {
		name = pcap_datalink_val_to_name(link);
		(void)xc_err(0, "%s: link type %s (%d) is not one whose IP packets are known here",
			     path, name ? name : "?", link);
		return -EPROTONOSUPPORT;
	}
	*ret_capture = TAKE_PTR(c);
	return 0;
}

void xc_capture_close(struct xc_capture *c)
{
	if (!c)
		return;
	xc_frames_close(c->frames);
	free(c);
}

/* ---- packets -------------------------------------------------------------------------------- */

/* Facts of the frame; false: it has none for us, and was counted. */
static bool parse_frame(struct xc_capture *c, const struct xc_frame *f, struct xc_flow_packet *k,
			struct xc_flow_bytes *b)
{
	int at = c->ip_at(f->data, f->n);
	uint8_t version;

	if (at < 0 || (uint32_t)at >= f->n || (uint32_t)at > f->len) {
		c->stats.n_other++;
		return false;
	}
	*b = (struct xc_flow_bytes){ .data = f->data + at, .n = f->n - (uint32_t)at };
	version = b->data[0] >> 4;
	if (xc_flow_parse(b, 0, f->len - (uint32_t)at, k)) {
		c->stats.n_cut += version == 4 || version == 6;
		c->stats.n_other += version != 4 && version != 6;
		return false;
	}
	k->ts_ns = f->ts_ns;
	return true;
}

int xc_capture_next(struct xc_capture *c, struct xc_flow_packet *ret_packet,
		    struct xc_flow_bytes *ret_bytes)
{
	struct xc_frame frame;
	int r;

	while ((r = xc_frames_next(c->frames, &frame)) == 1) {
		c->stats.n_frames++;
		if (parse_frame(c, &frame, ret_packet, ret_bytes)) {
			c->stats.n_packets++;
			return 1;
		}
	}
	return r;
}

void xc_capture_get_stats(const struct xc_capture *c, struct xc_capture_stats *ret_stats)
{
	*ret_stats = c->stats;
	ret_stats->is_truncated = xc_frames_is_cut(c->frames);
}
