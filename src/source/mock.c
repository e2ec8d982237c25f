/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that does not exist, for trying things out without root: real conversations, byte for byte, on made-up
 * connections, one round of them a second. Their time is made up too, so that every run tells the same.
 */
#include "abi/host.h"
#include "abi/segment.h"
#include "abi/tcp.h"
#include "source/host.h"
#include "source/mock_talks.h"
#include "source/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#define EPOCH_NS 1704067200000000000ull	/* 2024-01-01T00:00:00Z: when the first round begins */
#define ROUND_NS 1000000000ull
#define TALK_NS 20000000ull	/* between the beginnings of two conversations */
#define STEP_NS 1500000ull	/* between two packets */
#define POLL_NS 50000000ull	/* how long it is away at most */

/* What one side says. */
struct line {
	bool by_server;
	const char *p;
	size_t n;
};

#define C(text)                                                                                    \
	{                                                                                          \
		false, text, sizeof(text) - 1                                                      \
	}
#define S(text)                                                                                    \
	{                                                                                          \
		true, text, sizeof(text) - 1                                                       \
	}

enum ending { IN_ORDER, STAYS, REFUSED };

/* One conversation. The process is the local one: the client's, unless the server is here. */
struct talk {
	uint8_t proto;
	bool is_inbound;
	enum ending ending;
	uint16_t port;
	uint8_t server;		/* 10.0.0.N */
	uint32_t pid;
	const char *comm;
	struct line lines[6];
};

static const struct talk talks[] = {
	{ IPPROTO_UDP, false, STAYS, 53, 53, 4242, "shop", { C(dns_query), S(dns_answer) } },
	{ IPPROTO_UDP,
	  false,
	  STAYS,
	  53,
	  53,
	  4242,
	  "shop",
	  { C(dns_query_wrong), S(dns_answer_wrong) } },
	{ IPPROTO_TCP,
	  false,
	  IN_ORDER,
	  80,
	  2,
	  4242,
	  "shop",
	  { C(http_get), S(http_ok), C(http_post), S(http_busy) } },
	{ IPPROTO_TCP, true, IN_ORDER, 8080, 1, 77, "nginx", { C(http_missing), S(http_no) } },
	{ IPPROTO_TCP,
	  false,
	  IN_ORDER,
	  50051,
	  3,
	  4242,
	  "shop",
	  { C(grpc_calls), S(grpc_answer), S(grpc_failure) } },
	{ IPPROTO_TCP,
	  false,
	  IN_ORDER,
	  443,
	  2,
	  4300,
	  "curl",
	  { C(tls_client_hello), S(tls_server_hello), S(tls_encrypted), C(tls_encrypted) } },
	{ IPPROTO_TCP,
	  false,
	  IN_ORDER,
	  6379,
	  4,
	  4242,
	  "shop",
	  { C(redis_set), S(redis_ok), C(redis_push), S(redis_wrong) } },
	{ IPPROTO_TCP,
	  false,
	  IN_ORDER,
	  4222,
	  5,
	  4242,
	  "shop",
	  { S(nats_info), C(nats_connect), S(nats_ok), C(nats_pub), S(nats_ok) } },
	{ IPPROTO_TCP, false, REFUSED, 5432, 6, 4242, "shop", { { 0 } } },
	{ IPPROTO_ICMP,
	  false,
	  STAYS,
	  0,
	  2,
	  4400,
	  "ping",
	  { { false, "ping", 4 }, { true, "ping", 4 } } },
};

/* The connection that is being told. */
struct packet {
	const struct talk *talk;
	uint64_t cookie;
	uint16_t client_port;
	uint32_t seq[2];	/* by_server */
	uint64_t bytes[2];
	uint32_t packets[2];
	uint64_t open_ns;
};

struct mock {
	struct xc_source_env env;
	uint64_t began_ns;	/* CLOCK_MONOTONIC */
	uint64_t n_rounds;
	uint64_t now_ns;
	uint64_t n_cookies;
};

static int mock_open(const struct xc_source_env *env, void **ret_source)
{
	struct mock *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->env = *env;
	*ret_source = m;
	return 0;
}

static void put_addr(uint8_t addr[16], uint8_t host)
{
	memcpy(addr, (const uint8_t[16]){ [10] = 0xff, [11] = 0xff, 10, 0, 0, host }, 16);
}

/* As the client sends. */
static struct xc_tuple tuple_of(const struct packet *k)
{
	const struct talk *talk = k->talk;
	struct xc_tuple t = { .sport_he = talk->proto == IPPROTO_ICMP ? 1 : k->client_port,
			      .dport_he = talk->port,
			      .proto = talk->proto };

	put_addr(t.saddr, talk->is_inbound ? 9 : 1);
	put_addr(t.daddr, talk->server);
	return t;
}

static void turn(struct xc_tuple *t)
{
	struct xc_tuple old = *t;

	memcpy(t->saddr, old.daddr, 16);
	memcpy(t->daddr, old.saddr, 16);
	t->sport_he = old.dport_he;
	t->dport_he = old.sport_he;
}

static void emit(struct mock *m, struct packet *k, const struct line *l, uint8_t flags,
		 enum xc_segment_what what)
{
	bool is_tcp = k->talk->proto == IPPROTO_TCP, by_local = l->by_server == k->talk->is_inbound;
	struct {
		struct xc_segment_evt e;
		char data[1024];
	} r = { .e = { .what = what, .tcp_flags = is_tcp ? flags : 0 } };
	struct xc_segment_evt *e = &r.e;

	m->now_ns += STEP_NS;
	if (what == XC_SEGMENT_PACKET) {
		k->bytes[!by_local] += l->n;
		k->packets[!by_local]++;
	}
	e->hdr = (struct xc_evt){ .ts_ns = m->now_ns,
				  .kind = XC_EVT_SEGMENT,
				  .size_bytes = (uint32_t)((sizeof(*e) + l->n + 7) & ~(size_t)7) };
	e->cookie = k->cookie;
	e->tuple = tuple_of(k);
	if (l->by_server)
		turn(&e->tuple);
	e->owner = (struct xc_owner){ .tgid = k->talk->pid, .uid = 1000, .cgroup_id = 7 };
	(void)snprintf(e->owner.comm, sizeof(e->owner.comm), "%s", k->talk->comm);
	for (int i = 0; i < 2; i++) {
		e->bytes[i] = k->bytes[i];
		e->packets[i] = k->packets[i];
	}
	e->open_ns = k->open_ns;
	e->seq = k->seq[l->by_server];
	e->ack = k->seq[!l->by_server];
	e->wire_bytes = e->n_bytes = (uint32_t)l->n;
	e->is_outbound = by_local;
	if (l->n)
		memcpy(e->data, l->p, l->n);
	k->seq[l->by_server] += (uint32_t)l->n + !!(flags & (XC_TCP_SYN | XC_TCP_FIN));
	m->env.on_record(m->env.arg, &e->hdr);
}

static void say(struct mock *m, struct packet *k, bool by_server, uint8_t flags)
{
	struct line nothing = { .by_server = by_server };

	emit(m, k, &nothing, flags, XC_SEGMENT_PACKET);
}

static void play(struct mock *m, const struct talk *talk)
{
	bool is_tcp = talk->proto == IPPROTO_TCP;
	struct packet k = { .talk = talk,
			    .cookie = ++m->n_cookies,
			    .client_port = (uint16_t)(40000 + m->n_cookies % 20000),
			    .seq = { 1000, 2000 },
			    .open_ns = m->now_ns + STEP_NS };
	struct line closed = { .by_server = talk->is_inbound };

	if (is_tcp) {
		say(m, &k, false, XC_TCP_SYN);
		say(m, &k, true,
		    talk->ending == REFUSED ? XC_TCP_RST | XC_TCP_ACK : XC_TCP_SYN | XC_TCP_ACK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(talk->lines) && talk->lines[i].p; i++)
		emit(m, &k, &talk->lines[i], XC_TCP_ACK, XC_SEGMENT_PACKET);
	if (talk->ending == IN_ORDER) {
		say(m, &k, false, XC_TCP_FIN | XC_TCP_ACK);
		say(m, &k, true, XC_TCP_FIN | XC_TCP_ACK);
	}
	if (talk->ending != STAYS)
		emit(m, &k, &closed, 0, XC_SEGMENT_CLOSED);
}

static void tick(struct mock *m)
{
	struct xc_tick_evt e = {
		.hdr = { .ts_ns = m->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_TICK }
	};

	m->env.on_record(m->env.arg, &e.hdr);
}

static void play_round(struct mock *m)
{
	uint64_t start_ns = EPOCH_NS + m->n_rounds++ * ROUND_NS;
	struct xc_note_evt note = {
		.hdr = { .ts_ns = start_ns, .size_bytes = sizeof(note), .kind = XC_EVT_NOTE },
		.key = XC_NOTE_MOCK
	};

	m->env.on_record(m->env.arg, &note.hdr);
	for (size_t i = 0; i < ARRAY_SIZE(talks); i++) {
		m->now_ns = start_ns + i * TALK_NS;
		play(m, &talks[i]);
	}
	m->now_ns = start_ns + ROUND_NS - STEP_NS;
	tick(m);
}

/* The deadline is one of made-up time: the next round is never far. */
static int mock_poll(void *source, uint64_t deadline_ns)
{
	struct mock *m = source;
	uint64_t now = xc_now_ns(), due;

	(void)deadline_ns;
	if (!m->began_ns)
		m->began_ns = now;
	due = m->began_ns + m->n_rounds * ROUND_NS;
	if (now >= due)
		play_round(m);
	else
		(void)poll(NULL, 0,
			   (int)((due - now < POLL_NS ? due - now : POLL_NS) / 1000000 + 1));
	return 0;
}

static void mock_ask(void *source, const struct xc_ask *ask)
{
	(void)source;
	(void)ask;
}

static void mock_close(void *source)
{
	free(source);
}

const struct xc_source xc_source_mock = {
	.name = "mock",
	.open = mock_open,
	.poll = mock_poll,
	.ask = mock_ask,
	.close = mock_close,
};
