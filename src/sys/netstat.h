/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one network namespace: the TcpExt lines of /proc/net/netstat. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Open the file inside the namespace @ns_fd (-1 = the own). A descriptor to the caller, or -errno. */
int xc_netstat_open(int ns_fd);

/** Values of @names (n of them) from the open file @fd; one the kernel does not have is 0. False = no such file. */
bool xc_netstat_read(int fd, const char *const *names, uint64_t *ret_values, size_t n);

/** The same from its text ("TcpExt: A B\nTcpExt: 1 2\n"), which is cut into lines. */
bool xc_netstat_parse(char *text, const char *const *names, uint64_t *ret_values, size_t n);
