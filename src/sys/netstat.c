/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netstat.h"

#include "base/netns.h"
#include "sys/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int xc_netstat_open(int ns_fd)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	int fd, r;

	r = xc_netns_enter(ns_fd, &visit);
	if (r)
		return r;
	fd = open("/proc/thread-self/net/netstat", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Two lines, "TcpExt: A B C" and "TcpExt: 1 2 3": the value under @name. */
static uint64_t value_under(const char *names, const char *values, const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		names = strchr(names, ' ');
		values = strchr(values, ' ');
		if (!names || !values)
			return 0;
		names++;
		values++;
		if (!strncmp(names, name, len) && (names[len] == ' ' || !names[len]))
			return strtoull(values, NULL, 10);
	}
}

bool xc_netstat_parse(char *text, const char *const *names, uint64_t *ret_values, size_t n)
{
	char *values = strstr(text, "\nTcpExt:"), *end;

	if (strncmp(text, "TcpExt:", 7) || !values)
		return false;
	*values++ = '\0';
	end = strchr(values, '\n');
	if (end)
		*end = '\0';
	for (size_t i = 0; i < n; i++)
		ret_values[i] = value_under(text, values, names[i]);
	return true;
}

bool xc_netstat_read(int fd, const char *const *names, uint64_t *ret_values, size_t n)
{
	char text[8192];

	return xc_text_read(fd, text, sizeof(text)) && xc_netstat_parse(text, names, ret_values, n);
}
