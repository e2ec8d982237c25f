/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests a second from memory, on one core: l7 SECONDS SAMPLE... A sample is a conversation in the format of fuzz_l7.c; it
 * is read again and again, each time as another connection, through the table of connections and with all protocols to choose
 * from. Prints one line of JSON for each sample. Time is CPU time.
 */
#include "base/scope.h"
#include "l7/table.h"
#include "model/net.h"

#include <inttypes.h>
#include <time.h>

#define PIECES 4096
#define CONNECTIONS 1000	/* at a time */

struct sample {
	uint8_t *data;
	size_t n, n_bytes;
	bool is_datagram;
	struct xc_segment seg[PIECES];
};

static double cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct xc_tuple tuple_of(bool is_datagram, bool is_client)
{
	struct xc_tuple t = { .sport_he = 40000, .dport_he = 7777, .proto = is_datagram ? 17 : 6 };

	t.saddr[10] = t.saddr[11] = t.daddr[10] = t.daddr[11] = 0xff;
	t.saddr[12] = t.daddr[12] = 10;
	t.saddr[15] = 1;
	t.daddr[15] = 2;
	return is_client ? t : xc_tuple_swap(&t);
}

static void add(struct sample *s, bool is_client, struct xc_span data, uint8_t flags,
		uint32_t seq[2])
{
	if (s->n == PIECES)
		return;
	s->seg[s->n++] = (struct xc_segment){ .tuple = tuple_of(s->is_datagram, is_client),
					      .seq = seq[!is_client],
					      .ack = seq[is_client],
					      .tcp_flags = s->is_datagram ? 0 : flags,
					      .wire_bytes = (uint32_t)data.len,
					      .n_bytes = (uint32_t)data.len,
					      .data = data.p };
	seq[!is_client] += (uint32_t)data.len + !!(flags & (XC_TCP_SYN | XC_TCP_FIN));
	s->n_bytes += data.len;
}

static void pieces(struct sample *s, struct xc_rd rd)
{
	static const struct xc_span none = { 0 };
	uint32_t seq[2] = { 1000, 5000 };

	s->is_datagram = xc_rd_left(&rd) && rd.p[0] == 'd';
	rd.p += s->is_datagram;
	if (!s->is_datagram) {
		add(s, true, none, XC_TCP_SYN, seq);
		add(s, false, none, XC_TCP_SYN | XC_TCP_ACK, seq);
	}
	while (xc_rd_left(&rd) >= 3) {
		uint8_t who = xc_rd_u8(&rd);
		size_t n;

		if (who == '?')
			(void)xc_rd_u8(&rd);
		n = xc_rd_be16(&rd);
		if (who != '?')
			add(s, who == '>',
			    xc_rd_span(&rd, n < xc_rd_left(&rd) ? n : xc_rd_left(&rd)), XC_TCP_ACK,
			    seq);
	}
	if (!s->is_datagram) {
		add(s, true, none, XC_TCP_FIN | XC_TCP_ACK, seq);
		add(s, false, none, XC_TCP_FIN | XC_TCP_ACK, seq);
	}
}

static int load(struct sample *s, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	size_t n;

	s->data = malloc(1 << 20);
	if (!f || !s->data)
		return -1;
	n = fread(s->data, 1, 1 << 20, f);
	pieces(s, xc_rd((struct xc_span){ s->data, n }));
	return 0;
}

struct count {
	uint64_t n, n_doubtful;
};

static void on_request(void *arg, struct xc_l7_conn *c, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	struct count *count = arg;

	(void)c;
	count->n += stage != XC_REQUEST_SENT;
	count->n_doubtful += stage != XC_REQUEST_SENT && r->flags;
}

/* One conversation, as connection @i. */
static void talk(struct xc_l7_table *t, const struct sample *s, uint64_t i, uint64_t *ns)
{
	struct xc_l7_conn *c = NULL;
	uint64_t cookie = i + 1;

	for (size_t k = 0; k < s->n; k++) {
		struct xc_segment seg = s->seg[k];
		bool is_client = seg.tuple.dport_he == 7777;

		seg.ts_ns = *ns += 1000;
		seg.cookie = cookie;
		seg.is_outbound = is_client;
		*(is_client ? &seg.tuple.sport_he : &seg.tuple.dport_he) =
			(uint16_t)(10000 + i % CONNECTIONS);
		c = xc_l7_table_feed(t, &seg);
	}
	if (c)
		xc_l7_table_close(t, c, *ns);
}

static int measure(const char *path, const struct sample *s, double limit_s)
{
	static const struct xc_l7_events events = { .request = on_request };
	struct count count = { 0 };
	struct xc_l7_table_cfg cfg = { .max_conns = 4 * CONNECTIONS,
				       .timeout_ns = 300000000000ull,
				       .cleanup_ns = 30000000000ull,
				       .events = &events,
				       .arg = &count };
	struct xc_l7_table *t;
	uint64_t n = 0, ns = 1;
	double began, took;

	if (xc_l7_table_new(&cfg, &t))
		return 1;
	began = cpu_s();
	do {
		for (int i = 0; i < CONNECTIONS; i++)
			talk(t, s, n++, &ns);
		took = cpu_s() - began;
	} while (took < limit_s);
	(void)printf("{\"sample\": \"%s\", \"connections\": %" PRIu64 ", \"requests\": %" PRIu64
		     ", \"doubtful\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"cpu_s\": %.4f}\n",
		     path, n, count.n, count.n_doubtful, n * s->n_bytes, took);
	xc_l7_table_free(t);
	return 0;
}

int main(int argc, char **argv)
{
	double limit_s = argc > 1 ? atof(argv[1]) : 0;
	int bad = argc < 3;

	for (int i = 2; i < argc && !bad; i++) {
		struct sample *s = calloc(1, sizeof(*s));

		bad = !s || load(s, argv[i]) || measure(argv[i], s, limit_s);
		if (s)
			free(s->data);
		free(s);
	}
	return bad;
}
