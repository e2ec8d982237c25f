/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/run.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The usual places only: PATH of a service may lack sbin, PATH of a user is not trusted. */
static bool find_program(const char *name, char path[64])
{
	static const char *const dirs[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		(void)snprintf(path, 64, "%s/%s", dirs[i], name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static int spawn(const char *path, char *const argv[], int out, pid_t *ret_pid)
{
	static char *const env[] = { "PATH=/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL=C", NULL };
	posix_spawn_file_actions_t fa;
	int r = posix_spawn_file_actions_init(&fa);

	if (r)
		return -r;
	r = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&fa, out, 1);
	if (!r)
		r = posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	if (!r)
		r = posix_spawn(ret_pid, path, &fa, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&fa);
	return -r;
}

static int read_all(int fd, struct xc_buf *out, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	char chunk[16384];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;	/* time is up, or a signal: looked at above */
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			xc_buf_put(out, chunk, (size_t)n);
		if (out->is_full)
			return -EFBIG;
	}
}

int xc_run(char *const argv[], struct xc_buf *out, int timeout_ms)
{
	_cleanup_close_ int rd = -1, wr = -1;
	int fds[2], status = 0, r;
	char path[64];
	pid_t pid;

	if (!find_program(argv[0], path))
		return -ENOENT;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	rd = fds[0];
	wr = fds[1];
	r = spawn(path, argv, wr, &pid);
	if (r)
		return r;
	(void)close(TAKE_FD(wr));
	r = read_all(rd, out, timeout_ms);
	if (r)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r)
		return r;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}
