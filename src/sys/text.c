/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/text.h"

#include "base/scope.h"

#include <fcntl.h>
#include <string.h>

bool xc_text_read(int fd, char *out, size_t size)
{
	size_t len = 0;

	/* A list of the kernel comes in pieces of a page or so. */
	while (fd >= 0 && len < size - 1) {
		ssize_t n = pread(fd, out + len, size - 1 - len, (off_t)len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	out[len] = '\0';
	return len > 0;
}

bool xc_text_read_at(int dir_fd, const char *path, char *out, size_t size)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);

	return xc_text_read(fd, out, size);
}

bool xc_text_value(const char *text, const char *key, uint64_t *ret_value)
{
	size_t len = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		char *end;
		uint64_t v;

		p += *p == '\n';
		if (strncmp(p, key, len) || (p[len] != ' ' && p[len] != '\t'))
			continue;
		v = strtoull(p + len, &end, 10);
		if (end == p + len)
			return false;
		*ret_value = v;
		return true;
	}
	return false;
}
