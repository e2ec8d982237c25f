/* SPDX-License-Identifier: Apache-2.0 */
/* Run a helper program and keep what it prints. */
#pragma once

#include "base/buf.h"

/**
 * Run a program without a shell, in the namespaces of the calling thread, with an
 * environment of our own. It is killed when it prints more than @out takes or runs
 * longer than @timeout_ms.
 * @argv: argv[0] is a plain name, looked for in /usr/sbin, /sbin, /usr/bin, /bin
 * Return: 0 (it ran and exited 0), -ENOENT (not installed), -EFBIG, -ETIMEDOUT,
 * -EIO (it failed), -errno
 */
int xc_run(char *const argv[], struct xc_buf *out, int timeout_ms);
