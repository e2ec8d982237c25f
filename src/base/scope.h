/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound ownership: what a function opens, the end of its scope closes. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Give ownership away: yields the value and resets the variable. */
#define TAKE_(var, empty)                                                                          \
	({                                                                                         \
		__typeof__(var) _v = (var);                                                        \
		(var) = (empty);                                                                   \
		_v;                                                                                \
	})
#define TAKE_PTR(p) TAKE_(p, NULL)
#define TAKE_FD(fd) TAKE_(fd, -1)

static inline void xc_freep(void *pp)
{
	free(*(void **)pp);
}

static inline void xc_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void xc_fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

#define _cleanup_free_ _cleanup_(xc_freep)
#define _cleanup_close_ _cleanup_(xc_closep)
#define _cleanup_fclose_ _cleanup_(xc_fclosep)

/* For each owning type T: `fn(T *)` accepts NULL; this adds the scope form. */
#define XC_DEFINE_FREEP(type, fn)                                                                  \
	static inline void fn##p(type **p)                                                         \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
