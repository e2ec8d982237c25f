/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User half of the stand-in for peer.bt: prints each event as bpftrace would, through the same
 * kind of buffer (64 pages a CPU, a wakeup an event). `peer empty` attaches the empty program only.
 */
#include "peer.h"

#include "peer.skel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PAGES_PER_CPU 64	/* BPFTRACE_PERF_RB_PAGES */
#define POLL_MS 100

static volatile sig_atomic_t stopped;
static unsigned long long n_lost;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void print_flow(const struct peer_evt *e, const char *what)
{
	char s[INET_ADDRSTRLEN], d[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &e->saddr_be, s, sizeof(s));
	(void)inet_ntop(AF_INET, &e->daddr_be, d, sizeof(d));
	(void)printf("%s %u %s %s:%u > %s:%u %u > %u\n", what, e->tgid, e->comm, s, e->sport_he, d,
		     ntohs(e->dport_be), e->a, e->b);
}

static void on_event(void *arg, int cpu, void *data, __u32 size)
{
	static const char *const names[_PEER_WHAT_MAX] = {
		[PEER_STATE] = "state",
		[PEER_RETRANSMIT] = "retransmit",
		[PEER_SEND_RESET] = "send_reset",
		[PEER_RECEIVE_RESET] = "receive_reset",
		[PEER_DROP] = "drop",
		[PEER_NO_ROUTE] = "no_route",
	};
	const struct peer_evt *e = data;

	(void)arg;
	(void)cpu;
	if (size < sizeof(*e) || e->what >= _PEER_WHAT_MAX)
		return;
	if (e->what == PEER_DROP)
		(void)printf("drop %u %s 0x%llx reason %u\n", e->tgid, e->comm,
			     (unsigned long long)e->place, e->a);
	else if (e->what == PEER_NO_ROUTE || e->what == PEER_SEND_RESET)
		(void)printf("%s %u %s 0x%llx\n", names[e->what], e->tgid, e->comm,
			     (unsigned long long)e->place);
	else
		print_flow(e, names[e->what]);
}

static void on_lost(void *arg, int cpu, __u64 n)
{
	(void)arg;
	(void)cpu;
	n_lost += n;
}

static struct peer_bpf *open_and_attach(int only_empty)
{
	struct peer_bpf *s = peer_bpf__open();
	struct bpf_program *p;

	if (!s)
		return NULL;
	bpf_object__for_each_program(p, s->obj)
		(void)bpf_program__set_autoload(p, (p == s->progs.peer_empty) == only_empty);
	if (!peer_bpf__load(s) && !peer_bpf__attach(s))
		return s;
	peer_bpf__destroy(s);
	return NULL;
}

int main(int argc, char **argv)
{
	int only_empty = argc > 1 && !strcmp(argv[1], "empty");
	struct sigaction sa = { .sa_handler = on_signal };
	struct peer_bpf *s = open_and_attach(only_empty);
	struct perf_buffer *pb;
	int r = 0;

	if (!s)
		return 1;
	pb = perf_buffer__new(bpf_map__fd(s->maps.events), PAGES_PER_CPU, on_event, on_lost, NULL,
			      NULL);
	if (!pb)
		return 1;
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)fprintf(stderr, "attached\n");
	while (!stopped && (r >= 0 || r == -EINTR))
		r = perf_buffer__poll(pb, POLL_MS);
	(void)fprintf(stderr, "lost %llu\n", n_lost);
	perf_buffer__free(pb);
	peer_bpf__destroy(s);
	return 0;
}
