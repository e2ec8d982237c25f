/* SPDX-License-Identifier: Apache-2.0 */
/* The text files by which a kernel tells of itself: reading one whole, and numbers in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** All of an open file, from its start, into @out, with a NUL; what is beyond @size - 1 bytes is cut. False = nothing. */
bool xc_text_read(int fd, char *out, size_t size);

/** The same of @path below the directory @dir_fd. */
bool xc_text_read_at(int dir_fd, const char *path, char *out, size_t size);

/** The number behind @key at the start of a line ("MemTotal:  123 kB", "oom_kill 31"). Pure. False = none; *ret_value untouched. */
bool xc_text_value(const char *text, const char *key, uint64_t *ret_value);

/** What a counter has gained; a counter that fell was reset, and counts 0. Pure. */
static inline uint64_t xc_gain(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}
