/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bare TCP connections over loopback, opened, accepted and closed by one process: what a watcher
 * adds to each shows here in nanoseconds. Times batches and prints the 5th percentile, which
 * interruptions by others do not reach. `bare BATCHES`
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_BATCH 20	/* short enough that most batches are not interrupted */
#define BATCHES_MAX 10000

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int open_listener(struct sockaddr_in *ret_addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(*ret_addr);

	*ret_addr = (struct sockaddr_in){ .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)ret_addr, len) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)ret_addr, &len))
		return -1;
	return fd;
}

/* One connection's life. The accepting end closes first, as a server that answers once does. */
static int live(int listener, const struct sockaddr_in *addr)
{
	int client = socket(AF_INET, SOCK_STREAM, 0), server;

	if (client < 0 || connect(client, (const struct sockaddr *)addr, sizeof(*addr)))
		return -1;
	server = accept(listener, NULL, NULL);
	if (server < 0)
		return -1;
	(void)close(server);
	(void)close(client);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static uint64_t ns[BATCHES_MAX];
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
	struct sockaddr_in addr;
	int listener = open_listener(&addr);

	if (listener < 0 || !n || n > BATCHES_MAX)
		return 1;
	for (size_t i = 0; i < n; i++) {
		uint64_t began = now_ns();

		for (int k = 0; k < PER_BATCH; k++)
			if (live(listener, &addr))
				return 1;
		ns[i] = (now_ns() - began) / PER_BATCH;
	}
	qsort(ns, n, sizeof(ns[0]), compare);
	(void)printf("%llu\n", (unsigned long long)ns[n / 20]);
	return 0;
}
