/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests at a steady rate: paced PORT RATE SECONDS, over kept connections, one request at a time on each; one that is due
 * while all of them wait goes out late, and all that are late at once. Prints what was sent and answered as one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 32
#define S 1000000000ull

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

static void check(int is_good, const char *what)
{
	if (is_good)
		return;
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

static int open_one(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	check(fd >= 0, "socket");
	check(!connect(fd, (struct sockaddr *)&a, sizeof(a)), "connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Send on connections that are idle what is due. How many. */
static uint64_t send_due(struct pollfd *p, uint64_t n_due)
{
	uint64_t n = 0;

	for (int i = 0; i < CONNECTIONS && n < n_due; i++) {
		if (p[i].events)
			continue;
		check(write(p[i].fd, request, sizeof(request) - 1) == sizeof(request) - 1, "write");
		p[i].events = POLLIN;
		n++;
	}
	return n;
}

/* Answers are small: each comes in one piece. How many. */
static uint64_t take_answers(struct pollfd *p, uint64_t until_ns)
{
	uint64_t now = now_ns(), wait = until_ns > now ? until_ns - now : 0, n = 0;
	struct timespec timeout = { (time_t)(wait / S), (long)(wait % S) };
	char answer[4096];

	check(ppoll(p, CONNECTIONS, &timeout, NULL) >= 0 || errno == EINTR, "ppoll");
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!(p[i].events && p[i].revents))
			continue;
		check(read(p[i].fd, answer, sizeof(answer)) > 0, "read");
		p[i].events = 0;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t rate = argc == 4 ? strtoull(argv[2], NULL, 10) : 0, n_sent = 0, n_answered = 0;
	struct pollfd p[CONNECTIONS] = { 0 };
	uint64_t began, total;

	if (!rate)
		return 2;
	total = rate * strtoull(argv[3], NULL, 10);
	for (int i = 0; i < CONNECTIONS; i++)
		p[i].fd = open_one((uint16_t)atoi(argv[1]));
	began = now_ns();
	while (n_answered < total) {
		uint64_t due = (now_ns() - began) * rate / S + 1;
		uint64_t next_ns = began + due * S / rate;

		due = due < total ? due : total;
		n_sent += send_due(p, due - n_sent);
		n_answered += take_answers(p, n_sent < total ? next_ns : began + 3600 * S);
	}
	(void)printf("{\"requests\": %llu, \"seconds\": %.3f}\n", (unsigned long long)n_answered,
		     (double)(now_ns() - began) / 1e9);
	return 0;
}
