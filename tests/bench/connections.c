/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connections at a time: connections COUNT PORT. Starts when a line comes on stdin, opens them one after the other, each
 * with one request and its answer, says "open", and ends with the end of stdin. The server is a process of its own: whoever
 * watches this one sees one socket a connection.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PER_ADDRESS 16384	/* ports of one address that are used */

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

static struct sockaddr_in address(int i, int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (in_addr_t)i) };
}

static int listen_any(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(!bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 4096), "listen");
	return fd;
}

/* The server: every connection is answered once, and kept. */
static void serve(int listener)
{
	char in[sizeof(request)];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		check(fd >= 0, "accept");
		check(read(fd, in, sizeof(in)) == sizeof(request) - 1, "read of a request");
		check(write(fd, answer, sizeof(answer) - 1) == sizeof(answer) - 1, "write");
	}
}

static void open_one(int i, int port)
{
	struct sockaddr_in from = address(1 + i / PER_ADDRESS, 0), to = address(0, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char in[sizeof(answer)];

	check(fd >= 0, "socket");
	check(!bind(fd, (struct sockaddr *)&from, sizeof(from)), "bind");
	check(!connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	check(write(fd, request, sizeof(request) - 1) == sizeof(request) - 1, "write");
	check(read(fd, in, sizeof(in)) == sizeof(answer) - 1, "read of an answer");
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[1]) : 0, listener;
	struct rlimit files = { (rlim_t)count + 64, (rlim_t)count + 64 };
	char line[16];
	pid_t server;

	if (count <= 0)
		return 2;
	check(!setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	listener = listen_any(atoi(argv[2]));
	server = fork();
	if (!server)
		serve(listener);
	check(read(STDIN_FILENO, line, sizeof(line)) > 0, "stdin");
	for (int i = 0; i < count; i++)
		open_one(i, atoi(argv[2]));
	check(write(STDOUT_FILENO, "open\n", 5) == 5, "stdout");
	while (read(STDIN_FILENO, line, sizeof(line)) > 0)
		;
	check(!kill(server, SIGKILL) && waitpid(server, NULL, 0) == server, "server");
	return 0;
}
