/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unit tests share: cmocka with the headers it wants, and bytes that end at a guard
 * page, so that reading one byte too many is a crash and not luck.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/scope.h"

#include <string.h>
#include <sys/mman.h>

#define XC_RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

/** Say which row of a table a failure belongs to. */
#define assert_row(what, condition)                                                                \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("%s: not %s", (what), #condition);                                \
	} while (0)

/** A copy of @n <= 4096 bytes that ends at a page nobody may touch. Valid until the next call. */
static inline void *guard_copy(const void *p, size_t n)
{
	static char *pages;

	if (!pages) {
		pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
		assert_true(pages != MAP_FAILED);
		assert_return_code(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	}
	assert_true(n <= 4096);
	return memcpy(pages + 4096 - n, p, n);
}
