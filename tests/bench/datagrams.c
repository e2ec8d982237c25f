/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small datagrams from this network namespace to another, sent and received by one thread: what a
 * watcher adds to each shows here in nanoseconds. Times batches and prints the 5th percentile, which
 * interruptions by others do not reach. `datagrams NAMESPACE ADDRESS BATCHES`
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_BATCH 20	/* short enough that most batches are not interrupted */
#define BATCHES_MAX 100000
#define PAYLOAD_BYTES 64

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A socket that receives in the other namespace; this thread comes back. */
static int open_receiver(const char *netns, const struct sockaddr_in *addr)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int other = open(netns, O_RDONLY | O_CLOEXEC), fd;

	if (own < 0 || other < 0 || setns(other, CLONE_NEWNET))
		die(netns);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		die("bind");
	if (setns(own, CLONE_NEWNET))
		die("setns");
	return fd;
}

static uint64_t time_batch(int to, int from)
{
	char payload[PAYLOAD_BYTES] = { 0 };
	uint64_t began = now_ns();

	for (int i = 0; i < PER_BATCH; i++)
		if (send(to, payload, sizeof(payload), 0) < 0)
			die("send");
	for (int i = 0; i < PER_BATCH; i++)
		if (recv(from, payload, sizeof(payload), 0) < 0)
			die("recv");
	return (now_ns() - began) / PER_BATCH;
}

int main(int argc, char **argv)
{
	static uint64_t took[BATCHES_MAX];
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(9000) };
	int n = argc > 3 ? atoi(argv[3]) : 0, from, to;

	if (n < 1 || n > BATCHES_MAX || inet_pton(AF_INET, argv[2], &addr.sin_addr) != 1)
		return 2;
	from = open_receiver(argv[1], &addr);
	to = socket(AF_INET, SOCK_DGRAM, 0);
	if (to < 0 || connect(to, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	for (int i = 0; i < n; i++)
		took[i] = time_batch(to, from);
	qsort(took, (size_t)n, sizeof(took[0]), compare);
	(void)printf("%llu\n", (unsigned long long)took[n / 20]);
	return 0;
}
