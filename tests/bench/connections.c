/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many open connections: connections COUNT PORT is the server, connections COUNT PORT ADDRESS the client, which opens them one
 * after the other, each with one request and its answer. Says "ready" when it listens, or when all are open; ends with the end
 * of stdin. One process may have few descriptors, so there are as many as it takes, each with a port of its own.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PER_PROCESS 16384
#define PROCESSES_MAX 64

static const char request[] =
	"GET /some/where HTTP/1.1\r\nHost: bench\r\nUser-Agent: connections\r\n\r\n";
static const char answer[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";

static void check(int is_good, const char *what)
{
	if (is_good)
		return;
	perror(what);
	exit(1);
}

static int listen_at(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(!bind(fd, (const struct sockaddr *)a, sizeof(*a)) && !listen(fd, 4096), "listen");
	return fd;
}

static void serve(int listener)
{
	char in[sizeof(request)];

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		check(fd >= 0, "accept");
		check(read(fd, in, sizeof(in)) == sizeof(request) - 1, "read of a request");
		check(write(fd, answer, sizeof(answer) - 1) == sizeof(answer) - 1, "write");
	}
}

static void open_one(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char in[sizeof(answer)];

	check(fd >= 0, "socket");
	check(!connect(fd, (const struct sockaddr *)to, sizeof(*to)), "connect");
	check(write(fd, request, sizeof(request) - 1) == sizeof(request) - 1, "write");
	check(read(fd, in, sizeof(in)) == sizeof(answer) - 1, "read of an answer");
}

/* One process; @to: where it listens or connects. Never returns. */
static void work(const struct sockaddr_in *to, int count, int is_server, int ready_fd)
{
	int listener = is_server ? listen_at(to) : -1;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < count && !is_server; i++)
		open_one(to);
	check(write(ready_fd, "", 1) == 1, "pipe");
	(void)close(ready_fd);
	if (is_server)
		serve(listener);
	for (;;)
		(void)pause();
}

int main(int argc, char **argv)
{
	int count = argc >= 3 ? atoi(argv[1]) : 0, n = 0, ready[2];
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct rlimit files = { PER_PROCESS + 64, PER_PROCESS + 64 };
	pid_t workers[PROCESSES_MAX];
	char c;

	if (count <= 0 || count > PER_PROCESS * PROCESSES_MAX ||
	    (argc > 3 && !inet_aton(argv[3], &to.sin_addr)))
		return 2;
	check(!setrlimit(RLIMIT_NOFILE, &files) && !pipe(ready), "setrlimit, pipe");
	for (int left = count; left > 0; left -= PER_PROCESS, n++) {
		to.sin_port = htons((uint16_t)(atoi(argv[2]) + n));
		workers[n] = fork();
		if (!workers[n])
			work(&to, left < PER_PROCESS ? left : PER_PROCESS, argc == 3, ready[1]);
	}
	(void)close(ready[1]);
	for (int i = 0; i < n; i++)
		check(read(ready[0], &c, 1) == 1, "a process ended");
	check(write(STDOUT_FILENO, "ready\n", 6) == 6, "stdout");
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	for (int i = 0; i < n; i++)
		check(!kill(workers[i], SIGKILL) && waitpid(workers[i], NULL, 0) == workers[i],
		      "end");
	return 0;
}
