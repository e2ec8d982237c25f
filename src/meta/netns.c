/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/netns.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

int xc_netns_enter(int fd, int *ret_back)
{
	_cleanup_close_ int own = -1;
	struct stat a, b;

	*ret_back = -1;
	if (fd < 0)
		return 0;
	/* The thread's own file, not the process's: threads may live in different ones. */
	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || fstat(own, &a) || fstat(fd, &b))
		return -errno;
	if (a.st_ino == b.st_ino && a.st_dev == b.st_dev)
		return 0;	/* already there: needs no privilege */
	if (setns(fd, CLONE_NEWNET))
		return -errno;
	*ret_back = TAKE_FD(own);
	return 0;
}

void xc_netns_leave(int *back)
{
	if (*back < 0)
		return;
	/* The same call has just worked the other way round; it fails only if privileges went. */
	if (setns(*back, CLONE_NEWNET))
		(void)xc_err(-errno, "cannot return to the own network namespace");
	(void)close(*back);
	*back = -1;
}
