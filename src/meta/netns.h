/* SPDX-License-Identifier: Apache-2.0 */
/* Visit another network namespace with the calling thread, and come back. */
#pragma once

/**
 * Move the calling thread into a network namespace.
 * @fd: an open namespace file; -1 = stay where we are
 * @ret_back: give it to xc_netns_leave(); -1 when nothing was moved
 * Return: 0, -EPERM (setns wants CAP_SYS_ADMIN), -errno
 */
int xc_netns_enter(int fd, int *ret_back);

/** Come back. Usable as a scope-bound cleanup. */
void xc_netns_leave(int *back);
