/* SPDX-License-Identifier: Apache-2.0 */
#include "base/netns.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

int xc_netns_enter(int fd, struct xc_netns_visit *visit)
{
	_cleanup_close_ int back = -1;

	visit->back_fd = -1;
	if (fd < 0)
		return 0;
	back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (back < 0)
		return -errno;
	if (xc_netns_inum(back) == xc_netns_inum(fd))
		return 0;	/* our own: needs no privilege */
	if (setns(fd, CLONE_NEWNET))
		return -errno;
	visit->back_fd = TAKE_FD(back);
	return 0;
}

void xc_netns_leave(struct xc_netns_visit *visit)
{
	if (visit->back_fd < 0)
		return;
	if (setns(visit->back_fd, CLONE_NEWNET)) {
		(void)xc_err(-errno, "cannot return to the own network namespace");
		abort();
	}
	(void)close(visit->back_fd);
	visit->back_fd = -1;
}

uint32_t xc_netns_inum(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (uint32_t)st.st_ino;
}
